# SPDX-License-Identifier: MIT
"""How fast one side may come with what costs the other much."""

from __future__ import annotations


class Pace:
    """A bucket of tokens: so many come in each second, and so many fit into it (the generic cell rate algorithm).

    Nothing is refused: who has spent all is told for how long to wait, and may be late with one frame.

    Args:
        rate: Tokens that come in a second.
        burst: How many fit.
    """

    __slots__ = ("_burst_s", "_paid_until_s", "_token_s")

    def __init__(self, rate: float, burst: float) -> None:
        self._token_s = 1 / rate
        self._burst_s = burst / rate
        self._paid_until_s = float("-inf")

    def spend(self, tokens: float, now_s: float) -> float:
        """Take tokens out; return how many seconds it lasts until those that were too many have come in again.

        >>> pace = Pace(rate=10, burst=2)
        >>> [pace.spend(1, now_s=5.0) for _ in range(4)]
        [0.0, 0.0, 0.1, 0.2]
        """
        self._paid_until_s = max(self._paid_until_s, now_s - self._burst_s) + tokens * self._token_s
        return round(max(0.0, self._paid_until_s - now_s), 6)
