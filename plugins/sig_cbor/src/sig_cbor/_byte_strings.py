# SPDX-License-Identifier: MIT
"""A message that is one byte string and nothing else: written and read by its first bytes alone, and copied once.

Large payloads travel like this. Nothing of what the codec checks otherwise can be wrong with one; cbor2, and the means
to see whether something follows the value, would copy 64 KiB three times.
"""

from __future__ import annotations

from struct import Struct

FIRST, LAST = 0x40, 0x5B
"""Between these is the first byte of a byte string of definite length."""

_U8, _U16, _U32, _U64 = Struct(">BB"), Struct(">BH"), Struct(">BI"), Struct(">BQ")
_HEADS = {0x58: _U8, 0x59: _U16, 0x5A: _U32, 0x5B: _U64}
"""How the head is laid out whose first byte is the key: that byte, and a length (RFC 8949, section 3)."""


def write_byte_string(value: bytes) -> bytes:
    """Return the CBOR of ``value``, with the shortest head.

    >>> write_byte_string(b"ab").hex(" "), write_byte_string(bytes(256))[:4].hex(" ")
    ('42 61 62', '59 01 00 00')
    """
    length = len(value)
    if length < 24:
        return bytes((FIRST + length,)) + value
    if length < 2**8:
        return _U8.pack(0x58, length) + value
    if length < 2**16:
        return _U16.pack(0x59, length) + value
    if length < 2**32:
        return _U32.pack(0x5A, length) + value
    return _U64.pack(0x5B, length) + value


def read_byte_string(data: bytes) -> bytes | None:
    r"""Return what ``data`` holds if that is one byte string; ``None`` if it is cut short or followed by something.

    Args:
        data: A message whose first byte is one of ``FIRST`` to ``LAST``.

    >>> read_byte_string(b"\x42ab"), read_byte_string(b"\x42a"), read_byte_string(b"\x42abc")
    (b'ab', None, None)
    """
    first = data[0]
    if first < 0x58:
        return data[1:] if len(data) == 1 + first - FIRST else None
    head = _HEADS[first]
    whole = len(data) >= head.size and len(data) == head.size + head.unpack_from(data)[1]
    return data[head.size :] if whole else None
