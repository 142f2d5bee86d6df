# SPDX-License-Identifier: MIT
"""When to try again: exponential, with full jitter, so that many clients do not come back in step.

Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015 ("full jitter").
"""

from __future__ import annotations

import random
from collections.abc import Callable

FIRST_S = 0.25
LONGEST_S = 30.0


class Backoff:
    """Gives the delay before each next try: anything up to 0.25 s, 0.5 s, 1 s, ... 30 s.

    Args:
        longest_s: The bound that is not passed.
        random: Gives a number from 0 to 1.
    """

    def __init__(self, longest_s: float = LONGEST_S, random: Callable[[], float] = random.random) -> None:
        self._longest_s = longest_s
        self._random = random
        self._bound_s = FIRST_S

    @property
    def is_fresh(self) -> bool:
        """Whether no delay was given since the beginning."""
        return self._bound_s == FIRST_S

    def delay_s(self) -> float:
        """Return the next delay in seconds; the one after it may be twice as long."""
        bound_s = self._bound_s
        self._bound_s = min(2 * bound_s, self._longest_s)
        return min(bound_s, self._longest_s) * self._random()

    def reset(self) -> None:
        """Begin again: things were well for a while."""
        self._bound_s = FIRST_S
