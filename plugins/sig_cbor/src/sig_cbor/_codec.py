# SPDX-License-Identifier: MIT
"""``CborCodec``: CBOR (RFC 8949) by cbor2, within stated bounds."""

from __future__ import annotations

import secrets
from typing import Any

import cbor2

import sigcore

from ._byte_strings import FIRST, LAST, read_byte_string, write_byte_string
from ._heads import excess_of
from ._tags import DECODERS, ENCODERS, LONGEST_INTEGER_BYTES, MAX_LONG_DIGITS, check_integers

_DEEPEST = 32 + 1
"""Far enough for 32 levels and one tag in the innermost. The exact bound is ``sigcore.plain_converter``'s; this one
keeps cbor2 from running far beyond it."""

_ALWAYS_WITHIN_BYTES = 50_000
"""Up to this length there is no room for more tags than may be, nor for much else."""

_FEW_DIGITS_BYTES = MAX_LONG_DIGITS * 2 // 5
"""Up to this length there is no room for more digits than long integers may have: a byte holds 2.4 of them."""

_END = secrets.token_bytes(16)
_END_ITEM = b"\x50" + _END

_to_encodable = sigcore.plain_converter(keep=[bytes], forms=ENCODERS)
_decoded_form = sigcore.plain_converter(keep=[bytes, *ENCODERS], text_keys=True)


class CborCodec:
    """CBOR (RFC 8949): bytes, aware datetimes, UUIDs, NaN and infinities keep their types.

    Whatever ``encode`` gives, ``decode`` takes, and whatever either takes has a form in JSON as well.

    Attributes:
        name: ``"cbor"``.
        content_type: ``"application/cbor"``.
    """

    name = "cbor"
    content_type = "application/cbor"

    def encode(self, value: Any) -> bytes:
        """Return ``value`` as CBOR of definite lengths.

        Args:
            value: Data with a plain form (sigcore's docs/codecs.md): text, numbers, bytes, dates, lists, dicts, ...

        Raises:
            CodecError: It has no plain form, holds itself or is nested deeper than 32 levels, has more than 100 000
                entries or 25 000 dates, UUIDs and integers beyond 64 bits, an integer of more than 4 300 digits,
                65 536 digits in integers of more than 100, or a lone surrogate.
        """
        plain = _to_encodable(value)  # first of all: cbor2 6.3 crashes the process on data 20 000 levels deep
        if type(plain) is bytes:
            return write_byte_string(plain)
        try:
            data = cbor2.dumps(plain)
        except Exception as error:
            raise sigcore.CodecError(f"the data have no form in CBOR: {error}") from error
        if len(data) > LONGEST_INTEGER_BYTES:  # cbor2 writes integers of any size, and no decoder here takes them
            check_integers(plain)
        if len(data) > _ALWAYS_WITHIN_BYTES and (excess := excess_of(data)):
            raise sigcore.CodecError(f"the data have no form in CBOR: {excess}")
        return data

    def decode(self, data: bytes | memoryview) -> Any:
        """Return the one value that ``data`` holds.

        Raises:
            CodecError: It is malformed, cut short or followed by something; it is nested deeper than 32 levels, has
                more than 100 000 entries or more than 25 000 tags; a map has the same key twice or one that is not
                text; it uses a tag other than 0, 1, 2, 3 and 37, ``undefined`` or an unassigned simple value, or an
                integer of more than 4 300 digits, or 65 536 digits in integers of more than 100.
        """
        try:
            if type(data) is not bytes:
                data = bytes(data)
            if data and FIRST <= data[0] <= LAST and (content := read_byte_string(data)) is not None:
                return content
            value = _decoded_form(_load(data))
            if len(data) > _FEW_DIGITS_BYTES:
                check_integers(value)
            return value
        except Exception as error:
            raise sigcore.CodecError(f"not the CBOR that sigcore takes: {_reason(error)}") from error


def _load(data: bytes) -> Any:
    """Return the one value in ``data``, by a decoder of its own that has seen no other message."""
    if len(data) > _ALWAYS_WITHIN_BYTES and (excess := excess_of(data)):
        raise ValueError(excess)
    # cbor2.loads ignores what follows the value, and its CBORDecoder, which does not, takes three times as long. So
    # the value is read as the first of a list of two; the second is one that nobody outside this process can know.
    try:
        value, end = cbor2.loads(  # large data are copied once by join, twice by +
            b"".join((b"\x82", data, _END_ITEM)),
            semantic_decoders=DECODERS,
            max_depth=_DEEPEST + 1,
            allow_duplicate_keys=False,
            strict_hashable_types=True,
        )
        if end == _END:
            return value
    except Exception:  # noqa: BLE001, S110  # what is wrong is better told without the second item
        pass
    cbor2.loads(
        data, semantic_decoders=DECODERS, max_depth=_DEEPEST, allow_duplicate_keys=False, strict_hashable_types=True
    )
    raise ValueError("something follows the value")


def _reason(error: BaseException) -> str:
    """Return what is behind ``error``: cbor2 wraps what its callbacks raise."""
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error) or type(error).__name__
