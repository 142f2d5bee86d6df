# SPDX-License-Identifier: MIT
"""Very many clients: those that do nothing, and those that come and go (F15, F16)."""

from __future__ import annotations

import random
import sys
import time

import pytest
import sig_tcp  # noqa: F401  # tells that these tests need the package

from ..waiting import wait_until
from .stage import LIMIT_S, Stage

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="memory and descriptors of another process are read from /proc"
)

KIB = 1024
MIB = 1024 * KIB


def test_a_thousand_idle_clients_cost_little_and_all_hear_an_event(stage: Stage, is_long: bool) -> None:
    number = 5_000 if is_long else 1_000
    server = stage.serve(heartbeat=2.0, dead_after=6.0)
    before = server.ask("counts")
    crowd = stage.crowd(part="idle", endpoint=stage.endpoint, number=number)
    assert crowd.line() == {"ready": number}
    idle = server.ask("counts")
    assert idle["peers"] == number
    assert idle["rss"] - before["rss"] < number * 48 * KIB
    server.ask("fire")
    delays: list[float] = []

    def all_heard() -> bool:
        delays.extend(crowd.ask("pings")["delays"])
        return len(delays) == number

    wait_until(all_heard, "all have heard it", LIMIT_S)
    pings: list[float] = []

    def all_pinged() -> bool:
        pings.extend(crowd.ask("pings")["pings"])
        return len(pings) >= 2 * number

    wait_until(all_pinged, "each was asked for a sign of life, twice", LIMIT_S)
    assert crowd.ask("pings")["up"] == number
    idle = server.ask("counts")
    assert idle["counters"] == {}
    assert idle["peers"] == number


def test_clients_that_come_and_go_leave_nothing_behind(stage: Stage, dice: random.Random, is_long: bool) -> None:
    server = stage.serve(grace=0.5, session_timeout=1.0)  # so that what is kept for those without a word ends soon
    crowd = stage.crowd(part="come and go", endpoint=stage.endpoint, rate=200.0, seed=dice.randrange(1_000))
    crowd.line()
    time.sleep(4.0)  # what is made once, and kept, is made by now
    warm = server.ask("counts")
    time.sleep(1_800.0 if is_long else 6.0)
    later = server.ask("counts")
    came = crowd.ask("end")
    assert came["failed"] == []
    wait_until(lambda: server.ask("counts")["presence"]["there"] == 1, "all have left but the server's own", LIMIT_S)
    end = server.ask("counts")
    assert end["presence"] == {"came": came["came"] + 1, "left": came["came"], "twice": 0, "there": 1}
    assert (end["senders"], end["peers"]) == (1, 0)
    assert end["threads"] == warm["threads"]
    sessions = later["presence"]["came"] - warm["presence"]["came"]
    # Garbage waits for its collection: about 2 000 sessions of 8 KiB. Beside that, the bar is 1 MB for
    # 100 000 sessions.
    assert later["rss"] - warm["rss"] < 24 * MIB + 10 * sessions


def test_a_client_that_has_come_and_gone_leaves_no_object_behind(stage: Stage, dice: random.Random) -> None:
    server = stage.serve(grace=0.1, session_timeout=0.2)

    def visits(number: int) -> tuple[int, int]:
        crowd = stage.crowd(part="come and go", endpoint=stage.endpoint, rate=200.0, seed=dice.randrange(1_000))
        crowd.line()
        wait_until(lambda: crowd.ask("came")["came"] >= number, "so many have come", LIMIT_S)
        assert crowd.ask("end")["failed"] == []
        wait_until(lambda: server.ask("counts")["presence"]["there"] == 1, "all have left", LIMIT_S)
        time.sleep(0.5)  # what is kept of those without a word
        return server.ask("objects"), server.ask("counts")["descriptors"]

    objects, descriptors = visits(200)
    more_objects, more_descriptors = visits(600)
    assert more_objects - objects < 200
    assert more_descriptors == descriptors
