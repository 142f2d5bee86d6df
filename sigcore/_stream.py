# SPDX-License-Identifier: MIT
"""A bounded stream of events, for those who would rather read than be called."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ._errors import StreamClosed, StreamTimeout
from ._losses import Missed
from ._queue import Queue

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from ._info import EventInfo, Policy
    from ._losses import Item

T = TypeVar("T")


class Stream(Generic[T]):
    """Events as they come, oldest first; got from ``listen``. Leaving ``with`` closes it.

    It holds ``size`` events; when nobody reads in time its policy says what happens.
    """

    def __init__(self, size: int | None, policy: Policy) -> None:
        self._queue = Queue(size, policy, self._changed)
        # Entered as a lock: Ctrl-C may strike inside the Python code that enters a Condition, which then stays locked.
        self._lock = self._queue.lock
        self._ready = threading.Condition(self._lock)

    @property
    def dropped(self) -> int:
        """How many events were dropped because it was full, or because newer ones took their places."""
        return self._queue.dropped

    def get(self, timeout: float | None = None) -> tuple[EventInfo, T]:
        """Return the next event and its data; call ``on_gap`` for what was lost before it.

        Args:
            timeout: How long to wait, in seconds; ``None`` waits for ever.

        Raises:
            StreamTimeout: Nothing came in time.
            StreamClosed: The stream was closed and everything in it has been read.
        """
        deadline_s = None if timeout is None else time.monotonic() + timeout
        while isinstance(item := self._next(deadline_s), Missed):
            if self._queue.listener is not None:
                self._queue.listener.tell_gap(item.info, item.gap)
        if item is None:
            raise StreamTimeout(f"no event within {timeout} s")
        return item

    def close(self) -> None:
        """Stop listening; what was received can still be read. May be called twice."""
        listener = self._queue.listener
        if listener is not None and not listener.removed:
            listener.remove()
        self._queue.close()

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

    def _next(self, deadline_s: float | None) -> Item | None:
        """Wait for an event or a loss and take it; ``None`` when the time is over."""
        with self._lock:
            left_s = None if deadline_s is None else max(0.0, deadline_s - time.monotonic())
            if not self._ready.wait_for(lambda: self._queue.is_closed or not self._queue.is_empty, left_s):
                return None
            item = self._queue.pop()
        if item is None:
            raise StreamClosed("the stream is closed and all its events were read")
        return item

    def _put(self, info: EventInfo, data: Any) -> None:
        self._queue.put(info, data)

    def _changed(self) -> None:
        if self._queue.is_closed:
            self._ready.notify_all()
        else:
            self._ready.notify()
