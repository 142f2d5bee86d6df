# SPDX-License-Identifier: MIT
"""A bounded stream of events for ``async for``."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from .._errors import StreamClosed, StreamTimeout
from .._stream import STREAM_FULL

if TYPE_CHECKING:
    from types import TracebackType

    from .._drops import Drops
    from .._info import EventInfo
    from .._listener import Listener
    from ._home import Home

T = TypeVar("T")


async def _nothing() -> None:
    pass


class Stream(Generic[T]):
    """Events as they come, oldest first; got from ``listen``. Leaving ``async with`` closes it.

    It holds ``size`` events; when nobody reads in time the oldest is dropped, counted and logged.

    Attributes:
        dropped: How many events were dropped.
    """

    def __init__(self, size: int | None, drops: Drops, home: Home) -> None:
        if size is not None and size < 1:
            raise ValueError(f"a stream holds at least 1 event, not {size}; None for any number")
        self._items: deque[tuple[EventInfo, T]] = deque()
        self._size = size
        self._readers: deque[asyncio.Future[None]] = deque()
        self._closed = False
        self._listener: Listener | None = None
        self._registered: Callable[[], Awaitable[None]] = _nothing
        self._drops = drops
        self._home = home
        self.dropped = 0

    async def get(self, timeout: float | None = None) -> tuple[EventInfo, T]:
        """Return the next event and its data.

        Args:
            timeout: How long to wait, in seconds; ``None`` waits for ever.

        Raises:
            StreamTimeout: Nothing came in time.
            StreamClosed: The stream was closed and everything in it has been read.
        """
        try:
            async with asyncio.timeout(timeout):
                await self._wait()
        except TimeoutError:
            raise StreamTimeout(f"no event within {timeout} s") from None
        if not self._items:
            raise StreamClosed("the stream is closed and all its events were read")
        return self._items.popleft()

    def close(self) -> None:
        """Stop listening; what was received can still be read. May be called twice."""
        listener = self._listener
        if listener is not None and not listener.removed:
            listener.remove()
        self._end()

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

    async def _wait(self) -> None:
        while not self._items and not self._closed:
            reader: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._readers.append(reader)
            try:
                await reader
            except asyncio.CancelledError:
                if not reader.cancelled():
                    self._wake()  # the wake-up was ours; another reader must have it
                elif reader in self._readers:  # else an event that came since has passed it over
                    self._readers.remove(reader)
                raise

    def _put(self, info: EventInfo, data: Any) -> None:
        self._home.run(self._take, info, data)

    def _take(self, info: EventInfo, data: Any) -> None:
        if self._size is not None and len(self._items) >= self._size:
            self._items.popleft()
            self.dropped += 1
            self._drops.count("stream_full", STREAM_FULL)
        self._items.append((info, data))
        self._wake()

    def _wake(self) -> None:
        while self._readers:
            reader = self._readers.popleft()
            if not reader.done():
                reader.set_result(None)
                return

    def _end(self) -> None:
        self._closed = True
        while self._readers:
            self._wake()
