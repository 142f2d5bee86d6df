# SPDX-License-Identifier: MIT
"""What goes out of this side's stream: kept until it is acknowledged, and sent again where it was lost.

Theory of operation. Each byte from ``acked`` on is known to have come (told in a range), or lost (to be sent again), or
in flight (in exactly one of the flights, which stand in the order in which they were sent), or was never sent. The line
keeps the order: so when a flight has come, those sent before it and not told of are lost. Offsets are absolute here.
Source: docs/serial-link.md, "The stream".
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ._counters import LinkCounters
from ._fragment_size import OVERHEAD_BYTES, FragmentSize
from ._packet import MAX_RANGES, Range
from ._round_trip import RoundTrip

MAX_FLIGHTS: Final = 512
"""More than a window of the shortest sensible packets: each ACK is held against all of them."""


@dataclass(slots=True)
class _Flight:
    """One DATA on its way: its bytes, which one it was in the order of sending, and when it has left."""

    start: int
    end: int
    number: int
    sent_s: float
    is_again: bool


class Sending:
    """One direction of one link.

    Args:
        window: How many bytes the other side takes beyond its ``ack``.
        fragment: Learns how long packets should be.
        round_trip: Learns how long to wait.
        counters: Where to count.
        now_s: The time.

    Attributes:
        acked: The first byte that the other side's reader has not taken.
        sent: The first byte that was never sent.
        progress_s: When something was acknowledged last, or was sent after all had been.
    """

    def __init__(
        self, window: int, fragment: FragmentSize, round_trip: RoundTrip, counters: LinkCounters, now_s: float
    ) -> None:
        self._window = window
        self._fragment = fragment
        self._round_trip = round_trip
        self._counters = counters
        self._kept = bytearray()  # from ``acked`` on
        self._flights: deque[_Flight] = deque()
        self._lost: list[Range] = []  # rising
        self._count = 0
        self._newest = -1  # the latest flight of which it is known that it has come
        self._gave_up_s = now_s
        self.progress_s = now_s
        self.acked = self.sent = 0

    @property
    def end(self) -> int:
        """The first byte that was never written."""
        return self.acked + len(self._kept)

    @property
    def unsent(self) -> int:
        """How many bytes were written and never sent."""
        return self.end - self.sent

    @property
    def unacknowledged(self) -> int:
        """How many bytes were written and not taken by the other side's reader."""
        return len(self._kept)

    @property
    def awaits(self) -> bool:
        """Whether anything was sent of which it is not known that it has come."""
        return bool(self._flights or self._lost)

    @property
    def timeout_s(self) -> float | None:
        """When to give up the oldest flight."""
        if not self._flights:
            return None
        return max(self._flights[0].sent_s, self._gave_up_s) + self._round_trip.timeout_s

    def write(self, data: bytes) -> None:
        """Append to the stream."""
        self._kept += data

    def has_more(self) -> bool:
        """Whether there is anything to send now."""
        if len(self._flights) >= MAX_FLIGHTS:
            return False
        if self._lost:
            return True
        sent = self.sent
        left = self.acked + len(self._kept) - sent
        if not left:
            return False
        room = self.acked + self._window - sent
        # A window that opens bit by bit makes no packets of bits: they wait while others are on their way.
        return room >= min(left, self._fragment.bytes) or (room > 0 and not self._flights)

    def take(self, begins_s: float, byte_s: float) -> tuple[int, bytearray]:
        """Return the offset and the bytes of the next DATA; ask ``has_more`` before.

        Args:
            begins_s: When the line will begin with it.
            byte_s: How long it takes for one byte.
        """
        is_again = bool(self._lost)
        begins_anew = not self.awaits
        start, end = self._take_lost() if is_again else self._take_unsent()
        left_s = begins_s + (end - start + OVERHEAD_BYTES) * byte_s
        if begins_anew:
            self.progress_s = max(self.progress_s, left_s)
        self._flights.append(_Flight(start, end, self._count, left_s, is_again))
        self._count += 1
        return start, self._kept[start - self.acked : end - self.acked]

    def acknowledge(self, ack: int, ranges: Sequence[Range] | None, now_s: float) -> None:
        """Take ``ack``, and the ranges of an ACK; ``None`` from a DATA, which cannot tell any."""
        if not self.acked <= ack <= self.sent:
            return
        arrived = self._arrived_flights(ack, ranges or ())
        if arrived:
            self._learn(arrived, now_s)
        if ack > self.acked:
            del self._kept[: ack - self.acked]
            self.acked = ack
            self.progress_s = max(now_s, self.progress_s)
            self._round_trip.progress()
        if self._lost:
            self._lost = _without(self._lost, [(0, ack), *(ranges or ())])
        if ranges is not None and self._flights and self._flights[0].number < self._newest:
            self._find_lost(ranges[-1][1] if len(ranges) == MAX_RANGES else self.sent)

    def time_out(self, now_s: float) -> None:
        """Give up the oldest flight if its time is over: its acknowledgement will tell about the others."""
        timeout_s = self.timeout_s
        if timeout_s is not None and now_s >= timeout_s:
            self._gave_up_s = now_s
            self._round_trip.back_off()
            self._give_up(self._flights.popleft())
            self._fragment.timed_out()

    def _take_lost(self) -> Range:
        self._counters.retransmitted += 1
        start, lost_end = self._lost[0]
        end = min(lost_end, start + self._fragment.fitting(lost_end - start))
        self._lost[:1] = [(end, lost_end)] if end < lost_end else []
        return start, end

    def _take_unsent(self) -> Range:
        start = self.sent
        self.sent = min(self.end, start + self._fragment.bytes, self.acked + self._window)
        return start, self.sent

    def _arrived_flights(self, ack: int, ranges: Sequence[Range]) -> list[_Flight]:
        """Take the flights that have come out of those on their way."""
        flights = self._flights
        arrived: list[_Flight] = []
        while flights and flights[0].end <= ack:
            arrived.append(flights.popleft())
        if flights and (ranges or ack > self.acked):
            left: deque[_Flight] = deque()
            for each in flights:
                has_come = each.end <= ack or any(start <= each.start and each.end <= end for start, end in ranges)
                (arrived if has_come else left).append(each)
            if len(left) < len(flights):
                self._flights = left
        return arrived

    def _learn(self, arrived: list[_Flight], now_s: float) -> None:
        for each in arrived:
            self._fragment.arrived(each.end - each.start)
        newest = max(arrived, key=lambda each: each.number)
        self._newest = max(self._newest, newest.number)
        self.progress_s = max(now_s, self.progress_s)
        if not newest.is_again:
            self._round_trip.sample(now_s - newest.sent_s)
        self._round_trip.progress()

    def _find_lost(self, known_to: int) -> None:
        """Give up the flights that one sent later has overtaken, as far as the other side has told all."""
        left: deque[_Flight] = deque()
        for each in self._flights:
            if each.number < self._newest and each.end <= known_to:
                self._fragment.lost(each.end - each.start)
                self._give_up(each)
            else:
                left.append(each)
        self._flights = left

    def _give_up(self, flight: _Flight) -> None:
        start = max(flight.start, self.acked)  # packets cut otherwise may have brought the first bytes
        if start < flight.end:
            self._lost = _joined([*self._lost, (start, flight.end)])


def _joined(ranges: list[Range]) -> list[Range]:
    """Return ``ranges`` rising, those that touch as one."""
    joined: list[Range] = []
    for start, end in sorted(ranges):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _without(ranges: list[Range], taken: Sequence[Range]) -> list[Range]:
    """Return what ``taken`` leaves of ``ranges``."""
    for start, end in taken:
        left: list[Range] = []
        for low, high in ranges:
            if low < start:
                left.append((low, min(high, start)))
            if end < high:
                left.append((max(low, end), high))
        ranges = [(low, high) for low, high in left if low < high]
    return ranges
