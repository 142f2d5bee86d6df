# SPDX-License-Identifier: MIT
"""The log of what rules would deny, if they were not only tried out."""

from __future__ import annotations

from collections.abc import Callable

from ._logging import get_logger

LINES = 50
INTERVAL_S = 10.0
"""How many different lines the log gets in how many seconds."""

_log = get_logger("sigcore.audit")


class AuditLog:
    """Writes each thing once in a while, and not too many of them: others choose the names in it.

    Args:
        now: Tells the time, in seconds.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._told: set[str] = set()
        self._told_from_s = float("-inf")

    def tell(self, reason: str) -> None:
        """Take down that something would be denied, and why."""
        now_s = self._now()
        if now_s - self._told_from_s >= INTERVAL_S:
            self._told_from_s = now_s
            self._told.clear()
        if reason not in self._told and len(self._told) < LINES:
            self._told.add(reason)
            _log.warning("audit, would be denied: %s", reason)
