# SPDX-License-Identifier: MIT
"""How many digits the long integers of a payload may have together: each costs time that grows with their square."""

from __future__ import annotations

from typing import Any

MAX_LONG_DIGITS = 65_536
"""Digits of all integers together that have more than 100: as text they take some 10 ms."""

_LONG = 10**100
_DIGITS_PER_BIT = 0.30103
_DIGITS_TO_ZERO = bytes.maketrans(b"123456789", b"000000000")
_ZEROS = b"0" * 101


def may_be_too_many(text: bytes) -> bool:
    """Tell soon whether a JSON ``text`` may hold long integers with too many digits; of nearly all it is False."""
    return len(text) > MAX_LONG_DIGITS and _ZEROS in text.translate(_DIGITS_TO_ZERO)


def check_long_integers(plain: Any, text: bytes) -> None:
    """Refuse plain data whose long integers have too many digits together.

    Args:
        plain: The data.
        text: The same as JSON.

    Raises:
        ValueError: There are more than ``MAX_LONG_DIGITS``.
    """
    if may_be_too_many(text) and _long_digits(plain) > MAX_LONG_DIGITS:
        raise ValueError(f"its integers of more than 100 digits have more than {MAX_LONG_DIGITS} digits together")


def _long_digits(plain: Any) -> int:
    if type(plain) is int:
        return 0 if -_LONG < plain < _LONG else 1 + int(plain.bit_length() * _DIGITS_PER_BIT)
    if type(plain) is dict:
        return sum(map(_long_digits, plain.values()))
    return sum(map(_long_digits, plain)) if type(plain) is list else 0
