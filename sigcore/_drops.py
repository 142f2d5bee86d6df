# SPDX-License-Identifier: MIT
"""What is dropped is counted and told: one log line per cause and ten seconds, however much is dropped."""

from __future__ import annotations

import time
from collections import Counter
from threading import Lock
from typing import TYPE_CHECKING

from ._logging import RateLimit, get_logger
from ._shown import cut, shown

if TYPE_CHECKING:
    from ._info import Peer

LOG_INTERVAL_S = 10.0

_log = get_logger("sigcore.drops")


class Drops:
    """Counts by cause what went wrong, and logs it, each cause at most once in ten seconds."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts: Counter[str] = Counter()
        self._limit = RateLimit(LOG_INTERVAL_S)

    def count(self, cause: str, text: str, number: int = 1, reader: Peer | None = None, *, seen: str = "") -> None:
        """Take down ``number`` more of ``cause``.

        Args:
            cause: What is counted: a word of ours, for each is remembered.
            text: What happened and what to do; nothing of what an event holds.
            number: How many.
            reader: Whose they were, where that is a peer; it opens the line.
            seen: What the reason was, perhaps with a piece of what an event held; a line of its own at DEBUG.
        """
        self.note(cause, number)
        line = self._limit.line(cause, text, now_s=time.monotonic())
        if line is not None:
            whose = "" if reader is None else f"{shown(reader.name)} at {cut(reader.endpoint)}: "
            _log.warning("%s%s [%s: %d so far]", whose, line, cause, self._counts[cause])
            if seen:
                _log.debug("%s: %s", cause, seen)

    def note(self, cause: str, number: int = 1) -> None:
        """Take down ``number`` more of ``cause`` that somebody is told of already."""
        with self._lock:
            self._counts[cause] += number

    def counts(self) -> dict[str, int]:
        """Return how often each cause was counted."""
        with self._lock:
            return dict(self._counts)
