# SPDX-License-Identifier: MIT
"""The queue in front of an ``async def`` listener."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from .._signal import ENDS_THE_PROGRAM
from .._stream import STREAM_SIZE

if TYPE_CHECKING:
    from .._drops import Drops
    from .._info import EventInfo
    from .._listener import Listener
    from .._signal import Report
    from ._home import Home

AsyncCall = Callable[["EventInfo", Any], Awaitable[object]]


class Mailbox:
    """Calls an ``async def`` listener for one event after the other; full, it drops the oldest, counted and logged.

    A task runs only while there is something in it.

    Args:
        listener: The listener.
        call: What to await for each event.
        report: Takes what it raises.
        drops: Counts what is dropped.
        home: The way to the loop.
        tasks: Where the task that runs is kept, so that its router can wait for it.
    """

    def __init__(
        self,
        listener: Listener,
        call: AsyncCall,
        report: Report,
        drops: Drops,
        home: Home,
        tasks: set[asyncio.Task[None]],
    ) -> None:
        self._listener = listener
        self._call = call
        self._report = report
        self._drops = drops
        self._home = home
        self._tasks = tasks
        self._items: deque[tuple[EventInfo, Any]] = deque()
        self._running = False

    def __call__(self, info: EventInfo, data: Any) -> None:
        """Put an event in, from any thread."""
        self._home.run(self._put, info, data)

    def _put(self, info: EventInfo, data: Any) -> None:
        if len(self._items) >= STREAM_SIZE:
            self._items.popleft()
            self._drops.count("listener_full", "an 'async def' listener was too slow and lost its oldest event")
        self._items.append((info, data))
        if not self._running:
            self._running = True
            task = asyncio.get_running_loop().create_task(self._run(), name=f"sigcore {self._listener!r}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _run(self) -> None:
        try:
            while self._items and not self._listener.removed:
                info, data = self._items.popleft()
                try:
                    await self._call(info, data)
                except ENDS_THE_PROGRAM:
                    raise
                except BaseException as error:
                    if isinstance(error, asyncio.CancelledError) and _is_cancelled():
                        raise
                    self._report(self._listener, info, error)
        finally:
            self._running = False


def _is_cancelled() -> bool:
    """Whether somebody cancelled this very task, and not just something that the listener awaited."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
