# SPDX-License-Identifier: MIT
"""How far ahead of the line bytes are given away, so that what is urgent need not wait behind what is not.

The system takes some KiB at once, half a second of a line at 115 200 baud; nothing can overtake them there.
Source: docs/serial-link.md, "The stream", "Pace".
"""

from __future__ import annotations

from typing import Final

LEAD_S: Final = 0.010
"""How much may be on its way when more is given: what an event loop may be late at times."""

FILL_S: Final = 0.015
"""Up to how much is given then, where packets are short: so a fast line does not wake the loop for each packet."""


class Pace:
    """Reckons how long the line is busy with what it was given.

    Args:
        byte_s: Seconds that one byte takes.
        now_s: The time.
    """

    def __init__(self, byte_s: float, now_s: float) -> None:
        self._byte_s = byte_s
        self.free_s = now_s
        """When the line will have sent all that it was given."""

    @property
    def room_s(self) -> float:
        """When the line may be given more."""
        return self.free_s - LEAD_S

    def is_idle(self, now_s: float) -> bool:
        """Whether the line has sent all that it was given."""
        return now_s >= self.free_s

    def wants_more(self, now_s: float) -> bool:
        """Whether, once it was found to have room, the line may be given another packet."""
        return self.free_s < now_s + FILL_S

    def add(self, size: int, now_s: float) -> None:
        """Give the line ``size`` bytes."""
        self.free_s = max(self.free_s, now_s) + size * self._byte_s
