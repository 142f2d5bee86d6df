# SPDX-License-Identifier: MIT
"""Which sessions asked for what, and what to do when one of them is slow."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from .._index import keys_for
from .._names import EVENT_CONNECT, EVENT_DISCONNECT, OWN_EVENTS
from .._terms import POLICIES

if TYPE_CHECKING:
    from .._info import Policy
    from .._listener import Key
    from .server_session import ServerSession

Listeners = dict[int, "Policy"]
"""The listeners of one session that asked for the same, by number."""

_NOBODY: dict[ServerSession, Listeners] = {}
_MOST_CONSERVATIVE = {policy: rank for rank, policy in enumerate(POLICIES)}


class Interest:
    """The listeners of every session, by what they asked for; a listener is a number that its session chose."""

    def __init__(self) -> None:
        self._sessions: dict[Key, dict[ServerSession, Listeners]] = {}
        self._events_of: dict[str, set[str]] = {}  # by sender: the events asked for by both names

    def add(self, session: ServerSession, listener_id: int, key: Key, policy: Policy) -> None:
        """Take down that a listener of ``session`` asks for ``key``."""
        self._sessions.setdefault(key, {}).setdefault(session, {})[listener_id] = policy
        sender, event = key
        if sender is not None and event is not None:
            self._events_of.setdefault(sender, set()).add(event)

    def remove(self, session: ServerSession, listener_id: int, key: Key) -> None:
        """Take a listener out; it must be there."""
        sessions = self._sessions[key]
        del sessions[session][listener_id]
        if not sessions[session]:
            del sessions[session]
        if not sessions:
            del self._sessions[key]
            self._forget_event(key)

    def sessions_for(self, sender: str, event: str) -> dict[ServerSession, Policy]:
        """Return the sessions that want an event of a sender, each with the most careful of its policies."""
        found: dict[ServerSession, Policy] = {}
        for key in keys_for(sender, event):
            for session, listeners in self._sessions.get(key, _NOBODY).items():
                policies = (*listeners.values(), found.get(session, POLICIES[-1]))
                found[session] = min(policies, key=_MOST_CONSERVATIVE.__getitem__)
        return found

    def sessions_for_presence(self, sender: str) -> list[ServerSession]:
        """Return the sessions that want to hear when ``sender`` comes and goes, each once."""
        found: dict[ServerSession, None] = {}
        for event in (EVENT_CONNECT, EVENT_DISCONNECT):
            for who in (sender, None):
                found.update(dict.fromkeys(self._sessions.get((who, event), _NOBODY)))
        return list(found)

    def undeclared(self, sender: str, events: Iterable[str]) -> list[tuple[ServerSession, int, str]]:
        """Return (session, listener, event) of those who wait for an event of ``sender`` that is not in ``events``."""
        missing = self._events_of.get(sender, set()).difference(events, OWN_EVENTS)
        return [
            (session, listener_id, event)
            for event in sorted(missing)
            for session, ids in self._sessions.get((sender, event), _NOBODY).items()
            for listener_id in sorted(ids)
        ]

    def _forget_event(self, key: Key) -> None:
        sender, event = key
        if sender is not None and event is not None:
            events = self._events_of[sender]
            events.discard(event)
            if not events:
                del self._events_of[sender]
