# SPDX-License-Identifier: MIT
"""What a client's outbox takes on trust: it goes out whole, in order, and is bounded, whoever puts it in."""

from __future__ import annotations

import itertools
import threading
from typing import Any, cast

import pytest

import sigcore
from sigcore._drops import Drops
from sigcore._json import JsonCodec
from sigcore._signal import Signal
from sigcore.protocol.client_session import ClientSession
from sigcore.protocol.frames import HEADER_BYTES, Kind, split_run
from sigcore.protocol.outbox import FRESH_BYTES, MOST_FRESH, MOST_HEADERS, Outbox, Outlet

LIMIT = 4 << 20
NOBODY = cast(ClientSession, None)  # it is asked for numbers only where somebody waits for a delivery


def outbox_with(*topics: int | None, limit: int = LIMIT) -> tuple[Outbox, list[Signal[Any]]]:
    """Return an outbox that is online and takes events on trust, and signals of these topics that go there."""
    outbox = Outbox(limit, 1 << 20, Drops(), lambda: 0.0)
    outbox.is_online = True
    signals = []
    for topic in topics:
        signal: Signal[Any] = Signal("thermo", f"event-{topic}", lambda *_: None)
        outlet = Outlet(signal, JsonCodec(), outbox)
        outlet.topic_id = topic
        signal._set_outlet(outlet)
        signals.append(signal)
    taken(outbox)
    return outbox, signals


def outlet_of(signal: Signal[Any]) -> Outlet:
    return cast(Outlet, signal._outlet)


def taken(outbox: Outbox, room: int = LIMIT, most: int = LIMIT) -> list[tuple[int, int, bytes]]:
    """Take what there is room for; return (kind, topic, body) of each frame."""
    parts: list[bytes] = []
    size, others = outbox.take_frames(parts, room, most, NOBODY)
    data = b"".join(parts)
    assert size == len(data)
    assert others == []
    return list(split_run(data))


def triggered_until_full(signal: Signal[Any], data: object) -> int:
    """Trigger until there is no room; return how many events were taken."""
    for count in itertools.count():
        try:
            signal.trigger(data)
        except sigcore.BufferFull:
            return count
    raise AssertionError


def numbers(frames: list[tuple[int, int, bytes]]) -> list[int]:
    assert {kind for kind, _topic, _body in frames} <= {Kind.EVENT}
    return [int(body) for _kind, _topic, body in frames]


def test_short_events_of_several_signals_go_out_in_order_with_their_topics() -> None:
    outbox, (one, two) = outbox_with(7, 8)
    for number in range(100):
        (two if number % 3 else one).trigger(number)
    frames = taken(outbox)
    assert numbers(frames) == list(range(100))
    assert [topic for _kind, topic, _body in frames] == [8 if number % 3 else 7 for number in range(100)]
    assert outbox.is_empty


@pytest.mark.parametrize("special", ["x" * FRESH_BYTES, "meta"])
def test_what_is_no_short_event_keeps_its_place_among_them(special: str) -> None:
    outbox, (signal,) = outbox_with(7)
    signal.trigger(0)
    signal.trigger(special, {"a": "b"} if special == "meta" else None)
    signal.trigger(1)
    bodies = [body for _kind, _topic, body in taken(outbox)]
    assert (bodies[0], bodies[2]) == (b"0", b"1")
    assert special.encode() in bodies[1]


def test_events_of_a_topic_without_a_number_hold_back_all_that_is_behind_them() -> None:
    outbox, (known, unknown) = outbox_with(7, None)
    known.trigger(0)
    unknown.trigger(1)
    known.trigger(2)
    assert numbers(taken(outbox)) == [0]
    outlet_of(unknown).topic_id = 9
    assert numbers(taken(outbox)) == [1, 2]


def test_a_number_of_a_later_session_is_the_one_that_is_written() -> None:
    outbox, (signal,) = outbox_with(7)
    signal.trigger(0)
    outlet_of(signal).topic_id = 70
    assert taken(outbox) == [(Kind.EVENT, 70, b"0")]


@pytest.mark.parametrize("room", [1, 10, 11, 25])
def test_an_event_begins_only_where_there_is_room_for_its_first_byte(room: int) -> None:
    outbox, (signal,) = outbox_with(7)
    for number in range(5):
        signal.trigger(number)
    size = HEADER_BYTES + 1
    fit = -(-room // size)
    assert numbers(taken(outbox, room=room)) == list(range(fit))
    assert numbers(taken(outbox)) == list(range(fit, 5))


def test_what_is_put_in_while_nothing_is_written_is_bounded_and_nothing_of_it_is_lost() -> None:
    outbox, (signal,) = outbox_with(7, limit=100_000)
    data = "x" * 15
    count = triggered_until_full(signal, data)
    size = HEADER_BYTES + len(data) + 2
    assert 100_000 <= count * size <= 150_000
    assert len(taken(outbox)) == count


def test_nobody_need_wait_until_there_is_more_than_a_turn_of_the_loop_writes() -> None:
    outbox, (signal,) = outbox_with(7)
    room = []
    outbox.on_room = lambda: room.append(outbox.has_room)
    for number in range(MOST_FRESH):
        signal.trigger(number)
    assert not outbox.has_room
    taken(outbox)
    assert outbox.has_room
    assert room
    assert all(room)


def test_an_event_that_a_thread_took_on_trust_while_others_settled_goes_out_with_them() -> None:
    outbox, (signal,) = outbox_with(7)
    signal.trigger("x" * FRESH_BYTES)  # settles
    outbox.fresh.append((outlet_of(signal), b"1"))  # by a thread that had looked just before
    assert [body for _kind, _topic, body in taken(outbox)][1:] == [b"1"]
    assert outbox.is_empty


def test_an_interrupt_while_the_loop_is_told_leaves_it_to_be_told_by_the_next_event() -> None:
    outbox, (signal,) = outbox_with(7)
    told: list[int] = []

    def interrupted() -> None:
        told.append(len(outbox.fresh))
        if len(told) == 1:
            raise KeyboardInterrupt

    outbox.on_item = interrupted
    with pytest.raises(KeyboardInterrupt):
        signal.trigger(0)
    signal.trigger(1)
    assert told == [1, 2]


def test_nobody_goes_on_waiting_for_room_when_the_link_is_lost() -> None:
    waiting, is_through = threading.Event(), threading.Event()

    def may_wait_s() -> float:
        waiting.set()
        return 3600.0

    outbox = Outbox(100, 1 << 20, Drops(), may_wait_s)
    outbox.is_online = True
    signal: Signal[Any] = Signal("thermo", "reading", lambda *_: None)
    signal._set_outlet(Outlet(signal, JsonCodec(), outbox))

    def trigger() -> None:
        for _ in range(20):
            signal.trigger("x" * 10)
        is_through.set()

    thread = threading.Thread(target=trigger, daemon=True)
    thread.start()
    assert waiting.wait(10)
    outbox.is_online = False
    assert is_through.wait(10)
    thread.join()


def test_events_of_many_threads_all_go_out_each_thread_s_in_their_order() -> None:
    outbox, signals = outbox_with(*range(1, 5))
    told = threading.Event()
    outbox.on_item = told.set
    each = 5_000

    def trigger(signal: Signal[Any]) -> None:
        for number in range(each):
            signal.trigger(number if number % 50 else " " * FRESH_BYTES)

    threads = [threading.Thread(target=trigger, args=(signal,)) for signal in signals]
    for thread in threads:
        thread.start()
    heard: dict[int, list[bytes]] = {topic: [] for topic in range(1, 5)}
    while any(thread.is_alive() for thread in threads) or not outbox.is_empty:
        told.wait(0.1)
        told.clear()
        for _kind, topic, body in taken(outbox, most=64 * 1024):
            heard[topic].append(body)
        outbox.tell()
    for thread in threads:
        thread.join()
    for bodies in heard.values():
        assert [int(body) for body in bodies if len(body) < 10] == [n for n in range(each) if n % 50]
        assert len(bodies) == each


def test_events_of_any_number_of_lengths_leave_few_headers_behind() -> None:
    outbox, (signal,) = outbox_with(7)
    for length in range(FRESH_BYTES - 2):
        signal.trigger("x" * length)
        assert [len(body) for _kind, _topic, body in taken(outbox)] == [length + 2]
    headers = outlet_of(signal).headers
    assert headers is not None
    assert len(headers) <= MOST_HEADERS
