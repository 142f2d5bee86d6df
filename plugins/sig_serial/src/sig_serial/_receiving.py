# SPDX-License-Identifier: MIT
"""What comes of the other side's stream: put in order, without holes and doubles, and held while the reader pauses.

Offsets are absolute here. Source: docs/serial-link.md, "The stream".
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

from ._counters import LinkCounters
from ._packet import MAX_RANGES, Range

_MAX_HOLES: Final = 256
"""Ranges that are kept out of order; a window of the shortest sensible fragments has no more."""


class Receiving:
    """One direction of one link.

    Args:
        window: How many bytes to keep at most, from the first that the reader has not taken.
        counters: Where to count.

    Attributes:
        next: The first byte that has not come.
    """

    def __init__(self, window: int, counters: LinkCounters) -> None:
        self._window = window
        self._counters = counters
        self._ahead = bytearray()  # what comes next, with holes, as far as anything has come
        self._ranges: list[Range] = []  # what is there in it: absolute, rising, apart from each other
        self._waiting = bytearray()  # in order, for a reader that pauses
        self._pauses = False
        self.next = 0

    @property
    def consumed(self) -> int:
        """The first byte that the reader has not taken: what ``ack`` says."""
        return self.next - len(self._waiting)

    @property
    def kept_bytes(self) -> int:
        """How many bytes are kept."""
        return len(self._ahead) + len(self._waiting)

    @property
    def has_ahead(self) -> bool:
        """Whether anything has come out of order, beyond a hole."""
        return bool(self._ranges)

    def ranges(self) -> list[Range]:
        """Return the lowest ranges that have come and were not consumed."""
        found = [(self.consumed, self.next)] if self._waiting else []
        return (found + self._ranges)[:MAX_RANGES]

    def take(self, offset: int, payload: bytes) -> bytes:
        """Take bytes that came; return those that the reader gets now."""
        if offset == self.next and not self._ahead and len(payload) <= self._window - len(self._waiting):
            self.next += len(payload)
            return self._give(payload)
        start, end = max(offset, self.next), min(offset + len(payload), self.consumed + self._window)
        if start >= end or not self._add(start, end):
            self._counters.duplicates += 1
            return b""
        self._store(start, payload[start - offset : end - offset])
        return self._give(self._take_front())

    def pause(self) -> None:
        """Keep what comes from now on."""
        self._pauses = True

    def resume(self) -> bytes:
        """Return what was kept, and keep nothing from now on."""
        self._pauses = False
        kept = bytes(self._waiting)
        self._waiting.clear()
        return kept

    def _give(self, payload: bytes) -> bytes:
        if not self._pauses:
            return payload
        self._waiting += payload
        return b""

    def _add(self, start: int, end: int) -> bool:
        """Join ``start`` to ``end`` to the ranges; say whether anything of it was missing."""
        ranges = self._ranges
        first = bisect_left(ranges, start, key=lambda each: each[1])  # the first that ends at ``start`` or behind
        last = first
        while last < len(ranges) and ranges[last][0] <= end:
            last += 1
        touched = ranges[first:last]
        if touched:
            if touched[0][0] <= start and end <= touched[0][1]:
                return False
            start, end = min(start, touched[0][0]), max(end, touched[-1][1])
        elif len(ranges) >= _MAX_HOLES:
            return False
        ranges[first:last] = [(start, end)]
        return True

    def _store(self, start: int, payload: bytes) -> None:
        at = start - self.next
        missing = at + len(payload) - len(self._ahead)
        if missing > 0:
            self._ahead += bytes(missing)
        self._ahead[at : at + len(payload)] = payload

    def _take_front(self) -> bytes:
        """Take what is in order from the front of what is ahead."""
        if self._ranges[0][0] > self.next:
            return b""
        _, end = self._ranges.pop(0)
        size = end - self.next
        front = bytes(self._ahead[:size])
        del self._ahead[:size]
        self.next = end
        return front
