# SPDX-License-Identifier: MIT
"""Prints lines without ever holding up the event loop."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Self, TextIO

_LINES_AHEAD = 1_000
"""Lines that may wait for a slow reader; then ``line`` waits."""

_LAST_WORDS_S = 1.0
"""How long the end waits for a reader to take what is left."""


class Printer:
    """Writes lines to standard output on a thread of its own, so that a slow reader stalls no link.

    When the reader of a pipe goes away, as in ``sig listen | head -1``, the ``async with`` block is cancelled and
    raises ``BrokenPipeError``; on POSIX at once, elsewhere with the next line.
    """

    def __init__(self) -> None:
        self._lines: SimpleQueue[str | None] = SimpleQueue()
        self._waiting = 0
        self._resume: list[Callable[[], None]] = []
        self._reader_is_gone = False
        self._watched_fd: int | None = None

    async def line(self, text: str) -> None:
        """Print a line, after those before it; wait only while 1000 others do."""
        while not self.offer(text):
            await self.room()

    def offer(self, text: str) -> bool:
        """Print a line, after those before it, if that need not wait; return whether it is printed."""
        if self._waiting >= _LINES_AHEAD:
            return False
        self._waiting += 1
        self._lines.put(text)
        return True

    async def room(self) -> None:
        """Return when some of the lines that wait now are written."""
        is_there = asyncio.Event()
        self.when_room(is_there.set)
        await is_there.wait()

    def when_room(self, resume: Callable[[], None]) -> None:
        """Have ``resume`` called once, when lines that wait are written; the first that asked is called first."""
        self._resume.append(resume)

    async def __aenter__(self) -> Self:
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._loop = asyncio.get_running_loop()
        self._done = self._loop.create_future()
        # A file of its own: at exit Python takes the lock of sys.stdout, which a stuck thread never gives back.
        own = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding=sys.stdout.encoding, errors=sys.stdout.errors)
        threading.Thread(target=self._write_all, args=(own,), name="sig-printer", daemon=True).start()
        self._watch(sys.stdout.fileno())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._watched_fd is not None:
            self._loop.remove_reader(self._watched_fd)
        self._lines.put(None)
        await asyncio.wait([self._done], timeout=_LAST_WORDS_S)
        if self._reader_is_gone and (kind is None or kind is asyncio.CancelledError):
            self._task.uncancel()
            raise BrokenPipeError("nobody reads standard output any more")

    def _watch(self, fd: int) -> None:
        """Have the loop tell when the reader of a pipe goes away, as asyncio's own pipes do."""
        if os.name == "posix" and stat.S_ISFIFO(os.fstat(fd).st_mode):
            is_blocking = os.get_blocking(fd)
            self._loop.add_reader(fd, self._lose_reader)
            os.set_blocking(fd, is_blocking)  # uvloop makes it non-blocking, for all who write to this pipe
            self._watched_fd = fd

    def _lose_reader(self) -> None:
        if self._reader_is_gone:
            return
        self._reader_is_gone = True
        if self._watched_fd is not None:
            self._loop.remove_reader(self._watched_fd)
            self._watched_fd = None
        self._task.cancel()

    # on the thread

    def _write_all(self, stream: TextIO) -> None:
        going_on = True
        try:
            with stream:
                while going_on:
                    going_on, lines = self._next_lines()
                    stream.write("".join(f"{line}\n" for line in lines))
                    stream.flush()
                    self._tell(self._written, len(lines))
        except OSError:
            self._tell(self._lose_reader)
        self._tell(self._end)

    def _next_lines(self) -> tuple[bool, list[str]]:
        """Wait for a line and return it with those that follow already; ``False`` when there will be no more."""
        lines: list[str] = []
        line = self._lines.get()
        try:
            while line is not None:
                lines.append(line)
                line = self._lines.get_nowait()
        except Empty:
            return True, lines
        return False, lines

    def _tell(self, function: object, *args: object) -> None:
        try:
            self._loop.call_soon_threadsafe(function, *args)  # type: ignore[arg-type]  # methods of this class
        except RuntimeError:  # the loop has ended: the end did not wait for us
            return

    # on the loop

    def _written(self, count: int) -> None:
        self._waiting -= count
        asking, self._resume = self._resume, []
        for resume in asking:
            resume()

    def _end(self) -> None:
        if not self._done.done():
            self._done.set_result(None)
