# SPDX-License-Identifier: MIT
"""What came from a publisher and has no place yet, because a reader holds it up."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from .._errors import RemoteProtocolError
from .frames import HEADER, HEADER_BYTES, FrameReader, Kind, frame

if TYPE_CHECKING:
    from .routes import Route
    from .server_session import ServerSession

_NOTHING: deque[tuple[int, bytes]] = deque()
"""Stands where nothing waits, which is nearly everywhere: a deque takes 760 bytes, and each session has an inbox."""


class Inbox:
    """The events of one session on their way to their readers, and what must stay in order with them.

    A run that a reader holds up waits here, with all that comes behind it; its bytes count as consumed once it is
    routed, so that the publisher's credit simply stops.

    Args:
        session: The publisher.
    """

    __slots__ = ("_accepted", "_late_size", "_session", "_waiting")

    def __init__(self, session: ServerSession) -> None:
        self._session = session
        self._waiting = _NOTHING  # (kind, whole frames)
        self._late_size = 0  # bytes of ADD_SENDER among them, which no credit covers
        self._accepted = 0  # how many routers took the event that was routed last

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def put_run(self, route: Route, run: bytes, count: int) -> int:
        """Route a run, or let it wait; return how many bytes were consumed."""
        if self._waiting or self._session.is_held_up(route):
            self._wait(Kind.EVENT, run)
            return 0
        self._accepted = self._session.forward(run, count, route)
        return len(run)

    def put(self, kind: Kind, id_: int, body: bytes) -> int:
        """Do what a frame asks for once everything before it is routed; return how many bytes were consumed now."""
        data = frame(kind, id_, body)
        if self._waiting:
            self._wait(kind, data)
            return 0
        return self._do(kind, data)

    def put_late_sender(self, id_: int, body: bytes) -> None:
        """Have an ADD_SENDER wait for the removal of its predecessor, which is among the events.

        Raises:
            RemoteProtocolError: Too many wait.
        """
        self._late_size += HEADER_BYTES + len(body)
        most = self._session.options.control_queue
        if self._late_size > most:
            text = f"{self._late_size} bytes of ADD_SENDER wait for removals, at most {most} may"
            raise RemoteProtocolError(text, code="control_overflow")
        self.put(Kind.ADD_SENDER, id_, body)

    def go_on(self, *, whatever: bool = False) -> int:
        """Readers have room again: route what waits, as far as it goes, or all of it; return the bytes consumed."""
        consumed = 0
        while self._waiting:
            kind, frames = self._waiting[0]
            if kind == Kind.EVENT:
                size, is_routed = self._route(frames, whatever)
                consumed += size
                if not is_routed:
                    break
                self._waiting.popleft()
            else:
                self._waiting.popleft()
                consumed += self._do(kind, frames)
        if not self._waiting:
            self._waiting = _NOTHING
        return consumed

    def _wait(self, kind: int, frames: bytes) -> None:
        if not self._waiting:
            self._waiting = deque()
        self._waiting.append((kind, frames))

    def _route(self, frames: bytes, whatever: bool) -> tuple[int, bool]:
        """Route a run by the routes of now; what is held up becomes the head of what waits."""
        session = self._session
        reader = FrameReader(session.options.max_frame, session.routes)
        for _kind, id_, route, data, start, end, count in reader.feed(frames):
            if route is None:
                route = session.find_route(id_)
            if whatever:
                session.make_way(route)
            elif session.is_held_up(route):
                self._waiting[0] = (Kind.EVENT, frames[start:])
                return start, False
            self._accepted = session.forward(data[start:end], count, route)
        return len(frames), True

    def _do(self, kind: int, data: bytes) -> int:
        id_, body = HEADER.unpack_from(data)[2], data[HEADER_BYTES:]
        if kind == Kind.ADD_SENDER:
            self._late_size -= len(data)
            self._session.enter_sender(id_, body)
            return 0
        if kind == Kind.SYNC:
            self._session.answer_sync(id_, self._accepted)
        else:
            self._session.drop_sender(body)
        return len(data)
