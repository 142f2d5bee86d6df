# SPDX-License-Identifier: MIT
"""One link over a port, as an asyncio transport."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._port_line import PortLine

CLOSE_TIMEOUT_S = 1.0
"""How long ``close()`` may take to send what was written."""


class SerialTransport(asyncio.Transport):
    """Bytes in order over a serial port.

    ``get_extra_info`` knows ``"peername"`` (the device's path), ``"cable"`` (whoever comes by the same cable is the
    same device, perhaps restarted: its path, or the USB identity that the endpoint names), ``"endpoint"`` (the one of
    this port, where a pattern is listened to, else empty), ``"serial"`` (the library's port object), ``"byte_s"`` (how
    many seconds a byte takes on the line) and ``"counters"`` (the line's counters).

    Args:
        line: The line that the link is on.
        high: Bytes not sent yet at which the protocol is told to pause.
        extra: What ``get_extra_info`` gives.
    """

    def __init__(self, line: PortLine, high: int, extra: dict[str, Any]) -> None:
        super().__init__(extra)
        self._line = line
        self._default_high = high
        self._loop = asyncio.get_running_loop()
        self._protocol: asyncio.BaseProtocol = asyncio.Protocol()
        self._closing = False
        self._is_reading = True
        self._protocol_is_paused = False
        self._low = self._high = 0
        self._close_timer: asyncio.TimerHandle | None = None
        self.set_write_buffer_limits()

    # Reading.

    def is_reading(self) -> bool:
        """Whether bytes are given to the protocol as they come."""
        return self._is_reading and not self._closing

    @property
    def wants_room(self) -> bool:
        """Whether the protocol waits until it may write more, and there is little left of what it has written."""
        return self._protocol_is_paused and not self._closing and self.get_write_buffer_size() <= self._low

    @property
    def is_paused(self) -> bool:
        """Whether the protocol wants bytes, but not now."""
        return not self._is_reading and not self._closing

    def pause_reading(self) -> None:
        """Give the protocol no bytes until ``resume_reading``; the line holds the other side back."""
        if self.is_reading():
            self._is_reading = False
            self._line.pause_reading(self)

    def resume_reading(self) -> None:
        """Give the protocol bytes again, from the next turn of the loop on."""
        if not self._is_reading and not self._closing:
            self._is_reading = True
            self._loop.call_soon(self._line.resume_reading, self)

    # Writing.

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        """Send ``data``; small writes of one turn of the loop go together. Never blocks; nothing after ``close``."""
        if not isinstance(data, bytes | bytearray | memoryview):
            raise TypeError(f"write() takes bytes, not {type(data).__name__}")
        if data and not self._closing:
            self._line.write(self, bytes(data))
            self._pause_protocol_if_full()

    def can_write_eof(self) -> bool:
        """A serial link cannot be closed one way: always ``False``."""
        return False

    def get_write_buffer_size(self) -> int:
        """Return how many bytes wait to be sent for the first time."""
        return self._line.unsent(self)

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """Return the low and the high water mark, in bytes."""
        return self._low, self._high

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set the marks between which the protocol is told to pause and to resume writing, in bytes.

        Args:
            high: As much as the line thinks right by default, or as ``low``.
            low: As ``high`` by default.
        """
        if high is None:
            high = self._default_high if low is None else low
        if low is None:
            low = high
        if not high >= low >= 0:
            raise ValueError(f"the water marks must be high >= low >= 0, not high={high}, low={low}")
        self._high, self._low = high, low
        self._pause_protocol_if_full()

    def tell_room(self) -> None:
        """Have the protocol write more if it waits for that; the line calls this when it can take more."""
        if self.wants_room:
            self._protocol_is_paused = False
            self._line.guard(self._protocol.resume_writing)

    def _pause_protocol_if_full(self) -> None:
        if not self._protocol_is_paused and self.get_write_buffer_size() > self._high:
            self._protocol_is_paused = True
            self._line.guard(self._protocol.pause_writing)

    # The end.

    def is_closing(self) -> bool:
        """Whether the link is over, or about to be."""
        return self._closing

    def close(self) -> None:
        """Send what was written, within 1 s, then end the link; the protocol gets no more bytes."""
        if self._closing:
            return
        self._closing = True
        if not self._is_reading:
            self._loop.call_soon(self._line.resume_reading, self)  # else nobody would see what comes last
        self._close_timer = self._loop.call_later(CLOSE_TIMEOUT_S, self.abort)
        self._line.finish_link(self)

    def abort(self) -> None:
        """End the link at once; bytes that were not sent are thrown away."""
        self._closing = True
        self._line.abort_link(self)

    def finish(self, cause: Exception | None) -> None:
        """Tell the protocol that the link is over; the line calls this once, when nothing more can come."""
        if self._closing:
            cause = None
        self._closing = True
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
