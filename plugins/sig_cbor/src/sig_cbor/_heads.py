# SPDX-License-Identifier: MIT
"""Counts the items of a CBOR message before anything is built from it.

An item can be one byte long and yet become an object of 64, or a call of Python: a message of 16 MiB would take a
gigabyte, or a quarter of a minute. Only lengths are looked at here (RFC 8949, section 3); what is malformed is left
to the decoder.
"""

from __future__ import annotations

MAX_TAGS = 25_000
"""Tagged values in one message. Each takes a call of Python, which the decoder's own values do not."""

MAX_WEIGHT = 2 * 100_000 + 1
"""What 100 000 entries can weigh at most, with the value that holds them: see ``_weight``."""

_MAX_ITEMS = MAX_WEIGHT + MAX_TAGS + 100_000
"""All that weigh something, the tags, and a break for each list or map that may be there."""

_LENGTH_FOLLOWS = 0
_TAG = 2**32  # far above any weight, so that one sum counts both
_TAG_HEADS = tuple(bytes([initial]) for initial in (*range(0xC0, 0xC4), *range(0xD8, 0xDC)))
"""First bytes of the tags that are taken; all others are refused where the first of them stands."""


def _step(initial: int) -> int:
    """Return how many bytes an item takes that starts with ``initial``, without the items inside it."""
    major, info = initial >> 5, initial & 0x1F
    if major in (2, 3) and info < 24:
        return 1 + info
    if major in (2, 3) and info < 28:
        return _LENGTH_FOLLOWS
    return {24: 2, 25: 3, 26: 5, 27: 9}.get(info, 1)


def _weight(initial: int) -> int:
    """Return what an item weighs that starts with ``initial``: no entry of valid data adds more than two.

    An entry is a value, or a key and a value. A list weighs one more, since with a value inside it is two entries
    itself, and so does what is empty, which counts as one entry more.
    """
    if initial >> 5 == 6:
        return _TAG
    if initial == 0xFF:  # a break
        return 0
    return 2 if initial >> 5 == 4 or initial == 0xA0 else 1


_STEPS = bytes(map(_step, range(256)))
_WEIGHTS = tuple(map(_weight, range(256)))


def excess_of(data: bytes) -> str | None:
    r"""Return what is too much about a CBOR message, in words; ``None`` if nothing is, or it is malformed.

    >>> excess_of(bytes.fromhex("83 01 02 6161")), excess_of(b"\x9f" + bytes(300_000))
    (None, 'it has more than 100000 entries')
    """
    if len(data) < MAX_WEIGHT // 2 and sum(map(data.count, _TAG_HEADS)) <= MAX_TAGS:
        return None
    total, is_all = _sum(data)
    if total // _TAG > MAX_TAGS:
        return f"it has more than {MAX_TAGS} dates, UUIDs and integers beyond 64 bits"
    if total % _TAG > MAX_WEIGHT or not is_all:
        return f"it has more than {MAX_WEIGHT // 2} entries"
    return None


def _sum(data: bytes) -> tuple[int, bool]:
    """Return the weights of the items in ``data``, and whether these were all."""
    at, end, total = 0, len(data), 0
    for _ in range(_MAX_ITEMS):
        if at >= end:
            break
        initial = data[at]
        total += _WEIGHTS[initial]
        step = _STEPS[initial]
        if step == _LENGTH_FOLLOWS:
            start = at + 1
            at = start + (1 << (initial & 0x1F) - 24)
            step = int.from_bytes(data[start:at], "big")
        at += step
    return total, at >= end
