# SPDX-License-Identifier: MIT
"""What a link does with its two streams, in virtual time: back-pressure, losses, ends, and sides that fall silent."""

from __future__ import annotations

from random import Random

import pytest
from sig_serial._acking import KEEP_ALIVE_S
from sig_serial._line_faults import LineFaults
from sig_serial._link import Data, Down, Link, Text
from sig_serial._packet import OFFSET_MODULUS
from sig_serial._tables import Role
from sig_serial._virtual_line import BYTE_S, Side, VirtualLine

FRAME_S = 275 * BYTE_S
"""How long the longest packet is on the line."""


def up(line: VirtualLine) -> VirtualLine:
    assert line.run(2, until=lambda: line.is_up)
    return line


def sized(max_payload: int, window: int, byte_s: float = BYTE_S) -> VirtualLine:
    return VirtualLine(
        byte_s=byte_s,
        piece_bytes=max(64, max_payload),
        make_link=lambda role, now_s: Link(role, now_s, byte_s=byte_s, max_payload=max_payload, window=window),
    )


def write(line: VirtualLine, side: Side, data: bytes) -> None:
    side.link.write(data)
    line.pump(side)


def downs(side: Side) -> list[str]:
    return [event.cause for _, event in side.happened if isinstance(event, Down)]


def no_bytes(_data: bytes) -> bytes:
    return b""


def test_a_reader_that_pauses_holds_the_other_side_back_and_keeps_the_link() -> None:
    line = up(sized(64, 256))
    sent = Random(1).randbytes(5000)
    line.listener.link.pause_reading()
    write(line, line.connector, sent)
    write(line, line.listener, bytes(1000))  # what it sends itself must not acknowledge more
    line.run(60)
    assert line.listener.received == b""
    assert line.listener.link.kept_bytes <= 256 + 100
    assert line.connector.link.unacknowledged == 5000
    assert line.connector.link.counters.retransmitted == 0
    (kept,) = line.listener.link.resume_reading(line.now_s)
    assert isinstance(kept, Data)
    line.listener.received += kept.payload
    line.pump(line.listener)
    assert line.run(2, until=lambda: line.listener.received == sent)
    assert downs(line.connector) == downs(line.listener) == []


def test_the_news_of_an_open_window_may_be_lost() -> None:
    line = up(sized(64, 64))
    line.listener.link.pause_reading()
    write(line, line.connector, bytes(200))
    line.run(5)
    line.listener.fault = no_bytes
    line.listener.link.resume_reading(line.now_s)
    line.pump(line.listener)
    line.run(0.1)
    line.listener.fault = bytes
    assert line.run(2 * KEEP_ALIVE_S, until=lambda: line.connector.link.unacknowledged == 0)


def test_offsets_go_on_behind_their_highest_number() -> None:
    line = up(sized(8192, 0xFFFF, byte_s=BYTE_S / 100))
    piece, total = Random(1).randbytes(65536), OFFSET_MODULUS + (1 << 17)
    written = 0

    def write_some() -> None:
        nonlocal written
        while line.connector.link.is_up and written < total and line.connector.link.unsent < 20000:
            line.connector.link.write(piece)
            written += len(piece)

    line.connector.fault = LineFaults(1, ber=1e-7)
    line.connector.on_room = write_some
    line.pump(line.connector)
    assert line.run(600, until=lambda: len(line.listener.received) >= total)
    assert line.listener.received == piece * (written // len(piece))


@pytest.mark.parametrize("deaf", ["connector", "listener"])
@pytest.mark.parametrize("is_busy", [True, False])
def test_one_dead_direction_ends_the_link_on_both_sides(deaf: str, is_busy: bool) -> None:
    line = up(VirtualLine())
    line.run(1)
    line.other(getattr(line, deaf)).fault = no_bytes
    if is_busy:
        for side in line.sides:
            write(line, side, bytes(10000))
    line.run(5)
    assert all(len(downs(side)) >= 1 for side in line.sides)


@pytest.mark.parametrize("restarted", ["connector", "listener"])
def test_a_side_that_was_restarted_has_a_new_link_within_a_second(restarted: str) -> None:
    line = up(VirtualLine())
    write(line, line.connector, bytes(3000))
    line.run(0.05)
    side: Side = getattr(line, restarted)
    line.restart(side)
    line.run(0.02)
    assert line.run(1, until=lambda: line.is_up)
    assert downs(line.other(side)) == ["restarted"]
    write(line, line.connector, b"new")
    assert line.run(0.1, until=lambda: line.listener.received == b"new")


@pytest.mark.parametrize("baudrate", [110, 300, 1200, 9600, 4_000_000])
def test_a_link_comes_up_on_a_line_of_any_rate(baudrate: int) -> None:
    byte_s = 10 / baudrate
    line = VirtualLine(byte_s=byte_s, piece_bytes=8)
    assert line.run(0.1 + 80 * byte_s, until=lambda: line.is_up)
    for side in line.sides:
        write(line, side, bytes(300))
    assert line.run(0.2 + 1000 * byte_s, until=lambda: all(len(side.received) == 300 for side in line.sides))
    assert downs(line.connector) == downs(line.listener) == []


def test_a_side_that_was_busy_for_a_while_gets_long_packets_again() -> None:
    line = up(VirtualLine())
    write(line, line.connector, bytes(60_000))
    line.run(1)
    line.listener.fault = no_bytes  # its acknowledgements stay out
    line.run(3)
    line.listener.fault = bytes
    assert line.connector.link.counters.retransmitted > 0
    assert line.run(10, until=lambda: len(line.listener.received) == 60_000)
    assert line.connector.link.counters.fragment == 256


def test_an_idle_link_stays_up_and_costs_next_to_nothing() -> None:
    line = up(VirtualLine())
    before = sum(side.link.counters.bytes_sent for side in line.sides)
    line.run(3600)
    sent = sum(side.link.counters.bytes_sent for side in line.sides) - before
    assert line.is_up
    assert downs(line.connector) == downs(line.listener) == []
    assert sent <= 2 * 3600 / KEEP_ALIVE_S * 20


@pytest.mark.parametrize("ber", [0.0, 1e-4])
def test_an_orderly_end_comes_after_everything_has_arrived(ber: float) -> None:
    line = up(VirtualLine())
    line.connector.fault = LineFaults(1, ber=ber)
    sent = Random(1).randbytes(3000)
    write(line, line.connector, sent)
    line.connector.link.finish()
    line.pump(line.connector)
    assert line.run(2, until=lambda: downs(line.listener) == downs(line.connector) == ["closed"])
    assert line.listener.received == sent


@pytest.mark.parametrize("noise_s", [0.010, 0.1, 0.5])
def test_after_a_burst_of_noise_bytes_arrive_within_three_packets_time(noise_s: float) -> None:
    line = up(VirtualLine(piece_bytes=16))
    random = Random(1)
    write(line, line.connector, bytes(200_000))
    line.run(1)
    line.connector.fault = lambda piece: random.randbytes(len(piece))
    line.run(noise_s)
    line.connector.fault = bytes
    known = line.listener.link.counters.packets_received
    assert line.run(3 * FRAME_S, until=lambda: line.listener.link.counters.packets_received > known)
    arrived = len(line.listener.received)
    assert line.run(10 * FRAME_S, until=lambda: len(line.listener.received) > arrived)


def test_what_a_driver_gives_out_again_is_not_delivered_again() -> None:
    line = up(VirtualLine())
    sent = Random(1).randbytes(20_000)
    write(line, line.connector, sent)
    for _ in range(20):
        line.run(0.05)
        for side in line.sides:
            line.arrive(line.other(side), bytes(side.sent[-448:]))
    assert line.run(5, until=lambda: len(line.listener.received) >= len(sent))
    assert line.listener.received == sent
    assert line.listener.link.counters.duplicates > 0
    assert downs(line.connector) == downs(line.listener) == []


def test_a_small_side_and_a_big_one_understand_each_other() -> None:
    small, big = (64, 64), (256, 8192)

    def make_link(role: Role, now_s: float) -> Link:
        max_payload, window = small if role is Role.CONNECTOR else big
        return Link(role, now_s, byte_s=BYTE_S, max_payload=max_payload, window=window)

    line = up(VirtualLine(make_link=make_link))
    for n, side in enumerate(line.sides):
        side.fault = LineFaults(n, ber=1e-5)
        write(line, side, bytes([n]) * 5000)
    assert line.run(10, until=lambda: all(len(side.received) == 5000 for side in line.sides))
    assert downs(line.connector) == downs(line.listener) == []


def test_packets_grow_shorter_on_a_bad_line_and_longer_again() -> None:
    line = up(VirtualLine())
    counters = line.connector.link.counters
    assert counters.fragment == 256
    line.connector.fault = LineFaults(1, ber=1e-3)
    write(line, line.connector, bytes(30_000))
    assert line.run(30, until=lambda: len(line.listener.received) == 30_000)
    assert 32 <= counters.fragment <= 100
    line.connector.fault = bytes
    write(line, line.connector, bytes(150_000))
    assert line.run(60, until=lambda: len(line.listener.received) == 180_000)
    assert counters.fragment == 256


def test_no_more_than_a_packet_waits_before_what_is_urgent() -> None:
    line = up(VirtualLine())
    write(line, line.connector, bytes(50_000))
    line.run(1)
    waiting_s = line.connector.link.room_s + 0.01 - line.now_s
    assert waiting_s <= 0.015 + FRAME_S


def test_a_line_of_another_baud_rate_gives_nothing_and_is_well_again_at_once() -> None:
    line, random = VirtualLine(), Random(3)
    for side in line.sides:
        side.fault = lambda piece: random.choice([b"\x00", b"\xff", b"\xf8", b"\x80\x00"]) * (len(piece) // 8)
    line.run(10)
    assert [event for side in line.sides for _, event in side.happened if not isinstance(event, Text)] == []
    for side in line.sides:
        side.fault = bytes
    assert line.run(1, until=lambda: line.is_up)


def test_text_gets_through_a_busy_link() -> None:
    line = up(VirtualLine())
    write(line, line.connector, Random(1).randbytes(2000))
    line.run(0.06)
    line.connector.fault = lambda piece: piece.replace(b"\x00", b"\x00hello\n\x00", 1)
    assert line.run(2, until=lambda: len(line.listener.received) == 2000)
    assert Text("hello") in [event for _, event in line.listener.happened]
