# SPDX-License-Identifier: MIT
"""Orders to simulated lines in words, as somebody types them, or a program writes them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from random import Random
from typing import Any

from .._line_faults import LineFaults
from ._direction import Direction
from ._line import SimulatedLine

HELP = """\
unplug [left|right]     take the device away, both without a word
replug [left|right]     bring it back
say left|right TEXT     send a line of text as if that device had
set [left|right] NAME=VALUE ...
                        change what goes to that side, both without a word:
                        ber, drop, insert, burst, burst_bytes, duplicate, duplicate_bytes, lose_call,
                        baudrate, heard_at, dead=0|1, held=0|1, stuck=no|low|high|noise
count                   print how many bytes were carried, arrived and were overrun, as JSON"""

FAULTS: dict[str, Callable[[str], float]] = {
    **dict.fromkeys(("ber", "drop", "insert", "burst", "duplicate", "lose_call"), float),
    **dict.fromkeys(("burst_bytes", "duplicate_bytes"), int),
}
"""What is set on the faults of a direction, and how it is read."""

_noise = Random(0).randbytes  # noqa: S311  # noise to be repeated, no secret

_STUCK: dict[str, Callable[[int], bytes] | None] = {
    "no": None,
    "low": bytes,
    "high": lambda size: b"\xff" * size,
    "noise": _noise,
}

SETTINGS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "baudrate": ("baudrate", int),
    "heard_at": ("heard_at", int),
    "dead": ("is_dead", lambda text: bool(int(text))),
    "held": ("is_held", lambda text: bool(int(text))),
    "stuck": ("instead", _STUCK.__getitem__),
}
"""What is set on a direction itself: its attribute, and how it is read."""


class Orders:
    """Does what lines of text say to all of ``lines``.

    Args:
        lines: The simulated lines.
        seed: Of the first direction's faults; the others have the next numbers.
    """

    def __init__(self, lines: Sequence[SimulatedLine], seed: int) -> None:
        self._lines = lines
        self._faults: dict[Direction, LineFaults] = {}
        seeds = count(seed)
        for line in lines:
            for direction in (line.to_left, line.to_right):
                direction.faults = self._faults[direction] = LineFaults(next(seeds))

    def do(self, text: str) -> str:
        """Do one order, and return the answer: ``ok``, or what was asked for.

        Raises:
            ValueError: There is no such order, or it cannot be done so.
        """
        order, _, rest = text.strip().partition(" ")
        match order:
            case "unplug" | "replug":
                for line in self._lines:
                    getattr(line, order)(_path(line, rest) if rest else None)
            case "say":
                side, _, words = rest.partition(" ")
                for line in self._lines:
                    line.say(_path(line, side), words.encode() + b"\n")
            case "set":
                self.set(rest.split())
            case "count":
                return json.dumps([_counted(line) for line in self._lines])
            case _:
                raise ValueError(f"there is no order {order!r}; there are:\n{HELP}")
        return "ok"

    def set(self, words: Sequence[str]) -> None:
        """Change what goes to a side, or to both: ``["left", "ber=1e-4"]``.

        Raises:
            ValueError: One is not a known name with a value that it can have.
        """
        sides: Iterable[str] = ("left", "right")
        if words and words[0] in sides:
            sides, words = words[:1], words[1:]
        for line in self._lines:
            for side in sides:
                for word in words:
                    self._set(line.to_left if side == "left" else line.to_right, word)

    def _set(self, direction: Direction, word: str) -> None:
        name, _, value = word.partition("=")
        try:
            if name in FAULTS:
                setattr(self._faults[direction], name, FAULTS[name](value))
            else:
                attribute, read = SETTINGS[name]
                setattr(direction, attribute, read(value))
        except (KeyError, ValueError):
            known = ", ".join((*FAULTS, *SETTINGS))
            raise ValueError(f"{word!r} cannot be set; it is NAME=VALUE, with a name of {known}") from None


def _path(line: SimulatedLine, side: str) -> str:
    if side not in ("left", "right"):
        raise ValueError(f"{side!r} is no side of a line; there are left and right")
    path: str = getattr(line, side)
    return path


def _counted(line: SimulatedLine) -> dict[str, dict[str, int]]:
    return {
        side: {name: getattr(direction, name) for name in ("carried", "arrived", "overrun")}
        for side, direction in (("left", line.to_left), ("right", line.to_right))
    }
