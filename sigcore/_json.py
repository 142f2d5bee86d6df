# SPDX-License-Identifier: MIT
"""The codec ``json``: on the standard library alone, and faster where msgspec is installed.

``JsonCodec`` is the rule. ``MsgspecJsonCodec`` gives the same values and, byte for byte, the same text: what msgspec
takes, it takes in the same way, and whatever it refuses is left to ``JsonCodec``. docs/codecs.md states the rules;
tests/test_json.py holds both to them.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

from ._errors import CodecError
from ._json_bounds import ALWAYS_WITHIN_BYTES, FEW_NUMBERS_BYTES, excess_of, has_slow_numbers
from ._long_integers import check_long_integers, may_be_too_many
from ._plain import float_text, plain_converter
from ._shown import shown

_to_plain = plain_converter()
_quoted = json.JSONEncoder(ensure_ascii=False).encode
_WORDS = {None: "null", True: "true", False: "false"}
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")


class JsonCodec:
    """JSON (RFC 8259) as UTF-8, on the standard library alone.

    Attributes:
        name: ``"json"``.
        content_type: ``"application/json"``.
    """

    name = "json"
    content_type = "application/json"

    def encode(self, value: Any) -> bytes:
        """Return ``value`` as JSON in UTF-8, without white space.

        Args:
            value: Data with a plain form (docs/codecs.md): text, numbers, bytes, dates, lists, dicts, dataclasses.

        Raises:
            CodecError: It has no plain form, holds itself or is nested deeper than 32 levels, has more than 100 000
                entries, an integer of more than 4 300 digits, 65 536 digits in integers of more than 100, or a lone
                surrogate.
        """
        plain = _to_plain(value)
        try:
            data = _text_of(plain).encode("utf-8")
            check_long_integers(plain, data)
        except ValueError as error:
            raise CodecError(f"the data have no form in JSON: {error}") from error
        return data

    def decode(self, data: bytes | memoryview) -> Any:
        """Return the one value that ``data`` holds.

        Raises:
            CodecError: It is not strict JSON in UTF-8 (a byte order mark, ``NaN`` or something after the value make it
                so), is nested deeper than 32 levels, has more than 100 000 entries, an integer of more than 4 300
                digits, 65 536 digits in integers of more than 100, a number too large for a float, or a lone surrogate.
        """
        try:
            return _parse(bytes(data))
        except Exception as error:
            raise _refusal(data, error) from error


class MsgspecJsonCodec(JsonCodec):
    """The same codec on msgspec, five to ten times as fast."""

    def __init__(self) -> None:
        import msgspec

        self._write = msgspec.json.Encoder().encode
        self._read = msgspec.json.Decoder().decode

    def encode(self, value: Any) -> bytes:
        try:
            data = self._write(value)
        except Exception:  # noqa: BLE001  # msgspec knows less than we promise; the base class decides, and says why not
            return super().encode(value)
        if len(data) <= ALWAYS_WITHIN_BYTES:
            return data
        if excess := excess_of(data):
            raise CodecError(f"the data cannot be sent: {excess}")
        return super().encode(value) if may_be_too_many(data) else data

    def decode(self, data: bytes | memoryview) -> Any:
        try:
            text = data if type(data) is bytes else bytes(data)
            if len(text) <= ALWAYS_WITHIN_BYTES or _is_for_msgspec(text):
                return self._read(text)
        except Exception:  # noqa: BLE001, S110  # as above: it takes "-" for one of the 4 300 digits, for instance
            pass
        return super().decode(data)


def json_codec() -> JsonCodec:
    """Return the codec ``json``: on msgspec if that is installed, else on the standard library."""
    try:
        return MsgspecJsonCodec()
    except ImportError:
        return JsonCodec()


def _is_for_msgspec(text: bytes) -> bool:
    if excess_of(text) is not None or may_be_too_many(text):
        return False
    return len(text) <= FEW_NUMBERS_BYTES or not has_slow_numbers(text)


def _parse(data: bytes) -> Any:
    if len(data) > ALWAYS_WITHIN_BYTES and (excess := excess_of(data)):
        raise ValueError(excess)
    text = data.decode("utf-8")
    value = _decoder.decode(text)
    check_long_integers(value, data)
    if _SURROGATE_ESCAPE.search(text):
        _text_of(value).encode("utf-8")  # a pair of them is a character, a lone one has no form in UTF-8
    return value


def _refusal(data: bytes | memoryview, error: Exception) -> CodecError:
    start = shown(bytes(data[:40])) if isinstance(data, bytes | bytearray | memoryview) else type(data).__name__
    return CodecError(f"not the JSON that sigcore takes: {str(error) or type(error).__name__}; it starts {start}")


def _text_of(plain: Any) -> str:
    """Return plain data as JSON text."""
    if isinstance(plain, str):
        return _quoted(plain)
    if isinstance(plain, float):
        return float_text(plain) if math.isfinite(plain) else "null"
    if isinstance(plain, dict):
        return f"{{{','.join([f'{_quoted(key)}:{_text_of(item)}' for key, item in plain.items()])}}}"
    if isinstance(plain, list):
        return f"[{','.join(map(_text_of, plain))}]"
    return _WORDS[plain] if plain is None or isinstance(plain, bool) else str(plain)


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"the number {shown(text, 40)} is too large for a float")
    return value


def _refuse_word(word: str) -> None:
    raise ValueError(f"{word} is no JSON; null stands for what is no number")


_decoder = json.JSONDecoder(parse_float=_finite, parse_constant=_refuse_word)
