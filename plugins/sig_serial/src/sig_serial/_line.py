# SPDX-License-Identifier: MIT
"""One open port: its wire, the packets on it, and the link that they make, joined."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sigcore
from sigcore import ConnectTimeout, LinkError

from ._framing import Damage, Deframer
from ._link import MAX_PACKET_BYTES, Data, Down, Event, Link, Role, Up
from ._loop_wire import LoopWire
from ._packet import CloseCode
from ._thread_wire import ThreadWire
from ._transport import ABORT_DRAIN_S, CLOSE_TIMEOUT_S, SerialTransport

if TYPE_CHECKING:
    from ._port import Port
    from ._wire import Wire, WireUser

logger = sigcore.get_logger("sigcore.serial")

LISTENER_PATIENCE_S = 5.0
"""How long no link may come up before a listener's log says what to check."""

_CONTROL_BACKLOG_BYTES = 1024
"""More than this waiting, and control packets are left out: whoever needs them asks again, memory stays bounded."""


@dataclass(slots=True)
class Counters:
    """What has come and gone on a line since the port was opened.

    Attributes:
        bytes_received: Bytes from the device, noise included.
        bytes_sent: Bytes given to the wire, framing included.
        packets_received: Whole packets with a right checksum.
        packets_damaged: What stood between two delimiters and was no packet.
        links: Links that came up.
    """

    bytes_received: int = 0
    bytes_sent: int = 0
    packets_received: int = 0
    packets_damaged: int = 0
    links: int = 0


class Line:
    """A port, and one link at a time over it.

    A connector's line closes its port with its one link. A listener's goes on to the next, until ``finish``.

    Args:
        port: The open port, which this line owns from now on.
        role: Which side this is.
        protocol_factory: Called for each link that comes up.
        patience_s: How long the first link may take; then a connector gives up, and a listener logs what to check.

    Attributes:
        counters: What has come and gone.
        up: The first link; an ``OSError`` where none came up before the port was closed.
        closed: Done when the port is closed and every protocol knows; why it was lost, or ``None`` after ``finish`` and
            after the end of a connector's link.
    """

    def __init__(
        self, port: Port, role: Role, protocol_factory: Callable[[], asyncio.Protocol], *, patience_s: float
    ) -> None:
        self.counters = Counters()
        self._loop = asyncio.get_running_loop()
        self.up: asyncio.Future[tuple[asyncio.Transport, asyncio.Protocol]] = self._loop.create_future()
        self.closed: asyncio.Future[OSError | None] = self._loop.create_future()
        self._port = port
        self._role = role
        self._protocol_factory = protocol_factory
        self._is_last_link = role is Role.CONNECTOR
        self._transport: SerialTransport | None = None
        self._ending: SerialTransport | None = None
        self._cause: OSError | None = None
        self._device_loss: OSError | None = None
        self._is_closing = False
        self._timer: asyncio.TimerHandle | None = None
        self._patience_s = patience_s
        self._patience = self._loop.call_later(patience_s, self._lose_patience)
        self._deframer = Deframer(MAX_PACKET_BYTES)
        self._link = Link(role, self._loop.time())
        self._wire = _wire(self._loop, port, self)
        self._settle()

    def finish(self) -> None:
        """Take no link after the present one; close the port when that is over, at once where there is none."""
        self._is_last_link = True
        if self._transport is None:
            self._close(None, CLOSE_TIMEOUT_S)

    def abort(self) -> None:
        """Close the port now; a link that is up ends at once."""
        self._is_last_link = True
        if self._transport is not None:
            self._transport.abort()
        else:
            self._close(None, ABORT_DRAIN_S)

    # What the transport asks for.

    @property
    def backlog(self) -> int:
        """Bytes that wait to be given to the system."""
        return self._wire.backlog

    def has_room(self, transport: SerialTransport) -> bool:
        """Whether ``transport`` has a link and everything written so far has been given to the system."""
        return transport is self._transport and not self._wire.backlog

    def send(self, payloads: Sequence[bytes]) -> None:
        """Send ``payloads``, each in one packet."""
        self._write(b"".join(map(self._link.send, payloads)))

    def pause_reading(self, transport: SerialTransport) -> None:
        """Let the bytes for ``transport`` stay with the system."""
        if transport is self._transport:
            self._wire.pause_reading()

    def resume_reading(self, transport: SerialTransport) -> None:
        """Take bytes from the system again."""
        if transport is self._transport:
            self._wire.resume_reading()

    def end(self, transport: SerialTransport, code: CloseCode, drain_s: float) -> None:
        """End the link of ``transport`` from this side and tell the other why; nothing where it is over already."""
        if transport is not self._transport:
            return
        if code is not CloseCode.DONE:
            self._wire.discard_output()
        self._link.close(code)
        self._detach(None, drain_s)
        self._settle()

    def guard(self, callback: Callable[..., object], *args: object) -> None:
        """Call a protocol; what it raises is reported, and costs its link only."""
        try:
            callback(*args)
        except Exception as exc:  # noqa: BLE001  # a fault in the protocol must not stop the line
            context = {"message": f"{self._port.path}: the protocol raised; its link is ended", "exception": exc}
            self._loop.call_exception_handler(context)
            self._fail_up(exc)
            if self._transport is not None:
                self._transport.abort()

    # What the wire tells.

    def bytes_received(self, data: bytes) -> None:
        """Take bytes from the device."""
        now_s = self._loop.time()
        self.counters.bytes_received += len(data)
        payloads: list[bytes] = []
        for item in self._deframer.receive_data(data):
            self._count(item)
            for event in self._link.receive(item, now_s):
                if isinstance(event, Data):
                    payloads.append(event.payload)
                else:
                    self._deliver(payloads)
                    self._apply(event)
        self._deliver(payloads)
        self._settle()

    def output_empty(self) -> None:
        """Let the transport send more."""
        if self._transport is not None:
            self._transport.flush()

    def port_lost(self, cause: OSError) -> None:
        """End the link: the device is gone."""
        loss = LinkError(f"serial port {self._port.path} is gone (unplugged, or its driver failed): {cause}")
        loss.__cause__ = cause
        self._device_loss = loss
        self._is_last_link = True
        self._detach(loss, 0.0)

    def port_closed(self) -> None:
        """Tell everybody who waits for the end."""
        self._patience.cancel()
        if self._ending is not None:
            self._ending.finish(self._cause)
        self._fail_up(self._cause or LinkError(f"serial port {self._port.path} was closed"))
        # After connection_lost, which is on its way in the same manner.
        self._loop.call_soon(self.closed.set_result, self._device_loss)

    # Inside.

    def _fail_up(self, cause: Exception) -> None:
        if not self.up.done():
            self.up.set_exception(cause)
            self.up.exception()  # counts as seen: nobody waits for a listener's

    def _count(self, item: bytes | Damage) -> None:
        if isinstance(item, Damage):
            self.counters.packets_damaged += 1
        else:
            self.counters.packets_received += 1

    def _deliver(self, payloads: list[bytes]) -> None:
        if payloads and self._transport is not None:
            self._transport.deliver(b"".join(payloads))
        payloads.clear()

    def _apply(self, event: Event) -> None:
        match event:
            case Up(max_payload):
                self._begin(max_payload)
            case Down(None):
                self._detach(None, ABORT_DRAIN_S)
            case Down(reason):
                self._detach(LinkError(f"serial line {self._port.path}: {reason}"), ABORT_DRAIN_S)

    def _begin(self, max_payload: int) -> None:
        self._patience.cancel()
        self.counters.links += 1
        extra: dict[str, Any] = {"peername": self._port.path, "serial": self._port.device, "counters": self.counters}
        transport = self._transport = SerialTransport(self, max_payload, extra)
        self.guard(self._make_protocol, transport)

    def _make_protocol(self, transport: SerialTransport) -> None:
        protocol = self._protocol_factory()
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        if not self.up.done():
            self.up.set_result((transport, protocol))

    def _detach(self, cause: OSError | None, drain_s: float) -> None:
        """Part with the link, which is over for ``cause``; with the port as well, where it was the last link."""
        transport, self._transport = self._transport, None
        if cause is not None:
            self._wire.discard_output()  # the other side would take it for noise
        if self._is_last_link:
            self._ending = self._ending or transport
            self._close(cause, drain_s)
        elif transport is not None:
            self._wire.resume_reading()
            transport.finish(cause)

    def _close(self, cause: OSError | None, drain_s: float) -> None:
        if not self._is_closing:
            self._is_closing = True
            self._cause = cause
            self._link.close()
            self._settle()
            self._wire.close(drain_s)

    def _settle(self) -> None:
        """Send what the link wants sent, and come back when it wants to."""
        control = self._link.data_to_send()
        if control and self._wire.backlog <= _CONTROL_BACKLOG_BYTES:
            self._write(control)
        if self._timer is not None:
            self._timer.cancel()
        deadline_s = self._link.deadline_s
        self._timer = None if deadline_s is None else self._loop.call_at(deadline_s, self._tick)

    def _tick(self) -> None:
        for event in self._link.tick(self._loop.time()):
            self._apply(event)
        self._settle()

    def _write(self, data: bytes) -> None:
        self.counters.bytes_sent += len(data)
        self._wire.write(data)

    def _lose_patience(self) -> None:
        text = _silence(self._port.path, self._role, self.counters, self._patience_s)
        if self._role is Role.CONNECTOR:
            self._close(ConnectTimeout(text), ABORT_DRAIN_S)
        else:
            logger.log(logging.WARNING if self.counters.bytes_received else logging.INFO, "%s", text)


def _wire(loop: asyncio.AbstractEventLoop, port: Port, user: WireUser) -> Wire:
    try:
        return LoopWire(loop, port, user)
    except NotImplementedError:
        return ThreadWire(loop, port, user)


def _silence(path: str, role: Role, counters: Counters, after_s: float) -> str:
    """Say what to check, now that no link came up for ``after_s`` seconds."""
    if counters.bytes_received > 0 and counters.packets_received == 0:
        return (
            f"serial line {path}: {counters.bytes_received} bytes came in {after_s:g} s and no packet among them: have "
            "both sides the same baud rate, and does no console or boot log write to this port?"
        )
    if role is Role.CONNECTOR:
        return (
            f"serial line {path}: no answer for {after_s:g} s: does the other side run and listen, is its baud rate "
            "the same, and is the cable right (TX to RX)?"
        )
    return f"serial line {path}: nobody has connected for {after_s:g} s; it is the other side that has to connect"
