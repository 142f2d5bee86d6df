# SPDX-License-Identifier: MIT
"""The scanner: what it gives depends on the bytes alone, not on how they were cut."""

from __future__ import annotations

import itertools
import tracemalloc
from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigcore._errors import RemoteProtocolError
from sigcore.protocol.frames import FIRST_EXTENSION, FrameReader, Kind, frame, split_run

MAX_FRAME = 300
ROUTES = {1: "north", 2: "north", 3: "south"}
EVENTS = (Kind.EVENT, Kind.EVENT_META, Kind.GAP)

known_frames = st.builds(frame, st.sampled_from(list(Kind)), st.integers(0, 5), st.binary(max_size=MAX_FRAME))
extensions = st.builds(frame, st.integers(FIRST_EXTENSION, 255), st.integers(0, 5), st.binary(max_size=20))
event_frames = st.builds(frame, st.sampled_from(EVENTS), st.sampled_from([1, 2, 3, 4]), st.binary(max_size=20))
streams = st.lists(st.one_of(known_frames, event_frames, event_frames, extensions), max_size=30)
cuts = st.lists(st.integers(0, 1 << 30), max_size=12)


def pieces(data: bytes, where: Iterable[int]) -> Iterator[bytes]:
    """Cut ``data`` at some places."""
    places = sorted({place % (len(data) + 1) for place in where} | {0, len(data)})
    for begin, end in itertools.pairwise(places):
        yield data[begin:end]


def scan(reader: FrameReader, chunks: Iterable[bytes]) -> list[tuple[int, int, bytes]]:
    """Return every frame by itself, runs taken apart."""
    return [
        found
        for chunk in chunks
        for _kind, _id, _route, data, start, end, _count in reader.feed(chunk)
        for found in split_run(data[start:end])
    ]


@given(streams, cuts)
def test_frames_do_not_depend_on_where_the_stream_is_cut(frames: list[bytes], where: list[int]) -> None:
    stream = b"".join(frames)
    whole, cut = FrameReader(MAX_FRAME, ROUTES), FrameReader(MAX_FRAME, ROUTES)
    found = scan(whole, [stream])
    assert found == [item for item in split_run(stream) if item[0] < FIRST_EXTENSION]
    assert scan(cut, pieces(stream, where)) == found
    assert cut.skipped == whole.skipped == sum(1 for kind, _id, _body in split_run(stream) if kind >= FIRST_EXTENSION)


@given(st.lists(event_frames, max_size=40), cuts)
def test_a_run_is_of_neighbours_with_one_route(frames: list[bytes], where: list[int]) -> None:
    reader = FrameReader(MAX_FRAME, ROUTES)
    stream, rebuilt = b"".join(frames), b""
    for chunk in pieces(stream, where):
        routes_of_chunk = []
        for _kind, _id, route, data, start, end, count in reader.feed(chunk):
            run = list(split_run(data[start:end]))
            assert len(run) == count
            assert {ROUTES.get(id_) for _k, id_, _body in run} == {route}
            assert route is not None or count == 1
            routes_of_chunk.append(route)
            rebuilt += data[start:end]
    assert rebuilt == stream


def test_neighbours_with_one_route_come_as_one_slice() -> None:
    stream = b"".join(frame(Kind.EVENT, id_, b"x" * n) for n, id_ in enumerate([1, 2, 1, 3, 3, 1]))
    items = list(FrameReader(MAX_FRAME, ROUTES).feed(stream))
    assert [(route, count) for _kind, _id, route, _data, _start, _end, count in items] == [
        ("north", 3),
        ("south", 2),
        ("north", 1),
    ]
    assert all(data is stream for _kind, _id, _route, data, _start, _end, _count in items)


def test_an_extension_in_the_middle_parts_a_run() -> None:
    event = frame(Kind.EVENT, 1, b"x")
    items = list(FrameReader(MAX_FRAME, ROUTES).feed(event + frame(0x80, 1) + event))
    assert [data[start:end] for _kind, _id, _route, data, start, end, _count in items] == [event, event]


def test_routes_that_change_while_frames_are_taken_hold_from_the_next_item_on() -> None:
    routes: dict[int, str] = {}
    event = frame(Kind.EVENT, 1, b"x")
    found = []
    for _kind, id_, route, _data, _start, _end, count in FrameReader(MAX_FRAME, routes).feed(4 * event):
        found.append((route, count))
        routes[id_] = "north"
    assert found == [(None, 1), ("north", 3)]


def test_a_route_taken_away_between_two_items_is_not_used_again() -> None:
    routes = {1: "north", 3: "south"}
    one, three = frame(Kind.EVENT, 1), frame(Kind.EVENT, 3)
    found = []
    for _kind, id_, route, *_rest in FrameReader(MAX_FRAME, routes).feed(one + three + one):
        found.append((id_, route))
        routes.pop(3, None)
    assert found == [(1, "north"), (3, None), (1, "north")]


@pytest.mark.parametrize("first_piece", [9, 10, 400])
@pytest.mark.parametrize("length", [MAX_FRAME + 1, 2**31, 2**32 - 1])
def test_a_length_beyond_the_limit_is_refused_before_anything_is_allocated(length: int, first_piece: int) -> None:
    data = (length.to_bytes(4, "big") + bytes([Kind.EVENT]) + bytes(400))[:first_piece]
    tracemalloc.start()
    with pytest.raises(RemoteProtocolError, match=str(length)) as caught:
        list(FrameReader(MAX_FRAME, ROUTES).feed(data))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert caught.value.code == "frame_too_large"
    assert peak < 100_000


def test_a_length_beyond_the_limit_is_refused_with_its_header_in_pieces() -> None:
    reader = FrameReader(MAX_FRAME, ROUTES)
    header = (MAX_FRAME + 1).to_bytes(4, "big") + bytes([Kind.EVENT]) + bytes(4)
    for byte in header[:-1]:
        assert list(reader.feed(bytes([byte]))) == []
    with pytest.raises(RemoteProtocolError, match="301"):
        list(reader.feed(header[-1:]))


def test_the_longest_frame_is_taken() -> None:
    longest = frame(Kind.EVENT, 1, bytes(MAX_FRAME))
    assert scan(FrameReader(MAX_FRAME, ROUTES), [longest]) == [(Kind.EVENT, 1, bytes(MAX_FRAME))]


@pytest.mark.parametrize("number", sorted(set(range(256)) - set(Kind)))
def test_an_unknown_kind_is_skipped_from_0x80_on_and_refused_below(number: int) -> None:
    reader = FrameReader(MAX_FRAME, ROUTES)
    after = frame(Kind.PING, 7)
    if number >= FIRST_EXTENSION:
        assert scan(reader, [frame(number, 1, b"anything") + after]) == [(Kind.PING, 7, b"")]
        assert reader.skipped == 1
    else:
        with pytest.raises(RemoteProtocolError, match=f"0x{number:02x}") as caught:
            scan(reader, [frame(number, 1, b"anything")])
        assert caught.value.code == "unknown_kind"


def test_a_limit_that_is_raised_by_a_frame_holds_for_the_next_in_the_same_piece() -> None:
    """The handshake does that: what follows HELLO may be longer than HELLO might have been."""
    reader = FrameReader(10, ROUTES)
    large, small = frame(Kind.EVENT, 1, bytes(200)), frame(Kind.PING, 1)
    found: list[int] = []
    for kind, *_rest in reader.feed(frame(Kind.HELLO, 0) + large + small + large):
        found.append(kind)
        reader.max_frame = MAX_FRAME
    assert found == [Kind.HELLO, Kind.EVENT, Kind.PING, Kind.EVENT]


def test_a_limit_that_is_raised_by_a_run_holds_for_the_next_frame_in_the_same_piece() -> None:
    reader = FrameReader(10, ROUTES)
    stream = frame(Kind.EVENT, 1, b"x") + frame(Kind.EVENT, 3, bytes(200)) + frame(Kind.PING, 1)
    found: list[int] = []
    for chunk in (stream, stream):
        for kind, *_rest in reader.feed(chunk):
            found.append(kind)
            reader.max_frame = MAX_FRAME
    assert found == 2 * [Kind.EVENT, Kind.EVENT, Kind.PING]


def test_a_large_frame_in_many_pieces_costs_no_object_for_each() -> None:
    reader = FrameReader(1 << 20, ROUTES)
    stream = frame(Kind.EVENT, 1, bytes(20_000))
    found = scan(reader, (stream[n : n + 1] for n in range(len(stream))))
    assert [len(body) for _kind, _id, body in found] == [20_000]
    list(reader.feed(frame(Kind.EVENT, 1, bytes(30_000))[:100]))
    tracemalloc.start()
    for n in range(10_000):
        list(reader.feed(n.to_bytes(2, "big")))
    kept = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert kept < 40_000  # twenty thousand bytes are there, and some


@given(st.binary(max_size=400), cuts)
def test_any_bytes_give_frames_or_a_refusal_whichever_way_they_are_cut(data: bytes, where: list[int]) -> None:
    def outcome(chunks: Iterable[bytes]) -> tuple[list[tuple[int, int, bytes]], str]:
        reader = FrameReader(MAX_FRAME, ROUTES)
        found: list[tuple[int, int, bytes]] = []
        try:
            for chunk in chunks:
                for *_rest, piece, start, end, _count in reader.feed(chunk):
                    found += split_run(piece[start:end])
        except RemoteProtocolError as error:
            return found, error.code
        return found, ""

    assert outcome(pieces(data, where)) == outcome([data])
