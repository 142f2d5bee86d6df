# SPDX-License-Identifier: MIT
"""A port with checked packets on it: its wire and the links that the packets make, joined."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

import sigcore
from sigcore import ConnectTimeout, LinkError

from ._console import Console
from ._deframer import Text
from ._framing import DELIMITER
from ._link import Data, Down, Event, Link, Up
from ._packet import CloseCode
from ._port_line import ABORT_DRAIN_S, PortLine
from ._tables import Role

if TYPE_CHECKING:
    from ._counters import LinkCounters
    from ._port import Port
    from ._transport import SerialTransport

logger = sigcore.get_logger("sigcore.serial")

LISTENER_PATIENCE_S = 5.0
"""How long no link may come up before a listener's log says what to check."""

HIGH_WATER_BYTES = 255
"""Beyond this unsent, a whole fragment, the session waits, so that what it has to say in a hurry overtakes the rest."""

HIGH_WATER_S = 0.022
"""The same as a time, for a fast line: as long as 256 bytes take at 115 200 baud."""

QUEUE_LOOK_S = 0.1
"""Between two looks at how much the system has still to send: a call to the system that most packets can do without."""

QUEUE_BYTES = 1024
"""With more in the system's queue, the real line is slower than its rate says: nothing is added for a while."""

QUEUE_S = 0.05
"""The same as a time, for a fast line: the link itself stays some 20 ms ahead of the line."""

_GOODBYE_BYTES = 400
"""What may stand before the last packet of a link, and that one itself."""

_GOODBYE_S = 1.0
"""The most that the last packet may take: a slow line's own time is not waited for."""

_LEAST_WAIT_S = 0.0005
"""Between two turns of the line's timer, whatever the link asks for."""


class Line(PortLine):
    """A port on which links of checked packets come up, one at a time.

    Args:
        port: As for ``PortLine``.
        role: As for ``PortLine``.
        protocol_factory: As for ``PortLine``. Its method ``console(source, line)``, where it has one, is called for
            each line of text that comes between the packets.
        patience_s: How long the first link may take; then a connector gives up, and a listener logs what to check.
        max_payload: Longest packet body to take from the other side, in bytes.
        window: How many bytes to take beyond those acknowledged.
        source: What to call the place that text comes from; the port's path by default.
    """

    def __init__(
        self,
        port: Port,
        role: Role,
        protocol_factory: Callable[[], asyncio.Protocol],
        *,
        patience_s: float,
        max_payload: int = 256,
        window: int = 8192,
        source: str = "",
    ) -> None:
        super().__init__(port, role, protocol_factory)
        now_s = self._loop.time()
        self._link = Link(role, now_s, byte_s=port.byte_s, max_payload=max_payload, window=window)
        self._console = Console(source or port.path, protocol_factory)
        self._high = max(HIGH_WATER_BYTES, int(HIGH_WATER_S / port.byte_s))
        self._drain_s = max(ABORT_DRAIN_S, min(_GOODBYE_BYTES * port.byte_s, _GOODBYE_S))
        self._byte_s = port.byte_s
        self._most_queued = max(QUEUE_BYTES, int(QUEUE_S / port.byte_s))
        self._ends_ahead = 0  # how many links are over of which the protocols do not know yet
        self._is_settling = False
        self._settle_is_due = False
        self._is_held = False
        self._look_s = now_s
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due_s = 0.0  # uvloop's handles do not tell
        self._patience_s = patience_s
        self._patience = self._loop.call_later(patience_s, self._lose_patience)
        self._settle()

    @property
    def counters(self) -> LinkCounters:
        """What has come and gone since the port was opened."""
        return self._link.counters

    # What the transport asks for.

    def unsent(self, transport: SerialTransport) -> int:
        """Return how many bytes wait to be sent for the first time."""
        return self._link.unsent if self._has(transport) else 0

    def write(self, transport: SerialTransport, data: bytes) -> None:
        """Send ``data``, together with what else is written in this turn of the loop."""
        if self._has(transport):
            self._link.write(data)
            self._settle_soon()

    def pause_reading(self, transport: SerialTransport) -> None:
        """Hold the other side back: at most a window more is kept here."""
        if self._has(transport):
            self._link.pause_reading()

    def resume_reading(self, transport: SerialTransport) -> None:
        """Give what was kept, and let the other side go on."""
        if self._has(transport) and not transport.is_paused:
            self._apply(self._link.resume_reading(self._loop.time()))

    def finish_link(self, transport: SerialTransport) -> None:
        """End the link once the other side has acknowledged everything written."""
        if self._has(transport):
            self._link.finish()
            self._settle_soon()

    # What the wire tells.

    def bytes_received(self, data: bytes) -> None:
        """Take bytes from the device."""
        self._apply(self._link.receive(data, self._loop.time()))

    def output_empty(self) -> None:
        """Send what had to wait."""
        self._settle()

    def port_closed(self) -> None:
        """Tell everybody who waits for the end."""
        self._patience.cancel()
        super().port_closed()

    # Inside.

    def _has(self, transport: SerialTransport) -> bool:
        """Whether the link is that of ``transport`` still: it may be over, or the next, before that one was told."""
        return transport is self._transport and not self._ends_ahead

    def _apply(self, events: list[Event]) -> None:
        """Do what the events say, in their order; bytes that follow each other are given in one piece."""
        self._is_settling = True  # what protocols write meanwhile is seen to at the end
        self._ends_ahead = sum(isinstance(event, Down) for event in events)
        payloads: list[bytes] = []
        for event in events:
            match event:
                case Data(payload):
                    payloads.append(payload)
                case Text(line):
                    self._console.tell(line)
                case Up() | Down():
                    self._deliver(payloads)
                    self._change(event)
        self._deliver(payloads)
        self._settle()

    def _deliver(self, payloads: list[bytes]) -> None:
        if payloads and self._transport is not None:
            self._transport.deliver(b"".join(payloads))
        payloads.clear()

    def _change(self, event: Up | Down) -> None:
        match event:
            case Up() if not self._is_closing:
                self._patience.cancel()
                self._begin(self._high)
            case Down(reason, cause):
                self._ends_ahead -= 1
                text = f"serial line {self._port.path}: {reason}"
                self._detach(LinkError(text, cause=cause) if reason else None, self._drain_s)

    def _part(self) -> None:
        if not self._ends_ahead:
            self._link.close(CloseCode.ABORTED)

    def _detach(self, cause: OSError | None, drain_s: float) -> None:
        if self._wire.backlog:  # the line is stuck; nothing of this is of use to the next link
            self._wire.discard_output()
            self._wire.write(DELIMITER)  # ends the packet that was cut short
        super()._detach(cause, drain_s)
        self._settle_soon()

    def _close(self, cause: OSError | None, drain_s: float) -> None:
        if not self._is_closing:
            self._link.close(CloseCode.ABORTED)
            if goodbye := self._link.data_to_send(self._loop.time()):
                self._wire.write(goodbye)  # whatever the wire has to do still
        super()._close(cause, drain_s)

    def _settle_soon(self) -> None:
        if not self._is_settling and not self._settle_is_due:
            self._settle_is_due = True
            self._loop.call_soon(self._settle)

    def _settle(self) -> None:
        """Take more from the protocol, send what is due, and see when something is due next."""
        self._is_settling, self._settle_is_due = True, False
        now_s = self._loop.time()
        # Not before the line can be given more: until then the session may still think of something more urgent.
        if self._transport is not None and now_s >= self._link.room_s and not self._must_wait(now_s):
            self._transport.tell_room()
        self._send(now_s)
        self._is_settling = False
        self._arm(now_s)

    def _send(self, now_s: float) -> None:
        while not self._must_wait(now_s) and (data := self._link.data_to_send(now_s)):
            self._wire.write(data)

    def _must_wait(self, now_s: float) -> bool:
        """Return whether the wire has enough to do: the link believes in the baud rate, the system knows."""
        if now_s >= self._look_s:
            excess = self._wire.queued - self._most_queued
            self._is_held = excess > 0
            too_much_s = (excess + self._most_queued / 2) * self._byte_s
            self._look_s = now_s + (min(too_much_s, QUEUE_LOOK_S) if self._is_held else QUEUE_LOOK_S)
        return self._is_held or self._wire.backlog > 0

    def _arm(self, now_s: float) -> None:
        due_s = self._link.deadline_s
        if self._transport is not None and self._transport.wants_room:
            due_s = self._link.room_s if due_s is None else min(due_s, self._link.room_s)
        if due_s is None or self._is_closing:
            return
        due_s = max(due_s, self._look_s if self._must_wait(now_s) else now_s + _LEAST_WAIT_S)
        if self._timer is not None:
            if self._timer_due_s <= due_s:
                return  # a timer that is early looks again; moving it each time would cost more
            self._timer.cancel()
        self._timer_due_s = due_s
        self._timer = self._loop.call_at(due_s, self._tick)

    def _tick(self) -> None:
        self._timer = None
        if not self._is_closing:
            self._apply(self._link.tick(self._loop.time()))

    def _lose_patience(self) -> None:
        text = _silence(self._port.path, self._role, self.counters, self._patience_s)
        if self._role is Role.CONNECTOR:
            self._close(ConnectTimeout(text), self._drain_s)
        else:
            logger.log(logging.WARNING if self.counters.bytes_received else logging.INFO, "%s", text)


def _silence(path: str, role: Role, counters: LinkCounters, after_s: float) -> str:
    """Say what to check, now that no link came up for ``after_s`` seconds."""
    if counters.text_lines > 0 and counters.packets_received == 0:
        return (
            f"serial line {path}: {counters.text_lines} lines of text came in {after_s:g} s and no packet: the cable "
            "and the baud rate are right, but what runs there does not speak the serial link, or not yet"
        )
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
