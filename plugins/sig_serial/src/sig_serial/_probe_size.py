# SPDX-License-Identifier: MIT
"""Finds the longest probes that the other side answers: one with little memory skips what is too long for it.

Between the long probes go small ones. A small one that is answered while the long one right before it is not tells
that this one was skipped, or lost. After so many in a row that chance alone would not do it, the next shorter size is
tried. The first long probe that is answered settles the matter.

No I/O, no clock.
"""

from __future__ import annotations

import math
from typing import Final

SMALL_FILL: Final = 20
"""Bytes in a small probe: as in a short event."""

FILLS: Final = (200, 124, 60, 28, SMALL_FILL)
"""Bytes in a long probe: at first a packet of about the length that links use on a clean line. Each of the others is
what fits beside the head of a reply into packets that are made for pieces of 128, 64 and 32 bytes of a stream."""

LEAST_TRIES: Final = 4
"""So many long probes must be skipped in a row at least, on a line that lost nothing till then."""

_CHANCE: Final = 0.001
"""That a size is taken for too long though chance alone lost its probes: once in a thousand checks."""

_LONG_TO_SMALL: Final = 6
"""About how many times as long on the line a long probe and its reply are as a small one and its."""


class ProbeSize:
    """How long a long probe is.

    Attributes:
        fill: Bytes in it, beside its number.
        refused: Bytes in those that were too long, the least; ``None`` where there are no such.
        is_settled: Whether this size came through, or is the least there is.
    """

    def __init__(self) -> None:
        self.fill = FILLS[0]
        self.refused: int | None = None
        self.is_settled = False
        self._skipped = 0

    def came(self) -> None:
        """Take down that a long probe was answered."""
        self.is_settled = True

    def skipped(self, small_share: float) -> bool:
        """Take down that a long probe was not answered and the small one behind it was.

        Args:
            small_share: The share of the small probes that were answered on an idle line, above 0 to 1.

        Returns:
            Whether the long probes are shorter from now on.
        """
        self._skipped += 1
        if self.is_settled or self._skipped < _tries(small_share):
            return False
        self.refused, self._skipped = self.fill, 0
        self.fill = FILLS[FILLS.index(self.fill) + 1]
        self.is_settled = self.fill == FILLS[-1]
        return True


def _tries(small_share: float) -> int:
    """Return how many long probes in a row chance does not lose, where so many of the small ones come through."""
    share_lost = min(max(_CHANCE, 1 - small_share**_LONG_TO_SMALL), 1 - _CHANCE)
    return max(LEAST_TRIES, math.ceil(math.log(_CHANCE) / math.log(share_lost)))
