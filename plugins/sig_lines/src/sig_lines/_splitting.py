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
        max_line_bytes: The longest line. A longer one is given as soon as that is known, without its end, however
            long that may be or if it never comes.

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
        self._is_skipping = False  # whether what comes is the end of a line that was too long

    @property
    def has_unfinished(self) -> bool:
        """Whether a line has begun and not ended."""
        return bool(self._rest) or self._is_skipping

    def receive(self, data: bytes) -> list[bytes]:
        """Return the lines that ``data`` completes, without what ends them.

        One that is too long is longer than ``max_line_bytes`` here too, but only so many bytes of it are sure to be
        there.
        """
        if self._is_any:
            data = data.replace(b"\r", b"\n")
        *lines, self._rest = (self._rest + data).split(self._newline)
        if lines and self._is_skipping:
            self._is_skipping = False
            del lines[0]
        if len(self._rest) > self._max_bytes + 1:  # one more byte may be the first half of what ends it
            lines += [] if self._is_skipping else [self._rest]
            self._is_skipping = True
        if self._is_skipping:
            self._rest = self._rest[-1:]
        return [line for line in lines if line]

    def flush(self) -> bytes:
        """End an unfinished line here and return it; ``b""`` when there is none, or it was given as too long."""
        line = b"" if self._is_skipping else self._rest
        self.clear()
        return line

    def clear(self) -> None:
        """Forget an unfinished line."""
        self._rest = b""
        self._is_skipping = False
