# SPDX-License-Identifier: MIT
"""Reads along while two routers talk: the frames of both directions, named, with what is in them.

Nothing here answers or checks anything; what makes no sense is told as it is. No I/O. Source: docs/protocol.md.
"""

from __future__ import annotations

import json
import struct
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import sigcore

_MAGIC = b"\x93SIG\n"
_PREFACE_BYTES = len(_MAGIC) + 1
_HEADER = struct.Struct(">IBI")
_ACK = struct.Struct(">QQ")
_U32 = struct.Struct(">I")
_NO_TIMEOUT = 0xFFFF_FFFF

MOST_FRAME_BYTES = 1024 * 1024
"""A header that announces more is taken for none: bytes were missed before it."""

_MOST_REMEMBERED = 1000
"""Requests, senders and topics whose names are remembered, of each the latest."""

KINDS = {
    0x01: "HELLO",
    0x02: "WELCOME",
    0x03: "PING",
    0x04: "PONG",
    0x05: "ACK",
    0x06: "BYE",
    0x07: "CHALLENGE",
    0x08: "PROOF",
    0x10: "ADD_SENDER",
    0x11: "LISTEN",
    0x12: "UNLISTEN",
    0x13: "QUERY",
    0x14: "OK",
    0x15: "ERROR",
    0x16: "REQUEST",
    0x17: "REPLY",
    0x18: "CANCEL",
    0x19: "NOTICE",
    0x1A: "PAD",
    0x20: "TOPIC",
    0x21: "EVENT",
    0x22: "EVENT_META",
    0x23: "PRESENCE",
    0x24: "START",
    0x25: "REMOVE_SENDER",
    0x26: "GAP",
    0x27: "SYNC",
    0x28: "KEPT",
}
"""The kinds of frame that the protocol knows, by number."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame, or what begins a stream.

    Attributes:
        kind: Its name; ``PREFACE`` for the six bytes that begin a stream, ``UNREADABLE`` where bytes are no frames.
        id: Its number; 0 where it has none.
        size: Bytes of its body.
        fields: What is in it, by name, as far as that is known.
    """

    kind: str
    id: int
    size: int
    fields: dict[str, Any] = field(default_factory=dict)


class _Names(OrderedDict[int, Any]):
    """What numbers stand for; the oldest gives way."""

    def __setitem__(self, number: int, name: Any) -> None:
        super().__setitem__(number, name)
        if len(self) > _MOST_REMEMBERED:
            self.popitem(last=False)


class Conversation:
    """What both directions of a link have in common: the codec, and what the numbers stand for."""

    def __init__(self) -> None:
        self.codec: sigcore.Codec | None = None
        self.topics = _Names()

    def agree(self, codec: Any) -> None:
        """Take down which codec the link speaks, or is going to; one that is not installed leaves data as they are."""
        try:
            self.codec = sigcore.load_codec(codec) if isinstance(codec, str) else None
        except sigcore.PluginError:
            self.codec = None

    def value(self, data: bytes) -> Any:
        """Return encoded data as a value; as ``bytes`` where the codec is not known, or cannot read them."""
        try:
            return data if self.codec is None else self.codec.decode(data)
        except sigcore.CodecError:
            return data

    def topic(self, number: int) -> dict[str, Any]:
        """Return what a topic's number stands for: sender and event, or the number alone."""
        if number not in self.topics:
            return {"topic": number}
        sender, event = self.topics[number]
        return {"sender": sender, "event": event}


class Side:
    """One direction of a conversation.

    Args:
        conversation: What it has in common with the other one.
    """

    def __init__(self, conversation: Conversation) -> None:
        self._talk = conversation
        self._rest = b""
        self._is_lost = False
        self._asked = _Names()
        self._senders = _Names()
        self._tells_identity = False
        self.other: Side = self

    @classmethod
    def pair(cls) -> tuple[Side, Side]:
        """Return the two directions of a new conversation."""
        conversation = Conversation()
        one, two = cls(conversation), cls(conversation)
        one.other, two.other = two, one
        return one, two

    def begin(self) -> None:
        """A new stream begins."""
        self._rest, self._is_lost = b"", False

    def lose(self) -> None:
        """Bytes were missed, so that nobody knows where the next frame begins: read no more until a stream begins."""
        self._rest, self._is_lost = b"", True

    def receive(self, data: bytes) -> list[Frame]:
        """Take the next bytes of the stream; return the frames that they complete."""
        if self._is_lost:
            return []
        self._rest += data
        frames: list[Frame] = []
        while (frame := self._next()) is not None:
            frames.append(frame)
        return frames

    def _next(self) -> Frame | None:
        if self._rest[: len(_MAGIC)] == _MAGIC[: len(self._rest)] and self._rest:
            return self._preface() if len(self._rest) >= _PREFACE_BYTES else None
        if len(self._rest) < _HEADER.size:
            return None
        length, kind, id_ = _HEADER.unpack_from(self._rest)
        if length > MOST_FRAME_BYTES:
            unread = len(self._rest)
            self.lose()
            return Frame("UNREADABLE", 0, unread)
        end = _HEADER.size + length
        if len(self._rest) < end:
            return None
        body, self._rest = self._rest[_HEADER.size : end], self._rest[end:]
        return Frame(KINDS.get(kind, f"0x{kind:02X}"), id_, length, self._fields(KINDS.get(kind, ""), id_, body))

    def _preface(self) -> Frame:
        version = self._rest[len(_MAGIC)]
        self._rest = self._rest[_PREFACE_BYTES:]
        return Frame("PREFACE", 0, _PREFACE_BYTES, {"version": version})

    def _fields(self, kind: str, id_: int, body: bytes) -> dict[str, Any]:
        read: Callable[[int, bytes], dict[str, Any]] | None = getattr(self, f"_read_{kind.lower()}", None)
        try:
            if read is not None:
                return read(id_, body)
            return _json_object(body) if kind in _JSON_KINDS else {}
        except (ValueError, LookupError, TypeError, RecursionError, struct.error):  # it breaks its layout
            return {"unreadable": body}

    # What is in the kinds that are not plain JSON, or tell something that later frames build on.

    def _read_hello(self, _id: int, body: bytes) -> dict[str, Any]:
        fields = _json_object(body)
        self._talk.agree(next(iter(fields.get("codecs", ())), None))
        self.other._tells_identity = "identity" in fields.get("features", ())
        return _without_secret(fields)

    def _read_welcome(self, _id: int, body: bytes) -> dict[str, Any]:
        fields = _json_object(body)
        self._talk.agree(fields.get("codec"))
        return _without_secret(fields)

    def _read_ack(self, _id: int, body: bytes) -> dict[str, Any]:
        received, credit = _ACK.unpack(body)
        return {"received": received, "credit": credit}

    def _read_add_sender(self, id_: int, body: bytes) -> dict[str, Any]:
        fields = _json_object(body)
        self._senders[id_] = fields["sender"]
        return fields

    def _read_ok(self, id_: int, body: bytes) -> dict[str, Any]:
        fields = _json_object(body)
        sender = self.other._senders.pop(id_, None)
        topics = fields.get("topics")
        if sender is not None and isinstance(topics, dict):
            for event, number in topics.items():
                self._talk.topics[number] = (sender, event)
        return fields

    def _read_topic(self, id_: int, body: bytes) -> dict[str, Any]:
        fields = _json_object(body)
        self._talk.topics[id_] = (fields["sender"], fields["event"])
        return fields

    def _read_gap(self, id_: int, body: bytes) -> dict[str, Any]:
        return {**self._talk.topic(id_), **_json_object(body)}

    def _read_event(self, id_: int, body: bytes) -> dict[str, Any]:
        return {**self._talk.topic(id_), "data": self._talk.value(body)}

    def _read_event_meta(self, id_: int, body: bytes) -> dict[str, Any]:
        (size,) = _U32.unpack_from(body)
        meta, data = body[_U32.size : _U32.size + size], body[_U32.size + size :]
        return {**self._talk.topic(id_), "meta": self._talk.value(meta), "data": self._talk.value(data)}

    def _read_kept(self, id_: int, body: bytes) -> dict[str, Any]:
        (listener,) = _U32.unpack_from(body)
        read = self._read_event_meta if KINDS.get(body[_U32.size]) == "EVENT_META" else self._read_event
        return {"listener": listener, **read(id_, body[_U32.size + 1 :])}

    def _read_request(self, id_: int, body: bytes) -> dict[str, Any]:
        (timeout_ms,) = _U32.unpack_from(body)
        sender, rest = _short_text(body[_U32.size :])
        method, rest = _short_text(rest)
        caller, rest = _short_text(rest)
        identity, rest = _short_text(rest) if self._tells_identity else ("", rest)
        self._asked[id_] = {"sender": sender, "method": method}
        timeout = None if timeout_ms == _NO_TIMEOUT else timeout_ms / 1000
        told = {"sender": sender, "method": method, "caller": caller, "identity": identity, "timeout": timeout}
        return {**told, "params": self._talk.value(rest)}

    def _read_reply(self, id_: int, body: bytes) -> dict[str, Any]:
        return {**self.other._asked.pop(id_, {}), "result": self._talk.value(body)}

    def _read_error(self, id_: int, body: bytes) -> dict[str, Any]:
        return {**self.other._asked.pop(id_, {}), **_json_object(body)}


_JSON_KINDS = frozenset({"BYE", "CHALLENGE", "PROOF", "LISTEN", "QUERY", "NOTICE", "PRESENCE", "REMOVE_SENDER"})


def _json_object(body: bytes) -> dict[str, Any]:
    value = json.loads(body)
    if not isinstance(value, dict):
        raise ValueError("no object")  # as what json itself raises: the body breaks its layout
    return value


def _short_text(data: bytes) -> tuple[str, bytes]:
    end = 1 + data[0]
    return data[1:end].decode(), data[end:]


def _without_secret(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a handshake without what is worth something to whoever reads along."""
    shown = dict(fields)
    for name, plain in (("session", _PLAIN_OF_SESSION), ("auth", _PLAIN_OF_AUTH)):
        if isinstance(part := shown.get(name), dict):
            shown[name] = {key: value if key in plain else "***" for key, value in part.items()}
    return shown


_PLAIN_OF_SESSION = frozenset({"id", "received", "resumed"})
_PLAIN_OF_AUTH = frozenset({"method", "identity", "nonce"})
"""What is no secret in a handshake; a method of some plug-in may call its password whatever it likes."""
