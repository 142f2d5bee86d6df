# SPDX-License-Identifier: MIT
"""Each limit of a session one below it, at it, and one beyond."""

from __future__ import annotations

from typing import Any

import pytest

from sigcore import Policy
from sigcore.protocol.bodies import write_body
from sigcore.protocol.frames import HEADER_BYTES, Kind, frame
from sigcore.protocol.server_session import SESSION_BYTES, ServerSession

from .world import Client, Speaker, World

EVERY_LIMIT = pytest.mark.parametrize("beyond", [-1, 0, 1])


def session_of(client: Client) -> ServerSession:
    """Return a client's session at the server."""
    mine = client.router._session
    assert mine is not None
    return client.world.server.hub.sessions[mine.id]


def two_clients(*, client: dict[str, Any] | None = None, **options: Any) -> tuple[World, Client, Client, Speaker]:
    """Return a world with a publisher and a reader; the options are those of both sides, if clients have no others."""
    world = World(options if client is None else client, options)
    publisher, reader = world.add_client("a"), world.add_client("b")
    speaker = publisher.add_sender("s")
    world.run()
    return world, publisher, reader, speaker


def size_of_event(speaker: Speaker, pad: int) -> int:
    """Return the size of the frame of the next event."""
    return HEADER_BYTES + len(write_body(speaker.life.next("x", pad)))


def trigger_bytes(publisher: Client, speaker: Speaker, size: int) -> None:
    """Trigger one event whose frame has so many bytes."""
    pad = size - size_of_event(speaker, 0)
    assert size_of_event(speaker, pad) == size
    assert publisher.trigger(speaker, "x", pad)
    publisher.world.run()


# time


@pytest.mark.parametrize(("beyond_s", "is_kept"), [(-0.01, True), (0.0, False), (0.01, False)])
def test_a_session_is_kept_for_its_time(beyond_s: float, is_kept: bool) -> None:
    world, _publisher, reader, _speaker = two_clients(session_timeout=20.0, reconnect_delay=0.001)
    reader.listen("s", "x")
    world.run()
    before = reader.router._session
    reader.may_not_connect = True
    reader.cut(0, 0, client_hears=True, server_hears=True)
    world.advance(20.0 + beyond_s)
    assert (len(world.server.hub.sessions) == 2) is is_kept
    reader.may_not_connect = False
    world.advance(0.005)
    assert reader.router.connected
    assert (reader.router._session is before) is is_kept


@pytest.mark.parametrize(("beyond_s", "is_there"), [(-0.01, True), (0.0, False), (0.01, False)])
def test_a_sender_is_there_until_its_grace_time_is_over(beyond_s: float, is_there: bool) -> None:
    world, publisher, reader, _speaker = two_clients(grace=2.0)
    watcher = reader.watch("s")
    world.run()
    publisher.may_not_connect = True
    publisher.cut(0, 0, client_hears=True, server_hears=True)
    world.advance(2.0 + beyond_s)
    assert (watcher.present == {"s"}) is is_there
    assert watcher.wrong == []


@pytest.mark.parametrize(("beyond_s", "waits"), [(-0.01, True), (0.0, False), (0.01, False)])
def test_a_request_waits_for_the_link_until_the_grace_time_is_over(beyond_s: float, waits: bool) -> None:
    world, _publisher, reader, _speaker = two_clients(grace=2.0)
    reader.may_not_connect = True
    reader.cut(0, 0, client_hears=True, server_hears=True)
    question = reader.ask("s", 60.0)
    world.advance(2.0 + beyond_s)
    assert question.outcome == ("" if waits else "NotSent")
    assert (reader.ask("s", 60.0).outcome == "") is waits


# memory


@EVERY_LIMIT
def test_sessions_without_a_link_take_no_more_than_they_may_together(beyond: int) -> None:
    world = World(session_memory=2 * SESSION_BYTES - beyond)
    clients = [world.add_client(name) for name in ("a", "b")]
    for client in clients:
        client.listen("s", None)
    world.run()
    world.advance(1.0)  # so that everything is acknowledged
    for client in clients:
        client.may_not_connect = True
        client.cut(0, 0, client_hears=True, server_hears=True)
        world.advance(0.1)
    assert sum(session_of(client).kept_size for client in clients) == 2 * SESSION_BYTES
    world.advance(3.0)
    left = [session.peer.name for session in world.server.hub.sessions.values()]
    assert left == (["b"] if beyond > 0 else ["a", "b"])  # whose link was lost first goes first


def test_whoever_was_back_for_a_moment_goes_after_those_who_were_not() -> None:
    world = World({"reconnect_delay": 0.01}, session_memory=2 * SESSION_BYTES)
    clients = {name: world.add_client(name) for name in "abc"}
    for client in clients.values():
        client.listen("s", None)
    world.run()
    world.advance(1.0)
    for name in "aba":
        clients[name].may_not_connect = False
        world.advance(0.1)
        clients[name].may_not_connect = True
        clients[name].cut(0, 0, client_hears=True, server_hears=True)
    world.advance(3.0)
    assert len(world.server.hub.sessions) == 3
    clients["c"].may_not_connect = True
    clients["c"].cut(0, 0, client_hears=True, server_hears=True)
    world.advance(3.0)
    assert {session.peer.name for session in world.server.hub.sessions.values()} == {"a", "c"}
    assert world.server.router.counters["session_evicted"] == 1


def test_what_a_session_takes_is_what_waits_for_it_and_what_was_not_acknowledged() -> None:
    world, publisher, reader, speaker = two_clients(credit=100)
    reader.listen("s", "x")
    world.run()
    world.advance(1.0)
    session = session_of(reader)
    assert session.kept_size == SESSION_BYTES
    reader.holds_up = reader.holds_down = True
    trigger_bytes(publisher, speaker, 200)
    written = session.kept_size - SESSION_BYTES
    assert written == 200 + session._sent - session._acknowledged - 200  # TOPIC and the event
    trigger_bytes(publisher, speaker, 300)  # there is no credit for it
    assert session.kept_size == SESSION_BYTES + written + session.events.kept_size
    assert session.events.size == 300
    reader.holds_up = reader.holds_down = False
    world.run()
    world.advance(1.0)
    assert session.kept_size == SESSION_BYTES


@EVERY_LIMIT
def test_more_control_than_may_wait_ends_the_session(beyond: int) -> None:
    limit = 1000
    _world, _publisher, reader, _speaker = two_clients(control_queue=limit, unacknowledged=100)
    session = session_of(reader)
    reader.holds_down = reader.holds_up = True
    session._sent += 100  # the window is used up, so that nothing is written
    session.put_control(Kind.PAD, 0, bytes(limit + beyond - HEADER_BYTES))
    assert not session.is_over  # one may come in any case, however long it is
    session.put_control(Kind.PAD, 0)
    assert session.is_over is (beyond > 0)


@EVERY_LIMIT
def test_events_begin_up_to_the_reserve_of_the_window(beyond: int) -> None:
    window = 8000
    reserve = window // 4
    world, publisher, reader, speaker = two_clients(client={}, unacknowledged=window)
    reader.listen("s", "x")
    world.run()
    trigger_bytes(publisher, speaker, 100)  # so that the topic is announced
    world.advance(1.0)
    session = session_of(reader)
    assert session.is_acknowledged
    reader.holds_up = True  # nothing is acknowledged any more
    trigger_bytes(publisher, speaker, window - reserve + beyond)
    trigger_bytes(publisher, speaker, 100)
    assert (session.events.size == 0) is (beyond < 0)
    world.advance(0.05)
    reader.holds_up = False
    world.run()
    assert session.events.size == 0
    assert reader.posts[0].ear.log == ["s.x 0:1", "s.x 0:2", "s.x 0:3"]


@EVERY_LIMIT
def test_a_publisher_s_events_begin_up_to_its_credit(beyond: int) -> None:
    credit = 1000
    world, publisher, _reader, speaker = two_clients(credit=credit)
    world.advance(1.0)
    publisher.holds_up = True
    trigger_bytes(publisher, speaker, credit + beyond)
    trigger_bytes(publisher, speaker, 100)
    assert publisher.router._outbox.is_empty is (beyond < 0)


POLICIES: dict[Policy, list[str]] = {
    "block": ["1", "2", "3", "4"],
    "drop_oldest": ["1", "gap 1 overflow", "3", "4"],
    "drop_newest": ["1", "2", "3", "gap 1 overflow"],
    "latest": ["1", "gap 2 conflated", "4"],
    "disconnect": ["1", "gap None session_lost"],
}


@EVERY_LIMIT
@pytest.mark.parametrize("policy", POLICIES)
def test_a_full_queue_does_what_the_policy_says_and_no_sooner(policy: Policy, beyond: int) -> None:
    """The first event uses up the credit, two fill the queue, and the fourth finds it full, or not quite."""
    limit = 2000
    world, publisher, reader, speaker = two_clients(credit=4000, event_queue=limit)
    post = reader.listen("s", "x", policy)
    world.run()
    world.advance(1.0)
    reader.holds_up = reader.holds_down = True
    trigger_bytes(publisher, speaker, 4000)
    session = session_of(reader)
    assert session.events.is_empty
    trigger_bytes(publisher, speaker, 1000)
    trigger_bytes(publisher, speaker, 1000 + beyond)
    if policy != "latest":
        assert session.events.size == limit + beyond
    trigger_bytes(publisher, speaker, 100)
    assert bool(session_of(publisher)._inbox) is (policy == "block" and beyond >= 0)
    assert session.is_over is (policy == "disconnect" and beyond >= 0)
    reader.holds_up = reader.holds_down = False
    world.advance(0.05)
    heard = [line.replace("s.x ", "").replace("0:", "") for line in post.ear.log]
    whole = ["1", "2", "3", "4"] if policy != "latest" else POLICIES["latest"]
    assert heard == (POLICIES[policy] if beyond >= 0 else whole)


@EVERY_LIMIT
def test_no_more_requests_are_open_than_may_be(beyond: int) -> None:
    world, _publisher, reader, _speaker = two_clients(max_requests=5)
    questions = [reader.ask("s", 5.0) for _ in range(5 + beyond)]
    world.run()
    outcomes = [question.outcome for question in questions]
    assert outcomes == [""] * 5 + ["Busy"] if beyond == 1 else [""] * (5 + beyond)
    assert sum(question.executed for question in questions) == min(5, 5 + beyond)


# what a session costs and keeps


def test_what_was_written_is_kept_without_a_copy() -> None:
    world, publisher, reader, speaker = two_clients()
    reader.listen("s", "x")
    world.run()
    trigger_bytes(publisher, speaker, 100)
    world.advance(1.0)
    written: list[bytes] = []
    world.look_on = lambda client, cable, up, data: written.append(data)
    for number in range(5):
        trigger_bytes(publisher, speaker, 200 + number)
    for session in (publisher.router._session, session_of(reader)):
        assert session is not None
        kept = [data for data, _begin in session._written]
        assert [len(data) for data in kept] == [200, 201, 202, 203, 204]
        assert all(any(data is each for each in written) for data in kept)


def test_link_frames_in_front_of_a_piece_are_not_written_again() -> None:
    world, _publisher, reader, _speaker = two_clients()
    session = session_of(reader)
    link = session.link
    assert link is not None
    link.put_slot(Kind.PING)
    session.put_event_frame(frame(Kind.START, 77))
    data = link.data_to_send(world.clock.now_s)
    assert data.startswith(frame(Kind.PING, 0))
    kept, begin = session._written[-1]
    assert kept is data
    assert kept[begin:] == frame(Kind.START, 77)
