# SPDX-License-Identifier: MIT
"""One open port with one link at a time over it: what is the same for packets and for bare bytes."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sigcore import LinkError

from ._port_errors import text_of
from ._tables import Role
from ._transport import CLOSE_TIMEOUT_S, SerialTransport
from ._wires import start_wire

if TYPE_CHECKING:
    from ._counters import LinkCounters, RawCounters
    from ._port import Port

ABORT_DRAIN_S = 0.05
"""How long an end at once may take to send what tells the other side so."""


class PortLine(ABC):
    """A port, and one link at a time over it.

    A connector's line closes its port with its one link. A listener's goes on to the next, until ``finish``.

    Args:
        port: The open port, which this line owns from now on.
        role: Which side this is.
        protocol_factory: Called for each link that comes up.

    Attributes:
        known_as: By what name the port is somebody's identity; empty for none: its path, or what it was asked for by.
        cable: The name of the cable, by which the session above knows that whoever comes by it is the same again. The
            port's path, unless it is set to what stays when that changes; before the first link.
        endpoint: The endpoint of just this port, where the line is of an endpoint that means several; empty, unless it
            is set before the first link.
        up: The first link; an ``OSError`` where none came up before the port was closed.
        closed: Done when the port is closed and every protocol knows: with the ``LinkError`` that says how the device
            was lost (its ``cause`` is ``unplugged``), with what ``release`` was given, else with ``None``.
    """

    def __init__(self, port: Port, role: Role, protocol_factory: Callable[[], asyncio.Protocol]) -> None:
        self._loop = asyncio.get_running_loop()
        self.up: asyncio.Future[tuple[asyncio.Transport, asyncio.Protocol]] = self._loop.create_future()
        self.closed: asyncio.Future[OSError | None] = self._loop.create_future()
        self.cable = port.path
        self.known_as = port.path
        self.endpoint = ""
        self._port = port
        self._role = role
        self._protocol_factory = protocol_factory
        self._is_last_link = role is Role.CONNECTOR
        self._transport: SerialTransport | None = None
        self._ending: SerialTransport | None = None
        self._cause: OSError | None = None
        self._port_loss: OSError | None = None
        self._is_closing = False
        self._up_since_s = 0.0
        self._drain_s = ABORT_DRAIN_S
        self._wire = start_wire(self._loop, port, self)

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
            self._close(None, self._drain_s)

    def release(self, cause: OSError) -> None:
        """Close the port now, because somebody else is to have it; a link that is up ends with ``cause``.

        Nothing where the port is being closed already; ``closed`` tells when others can open it.
        """
        if self._is_closing:
            return
        self._is_last_link = True
        self._port_loss = cause
        self._part()
        self._detach(cause, self._drain_s)

    def status(self) -> dict[str, Any]:
        """Return how the port is doing, in plain values: its path, whether a link is up and for how many seconds."""
        is_up = self._transport is not None
        return {
            "port": self._port.path,
            "state": "up" if is_up else "closing" if self._is_closing else "no link",
            "up_s": round(self._loop.time() - self._up_since_s, 3) if is_up else None,
        }

    @property
    @abstractmethod
    def counters(self) -> LinkCounters | RawCounters:
        """What has come and gone since the port was opened."""

    # What the transport asks for. Nothing happens for a transport whose link is over.

    @abstractmethod
    def unsent(self, transport: SerialTransport) -> int:
        """Return how many bytes wait to be sent for the first time."""

    @abstractmethod
    def write(self, transport: SerialTransport, data: bytes) -> None:
        """Send ``data`` after what was written before."""

    @abstractmethod
    def pause_reading(self, transport: SerialTransport) -> None:
        """Give ``transport`` no bytes."""

    @abstractmethod
    def resume_reading(self, transport: SerialTransport) -> None:
        """Give ``transport`` the bytes that came, unless it is paused again; never called from inside a protocol."""

    @abstractmethod
    def finish_link(self, transport: SerialTransport) -> None:
        """End the link once everything written has gone out."""

    def abort_link(self, transport: SerialTransport) -> None:
        """End the link now."""
        if transport is self._transport:
            self._part()
            self._detach(None, self._drain_s)

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

    @abstractmethod
    def bytes_received(self, data: bytes) -> None:
        """Take bytes from the device."""

    @abstractmethod
    def output_empty(self) -> None:
        """Go on: the system has taken all that was given to the wire."""

    def port_lost(self, cause: OSError) -> None:
        """End the link: the device is gone."""
        path = self._port.path
        loss = LinkError(
            f"serial port {path} is gone (unplugged, or its driver failed): {text_of(cause)}", cause="unplugged"
        )
        loss.__cause__ = cause
        self._port_loss = loss
        self._is_last_link = True
        self._detach(loss, 0.0)

    def port_closed(self) -> None:
        """Tell everybody who waits for the end."""
        if self._ending is not None:
            self._ending.finish(self._cause)
        self._fail_up(self._cause or LinkError(f"serial port {self._port.path} was closed", cause="closed"))
        # After connection_lost, which is on its way in the same manner.
        self._loop.call_soon(self.closed.set_result, self._port_loss)

    # Inside.

    @abstractmethod
    def _part(self) -> None:
        """Tell the other side, where it can be told, that the link ends now."""

    def _begin(self, high: int) -> None:
        """Begin a link, whose transport keeps about ``high`` bytes."""
        self._up_since_s = self._loop.time()
        port = self._port
        extra = {
            "peername": port.path,
            "cable": self.cable,
            "endpoint": self.endpoint,
            "known_as": self.known_as,
            "serial": port.device,
            "byte_s": port.byte_s,
            "counters": self.counters,
        }
        self._transport = SerialTransport(self, high, extra)
        self.guard(self._make_protocol, self._transport)

    def _make_protocol(self, transport: SerialTransport) -> None:
        protocol = self._protocol_factory()
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        if not self.up.done():
            self.up.set_result((transport, protocol))

    def _fail_up(self, cause: Exception) -> None:
        if not self.up.done():
            self.up.set_exception(cause)
            self.up.exception()  # counts as seen: nobody waits for a listener's

    def _detach(self, cause: OSError | None, drain_s: float) -> None:
        """Part with the link, which is over for ``cause``; with the port as well, where it was the last link."""
        transport, self._transport = self._transport, None
        if self._is_last_link:
            self._ending = self._ending or transport
            self._close(cause, drain_s)
        elif transport is not None:
            transport.finish(cause)

    def _close(self, cause: OSError | None, drain_s: float) -> None:
        if not self._is_closing:
            self._is_closing = True
            self._cause = cause
            self._wire.close(drain_s)
