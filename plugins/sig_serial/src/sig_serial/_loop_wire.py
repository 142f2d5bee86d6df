# SPDX-License-Identifier: MIT
"""A wire on a loop that watches file descriptors: no thread, no polling (POSIX)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._wire import Wire, WireUser

if TYPE_CHECKING:
    import asyncio

    from ._port import Port


class LoopWire(Wire):
    """Reads and writes when the loop says that the port is ready.

    Raises:
        NotImplementedError: The loop does not watch file descriptors.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, port: Port, user: WireUser) -> None:
        super().__init__(loop, port, user)
        self._out = bytearray()
        self._is_reading = False
        self._is_writing = False
        self.resume_reading()

    @property
    def backlog(self) -> int:
        """Bytes that wait to be given to the system."""
        return len(self._out)

    @property
    def queued(self) -> int:
        """Bytes that the system was given and has not sent yet."""
        return 0 if self._lost or self._shut_off else self._port.out_waiting

    def write(self, data: bytes) -> None:
        """Write ``data`` as far as there is room now, the rest later."""
        self._out += data
        if not self._is_writing:
            self._write()

    def discard_output(self) -> None:
        """Throw away the bytes that have not gone out yet, in the system's queue as well."""
        self._forget_output()
        self._port.discard_output()

    def pause_reading(self) -> None:
        """Let the bytes stay with the system."""
        if self._is_reading:
            self._is_reading = False
            self._loop.remove_reader(self._port.fileno())

    def resume_reading(self) -> None:
        """Read again when bytes come."""
        if not (self._is_reading or self._lost or self._closing_until_s is not None):
            self._loop.add_reader(self._port.fileno(), self._read)
            self._is_reading = True

    def _read(self) -> None:
        try:
            data = self._port.read()
        except (BlockingIOError, InterruptedError):
            return
        except OSError as exc:
            self._fail(exc)
        else:
            self._user.bytes_received(data)

    def _write_more(self) -> None:
        self._write()
        if not self._out and not self._lost:
            self._emptied()

    def _write(self) -> None:
        if self._lost or self._shut_off:
            self._out.clear()
            return
        try:
            del self._out[: self._port.write(self._out)]
        except (BlockingIOError, InterruptedError):
            pass
        except OSError as exc:
            self._fail(exc)
            return
        if not self._out:
            self._stop_writing()
        elif not self._is_writing:
            self._is_writing = True
            self._loop.add_writer(self._port.fileno(), self._write_more)

    def _forget_output(self) -> None:
        self._out.clear()
        self._stop_writing()

    def _stop_writing(self) -> None:
        if self._is_writing:
            self._is_writing = False
            self._loop.remove_writer(self._port.fileno())

    def _stop(self) -> None:
        self.pause_reading()
        self._forget_output()

    def _release(self, drain_s: float) -> None:
        self._port.close(drain_s)
