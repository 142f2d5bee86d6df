# SPDX-License-Identifier: MIT
"""Who failed to prove who they are, and how often: whoever guesses has to wait for each answer."""

from __future__ import annotations

from collections import OrderedDict

from .sources import network_of

FREE_FAILURES = 5
"""How many failures of one source cost nothing: somebody mistyped, or a secret has changed."""

DELAY_S = 1.0
"""How long each further answer takes."""

FORGET_S = 300.0
"""How long a source must not fail until it is as any other."""

MOST_SOURCES = 4096
"""How many sources are remembered; beyond that the one whose last failure is longest ago is forgotten."""


class Failures:
    """Counts failures by source, within a bound."""

    def __init__(self) -> None:
        self._failed: OrderedDict[str, tuple[int, float]] = OrderedDict()  # by network: how often, and when last

    def add(self, source: str, now_s: float) -> None:
        """Take down one more failure of a source."""
        network = network_of(source)
        self._failed[network] = (self._count(network, now_s) + 1, now_s)
        self._failed.move_to_end(network)
        if len(self._failed) > MOST_SOURCES:
            self._failed.popitem(last=False)

    def delay_s(self, source: str, now_s: float) -> float:
        """Return how long the next answer to a source takes, in seconds."""
        return DELAY_S if self._count(network_of(source), now_s) >= FREE_FAILURES else 0.0

    def __len__(self) -> int:
        return len(self._failed)

    def _count(self, network: str, now_s: float) -> int:
        count, last_s = self._failed.get(network, (0, now_s))
        return count if now_s - last_s < FORGET_S else 0
