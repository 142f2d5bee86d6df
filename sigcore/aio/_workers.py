# SPDX-License-Identifier: MIT
"""The threads that plain request handlers run on."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol


class Job(Protocol):
    """Something to do on a thread."""

    def work(self) -> None:
        """Do it, on a thread; whatever goes wrong is to be kept, and not raised."""

    def worked(self) -> None:
        """See what came of it, on the loop."""


class Workers:
    """A few threads that are made when needed and never keep the program from ending.

    The standard library's pool joins its threads at exit, so that one handler that does not return would hold up
    the whole program for ever; and a job that was cancelled keeps its place in the queue there.

    Threads are called one after the other: one that comes and finds more than its own job calls the next. So short
    jobs are done by one thread, with no other in its way, and long ones side by side.

    Args:
        most: How many threads.
        started: Called by each thread as it starts.
    """

    def __init__(self, most: int, started: Callable[[], None]) -> None:
        self._most = most
        self._started = started
        self._lock = threading.Lock()  # no Condition: Ctrl-C inside its Python code may leave it locked
        self._calls: queue.SimpleQueue[None] = queue.SimpleQueue()  # one for each thread that is to go on
        self._waiting: deque[Job] = deque()
        self._done: deque[Job] = deque()
        self._is_told = False  # whether the loop knows that something is done
        self._running = 0
        self._threads = 0
        self._idle = 0
        self._is_one_coming = False  # whether a thread was called and has not come yet
        self._is_closed = False
        self._loop: asyncio.AbstractEventLoop

    @property
    def open(self) -> int:
        """How many jobs run or wait."""
        return self._running + len(self._waiting)

    def submit(self, job: Job) -> None:
        """Have a job done; the running loop hears of its end."""
        self._loop = asyncio.get_running_loop()
        with self._lock:
            self._waiting.append(job)
            needs_thread = self._call_one()
        if needs_thread:
            try:
                self._start_thread()
            except BaseException:  # whoever asked is told that it is not done, so it must not be done later
                self.forget(job)
                raise

    def forget(self, job: Job) -> None:
        """Do not do a job, if it has not begun."""
        with self._lock, suppress(ValueError):
            self._waiting.remove(job)

    def close(self) -> None:
        """Let the threads end as soon as they have nothing to do; nobody waits for them."""
        with self._lock:
            self._is_closed = True
            idle, self._idle = self._idle, 0
        for _thread in range(idle):
            self._calls.put(None)

    def _call_one(self) -> bool:
        """Call a thread if one is needed, under the lock; return whether it must be made first."""
        if not self._waiting or self._is_one_coming:
            return False
        if self._idle:
            self._is_one_coming = True
            self._idle -= 1
            self._calls.put(None)
            return False
        if self._threads == self._most:
            return False
        self._is_one_coming = True
        self._threads += 1
        return True

    def _start_thread(self) -> None:
        try:
            threading.Thread(target=self._work, name=f"sigcore-handler-{self._threads}", daemon=True).start()
        except BaseException:  # no more threads are to be had, or Ctrl-C
            with self._lock:
                self._is_one_coming = False
                self._threads -= 1
            raise

    def _work(self) -> None:
        self._started()
        while self._work_off():
            self._calls.get()

    def _work_off(self) -> bool:
        """Do what waits, after a call; return whether to wait for the next call."""
        with self._lock:
            self._is_one_coming = False
        while True:
            with self._lock:
                if not self._waiting:
                    self._idle += not self._is_closed
                    return not self._is_closed
                job = self._waiting.popleft()
                self._running += 1
                needs_thread = self._call_one()
            if needs_thread:
                with suppress(RuntimeError):  # no more threads are to be had: this one goes on with what waits
                    self._start_thread()
            job.work()
            with self._lock:
                self._running -= 1
            self._tell(job)

    def _tell(self, job: Job) -> None:
        self._done.append(job)
        if not self._is_told:
            self._is_told = True
            with suppress(RuntimeError):  # the loop was closed meanwhile
                self._loop.call_soon_threadsafe(self._take_done)

    def _take_done(self) -> None:
        self._is_told = False
        try:
            while self._done:
                self._done.popleft().worked()
        finally:
            if self._done:  # one ended the program; the others are done all the same
                self._loop.call_soon(self._take_done)
