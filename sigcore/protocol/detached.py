# SPDX-License-Identifier: MIT
"""Sessions whose link is gone: when their names are given free, when they are given up, what they may take."""

from __future__ import annotations

import heapq
import itertools
from typing import TYPE_CHECKING

from .._errors import LinkError
from .._shown import shown

if TYPE_CHECKING:
    from .._drops import Drops
    from .server_session import ServerSession

MEMORY_CHECK_S = 1.0
"""How often it is looked at what they take together, while events for them come in."""


class Detached:
    """The sessions of a server that have no link, the one longest without first.

    Args:
        memory: Bytes that they may take together, about.
        drops: Counts those that had to go.
    """

    def __init__(self, memory: int, drops: Drops) -> None:
        self._memory = memory
        self._drops = drops
        self._since: dict[ServerSession, float] = {}
        self._dues: list[tuple[float, int]] = []  # (due, number); they outlast the sessions, and must not keep them
        self._by_number: dict[int, ServerSession] = {}
        self._numbers: dict[ServerSession, int] = {}  # each time that a session loses its link has its own
        self._order = itertools.count()
        self._check_s: float | None = None

    def __len__(self) -> int:
        return len(self._since)

    def add(self, session: ServerSession, now_s: float) -> None:
        """Take in a session that has lost its link."""
        self._since[session] = now_s
        number = self._numbers[session] = next(self._order)
        self._by_number[number] = session
        options = session.options
        for wait_s in {options.grace, options.session_timeout} if session.may_resume else {0.0}:
            heapq.heappush(self._dues, (now_s + wait_s, number))
        if self._check_s is None:
            self._check_s = now_s + MEMORY_CHECK_S

    def remove(self, session: ServerSession) -> None:
        """Forget one that has a link again, or is over."""
        if self._since.pop(session, None) is not None:
            del self._by_number[self._numbers.pop(session)]

    def due(self, now_s: float) -> list[ServerSession]:
        """Return the sessions whose grace or whole time has ended by now, each for every time that has."""
        found = []
        while self._dues and self._dues[0][0] <= now_s:
            session = self._by_number.get(heapq.heappop(self._dues)[1])
            if session is not None:
                found.append(session)
        return found

    def is_out_of_time(self, session: ServerSession, now_s: float) -> bool:
        """Whether it has been without a link for longer than it is kept."""
        return now_s >= self._since[session] + session.options.session_timeout

    def over_memory(self, now_s: float) -> list[ServerSession]:
        """Return those that must go, the one longest without a link first, so that the rest fits."""
        if self._check_s is None or now_s < self._check_s:
            return []
        self._check_s = now_s + MEMORY_CHECK_S if self._since else None
        sizes = {session: session.kept_size for session in self._since}
        excess = sum(sizes.values()) - self._memory
        found = []
        for session, size in sizes.items():
            if excess <= 0:
                break
            excess -= size
            found.append(session)
            text = f"the session of {shown(session.peer.name)} was given up: those without a link took too much memory"
            self._drops.count("session_evicted", text)
        return found

    def deadline_s(self) -> float | None:
        """Return when something is due next."""
        dues = [due for due in (self._check_s, self._dues[0][0] if self._dues else None) if due is not None]
        return min(dues, default=None)


def link_lost(session: ServerSession) -> LinkError:
    """Return the error that a session ends with when its link does not come back."""
    text = f"the link of {session.peer.name!r} was lost and did not come back in time"
    return LinkError(text, cause=session.cause)
