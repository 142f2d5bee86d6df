# SPDX-License-Identifier: MIT
"""What has come and gone at a port in all: over the lines that it has had, which end when it is unplugged or lent."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ._counters import LinkCounters, RawCounters

_OF_THE_PRESENT = ("fragment", "round_trip_s")
"""What stands among the counters and is no count."""


class Totals:
    """Adds up the counters of a port's lines.

    Args:
        framing: What its lines are: ``packets`` or ``none``.
    """

    def __init__(self, framing: str) -> None:
        self._framing = framing
        self._former = _counts_of(RawCounters() if framing == "none" else LinkCounters())
        self._present: list[LinkCounters | RawCounters] = []

    def begin(self, counters: LinkCounters | RawCounters) -> None:
        """Count a line that begins."""
        self._present.append(counters)

    def end(self, counters: LinkCounters | RawCounters) -> None:
        """Keep the counts of a line that is over."""
        self._present = [each for each in self._present if each is not counters]
        self._former = _sum(self._former, _counts_of(counters))

    def status(self, line: LinkCounters | RawCounters | None) -> dict[str, Any]:
        """Return the counts of all lines so far, and what is so at present on ``line``, if there is one."""
        counts = self._former
        for counters in self._present:
            counts = _sum(counts, _counts_of(counters))
        if self._framing == "none":
            return {"framing": "none", **counts}
        packets = line if isinstance(line, LinkCounters) else None
        return {
            "framing": self._framing,
            **counts,
            "fragment": packets and packets.fragment,
            "round_trip_ms": packets and round(packets.round_trip_s * 1000, 3),
        }


def _counts_of(counters: LinkCounters | RawCounters) -> dict[str, int]:
    return {name: count for name, count in asdict(counters).items() if name not in _OF_THE_PRESENT}


def _sum(some: dict[str, int], more: dict[str, int]) -> dict[str, int]:
    return {name: count + more[name] for name, count in some.items()}
