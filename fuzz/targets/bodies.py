# SPDX-License-Identifier: MIT
"""Bodies of control frames: what they say, which is the same when it is written again, or ``RemoteProtocolError``."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import sigcore
from fuzz.supply import Supply
from fuzz.vectors import conversations, frames
from sigcore.protocol import bodies
from sigcore.protocol.frames import Kind

WORDS = [b'{"a":', b"[[[[[[[[", b"null", b"true", b'"sender"', b'"events"', b"\\ud800", b"NaN", b"1e999", b"9" * 20]
MAX_LEN = 2048
NAMES = ("sender", "event", "events", "topics", "limits", "session", "received", "keep", "connected", "peer", "senders")


def check(data: bytes) -> bool:
    """Read ``data`` as one kind of body."""
    supply = Supply(data)
    read = supply.pick(READERS)
    try:
        read(supply.rest())
    except sigcore.RemoteProtocolError:
        return False
    return True


def read_fields(body: bytes) -> None:
    """Read JSON, and ask each field for everything that it could be."""
    fields = bodies.read_body("BODY", body)
    again = bodies.read_body("BODY", bodies.write_body(dict(fields.items())))
    assert repr(again.items()) == repr(fields.items())
    for name in NAMES:
        for ask in (fields.text, fields.texts, fields.integer, fields.integers, fields.flag, fields.rows, fields.event):
            with suppress(sigcore.RemoteProtocolError):
                ask(name)
        for what in ("sender", "event"):
            with suppress(sigcore.RemoteProtocolError):
                fields.name(name, what)
                fields.names(name, what)
        with suppress(sigcore.RemoteProtocolError):
            fields.fields(name).integers_by_name()


def read_request(body: bytes) -> None:
    """Read the head of a REQUEST."""
    *names, left_ms, params = bodies.read_request(body)
    sender, method, caller = names
    again = bodies.write_request(sender, method, caller, left_ms, params)
    assert bodies.read_request(again) == (sender, method, caller, left_ms, params)


def read_ack(body: bytes) -> None:
    """Read an ACK."""
    assert bodies.write_ack(*bodies.read_ack(body)) == body


def read_kept(body: bytes) -> None:
    """Read a KEPT."""
    assert bodies.write_kept(*bodies.read_kept(body)) == body


def read_meta(body: bytes) -> None:
    """Read the parts of an EVENT_META."""
    assert bodies.join_meta(*bodies.split_meta(body)) == body


def read_gap(body: bytes) -> None:
    """Read a GAP, which never fails."""
    count, cause = bodies.read_gap(body)
    assert bodies.read_gap(bodies.write_gap(count, cause)) == (count, cause)


def write_text(body: bytes) -> None:
    """Write an ERROR with a text of any kind."""
    code, _, message = body.decode(errors="replace").partition(" ")
    assert len(bodies.write_error(code, message, bodies.MAX_BYE_BYTES)) <= bodies.MAX_BYE_BYTES


READERS: tuple[Callable[[bytes], None], ...] = (
    read_fields,
    read_request,
    read_ack,
    read_kept,
    read_meta,
    read_gap,
    write_text,
)
READER_OF = {
    Kind.REQUEST: read_request,
    Kind.ACK: read_ack,
    Kind.KEPT: read_kept,
    Kind.EVENT_META: read_meta,
    Kind.GAP: read_gap,
}


def seeds() -> list[bytes]:
    """Return every body of the conversations, as its kind is read."""
    found: dict[bytes, None] = {}
    for lines in conversations():
        for to_client in (False, True):
            for kind, _id, body in frames(lines, to_client=to_client):
                found[bytes([READERS.index(READER_OF.get(Kind(kind), read_fields))]) + body] = None
    return [data for data in found if len(data) <= MAX_LEN]
