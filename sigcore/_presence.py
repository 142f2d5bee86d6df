# SPDX-License-Identifier: MIT
"""Presence: who is connected, and the listeners that asked to be told.

A change is put down in the order in which it happens; whoever finds nobody at it then tells each listener the
difference between that state and what the listener was told last. So a listener hears ``#connect`` and
``#disconnect`` of a sender in turn, whoever was first and in whichever threads things happen, and a late listener
gets the present state by the same rule. Where a listener blocks and changes pile up, only the last of each sender is
kept: presence is a state, not a log.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from ._info import EventInfo, SenderInfo
from ._names import EVENT_CONNECT, EVENT_DISCONNECT

if TYPE_CHECKING:
    from ._listener import Listener


MAX_CHANGES = 10_000
"""How many changes may wait before only the last of each sender is kept."""

Change = tuple[str, "SenderInfo | None", str]
"""A name, its state from then on, and why its sender is gone, if it is."""


class PresenceBoard:
    """The senders that this router knows to be connected, and who must hear of them.

    Args:
        tell: Calls a listener: ``tell(listener, info, data)``; must not raise.
    """

    def __init__(self, tell: Callable[[Listener, EventInfo, SenderInfo], None]) -> None:
        self._tell = tell
        self._lock = threading.Lock()
        self._own: dict[str, SenderInfo] = {}
        self._elsewhere: dict[str, SenderInfo] = {}  # a name may be there and here until a server refuses one of them
        self._listeners: tuple[Listener, ...] = ()
        self._changes: deque[Change] = deque()
        self._most_changes = MAX_CHANGES
        self._telling = False

    def note(self, info: SenderInfo) -> None:
        """Take down that a sender is connected, or is not; ``settle`` tells the listeners."""
        with self._lock:
            senders = self._own if info.peer is None else self._elsewhere
            if info.connected:
                senders[info.name] = info
            elif (held := senders.get(info.name)) is not None and held.peer == info.peer:
                del senders[info.name]  # and not a successor elsewhere, whose connect was faster
            if self._listeners:
                self._mark(info.name, info.cause)

    def add_listener(self, listener: Listener) -> None:
        """Let ``listener`` hear of what is and of what comes; ``settle`` tells it."""
        with self._lock:
            # Those of #disconnect come first: of a sender and its successor, the end is told before the beginning.
            self._listeners = tuple(sorted((*self._listeners, listener), key=lambda each: each.event == EVENT_CONNECT))
            for name in (listener.sender,) if listener.sender is not None else self._present():
                self._mark(name)

    def remove_listener(self, listener: Listener) -> None:
        """Tell ``listener`` nothing more."""
        with self._lock:
            self._listeners = tuple(other for other in self._listeners if other is not listener)

    def listeners(self) -> tuple[Listener, ...]:
        """Return those who asked to be told."""
        return self._listeners

    def senders(self) -> list[SenderInfo]:
        """Return every connected sender, by name."""
        with self._lock:
            return sorted(self._present().values(), key=lambda info: info.name)

    def settle(self) -> None:
        """Tell every listener what it does not know yet, unless somebody is at it already."""
        with self._lock:
            if self._telling:
                return
            self._telling = True
        try:
            while (change := self._next()) is not None:
                name, now, cause = change
                for listener in self._listeners:
                    if listener.sender is None or listener.sender == name:
                        self._bring_up_to_date(listener, name, now, cause)
        except BaseException:  # a listener ends the program, or would: whoever comes next goes on telling
            with self._lock:
                self._telling = False
            raise

    def _present(self) -> dict[str, SenderInfo]:
        """Return the senders by name, our own before those elsewhere."""
        return {**self._elsewhere, **self._own}

    def _mark(self, name: str, cause: str = "") -> None:
        self._changes.append((name, self._own.get(name) or self._elsewhere.get(name), cause))
        if len(self._changes) > self._most_changes:
            latest = {change[0]: change for change in self._changes}
            self._changes = deque(latest.values())
            self._most_changes = max(MAX_CHANGES, 2 * len(latest))

    def _next(self) -> Change | None:
        """Return a name and its state, one for all listeners: ``#connect`` and ``#disconnect`` have one each."""
        with self._lock:
            if self._changes:
                return self._changes.popleft()
            self._telling = False
            return None

    def _bring_up_to_date(self, listener: Listener, name: str, now: SenderInfo | None, cause: str) -> None:
        before = listener.told.get(name)
        if now == before:
            return
        if before is not None:
            del listener.told[name]
            self._say(listener, EVENT_DISCONNECT, replace(before, connected=False, cause=cause))
        if now is not None:
            listener.told[name] = now
            self._say(listener, EVENT_CONNECT, now)

    def _say(self, listener: Listener, event: str, data: SenderInfo) -> None:
        if listener.event == event and not listener.removed:
            self._tell(listener, EventInfo(data.name, event, data.peer), data)
