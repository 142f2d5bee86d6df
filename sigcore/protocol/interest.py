# SPDX-License-Identifier: MIT
"""Which links asked for what."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from .._index import keys_for
from .._names import EVENT_CONNECT, EVENT_DISCONNECT

if TYPE_CHECKING:
    from .._listener import Key
    from .server_link import ServerLink

_NOBODY: dict[ServerLink, set[int]] = {}


class Interest:
    """The listeners of every link, by what they asked for; a listener is a number that its link chose."""

    def __init__(self) -> None:
        self._links: dict[Key, dict[ServerLink, set[int]]] = {}
        self._events_of: dict[str, set[str]] = {}  # by sender: the events asked for by both names

    def add(self, link: ServerLink, listener_id: int, key: Key) -> None:
        """Take down that a listener of ``link`` asks for ``key``."""
        self._links.setdefault(key, {}).setdefault(link, set()).add(listener_id)
        sender, event = key
        if sender is not None and event is not None:
            self._events_of.setdefault(sender, set()).add(event)

    def remove(self, link: ServerLink, listener_id: int, key: Key) -> None:
        """Take a listener out; it must be there."""
        links = self._links[key]
        links[link].remove(listener_id)
        if not links[link]:
            del links[link]
        if not links:
            del self._links[key]
            self._forget_event(key)

    def links_for(self, sender: str, event: str) -> list[ServerLink]:
        """Return the links that want an event of a sender, each once."""
        found: dict[ServerLink, None] = {}
        for key in keys_for(sender, event):
            found.update(dict.fromkeys(self._links.get(key, _NOBODY)))
        return list(found)

    def links_for_presence(self, sender: str) -> list[ServerLink]:
        """Return the links that want to hear when ``sender`` comes and goes, each once."""
        found: dict[ServerLink, None] = {}
        for event in (EVENT_CONNECT, EVENT_DISCONNECT):
            for who in (sender, None):
                found.update(dict.fromkeys(self._links.get((who, event), _NOBODY)))
        return list(found)

    def undeclared(self, sender: str, events: Iterable[str]) -> list[tuple[ServerLink, int, str]]:
        """Return (link, listener, event) of those who wait for an event of ``sender`` that is not in ``events``."""
        missing = self._events_of.get(sender, set()).difference(events, (EVENT_CONNECT, EVENT_DISCONNECT))
        return [
            (link, listener_id, event)
            for event in sorted(missing)
            for link, ids in self._links.get((sender, event), _NOBODY).items()
            for listener_id in sorted(ids)
        ]

    def _forget_event(self, key: Key) -> None:
        sender, event = key
        if sender is not None and event is not None:
            events = self._events_of[sender]
            events.discard(event)
            if not events:
                del self._events_of[sender]
