# SPDX-License-Identifier: MIT
"""What faults cost, measured with the processes of ``tests/faults`` (one machine, loopback TCP, default options).

Run ``python benchmarks/faults.py``, or name what to measure: ``python benchmarks/faults.py kill churn``. Linux only.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.faults.stage import Process, Stage
from tests.faults.test_faults_kills import SIG
from tests.faults.test_faults_slow_readers import rate_of
from tests.waiting import wait_until

LIMIT_S = 60.0
HEALTHY_S = 6.0
"""A link that lasted so long is no link that fails as it begins: the client's back-off begins anew."""


def kill(stage: Stage) -> None:
    """A client is killed: until others see its senders leave."""
    stage.serve()
    watcher = stage.member("watcher")
    took_s = []
    for number in range(5):
        name = f"victim{number}"
        stage.member(name, publishes=[name]).ask("start")
        wait_until(lambda name=name: seen(watcher, name, True), "it came", LIMIT_S)  # type: ignore[misc]
        killed_s = time.monotonic()
        stage.kill(name)
        wait_until(lambda name=name: seen(watcher, name, False), "it left", LIMIT_S)  # type: ignore[misc]
        took_s.append(seen(watcher, name, False)[0]["at"] - killed_s)
    show("client killed: until its senders leave", seconds(took_s))


def restart(stage: Stage) -> None:
    """The server is killed and restarted under load: until each of five clients hears each other again."""
    names = [f"member{number}" for number in range(5)]
    server = stage.serve()
    for name in names:
        stage.member(name, publishes=[name], listens=names, rate=200)
    stage.start()
    took_s = []
    for _ in range(5):
        stage.wait_for_news()
        time.sleep(HEALTHY_S)
        server.kill()
        server = stage.serve()
        began_s = time.monotonic()
        stage.wait_for_news()
        took_s.append(time.monotonic() - began_s)
    report = stage.finish()
    show("server killed and restarted: until all hear all again", seconds(took_s))
    figures = (report.triggered, report.heard, len(report.lost), len(report.untold))
    show("  events triggered; heard; lost and told; lost untold", figures)


def stop(stage: Stage) -> None:
    """A server under load is told to stop, once and twice."""
    for signals in (1, 2):
        stage.endpoint = "tcp://127.0.0.1:0"
        server = stage.run([str(SIG), "serve", "--json", "tcp://127.0.0.1:0"])
        (stage.endpoint,) = server.line()["endpoints"]
        flood = stage.member(f"flood{signals}", publishes=[f"flood{signals}"], padding=1_000)
        reader = stage.member(f"reader{signals}", listens=[f"flood{signals}"])
        flood.ask("start")
        wait_until(lambda: reader.ask("state")["heard"][f"flood{signals}"], "it hears", LIMIT_S)  # noqa: B023
        if signals == 2:
            reader.hold()
            time.sleep(1.0)
        began_s = time.monotonic()
        server.process.terminate()
        if signals == 2:
            while server.line()["what"] != "stopping":
                pass
            began_s = time.monotonic()
            server.process.terminate()
        code = server.process.wait(LIMIT_S)
        what = "all read" if signals == 1 else "second signal, a reader held still"
        show(
            f"server told to stop under load, {what}: until it ends, code {code}", f"{time.monotonic() - began_s:.2f} s"
        )
        flood.kill()
        reader.kill()


def cut(stage: Stage) -> None:
    """Links are reset or go silent under load: until they are back."""
    stage.serve()
    stage.member("far", publishes=["far"], rate=200)
    near = stage.member("near", publishes=["near"], listens=["far"], rate=200, faults="dir=both")
    stage.start()
    took_s = []
    for _ in range(6):
        time.sleep(HEALTHY_S)
        links = near.ask("state")["links"]
        began_s = time.monotonic()
        near.ask("fault", call="cut", how="reset")
        wait_until(lambda: is_back(near, links + 1), "it is back", LIMIT_S)  # noqa: B023
        took_s.append(time.monotonic() - began_s)
    show("link reset: until it is back", seconds(took_s))
    lease: dict[str, Any] = {"heartbeat": 1.0, "dead_after": 3.0}
    quiet = stage.member("quiet", publishes=["quiet"], listens=["far"], rate=50, faults="dir=both", **lease)
    quiet.ask("start")
    began_s = time.monotonic()
    quiet.ask("fault", call="silence")
    wait_until(lambda: not quiet.ask("state")["connected"], "it is noticed", LIMIT_S)
    show("link silent, dead_after=3s: until it is noticed", f"{time.monotonic() - began_s:.2f} s")
    wait_until(lambda: is_back(quiet, 2), "it is back", LIMIT_S)
    show("  until it is back", f"{time.monotonic() - began_s:.2f} s")
    report = stage.finish()
    show("  events triggered; heard; lost", (report.triggered, report.heard, len(report.lost)))


def churn(stage: Stage) -> None:
    """200 clients a second come and go, for a minute."""
    server = stage.serve(grace=0.5, session_timeout=1.0)
    crowd = stage.crowd(part="come and go", endpoint=stage.endpoint, rate=200.0, seed=1)
    crowd.line()
    time.sleep(15.0)
    warm, began_s = server.ask("counts"), time.monotonic()
    time.sleep(60.0)
    later = server.ask("counts")
    sessions = later["presence"]["came"] - warm["presence"]["came"]
    show("clients that come and go", f"{sessions / (time.monotonic() - began_s):.0f} a second")
    show("  processor time of the server", f"{(later['cpu_s'] - warm['cpu_s']) / 60.0:.0%}")
    show(f"  memory after {sessions} more", f"{(later['rss'] - warm['rss']) / 1024:+.0f} KiB")
    came = crowd.ask("end")
    show("  handshakes", seconds(came["handshakes_s"]))


def slow(stage: Stage) -> None:
    """One of ten readers is stopped, while a publisher triggers as fast as it can."""
    server = stage.serve()
    publisher = stage.counter("count up")
    readers = [stage.counter("count") for _ in range(10)]
    for process in (publisher, *readers):
        process.ready()
    publisher.ask("start")
    *nine, tenth = readers
    time.sleep(2.0)
    before, base = rate_of(nine, 10.0), server.ask("counts")["rss"]
    tenth.hold()
    held_s = time.monotonic()
    wait_until(lambda: "overflow" in server.ask("counts")["counters"], "it gives way", LIMIT_S)
    gave_way_s = time.monotonic() - held_s
    during = rate_of(nine, 10.0)
    held = server.ask("counts")["rss"]
    tenth.go_on()
    after = rate_of(nine, 10.0)
    last = publisher.ask("stop")["last"]
    wait_until(lambda: tenth.ask("counts")["last"] == last, "it has the last", LIMIT_S)
    show("ten readers of 64 B events", f"{before / 9:.0f} a second each")
    show("  one held still", f"{during / 9:.0f} a second for each of the nine ({during / before:.0%})")
    show("  and after it", f"{after / 9:.0f} a second")
    show("  it gives way after", f"{gave_way_s:.2f} s")
    show("  memory of the server", f"{(held - base) / 1024 / 1024:+.1f} MiB")
    show("  told to have missed, of how many", (tenth.ask("counts")["lost"], last))


def hold(stage: Stage) -> None:
    """One of two readers is held still, four times; the publisher is no faster than the other can read."""
    server = stage.serve(event_queue=100_000, unacknowledged=600_000)
    publisher = stage.counter("count up", rate=1_000, padding=2_000)
    good, stuck = [stage.counter("count") for _ in range(2)]
    for process in (publisher, good, stuck):
        process.ready()
    publisher.ask("start")
    for number in range(4):
        time.sleep(1.0)
        lost = server.ask("counts")["counters"].get("overflow", 0)
        stuck.hold()
        wait_until(lambda: server.ask("counts")["counters"].get("overflow", 0) > lost, "it lost", LIMIT_S)  # noqa: B023
        time.sleep(1.0)
        stuck.go_on()
        silent_s = good.ask("counts")["silent_s"]
        show(f"a reader held still, time {number + 1}: the other heard nothing for, in all", f"{silent_s:.2f} s")


def seen(process: Process, sender: str, connected: bool) -> list[Any]:
    return [it for it in process.ask("presence") if (it["sender"], it["connected"]) == (sender, connected)]


def is_back(member: Process, links: int) -> bool:
    state = member.ask("state")
    return bool(state["connected"] and state["links"] >= links)


def seconds(values: list[float]) -> str:
    ordered = sorted(values)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return f"median {median(ordered):.3f} s, p99 {p99:.3f} s, most {ordered[-1]:.3f} s, of {len(ordered)}"


def show(what: str, value: object) -> None:
    print(f"{what:<75} {value}", flush=True)


MEASURED: dict[str, Callable[[Stage], None]] = {
    one.__name__: one for one in (kill, restart, stop, cut, churn, slow, hold)
}

if __name__ == "__main__":
    for name in sys.argv[1:] or MEASURED:
        with tempfile.TemporaryDirectory() as folder, Stage(Path(folder)) as stage:
            MEASURED[name](stage)
