# SPDX-License-Identifier: MIT
"""What is sent, and sent again, until it has been acknowledged."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st
from sig_serial._counters import LinkCounters
from sig_serial._fragment_size import LEAST_BYTES, FragmentSize
from sig_serial._receiving import Receiving
from sig_serial._round_trip import RoundTrip
from sig_serial._sending import MAX_FLIGHTS, Sending

BYTE_S = 1e-4
STREAM = Random(2).randbytes(2000)


class OfSize(FragmentSize):
    """A fragment size that a test changes at will."""

    def __init__(self) -> None:
        super().__init__(256)

    def arrived(self, payload_bytes: int) -> None:
        pass

    def lost(self, payload_bytes: int) -> None:
        pass


def sending(window: int = 400, size: int = 100) -> tuple[Sending, OfSize, LinkCounters]:
    fragment, counters = OfSize(), LinkCounters()
    fragment.bytes = size
    return Sending(window, fragment, RoundTrip(0.01), counters, 0.0), fragment, counters


def sent(side: Sending, now_s: float = 0.0) -> list[tuple[int, int]]:
    """Send all there is; return from where to where each packet goes."""
    packets = []
    while side.has_more():
        start, payload = side.take(now_s, BYTE_S)
        packets.append((start, start + len(payload)))
    return packets


steps = st.lists(st.tuples(st.integers(1, 200), st.booleans(), st.booleans(), st.sampled_from([0.0, 0.01, 0.5, 2.0])))


@given(steps)
def test_every_byte_arrives_however_packets_are_cut_and_lost(steps: list[tuple[int, bool, bool, float]]) -> None:
    side, fragment, _ = sending()
    other, given_out, now_s = Receiving(400, LinkCounters()), b"", 0.0
    side.write(STREAM)
    for size, is_lost, ack_is_lost, pause_s in steps + [(100, False, False, 2.0)] * 80:
        fragment.bytes = size
        now_s += pause_s
        side.time_out(now_s)
        if side.has_more():
            start, payload = side.take(now_s, BYTE_S)
            assert payload == STREAM[start : start + len(payload)] != b""
            assert start + len(payload) <= other.consumed + 400
            given_out += b"" if is_lost else other.take(start, bytes(payload))
        if not ack_is_lost:
            side.acknowledge(other.consumed, other.ranges(), now_s)
    assert given_out == STREAM
    assert (side.unacknowledged, side.unsent, side.awaits) == (0, 0, False)


def test_what_a_later_packet_has_overtaken_is_lost_and_goes_first() -> None:
    side, _, counters = sending()
    side.write(STREAM)
    assert sent(side) == [(0, 100), (100, 200), (200, 300), (300, 400)]
    side.acknowledge(100, [(200, 300)], 0.1)
    assert sent(side, 0.1) == [(100, 200), (400, 500)]
    assert counters.retransmitted == 1


def test_a_data_cannot_tell_of_a_loss() -> None:
    side, _, counters = sending()
    side.write(STREAM)
    sent(side)
    side.acknowledge(100, None, 0.1)
    assert sent(side, 0.1) == [(400, 500)]
    assert counters.retransmitted == 0


def test_an_old_acknowledgement_is_ignored() -> None:
    side, _, counters = sending()
    side.write(STREAM)
    sent(side)
    side.acknowledge(300, [], 0.1)
    sent(side, 0.1)
    side.acknowledge(100, [(200, 300)], 0.2)
    side.acknowledge(5000, [], 0.2)
    assert (side.acked, side.has_more(), counters.retransmitted) == (300, False, 0)


def test_when_nothing_is_heard_one_packet_asks_and_ever_more_rarely() -> None:
    side, _, _ = sending()
    side.write(STREAM)
    sent(side)
    asked_s = []
    for step in range(1000):
        now_s = step / 100
        side.time_out(now_s)
        packets = sent(side, now_s)
        assert sum(end - start for start, end in packets) <= 100  # what one was, perhaps in shorter ones
        asked_s += [now_s] if packets else []
    assert 8 <= len(asked_s) <= 14
    assert asked_s[-1] - asked_s[-2] <= 1.1


def test_a_lost_packet_is_cut_to_the_size_of_the_day_without_a_crumb_left() -> None:
    side, fragment, _ = sending()
    side.write(STREAM[:400])
    sent(side)
    side.acknowledge(0, [(300, 400)], 0.1)
    fragment.bytes = 90
    assert sent(side, 0.1) == [(0, 90), (90, 180), (180, 300)]


def test_a_window_that_opens_bit_by_bit_makes_no_packets_of_bits() -> None:
    side, _, _ = sending(window=150)
    side.write(STREAM)
    assert sent(side) == [(0, 100)]
    side.acknowledge(100, None, 0.1)
    assert sent(side, 0.1) == [(100, 200)]


def test_bytes_that_were_told_in_a_range_are_never_sent_again() -> None:
    side, _, _ = sending()
    side.write(STREAM[:400])
    sent(side)
    side.acknowledge(0, [(0, 400)], 0.1)
    assert not side.awaits
    side.time_out(100.0)
    assert sent(side, 100.0) == []
    assert side.unacknowledged == 400


def test_a_side_that_takes_crumbs_only_has_few_of_them_on_the_way() -> None:
    side, _, _ = sending(window=2000, size=1)
    side.write(STREAM)
    assert len(sent(side)) == MAX_FLIGHTS
    side.acknowledge(100, None, 0.1)
    assert len(sent(side, 0.1)) == 100
    side.time_out(100.0)
    assert len(sent(side, 100.0)) == 1


@given(st.lists(st.sampled_from(["lost", "timed out"])))
def test_fragments_are_long_again_when_all_goes_well(faults: list[str]) -> None:
    fragment = FragmentSize(256)
    for fault in faults:
        before = fragment.bytes
        if fault == "lost":
            fragment.lost(fragment.bytes)
        else:
            fragment.timed_out()
        assert LEAST_BYTES <= fragment.bytes <= before
    for _ in range(5000):
        fragment.arrived(fragment.bytes)
    assert fragment.bytes == 256


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 65535)), max_size=50))
def test_fragments_of_any_length_may_be_lost(fates: list[tuple[bool, int]]) -> None:
    fragment = FragmentSize(65535)
    for is_lost, size in fates:
        if is_lost:
            fragment.lost(size)
        else:
            fragment.arrived(size)
        assert LEAST_BYTES <= fragment.bytes <= 65535
