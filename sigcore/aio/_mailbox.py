# SPDX-License-Identifier: MIT
"""The queue in front of an ``async def`` listener."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from .._losses import Missed
from .._queue import QUEUE_SIZE, Queue
from .._signal import ends_the_program
from ._home import Nudge

if TYPE_CHECKING:
    from .._info import EventInfo
    from .._listener import Listener
    from .._losses import Item
    from .._signal import Report
    from ._home import Home

AsyncCall = Callable[["EventInfo", Any], Awaitable[object]]


class Mailbox:
    """Calls an ``async def`` listener for one event after the other, and its ``on_gap`` for losses between them.

    A task runs only while there is something in it.

    Args:
        listener: The listener.
        call: What to await for each event.
        report: Takes what it raises.
        home: The way to the loop.
        tasks: Where the task that runs is kept, so that its router can wait for it.

    Attributes:
        queue: What waits.
    """

    def __init__(
        self, listener: Listener, call: AsyncCall, report: Report, home: Home, tasks: set[asyncio.Task[None]]
    ) -> None:
        self._listener = listener
        self._call = call
        self._report = report
        self._tasks = tasks
        self._is_running = False
        self._start = Nudge(home, self._run_if_idle)
        self.queue = Queue(max(QUEUE_SIZE, listener.replay), listener.policy, self._changed)

    def __call__(self, info: EventInfo, data: Any) -> None:
        """Put an event in, from any thread."""
        self.queue.put(info, data)

    def _changed(self) -> None:
        if not self.queue.is_closed:
            self._start()

    def _run_if_idle(self) -> None:
        if not self._is_running and not self.queue.is_closed:
            self._is_running = self.queue.is_served = True
            task = asyncio.get_running_loop().create_task(self._run(), name=f"sigcore {self._listener!r}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _run(self) -> None:
        try:
            while not self.queue.is_closed and (item := self.queue.pop()) is not None:
                await self._take(item)
        except BaseException:  # the task was cancelled, perhaps by the listener: the next event makes another
            self.queue.let_go()
            raise
        finally:
            self._is_running = False

    async def _take(self, item: Item) -> None:
        info = item.info if isinstance(item, Missed) else item[0]
        try:
            if isinstance(item, Missed):
                await self._tell_gap(item)
            else:
                await self._call(*item)
        except BaseException as error:
            if ends_the_program(error):
                raise
            if isinstance(error, asyncio.CancelledError) and _is_cancelled():
                raise
            self._report(self._listener, info, error)

    async def _tell_gap(self, missed: Missed) -> None:
        if self._listener.on_gap is not None:
            told = self._listener.on_gap(missed.info, missed.gap)
            if inspect.isawaitable(told):
                await told


def _is_cancelled() -> bool:
    """Whether somebody cancelled this very task, and not just something that the listener awaited."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
