# SPDX-License-Identifier: MIT
"""Links that are cut, half-open, dead in one direction, or pass one byte at a time (F5, F6, F7, F9)."""

from __future__ import annotations

import random
import socket
import time
from typing import Any

import pytest
import sig_tcp  # noqa: F401  # tells that these tests need the package

from ..waiting import wait_until
from .stage import LIMIT_S, Process, Stage

LEASE: dict[str, Any] = {"heartbeat": 0.5, "dead_after": 2.0, "reconnect_delay": 0.5}


@pytest.mark.parametrize("direction", ["both", "in", "out"])
def test_a_link_that_dies_without_a_word_is_noticed_and_nothing_is_lost(stage: Stage, direction: str) -> None:
    # Whoever hears nothing any more notices. Where that is the client, the server still takes the dead link for alive.
    server = stage.serve(**(LEASE if direction == "out" else {}))
    stage.member("far", publishes=["far"], listens=["near"], rate=100)
    near = stage.member("near", publishes=["near"], listens=["far"], rate=100, faults=f"dir={direction}", **LEASE)
    stage.start()
    stage.wait_for_news()
    near.ask("fault", call="silence")
    sent_before = near.ask("state")["bytes_out"]
    wait_until(lambda: not near.ask("state")["connected"], "it is noticed", LIMIT_S)
    stage.wait_for_news()
    state = near.ask("state")
    assert state["links"] == 2
    assert state["bytes_out"] < sent_before + 2_000_000  # what was not acknowledged is sent again once
    report = stage.finish()
    report.assert_good(nothing_lost=True)
    assert report.told == 0
    assert server.ask("counts")["peers"] == 2


@pytest.mark.parametrize("how", ["reset", "close"])
def test_links_that_are_cut_lose_nothing_as_long_as_the_server_lives(
    stage: Stage, dice: random.Random, is_long: bool, how: str
) -> None:
    server = stage.serve()
    names = ["one", "two", "three"]
    clients = {}
    for name in names:
        faults = "dir=both" if name != "three" else ""
        clients[name] = stage.member(
            name, publishes=[name], listens=names, rate=200, padding=200, faults=faults, reconnect_delay=0.1
        )
    stage.start()
    stage.wait_for_news()
    cuts = dict.fromkeys(("one", "two"), 0)
    for _ in range(200 if is_long else 12):
        name = dice.choice(["one", "two"])
        clients[name].ask("fault", call="cut", how=how)
        cuts[name] += 1
        wait_until(lambda name=name: is_back(clients[name], 1 + cuts[name]), f"{name} is back", LIMIT_S)  # type: ignore[misc]
        time.sleep(dice.uniform(0.0, 0.2))
    stage.wait_for_news()
    report = stage.finish()
    report.assert_good(nothing_lost=True)
    assert report.told == 0
    for process in (server, *clients.values()):
        assert [it["connected"] for it in process.ask("presence") if it["sender"] in clients] == [True] * 3


def is_back(member: Process, links: int) -> bool:
    """Whether a member is connected, by so many links in all."""
    state = member.ask("state")
    return bool(state["connected"] and state["links"] == links)


def test_links_that_are_cut_at_any_byte_lose_nothing(stage: Stage, dice: random.Random, is_long: bool) -> None:
    stage.serve()
    stage.member("far", publishes=["far"], listens=["near0"], rate=200, padding=300).ask("start")
    for number in range(100 if is_long else 4):
        first, after = dice.randrange(600, 3_000), dice.choice(["in", "out"])
        faults = f"cut_bytes={first}B&dir={after}&times=3&cut_how={dice.choice(['reset', 'close'])}"
        near = stage.member(
            f"near{number}", publishes=[f"near{number}"], listens=["far"], rate=200, faults=faults, reconnect_delay=0.1
        )
        near.ask("start")
        wait_until(lambda near=near: is_back(near, 4), "all cuts are over", LIMIT_S)  # type: ignore[misc]
    stage.wait_for_news()
    report = stage.finish()
    report.assert_good(nothing_lost=True)
    assert report.told == 0


def test_a_cut_of_a_moment_shows_nobody_anything_also_where_all_was_quiet_before(stage: Stage) -> None:
    server = stage.serve()
    watcher = stage.member("watcher")
    watcher.ready()
    quiet = stage.member("quiet", publishes=["quiet"], faults="dir=both", reconnect_delay=0.1)
    time.sleep(2.5)  # longer than the grace time
    quiet.ask("fault", call="cut", how="reset")
    wait_until(lambda: is_back(quiet, 2), "it is back", LIMIT_S)
    assert quiet.ask("state")["counters"] == {}
    for process in (server, watcher):
        assert [it["connected"] for it in process.ask("presence") if it["sender"] == "quiet"] == [True]


@pytest.mark.parametrize("largest", [1, 7])
def test_links_that_pass_a_byte_at_a_time_pass_the_same_events(stage: Stage, largest: int) -> None:
    stage.serve()
    slices = f"slice={largest}"
    stage.member("near", publishes=["near"], listens=["near", "far"], rate=200, faults=slices)
    stage.member("far", publishes=["far"], listens=["near", "far"], rate=200, faults=slices)
    stage.start()
    stage.wait_for_news()
    time.sleep(0.5)
    report = stage.finish()
    report.assert_good(nothing_lost=True)
    assert report.told == 0


def test_a_client_that_says_no_more_and_only_listens_is_let_go(stage: Stage) -> None:
    server = stage.serve()
    port = int(stage.endpoint.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port), LIMIT_S) as peer:
        peer.shutdown(socket.SHUT_WR)
        while peer.recv(4_096):
            pass  # until the server has closed its half too
    assert server.ask("counts")["peers"] == 0
