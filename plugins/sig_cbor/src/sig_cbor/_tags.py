# SPDX-License-Identifier: MIT
"""The CBOR tags that are taken, and the Python values they stand for. Every other tag is refused unopened.

Numbers and meanings are those of the IANA registry "Concise Binary Object Representation (CBOR) Tags"
(https://www.iana.org/assignments/cbor-tags). The list is this short because tags are where a decoder can be made to
work for a stranger: cbor2 alone would compile a regular expression (35), parse a mail message (36), make decimals whose
``int()`` takes all memory (4), and share (28, 29) or repeat (25, 256) parts so that 137 bytes become 37 MB of JSON.
"""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Callable
from typing import Any

from cbor2 import CBORTag

import sigcore

MOMENT, EPOCH, POSITIVE, NEGATIVE, UUID = 0, 1, 2, 3, 37

LONGEST_INTEGER_BYTES = 1786
"""Bytes of the longest integer of 4 300 digits: the most that Python writes as text, and so all that JSON can carry."""

MAX_LONG_DIGITS = 65_536
"""Digits of all integers together that have more than 100. Each alone costs time that grows with their square."""

_INTEGER_BOUND = 10**4300
_LONG = 10**100
_DIGITS_PER_BIT = 0.30103
_EPOCH_START = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_RFC3339 = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})")
_MAY_HOLD_INTEGERS = frozenset({int, list, dict})
_json_form = sigcore.plain_converter()

TagDecoder = Callable[[Any, bool], Any]


class _AllowedTags(dict[int, TagDecoder]):
    """What cbor2 asks for the meaning of each tag, before it reads what is tagged."""

    def __missing__(self, tag: int) -> TagDecoder:
        allowed = ", ".join(map(str, sorted(self)))
        raise sigcore.CodecError(f"tag {tag} is not taken, only {allowed}")


def _moment(text: Any, _: bool) -> dt.datetime:
    """Tag 0: text as RFC 3339 has it; what is finer than a microsecond is cut."""
    if type(text) is not str or not _RFC3339.fullmatch(text.upper()):
        raise sigcore.CodecError("tag 0 (date and time) needs text such as '2024-05-01T12:00:00Z'")
    return dt.datetime.fromisoformat(text.upper())


def _epoch(seconds: Any, _: bool) -> dt.datetime:
    """Tag 1: seconds since 1970-01-01T00:00:00Z, a number."""
    if type(seconds) not in (int, float):
        raise sigcore.CodecError("tag 1 (seconds since 1970) needs a number")
    return _EPOCH_START + dt.timedelta(0, seconds)


def _positive(content: Any, _: bool) -> int:
    """Tag 2: the integer itself, big-endian."""
    if type(content) is not bytes or len(content) > LONGEST_INTEGER_BYTES:
        raise sigcore.CodecError("tags 2 and 3 (big integers) need at most 1 786 bytes")
    return _within(int.from_bytes(content, "big"))


def _negative(content: Any, immutable: bool) -> int:
    """Tag 3: -1 minus the integer, big-endian."""
    return _within(-1 - _positive(content, immutable))


def _uuid(content: Any, _: bool) -> uuid.UUID:
    """Tag 37: the 16 bytes of a UUID."""
    if type(content) is not bytes or len(content) != 16:
        raise sigcore.CodecError("tag 37 (UUID) needs 16 bytes")
    return uuid.UUID(bytes=content)


DECODERS = _AllowedTags({MOMENT: _moment, EPOCH: _epoch, POSITIVE: _positive, NEGATIVE: _negative, UUID: _uuid})


def _tag_moment(value: dt.datetime) -> CBORTag | str:
    """Return an aware ``value`` under tag 0, and a naive one as mere text: tag 0 stands for a moment in time."""
    if value.tzinfo is dt.UTC:
        return CBORTag(MOMENT, f"{dt.datetime.isoformat(value)[:-6]}Z")  # most are, and this is ten times as fast
    text: str = _json_form(value)
    return text if value.utcoffset() is None else CBORTag(MOMENT, text)


def _tag_uuid(value: uuid.UUID) -> CBORTag:
    return CBORTag(UUID, value.bytes)


def _within(value: int) -> int:
    if not -_INTEGER_BOUND < value < _INTEGER_BOUND:
        raise sigcore.CodecError("an integer has more than 4 300 digits")
    return value


def check_integers(plain: Any) -> None:
    """Refuse what holds an integer that is too long, or too many long ones.

    Raises:
        CodecError: An integer has more than 4 300 digits, or those of more than 100 have too many together.
    """
    if _long_digits(plain) > MAX_LONG_DIGITS:
        raise sigcore.CodecError(
            f"the integers of more than 100 digits have more than {MAX_LONG_DIGITS} digits together"
        )


def _long_digits(plain: Any) -> int:
    if type(plain) is int:
        return 0 if -_LONG < plain < _LONG else 1 + int(_within(plain).bit_length() * _DIGITS_PER_BIT)
    if type(plain) is not list and type(plain) is not dict:
        return 0
    items = plain.values() if type(plain) is dict else plain
    return sum(_long_digits(item) for item in items if type(item) in _MAY_HOLD_INTEGERS)


ENCODERS: dict[type, Callable[[Any], Any]] = {dt.datetime: _tag_moment, uuid.UUID: _tag_uuid}
"""Big integers are missing: cbor2 writes them under tags 2 and 3 by itself."""
