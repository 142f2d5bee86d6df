# SPDX-License-Identifier: MIT
"""``kill -9`` of clients and of the server in the midst of events, and a server that is told to stop (F1, F2, F3)."""

from __future__ import annotations

import random
import signal
import sys
import sysconfig
import time
from pathlib import Path
from typing import Any

import pytest
import sig_cli  # noqa: F401  # tells that these tests need the package
import sig_tcp  # noqa: F401

from ..waiting import wait_until
from .stage import LIMIT_S, Process, Stage

SIG = Path(sysconfig.get_path("scripts"), "sig.exe" if sys.platform == "win32" else "sig")


def wait_for_event(process: Process, sender: str, *, connected: bool) -> Any:
    """Return the presence event, once the process has seen it; it must have seen it once."""

    def seen() -> list[Any]:
        return [it for it in process.ask("presence") if (it["sender"], it["connected"]) == (sender, connected)]

    wait_until(seen, f"{sender} came or left", LIMIT_S)
    (event,) = seen()
    return event


def test_a_publisher_that_is_killed_costs_the_others_nothing_and_no_event_comes_in_part(
    stage: Stage, dice: random.Random, is_long: bool
) -> None:
    victims = [f"victim{number}" for number in range(200 if is_long else 4)]
    server = stage.serve()
    stage.member("steady", publishes=["pulse"], rate=100).ask("start")
    watcher = stage.member("watcher", listens=["pulse", *victims])
    for victim in victims:
        member = stage.member(victim, publishes=[victim], listens=["pulse"], padding=dice.randrange(5_000))
        member.ask("start")
        wait_until(lambda victim=victim: watcher.ask("state")["heard"][victim], f"{victim} is heard", LIMIT_S)  # type: ignore[misc]
        time.sleep(dice.uniform(0.0, 0.3))  # so that the kill falls anywhere, in the midst of a frame too
        stage.kill(victim)
    for victim in victims:
        for process in (server, watcher):
            assert wait_for_event(process, victim, connected=False)["cause"] == "link_lost"
    report = stage.finish()
    report.assert_good(nothing_lost=True)
    assert report.triggered > 10 * len(victims)
    assert server.ask("counts")["senders"] == 2  # the pulse, and the server's own
    assert watcher.ask("state")["counters"] == {}


@pytest.mark.parametrize("delivers", [False, True], ids=["trigger", "deliver"])
def test_a_server_that_is_killed_loses_nothing_without_telling_and_all_come_back(
    stage: Stage, dice: random.Random, is_long: bool, delivers: bool
) -> None:
    names = [f"member{number}" for number in range(5)]
    server = stage.serve()
    for name in names:
        stage.member(name, publishes=[name], listens=names, rate=100, delivers=delivers, reconnect_delay=0.5)
    stage.start()
    stage.wait_for_news()
    for _ in range(50 if is_long else 3):
        time.sleep(dice.uniform(0.1, 0.5))
        server.kill()
        server = stage.serve()
        stage.wait_for_news()
    report = stage.finish()
    report.assert_good()
    assert report.heard > report.triggered  # it was not all gap


def test_a_server_that_is_told_to_stop_loses_nothing_that_it_has_accepted(stage: Stage) -> None:
    server = stage.run([str(SIG), "serve", "--json", "tcp://127.0.0.1:0"])
    (stage.endpoint,) = server.line()["endpoints"]
    senders = ["one", "two", "three"]
    publishers = [stage.member(f"has {name}", publishes=[name], delivers=True, padding=500) for name in senders]
    readers = [stage.member(f"reader{number}", listens=senders) for number in range(3)]
    stage.start()
    for reader in readers:
        wait_until(lambda reader=reader: has_heard(reader, 200), "all is under way", LIMIT_S)  # type: ignore[misc]
    began_s = time.monotonic()
    server.process.terminate()
    assert server.process.wait(LIMIT_S) == 0
    assert time.monotonic() - began_s < 10.0
    for member in (*publishers, *readers):
        wait_until(lambda member=member: not member.ask("state")["connected"], "the link has ended", LIMIT_S)  # type: ignore[misc]
    stage.stop()
    for sender in senders:
        stage.notes.ended(sender)  # what was not accepted may be lost
    report = stage.check()
    report.assert_good(nothing_lost=True)
    assert report.heard > 3 * 3 * 200


def has_heard(reader: Process, number: int) -> bool:
    return all(last and last[1] >= number for last in reader.ask("state")["heard"].values())


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_second_signal_ends_a_server_under_load_at_once(stage: Stage, second: signal.Signals) -> None:
    server = stage.run([str(SIG), "serve", "--json", "tcp://127.0.0.1:0"])
    (stage.endpoint,) = server.line()["endpoints"]
    stage.member("publisher", publishes=["flood"], padding=1_000)
    reader = stage.member("reader", listens=["flood"])
    stage.start()
    stage.wait_for_news()
    reader.hold()  # what was accepted for it keeps the server from ending
    time.sleep(0.5)
    server.process.terminate()
    while server.line()["what"] != "stopping":
        pass
    began_s = time.monotonic()
    server.process.send_signal(second)
    server.process.wait(LIMIT_S)
    assert time.monotonic() - began_s < 1.0 + 1.0  # the bar, and what a busy machine may take to end a process
