# SPDX-License-Identifier: MIT
"""The one place that cuts a byte stream into frames, and the place that takes runs of them apart.

This file is run in two ways: as it stands, and compiled by mypyc, by the package ``sigcore-accel``, as the module
``sig_accel.scanner``. Hence whole names where it imports from sigcore, and a dot before ``header``, which each of the
two packages has in the form that is fast there. The same tests hold for both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from sigcore._errors import RemoteProtocolError
from sigcore.protocol.kinds import FIRST_EXTENSION, VERSION, Kind

from .header import HEADER_BYTES, read_header

REVISION: Final = 1
"""Counts the changes of what this module takes, gives or does: a compiled one of another revision is not used."""

LARGE_BODY_BYTES: Final = 16 * 1024
"""From this size on a body is not copied before it is decoded."""

_EVENT: Final = int(Kind.EVENT)
_EVENT_META: Final = int(Kind.EVENT_META)
_GAP: Final = int(Kind.GAP)
_KNOWN: Final = frozenset(int(kind) for kind in Kind)

Item = tuple[int, int, Any, bytes, int, int, int]
"""What ``FrameReader.feed`` gives: (kind, id, route, data, start, end, count).

``data[start:end]`` is one frame with its header, or, where ``route`` is not ``None``, a run of ``count`` frames of
events and gaps that share that route.
"""

Event = int | bytes | memoryview | tuple[int, bytes]
"""What ``events_of`` gives."""


class FrameReader:
    """Cuts the bytes of one direction into frames, however they were cut on their way.

    Neighbouring event frames whose topics have one route come as one run, so that whoever forwards them need not
    look at each. A frame that arrives in pieces is joined once, alone.

    Args:
        max_frame: Longest body accepted, in bytes.
        routes: Topic ids and their routes, looked up for every event; read only, may change between items.
    """

    __slots__ = ("_have", "_need", "_pieces", "max_frame", "routes", "skipped")

    def __init__(self, max_frame: int, routes: Mapping[int, Any]) -> None:
        self.max_frame = max_frame
        self.routes = routes
        self.skipped = 0  # extension frames that were skipped
        self._pieces: list[bytes] = []  # the beginning of a frame whose end has not come
        self._have = 0
        self._need = 0  # whole length of that frame; 0 while its header is not complete

    def feed(self, data: bytes | bytearray) -> Iterator[Item]:
        """Take ``data`` and give what it completes, in order. Exhaust it before the next call.

        Raises:
            RemoteProtocolError: A frame is too long or of an unknown kind. Nothing can follow; close the link.
        """
        whole = data if isinstance(data, bytes) else bytes(data)  # some event loops hand out bytearrays
        return self._go_on(whole) if self._pieces else self._cut(whole, 0)

    def _go_on(self, data: bytes) -> Iterator[Item]:
        pos = 0
        while self._pieces and pos < len(data):
            pos, whole = self._complete(data, pos)
            if whole is not None:
                yield from self._cut(whole, 0)
        if pos < len(data):
            yield from self._cut(data, pos)

    def _complete(self, data: bytes, pos: int) -> tuple[int, bytes | None]:
        """Add what is missing to the frame in pieces; return where to go on, and the frame once it is whole."""
        want = (self._need or HEADER_BYTES) - self._have
        piece = data[pos : pos + want]
        self._keep(piece)
        if self._have < (self._need or HEADER_BYTES):
            return pos + len(piece), None
        joined = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        if not self._need:
            length, kind, _id = read_header(joined, 0)
            self._check(length, kind)
            self._pieces = [joined]
            self._need = HEADER_BYTES + length
            if length:
                return pos + len(piece), None
        self._pieces, self._have, self._need = [], 0, 0
        return pos + len(piece), joined

    def _keep(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._have += len(piece)
        if len(self._pieces) > 64:  # a large frame that trickles in must not cost an object per byte
            self._pieces = [b"".join(self._pieces)]

    def _cut(self, data: bytes, pos: int) -> Iterator[Item]:
        """Give every whole frame of ``data`` from ``pos`` on, and keep the rest."""
        routes, max_frame = self.routes, self.max_frame
        header_bytes, event, event_meta, gap = HEADER_BYTES, _EVENT, _EVENT_META, _GAP
        size = len(data)
        last = size - header_bytes
        run_route: Any = None
        run_start = run_count = 0
        run_id = -1
        while pos <= last:
            length, kind, id_ = read_header(data, pos)
            end = pos + header_bytes + length
            if end > size or length > max_frame:
                break
            if kind == event or kind == event_meta or kind == gap:  # noqa: SIM109  # faster than 'in' here
                if id_ == run_id:
                    run_count += 1
                    pos = end
                    continue
                route = routes.get(id_)
                if route is not None and route is run_route:
                    run_count += 1
                    pos = end
                    continue
                if run_route is not None:
                    yield event, run_id, run_route, data, run_start, pos, run_count
                    route = routes.get(id_)  # what was given may have changed the routes
                if route is None:
                    run_route, run_id = None, -1
                    yield kind, id_, None, data, pos, end, 1
                else:
                    run_route, run_start, run_id, run_count = route, pos, id_, 1
            else:
                if run_route is not None:
                    yield event, run_id, run_route, data, run_start, pos, run_count
                    run_route, run_id = None, -1
                if kind in _KNOWN:
                    yield kind, id_, None, data, pos, end, 1
                    max_frame, routes = self.max_frame, self.routes  # the handshake changes them
                else:
                    self._check(length, kind)
                    self.skipped += 1
            pos = end
        if run_route is not None:
            yield event, run_id, run_route, data, run_start, pos, run_count
        if pos < size and not self._begin(data, pos):
            yield from self._cut(data, pos)

    def _begin(self, data: bytes, pos: int) -> bool:
        """Keep the unfinished frame that begins at ``pos``; refuse it now if it can never be taken.

        Returns:
            Whether that was all; not where it is whole, because the limit was raised for the last item.
        """
        if len(data) - pos >= HEADER_BYTES:
            length, kind, _id = read_header(data, pos)
            self._check(length, kind)
            if pos + HEADER_BYTES + length <= len(data):
                return False
            self._need = HEADER_BYTES + length
        self._keep(data[pos:])
        return True

    def _check(self, length: int, kind: int) -> None:
        if kind not in _KNOWN and kind < FIRST_EXTENSION:
            raise RemoteProtocolError(
                f"a frame has the unknown kind 0x{kind:02x}; this side speaks version {VERSION}", code="unknown_kind"
            )
        if length > self.max_frame:
            raise RemoteProtocolError(
                f"a frame of kind 0x{kind:02x} announces {length} bytes; max_frame is {self.max_frame} here",
                code="frame_too_large",
            )


def events_of(run: bytes) -> list[Event]:
    """Return what is in a run: the body of each EVENT, (kind, body) of other frames, and before them their topic's id.

    The id of a topic stands before the first of neighbouring frames that have it. Part of the scan: it looks at each
    event once more, on its way to a listener. Large bodies are not copied.
    """
    header_bytes, event = HEADER_BYTES, _EVENT
    found: list[Event] = []
    append = found.append
    pos, end, topic = 0, len(run), -1
    while pos < end:
        length, kind, id_ = read_header(run, pos)
        if id_ != topic:
            topic = id_
            append(id_)
        start = pos + header_bytes
        pos = start + length
        if kind != event:
            append((kind, run[start:pos]))
        elif length < LARGE_BODY_BYTES:
            append(run[start:pos])
        else:
            append(memoryview(run)[start:pos])
    return found
