# SPDX-License-Identifier: MIT
"""Listeners that raise, end, leave, trigger and hold, in a process of their own (F18)."""

from __future__ import annotations

from typing import Any

import sig_tcp  # noqa: F401  # tells that these tests need the package

from ..waiting import wait_until
from .stage import LIMIT_S, Stage

LEASE: dict[str, Any] = {"heartbeat": 0.5, "dead_after": 2.0}


def test_listeners_that_misbehave_harm_no_other_listener_and_no_link(stage: Stage) -> None:
    server = stage.serve(**LEASE)
    odd = stage.odd("steady", holds_s=3.0, **LEASE)  # longer than a link may be silent
    steady = stage.member("steady", publishes=["steady"], listens=["echo"], rate=200, **LEASE)
    odd.ready()
    steady.ask("start")
    wait_until(lambda: odd.ask("state")["calls"]["holds"] > 100, "it goes on after it was held", LIMIT_S)
    ((session, last),) = steady.ask("stop").values()
    wait_until(lambda: odd.ask("state")["heard"]["steady"] == [session, last], "it has heard the last", LIMIT_S)
    wait_until(lambda: steady.ask("state")["heard"]["echo"] == ["", last], "so has the other way", LIMIT_S)
    report = stage.check()
    report.assert_good(nothing_lost=True)
    assert report.told == 0
    state = odd.ask("state")
    every = last + 1
    assert state["calls"] == {"raises": every, "leaves": every, "once": 1, "fires": every, "holds": every}
    assert state["errors"] == 2 * every
    assert state["counters"] == {}
    assert server.ask("counts")["counters"] == {}  # no link was taken for dead
