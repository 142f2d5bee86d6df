# SPDX-License-Identifier: MIT
"""A bounded stream of events for ``async for``."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from .._errors import StreamClosed, StreamTimeout
from .._losses import Missed
from .._queue import Queue
from ._home import Nudge

if TYPE_CHECKING:
    from types import TracebackType

    from .._info import EventInfo, Policy
    from .._losses import Item
    from ._home import Home

T = TypeVar("T")


async def _nothing() -> None:
    pass


class Stream(Generic[T]):
    """Events as they come, oldest first; got from ``listen``. Leaving ``async with`` closes it.

    It holds ``size`` events; when nobody reads in time its policy says what happens.
    """

    def __init__(self, size: int | None, policy: Policy, home: Home) -> None:
        self._queue = Queue(size, policy, self._changed)
        self._registered: Callable[[], Awaitable[None]] = _nothing
        self._news = asyncio.Event()
        self._readers = 0  # how many wait
        self._wake = Nudge(home, self._news.set)

    @property
    def dropped(self) -> int:
        """How many events were dropped because it was full, or because newer ones took their places."""
        return self._queue.dropped

    async def get(self, timeout: float | None = None) -> tuple[EventInfo, T]:
        """Return the next event and its data; call ``on_gap`` for what was lost before it.

        Args:
            timeout: How long to wait, in seconds; ``None`` waits for ever.

        Raises:
            StreamTimeout: Nothing came in time.
            StreamClosed: The stream was closed and everything in it has been read.
        """
        try:
            async with asyncio.timeout(timeout):
                while isinstance(item := await self._next(), Missed):
                    if self._queue.listener is not None:
                        self._queue.listener.tell_gap(item.info, item.gap)
        except TimeoutError:
            raise StreamTimeout(f"no event within {timeout} s") from None
        if item is None:
            raise StreamClosed("the stream is closed and all its events were read")
        return item

    def close(self) -> None:
        """Stop listening; what was received can still be read. May be called twice."""
        listener = self._queue.listener
        if listener is not None and not listener.removed:
            listener.remove()
        self._queue.close()

    def __aiter__(self) -> Stream[T]:
        return self

    async def __anext__(self) -> tuple[EventInfo, T]:
        try:
            return await self.get()
        except StreamClosed:
            raise StopAsyncIteration from None

    async def __aenter__(self) -> Stream[T]:
        """Return once the server, if there is one, knows what is listened for; its refusal is raised."""
        try:
            await self._registered()
        except BaseException:
            self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def _next(self) -> Item | None:
        """Wait for an event or a loss and take it; ``None`` at the end."""
        while True:
            with self._queue.lock:
                item = self._queue.pop()
                if item is not None or self._queue.is_closed:
                    return item
                self._readers += 1
                self._news.clear()
            try:
                await self._news.wait()
            finally:
                self._readers -= 1

    def _put(self, info: EventInfo, data: Any) -> None:
        self._queue.put(info, data)

    def _changed(self) -> None:
        if self._readers:
            self._wake()
