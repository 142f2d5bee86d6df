# SPDX-License-Identifier: MIT
"""Bytes become the same lines however they are cut, and no more of them is kept than a line."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sig_lines._splitting import LineSplitter, Newline

MAX_BYTES = 64
NEWLINES: tuple[Newline, ...] = ("any", "lf", "crlf", "cr")

streams = st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b"T=21.5", b"\xff\x00", b"x" * 63, b"y" * 200])).map(
    b"".join
)
cuts = st.lists(st.integers(0, 600), max_size=8)


def lines_of(newline: Newline, pieces: list[bytes]) -> list[bytes]:
    """Return the lines; of each that is too long only what is sure to be what came."""
    splitter = LineSplitter(newline, MAX_BYTES)
    lines = [line for piece in pieces for line in splitter.receive(piece)]
    return [line if len(line) <= MAX_BYTES else line[:MAX_BYTES] + b"..." for line in lines]


@given(newline=st.sampled_from(NEWLINES), stream=streams, cuts=cuts)
def test_lines_do_not_depend_on_where_the_stream_is_cut(newline: Newline, stream: bytes, cuts: list[int]) -> None:
    places = sorted({0, len(stream), *(min(cut, len(stream)) for cut in cuts)})
    pieces = [stream[begin:end] for begin, end in pairwise(places)]
    assert lines_of(newline, pieces) == lines_of(newline, [stream])


@given(newline=st.sampled_from(NEWLINES), stream=streams)
def test_byte_by_byte_gives_the_same_lines(newline: Newline, stream: bytes) -> None:
    assert lines_of(newline, [stream[at : at + 1] for at in range(len(stream))]) == lines_of(newline, [stream])


@pytest.mark.parametrize(
    ("newline", "stream", "lines"),
    [
        ("any", b"a\rb\nc\r\n\r\nd\n", [b"a", b"b", b"c", b"d"]),
        ("lf", b"a\r\nb\rc\n", [b"a\r", b"b\rc"]),
        ("cr", b"a\rb\nc\r", [b"a", b"b\nc"]),
        ("crlf", b"a\nb\rc\r\n", [b"a\nb\rc"]),
    ],
)
def test_each_convention_ends_lines_by_its_own(newline: Newline, stream: bytes, lines: list[bytes]) -> None:
    assert lines_of(newline, [stream]) == lines


@pytest.mark.parametrize("newline", NEWLINES)
def test_a_line_without_end_takes_no_more_memory_than_one_line(newline: Newline) -> None:
    splitter = LineSplitter(newline, MAX_BYTES)
    given = [line for _ in range(1000) for line in splitter.receive(b"x" * 100)]
    assert given == [b"x" * 100]  # told at once, and once
    assert len(splitter._rest) <= MAX_BYTES


@pytest.mark.parametrize("newline", NEWLINES)
def test_silence_may_end_a_line(newline: Newline) -> None:
    splitter = LineSplitter(newline, MAX_BYTES)
    splitter.receive(b"> ")
    assert (splitter.has_unfinished, splitter.flush(), splitter.has_unfinished) == (True, b"> ", False)
    splitter.receive(b"x" * 1000)
    assert (splitter.flush(), splitter.has_unfinished) == (b"", False)


@pytest.mark.parametrize("newline", NEWLINES)
def test_the_line_after_one_that_is_too_long_is_whole(newline: Newline) -> None:
    end = {"any": b"\n", "lf": b"\n", "crlf": b"\r\n", "cr": b"\r"}[newline]
    stream = b"x" * 1000 + end + b"good" + end
    assert lines_of(newline, [stream[at : at + 1] for at in range(len(stream))])[1:] == [b"good"]
