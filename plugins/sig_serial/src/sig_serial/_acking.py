# SPDX-License-Identifier: MIT
"""When to acknowledge what came of the other side's stream. Source: docs/serial-link.md, "The stream"."""

from __future__ import annotations

from typing import Final

DELAY_S: Final = 0.020
"""How long DATA of this side is waited for, to carry the acknowledgement."""

KEEP_ALIVE_S: Final = 0.5
"""The sign of life: a packet at least this often."""


class Acking:
    """Reckons when an ACK is due.

    Args:
        keep_alive_s: The longest time without any packet of this side.
        now_s: The time.
        packets: After how many DATA in order an ACK is due at once.

    Attributes:
        due_s: When an ACK is due.
        is_urgent: Whether DATA does not do instead.
    """

    def __init__(self, keep_alive_s: float, now_s: float, *, packets: int) -> None:
        self._keep_alive_s = keep_alive_s
        self._packets = packets
        self._apart_s = 0.0
        self._unacknowledged = 0
        self.is_urgent = False
        self._told_s = now_s - keep_alive_s  # when ranges were told last
        self.due_s = now_s + keep_alive_s

    def came(self, now_s: float, apart_s: float, *, in_order: bool) -> None:
        """Count DATA that came.

        Args:
            now_s: The time.
            apart_s: The least time between two ACK that are sent at once because of a loss.
            in_order: Whether it was just the next bytes, and the reader has taken them: no hole, no double.
        """
        self._unacknowledged += 1
        self._apart_s = apart_s
        if not in_order:
            self.hurry(now_s)
        elif self._unacknowledged >= self._packets:
            self.due_s = min(self.due_s, now_s)
        else:
            self.due_s = min(self.due_s, now_s + DELAY_S)

    def hurry(self, now_s: float) -> None:
        """Send an ACK as soon as one may be sent again; DATA does not do instead."""
        self.is_urgent = True
        self.due_s = min(self.due_s, max(now_s, self._told_s + self._apart_s))

    def sent_data(self, now_s: float) -> None:
        """Note that DATA has told ``ack``."""
        self._unacknowledged = 0
        if self.is_urgent:
            self.due_s = max(now_s, self._told_s + self._apart_s)
        else:
            self.due_s = now_s + self._keep_alive_s

    def sent_ack(self, now_s: float) -> None:
        """Note that an ACK has told all."""
        self._unacknowledged = 0
        if self.is_urgent:
            self._told_s = now_s
            self.is_urgent = False
        self.due_s = now_s + self._keep_alive_s
