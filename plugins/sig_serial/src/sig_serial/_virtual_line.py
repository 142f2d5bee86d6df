# SPDX-License-Identifier: MIT
"""Two links and the line between them in virtual time: no thread, no clock, the same again each time.

What a day of a bad line does is seen in seconds, and its figures are those of the line, not of the machine.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Final

from ._link import Data, Down, Event, Link, Up
from ._tables import Role, State

BYTE_S: Final = 10 / 115200
"""A byte at 115 200 baud, with its start and its stop bit."""

CONNECT_AGAIN_S: Final = 0.25
"""How long after the end of its link a connector begins anew."""

_KEPT_BYTES: Final = 2048
_FOREVER_S: Final = 1e9

Fault = Callable[[bytes], bytes]


def no_fault(data: bytes) -> bytes:
    """Let all bytes arrive as they are."""
    return data


@dataclass(slots=True)
class Side:
    """One end of the line.

    Attributes:
        link: Its link, a new one after each start.
        received: What its link has delivered since it came up.
        happened: All events but ``Data``, with their times.
        fault: What the line does to the bytes that this side sends.
        sent: What it has sent lately.
        on_room: Called before the link is asked for bytes: to write some.
        on_event: Called with each event.
        on_sent: Called with the bytes that the line is given.
        starts: How many times it was started anew.
    """

    role: Role
    link: Link
    received: bytearray = field(default_factory=bytearray)
    happened: list[tuple[float, Event]] = field(default_factory=list)
    fault: Fault = no_fault
    sent: bytearray = field(default_factory=bytearray)
    on_room: Callable[[], None] = lambda: None
    on_event: Callable[[Event], None] = lambda _event: None
    on_sent: Callable[[bytes], None] = lambda _data: None
    starts: int = 0
    _free_s: float = 0.0
    _wakes_s: float | None = None


class VirtualLine:
    """A connector and a listener, joined by a line with faults.

    Args:
        byte_s: Seconds that one byte takes.
        piece_bytes: How many bytes an adapter gives out at once.
        latency_s: How long after they have come.
        make_link: Makes the link of a role at a time; by default, one with the defaults.
    """

    def __init__(
        self,
        *,
        byte_s: float = BYTE_S,
        piece_bytes: int = 64,
        latency_s: float = 0.0,
        make_link: Callable[[Role, float], Link] | None = None,
    ) -> None:
        self.now_s = 0.0
        self._byte_s, self._piece_bytes, self._latency_s = byte_s, piece_bytes, latency_s
        self._make_link = make_link or (lambda role, now_s: Link(role, now_s, byte_s=byte_s))
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self.connector = Side(Role.CONNECTOR, self._make_link(Role.CONNECTOR, 0.0))
        self.listener = Side(Role.LISTENER, self._make_link(Role.LISTENER, 0.0))
        self.sides = (self.connector, self.listener)
        for side in self.sides:
            self.pump(side)

    def other(self, side: Side) -> Side:
        """Return the other end."""
        return self.listener if side is self.connector else self.connector

    @property
    def is_up(self) -> bool:
        """Whether both sides have a link."""
        return self.connector.link.is_up and self.listener.link.is_up

    def run(self, seconds: float = _FOREVER_S, until: Callable[[], bool] = lambda: False) -> bool:
        """Let time go by; return whether ``until`` has come true."""
        end_s = self.now_s + seconds
        while not until():
            if not self._agenda or self._agenda[0][0] > end_s:
                self.now_s = end_s
                return until()
            self.now_s, _, act = heapq.heappop(self._agenda)
            act()
        return True

    def restart(self, side: Side) -> None:
        """Let a side forget everything, in the middle of whatever it sends."""
        side.starts += 1
        side.link = self._make_link(side.role, self.now_s)
        side.received.clear()
        side._free_s = self.now_s
        side._wakes_s = None
        self.pump(side)

    def arrive(self, side: Side, data: bytes) -> None:
        """Let bytes come to a side, whoever sent them."""
        self._take(side, side.link.receive(data, self.now_s))

    def pump(self, side: Side) -> None:
        """Give the line what a side's link has for it, and come back in time."""
        link = side.link
        side.on_room()
        while data := link.data_to_send(self.now_s):
            self._send(side, data)
            side.on_room()
        deadline_s = link.deadline_s
        if deadline_s is not None and (side._wakes_s is None or deadline_s < side._wakes_s):
            side._wakes_s = max(deadline_s, self.now_s)
            self._at(side._wakes_s, lambda: self._wake(side, link))

    def _send(self, side: Side, data: bytes) -> None:
        side.on_sent(data)
        side.sent = (side.sent + data)[-_KEPT_BYTES:]
        starts, other = side.starts, self.other(side)
        side._free_s = max(side._free_s, self.now_s)
        for at in range(0, len(data), self._piece_bytes):
            piece = data[at : at + self._piece_bytes]
            side._free_s += len(piece) * self._byte_s
            self._at(side._free_s + self._latency_s, lambda piece=piece: self._pass(side, starts, other, piece))  # type: ignore[misc]  # mypy infers no type of a default

    def _pass(self, side: Side, starts: int, other: Side, piece: bytes) -> None:
        if side.starts != starts:
            return  # it was restarted before this had left
        arriving = side.fault(piece)
        if arriving:
            self.arrive(other, arriving)

    def _wake(self, side: Side, link: Link) -> None:
        if side.link is not link or side._wakes_s != self.now_s:
            return
        side._wakes_s = None
        self._take(side, link.tick(self.now_s))

    def _take(self, side: Side, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Data):
                side.received += event.payload
            else:
                side.happened.append((self.now_s, event))
            if isinstance(event, Up):
                side.received.clear()
            side.on_event(event)
        if any(isinstance(event, Down) for event in events) and side.link.state is State.OVER:
            link = side.link
            self._at(self.now_s + CONNECT_AGAIN_S, lambda: self._connect_again(side, link))
        self.pump(side)

    def _connect_again(self, side: Side, link: Link) -> None:
        if side.link is link:
            self.restart(side)

    def _at(self, time_s: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, (time_s, next(self._order), act))
