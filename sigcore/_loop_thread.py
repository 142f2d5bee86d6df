# SPDX-License-Identifier: MIT
"""The two threads of a blocking router: its event loop, and the dispatcher that calls listeners."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from ._errors import RouterClosed, WrongThread
from ._logging import get_logger
from .aio._event_loop import new_event_loop

if TYPE_CHECKING:
    from ._queue import Queue
    from .aio._delivery import Batch, Delivery

T = TypeVar("T")

_log = get_logger("sigcore.router")

JOIN_S = 1.0
"""How long closing waits for a listener that does not return; its thread ends with the process."""

SLOW_LISTENER_S = 10.0
"""How long a listener may keep the dispatcher's thread until that is logged."""


class LoopThread:
    """An event loop in a thread of its own, and the way to wait for what runs there."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @property
    def is_running(self) -> bool:
        """Whether the loop runs."""
        return self._loop is not None

    def start(self) -> None:
        """Start the loop."""
        self._loop = new_event_loop()
        self._thread = threading.Thread(target=self._run, args=(self._loop,), name="sigcore-loop", daemon=True)
        self._thread.start()

    def loop_to_wait_for(self) -> asyncio.AbstractEventLoop:
        """Return the loop, if the calling thread may wait for it; the errors are those of ``wait_for``."""
        loop = self._loop
        if loop is None:
            raise RouterClosed("the router is not open; open() it, or use it with 'with'")
        if self._thread is threading.current_thread():
            raise WrongThread(
                "this call waits for the router's own loop, and was made on it (by an 'async def' handler?); "
                "use a plain function, or a router of sigcore.aio"
            )
        return loop

    def wait_for(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run ``coroutine`` on the loop and return its result.

        Raises:
            RouterClosed: The loop does not run, or ends before the coroutine does.
            WrongThread: This is the loop's own thread, which would wait for itself.
        """
        try:
            loop = self.loop_to_wait_for()
        except BaseException:
            coroutine.close()
            raise
        running = threading.Lock()  # until it is done; Ctrl-C may leave the Condition of a Future locked, no such lock
        running.acquire()
        tasks: list[asyncio.Task[T]] = []

        def begin() -> None:
            tasks.append(loop.create_task(coroutine))
            tasks[0].add_done_callback(end)

        def end(task: asyncio.Task[T]) -> None:
            if not task.cancelled():
                task.exception()  # looked at, also where an interrupt let nobody wait for it
            running.release()

        try:
            loop.call_soon_threadsafe(begin)
        except RuntimeError:  # the loop was closed in this very moment
            coroutine.close()
            raise RouterClosed("the router was closed meanwhile") from None
        try:
            running.acquire()
        except BaseException:
            with suppress(RuntimeError):  # the loop is closed, and what ran there has ended
                loop.call_soon_threadsafe(lambda: tasks[0].cancel())
            raise
        try:
            return tasks[0].result()
        except asyncio.CancelledError:
            raise RouterClosed("the router was closed meanwhile") from None

    def stop(self) -> None:
        """Stop the loop and its thread."""
        loop, thread = self._loop, self._thread
        if loop is None or thread is None:
            return
        self._loop = None
        loop.call_soon_threadsafe(loop.stop)
        if thread is not threading.current_thread():
            thread.join()

    @staticmethod
    def _run(loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_forever()
        finally:
            loop.run_until_complete(_cancel_the_rest())  # somebody may wait for it in another thread
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()


async def _cancel_the_rest() -> None:
    while rest := asyncio.all_tasks() - {asyncio.current_task()}:  # another thread may have begun one just now
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)


class Dispatcher:
    """Calls listeners in a thread of its own, in order, so that one that blocks delays events and nothing else.

    It waits where a stream that must not lose events is full. What waits for it is bounded by whoever gives it: a link
    grants credit as ``done`` tells what was dealt with.

    Args:
        started: Called in the thread as it starts.
        what: What the thread is, for the log, where a listener does not return for long.
    """

    def __init__(self, started: Callable[[], None], what: str) -> None:
        self._started = started
        self._what = what
        self._queue: queue.SimpleQueue[tuple[Sequence[Delivery], int, Callable[[int], None]] | None]
        self._queue = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="sigcore-dispatcher", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def put(self, deliveries: Sequence[Delivery], size: int, done: Callable[[int], None]) -> None:
        """Have events delivered in the thread (see ``sigcore.aio._delivery.Deliver``)."""
        self._queue.put((deliveries, size, done))

    def stop(self) -> None:
        """Deliver what waits, and end; a listener that does not return is left behind after 1 s."""
        self._queue.put(None)
        if self._thread is not threading.current_thread():
            self._thread.join(JOIN_S)

    def _run(self) -> None:
        from .aio._delivery import Batch
        from .aio._watchdog import Watchdog

        self._started()
        watchdog = Watchdog(SLOW_LISTENER_S, self._what)
        watchdog.start_here()
        while (entry := self._queue.get()) is not None:
            batch = Batch(*entry, watchdog)
            while (full := _deliver_on(batch)) is not None:
                watchdog.rest()
                _wait_for_room(full)
            watchdog.rest()
        watchdog.stop()


def _deliver_on(batch: Batch) -> Queue | None:
    """Deliver a batch to its end, whatever is raised: the thread must not end while its router lives."""
    while True:
        try:
            return batch.deliver()
        except BaseException:  # noqa: BLE001  # of us, or of a log handler; what a listener raises is reported before
            with suppress(Exception):  # the log may be what fails
                _log.exception("an event could not be delivered to all who listen")


def _wait_for_room(full: Queue) -> None:
    waiting = threading.Lock()  # and no Condition, which Ctrl-C in the reader's thread might leave locked
    waiting.acquire()

    def go_on() -> None:
        with suppress(RuntimeError):  # it may be called twice
            waiting.release()

    full.when_room(go_on)
    waiting.acquire()
