# SPDX-License-Identifier: MIT
"""Events of this process on their way to other routers: bounded, and filled from any thread."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

from .._errors import BufferFull, RouterClosed

if TYPE_CHECKING:
    from .._drops import Drops

Item = TypeVar("Item")


class EventBuffer(Generic[Item]):
    """Events that wait to be written: bounded, and filled from any thread.

    Args:
        limit: Bytes that it holds, headers included.
        drops: Counts what is dropped.
        may_wait_s: Called when it is full: how long the calling thread may wait for room.

    Attributes:
        is_told: Whether ``on_item`` was called since the last take.
        on_item: Called when something was put in that was not there at the last take.
        on_room: Called when something was taken and there is room.
    """

    def __init__(self, limit: int, drops: Drops, may_wait_s: Callable[[], float]) -> None:
        self._limit = limit
        self._drops = drops
        self._may_wait_s = may_wait_s
        self._items: deque[tuple[Item, int]] = deque()
        self._size = 0
        # Entered as a lock: Ctrl-C may strike inside the Python code that enters a Condition, which then stays locked.
        self._lock = threading.RLock()
        self._room = threading.Condition(self._lock)
        self.is_told = False
        self._is_closed = False
        self._is_online = False
        self.on_item: Callable[[], None] = _nothing
        self.on_room: Callable[[], None] = _nothing

    @property
    def is_online(self) -> bool:
        """Whether what is put in can go out. While it cannot, the oldest give way when there is no room."""
        return self._is_online

    @is_online.setter
    def is_online(self, is_online: bool) -> None:
        self._is_online = is_online
        if not is_online:
            with self._lock:
                self._room.notify_all()  # nobody waits for room without a link

    @property
    def has_room(self) -> bool:
        """Whether the next event would be taken at once."""
        return self._size < self._limit

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits to be written."""
        return not self._items

    def put(self, item: Item, size: int) -> None:
        """Put in one event of ``size`` bytes.

        Raises:
            BufferFull: There is no room, and none came while the thread waited as long as it may.
            RouterClosed: The router was closed.
        """
        with self._lock:
            if self._size >= self._limit:
                self._make_room()
            self._items.append((item, size))
            self._size += size
        if not self.is_told:
            self.tell()

    def put_in_any_case(self, item: Item, size: int) -> None:
        """Put in what there must always be room for: frames that are no events."""
        with self._lock:
            self._items.append((item, size))
            self._size += size
        self.on_item()

    def tell(self) -> None:
        """Have ``on_item`` called, once until the next take; it does no harm if two threads do at a time."""
        self.is_told = True
        try:
            self.on_item()
        except BaseException:  # Ctrl-C: then the next that is put in is told
            self.is_told = False
            raise

    def take(self, take: Callable[[Item], bool]) -> None:
        """Give the items in their order to ``take`` until it returns false; that one stays."""
        self.is_told = False  # first: what is put in from now on is told again
        with self._lock:
            items, taken = self._items, 0
            while items and take(items[0][0]):
                taken += items.popleft()[1]
            self._size -= taken
            has_room = taken > 0 and self._size < self._limit
            if has_room:
                self._room.notify_all()
        if has_room:
            self.on_room()

    def close(self) -> None:
        """Take nothing more: what is put in from now on raises."""
        with self._lock:
            self._is_closed = True
            self._limit = 0  # so that put has to look why
            self._room.notify_all()

    def _make_room(self) -> None:
        if self.is_online and (wait_s := self._may_wait_s()) > 0:
            self._room.wait_for(self._need_not_wait, wait_s)
        if self._is_closed:
            raise RouterClosed("the router was closed; its senders can trigger nothing any more")
        if self.is_online and self._size >= self._limit:
            raise BufferFull(
                f"{self._size} bytes of events wait to be sent, at most {self._limit} may (event_queue); "
                "await drain(), trigger less often, or allow more"
            )
        kept = []
        while self._items and self._size >= self._limit:
            item, size = self._items.popleft()
            if self._may_drop(item):
                self._size -= size
                self._dropped(item)
                self._drops.count("disconnected", "too many events while there was no link; the oldest were dropped")
            else:
                kept.append((item, size))
        self._items.extendleft(reversed(kept))

    def _may_drop(self, item: Item) -> bool:
        """Whether an item is an event, which may be dropped while there is no link."""
        return True

    def _dropped(self, item: Item) -> None:
        """Take down that an event was dropped while there was no link."""

    def _need_not_wait(self) -> bool:
        return self._size < self._limit or self._is_closed or not self.is_online


def _nothing() -> None:
    pass
