# SPDX-License-Identifier: MIT
"""Events that wait for a slow listener, and between them the places where some were lost; nothing here is locked."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from ._latest_line import LatestLine
from ._losses import OVERFLOW, Losses, Missed
from ._names import PRESENCE_EVENTS

if TYPE_CHECKING:
    from ._info import EventInfo, Gap, Policy
    from ._losses import Item


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


def comes_by_link(info: EventInfo) -> bool:
    """Whether an event waits, on its way here, for those who are too slow; presence waits for nobody."""
    return info.peer is not None and info.event not in PRESENCE_EVENTS


def line_for(size: int | None, policy: Policy) -> Line | LatestLine:
    """Return an empty line for listeners of that policy."""
    return LatestLine(size) if policy == "latest" else Line(size, policy)
