# SPDX-License-Identifier: MIT
"""How long to wait for an acknowledgement: RFC 6298, with the times of a serial line.

Times count from when the packet has left, not from when it was given to the system.
"""

from __future__ import annotations

from typing import Final

MOST_S: Final = 1.0
"""A longer time-out would find out late that the line is well again."""

FIRST_S: Final = 0.25
"""More than the least, before anything was measured: for the latency of adapters and of a busy side."""

PATIENCE_S: Final = 0.04
"""The other side may wait 20 ms with its acknowledgement, and wake late."""

_LONGEST_PACKETS: Final = 3


class RoundTrip:
    """Learns the time-out from round trips.

    Args:
        packet_s: How long the longest packet is on the line.

    Attributes:
        smoothed_s: The smoothed round trip; 0 before the first sample.
        timeout_s: How long to wait at present.
    """

    def __init__(self, packet_s: float) -> None:
        self._least_s = _LONGEST_PACKETS * packet_s + PATIENCE_S
        self._most_s = max(MOST_S, self._least_s + FIRST_S)
        self._deviation_s = 0.0
        self._learned_s = self._least_s + FIRST_S
        self.smoothed_s = 0.0
        self.timeout_s = self._learned_s

    def sample(self, trip_s: float) -> None:
        """Take a round trip of a packet that was sent once; the time-out is what was learned again."""
        trip_s = max(trip_s, 0.0)
        if not self.smoothed_s:
            self.smoothed_s, self._deviation_s = trip_s, trip_s / 2
        else:
            self._deviation_s += (abs(self.smoothed_s - trip_s) - self._deviation_s) / 4
            self.smoothed_s += (trip_s - self.smoothed_s) / 8
        self._learned_s = min(max(self.smoothed_s + 4 * self._deviation_s, self._least_s), self._most_s)

    def progress(self) -> None:
        """Forget the doublings: something new was acknowledged."""
        self.timeout_s = self._learned_s

    def back_off(self) -> None:
        """Double the time-out: it has run out."""
        self.timeout_s = min(2 * self.timeout_s, self._most_s)
