# SPDX-License-Identifier: MIT
"""Offsets and numbers beyond 2^31, 2^32 and close to 2^64: a session that has carried much goes on as any other."""

from __future__ import annotations

from typing import Any

import pytest

from sigcore.protocol.session import Session

from .world import Client, World

SMALL: dict[str, Any] = {
    "max_frame": 2048,
    "credit": 2000,
    "event_queue": 9000,
    "unacknowledged": 9000,
    "reconnect_delay": 0.2,
}
STARTS = [2**31 - 500, 2**32 - 500, 2**53 - 500, 2**63 - 500, 2**64 - 20_000]


def sessions_of(world: World, client: Client) -> tuple[Session, Session]:
    """Return a client's session at both ends; everything has arrived."""
    mine = client.router._session
    assert mine is not None
    return mine, world.server.hub.sessions[mine.id]


def shift(writer: Session, reader: Session, by: int) -> None:
    """Have a direction of a session look as if so many bytes of events had gone there before."""
    writer._sent += by
    writer._acknowledged += by
    writer._written_from += by
    writer._events_sent += by
    writer._credit += by
    reader._received += by
    reader._told_received += by
    reader._events_received += by
    reader._consumed += by
    reader._granted += by


@pytest.mark.parametrize("start", STARTS)
def test_a_session_goes_over_any_power_of_two_and_resumes_behind_it(start: int) -> None:
    world = World(SMALL, SMALL)
    publisher, reader = world.add_client("a"), world.add_client("b")
    speaker = publisher.add_sender("s")
    post = reader.listen("s", "x")
    world.run()
    world.advance(1.0)  # so that everything is acknowledged
    for client in (publisher, reader):
        mine, other = sessions_of(world, client)
        shift(mine, other, start)
        shift(other, mine, start)
    for number in range(40):
        publisher.trigger(speaker, "x", 10)
        world.run()
        if number % 8 == 7:
            for client in (publisher, reader):
                client.cut(5, 5, client_hears=True, server_hears=number % 16 == 15)
            question = reader.ask("s", 5.0)
            world.advance(1.0)
            publisher.answer()
            world.run()
            assert question.outcome == "ok"
    assert post.ear.log == [f"s.x 0:{number}" for number in range(1, 41)]
    assert (post.ear.wrong, publisher.router.counters, reader.router.counters) == ([], {}, {})
    assert sessions_of(world, publisher)[0]._sent > start + 500


@pytest.mark.parametrize("start", [2**31 - 3, 2**32 - 3])
def test_the_numbers_of_requests_come_round_and_leave_out_those_that_are_open(start: int) -> None:
    world = World()
    asker, answerer = world.add_client("a"), world.add_client("b")
    answerer.add_sender("s")
    world.run()
    open_ = asker.ask("s", None)
    mine = asker.router._session
    assert mine is not None
    mine._ids = iter(range(start, start + 100))  # type: ignore[assignment]  # a count that is further on
    world.server.hub.requests._calls._ids = iter(range(start, start + 100))  # type: ignore[assignment]  # as above
    questions = [asker.ask("s", None) for _ in range(8)]
    world.run()
    answerer.answer()
    world.run()
    assert [question.outcome for question in (open_, *questions)] == ["ok"] * 9
    assert [question.executed for question in (open_, *questions)] == [1] * 9


def test_places_in_a_queue_of_events_have_no_end() -> None:
    world = World(SMALL, SMALL)
    publisher, reader = world.add_client("a"), world.add_client("b")
    speaker = publisher.add_sender("s")
    post = reader.listen("s", "x", "drop_oldest")
    world.run()
    sessions_of(world, reader)[1].events._place = 2**32 - 5  # type: ignore[attr-defined]  # at the server it has a queue
    reader.holds_down = True
    for _ in range(60):
        publisher.trigger(speaker, "x", 300)
        world.run()
    reader.holds_down = False
    world.run()
    assert post.ear.wrong == []
    post.ear.check_end()
    assert post.ear.wrong == []
    assert any(line.startswith("gap") for line in post.ear.log)
