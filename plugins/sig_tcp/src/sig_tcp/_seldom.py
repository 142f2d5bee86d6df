# SPDX-License-Identifier: MIT
"""Warnings that strangers can cause: each kind at most once in 30 seconds, however often they do."""

from __future__ import annotations

import time
from collections import Counter
from logging import Logger

INTERVAL_S = 30.0


class Seldom:
    """Logs warnings, one of each cause in ``INTERVAL_S``, and says how many it held back.

    Args:
        log: Where to.
    """

    def __init__(self, log: Logger) -> None:
        self._log = log
        self._next_s: dict[str, float] = {}
        self._held_back: Counter[str] = Counter()

    def warn(self, cause: str, text: str) -> None:
        """Log ``text`` unless that was done for the same cause just before.

        Args:
            cause: A fixed word of ours, never a peer's text.
            text: What happened, and what to do.
        """
        now_s = time.monotonic()
        if now_s < self._next_s.get(cause, 0.0):
            self._held_back[cause] += 1
            return
        self._next_s[cause] = now_s + INTERVAL_S
        held_back = self._held_back.pop(cause, 0)
        self._log.warning("%s%s", text, f" ({held_back} more since the last such line)" if held_back else "")
