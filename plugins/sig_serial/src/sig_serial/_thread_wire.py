# SPDX-License-Identifier: MIT
"""A wire with two threads, for a loop that cannot watch a serial port (Windows)."""

from __future__ import annotations

import threading
from contextlib import suppress
from queue import SimpleQueue
from typing import TYPE_CHECKING

from ._wire import Wire, WireUser

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from ._port import Port

_WRITE_BYTES = 4096
"""Most bytes given to the writing thread at a time."""

_WAKE_INTERVAL_S = 0.02
"""Between two attempts to wake a thread: the library's wake-up is lost on a thread that was just about to wait."""

_DISCARD = b""
"""Given to the writing thread in place of bytes: it throws away what the system has not sent, which may take time."""


class ThreadWire(Wire):
    """Reads on one thread and writes on another; at most one piece of bytes is under way each way."""

    def __init__(self, loop: asyncio.AbstractEventLoop, port: Port, user: WireUser) -> None:
        super().__init__(loop, port, user)
        self._out = bytearray()
        self._under_way = 0
        self._is_writing = False
        self._to_write: SimpleQueue[bytes | None] = SimpleQueue()
        self._is_reading = True
        self._kept = b""
        self._may_read = threading.Semaphore(0)
        self._stopping = False
        self._threads = [
            threading.Thread(target=self._read_all, name=f"sig-serial-read {port.path}", daemon=True),
            threading.Thread(target=self._write_all, name=f"sig-serial-write {port.path}", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    @property
    def backlog(self) -> int:
        """Bytes that wait to be given to the system."""
        return len(self._out) + self._under_way

    @property
    def queued(self) -> int:
        """Nothing beyond the backlog: the writing thread waits until its bytes are taken."""
        return 0

    def write(self, data: bytes) -> None:
        """Give ``data`` to the writing thread, now or when it is done with what it has."""
        if not (self._lost or self._shut_off):
            self._out += data
            self._hand_over()

    def discard_output(self) -> None:
        """Throw away the bytes that have not gone out yet, in the system's queue as well."""
        self._out.clear()
        self._under_way = 0  # what the thread has is given up as well
        self._port.cancel_write()
        self._to_write.put(_DISCARD)

    def pause_reading(self) -> None:
        """Keep the piece that is under way, and read no other."""
        self._is_reading = False

    def resume_reading(self) -> None:
        """Give what was kept, and read again."""
        if not (self._is_reading or self._lost or self._closing_until_s is not None):
            self._is_reading = True
            if self._kept:
                self._loop.call_soon(self._give)

    def _received(self, data: bytes) -> None:
        self._kept = data
        self._give()

    def _give(self) -> None:
        if self._is_reading and self._kept:
            data, self._kept = self._kept, b""
            self._may_read.release()
            self._user.bytes_received(data)

    def _hand_over(self) -> None:
        if self._out and not self._is_writing:
            piece = bytes(self._out[:_WRITE_BYTES])
            del self._out[:_WRITE_BYTES]
            self._under_way = len(piece)
            self._is_writing = True
            self._port.allow_write()
            self._to_write.put(piece)

    def _written(self) -> None:
        self._under_way = 0
        self._is_writing = False
        self._hand_over()
        if not self._is_writing and not self._lost:
            self._emptied()

    def _stop(self) -> None:
        self._stopping = True
        self._is_reading = False
        self._out.clear()

    def _release(self, drain_s: float) -> None:
        self._stopping = True
        self._may_read.release()
        self._to_write.put(None)
        for thread in self._threads:
            while thread.is_alive():
                self._port.cancel_read()
                self._port.cancel_write()
                thread.join(_WAKE_INTERVAL_S)
        self._port.close(drain_s)

    # On the two threads.

    def _read_all(self) -> None:
        while not self._stopping:
            try:
                data = self._port.read_waiting()
            except OSError as exc:
                self._tell(self._fail, exc)
                return
            if data:
                self._tell(self._received, data)
                self._may_read.acquire()

    def _write_all(self) -> None:
        while (piece := self._to_write.get()) is not None:
            if piece is _DISCARD:
                self._port.discard_output()
                continue
            try:
                self._port.write_waiting(piece)
            except OSError as exc:
                self._tell(self._fail, exc)
                return
            self._tell(self._written)

    def _tell(self, callback: Callable[..., None], *args: object) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody is there to be told
            self._loop.call_soon_threadsafe(callback, *args)
