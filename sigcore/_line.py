# SPDX-License-Identifier: MIT
"""Events that wait for a slow listener, and between them the places where some were lost; nothing here is locked.

Two kinds of line, with the same calls: ``Line`` keeps events in their order, ``LatestLine`` only the newest of each.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import Any

from ._info import EventInfo, Gap, Policy
from ._names import PRESENCE_EVENTS

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


class Line:
    """Events in the order in which they came.

    Args:
        size: How many events may wait; ``None`` for any number.
        policy: What happens at that number: any but ``latest``.
    """

    def __init__(self, size: int | None, policy: Policy) -> None:
        self._size = size
        self._policy = policy
        self._items: deque[tuple[EventInfo, Any] | Losses] = deque()
        self._events = 0

    def __len__(self) -> int:
        """Return how many events wait."""
        return self._events

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to take, neither an event nor a loss."""
        return not self._items

    @property
    def is_full(self) -> bool:
        """Whether no more events may wait."""
        return self._size is not None and self._events >= self._size

    def put(self, info: EventInfo, data: Any) -> Missed | None:
        """Add an event; return what was lost by that.

        Where the policy is ``block``, an event of a link is always taken: whoever delivers it has waited for room.
        """
        missed = None
        if self.is_full and not (self._policy == "block" and comes_by_link(info)):
            if self._policy == "drop_newest":
                self.put_gap(info, OVERFLOW)
                return Missed(info, OVERFLOW)
            missed = self._drop_oldest()
        self._items.append((info, data))
        self._events += 1
        return missed

    def put_gap(self, info: EventInfo, gap: Gap) -> None:
        """Add a loss."""
        if not self._items or not isinstance(self._items[-1], Losses):
            self._items.append(Losses())
        losses = self._items[-1]
        assert isinstance(losses, Losses)
        losses.add(info, gap)

    def pop(self) -> Item:
        """Take the oldest; there must be one."""
        first = self._items[0]
        if not isinstance(first, Losses):
            self._items.popleft()
            self._events -= 1
            return first
        missed = first.pop()
        if not first:
            self._items.popleft()
        return missed

    def _drop_oldest(self) -> Missed:
        """Put a loss where the oldest event is; the losses before and behind it, if there are any, become one."""
        losses = self._take_losses()
        event = self._items.popleft()
        assert isinstance(event, tuple)
        losses.add(event[0], OVERFLOW)
        losses.add_all(self._take_losses())
        self._items.appendleft(losses)
        self._events -= 1
        return Missed(event[0], OVERFLOW)

    def _take_losses(self) -> Losses:
        """Take the losses that stand first, if any do."""
        first = self._items[0] if self._items else None
        if not isinstance(first, Losses):
            return Losses()
        self._items.popleft()
        return first


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


def comes_by_link(info: EventInfo) -> bool:
    """Whether an event waits, on its way here, for those who are too slow; presence waits for nobody."""
    return info.peer is not None and info.event not in PRESENCE_EVENTS


def line_for(size: int | None, policy: Policy) -> Line | LatestLine:
    """Return an empty line for listeners of that policy."""
    return LatestLine(size) if policy == "latest" else Line(size, policy)
