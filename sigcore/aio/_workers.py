# SPDX-License-Identifier: MIT
"""The threads that plain request handlers run on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")

Job = Callable[[], None]


class Workers:
    """A few threads that are made when needed and never keep the program from ending.

    The standard library's pool joins its threads at exit, so that one handler that does not return would hold up
    the whole program for ever; and a job that was cancelled keeps its place in the queue there.

    Args:
        most: How many threads.
        started: Called by each thread as it starts.
    """

    def __init__(self, most: int, started: Callable[[], None]) -> None:
        self._most = most
        self._started = started
        # Entered as a lock: Ctrl-C may strike inside the Python code that enters a Condition, which then stays locked.
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._waiting: dict[object, Job] = {}  # in their order
        self._running = 0
        self._threads = 0
        self._is_closed = False

    @property
    def open(self) -> int:
        """How many jobs run or wait."""
        return self._running + len(self._waiting)

    def submit(self, function: Callable[[], T]) -> Future[T]:
        """Have ``function`` run on a thread; cancelling the future keeps one that has not begun from running."""
        future: Future[T] = Future()
        with self._lock:
            self._waiting[future] = lambda: _run(function, future)
            if self.open > self._threads and self._threads < self._most:
                self._threads += 1
                threading.Thread(target=self._work, name=f"sigcore-handler-{self._threads}", daemon=True).start()
            self._changed.notify()
        future.add_done_callback(self._forget)
        return future

    def close(self) -> None:
        """Let the threads end as soon as they have nothing to do; nobody waits for them."""
        with self._lock:
            self._is_closed = True
            self._changed.notify_all()

    def _forget(self, future: Future[T]) -> None:
        with self._lock:
            self._waiting.pop(future, None)

    def _work(self) -> None:
        self._started()
        while (job := self._next()) is not None:
            job()
            with self._lock:
                self._running -= 1

    def _next(self) -> Job | None:
        with self._lock:
            while not self._waiting:
                if self._is_closed:
                    return None
                self._changed.wait()
            self._running += 1
            return self._waiting.pop(next(iter(self._waiting)))


def _run(function: Callable[[], T], future: Future[T]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = function()
    except BaseException as error:  # noqa: BLE001  # whoever waits gets it, as from the standard library's pool
        future.set_exception(error)
    else:
        future.set_result(result)
