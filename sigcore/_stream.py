# SPDX-License-Identifier: MIT
"""A bounded stream of events, for those who would rather read than be called."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ._errors import StreamClosed, StreamTimeout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from ._drops import Drops
    from ._info import EventInfo
    from ._listener import Listener

T = TypeVar("T")

STREAM_SIZE = 1_000
"""How many events a stream, or the queue of an ``async def`` listener, holds unless told otherwise."""

STREAM_FULL = "a stream of events was full and lost its oldest; read it faster, or ask for a larger size="


class Stream(Generic[T]):
    """Events as they come, oldest first; got from ``listen``. Leaving ``with`` closes it.

    It holds ``size`` events; when nobody reads in time the oldest is dropped, counted and logged.

    Attributes:
        dropped: How many events were dropped.
    """

    def __init__(self, size: int | None, drops: Drops) -> None:
        if size is not None and size < 1:
            raise ValueError(f"a stream holds at least 1 event, not {size}; None for any number")
        self._items: deque[tuple[EventInfo, T]] = deque()
        self._size = size
        # Entered as a lock: Ctrl-C may strike inside the Python code that enters a Condition, which then stays locked.
        self._lock = threading.RLock()
        self._ready = threading.Condition(self._lock)
        self._closed = False
        self._listener: Listener | None = None
        self._drops = drops
        self.dropped = 0

    def get(self, timeout: float | None = None) -> tuple[EventInfo, T]:
        """Return the next event and its data.

        Args:
            timeout: How long to wait, in seconds; ``None`` waits for ever.

        Raises:
            StreamTimeout: Nothing came in time.
            StreamClosed: The stream was closed and everything in it has been read.
        """
        with self._lock:
            if not self._ready.wait_for(lambda: self._items or self._closed, timeout):
                raise StreamTimeout(f"no event within {timeout} s")
            if not self._items:
                raise StreamClosed("the stream is closed and all its events were read")
            return self._items.popleft()

    def close(self) -> None:
        """Stop listening; what was received can still be read. May be called twice."""
        listener = self._listener
        if listener is not None and not listener.removed:
            listener.remove()
        self._end()

    def __iter__(self) -> Iterator[tuple[EventInfo, T]]:
        while True:
            try:
                yield self.get()
            except StreamClosed:
                return

    def __enter__(self) -> Stream[T]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _put(self, info: EventInfo, data: Any) -> None:
        with self._lock:
            if self._size is not None and len(self._items) >= self._size:
                self._items.popleft()
                self.dropped += 1
                self._drops.count("stream_full", STREAM_FULL)
            self._items.append((info, data))
            self._ready.notify()

    def _end(self) -> None:
        with self._lock:
            self._closed = True
            self._ready.notify_all()
