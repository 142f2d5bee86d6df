# SPDX-License-Identifier: MIT
"""Colours, where they can be seen, and the width of text in a terminal."""

from __future__ import annotations

import os
import re
import sys
import unicodedata
from collections.abc import Sequence
from typing import TextIO

import click

_SGR = re.compile(r"\x1b\[[0-9;]*m")
_JSON_TOKEN = re.compile(
    r'(?P<text>"(?:[^"\\]|\\.)*")(?P<colon>\s*:)?|(?P<number>-?\d[\d.eE+-]*)|(?P<word>true|false|null)'
)

_HEAT = ("bright_blue", "cyan", "green", "yellow", "red")


class Paint:
    """Colours text, or leaves it as it is.

    Args:
        on: Whether to colour.
    """

    def __init__(self, on: bool) -> None:
        self.on = on

    @classmethod
    def of(cls, stream: TextIO) -> Paint:
        """Return the paint for a stream: colours on a terminal, unless ``NO_COLOR`` is set or it is a dumb one."""
        return cls(on=can_draw(stream) and not os.environ.get("NO_COLOR"))

    def bold(self, text: str) -> str:
        """What matters most."""
        return self._style(text, bold=True)

    def dim(self, text: str) -> str:
        """What may be passed over: times, hints."""
        return self._style(text, dim=True)

    def good(self, text: str) -> str:
        """What came, what is fine."""
        return self._style(text, fg="green")

    def bad(self, text: str) -> str:
        """What went, what is broken."""
        return self._style(text, fg="red")

    def sender(self, text: str) -> str:
        """A sender's name."""
        return self._style(text, fg="cyan", bold=True)

    def event(self, text: str) -> str:
        """The name of an event or a method."""
        return self._style(text, fg="bright_blue")

    def url(self, text: str) -> str:
        """An endpoint."""
        return self._style(text, fg="magenta")

    def heat(self, text: str, share: float) -> str:
        """Something between cold, 0.0, and hot, 1.0."""
        return self._style(text, fg=_HEAT[min(len(_HEAT) - 1, int(share * len(_HEAT)))])

    def json(self, text: str) -> str:
        """JSON text: keys, texts, numbers and words each in a colour of its own."""
        return _JSON_TOKEN.sub(self._json_token, text) if self.on else text

    def _json_token(self, token: re.Match[str]) -> str:
        if token["colon"]:
            return self._style(token["text"], fg="cyan") + token["colon"]
        fg = {"text": "green", "number": "yellow", "word": "magenta"}[token.lastgroup or "text"]
        return self._style(token[0], fg=fg)

    def _style(self, text: str, *, fg: str | None = None, bold: bool | None = None, dim: bool | None = None) -> str:
        return click.style(text, fg=fg, bold=bold, dim=dim) if self.on and text else text


def can_draw(stream: TextIO) -> bool:
    """Tell whether a stream is a terminal that follows control sequences."""
    if not stream.isatty() or os.environ.get("TERM") == "dumb":
        return False
    if sys.platform == "win32":
        import colorama

        colorama.just_fix_windows_console()
    return True


def width(text: str) -> int:
    """Return how many columns ``text`` takes in a terminal, colours not counted.

    >>> width("thermo"), width("温度"), width(Paint(on=True).bold("abc"))
    (6, 4, 3)
    """
    return sum(_columns_of(char) for char in _SGR.sub("", text))


def padded(text: str, columns: int) -> str:
    """Return ``text``, filled up with spaces to ``columns``."""
    return text + " " * (columns - width(text))


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows of cells as lines whose columns stand below each other, two spaces apart.

    >>> aligned([("a", "bb"), ("ccc", "d")])
    ['a    bb', 'ccc  d']
    """
    widths = [max(map(width, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(padded, row, widths)).rstrip() for row in rows]


def _columns_of(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
