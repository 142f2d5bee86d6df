# SPDX-License-Identifier: MIT
"""A message that is one byte string is read and written without cbor2, and as cbor2 has it."""

from __future__ import annotations

import tracemalloc

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sig_cbor import CborCodec

import sigcore

codec = CborCodec()

LENGTHS = [0, 1, 23, 24, 255, 256, 65_535, 65_536]


@pytest.mark.parametrize("length", LENGTHS)
def test_every_length_is_written_with_the_head_that_cbor2_gives(length: int) -> None:
    content = bytes(length)
    for value in (content, bytearray(content), memoryview(content)):
        assert codec.encode(value) == cbor2.dumps(content)


@pytest.mark.parametrize("length", LENGTHS)
def test_every_width_of_the_length_is_taken(length: int) -> None:
    content = bytes([7]) * length
    for first, size in ((0x58, 1), (0x59, 2), (0x5A, 4), (0x5B, 8)):
        if length < 1 << 8 * size:
            wire = bytes([first]) + length.to_bytes(size, "big") + content
            assert codec.decode(wire) == codec.decode(memoryview(wire)) == content


@pytest.mark.parametrize("length", LENGTHS)
def test_one_byte_less_or_more_is_no_message(length: int) -> None:
    wire = codec.encode(bytes(length))
    with pytest.raises(sigcore.CodecError, match="premature end"):
        codec.decode(wire[:-1])
    with pytest.raises(sigcore.CodecError, match="something follows"):
        codec.decode(wire + b"\x00")


@given(st.sampled_from(range(0x40, 0x60)), st.binary(max_size=40))
def test_what_is_taken_is_what_cbor2_takes(first: int, rest: bytes) -> None:
    wire = bytes([first]) + rest
    try:
        value = codec.decode(wire)
    except sigcore.CodecError:
        return
    assert value == cbor2.loads(wire)
    assert type(value) is bytes


@pytest.mark.parametrize("length", [2**16, 2**20])
def test_large_bytes_are_copied_once(length: int) -> None:
    value = bytes(length)
    wire = codec.encode(value)
    tracemalloc.start()
    try:
        codec.encode(value)
        codec.decode(wire)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1.5 * length
