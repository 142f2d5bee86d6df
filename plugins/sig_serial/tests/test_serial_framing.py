# SPDX-License-Identifier: MIT
from __future__ import annotations

import zlib

import pytest
from cobs import cobs  # type: ignore[import-untyped]  # the package has no types
from hypothesis import example, given
from hypothesis import strategies as st
from sig_serial._framing import CRC_BYTES, Damage, Deframer, cobs_decode, cobs_encode, frame, framed_size

MAX = 64
packets = st.binary(max_size=MAX)
zeros_are_common = st.lists(st.sampled_from([0, 0, 1, 255]), max_size=700).map(bytes)
full_blocks = st.builds(
    lambda n, tail: b"x" * n + tail, st.sampled_from([253, 254, 255, 508, 509]), st.binary(max_size=3)
)

STREAM = b"\x00" + frame(b"hi") + b"\x00\x00" + frame(b"") + b"noise\x00" + frame(b"\x00\x00x") + frame(b"ho")[:-1]
FOUND = [b"hi", b"", Damage.BAD_STUFFING, b"\x00\x00x"]


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


@given(packets)
def test_a_packet_comes_back_as_it_was_sent(packet: bytes) -> None:
    framed = frame(packet)
    assert len(framed) - 1 <= framed_size(len(packet))
    assert Deframer(MAX).receive_data(framed) == [packet]


def test_the_checksum_is_the_one_of_the_page() -> None:
    assert cobs.decode(frame(b"123456789")[:-1]) == b"123456789" + bytes.fromhex("cbf43926")


@pytest.mark.parametrize("cut", range(len(STREAM) + 1))
def test_packets_do_not_depend_on_where_the_stream_is_cut(cut: int) -> None:
    deframer = Deframer(MAX)
    assert deframer.receive_data(STREAM[:cut]) + deframer.receive_data(STREAM[cut:]) == FOUND


def test_packets_come_one_byte_at_a_time() -> None:
    deframer = Deframer(MAX)
    assert [item for byte in STREAM for item in deframer.receive_data(bytes([byte]))] == FOUND


@given(st.lists(packets | st.binary(max_size=3 * MAX), max_size=8), st.lists(st.integers(1, 50), min_size=1))
def test_any_cutting_of_any_bytes_gives_the_same(parts: list[bytes], sizes: list[int]) -> None:
    stream = b"".join(frame(part) if n % 2 else part for n, part in enumerate(parts))
    whole = Deframer(MAX).receive_data(stream)
    deframer, found, at, turn = Deframer(MAX), list[bytes | Damage](), 0, 0
    while at < len(stream):
        found += deframer.receive_data(stream[at : at + sizes[turn % len(sizes)]])
        at += sizes[turn % len(sizes)]
        turn += 1
    assert found == whole


@given(packets, st.data())
def test_no_changed_bit_makes_another_packet(packet: bytes, data: st.DataObject) -> None:
    framed = bytearray(frame(packet))
    framed[data.draw(st.integers(0, len(framed) - 2))] ^= 1 << data.draw(st.integers(0, 7))
    found = Deframer(MAX).receive_data(bytes(framed))
    assert [item for item in found if item != packet and isinstance(item, bytes)] == []
    assert packet not in found


@given(st.binary(max_size=200))
def test_after_noise_and_a_delimiter_the_next_packet_is_found(noise: bytes) -> None:
    assert Deframer(MAX).receive_data(noise + b"\x00" + frame(b"found"))[-1] == b"found"


@pytest.mark.parametrize("filler", [b"\xff", b"\x01", b"\x00"])
def test_a_stuck_line_costs_no_memory_and_is_told_once(filler: bytes) -> None:
    deframer = Deframer(MAX)
    found = []
    for _ in range(1000):
        found += deframer.receive_data(filler * 1000)
        assert deframer.kept_bytes <= framed_size(MAX)
    assert found == ([] if filler == b"\x00" else [Damage.TOO_LONG])
    assert deframer.receive_data(b"\x00" + frame(b"found"))[-1] == b"found"


def test_the_longest_packet_passes_and_more_without_a_delimiter_is_dropped() -> None:
    assert Deframer(MAX).receive_data(frame(b"x" * MAX)) == [b"x" * MAX]
    assert Deframer(MAX).receive_data(b"x" * (framed_size(MAX) + 1)) == [Damage.TOO_LONG]


@pytest.mark.parametrize(
    ("between", "damage"),
    [
        (b"\x09abc", Damage.BAD_STUFFING),
        (cobs_encode(b"abc"), Damage.TOO_SHORT),
        (cobs_encode(b"abcd" + b"\x00" * CRC_BYTES), Damage.BAD_CHECKSUM),
        (cobs_encode(b"abcd" + zlib.crc32(b"abcd").to_bytes(4, "little")), Damage.BAD_CHECKSUM),
    ],
)
def test_each_damage_has_its_name(between: bytes, damage: Damage) -> None:
    assert Deframer(MAX).receive_data(between + b"\x00") == [damage]
