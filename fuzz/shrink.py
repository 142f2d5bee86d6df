# SPDX-License-Identifier: MIT
"""Chooses few inputs out of many that take all the steps, from line to line, that the many take."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from types import FrameType
from typing import Any

from .corpus import MOST_BYTES

Step = tuple[str, int, int]
"""File, line, and the line before it in the same call."""

_OURS = ("sigcore", "sig_")


def most_telling(check: Callable[[bytes], object], known: Iterable[bytes], inputs: Sequence[bytes]) -> list[bytes]:
    """Return those of ``inputs``, short ones first, that take steps which neither ``known`` nor others before take."""
    seen: set[Step] = set()
    for data in known:
        seen |= steps_of(check, data)
    chosen, size = [], 0
    for data in sorted(set(inputs), key=lambda data: (len(data), data)):
        new = steps_of(check, data) - seen
        if new and size + len(data) <= MOST_BYTES:
            seen |= new
            chosen.append(data)
            size += len(data)
    return chosen


def steps_of(check: Callable[[bytes], object], data: bytes) -> set[Step]:
    """Return the steps that ``check`` takes in our own modules."""
    steps: set[Step] = set()

    def enter(frame: FrameType, _event: str, _argument: Any) -> Any:
        module = frame.f_globals.get("__name__", "")
        if not module.startswith(_OURS):
            return None
        file, before = frame.f_code.co_filename, 0

        def step(frame: FrameType, event: str, _argument: Any) -> Any:
            nonlocal before
            if event == "line":
                steps.add((file, frame.f_lineno, before))
                before = frame.f_lineno
            return step

        return step

    outer = sys.gettrace()
    sys.settrace(enter)
    try:
        check(data)
    finally:
        sys.settrace(outer)
    return steps
