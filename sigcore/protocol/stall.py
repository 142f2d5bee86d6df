# SPDX-License-Identifier: MIT
"""How long one reader may hold up the publishers of others."""

from __future__ import annotations


class StallBudget:
    """Time for which a reader may hold up others: spent while it does so, and slowly given back afterwards.

    What is given back is so little that a reader which stalls again and again holds the others up for ``refill`` of
    the time at most, once the first ``budget_s`` are spent.

    Args:
        budget_s: The whole budget, in seconds.
        refill: How much comes back in a second in which it holds up nobody, in seconds, up to the whole budget.
    """

    __slots__ = ("_budget_s", "_is_holding_up", "_left_s", "_refill", "_since_s")

    def __init__(self, budget_s: float = 1.0, refill: float = 0.01) -> None:
        self._budget_s = budget_s
        self._refill = refill
        self._left_s = budget_s
        self._since_s = 0.0  # when that was reckoned; while the budget is whole, any time will do
        self._is_holding_up = False

    def begin(self, now_s: float) -> None:
        """It begins to hold somebody up; without effect while it does so already."""
        if not self._is_holding_up:
            self._reckon(now_s)
            self._is_holding_up = True

    def end(self, now_s: float) -> None:
        """It holds up nobody any more."""
        if self._is_holding_up:
            self._reckon(now_s)
            self._is_holding_up = False

    def left_s(self, now_s: float) -> float:
        """Return what is left of the budget, in seconds."""
        empty_at_s = self.empty_at_s()
        if empty_at_s is not None:
            return max(0.0, empty_at_s - now_s)
        return min(self._budget_s, self._left_s + (now_s - self._since_s) * self._refill)

    def is_empty(self, now_s: float) -> bool:
        """Whether it may hold up nobody now."""
        return self.left_s(now_s) <= 0.0

    def may_begin(self, now_s: float) -> bool:
        """Whether there is enough of it to begin with: a tenth, so that it is not worn away moment by moment."""
        return self.left_s(now_s) >= self._budget_s / 10

    def empty_at_s(self) -> float | None:
        """Return when the budget is empty if it goes on to hold somebody up; ``None`` while it does not."""
        return self._since_s + self._left_s if self._is_holding_up else None

    def _reckon(self, now_s: float) -> None:
        self._left_s, self._since_s = self.left_s(now_s), now_s
