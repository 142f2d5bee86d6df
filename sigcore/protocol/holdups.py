# SPDX-License-Identifier: MIT
"""Publishers that wait for a reader without room, and what that costs the reader.

A reader whose listeners want to miss nothing slows down whoever signals to it; that is what they asked for. It must
not do so at the expense of others. So its stall budget runs while events wait for it, unless it reads at a fair pace
and nobody else runs dry because of it. When the budget is spent, events are dropped for it, and it is told.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from .server_session import ServerSession
    from .stall import StallBudget

CHECK_S = 0.1
"""How often it is looked at whom somebody waits for."""

FAIR_S = 10.0
"""A fair pace: what may wait for a reader would be read within so many seconds."""

LINE_SHARE = 1 / 8
"""Nor need a reader take more than this part of what its line carries: the rest may be damaged, or for others."""

PACE_S = 0.5
"""How far ahead a reader may be at a fair pace: it takes in larger pieces than it is looked at."""

SLOW_PACE_S = 5.0
"""The same at most for a reader at a slow line, in proportion to the time that is fair there."""

DRY = 0.25
"""A reader runs dry that has less than this part of what may wait for it."""

LONG_BYTES = 4 * 1024 * 1024
"""Of a queue that may be longer, or has no limit, only so much counts: 1 MiB to read is enough for any reader."""


class Reader(Protocol):
    """Whoever events wait for: a session, or the server's own process.

    Attributes:
        stall: How long it may still hold up others.
    """

    stall: StallBudget

    @property
    def taken(self) -> int:
        """How many bytes it took, ever."""

    @property
    def waiting_size(self) -> int:
        """How many bytes of events wait for it."""

    @property
    def most_waiting(self) -> int:
        """How many may."""

    @property
    def fair_s(self) -> float:
        """In how many seconds what may wait for it would be read at a fair pace."""

    def give_way(self) -> None:
        """Hold up nobody any more: lose events instead."""


def fair_s(most_waiting: int, byte_s: float) -> float:
    """Return in how many seconds it is fair to read so many bytes by a line that takes ``byte_s`` for each.

    Args:
        most_waiting: How many bytes may wait.
        byte_s: Seconds; 0 where the line's rate is not known, or does not matter.
    """
    return max(FAIR_S, most_waiting * byte_s / LINE_SHARE)


class HoldUps:
    """The publishers that wait now, and the readers that they wait for."""

    def __init__(self) -> None:
        self._waiting: dict[ServerSession | None, tuple[Collection[Reader], Collection[Reader]]] = {}
        self._paces: dict[Reader, Pace] = {}
        self._look_s: float | None = None

    def wait(
        self, publisher: ServerSession | None, full: Collection[Reader], others: Collection[Reader], now_s: float
    ) -> None:
        """Events of ``publisher``, ``None`` for the server's own process, wait for readers that are full.

        Args:
            publisher: Who waits.
            full: For whom.
            others: Who else reads what that publisher signals.
            now_s: The time.
        """
        self._waiting[publisher] = (full, others)
        for reader in full:
            self._paces.setdefault(reader, Pace()).note(reader, now_s)
        if self._look_s is None:
            self._look_s = now_s + CHECK_S

    def take_waiting(self) -> list[ServerSession]:
        """Return the sessions that wait, in order, and forget that they do."""
        waiting, self._waiting = self._waiting, {}
        return [publisher for publisher in waiting if publisher is not None]

    def forget(self, session: ServerSession) -> None:
        """A session is over."""
        self._waiting.pop(session, None)
        self._paces.pop(session, None)

    def has_room(self, reader: Reader, now_s: float) -> None:
        """Nobody has to wait for ``reader`` any more."""
        reader.stall.end(now_s)

    def look(self, now_s: float) -> bool:
        """Have those give way that have held up others for too long; return whether there were any."""
        if self._look_s is None or now_s < self._look_s:
            return False
        self._look_s = now_s + CHECK_S if self._waiting else None
        blamed: dict[Reader, bool] = {}
        for full, others in self._waiting.values():
            someone_runs_dry = any(map(_runs_dry, others))
            for reader in full:
                blamed[reader] = blamed.get(reader, False) or someone_runs_dry or not self._keeps_pace(reader, now_s)
        for reader, is_blamed in blamed.items():
            (reader.stall.begin if is_blamed else reader.stall.end)(now_s)
        spent = [reader for reader in blamed if reader.stall.is_empty(now_s)]
        for reader in spent:
            self.has_room(reader, now_s)
            reader.give_way()
        return bool(spent)

    def deadline_s(self) -> float | None:
        """Return when ``look`` is due next."""
        return self._look_s

    def _keeps_pace(self, reader: Reader, now_s: float) -> bool:
        pace = self._paces[reader]
        pace.note(reader, now_s)
        return pace.covered_s >= now_s


class Pace:
    """Whether a reader takes events at a fair pace, in pieces of whatever length: each covers some time.

    Attributes:
        covered_s: Until when it has taken enough.
    """

    def __init__(self) -> None:
        self.covered_s = 0.0
        self._taken = 0
        self._noted_s = -math.inf

    def note(self, reader: Reader, now_s: float) -> None:
        """Take down how much it has taken since the last time."""
        ahead_s = min(SLOW_PACE_S, PACE_S * reader.fair_s / FAIR_S)
        if now_s - self._noted_s > ahead_s:
            self.covered_s = now_s  # it was not looked at for long, and did not have to take anything
        else:
            covers_s = (reader.taken - self._taken) * reader.fair_s / reader.most_waiting
            self.covered_s = min(max(self.covered_s, self._noted_s) + covers_s, now_s + ahead_s)
        self._taken, self._noted_s = reader.taken, now_s


def _runs_dry(reader: Reader) -> bool:
    return reader.waiting_size < DRY * min(reader.most_waiting, LONG_BYTES)
