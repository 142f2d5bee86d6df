# SPDX-License-Identifier: MIT
"""How many bytes of the stream to send in one packet: many on a clean line, few where packets are lost.

Of a packet with n bytes and h more around them, n / (n + h) is of use, if it arrives; with errors at a rate of p per
byte, that has a chance of (1 - p) ** (n + h). The product is greatest near n = sqrt(h / p), while that is long
against h.
"""

from __future__ import annotations

import math
from typing import Final

OVERHEAD_BYTES: Final = 18
"""Around the payload: header 11, CRC 4, stuffing 2, delimiter 1."""

LEAST_BYTES: Final = 32
"""Shorter packets cost more than they save."""

_MEMORY_BYTES: Final = 16384
"""How far back losses count: some 1.5 s at 115 200 baud."""

_FIRST_BYTES: Final = 1024
"""What is taken to have arrived before anything was sent: little, so that the first losses of a bad line count."""


class FragmentSize:
    """Learns the size from what became of packets.

    Args:
        most_bytes: What the other side takes.

    Attributes:
        bytes: The size at present.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._least = min(LEAST_BYTES, most_bytes)
        self._arrived_bytes = float(_FIRST_BYTES)
        self._lost_bytes = 0.0
        self._lost = 0.0
        self.bytes = most_bytes

    def fitting(self, length: int) -> int:
        """Return how many of ``length`` bytes to send at once, without a rest that would not be worth a packet."""
        return length if length <= min(self._most, self.bytes + self.bytes // 2) else self.bytes

    def arrived(self, payload_bytes: int) -> None:
        """Count a packet that has come."""
        size = payload_bytes + OVERHEAD_BYTES
        if self._lost:
            self._fade(size)
        self._arrived_bytes = min(self._arrived_bytes + size, _MEMORY_BYTES)
        self.bytes = min(self._best(), 2 * self.bytes)

    def lost(self, payload_bytes: int) -> None:
        """Count a packet that was lost."""
        size = payload_bytes + OVERHEAD_BYTES
        self._fade(size)
        self._lost_bytes += size
        self._lost += 1
        self.bytes = min(self._best(), self.bytes)

    def timed_out(self) -> None:
        """Halve the size; each packet that arrives doubles it again, as far as what was learned allows."""
        self.bytes = max(self._least, self.bytes // 2)

    def _fade(self, size: int) -> None:
        kept = math.exp(-size / _MEMORY_BYTES)
        self._arrived_bytes *= kept
        self._lost_bytes *= kept
        self._lost = self._lost * kept if self._lost > 0.01 else 0.0

    def _best(self) -> int:
        # Of n bytes in packets a share q was lost: the rate is -log(1 - q) per packet, which is near q / (1 - q / 2).
        rate = self._lost / (self._arrived_bytes + self._lost_bytes / 2)
        best = math.sqrt(OVERHEAD_BYTES / rate) if rate else self._most
        return int(min(self._most, max(self._least, best)))
