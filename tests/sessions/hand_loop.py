# SPDX-License-Identifier: MIT
"""An event loop without sockets and without a clock of its own: it does what is due when it is told to.

Each process of a world has one, so that a process can be ended in the middle of anything: its loop is never run again.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import Context, copy_context
from functools import partial
from typing import Any, TypeVar, TypeVarTuple, cast

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Clock:
    """The time, which stands still until a test moves it.

    Attributes:
        now_s: Seconds since any moment.
    """

    def __init__(self, now_s: float = 100.0) -> None:
        self.now_s = now_s


class Job(asyncio.TimerHandle):
    """A call that is to be made."""

    def __init__(
        self,
        when: float,
        callback: Callable[[*Ts], object],
        args: tuple[*Ts],
        loop: asyncio.AbstractEventLoop,
        context: Context | None,
    ) -> None:
        context = context or copy_context()
        super().__init__(when, callback, args, loop, context)
        self._job = partial(callback, *args)
        self._in = context

    def run(self) -> None:
        if not self.cancelled():
            self._in.run(self._job)


class HandLoop:
    """The loop of one process: what asyncio needs of one, for futures, tasks and timers.

    Attributes:
        failures: What was reported to the loop's exception handler, or escaped from a callback.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._self = cast(asyncio.AbstractEventLoop, self)
        self._ready: deque[Job] = deque()
        self._timers: list[tuple[float, int, Job]] = []
        self._order = itertools.count()
        self.failures: list[object] = []

    # what tests do

    @contextmanager
    def running(self) -> Iterator[None]:
        """Be the running loop, as for code that the loop calls."""
        before = asyncio._get_running_loop()
        asyncio._set_running_loop(self._self)
        try:
            yield
        finally:
            asyncio._set_running_loop(before)

    def call(self, function: Callable[..., T], *args: Any) -> T:
        """Call a function as code on the loop would."""
        with self.running():
            return function(*args)

    def start(self, coroutine: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Begin a task, and run what is ready."""
        task = self.create_task(coroutine)
        self.run_ready()
        return task

    def run_ready(self) -> bool:
        """Do all that is ready or due by now; return whether there was anything."""
        moved = False
        with self.running():
            while self._ready or self.next_s() <= self.time():
                while self.next_s() <= self.time():
                    self._ready.append(heapq.heappop(self._timers)[2])
                for _ in range(len(self._ready)):
                    self._run(self._ready.popleft())
                moved = True
        return moved

    def next_s(self) -> float:
        """Return when the next timer is due; infinity for never."""
        while self._timers and self._timers[0][2].cancelled():
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else float("inf")

    def kill(self) -> None:
        """End the process: nothing of it will run any more."""
        for task in asyncio.all_tasks(self._self):
            task.cancel()
        self._timers.clear()
        self.run_ready()
        self._timers.clear()

    def _run(self, job: Job) -> None:
        try:
            job.run()
        except Exception as error:  # noqa: BLE001  # as every loop does: what escapes is reported
            self.failures.append(error)

    # what asyncio asks of a loop

    def time(self) -> float:
        return self._clock.now_s

    def call_soon(self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None) -> Job:
        job = Job(self.time(), callback, args, self._self, context)
        self._ready.append(job)
        return job

    call_soon_threadsafe = call_soon

    def call_later(
        self, delay: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> Job:
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> Job:
        job = Job(when, callback, args, self._self, context)
        heapq.heappush(self._timers, (when, next(self._order), job))
        return job

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self._self)

    def create_task(
        self, coro: Coroutine[Any, Any, T], *, name: str | None = None, context: Context | None = None
    ) -> asyncio.Task[T]:
        return asyncio.Task(coro, loop=self._self, name=name, context=context)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self.failures.append(context.get("exception") or context["message"])

    def get_debug(self) -> bool:
        return False

    def is_closed(self) -> bool:
        return False

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Let it be: a cancelled timer is skipped when it comes up."""
