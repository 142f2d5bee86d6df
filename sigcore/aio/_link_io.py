# SPDX-License-Identifier: MIT
"""Ties a carrier's transport to a link: bytes in, bytes out, time."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

from .._errors import LinkError
from .._logging import get_logger
from .._shown import described, one_line
from ..protocol.link import Link, State

_log = get_logger("sigcore.aio")

ITEMS_A_TURN = 500
"""How many frames, or runs of events, of one link are dealt with before others have their turn: 1 to 5 ms at most."""

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
        "_writes",
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
        self._rest: bytes | None = None  # while the link has not dealt with all that it was given: what came since
        self._may_write = True
        self._writes = False  # whether the carrier is just being given something to write
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due_s = 0.0  # uvloop's handles do not tell
        self._abort_timer: asyncio.TimerHandle | None = None
        self.link: Link
        self.lost = self._loop.create_future()

    @property
    def transport(self) -> asyncio.Transport:
        """The carrier's transport, from ``connection_made`` to ``connection_lost``."""
        assert self._transport is not None
        return self._transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the link."""
        self._transport = transport  # type: ignore[assignment]  # a carrier owes a read-write transport
        self.link = self._make_link(self, self._loop.time())
        self.flush()

    def data_received(self, data: bytes) -> None:
        """Hand bytes to the link, so much at a time that what costs much does not hold up the other links."""
        if not isinstance(data, (bytes, bytearray, memoryview)):
            self._break("data_received", TypeError(f"it was given {type(data).__name__} instead of bytes"))
            return
        if self._rest is not None:
            self._rest += data  # it came although reading is paused
            return
        if self._writes:  # no carrier may, but some do; what it leads to comes in a turn of its own
            self._wait_for_turn(bytes(data))
            return
        rest = b""
        if len(data) > self.link.most_bytes:
            data, rest = data[: self.link.most_bytes], data[self.link.most_bytes :]
        if not self.link.receive(data, self._loop.time(), ITEMS_A_TURN) or rest:
            self._wait_for_turn(rest)
        self._received(self)  # last: a listener that ends the program raises through it

    def _wait_for_turn(self, rest: bytes) -> None:
        if self._transport is not None and not self.link.has_ended:
            self._rest = rest
            self._steer(self._transport.pause_reading)
            held_s = self.link.held_s(self._loop.time())
            if held_s:
                self._loop.call_later(held_s, self._go_on)
            else:
                self._loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        """Deal with more of what came; what came since is dealt with next."""
        if self._rest is None or self._transport is None or self.link.has_ended:
            return
        if not self.link.receive(b"", self._loop.time(), ITEMS_A_TURN):
            self._wait_for_turn(self._rest)
            self._received(self)
            return
        rest, self._rest = self._rest, None
        self._steer(self._transport.resume_reading)
        if rest:
            self.data_received(rest)
        else:
            self._received(self)

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
        """The connection is gone; this comes once, and last: of more, the first counts."""
        if self.lost.done():
            return
        if not isinstance(exc, BaseException | None):
            exc = TypeError(f"the carrier gave connection_lost() {type(exc).__name__} instead of an exception")
        rest, self._rest = self._rest, None
        if rest is not None:  # it came before the end
            self.link.receive(b"", self._loop.time())
            self.link.receive(rest, self._loop.time())
        self.link.lose(exc, self._loop.time())
        for timer in (self._timer, self._abort_timer):
            if timer is not None:
                timer.cancel()
        self._transport = None
        self.lost.set_result(None)
        if self._gone is not None:
            self._gone(self)
        if rest is not None:
            self._received(self)

    def flush(self) -> None:
        """Write what may be written, close where the link has ended, and see when it is due next."""
        transport = self._transport
        if transport is None or self._writes:
            return
        link = self.link
        now_s = self._loop.time()
        while self._may_write and (data := link.data_to_send(now_s)):
            self._writes = True
            try:
                transport.write(data)
            except BaseException as error:  # noqa: BLE001  # as _break says
                self._break("write", error)
                return
            finally:
                self._writes = False
            if self._wrote is not None:
                self._wrote()
            if not link.has_more:
                break
        if link.state is State.ENDED:
            self._close()
        else:
            self.look_at_clock()

    def look_at_clock(self) -> None:
        """See that the link is asked again when something is due."""
        if self._timer is not None and self._timer_due_s <= self._loop.time() + self.link.options.ack_delay:
            return  # that is soon enough
        self._arm()

    def _close(self) -> None:
        if self._abort_timer is None and self._transport is not None:
            if self._timer is not None:
                self._timer.cancel()
            self._abort_timer = self._loop.call_later(CLOSE_S, self._abort)
            self._steer(self._transport.close)

    def _abort(self) -> None:
        if self._transport is not None:
            self._steer(self._transport.abort)

    def _steer(self, call: Callable[[], object]) -> None:
        """Make a call to the carrier's transport."""
        try:
            call()
        except BaseException as error:  # noqa: BLE001  # as _break says
            self._break(getattr(call, "__name__", "transport"), error)

    def _break(self, call: str, error: BaseException) -> None:
        """End the link of a carrier that broke its contract: whatever it raises costs this link and no other.

        Only KeyboardInterrupt goes on: it is the user's.
        """
        if isinstance(error, KeyboardInterrupt):
            raise error
        transport, self._transport = self._transport, None
        if transport is None:
            return
        _log.warning("a carrier broke its contract, its link ends: %s(): %s", call, one_line(described(error)))
        cause = LinkError(f"the carrier failed in {call}(): {described(error)}")
        cause.__cause__ = error
        self._loop.call_soon(self.connection_lost, cause)  # not amid what others do
        try:
            transport.abort()
        except BaseException as again:  # it has been told already
            if isinstance(again, KeyboardInterrupt):
                raise

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
