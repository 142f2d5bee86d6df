# SPDX-License-Identifier: MIT
"""Bytes to lines. No input and output, no clock."""

from __future__ import annotations

from typing import Literal

Newline = Literal["any", "lf", "crlf", "cr"]

NEWLINES: dict[str, bytes] = {"lf": b"\n", "crlf": b"\r\n", "cr": b"\r"}


class LineSplitter:
    r"""Cuts a stream of bytes into lines.

    The lines depend on the bytes alone, not on how they were cut into calls. With ``any``, each of ``\r`` and ``\n``
    ends a line; the empty lines that this makes of ``\r\n`` are left out, as are all others.

    Args:
        newline: What ends a line.
        max_line_bytes: The longest line. Of a longer one no more than that and two bytes is kept, however long it is.

    >>> splitter = LineSplitter("any", 80)
    >>> splitter.receive(b"T=21.5\r")
    [b'T=21.5']
    >>> splitter.receive(b"\nT=2")
    []
    """

    def __init__(self, newline: Newline, max_line_bytes: int) -> None:
        self._is_any = newline == "any"
        self._newline = NEWLINES.get(newline, b"\n")
        self._max_bytes = max_line_bytes
        self._rest = b""

    def receive(self, data: bytes) -> list[bytes]:
        """Return the lines that ``data`` completes, without what ends them.

        One that is too long is longer than ``max_line_bytes`` here too, but only so many bytes of it are sure to be
        what came.
        """
        if self._is_any:
            data = data.replace(b"\r", b"\n")
        *lines, rest = (self._rest + data).split(self._newline)
        self._rest = rest if len(rest) <= self._max_bytes + 2 else self._shortened(rest)
        return [line for line in lines if line]

    def clear(self) -> None:
        """Forget an unfinished line."""
        self._rest = b""

    def _shortened(self, rest: bytes) -> bytes:
        """Return as many bytes as tell that the line is too long; the last may be the first half of what ends it."""
        return rest[: self._max_bytes] + b"?" + rest[-1:]
