# SPDX-License-Identifier: MIT
"""One link over a line, as an asyncio transport."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from ._packet import CloseCode

if TYPE_CHECKING:
    from ._line import Line

DEFAULT_HIGH_WATER_BYTES = 16 * 1024
"""Unsent bytes at which the protocol is told to pause: some 1.4 s at 115 200 baud."""

CLOSE_TIMEOUT_S = 1.0
"""How long ``close()`` may take to send what was written."""

ABORT_DRAIN_S = 0.05
"""How long ``abort()`` may take to send CLOSE, so that the other side knows at once."""

_PACKETS_PER_TURN = 16
"""Packets made at a time, so that a large write does not hold up the loop."""


class SerialTransport(asyncio.Transport):
    """Bytes in order over a serial line.

    ``get_extra_info`` knows ``"peername"`` (the device's path), ``"serial"`` (the library's port object) and
    ``"counters"`` (the line's ``Counters``).

    Args:
        line: The line that the link is on.
        max_payload: How many bytes the other side takes in a packet.
        extra: What ``get_extra_info`` gives.
    """

    def __init__(self, line: Line, max_payload: int, extra: dict[str, Any]) -> None:
        super().__init__(extra)
        self._line = line
        self._max_payload = max_payload
        self._loop = asyncio.get_running_loop()
        self._protocol: asyncio.BaseProtocol = asyncio.Protocol()
        self._unsent = bytearray()
        self._flush_is_due = False
        self._closing = False
        self._is_reading = True
        self._protocol_is_paused = False
        self._low = self._high = 0
        self._close_timer: asyncio.TimerHandle | None = None
        self._close_until_s = 0.0
        self.set_write_buffer_limits()

    # Reading.

    def is_reading(self) -> bool:
        """Whether bytes are given to the protocol as they come."""
        return self._is_reading and not self._closing

    def pause_reading(self) -> None:
        """Give the protocol no bytes until ``resume_reading``.

        The other side is held back only where the line can do that (``rtscts=1``, or a pseudo-terminal). Elsewhere
        the system's buffer of some 4 KiB overflows, which ends the link.
        """
        if self.is_reading():
            self._is_reading = False
            self._line.pause_reading(self)

    def resume_reading(self) -> None:
        """Give the protocol bytes again."""
        if not self._is_reading and not self._closing:
            self._is_reading = True
            self._line.resume_reading(self)

    # Writing.

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        """Send ``data``; small writes of one turn of the loop go together. Never blocks; nothing after ``close``."""
        if not isinstance(data, bytes | bytearray | memoryview):
            raise TypeError(f"write() takes bytes, not {type(data).__name__}")
        if self._closing:
            return
        self._unsent += data
        self._flush_soon()
        self._pause_protocol_if_full()

    def can_write_eof(self) -> bool:
        """A serial link cannot be closed one way: always ``False``."""
        return False

    def get_write_buffer_size(self) -> int:
        """Return how many bytes wait to be given to the system."""
        return len(self._unsent) + self._line.backlog

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """Return the low and the high water mark, in bytes."""
        return self._low, self._high

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set the marks between which the protocol is told to pause and to resume writing, in bytes.

        Args:
            high: 16 KiB by default, or four times ``low``.
            low: A quarter of ``high`` by default.
        """
        if high is None:
            high = DEFAULT_HIGH_WATER_BYTES if low is None else 4 * low
        if low is None:
            low = high // 4
        if not high >= low >= 0:
            raise ValueError(f"the water marks must be high >= low >= 0, not high={high}, low={low}")
        self._high, self._low = high, low
        self._pause_protocol_if_full()

    def flush(self) -> None:
        """Send some of what waits, if the line has room; the line calls this when it has room again."""
        self._flush_is_due = False
        if self._line.has_room(self) and self._unsent:
            self._send_some()
        if self._unsent:
            if self._line.has_room(self):
                self._flush_soon()
        elif self._closing and self._line.has_room(self):
            self._line.end(self, CloseCode.DONE, max(0.0, self._close_until_s - self._loop.time()))
        self._resume_protocol_if_drained()

    def _send_some(self) -> None:
        size = self._max_payload
        some = bytes(self._unsent[: _PACKETS_PER_TURN * size])
        del self._unsent[: len(some)]
        self._line.send([some[at : at + size] for at in range(0, len(some), size)])

    def _flush_soon(self) -> None:
        if not self._flush_is_due:
            self._flush_is_due = True
            self._loop.call_soon(self.flush)

    def _pause_protocol_if_full(self) -> None:
        if not self._protocol_is_paused and self.get_write_buffer_size() > self._high:
            self._protocol_is_paused = True
            self._line.guard(self._protocol.pause_writing)

    def _resume_protocol_if_drained(self) -> None:
        if self._protocol_is_paused and not self._closing and self.get_write_buffer_size() <= self._low:
            self._protocol_is_paused = False
            self._line.guard(self._protocol.resume_writing)

    # The end.

    def is_closing(self) -> bool:
        """Whether the link is over, or about to be."""
        return self._closing

    def close(self) -> None:
        """Send what was written, within 1 s, then end the link; the protocol gets no more bytes."""
        if self._closing:
            return
        self.resume_reading()  # so that the other side's own end, or the loss of the device, is noticed
        self._closing = True
        self._close_until_s = self._loop.time() + CLOSE_TIMEOUT_S
        self._close_timer = self._loop.call_at(self._close_until_s, self.abort)
        self._flush_soon()

    def abort(self) -> None:
        """End the link at once; bytes that were not sent are thrown away."""
        self.resume_reading()
        self._closing = True
        self._unsent.clear()
        self._line.end(self, CloseCode.ABORTED, ABORT_DRAIN_S)

    def finish(self, cause: Exception | None) -> None:
        """Tell the protocol that the link is over; the line calls this once, when nothing more can come."""
        if self._closing:
            cause = None
        self._closing = True
        self._unsent.clear()
        if self._close_timer is not None:
            self._close_timer.cancel()
        self._loop.call_soon(self._protocol.connection_lost, cause)

    # The protocol.

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Return who gets the bytes."""
        return self._protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Give the bytes to ``protocol`` from now on."""
        self._protocol = protocol

    def deliver(self, data: bytes) -> None:
        """Give the protocol bytes that came; the line calls this."""
        if not self._closing and isinstance(self._protocol, asyncio.Protocol):
            self._line.guard(self._protocol.data_received, data)
