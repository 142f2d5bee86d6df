# SPDX-License-Identifier: MIT
"""One end of a ``mem://`` link.

Each end belongs to one event loop and is touched by that loop alone. What one end has to tell the other (bytes, bytes
taken, the end) is posted to the other's loop, in order; so there is nothing to lock.

What is written lies in the other end's inbox until the protocol there takes it, and counts as the writer's buffer
until then. So ``close()`` has nothing left to flush: every byte is with the other end already.
"""

from __future__ import annotations

import asyncio
import errno
from collections import deque
from collections.abc import Callable
from typing import Any, cast

from ._endpoint import Endpoint

HIGH_WATER_BYTES = 64 * 1024  # asyncio's own default, so that a link behaves here as it does over a socket


class MemTransport(asyncio.Transport):
    """One end of a link. Its methods are called on its own loop, as with every asyncio transport."""

    _other: MemTransport

    def __init__(self, loop: asyncio.AbstractEventLoop, endpoint: Endpoint) -> None:
        super().__init__({"peername": str(endpoint)})
        self._loop = loop
        self._protocol = asyncio.Protocol()  # hears nothing; the real one comes with start()
        self._inbox: deque[bytes] = deque()
        self._unread_bytes = 0  # written here, not yet taken over there
        self._reading = True
        self._writing_paused = False
        self._end_comes = False  # the other end is closed; what it wrote may still lie in the inbox
        self._closing = False
        self.set_write_buffer_limits()

    def join(self, other: MemTransport) -> None:
        """Make ``other`` the other end of this link, and this the other's."""
        self._other = other
        other._other = self

    def start(self, protocol: asyncio.Protocol) -> None:
        """Give the link to ``protocol``; both ends are joined by now."""
        self._protocol = protocol
        protocol.connection_made(self)

    def tell(self, call: Callable[..., None], *args: object) -> bool:
        """Have the other end's loop run ``call(*args)``, after all it was told before; ``False`` if it is closed."""
        try:
            if self._other._loop is self._loop:
                self._loop.call_soon(call, *args)
            else:
                self._other._loop.call_soon_threadsafe(call, *args)
        except RuntimeError:  # asyncio's word for a closed loop
            return False
        return True

    # What the protocol calls.

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        """Hand ``data`` over; nothing happens once the link is closing."""
        if self._closing or not data:
            return
        piece = data if isinstance(data, bytes) else bytes(memoryview(data))
        if not self.tell(self._other._on_data, piece):
            self._break(ConnectionResetError(errno.ECONNRESET, "the event loop of the other end was closed"))
            return
        self._unread_bytes += len(piece)
        if self._unread_bytes > self._high and not self._writing_paused:
            self._writing_paused = True
            self._protocol.pause_writing()

    def close(self) -> None:
        """End the link; what was written still reaches the other end."""
        if not self._closing:
            self.tell(self._other._on_end)
            self._break(None)

    def abort(self) -> None:
        """End the link; the other end loses what it has not taken yet."""
        if not self._closing:
            self.tell(self._other._on_abort)
            self._break(None)

    def is_closing(self) -> bool:
        """Whether the link is closed or about to be."""
        return self._closing

    def pause_reading(self) -> None:
        """Keep what comes in the inbox."""
        self._reading = False

    def resume_reading(self) -> None:
        """Go on with what came meanwhile, soon."""
        if not self._reading:
            self._reading = True
            self._loop.call_soon(self._read_inbox)

    def is_reading(self) -> bool:
        """Whether data is delivered as it comes."""
        return self._reading and not self._closing

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set the bytes above which writing is paused, and those at which it goes on."""
        if high is None:
            high = HIGH_WATER_BYTES if low is None else 4 * low
        if low is None:
            low = high // 4
        if not high >= low >= 0:
            raise ValueError(f"high ({high}) must be at least low ({low}), and low at least 0")
        self._high, self._low = high, low

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """Return ``(low, high)`` in bytes."""
        return self._low, self._high

    def get_write_buffer_size(self) -> int:
        """Return the bytes that the other end has not taken yet."""
        return self._unread_bytes

    def can_write_eof(self) -> bool:
        """Return ``False``: a link ends in both directions at once."""
        return False

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Give the rest of the link to another protocol."""
        self._protocol = cast(asyncio.Protocol, protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Return the protocol that the link belongs to."""
        return self._protocol

    # What the other end tells.

    def _on_data(self, data: bytes) -> None:
        if not self._closing:
            self._inbox.append(data)
            self._read_inbox()

    def _on_taken(self, count: int) -> None:
        self._unread_bytes -= count
        if self._writing_paused and self._unread_bytes <= self._low and not self._closing:
            self._writing_paused = False
            self._protocol.resume_writing()

    def _on_end(self) -> None:
        self._end_comes = True
        self._read_inbox()

    def _on_abort(self) -> None:
        self._break(ConnectionResetError(errno.ECONNRESET, "the other end aborted the link"))

    # What follows from it.

    def _read_inbox(self) -> None:
        taken = 0
        while self._inbox and self.is_reading():
            data = self._inbox.popleft()
            taken += len(data)
            self._deliver(data)
        if taken:
            self.tell(self._other._on_taken, taken)
        if self._end_comes and not self._inbox:
            self._break(None)

    def _deliver(self, data: bytes) -> None:
        try:
            self._protocol.data_received(data)
        except Exception as error:  # noqa: BLE001  # as asyncio does: the loop is told, the link ends
            context = {"message": "data_received() failed", "exception": error, "transport": self}
            self._loop.call_exception_handler({**context, "protocol": self._protocol})
            self.tell(self._other._on_abort)
            self._break(error)

    def _break(self, cause: Exception | None) -> None:
        """Stop now; the protocol hears of it in the loop's next turn, never from inside a call of its own."""
        if not self._closing:
            self._closing = True
            self._inbox.clear()
            self._loop.call_soon(self._protocol.connection_lost, cause)
