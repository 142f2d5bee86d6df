# SPDX-License-Identifier: MIT
"""How deep a JSON text is and how many entries it has, seen from its bytes: a few passes in C, no object built.

Everything here is exact for a valid text. For any other the answer means nothing, and the parser refuses it anyway.
"""

from __future__ import annotations

from ._plain import MAX_DEPTH, MAX_ENTRIES

ALWAYS_WITHIN_BYTES = 2 * MAX_DEPTH
"""Up to this length a text cannot break a bound: each level takes two brackets."""

FEW_NUMBERS_BYTES = 4096
"""Up to this length a text holds so few numbers that slow ones do not matter."""

_MOST_FAR_EXPONENTS = 500
_DIGITS_TO_ZERO = bytes.maketrans(b"123456789E", b"000000000e")
_KEPT = b'"[]{},'
_ALL_BUT_KEPT = bytes(set(range(256)) - set(_KEPT))
_CURLY_TO_SQUARE = bytes.maketrans(b"{}", b"[]")


def excess_of(text: bytes) -> str | None:
    """Return what is too much about the JSON ``text``, for a message; ``None`` when it is within the bounds.

    >>> excess_of(b"[" * 33 + b"]" * 33)
    'it is nested deeper than 32 levels'
    >>> excess_of(b'["' + b"[" * 100 + b'"]') is None
    True
    """
    opened = text.count(b"[") + text.count(b"{")
    if opened <= MAX_DEPTH and (len(text) <= MAX_ENTRIES or opened + text.count(b",") <= MAX_ENTRIES):
        return None
    outline = _outline(text)
    opened = outline.count(b"[")
    if opened + outline.count(b",") > MAX_ENTRIES:  # a container of n entries has n - 1 commas
        return f"it has more than {MAX_ENTRIES} entries"
    if opened > MAX_DEPTH and _is_deeper(outline.replace(b",", b""), MAX_DEPTH):
        return f"it is nested deeper than {MAX_DEPTH} levels"
    return None


def has_slow_numbers(text: bytes) -> bool:
    """Tell whether ``text`` may have many numbers with exponents of three digits.

    Of those, msgspec 0.22 reads some (``1e308``, and others near the ends of what a float can be) in 9 us each, where
    the standard library takes 0.2: 600 KB would hold everything up for a second.

    >>> has_slow_numbers(b"[" + b"1e308," * 1000 + b"0]"), has_slow_numbers(b"[" + b"1e30," * 1000 + b"0]")
    (True, False)
    """
    return text.translate(_DIGITS_TO_ZERO, b"+-").count(b"e000") > _MOST_FAR_EXPONENTS


def _outline(text: bytes) -> bytes:
    """Return the brackets, all square, and commas of ``text`` that stand outside its strings."""
    if b"\\" in text:
        text = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    text = text.translate(_CURLY_TO_SQUARE, _ALL_BUT_KEPT)
    # Two neighbouring quotes may go wherever they stand: what is left is inside or outside a string as before.
    text = text.replace(b'""', b"")
    return b"".join(text.split(b'"')[::2])


def _is_deeper(brackets: bytes, levels: int) -> bool:
    """Tell whether balanced brackets are nested deeper than ``levels``: each pass takes the innermost away."""
    for _ in range(levels):
        if not brackets:
            return False
        brackets = brackets.replace(b"[]", b"")
    return bool(brackets)
