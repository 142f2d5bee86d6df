# SPDX-License-Identifier: MIT
"""Readers that stop reading: they are told what they missed, and the others go on (F8, F17)."""

from __future__ import annotations

import sys
import time

import pytest
import sig_tcp  # noqa: F401  # tells that these tests need the package

from ..waiting import wait_until
from .stage import LIMIT_S, Process, Stage

MIB = 1024 * 1024


def test_a_reader_whose_link_is_not_read_is_told_what_it_missed_and_the_others_miss_nothing(stage: Stage) -> None:
    server = stage.serve(event_queue=50_000, stall_budget=0.2)
    stage.member("publisher", publishes=["flood"], padding=200)
    good = stage.member("good", listens=["flood"])
    stuck = stage.member("stuck", listens=["flood"], faults="dir=both", credit=50_000)
    stage.start()
    stage.wait_for_news()
    stuck.ask("fault", call="stall")
    wait_until(lambda: "overflow" in server.ask("counts")["counters"], "it gives way", LIMIT_S)
    since = good.ask("state")["heard"]["flood"][1]
    wait_until(lambda: good.ask("state")["heard"]["flood"][1] > since + 1_000, "the others go on", LIMIT_S)
    stuck.ask("fault", call="go_on")
    report = stage.finish()
    report.assert_good()
    assert {finding.listener for finding in report.lost} == {"stuck of flood"}
    assert len(report.lost) == server.ask("counts")["counters"]["overflow"]
    assert stuck.ask("state")["links"] == 1  # the same link, as if nothing had been


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory of another process is read from /proc")
def test_nine_readers_keep_their_rate_while_the_tenth_is_stopped(stage: Stage) -> None:
    server = stage.serve()
    publisher = stage.counter("count up")
    readers = [stage.counter("count") for _ in range(10)]
    for reader in readers:
        reader.ready()
    publisher.ask("start")
    *nine, tenth = readers
    for reader in readers:
        wait_until(lambda reader=reader: reader.ask("counts")["heard"] > 0, "it hears", LIMIT_S)  # type: ignore[misc]
    before = rate_of(nine, 1.5)
    base = server.ask("counts")["rss"]
    tenth.hold()
    wait_until(lambda: "overflow" in server.ask("counts")["counters"], "it gives way", LIMIT_S)
    during = rate_of(nine, 2.0)
    held = server.ask("counts")
    tenth.go_on()
    after = rate_of(nine, 1.5)
    last = publisher.ask("stop")["last"]
    for reader in readers:
        wait_until(lambda reader=reader: reader.ask("counts")["last"] == last, "it has heard the last", LIMIT_S)  # type: ignore[misc]
    # The machine has other things to do, so the bar of 90 % is what benchmarks/faults.py looks at.
    assert during > 0.4 * min(before, after)
    for reader in nine:
        counts = reader.ask("counts")
        assert (counts["heard"], counts["lost"], counts["wrong"]) == (last + 1 - counts["first"], 0, 0)
    counts = tenth.ask("counts")
    assert counts["lost"] == server.ask("counts")["counters"]["overflow"] > 0
    assert (counts["heard"] + counts["lost"], counts["wrong"]) == (last + 1 - counts["first"], 0)
    assert held["rss"] - base < 4 * MIB + 4 * MIB + 16 * MIB  # its event queue, what is unacknowledged, and the rest


def test_a_reader_that_is_held_still_holds_up_the_others_for_its_budget_at_most(stage: Stage) -> None:
    # Little waits for a reader, so that it is full soon; the others could hear all of this without a pause.
    server = stage.serve(event_queue=100_000, unacknowledged=600_000, stall_budget=1.0)
    publisher = stage.counter("count up", rate=1_000, padding=2_000)
    good, stuck = [stage.counter("count") for _ in range(2)]
    for reader in (good, stuck):
        reader.ready()
    publisher.ask("start")
    wait_until(lambda: stuck.ask("counts")["heard"], "it hears", LIMIT_S)
    for _ in range(3):  # again and again: what it may spend is spent once
        stuck.hold()
        lost = server.ask("counts")["counters"].get("overflow", 0)
        wait_until(lambda lost=lost: server.ask("counts")["counters"].get("overflow", 0) > lost, "it lost", LIMIT_S)  # type: ignore[misc]
        stuck.go_on()
        since = good.ask("counts")["last"]
        for reader in (good, stuck):
            wait_until(lambda reader=reader, n=since: reader.ask("counts")["last"] > n, "it hears", LIMIT_S)  # type: ignore[misc]
    last = publisher.ask("stop")["last"]
    for reader in (good, stuck):
        wait_until(lambda reader=reader: reader.ask("counts")["last"] == last, "it has heard the last", LIMIT_S)  # type: ignore[misc]
    counts = good.ask("counts")
    assert (counts["lost"], counts["wrong"]) == (0, 0)
    assert counts["silent_s"] < 1.0 + 2.0  # the budget, and what a busy machine adds
    counts = stuck.ask("counts")
    assert (counts["heard"] + counts["lost"], counts["wrong"]) == (last + 1 - counts["first"], 0)


def rate_of(readers: list[Process], seconds: float) -> float:
    """Return how many events a second the readers hear, over some time, all together."""

    def heard() -> int:
        return sum(reader.ask("counts")["heard"] for reader in readers)

    began_s, before = time.monotonic(), heard()
    time.sleep(seconds)
    return (heard() - before) / (time.monotonic() - began_s)
