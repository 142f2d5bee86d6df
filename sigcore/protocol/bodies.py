# SPDX-License-Identifier: MIT
"""Bodies of control frames: strict JSON (docs/protocol.md, "Control bodies"), and the binary heads beside it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import lru_cache
from struct import Struct
from typing import Any, NoReturn, TypeVar, cast

from .._errors import InvalidName, RemoteProtocolError
from .._names import EVENT_CONSOLE, MAX_NAME_BYTES, check_name, check_sender_to_ask
from .._shown import HIDDEN, is_secret

Choice = TypeVar("Choice", bound=str)

MAX_DEPTH = 8
_TOO_DEEP = f"it is nested deeper than {MAX_DEPTH} levels"

MAX_BODY_BYTES = 128 * 1024
"""Longest JSON body: an ADD_SENDER of a thousand ordinary names fits, and reading it stalls nobody."""

MAX_BYE_BYTES = 512
"""Longest body of a BYE: what every side takes, at any time."""

MAX_ERROR_BYTES = 2048
"""Longest body of an ERROR, where the other side takes as much: a message for people, not a traceback."""

MAX_OFFSET = 2**64 - 1
"""Offsets are u64, also where they stand in JSON."""

MAX_CODE_CHARS = 64
NO_TIMEOUT_MS = 0xFFFF_FFFF

NAMES_KNOWN = 256
"""How many heads of requests are kept, written and read: few are asked often. Each is 768 bytes long at most."""

_ACK = Struct(">QQ")
_U32 = Struct(">I")


def write_body(fields: Mapping[str, Any]) -> bytes:
    """Return the fields of a control frame as JSON."""
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def read_body(what: str, body: bytes) -> Fields:
    """Return the fields of a control frame.

    Args:
        what: The frame's kind, for messages.
        body: Its body: one JSON object in UTF-8, no key twice, no lone surrogate, no nesting deeper than 8, at most
            128 KiB.

    Raises:
        RemoteProtocolError: The body is anything else.
    """
    if len(body) > MAX_BODY_BYTES:
        raise _malformed(what, f"it has {len(body)} bytes, a JSON body at most {MAX_BODY_BYTES}")
    try:
        text = body.decode("utf-8")
        value = json.loads(text, object_pairs_hook=_no_key_twice, parse_constant=_no_constant, parse_float=_finite)
        if "\\u" in text:
            write_body(value)  # a pair of surrogates is a character, a lone one has no form in UTF-8
        if _depth(value) > MAX_DEPTH:
            raise _malformed(what, _TOO_DEEP)
    except RecursionError as error:  # so deep that the parser gave up
        raise _malformed(what, _TOO_DEEP) from error
    except ValueError as error:
        raise _malformed(what, f"it is no strict JSON: {error}") from error
    if not isinstance(value, dict):
        raise _malformed(what, f"it must be a JSON object, found {type(value).__name__}")
    return Fields(what, value)


class Fields:
    """The fields of one control frame; whatever does not fit is the peer's error. Unknown fields are ignored.

    Args:
        what: What has the fields, for messages.
        values: Name and value of each.
        hides: Whether no message quotes a value, since any may be a secret.
    """

    def __init__(self, what: str, values: dict[str, Any], *, hides: bool = False) -> None:
        self._what = what
        self._values = values
        self._hides = hides

    def text(self, name: str, default: str | None = None) -> str:
        """Return a text field."""
        value = self._values.get(name, default)
        if not isinstance(value, str):
            self._refuse(name, "text", value)
        return value

    def name(self, name: str, what: str) -> str:
        """Return a field that names a sender, an event or a method."""
        try:
            return check_name(self._values.get(name), what)
        except InvalidName as error:
            raise RemoteProtocolError(f"{self._what}: field {name!r}: {error}", code="invalid_name") from error

    def event(self, name: str) -> str:
        """Return a field that names an event, a user's or one of sigcore's own."""
        value = self._values.get(name)
        return EVENT_CONSOLE if value == EVENT_CONSOLE else self.name(name, "event")

    def names(self, name: str, what: str) -> tuple[str, ...]:
        """Return a field that lists names, each once."""
        values = self._list(name)
        try:
            return tuple(dict.fromkeys(check_name(value, what) for value in values))
        except InvalidName as error:
            raise RemoteProtocolError(f"{self._what}: field {name!r}: {error}", code="invalid_name") from error

    def texts(self, name: str) -> list[str]:
        """Return a field that lists texts."""
        values = self._list(name)
        if not all(isinstance(value, str) for value in values):
            self._refuse(name, "a list of texts", values)
        return values

    def integers(self, name: str) -> list[int]:
        """Return a field that lists integers."""
        values = self._list(name)
        if not all(isinstance(value, int) and not isinstance(value, bool) for value in values):
            self._refuse(name, "a list of integers", values)
        return values

    def integer(self, name: str, default: int | None = None, *, least: int = 0, most: int = 2**63 - 1) -> int:
        """Return an integer field between ``least`` and ``most``."""
        value = self._values.get(name, default)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            self._refuse(name, f"an integer from {least} to {most}", value)
        return value

    def integers_by_name(self) -> dict[str, int]:
        """Return every field of an object whose fields all are positive integers."""
        return {name: self.integer(name, least=1) for name in self._values}

    def choice(self, name: str, allowed: tuple[Choice, ...]) -> Choice:
        """Return a text field that is one of ``allowed``; the first when it is missing."""
        value = self._values.get(name, allowed[0])
        if value not in allowed:
            self._refuse(name, f"one of {', '.join(allowed)}", value)
        return cast(Choice, value)

    def flag(self, name: str) -> bool:
        """Return a field that is true or false; false when it is missing."""
        value = self._values.get(name, False)
        if not isinstance(value, bool):
            self._refuse(name, "true or false", value)
        return value

    def fields(self, name: str, *, hides: bool = False) -> Fields:
        """Return a field that is an object itself; empty when it is missing or null. No message quotes what hides."""
        value = self._values.get(name)
        if value is None:
            value = {}
        if not isinstance(value, dict):
            self._refuse(name, "an object", value)
        return Fields(f"{self._what}.{name}", value, hides=hides)

    def rows(self, name: str) -> list[Fields]:
        """Return a field that lists objects."""
        values = self._list(name)
        if not all(isinstance(value, dict) for value in values):
            self._refuse(name, "a list of objects", values)
        return [Fields(f"{self._what}.{name}", value) for value in values]

    def items(self) -> list[tuple[str, Any]]:
        """Return every field and its value."""
        return list(self._values.items())

    def has(self, name: str) -> bool:
        """Whether the field is there and not null."""
        return self._values.get(name) is not None

    def _list(self, name: str) -> list[Any]:
        values = self._values.get(name, [])
        if not isinstance(values, list):
            self._refuse(name, "a list", values)
        return values

    def _refuse(self, name: str, wanted: str, found: object) -> NoReturn:
        shown = HIDDEN if self._hides or is_secret(name) else ascii(found)[:80]
        raise _malformed(self._what, f"field {name!r} must be {wanted}, found {shown}")


def write_ack(received: int, credit: int) -> bytes:
    """Return the body of an ACK."""
    return _ACK.pack(received, credit)


def read_ack(body: bytes) -> tuple[int, int]:
    """Return (received, credit) of an ACK.

    Raises:
        RemoteProtocolError: Its body has not 16 bytes.
    """
    if len(body) != _ACK.size:
        raise _malformed("ACK", f"its body must have {_ACK.size} bytes, found {len(body)}")
    received, credit = _ACK.unpack(body)
    return received, credit


def write_gap(count: int | None, cause: str) -> bytes:
    """Return the body of a GAP."""
    return write_body({"count": count, "cause": cause})


def read_gap(body: bytes) -> tuple[int | None, str]:
    """Return (count, cause) of a GAP; what cannot be read is a gap of unknown size, for no router in between looked."""
    try:
        fields = read_body("GAP", body)
        return fields.integer("count", least=1) if fields.has("count") else None, fields.text("cause")[:MAX_CODE_CHARS]
    except RemoteProtocolError:
        return None, "unknown"


KEPT_HEAD_BYTES = 5


def write_kept(listener_id: int, kind: int, body: bytes) -> bytes:
    """Return the body of a KEPT: the listener's number, the event's kind and body."""
    return _U32.pack(listener_id) + bytes([kind]) + body


def read_kept(body: bytes) -> tuple[int, int, bytes]:
    """Return (listener's number, kind, body) of a KEPT.

    Raises:
        RemoteProtocolError: It is truncated.
    """
    if len(body) < KEPT_HEAD_BYTES:
        raise _malformed("KEPT", f"it has {len(body)} bytes, at least {KEPT_HEAD_BYTES} are needed")
    return _U32.unpack_from(body)[0], body[4], body[KEPT_HEAD_BYTES:]


def timeout_ms(timeout: float | None) -> int:
    """Return a time in seconds as a REQUEST carries it; ``None`` is no limit."""
    return NO_TIMEOUT_MS if timeout is None else max(0, min(NO_TIMEOUT_MS - 1, int(timeout * 1000)))


def write_error(code: str, message: str, longest: int) -> bytes:
    """Return the body of an ERROR, NOTICE or BYE, its message cut so that it fits into ``longest`` bytes."""
    longest = min(longest, MAX_ERROR_BYTES)
    code, message = code[:MAX_CODE_CHARS], message[:longest].encode(errors="replace").decode()
    while len(body := write_body({"code": code, "message": message})) > longest and message:
        message = message[: -1 - (len(body) - longest) // 6]  # a character takes six bytes at most
    return body


def write_bye(code: str, message: str, retry_ms: int) -> bytes:
    """Return the body of a BYE."""
    if retry_ms:
        return write_body({"code": code, "message": message, "retry_ms": retry_ms})
    return write_error(code, message, MAX_BYE_BYTES)


def cut_text(text: str, longest: int) -> str:
    """Return as much of ``text`` as fits into ``longest`` bytes of UTF-8."""
    return text.encode()[:longest].decode(errors="ignore")


def write_request(
    sender: str, method: str, caller: str, timeout_ms: int, params: bytes, identity: str | None = None
) -> bytes:
    """Return the body of a REQUEST: time left, names with their lengths, the parameters in the codec.

    The caller's identity is the fourth of the names, for those who asked for it; ``None`` for others.
    """
    return _U32.pack(timeout_ms) + _names_to_bytes(sender, method, caller, identity) + params


def read_request_of(body: bytes) -> tuple[str, str, str, str, int, bytes]:
    """Return (sender, method, caller, its identity, time left in ms, parameters) of a REQUEST that has an identity.

    Raises:
        RemoteProtocolError: It is truncated, or a name is none.
    """
    sender, method, caller, timeout_ms, rest = read_request(body)
    try:
        identity, pos = _short_text(rest, 0)
    except (IndexError, ValueError) as error:
        raise _malformed("REQUEST", f"the caller's identity is truncated or no UTF-8: {error}") from error
    return sender, method, caller, identity, timeout_ms, rest[pos:]


def read_request(body: bytes) -> tuple[str, str, str, int, bytes]:
    """Return (sender, method, caller, time left in ms, parameters) of a REQUEST.

    Raises:
        RemoteProtocolError: It is truncated, or a name is none.
    """
    try:
        (timeout_ms,) = _U32.unpack_from(body)
        method_at = 5 + body[4]
        caller_at = method_at + 1 + body[method_at]
        end = caller_at + 1 + body[caller_at]
        sender, method, caller = _names_from_bytes(body[4:end])
        return sender, method, caller, timeout_ms, body[end:]
    except InvalidName as error:
        raise RemoteProtocolError(f"REQUEST: {error}", code="invalid_name") from error
    except Exception as error:
        raise _malformed("REQUEST", f"its head is truncated or no UTF-8: {error}") from error


@lru_cache(NAMES_KNOWN)
def _names_to_bytes(sender: str, method: str, caller: str, identity: str | None) -> bytes:
    texts = (sender, method, cut_text(caller, MAX_NAME_BYTES), *(() if identity is None else (identity,)))
    return b"".join(bytes([len(name)]) + name for name in map(str.encode, texts))


@lru_cache(NAMES_KNOWN)
def _names_from_bytes(head: bytes) -> tuple[str, str, str]:
    sender, pos = _short_text(head, 0)
    method, pos = _short_text(head, pos)
    caller, _pos = _short_text(head, pos)
    return check_sender_to_ask(sender), check_name(method, "method"), caller


def join_meta(meta: bytes, data: bytes) -> bytes:
    """Return the body of an EVENT_META: the length of the meta, the meta, the data."""
    return _U32.pack(len(meta)) + meta + data


def split_meta(body: bytes) -> tuple[bytes, bytes]:
    """Return (meta, data) of an EVENT_META, both still in the codec.

    Raises:
        RemoteProtocolError: It is truncated.
    """
    size = _U32.unpack_from(body, 0)[0] if len(body) >= _U32.size else None
    if size is None or _U32.size + size > len(body):
        raise _malformed("EVENT_META", "its meta is longer than its body")
    return body[4 : 4 + size], body[4 + size :]


def _short_text(body: bytes, pos: int) -> tuple[str, int]:
    end = pos + 1 + body[pos]
    if end > len(body):
        raise ValueError(f"{body[pos]} bytes announced, {len(body) - pos - 1} found")
    return body[pos + 1 : end].decode("utf-8"), end


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"the number {text[:20]} is too large for a float")
    return value


def _depth(value: Any) -> int:
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list):
        return 0
    return 1 + max(map(_depth, value), default=0)


def _malformed(what: str, why: str) -> RemoteProtocolError:
    return RemoteProtocolError(f"the body of {what} is malformed: {why}", code="malformed_body")
