# SPDX-License-Identifier: MIT
"""The frame scanner, as it stands and compiled: the same frames, however they are cut, or ``RemoteProtocolError``."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import sigcore
from fuzz.supply import WHOLE, Supply
from fuzz.vectors import conversations
from sigcore.protocol import scanner
from sigcore.protocol.frames import Kind, frame, split_run

COMPILED = find_spec("sig_accel") is not None
MAX_FRAMES = (300, 4096, 0, 1 << 20)
ROUTES = {1: "north", 2: "north", 3: "south"}
KNOWN = frozenset(Kind)
WORDS = [bytes([0, 0, 0, size, kind, 0, 0, 0, id_]) for kind in Kind for size in (0, 2) for id_ in (1, 3)]
MAX_LEN = 2048

Frames = list[tuple[int, int, bytes]]


def check(data: bytes) -> bool:
    """Scan the same bytes whole and in pieces, and by both scanners."""
    supply = Supply(data)
    max_frame = supply.pick(MAX_FRAMES)
    pieces = supply.pieces()
    whole = b"".join(pieces)
    items, refusal = scan(scanner, pieces, max_frame)
    if COMPILED:
        from sig_accel import scanner as compiled

        assert scan(compiled, pieces, max_frame) == (items, refusal)
    found = frames_in(items)
    again, refusal_again = scan(scanner, [whole], max_frame)
    assert (frames_in(again), refusal_again) == (found, refusal)
    assert all(len(body) <= max_frame for _kind, _id, body in found)
    if refusal is None:
        assert written(whole, KNOWN).startswith(b"".join(frame(*each) for each in found))
    return refusal is None


def scan(module: ModuleType, pieces: Iterable[bytes], max_frame: int) -> tuple[list[Any], str | None]:
    """Return the items that a scanner gives, what is in their runs, and the code of the refusal that ends them."""
    reader = module.FrameReader(max_frame, ROUTES)
    items: list[Any] = []
    try:
        for piece in pieces:
            for item in reader.feed(piece):
                run = item[3][item[4] : item[5]]
                items.append((*item, module.events_of(run) if item[2] is not None else []))
    except sigcore.RemoteProtocolError as error:
        return items, error.code
    return items, None


def frames_in(items: list[Any]) -> Frames:
    """Return the frames, of which runs have several."""
    return [each for item in items for each in split_run(item[3][item[4] : item[5]])]


def written(data: bytes, kinds: frozenset[int]) -> bytes:
    """Return the frames of ``data`` of these kinds, read in the plainest way; what does not fit is left as it is."""
    out, pos = b"", 0
    while len(data) - pos >= 9:
        end = pos + 9 + int.from_bytes(data[pos : pos + 4], "big")
        out += data[pos:end] if data[pos + 4] in kinds else b""
        pos = end
    return out


def seeds() -> list[bytes]:
    """Return both directions of every conversation."""
    lines = [line for lines in conversations() for line in lines if line.data]
    each = [line.data for line in lines if len(line.data) > len(WORDS[0])]
    runs = [b"".join(frame(Kind.EVENT, id_, b"1") for id_ in (1, 1, 2, 3, 4)), frame(0x80, 0) + frame(0x7F, 0)]
    return [bytes([n % 4]) + WHOLE + stream for n, stream in enumerate([*each, *runs, b"".join(each)[:MAX_LEN]])]
