# SPDX-License-Identifier: MIT
from __future__ import annotations

import zlib

import pytest
from cobs import cobs  # type: ignore[import-untyped]  # the package has no types
from hypothesis import example, given
from hypothesis import strategies as st
from sig_serial._framing import CRC_BYTES, cobs_decode, cobs_encode, frame, framed_size, unframe

packets = st.binary(max_size=300)
zeros_are_common = st.lists(st.sampled_from([0, 0, 1, 255]), max_size=700).map(bytes)
full_blocks = st.builds(
    lambda n, tail: b"x" * n + tail, st.sampled_from([253, 254, 255, 508, 509]), st.binary(max_size=3)
)


@given(st.binary(max_size=600) | zeros_are_common | full_blocks)
@example(b"x" * 254)
@example(b"x" * 254 + b"\x00")
def test_stuffing_is_that_of_the_reference(data: bytes) -> None:
    stuffed = cobs_encode(data)
    assert stuffed == cobs.encode(data)
    assert b"\x00" not in stuffed
    assert cobs_decode(stuffed) == data


@given(st.lists(st.integers(1, 255), max_size=600).map(bytes))
def test_unstuffing_takes_and_refuses_what_the_reference_does(data: bytes) -> None:
    try:
        expected = cobs.decode(data) if data else None
    except cobs.DecodeError:
        expected = None
    if expected is None:
        with pytest.raises(ValueError, match="code byte"):
            cobs_decode(data)
    else:
        assert cobs_decode(data) == expected


@given(packets | zeros_are_common)
def test_a_packet_comes_back_as_it_was_sent(packet: bytes) -> None:
    framed = frame(packet)
    assert framed.endswith(b"\x00")
    assert len(framed) - 1 <= framed_size(len(packet))
    assert unframe(framed[:-1]) == packet


def test_the_checksum_is_the_one_of_the_page() -> None:
    assert cobs.decode(frame(b"123456789")[:-1]) == b"123456789" + bytes.fromhex("cbf43926")


@given(packets, st.data())
def test_no_changed_bit_makes_another_packet(packet: bytes, data: st.DataObject) -> None:
    framed = bytearray(frame(packet))
    framed[data.draw(st.integers(0, len(framed) - 2))] ^= 1 << data.draw(st.integers(0, 7))
    assert all(unframe(piece) is None for piece in bytes(framed).split(b"\x00") if piece)


@pytest.mark.parametrize(
    "stuffed",
    [
        pytest.param(b"\x09abc", id="a code byte beyond the end"),
        pytest.param(cobs_encode(b"abc"), id="shorter than a checksum"),
        pytest.param(cobs_encode(b"abcd" + b"\x00" * CRC_BYTES), id="no checksum"),
        pytest.param(cobs_encode(b"abcd" + zlib.crc32(b"abcd").to_bytes(4, "little")), id="the wrong way round"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_what_is_damaged_is_no_packet(stuffed: bytes) -> None:
    assert unframe(stuffed) is None
