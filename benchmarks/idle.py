# SPDX-License-Identifier: MIT
"""What idle clients cost a server: resident memory of each, and processor time of all of them.

    python -m benchmarks.idle

The server has a process of its own and default options. It runs on asyncio's loop, and again on uvloop's where that is
installed. The clients are real TCP links, all in one process (``tests/faults/crowd.py``): each listens to one event,
hears it once at the end, and otherwise only answers signs of life. Linux only.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from tests.faults import crowd as crowd_program
from tests.faults.crowd import allow_many_descriptors
from tests.faults.stage import Process
from tests.waiting import wait_until

from .report import Report, Table, numbers, options_of

LIMIT_S = 60.0
BAR_KIB = 16.0
BAR_CPU = 0.03


def main() -> None:
    """Measure what the command line asks for."""
    parser = options_of(__doc__)
    parser.add_argument("--clients", type=numbers, default=[1_000, 5_000], help="how many (1000,5000)")
    parser.add_argument("--seconds", type=float, default=15.0, help="how long they are idle (15)")
    parser.add_argument("--loops", default="asyncio,uvloop", help="whose servers (asyncio,uvloop)")
    parser.add_argument("--serve", metavar="LOOP", help="be the server")
    options = parser.parse_args()
    if options.serve:
        asyncio.Runner(loop_factory=factory_of(options.serve)).run(serve())
        return
    loops = {loop: is_installed(loop) for loop in options.loops.split(",")}
    there = [loop for loop, is_there in loops.items() if is_there]
    figures = [measured(loop, number, options.seconds) for loop in there for number in options.clients]
    left_out = [f"{loop}, not installed" for loop in loops if loop not in there]
    Report("idle", [table(figures)], figures, left_out).give(options.json)


def measured(loop: str, number: int, seconds: float) -> dict[str, Any]:
    """Return what ``number`` idle clients cost a server on ``loop``."""
    with process("-m", "benchmarks.idle", "--serve", loop) as server:
        endpoint = server.line()["endpoint"]
        empty = server.ask("counts")
        part = json.dumps({"part": "idle", "endpoint": endpoint, "number": number})
        with process("-m", crowd_program.__name__, part) as crowd:
            assert crowd.line() == {"ready": number}
            full, began_s = server.ask("counts"), time.monotonic()
            time.sleep(seconds)
            later, took_s = server.ask("counts"), time.monotonic() - began_s
            pings = crowd.ask("pings")["pings"]
            server.ask("fire")
            delays: list[float] = []
            wait_until(lambda: len(heard(crowd, delays)) == number, "all have heard", LIMIT_S)
    return {
        "loop": loop,
        "clients": number,
        "kib_each": (full["rss"] - empty["rss"]) / number / 1024,
        "kib_each_later": (later["rss"] - empty["rss"]) / number / 1024,
        "cpu": (later["cpu_s"] - full["cpu_s"]) / took_s,
        "pings_a_second": len(pings) / took_s,
        "heard_ms_p50": median(delays) * 1e3,
        "heard_ms_most": max(delays) * 1e3,
    }


def table(figures: list[dict[str, Any]]) -> Table:
    """Return the figures for people."""
    found = Table(
        f"Idle clients (bars: {BAR_KIB:g} KiB each, {BAR_CPU:.0%} of a core in all)",
        ["server", "clients", "KiB each", "after the wait", "of a core", "pings/s", "one event: p50 ms", "last ms"],
    )
    for row in figures:
        cells = [f"{row['kib_each']:.1f}", f"{row['kib_each_later']:.1f}", f"{row['cpu']:.2%}"]
        cells += [f"{row[name]:.0f}" for name in ("pings_a_second", "heard_ms_p50", "heard_ms_most")]
        found.rows.append([row["loop"], str(row["clients"]), *cells])
    return found


async def serve() -> None:
    """Be a server whose own process has nothing to say but one event, and answer orders."""
    import sigcore.aio

    allow_many_descriptors()
    async with sigcore.aio.ServerRouter("tcp://127.0.0.1:0", name="server") as server:
        tick = (await server.add_sender("tick", "event")).signal("event")
        orders: dict[str, Callable[[], Any]] = {
            "counts": lambda: {"rss": resident_bytes(), "cpu_s": sum(os.times()[:2])},
            "fire": lambda: tick.trigger(time.monotonic()),
        }
        print(json.dumps({"endpoint": server.endpoints[0]}), flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            print(json.dumps(orders[json.loads(line)["do"]]()), flush=True)


def resident_bytes() -> int:
    """Return how much memory this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def process(*command: object) -> Iterator[Process]:
    """Run a Python program, and end it."""
    running = Process([sys.executable, *map(str, command)])
    try:
        yield running
    finally:
        running.clean_up()


def heard(crowd: Process, delays: list[float]) -> list[float]:
    """Add how long an event took to each client that has heard it by now."""
    delays += crowd.ask("pings")["delays"]
    return delays


def factory_of(loop: str) -> Callable[[], asyncio.AbstractEventLoop]:
    """Return what makes an event loop of that name."""
    if loop == "uvloop":
        import uvloop

        factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
        return factory
    return asyncio.new_event_loop


def is_installed(module: str) -> bool:
    """Whether another process could import it."""
    return subprocess.run([sys.executable, "-c", f"import {module}"], capture_output=True).returncode == 0


if __name__ == "__main__":
    main()
