# SPDX-License-Identifier: MIT
"""Counts the items of a CBOR message before anything is built from it.

An item can be one byte long and yet become an object of 64: a message of 16 MiB would take a gigabyte. Only lengths
are looked at here (RFC 8949, section 3); what is malformed is left to the decoder.
"""

from __future__ import annotations

_LENGTH_FOLLOWS = 0


def _step(initial: int) -> int:
    """Return how many bytes an item takes that starts with ``initial``, without the items inside it."""
    major, info = initial >> 5, initial & 0x1F
    if major in (2, 3) and info < 24:
        return 1 + info
    if major in (2, 3) and info < 28:
        return _LENGTH_FOLLOWS
    return {24: 2, 25: 3, 26: 5, 27: 9}.get(info, 1)


_STEPS = bytes(map(_step, range(256)))


def has_more_items(data: bytes, limit: int) -> bool:
    """Tell whether ``data`` holds more than ``limit`` items: values, keys, tags, pieces of strings and breaks.

    >>> has_more_items(bytes.fromhex("83 01 02 6161"), 4), has_more_items(bytes.fromhex("83 01 02 6161"), 3)
    (False, True)
    """
    at, end = 0, len(data)
    for _ in range(limit):
        if at >= end:
            return False
        step = _STEPS[data[at]]
        if step == _LENGTH_FOLLOWS:
            start = at + 1
            at = start + (1 << (data[at] & 0x1F) - 24)
            step = int.from_bytes(data[start:at], "big")
        at += step
    return at < end
