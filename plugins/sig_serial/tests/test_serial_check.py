# SPDX-License-Identifier: MIT
"""The check of a line: the right figures, whichever way the packets are lost; and the right words."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count

import pytest
from sig_serial._framing import frame
from sig_serial._line_check import Answerer, Asker
from sig_serial._packet import PacketType, control
from sig_serial.tools import Grade, LineQuality, RoundTrips, verdict

BAUD = 115_200
BYTE_S = 10 / BAUD
SECONDS = 4.0

FRAMING_BYTES = 3
"""Delimiters and stuffing of a packet below 254 bytes."""

Fault = Callable[[bytes], bytes]


def perfect(data: bytes) -> bytes:
    return data


def silent(data: bytes) -> bytes:
    return b""


def every(n: int, damage: Fault) -> Fault:
    """Do that to every nth packet."""
    numbers = count(1)
    return lambda data: damage(data) if next(numbers) % n == 0 else data


def flipped(data: bytes) -> bytes:
    return data[:-5] + bytes([data[-5] ^ 0x80 or 1]) + data[-4:]


class Line:
    """A simulated line, without a clock: each direction carries a byte in its time, in order."""

    def __init__(self, out: Fault = perfect, back: Fault = perfect, *, delay_s: float = 0.0) -> None:
        self.out, self.back, self.delay_s = out, back, delay_s
        self.answer: Callable[[bytes], bytes] = Answerer().receive
        self.at_s: dict[float, Callable[[], object]] = {}
        self._under_way: list[tuple[float, int, bool, bytes]] = []
        self._free_s = {True: 0.0, False: 0.0}
        self._numbers = count()

    def check(self, seconds: float = SECONDS) -> LineQuality:
        now_s = 0.0
        asker = Asker(now_s, byte_s=BYTE_S, seconds=seconds)
        while not asker.is_done(now_s):
            if data := asker.data_to_send(now_s):
                self._send(self.out(data), now_s, goes_out=True)
                continue
            now_s = max(now_s, min(self._next_s(), max(asker.deadline_s, now_s + 1e-6)))
            for when_s in [when_s for when_s in self.at_s if when_s <= now_s]:
                self.at_s.pop(when_s)()
            while self._under_way and self._under_way[0][0] <= now_s:
                _, _, goes_out, data = heapq.heappop(self._under_way)
                if goes_out:
                    self._send(self.back(self.answer(data)), now_s, goes_out=False)
                else:
                    asker.receive(data, now_s)
        return asker.result(now_s)

    def say(self, data: bytes, now_s: float) -> None:
        """Have the other side send something of its own."""
        self._send(data, now_s, goes_out=False)

    def _next_s(self) -> float:
        return self._under_way[0][0] if self._under_way else float("inf")

    def _send(self, data: bytes, now_s: float, *, goes_out: bool) -> None:
        if data:
            self._free_s[goes_out] = max(self._free_s[goes_out], now_s) + len(data) * BYTE_S
            there_s = self._free_s[goes_out] + self.delay_s
            heapq.heappush(self._under_way, (there_s, next(self._numbers), goes_out, data))


def test_a_clean_line_is_good_and_carries_most_of_its_rate_both_ways() -> None:
    found = Line().check()
    assert verdict(found).grade is Grade.GOOD
    assert (found.out.lost, found.back.lost, found.noise_bytes) == (0, 0, 0)
    assert found.answered == found.sent > 200
    assert found.out.goodput > 0.8 * found.byte_rate
    assert found.back.goodput > 0.8 * found.byte_rate


def test_the_round_trip_of_an_idle_line_is_the_time_on_the_wire() -> None:
    found = Line().check()
    assert found.round_trips is not None
    assert found.round_trips.median == pytest.approx(found.wire_s, rel=0.05)


def test_a_slow_round_trip_is_told_with_what_to_do() -> None:
    found = Line(delay_s=0.016).check()
    assert verdict(found).grade is Grade.GOOD
    assert "low_latency" in verdict(found).text


@pytest.mark.parametrize("damage", [silent, flipped], ids=["lost", "damaged"])
@pytest.mark.parametrize("goes_out", [True, False], ids=["there", "back"])
def test_what_is_lost_is_counted_for_the_way_on_which_it_was_lost(damage: Fault, goes_out: bool) -> None:
    bad = every(10, damage)
    found = (Line(out=bad) if goes_out else Line(back=bad)).check()
    hit, clean = (found.out, found.back) if goes_out else (found.back, found.out)
    assert hit.error_rate == pytest.approx(0.1, abs=0.01)
    assert clean.lost == 0
    assert hit.damaged == (pytest.approx(hit.lost, abs=1) if damage is flipped else 0)
    assert verdict(found).grade is Grade.USABLE
    assert ("to the other side" in verdict(found).text) is goes_out


def test_a_line_that_loses_half_is_bad() -> None:
    assert verdict(Line(back=every(2, flipped)).check()).grade is Grade.BAD


def answering_up_to(packet_bytes: int) -> Fault:
    """Answer probes like a side whose packets have at most that many bytes, checksum included."""
    answer = Answerer().receive

    def answered(data: bytes) -> bytes:
        reply = answer(data)
        return reply if len(reply) <= packet_bytes + FRAMING_BYTES else b""

    return answered


@pytest.mark.parametrize(("limit", "taken", "skipped"), [(215, 143, 219), (79, 79, 143), (47, 47, 79), (39, 39, 47)])
def test_a_side_that_takes_short_packets_alone_is_measured_with_those(limit: int, taken: int, skipped: int) -> None:
    line = Line()
    line.answer = answering_up_to(limit)
    found = line.check()
    assert (found.packet_bytes, found.skipped_packet_bytes) == (taken, skipped)
    assert (found.out.lost, found.back.lost) == (0, 0)
    assert found.answered + found.skipped == found.sent
    assert found.back.goodput > 0.3 * found.byte_rate
    assert verdict(found).grade is Grade.GOOD
    assert f"takes packets of {taken} bytes, and none of {skipped}" in verdict(found).text


@pytest.mark.parametrize("goes_out", [True, False], ids=["there", "back"])
@pytest.mark.parametrize("n", [2, 3, 4])
def test_a_line_that_loses_much_is_not_taken_for_a_side_that_skips_long_packets(n: int, goes_out: bool) -> None:
    bad = every(n, silent)
    found = (Line(out=bad) if goes_out else Line(back=bad)).check()
    assert (found.skipped, found.skipped_packet_bytes) == (0, None)
    assert found.back.goodput > 0


def test_losses_beside_short_packets_are_told_too() -> None:
    line = Line(back=every(10, silent))
    line.answer = answering_up_to(79)
    found = line.check(2 * SECONDS)
    assert found.skipped_packet_bytes == 143
    assert found.back.error_rate == pytest.approx(0.1, abs=0.02)
    assert verdict(found).grade is Grade.USABLE


def test_a_line_over_which_nothing_came_under_load_is_not_good() -> None:
    line = Line()

    def stop() -> None:
        line.answer = silent

    line.at_s = {0.25 * SECONDS - 0.02: stop}
    found = line.check()
    assert found.answered > 0
    assert found.back.goodput == 0
    assert verdict(found).grade is Grade.BAD


def test_what_is_sent_while_the_other_side_starts_anew_is_no_error_of_the_line() -> None:
    line = Line()

    def crash() -> None:
        line.answer = silent

    def start() -> None:
        line.answer = Answerer().receive

    line.at_s = {1.5: crash, 2.5: start}
    found = line.check()
    assert found.away > 0
    assert found.answered + found.away == found.sent
    assert (found.out.lost, found.back.lost) == (0, 0)
    assert verdict(found).grade is Grade.GOOD


def test_text_and_noise_beside_the_packets_are_told() -> None:
    line = Line()
    line.at_s = {0.5: lambda: line.say(b"temp 21.5\r\n", 0.5), 0.6: lambda: line.say(b"\xff\xfe\xfd\x00", 0.6)}
    found = line.check()
    assert (found.text_lines, found.last_text) == (1, "temp 21.5")
    assert found.noise_bytes >= 3
    assert verdict(found).grade is Grade.GOOD


def test_who_does_not_answer_gets_a_small_probe_now_and_then_and_no_load() -> None:
    line = Line(out=silent)
    found = line.check()
    assert verdict(found).grade is Grade.SILENT
    assert "not a byte came" in verdict(found).text
    assert found.sent <= 2 * SECONDS


@pytest.mark.parametrize(
    ("other_side", "says"),
    [
        (lambda data: data, "gives back what is sent"),
        (lambda data: b"login: ", "only text came, such as 'login: "),
        (lambda data: b"\xe0\xf8\x80\xff\xfe\x00\x80", "check the baud rate"),
        (lambda data: b"\x00" + frame(control(PacketType.RESET, 0)), "no reply to a probe"),
        (lambda data: b"\x00" + frame(control(PacketType.PROBE, 7, b"\x00\x01")), "--answer"),
    ],
    ids=["an echo", "a login prompt", "garbage", "packets", "another check"],
)
def test_no_answer_is_explained_by_what_came_instead(other_side: Fault, says: str) -> None:
    line = Line()
    line.answer = other_side
    said = verdict(line.check())
    assert said.grade is Grade.SILENT
    assert says in said.text


def test_an_old_reply_and_one_of_another_check_count_for_nothing() -> None:
    asker = Asker(0.0, byte_s=BYTE_S, seconds=1.0)
    other = Asker(0.0, byte_s=BYTE_S, seconds=1.0)
    reply = Answerer().receive(other.data_to_send(0.0))
    asker.data_to_send(0.0)
    asker.receive(reply, 0.01)
    assert asker.result(0.01).answered == 0


def test_the_figures_of_round_trips_are_those_of_the_sorted_times() -> None:
    times = [number / 1000 for number in range(100, 0, -1)]
    assert RoundTrips.of(times) == RoundTrips(0.001, 0.05, 0.1)
    assert RoundTrips.of([]) is None


def test_an_answerer_answers_probes_alone() -> None:
    answerer = Answerer()
    probe = b"\x00" + frame(control(PacketType.PROBE, 7, b"\x00\x01fill"))
    assert answerer.receive(b"text\n" + b"\x00" + frame(control(PacketType.RESET, 0)) + frame(b"\x0f")) == b""
    assert answerer.receive(probe).count(b"\x00") >= 2
    assert answerer.answered == 1
