# SPDX-License-Identifier: MIT
"""The newest events that wait for a slow listener, one of each event of each sender; nothing here is locked."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from ._losses import CONFLATED, OVERFLOW, Losses, Missed

if TYPE_CHECKING:
    from ._info import EventInfo, Gap
    from ._losses import Item


class LatestLine:
    """Of each event of each sender the newest, in the order in which these came.

    Args:
        size: How many events may wait; ``None`` for any number. At that number the oldest is dropped.
    """

    def __init__(self, size: int | None) -> None:
        self._size = size
        self._places: OrderedDict[tuple[str, str], _Place] = OrderedDict()
        self._events = 0

    def __len__(self) -> int:
        """Return how many events wait."""
        return self._events

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to take, neither an event nor a loss."""
        return not self._places

    @property
    def is_full(self) -> bool:
        """Whether no more events may wait."""
        return self._size is not None and self._events >= self._size

    def put(self, info: EventInfo, data: Any) -> Missed | None:
        """Add an event; return what was lost by that."""
        place = self._place(info)
        missed = None
        if place.event is not None:
            missed = self._drop(place, CONFLATED)
        elif self.is_full:
            missed = self._drop(next(place for place in self._places.values() if place.event is not None), OVERFLOW)
        place.event = (info, data)
        self._events += 1
        self._places.move_to_end((info.sender, info.event))
        return missed

    def put_gap(self, info: EventInfo, gap: Gap) -> None:
        """Add a loss."""
        place = self._place(info)
        (place.before if place.event is None else place.behind).add(info, gap)

    def pop(self) -> Item:
        """Take the oldest; there must be one."""
        key, place = next(iter(self._places.items()))
        item: Item
        if place.before:
            item = place.before.pop()
        else:
            assert place.event is not None
            item = place.event
            place.event, place.before, place.behind = None, place.behind, Losses()
            self._events -= 1
        if place.event is None and not place.before:
            del self._places[key]
        return item

    def _place(self, info: EventInfo) -> _Place:
        return self._places.setdefault((info.sender, info.event), _Place())

    def _drop(self, place: _Place, gap: Gap) -> Missed:
        assert place.event is not None
        info = place.event[0]
        place.event = None
        place.before.add(info, gap)
        place.before.add_all(place.behind)
        place.behind = Losses()
        self._events -= 1
        return Missed(info, gap)


class _Place:
    """Where the newest event of its kind waits, and what was lost before and behind it."""

    __slots__ = ("before", "behind", "event")

    def __init__(self) -> None:
        self.before = Losses()
        self.event: tuple[EventInfo, Any] | None = None
        self.behind = Losses()
