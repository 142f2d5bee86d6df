# SPDX-License-Identifier: MIT
"""Frames: how a link begins, how frames are built and taken apart (docs/protocol.md, "Frames").

What the other modules need to know of frames they import from here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from .accel import fastest_scanner
from .header import HEADER, HEADER_BYTES, KIND_AT
from .kinds import FIRST_CONTROL, FIRST_EVENT_LANE, FIRST_EXTENSION, VERSION, Kind
from .scanner import Event, Item

if TYPE_CHECKING:
    from .scanner import FrameReader, events_of
else:
    _scanner = fastest_scanner()
    FrameReader, events_of = _scanner.FrameReader, _scanner.events_of

__all__ = [
    "FIRST_CONTROL",
    "FIRST_EVENT_LANE",
    "FIRST_EXTENSION",
    "HEADER",
    "HEADER_BYTES",
    "KIND_AT",
    "MAGIC",
    "PREFACE",
    "VERSION",
    "Event",
    "FrameReader",
    "Item",
    "Kind",
    "events_of",
    "frame",
    "split_run",
    "split_topics",
]

MAGIC = b"\x93SIG\n"
"""How a link begins. The first byte is no ASCII and no TLS record type; the last shows a text-mode line."""

PREFACE = MAGIC + bytes([VERSION])


def frame(kind: int, id_: int, body: bytes = b"") -> bytes:
    """Return one frame."""
    return HEADER.pack(len(body), kind, id_) + body


def split_run(run: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Give (kind, id, body) of each frame in a run that ``FrameReader`` gave, which is therefore whole."""
    unpack, pos, end = HEADER.unpack_from, 0, len(run)
    while pos < end:
        length, kind, id_ = unpack(run, pos)
        pos += HEADER_BYTES
        yield kind, id_, run[pos : pos + length]
        pos += length


def split_topics(run: bytes) -> Iterator[tuple[int, bytes]]:
    """Give (id, frames) of each part of a run whose frames are of one topic."""
    unpack, start, pos, end = HEADER.unpack_from, 0, 0, len(run)
    topic = -1
    while pos < end:
        length, _kind, id_ = unpack(run, pos)
        if id_ != topic:
            if pos:
                yield topic, run[start:pos]
            topic, start = id_, pos
        pos += HEADER_BYTES + length
    if end:
        yield topic, run[start:]
