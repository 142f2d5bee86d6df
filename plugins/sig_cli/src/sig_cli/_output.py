# SPDX-License-Identifier: MIT
"""Where a command's words go: results to standard output, all else to standard error."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import Any

import sigcore

from ._exits import exit_code
from ._paint import Paint, aligned
from ._text import json_line, printable


class Output:
    """Says what a command found: for people, or as one JSON object per line.

    Args:
        as_json: Whether ``--json`` was given.

    Attributes:
        as_json: As the argument.
        paint: The colours for results.
    """

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        _print_whatever_comes(utf8=as_json)
        self.paint = Paint(on=False) if as_json else Paint.of(sys.stdout)
        self._error_paint = Paint.of(sys.stderr)

    def record(self, fields: dict[str, Any]) -> None:
        """Print a JSON object on a line of its own."""
        self.lines([json_line(fields)])

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Print a table for people; its cells may be coloured."""
        head = [self.paint.dim(name) for name in columns]
        self.lines(aligned([head, *rows]))

    def lines(self, lines: Sequence[str]) -> None:
        """Print lines as they are."""
        print("\n".join(lines), flush=True)  # noqa: T201  # printing is what this is for

    def note(self, text: str) -> None:
        """Tell people who watch what is going on; scripts are not told."""
        if sys.stderr.isatty() and not self.as_json:
            self._complain(self._error_paint.dim(text))

    def warning(self, text: str) -> None:
        """Say that something was left undone, though the command goes on."""
        if self.as_json:
            self._complain(json_line({"warning": text}))
        else:
            self._complain(f"{self._error_paint.bad('Warning:')} {printable(text)}")

    def failure(self, error: Exception) -> None:
        """Say why the command failed."""
        said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        lines = error.problems if isinstance(error, sigcore.ConfigError) else [said]
        text = "\n".join(map(printable, lines)) or type(error).__name__
        if self.as_json:
            self._complain(json_line({"error": type(error).__name__, "message": text, "exit": int(exit_code(error))}))
        else:
            self._complain(f"{self._error_paint.bad('Error:')} {text}")

    def _complain(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)  # noqa: T201  # printing is what this is for


def _print_whatever_comes(*, utf8: bool) -> None:
    """Let no character stop the program: JSON is UTF-8, and what a terminal cannot show is escaped."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8" if utf8 else None, errors="backslashreplace")
