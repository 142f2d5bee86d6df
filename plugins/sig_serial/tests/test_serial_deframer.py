# SPDX-License-Identifier: MIT
"""Packets and lines of text out of whatever comes."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sig_serial._counters import LinkCounters
from sig_serial._deframer import MAX_LINE_BYTES, Deframer, Text
from sig_serial._framing import frame, framed_size
from sig_serial._packet import PacketType

MAX = 64
PACKET = bytes([PacketType.DATA]) + b"\x01\x02\x03\x04 some bytes\n"
FRAMED = frame(PACKET)

packets = st.builds(
    lambda kind, rest: bytes([kind]) + rest,
    st.sampled_from(list(PacketType)),
    st.binary(min_size=4, max_size=MAX - 1),
)
# A text may hold any character but control characters; a line may be very long.
lines = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40) | st.sampled_from(["x" * 1000, "ä" * 999])
parts = st.one_of(
    packets.map(frame),
    packets.map(lambda packet: b"\x00" + frame(packet)),
    lines.map(lambda line: line.encode() + b"\r\n"),
    st.just(b"\n\n"),
    st.just(b"no end"),
    st.binary(max_size=3 * MAX),
    st.just(b"\xff" * 300),
)


def found_in(data: bytes) -> list[bytes | Text]:
    return Deframer(MAX, LinkCounters()).receive_data(data)


@given(st.lists(parts, max_size=10), st.lists(st.integers(1, 50), min_size=1))
def test_any_cutting_of_any_bytes_gives_the_same(parts: list[bytes], sizes: list[int]) -> None:
    stream = b"".join(parts)
    whole = found_in(stream)
    deframer, found, at, turn = Deframer(MAX, LinkCounters()), list[bytes | Text](), 0, 0
    while at < len(stream):
        found += deframer.receive_data(stream[at : at + sizes[turn % len(sizes)]])
        at += sizes[turn % len(sizes)]
        turn += 1
        assert deframer.kept_bytes <= framed_size(MAX) + 1 + MAX_LINE_BYTES
    assert found == whole


@given(st.lists(st.tuples(packets, st.booleans()), max_size=8))
def test_packets_are_found_with_one_delimiter_between_them_or_two(sent: list[tuple[bytes, bool]]) -> None:
    assert found_in(b"".join(b"\x00" * extra + frame(packet) for packet, extra in sent)) == [each for each, _ in sent]


@given(packets, lines)
def test_a_packet_follows_a_line_with_or_without_a_delimiter(packet: bytes, line: str) -> None:
    text = [Text(piece) for piece in in_pieces(line)]
    for between in (b"\n", b"\r\n", b"\n\x00"):
        assert found_in(b"\x00" + line.encode() + between + frame(packet)) == [*text, packet]


def in_pieces(line: str) -> list[str]:
    """A line as it comes out: at most 1024 bytes at a time, characters whole."""
    pieces = [""]
    for character in line:
        if len((pieces[-1] + character).encode()) > MAX_LINE_BYTES:
            pieces.append("")
        pieces[-1] += character
    return pieces


@given(packets)
def test_a_line_goes_on_behind_a_packet_that_interrupts_it(packet: bytes) -> None:
    stream = b"\x00temperature: \x00" + frame(packet) + b"20 C\n"
    assert found_in(stream) == [packet, Text("temperature: 20 C")]


@pytest.mark.parametrize("noise", [b"\xff\xff", b"\x04\xff\xfe\x81", FRAMED[5:-1]])
def test_noise_takes_the_unfinished_line_before_it_along(noise: bytes) -> None:
    assert found_in(b"half a li\x00" + noise + b"\x00ready\n") == [Text("ready")]


def test_a_line_comes_out_with_its_line_feed_and_not_only_with_what_follows() -> None:
    assert found_in(b"panic: stack overflow\n") == [Text("panic: stack overflow")]


def test_text_without_any_delimiter_comes_out_after_a_glitch() -> None:
    assert found_in(b"\xfe\x80boot\nversion 2\nready\n") == [Text("version 2"), Text("ready")]


def test_a_long_line_comes_out_in_pieces_that_are_whole_characters() -> None:
    found = found_in("ä".encode() * 999 + b"\n")
    assert found == [Text("ä" * 512), Text("ä" * 487)]


@pytest.mark.parametrize("line", [b"caf\xe9\n", b"\xc3\n", b"\xed\xa0\x80\n"])
def test_what_is_not_utf_8_is_no_line(line: bytes) -> None:
    counters = LinkCounters()
    assert Deframer(MAX, counters).receive_data(line) == []
    assert counters.noise_bytes > 0


@pytest.mark.parametrize("kind", list(PacketType))
def test_no_type_of_packet_is_a_character_of_a_text(kind: PacketType) -> None:
    stream = frame(bytes([kind]) + b"abcdefgh")
    assert found_in(stream) == [bytes([kind]) + b"abcdefgh"]
    assert found_in(stream[:-2] + b"!\n\x00") == []


@pytest.mark.parametrize("filler", [b"\xff", b"\x01", b"\x00", b"a", b"\n"])
def test_a_stuck_line_costs_no_memory_and_the_next_packet_passes(filler: bytes) -> None:
    deframer = Deframer(MAX, LinkCounters())
    for _ in range(100):
        deframer.receive_data(filler * 1000)
        assert deframer.kept_bytes <= framed_size(MAX) + 1 + MAX_LINE_BYTES
    assert deframer.receive_data(b"\x00" + FRAMED)[-1:] == [PACKET]


def test_a_megabyte_of_noise_gives_no_packet_and_the_next_packet_passes() -> None:
    deframer, random = Deframer(MAX, LinkCounters()), Random(1)
    for _ in range(1024):
        assert [found for found in deframer.receive_data(random.randbytes(1024)) if isinstance(found, bytes)] == []
        assert deframer.kept_bytes <= framed_size(MAX) + 1 + MAX_LINE_BYTES
    assert deframer.receive_data(b"\x00" + FRAMED)[-1:] == [PACKET]


def test_the_longest_packet_passes_and_more_is_dropped() -> None:
    longest = bytes([PacketType.DATA]) + b"\xff" * (MAX - 1)
    assert found_in(frame(longest)) == [longest]
    assert found_in(frame(longest + b"\xff\xff") + FRAMED) == [PACKET]


def test_every_byte_is_counted_once() -> None:
    counters = LinkCounters()
    damaged = bytearray(FRAMED)
    damaged[8] ^= 1
    Deframer(MAX, counters).receive_data(b"text\n" + FRAMED + damaged + b"\xff\xfe\x00")
    assert (counters.packets_received, counters.packets_damaged, counters.text_lines) == (1, 1, 1)
    assert counters.noise_bytes == len(FRAMED) - 1 + 2


@pytest.mark.parametrize("torn", range(2, len(FRAMED)))
def test_what_a_device_prints_after_a_packet_that_it_did_not_end_comes_out(torn: int) -> None:
    printed = b"\r\nGuru Meditation Error\r\nbacktrace: 0x400d1234\r\n"
    found = found_in(FRAMED[:torn] + printed + b"\x00" + FRAMED)
    assert found[-3:] == [Text("Guru Meditation Error"), Text("backtrace: 0x400d1234"), PACKET]
