# SPDX-License-Identifier: MIT
"""Events that were lost on the way to a listener, before they are told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ._info import EventInfo, Gap

MAX_LOSSES = 100
"""How many losses are told one by one where no event stands between them; further ones are told together, as ``*``."""

OVERFLOW = Gap(1, "overflow")
CONFLATED = Gap(1, "conflated")
SEVERAL = EventInfo("*", "*")


@dataclass(frozen=True, slots=True)
class Missed:
    """A loss: whose events, how many and why."""

    info: EventInfo
    gap: Gap


Item = tuple[EventInfo, Any] | Missed
"""What a line gives: an event with its data, or a loss in its place."""


class Losses:
    """Losses with no event between them: one for each sender, event and cause, with their counts added."""

    __slots__ = ("_missed",)

    def __init__(self) -> None:
        self._missed: dict[tuple[str, str, str], Missed] = {}

    def __len__(self) -> int:
        return len(self._missed)

    def add(self, info: EventInfo, gap: Gap) -> None:
        """Add a loss."""
        key = (info.sender, info.event, gap.cause)
        if key not in self._missed and len(self._missed) >= MAX_LOSSES:
            info, key = SEVERAL, (SEVERAL.sender, SEVERAL.event, gap.cause)
        known = self._missed.get(key)
        if known is None:
            self._missed[key] = Missed(EventInfo(info.sender, info.event, info.peer), gap)
        else:
            count = None if gap.count is None or known.gap.count is None else known.gap.count + gap.count
            self._missed[key] = Missed(known.info, Gap(count, gap.cause))

    def add_all(self, other: Losses) -> None:
        """Add those of ``other``."""
        for missed in other._missed.values():
            self.add(missed.info, missed.gap)

    def pop(self) -> Missed:
        """Take the first."""
        return self._missed.pop(next(iter(self._missed)))
