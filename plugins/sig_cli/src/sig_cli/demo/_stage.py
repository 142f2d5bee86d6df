# SPDX-License-Identifier: MIT
"""How the demonstration looks: numbered steps, aligned readings."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from .._event_lines import local_time
from .._paint import Paint, aligned, padded
from .._text import printable, spaced_json
from ._plant import COLD_CELSIUS, WARM_CELSIUS

_INDENT = "     "
_BAR_COLUMNS = 24
_NAME_COLUMNS = 6
_LINE_BEGIN = "\r\x1b[K"
"""Back to the line's begin, and erase it."""


class Stage:
    """Prints the story, line by line.

    Args:
        paint: The colours.
    """

    def __init__(self, paint: Paint) -> None:
        self.paint = paint
        self._steps = 0
        self._is_live = False
        self._full, self._empty = ("━", "─") if _can_print("━─") else ("#", "-")

    def title(self, text: str, subtitle: str) -> None:
        """Open the story."""
        self.line("")
        self._print(f"  {self.paint.bold(text)}  {self.paint.dim(subtitle)}")

    def step(self, text: str, *comments: str) -> None:
        """Begin the next act."""
        self._steps += 1
        self._print("")
        self._print(f"  {self.paint.good(str(self._steps))}  {self.paint.bold(text)}")
        for comment in comments:
            self.line(self.paint.dim(comment))

    def line(self, text: str) -> None:
        """Print a line of the present act."""
        self._print(f"{_INDENT}{text}")

    def columns(self, rows: Sequence[Sequence[str]]) -> None:
        """Print rows of cells, aligned."""
        for line in aligned(rows):
            self.line(line)

    def reading(self, made_at: datetime, celsius: float, remark: str = "") -> None:
        """Print a reading with a bar: cold is blue, warm is red."""
        share = min(1.0, max(0.0, (celsius - COLD_CELSIUS) / (WARM_CELSIUS - COLD_CELSIUS)))
        filled = round(share * _BAR_COLUMNS)
        bar = self.paint.heat(self._full * filled, share) + self.paint.dim(self._empty * (_BAR_COLUMNS - filled))
        number = self.paint.bold(f"{celsius:5.1f} °C") if _can_print("°") else f"{celsius:5.1f} C"
        head = f"{self.paint.dim(local_time(made_at))}  {self.paint.sender('thermo')}"
        self._print(f"{_INDENT}{head}  {number}  {bar}  {self.paint.dim(remark)}", passing=True)

    def event(self, sender: str, event: str, data: object) -> None:
        """Print an event that is no reading."""
        paint = self.paint
        name = paint.sender(padded(printable(sender), _NAME_COLUMNS))
        what = f"{name}  {paint.event(printable(event))}  {paint.json(spaced_json(data))}"
        self.line(f"{paint.dim(local_time())}  {what}")

    def presence(self, sender: str, words: str, *, came: bool) -> None:
        """Print that a sender came or went."""
        paint = self.paint
        name = paint.sender(padded(printable(sender), _NAME_COLUMNS))
        change = paint.good("+ comes") if came else paint.bad("- goes")
        self.line(f"{paint.dim(local_time())}  {name}  {change}  {paint.dim(words)}")

    @contextmanager
    def live(self) -> Iterator[None]:
        """Have each reading take the place of the one before, so that what was said above stays in sight."""
        self._is_live = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
        try:
            yield
        finally:
            if self._is_live:
                self._write("\n")
            self._is_live = False

    def _print(self, text: str, *, passing: bool = False) -> None:
        begin, end = (_LINE_BEGIN, "" if passing else "\n") if self._is_live else ("", "\n")
        self._write(f"{begin}{text.rstrip()}{end}")

    def _write(self, text: str) -> None:
        print(text, end="", flush=True)  # noqa: T201  # printing is what this is for


def _can_print(text: str) -> bool:
    try:
        text.encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        return False
    return True
