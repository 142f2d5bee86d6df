# SPDX-License-Identifier: MIT
"""The threads that plain request handlers run on."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")

Job = Callable[[], None]


class Workers:
    """A few threads that are made when needed and never keep the program from ending.

    The standard library's pool joins its threads at exit, so that one handler that does not return would hold up
    the whole program for ever.

    Args:
        most: How many threads.
        started: Called by each thread as it starts.
    """

    def __init__(self, most: int, started: Callable[[], None]) -> None:
        self._most = most
        self._started = started
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threads = 0
        self._open = 0

    @property
    def open(self) -> int:
        """How many jobs run or wait."""
        return self._open

    def submit(self, function: Callable[[], T]) -> Future[T]:
        """Have ``function`` run on a thread; cancelling the future keeps one that has not begun from running."""
        future: Future[T] = Future()
        with self._lock:
            self._open += 1
            if self._open > self._threads and self._threads < self._most:
                self._threads += 1
                threading.Thread(target=self._work, name=f"sigcore-handler-{self._threads}", daemon=True).start()
        self._jobs.put(lambda: _run(function, future))
        return future

    def close(self) -> None:
        """Let the threads end as soon as they have nothing to do; nobody waits for them."""
        for _thread in range(self._threads):
            self._jobs.put(None)

    def _work(self) -> None:
        self._started()
        while (job := self._jobs.get()) is not None:
            job()
            with self._lock:
                self._open -= 1


def _run(function: Callable[[], T], future: Future[T]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = function()
    except BaseException as error:  # noqa: BLE001  # whoever waits gets it, as from the standard library's pool
        future.set_exception(error)
    else:
        future.set_result(result)
