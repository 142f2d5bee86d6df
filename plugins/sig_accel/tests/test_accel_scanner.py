# SPDX-License-Identifier: MIT
"""The compiled scanner gives what the one in Python gives: the same items, up to the same refusal, for any bytes.

``SIGCORE_LONG_TESTS=1`` tries thirty times as many bytes, for some minutes.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from importlib.machinery import EXTENSION_SUFFIXES
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sig_accel import header, scanner

import sigcore
from sigcore.protocol import header as python_header
from sigcore.protocol import scanner as python_scanner
from sigcore.protocol.frames import HEADER, HEADER_BYTES, Kind, frame

IS_LONG = os.environ.get("SIGCORE_LONG_TESTS") == "1"
EXAMPLES = 10_000 if IS_LONG else 300

MAX_FRAME = 300
ROUTES = {1: "north", 2: "north", 3: "south"}
HIGH_BIT = (2**31 - 1, 2**31, 2**31 + 1, 0xFF00_0000, 2**32 - 10, 2**32 - 9, 2**32 - 1)
EVENTS = (Kind.EVENT, Kind.EVENT, Kind.EVENT_META, Kind.GAP)

ids = st.sampled_from([0, 1, 1, 2, 2, 3, 4, 2**31, 2**32 - 1])
events = st.builds(frame, st.sampled_from(EVENTS), ids, st.binary(max_size=20))
known = st.builds(frame, st.sampled_from(list(Kind)), ids, st.binary(max_size=MAX_FRAME))
others = st.builds(frame, st.integers(0, 255), ids, st.binary(max_size=20))
lengths = st.one_of(st.sampled_from([MAX_FRAME, MAX_FRAME + 1, *HIGH_BIT]), st.integers(0, 2**32 - 1))
headers = st.builds(HEADER.pack, lengths, st.one_of(st.sampled_from(list(Kind)), st.integers(0, 255)), ids)
good = st.lists(st.one_of(events, events, known), max_size=30)
mixed = st.lists(st.one_of(events, events, known, others, headers, st.binary(max_size=30)), max_size=20)
streams = st.one_of(good, mixed).map(b"".join)
places = st.integers(0, 1 << 30)
cuts = st.lists(places, max_size=12)
changes = st.lists(
    st.one_of(
        st.none(),
        st.tuples(ids, st.sampled_from(["north", "south", None])),  # a route comes, changes or goes
        st.sampled_from([0, 10, MAX_FRAME, 2**32]),  # the limit does
    ),
    max_size=20,
)


def pieces(data: bytes, where: Iterable[int]) -> Iterator[bytes]:
    """Cut ``data`` at some places."""
    found = sorted({place % (len(data) + 1) for place in where} | {0, len(data)})
    for begin, end in itertools.pairwise(found):
        yield data[begin:end]


def outcome(module: ModuleType, chunks: Iterable[bytes], changed: Iterable[Any] = ()) -> tuple[list[Any], int]:
    """Return all that a scanner gives, with the refusal that ends it, and how many extensions it skipped.

    After each item comes one of the changes of what the reader goes by.
    """
    routes = dict(ROUTES)
    reader = module.FrameReader(MAX_FRAME, routes)
    found: list[Any] = []
    change = iter(changed)
    try:
        for chunk in chunks:
            for item in reader.feed(chunk):
                found.append(item)
                match next(change, None):
                    case int(limit):
                        reader.max_frame = limit
                    case (id_, None):
                        reader.routes = {key: route for key, route in reader.routes.items() if key != id_}
                    case (id_, route):
                        reader.routes[id_] = route
            found.append("end of a piece")
    except sigcore.RemoteProtocolError as error:
        found.append((error.code, str(error)))
    return found, reader.skipped


def test_the_scanner_is_compiled_and_of_the_revision_that_sigcore_takes() -> None:
    for module in (scanner, header):
        assert str(module.__file__).endswith(tuple(EXTENSION_SUFFIXES))
    assert scanner.REVISION == python_scanner.REVISION


@pytest.mark.parametrize(
    ("switch", "used"), [({}, "sig_accel.scanner"), ({"SIGCORE_PURE": "1"}, "sigcore.protocol.scanner")]
)
def test_sigcore_uses_it_unless_told_not_to(switch: dict[str, str], used: str) -> None:
    program = "import sigcore.protocol.frames as f; print(f.FrameReader.__module__, f.events_of.__module__)"
    variables = {name: value for name, value in os.environ.items() if name != "SIGCORE_PURE"}
    said = subprocess.run(
        [sys.executable, "-c", program], env={**variables, **switch}, capture_output=True, text=True, check=True
    )
    assert said.stdout.split() == [used, used]
    assert said.stderr == ""


def test_it_is_listed_among_the_plug_ins_and_works() -> None:
    info = next(info for info in sigcore.list_plugins() if info.distribution == "sigcore-accel")
    assert (info.kind, info.name) == ("plugin", "accel")
    assert sigcore.check_plugin(info) is None


@settings(max_examples=EXAMPLES)
@given(streams, cuts, changes)
@pytest.mark.timeout(3600 if IS_LONG else 120)
def test_any_bytes_give_the_same_however_they_are_cut(stream: bytes, where: list[int], changed: list[Any]) -> None:
    expected = outcome(python_scanner, pieces(stream, where), changed)
    assert outcome(scanner, pieces(stream, where), changed) == expected


@settings(max_examples=EXAMPLES)
@given(good.map(b"".join), cuts, st.lists(st.tuples(places, st.integers(0, 255)), max_size=3))
@pytest.mark.timeout(3600 if IS_LONG else 120)
def test_a_few_wrong_bytes_give_the_same(stream: bytes, where: list[int], wrong: list[tuple[int, int]]) -> None:
    damaged = bytearray(stream)
    for place, byte in wrong:
        if damaged:
            damaged[place % len(damaged)] = byte
    chunks = list(pieces(bytes(damaged), where))
    assert outcome(scanner, chunks) == outcome(python_scanner, chunks)


@pytest.mark.parametrize("kind", [Kind.HELLO, Kind.EVENT, Kind.GAP, 0x7F, 0x80, 0xFF])
@pytest.mark.parametrize("length", HIGH_BIT)
def test_a_length_with_the_high_bit_set_ends_the_scan_in_the_same_way(length: int, kind: int) -> None:
    stream = 3 * frame(Kind.EVENT, 1, b"x") + HEADER.pack(length, kind, 1) + bytes(100)
    for at in (*range(len(stream)), None):
        chunks = [stream] if at is None else [stream[:at], stream[at:]]
        found, _skipped = outcome(scanner, chunks)
        assert (found, _skipped) == outcome(python_scanner, chunks)
        assert found[-1][0] in ("frame_too_large", "unknown_kind")


@settings(max_examples=EXAMPLES)
@given(st.lists(st.one_of(events, known), max_size=20).map(b"".join))
@pytest.mark.timeout(3600 if IS_LONG else 120)
def test_runs_are_taken_apart_in_the_same_way(run: bytes) -> None:
    assert scanner.events_of(run) == python_scanner.events_of(run)


def test_a_large_body_is_not_copied_by_either() -> None:
    run = frame(Kind.EVENT, 1, bytes(100_000)) + frame(Kind.EVENT, 1, b"x")
    for module in (scanner, python_scanner):
        assert [type(event) for event in module.events_of(run)] == [int, memoryview, bytes]


@given(st.binary(min_size=HEADER_BYTES, max_size=40), places)
def test_headers_are_read_alike(data: bytes, place: int) -> None:
    pos = place % (len(data) - HEADER_BYTES + 1)
    assert header.read_header(data, pos) == python_header.read_header(data, pos)


def test_an_event_loop_that_hands_out_bytearrays_is_borne_with() -> None:
    stream = frame(Kind.EVENT, 1, b"x") + frame(Kind.PING, 1)
    for module in (scanner, python_scanner):
        reader = module.FrameReader(MAX_FRAME, ROUTES)
        assert list(reader.feed(bytearray(stream))) == list(reader.feed(stream))


def test_nothing_is_kept_of_what_was_scanned() -> None:
    class Route:
        pass

    route = Route()
    stream = 5 * frame(Kind.EVENT, 7, b"x") + frame(Kind.PING, 1) + frame(Kind.EVENT, 7, b"y")
    reader = scanner.FrameReader(MAX_FRAME, {7: route})
    before = sys.getrefcount(stream), sys.getrefcount(route)
    for _round in range(100):
        assert len(list(reader.feed(stream))) == 3
        next(iter(reader.feed(stream)))  # and left there
    assert (sys.getrefcount(stream), sys.getrefcount(route)) == before
