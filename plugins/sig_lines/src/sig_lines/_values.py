# SPDX-License-Identifier: MIT
"""A piece of a line to a value: which text is a number."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

ValueType = Literal["auto", "number", "text"]

Value = str | int | float | None

# As JSON writes them, and with the sign and the bare point that instruments print. Not with zeros in front, which
# times (092750) and serial numbers (007) have, and whose meaning would be lost.
_NUMBER = re.compile(r"[+-]?(?:0|[1-9][0-9]{0,14})(\.[0-9]{0,17})?([eE][+-]?[0-9]{1,3})?")
_LOOSE_NUMBER = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]{0,17})?([eE][+-]?[0-9]{1,3})?")


def auto(text: str) -> Value:
    """Return the number that ``text`` is, or ``text`` itself.

    >>> auto("21.5"), auto("-3"), auto("+1.50E-3"), auto("092750"), auto("A")
    (21.5, -3, 0.0015, '092750', 'A')
    """
    return _as_number(_NUMBER.fullmatch(text), text)


def number(text: str) -> Value:
    """Return the number that ``text`` is, also with zeros in front; ``None`` for an empty one.

    Raises:
        ValueError: It is no number.

    >>> number("01131.000")
    1131.0
    """
    if not text.strip():
        return None
    found = _as_number(_LOOSE_NUMBER.fullmatch(text.strip()), None)
    if found is None:
        raise ValueError(f"{text!r} is no number")
    return found


def text_itself(text: str) -> Value:
    """Return ``text``."""
    return text


_CONVERTERS = {"auto": auto, "number": number, "text": text_itself}


class Types:
    """Turns the pieces of lines into values, by their names.

    Args:
        types: ``number`` or ``text`` for a name; any other is ``auto``.
    """

    def __init__(self, types: Mapping[str, ValueType]) -> None:
        self._converters = {name: _CONVERTERS[kind] for name, kind in types.items()}

    def value(self, name: str, text: str | None) -> Value:
        """Return the value of a piece; ``None`` stays, which is a group that took no part in the match.

        Raises:
            ValueError: It is no number, and was to be one.
        """
        if text is None:
            return None
        converter = self._converters.get(name)
        try:
            return auto(text) if converter is None else converter(text)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None


def _as_number(match: re.Match[str] | None, otherwise: str | None) -> Value:
    if match is None:
        return otherwise
    if match.lastindex is None:
        return int(match[0])
    found = float(match[0])
    return found if abs(found) != float("inf") else otherwise
