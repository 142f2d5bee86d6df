# SPDX-License-Identifier: MIT
"""Ties a carrier's transport to a link: bytes in, bytes out, time."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

from ..protocol.link import Link, State

SLICE_BYTES = 32 * 1024
TURN_S = 0.005
"""How long a link may read before others have their turn, looked at after each ``SLICE_BYTES``."""

ROUND_UP = 1 / 64
"""Of a heartbeat: what is due later than one of these is done with what else is due around then, by one turn."""

CLOSE_S = 1.0
"""How long a carrier may take to write what is left when a link ends; then it is aborted."""


class LinkIO(asyncio.Protocol):
    """One connection of a carrier.

    Args:
        make_link: Makes the link when the connection is there, given this and the time.
        received: Called after bytes came in; it has the connection flushed.
        gone: Called once, after the connection is lost.
        wrote: Called after something was written.
    """

    __slots__ = (
        "_abort_timer",
        "_gone",
        "_loop",
        "_make_link",
        "_may_write",
        "_received",
        "_rest",
        "_timer",
        "_timer_due_s",
        "_transport",
        "_wrote",
        "link",
        "lost",
    )

    def __init__(
        self,
        make_link: Callable[[LinkIO, float], Link],
        received: Callable[[LinkIO], None],
        gone: Callable[[LinkIO], None] | None = None,
        wrote: Callable[[], None] | None = None,
    ) -> None:
        self._make_link = make_link
        self._received = received
        self._gone = gone
        self._wrote = wrote
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._rest = b""  # what came and waits for the link's next turn
        self._may_write = True
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due_s = 0.0  # uvloop's handles do not tell
        self._abort_timer: asyncio.TimerHandle | None = None
        self.link: Link
        self.lost = self._loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the link."""
        self._transport = transport  # type: ignore[assignment]  # a carrier owes a read-write transport
        self.link = self._make_link(self, self._loop.time())
        self.flush()

    def data_received(self, data: bytes) -> None:
        """Hand bytes to the link, for a few ms at a time: what costs much must not hold up the other links."""
        until = self._loop.time() + TURN_S
        pos = 0
        while pos < len(data) and (pos == 0 or self._loop.time() < until):
            self.link.receive(data[pos : pos + SLICE_BYTES], self._loop.time())
            pos += SLICE_BYTES
        self._received(self)
        if pos < len(data) and self._transport is not None and not self.link.has_ended:
            self._rest = data[pos:]
            self._transport.pause_reading()
            self._loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        rest, self._rest = self._rest, b""
        if rest and self._transport is not None and not self.link.has_ended:
            self._transport.resume_reading()
            self.data_received(rest)

    def eof_received(self) -> bool:
        """Close: a link needs both directions."""
        return False

    def pause_writing(self) -> None:
        """The carrier's buffer is full."""
        self._may_write = False

    def resume_writing(self) -> None:
        """The carrier's buffer has room again."""
        self._may_write = True
        self.flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone; this comes once, and last."""
        rest, self._rest = self._rest, b""
        if rest:
            self.link.receive(rest, self._loop.time())  # it came before the end
        self.link.lose(exc, self._loop.time())
        for timer in (self._timer, self._abort_timer):
            if timer is not None:
                timer.cancel()
        self._transport = None
        if not self.lost.done():
            self.lost.set_result(None)
        if self._gone is not None:
            self._gone(self)

    def flush(self) -> None:
        """Write what may be written, close where the link has ended, and see when it is due next."""
        transport = self._transport
        if transport is None:
            return
        while self._may_write and (data := self.link.data_to_send(self._loop.time())):
            transport.write(data)
            if self._wrote is not None:
                self._wrote()
        if self.link.state is State.ENDED:
            self._close(transport)
        else:
            self._arm()

    def _close(self, transport: asyncio.Transport) -> None:
        if self._abort_timer is None:
            if self._timer is not None:
                self._timer.cancel()
            self._abort_timer = self._loop.call_later(CLOSE_S, transport.abort)
            transport.close()

    def _arm(self) -> None:
        due = self.link.deadline_s()
        if due is None or (self._timer is not None and self._timer_due_s <= due):
            return  # a timer that is early looks again; moving it each time would cost more
        if self._timer is not None:
            self._timer.cancel()
        self._timer_due_s = self._rounded(due)
        self._timer = self._loop.call_at(self._timer_due_s, self._tick)

    def _rounded(self, due: float) -> float:
        """Return when to look: a heartbeat from now at the latest, since an answer to a PING makes all later again."""
        now_s, heartbeat = self._loop.time(), self.link.options.heartbeat
        step = heartbeat * ROUND_UP
        if due <= now_s + step:
            return due
        return math.ceil(min(due, now_s + heartbeat) / step) * step

    def _tick(self) -> None:
        self._timer = None
        self.link.tick(self._loop.time())
        self.flush()
