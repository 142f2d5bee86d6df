# SPDX-License-Identifier: MIT
"""Event data that shows what a line did to it."""

from __future__ import annotations

import zlib
from typing import Any

FILLER = "The quick brown fox jumps over the lazy dog. " * 100


class Stamps:
    """Takes down the stamped events of one sender, which come one after another, from number 0 on.

    As JSON an event is text of ``size`` bytes with its quotes: six digits of its number, eight of a checksum, filler.
    """

    def __init__(self, sender: str) -> None:
        self._sender = sender
        self.count = 0
        self.next = 0
        self.lost = self.repeated = self.wrong = 0

    @staticmethod
    def make(sender: str, seq: int, size: int) -> str:
        """Return event number ``seq`` of ``sender``, whose body has ``size`` bytes; 16 at least."""
        number, filler = f"{seq:06x}", FILLER[seq % 45 :][: size - 16]
        return f"{number}{_sum(sender, number, filler):08x}{filler}"

    def take(self, data: Any) -> None:
        """Compare one that came with what is due."""
        self.count += 1
        if not isinstance(data, str) or data[6:14] != f"{_sum(self._sender, data[:6], data[14:]):08x}":
            self.wrong += 1
            return
        seq = int(data[:6], 16)
        if seq < self.next:  # again, or after a later one
            self.repeated += 1
            return
        self.lost += seq - self.next
        self.next = seq + 1

    def faults(self) -> dict[str, int]:
        """Return how many were lost by now, came again or too late, and were wrong."""
        return {"lost": self.lost, "repeated": self.repeated, "wrong": self.wrong}


def _sum(sender: str, number: str, filler: str) -> int:
    return zlib.crc32(f"{sender} {number} {filler}".encode())
