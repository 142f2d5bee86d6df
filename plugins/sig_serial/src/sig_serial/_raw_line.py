# SPDX-License-Identifier: MIT
"""A port's bare bytes as a link: for what has its own format, such as a device that prints lines."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ._counters import RawCounters
from ._port_line import PortLine
from ._transport import CLOSE_TIMEOUT_S

if TYPE_CHECKING:
    import asyncio

    from ._port import Port
    from ._tables import Role
    from ._transport import SerialTransport

HIGH_WATER_BYTES = 4 * 1024
"""Bytes that the system had no room for beyond which the protocol is told to pause."""

RELINK_DELAY_S = 1.0
"""After this side ended a listener's link: so that a protocol that ends each at once does not busy the machine."""


class RawLine(PortLine):
    """A port whose bytes go to the protocol as they come, and the other way.

    A link begins as soon as the port is open and ends with it, since nothing tells whether anybody is there. Nothing
    mends what the cable does to the bytes, and while the protocol has reading paused, only ``rtscts`` holds the
    other side back: a real port overflows after some 4 KiB.

    Args:
        port: As for ``PortLine``.
        role: As for ``PortLine``.
        protocol_factory: As for ``PortLine``.
    """

    def __init__(self, port: Port, role: Role, protocol_factory: Callable[[], asyncio.Protocol]) -> None:
        self._counters = RawCounters()
        super().__init__(port, role, protocol_factory)
        self._wire.pause_reading()  # what comes before the first link is for that
        self._is_finishing = False
        self._beginning = self._loop.call_soon(self._begin_link)

    @property
    def counters(self) -> RawCounters:
        """What has come and gone since the port was opened."""
        return self._counters

    def unsent(self, transport: SerialTransport) -> int:
        """Return how many bytes the system had no room for."""
        return self._wire.backlog if transport is self._transport else 0

    def write(self, transport: SerialTransport, data: bytes) -> None:
        """Give ``data`` to the system now or when it has room."""
        if transport is self._transport:
            self._counters.bytes_sent += len(data)
            self._wire.write(data)

    def pause_reading(self, transport: SerialTransport) -> None:
        """Let the bytes stay with the system."""
        if transport is self._transport:
            self._wire.pause_reading()

    def resume_reading(self, transport: SerialTransport) -> None:
        """Take bytes from the system again."""
        if transport is self._transport and not transport.is_paused:
            self._wire.resume_reading()

    def finish_link(self, transport: SerialTransport) -> None:
        """End the link once the system has taken everything written."""
        if transport is self._transport:
            self._is_finishing = True
            if not self._wire.backlog:
                self._detach(None, CLOSE_TIMEOUT_S)

    def bytes_received(self, data: bytes) -> None:
        """Give the bytes to the protocol."""
        self._counters.bytes_received += len(data)
        if self._transport is not None:
            self._transport.deliver(data)
        else:
            self._counters.bytes_unclaimed += len(data)

    def output_empty(self) -> None:
        """Let the protocol write more, or end a link that waited for this."""
        if self._transport is None:
            return
        if self._is_finishing:
            self._detach(None, CLOSE_TIMEOUT_S)
        else:
            self._transport.tell_room()

    def _begin_link(self) -> None:
        if not self._is_closing:
            self._is_finishing = False
            self._counters.links += 1
            self._begin(HIGH_WATER_BYTES)
            self._wire.resume_reading()

    def _part(self) -> None:
        self._wire.discard_output()

    def _detach(self, cause: OSError | None, drain_s: float) -> None:
        super()._detach(cause, drain_s)
        if not self._is_closing:
            self._wire.resume_reading()
            self._beginning = self._loop.call_later(RELINK_DELAY_S, self._begin_link)

    def _close(self, cause: OSError | None, drain_s: float) -> None:
        self._beginning.cancel()
        super()._close(cause, drain_s)
