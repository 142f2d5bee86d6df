# SPDX-License-Identifier: MIT
"""What is sent for a request: a text with places for parameters, which can never become a second command."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_PIECE = re.compile(r"\{\{|\}\}|\{([A-Za-z_][A-Za-z0-9_]*)\}|[{}]|[^{}]+")

PLAIN = re.compile(r"[A-Za-z0-9_.+\-]{1,64}")
"""What a parameter may be by default: nothing that separates commands in any protocol that we know of (a semicolon in
SCPI, a comma, a space)."""

LONGEST_CHARS = 1024
"""Of a parameter; a pattern would look at a longer one for too long, and no device takes it."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class Template:
    """A text with ``{name}`` where a parameter goes; ``{{`` and ``}}`` are braces.

    Args:
        text: The text.
        allowed: For some parameters, what their whole text must match; ``PLAIN`` for the others.

    Attributes:
        names: The parameters, in the order of their places.

    Raises:
        ValueError: A brace stands alone, or around what is no name.

    >>> Template("GET {channel}", {}).fill({"channel": 2})
    'GET 2'
    """

    def __init__(self, text: str, allowed: Mapping[str, re.Pattern[str]]) -> None:
        self._pieces: list[tuple[str, bool]] = []  # each a text as it is, or a name
        for piece in _PIECE.finditer(text):
            if piece[0] in ("{", "}"):
                raise ValueError(
                    f"{text!r} has a brace at {piece.start()} that encloses no name; "
                    "a parameter is written {name}, a brace itself {{ or }}"
                )
            self._pieces.append(
                (piece[1], True) if piece[1] else ({"{{": "{", "}}": "}"}.get(piece[0], piece[0]), False)
            )
        self.names = tuple(dict.fromkeys(piece for piece, is_name in self._pieces if is_name))
        self._allowed = {name: allowed.get(name, PLAIN) for name in self.names}

    @property
    def fixed(self) -> str:
        """The text without its parameters."""
        return "".join(piece for piece, is_name in self._pieces if not is_name)

    def fill(self, params: Any) -> str:
        """Return the text with ``params`` in it: a mapping from names to texts and numbers.

        Raises:
            ValueError: A parameter is missing, unknown, no text or number, or has characters that it may not have.
        """
        given = {} if params is None else params
        if not isinstance(given, Mapping):
            raise ValueError(f"its parameters are given by name, {self._example()}, not as {type(given).__name__}")
        if set(given) != set(self.names):
            raise ValueError(f"its parameters are {self._example()}; given: {', '.join(map(repr, given)) or 'none'}")
        texts = {name: self._text(name, value) for name, value in given.items()}
        return "".join(texts[piece] if is_name else piece for piece, is_name in self._pieces)

    def _text(self, name: str, value: object) -> str:
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise ValueError(f"parameter {name!r} must be text or a number, not {type(value).__name__}")
        text = str(value)
        if len(text) > LONGEST_CHARS:
            raise ValueError(f"parameter {name!r} has {len(text)} characters; it may have {LONGEST_CHARS}")
        if _CONTROL.search(text):
            raise ValueError(f"parameter {name!r} has a control character, which could end the line: {text[:40]!r}")
        if not self._allowed[name].fullmatch(text):
            raise ValueError(
                f"parameter {name!r} may not be {text[:40]!r}; it must match {self._allowed[name].pattern}"
            )
        return text

    def _example(self) -> str:
        return f"{{{', '.join(f'{name!r}: ...' for name in self.names)}}}" if self.names else "none"
