# SPDX-License-Identifier: MIT
"""What stands before a listener that takes events later than they come: a stream's reader, or an ``async def``."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ._line import comes_by_link, line_for

if TYPE_CHECKING:
    from ._info import EventInfo, Gap, Policy
    from ._listener import Listener
    from ._losses import Item, Missed

QUEUE_SIZE = 1_000
"""How many events wait for a listener unless told otherwise."""


class Queue:
    """Where events wait for one listener, by its policy; any thread may use it.

    Args:
        size: How many events may wait; ``None`` for any number.
        policy: What happens at that number.
        changed: Called when there is something to take, and when the queue is closed; with ``lock`` held.

    Attributes:
        lock: Held by whoever looks at it.
        listener: Whose it is.
        dropped: How many events it has dropped.
        is_served: Whether somebody will go on taking; else nobody waits for room.
        is_closed: Whether its listener is gone; what is in it can still be taken.
    """

    def __init__(self, size: int | None, policy: Policy, changed: Callable[[], None]) -> None:
        if size is not None and size < 1:
            raise ValueError(f"at least 1 event must have room, not {size}; None for any number")
        self.lock = threading.RLock()  # logging what was dropped may itself trigger an event
        self.listener: Listener | None = None
        self.dropped = 0
        self.is_served = True
        self.is_closed = False
        self._line = line_for(size, policy)
        self._low = 0 if size is None else size // 2
        self._changed = changed
        self._resume: list[Callable[[], None]] = []

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to take."""
        return self._line.is_empty

    @property
    def is_full(self) -> bool:
        """Whether an event of a link has to wait."""
        return self._line.is_full and self.is_served

    def put(self, info: EventInfo, data: Any) -> None:
        """Add an event; what is lost by that is told in its place, and taken down."""
        with self.lock:
            missed = self._line.put(info, data)
            self.dropped += missed is not None
            self._changed()
        if missed is not None:
            self._take_down(missed, info)

    def put_gap(self, info: EventInfo, gap: Gap) -> None:
        """Add a loss from elsewhere, told once the events before it are taken."""
        with self.lock:
            self._line.put_gap(info, gap)
            self._changed()

    def pop(self) -> Item | None:
        """Take the next event or loss; ``None`` when there is none."""
        with self.lock:
            item = None if self._line.is_empty else self._line.pop()
            if self._resume and len(self._line) <= self._low:
                self._go_on()
        return item

    def when_room(self, resume: Callable[[], None]) -> None:
        """Have ``resume`` called, perhaps more than once, when there is room again or nobody need wait any more.

        Room for one event would make the one who delivers and the one who takes change places for each; so it is
        called when the queue is half empty.
        """
        with self.lock:
            self._resume.append(resume)
            if not self.is_full:
                self._go_on()

    def close(self) -> None:
        """Let nobody wait for it any more, neither for room nor for events."""
        with self.lock:
            self.is_closed = True
            self.let_go()
            self._changed()

    def let_go(self) -> None:
        """Let nobody wait for room until ``is_served`` is set again: what comes is taken all the same."""
        with self.lock:
            self.is_served = False
            self._go_on()

    def _go_on(self) -> None:
        for resume in self._resume:  # emptied afterwards: if Ctrl-C strikes here, they are called once more
            resume()
        self._resume.clear()

    def _take_down(self, missed: Missed, caused_by: EventInfo) -> None:
        listener = self.listener
        if listener is None:
            return
        listener.count_lost(missed.info, missed.gap)
        if listener.policy == "disconnect" and comes_by_link(caused_by):
            listener.disconnect()
