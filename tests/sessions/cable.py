# SPDX-License-Identifier: MIT
"""A cable between two processes whose bytes are handed over by hand, in any slices, or lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

from .hand_loop import HandLoop

HIGH_BYTES = 4096
"""What an end takes before it has its writer pause."""


class End(asyncio.Transport):
    """One end of a cable.

    Attributes:
        in_flight: What was written here and has not come to the other end.
        is_dead: Whether this end has heard of the end of the connection.
        wrote: Sees every piece that is written.
    """

    other: End
    protocol: asyncio.Protocol

    def __init__(self, loop: HandLoop, wrote: Callable[[bytes], None]) -> None:
        super().__init__()
        self.loop = loop
        self.in_flight = bytearray()
        self.is_dead = False
        self._wrote = wrote
        self._is_closing = False
        self._ends = False  # whether the other end will hear of it
        self._is_paused = False
        self._may_read = True

    # what the protocol calls

    def pause_reading(self) -> None:
        self._may_read = False

    def resume_reading(self) -> None:
        self._may_read = True

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        if self._is_closing or self.is_dead:
            return
        self._wrote(bytes(data))
        self.in_flight += data
        if len(self.in_flight) > HIGH_BYTES and not self._is_paused:
            self._is_paused = True
            self.protocol.pause_writing()

    def close(self) -> None:
        if not self._is_closing:
            self._is_closing = self._ends = True
            self.loop.call_soon(self.lose)

    abort = close

    def is_closing(self) -> bool:
        return self._is_closing

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Keep to what the cable has."""

    # what tests do

    def lose(self, cause: Exception | None = None) -> None:
        """Tell the protocol here, once, that the connection is gone; the other end hears nothing of it."""
        if not self.is_dead:
            self.is_dead = self._is_closing = True
            self.loop.call(self.protocol.connection_lost, cause)

    def carry(self, most: int, slice_bytes: int) -> tuple[int, bool]:
        """Bring what was written here to the other end, in slices.

        Returns:
            How many bytes came there, and whether the end of the connection did.
        """
        left = before = min(most, len(self.in_flight))
        while left > 0 and not self.other.is_dead and self.other._may_read:
            data = bytes(self.in_flight[: min(slice_bytes, left)])
            del self.in_flight[: len(data)]
            left -= len(data)
            self.loop.call(self._resume)
            self.other.loop.call(self.other.protocol.data_received, data)
        ends = self._ends and not self.in_flight and not self.other.is_dead
        if ends:
            self.other.lose()
        return before - left, ends

    def _resume(self) -> None:
        if self._is_paused and len(self.in_flight) <= HIGH_BYTES // 2 and not self.is_dead:
            self._is_paused = False
            self.protocol.resume_writing()


class Cable:
    """A connection between a client and a server.

    Attributes:
        client: The client's end.
        server: The server's end.
        since_s: When it was made.
    """

    def __init__(self, client: End, server: End, since_s: float) -> None:
        self.client, self.server = client, server
        client.other, server.other = server, client
        self.since_s = since_s

    def start(self, client: asyncio.BaseProtocol, server: asyncio.BaseProtocol) -> None:
        """Give the ends to their protocols."""
        self.client.protocol = cast(asyncio.Protocol, client)
        self.server.protocol = cast(asyncio.Protocol, server)
        self.server.loop.call(server.connection_made, self.server)
        self.client.loop.call(client.connection_made, self.client)

    @property
    def is_gone(self) -> bool:
        """Whether both ends know that it has ended."""
        return self.client.is_dead and self.server.is_dead
