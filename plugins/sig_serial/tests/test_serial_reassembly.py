# SPDX-License-Identifier: MIT
"""Reading along: the stream comes out of DATA packets whole and in order, whatever their order and cuts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from sig_serial._reassembly import MODULUS, MOST_AHEAD_BYTES, Piece, Reassembly

TAG, LATER = 7, 8
STREAM = bytes(range(200))


def joined(pieces: list[Piece]) -> bytes:
    return b"".join(piece.data for piece in pieces)


@given(st.lists(st.tuples(st.integers(0, 199), st.integers(1, 60)), max_size=30), st.randoms())
def test_the_stream_comes_out_whole_whatever_the_cuts_and_the_order(
    cuts: list[tuple[int, int]], random: object
) -> None:
    packets = [(at, STREAM[at : at + size]) for at, size in cuts] + [
        (at, STREAM[at : at + 20]) for at in range(0, 200, 20)
    ]
    random.shuffle(packets)  # type: ignore[attr-defined]  # Hypothesis gives a random.Random
    stream = Reassembly()
    pieces = [piece for at, data in packets for piece in stream.take(TAG, at, data)]
    assert joined(pieces) == STREAM
    assert [piece.begins for piece in pieces] == [True] + [False] * (len(pieces) - 1)
    assert not any(piece.after_loss for piece in pieces)


def test_a_new_tag_is_a_new_stream_and_packets_of_the_old_one_are_left_out() -> None:
    stream = Reassembly()
    stream.take(TAG, 0, b"old")
    assert stream.take(LATER, 0, b"new") == [Piece(b"new", begins=True)]
    assert stream.take(TAG, 3, b"late") == []
    assert stream.take(LATER, 3, b"er") == [Piece(b"er")]


def test_who_joins_in_the_middle_of_a_stream_is_told_that_bytes_are_missing() -> None:
    stream = Reassembly()
    assert stream.take(TAG, 500_000, b"ab") == [Piece(b"ab", after_loss=True)]
    assert stream.take(TAG, 500_002, b"cd") == [Piece(b"cd")]


def test_a_hole_that_stays_is_passed_over_and_told() -> None:
    stream = Reassembly()
    stream.take(TAG, 0, b"ab")
    at = 10
    pieces: list[Piece] = []
    while not pieces:
        pieces = stream.take(TAG, at, bytes(256))
        at += 256
    assert pieces[0].after_loss
    assert MOST_AHEAD_BYTES < at <= MOST_AHEAD_BYTES + 512
    assert stream.take(TAG, at, b"on") == [Piece(b"on")]


def test_offsets_go_on_where_their_24_bits_wrap() -> None:
    stream = Reassembly()
    stream.take(TAG, MODULUS - 2, b"ab")
    assert stream.take(TAG, 0, b"cd") == [Piece(b"cd")]
    assert stream.take(TAG, MODULUS - 1, b"bcd") == []
