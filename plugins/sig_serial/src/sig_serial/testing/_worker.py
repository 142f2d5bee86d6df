# SPDX-License-Identifier: MIT
"""A thread that watches descriptors, and does small jobs for other threads between two looks."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable, Iterable
from queue import SimpleQueue

_LIFE_CHECK_S = 0.5
"""How often a caller who waits for the thread looks whether it still lives."""


class Worker:
    """Calls ``turn`` over and over on a thread of its own; ``turn`` calls ``wait``.

    All descriptors are used on that thread alone, so that none is closed while somebody waits for it.
    """

    def __init__(self, name: str, turn: Callable[[], None]) -> None:
        self._turn = turn
        self._jobs: SimpleQueue[tuple[Callable[[], None], threading.Event]] = SimpleQueue()
        self._wake_out, self._wake_in = os.pipe()
        self._is_running = True
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin; once."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread, and wait until it has ended; once."""
        self.do(self._end)
        self._thread.join()
        os.close(self._wake_in)
        os.close(self._wake_out)

    def do(self, job: Callable[[], None]) -> None:
        """Have ``job`` done on the thread, and return when it is done.

        Raises:
            RuntimeError: The thread has ended, because what it called raised.
        """
        if threading.current_thread() is self._thread:  # from a fault
            job()
            return
        done = threading.Event()
        self._jobs.put((job, done))
        os.write(self._wake_in, b"!")
        while not done.wait(_LIFE_CHECK_S):
            if not self._thread.is_alive():
                raise RuntimeError(f"the thread {self._thread.name} has ended, because a fault that it called raised")

    def wait(self, to_read: Iterable[int], to_write: Iterable[int] = (), timeout_s: float | None = None) -> list[int]:
        """Wait until one of the descriptors is ready, a job was done or the time is over; return those to read."""
        readable, _, _ = select.select([self._wake_out, *to_read], to_write, [], timeout_s)
        if self._wake_out in readable:
            readable.remove(self._wake_out)
            os.read(self._wake_out, 1)
            job, done = self._jobs.get()
            job()
            done.set()
            return []  # the job may have closed what could be read
        return readable

    def _run(self) -> None:
        while self._is_running:
            self._turn()

    def _end(self) -> None:
        self._is_running = False
