# SPDX-License-Identifier: MIT
"""A server that is held still, for less and for longer than its clients wait for a sign of life (F4)."""

from __future__ import annotations

import time
from typing import Any

import sig_tcp  # noqa: F401  # tells that these tests need the package

from ..waiting import wait_until
from .stage import LIMIT_S, Stage

NAMES = ["one", "two", "three"]


def test_a_server_held_still_for_less_than_the_lease_costs_nothing_but_the_time(stage: Stage) -> None:
    server = stage.serve()
    members = [stage.member(name, publishes=[name], listens=NAMES, rate=100) for name in NAMES]
    stage.start()
    stage.wait_for_news()
    server.hold()
    time.sleep(5.0)
    server.go_on()
    stage.wait_for_news()
    report = stage.finish()
    report.assert_good(nothing_lost=True)
    assert report.told == 0
    for member in members:
        state = member.ask("state")
        assert state["connected"]
        assert state["counters"] == {}
        assert [it["connected"] for it in member.ask("presence")] == [True] * 4  # and the server's own


def test_a_server_held_still_for_longer_than_the_lease_costs_each_client_one_link_and_no_event(stage: Stage) -> None:
    lease: dict[str, Any] = {"heartbeat": 0.5, "dead_after": 2.0, "reconnect_delay": 0.5}
    server = stage.serve(**lease)
    members = [stage.member(name, publishes=[name], listens=NAMES, rate=100, **lease) for name in NAMES]
    stage.start()
    stage.wait_for_news()
    server.hold()
    for member in members:
        wait_until(lambda member=member: not member.ask("state")["connected"], "it is noticed", LIMIT_S)  # type: ignore[misc]
    time.sleep(3.0)  # longer than the grace time
    server.go_on()
    stage.wait_for_news()
    report = stage.finish()
    report.assert_good(nothing_lost=True)
    assert report.told == 0
    for member in members:
        state = member.ask("state")
        assert state["connected"]
        for name in ("tick", *(name for name in NAMES)):
            seen = [it["connected"] for it in member.ask("presence") if it["sender"] == name]
            assert seen in ([True], [True, False, True]), member.ask("presence")
    assert server.ask("counts")["peers"] == len(NAMES)
