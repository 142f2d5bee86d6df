# SPDX-License-Identifier: MIT
"""Events that are kept for listeners who come late.

Whoever triggers enters an event among those that are kept and sees whom to call; whoever listens late sees what is
kept and is entered among those to be called. Each of the two is one step under one lock, so every event reaches a late
listener either as a kept one or as a live one, and never as both. The lock is not held while anybody is called.
"""

from __future__ import annotations

import itertools
import threading
from collections import deque
from collections.abc import Iterable, Mapping
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeVar

from ._errors import EventNotDeclared
from ._signal import Signal, with_meta

if TYPE_CHECKING:
    from ._info import EventInfo
    from ._signal import Call, Report

T_contra = TypeVar("T_contra", contravariant=True)

Kept = tuple[int, "EventInfo", Any]
"""A kept event: its place in the order of its router, and what its listeners were given."""


class Keeping:
    """What the keeping signals of one router have in common.

    Attributes:
        lock: Held while an event is entered, and while a listener is entered that wants those kept.
        places: The places of events in their order; taken under the lock.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.places = itertools.count()


class KeepingSignal(Signal[T_contra]):
    """A signal that keeps its last events, as the very objects that were triggered.

    Args:
        sender: The sender's name.
        event: The event's name.
        report: Takes what a listener raised.
        most: How many events are kept, at least 1.
        keeping: What it shares with the others of its router.
    """

    __slots__ = ("_keeping", "_kept")

    def __init__(self, sender: str, event: str, report: Report, most: int, keeping: Keeping) -> None:
        super().__init__(sender, event, report)
        self._kept: deque[Kept] = deque(maxlen=most)
        self._keeping = keeping

    def trigger(self, data: T_contra = None, meta: Mapping[str, str] | None = None) -> None:  # type: ignore[assignment]  # as in Signal
        """Reach every listener with ``data``, and keep it; the errors are ``Signal.trigger``'s, and keep nothing."""
        self._reach(self._outlet, data, meta)

    def _trigger_by(self, outlet: Call, data: Any, meta: Mapping[str, str] | None) -> None:
        self._reach(outlet, data, meta)

    def _reach(self, outlet: Call | None, data: Any, meta: Mapping[str, str] | None) -> None:
        info = self.info if meta is None else with_meta(self.info, meta)
        if outlet is not None:
            iter(self._calls)  # where the sender was removed, this raises before other routers are told
            outlet(info, data)  # may wait, so outside of the lock; may refuse, so before anything is kept
        with self._keeping.lock:
            calls = self._calls
            iter(calls)
            self._kept.append((next(self._keeping.places), info, data))
        for call in calls:
            try:
                call(info, data)
            except BaseException as error:  # noqa: BLE001  # _failed knows what is not the listener's own affair
                self._failed(calls, call, info, error)

    def last(self, most: int) -> list[Kept]:
        """Return at most ``most`` kept events, the oldest first; the caller holds the lock."""
        return list(itertools.islice(self._kept, max(0, len(self._kept) - most), None))

    def _called_first(self) -> tuple[Call, ...]:
        return ()  # the outlet is called apart, before the event is kept

    def _remove(self) -> None:
        with self._keeping.lock:
            super()._remove()
            self._kept.clear()


def last_of_each(signals: Iterable[Signal[Any]], most: int) -> list[Kept]:
    """Return at most ``most`` kept events of each signal; the caller holds the lock, and may sort them later."""
    return [kept for signal in signals if isinstance(signal, KeepingSignal) for kept in signal.last(most)]


def in_order(kept: Iterable[Kept]) -> list[tuple[EventInfo, Any]]:
    """Return kept events in the order in which they were triggered."""
    return [(info, data) for _place, info, data in sorted(kept, key=itemgetter(0))]


def declared_keep(keep: int | Mapping[str, int], sender: str, events: tuple[str, ...]) -> dict[str, int]:
    """Return how many events a sender keeps of each event of which it keeps any.

    Args:
        keep: The same number for all its events, or a number for each of some events.
        sender: Its name, for messages.
        events: What it declares.

    Raises:
        EventNotDeclared: There is a number for an event that is not declared.
        TypeError: It is no number and no mapping from event to number.
        ValueError: A number is negative.
    """
    numbers = keep if isinstance(keep, Mapping) else dict.fromkeys(events, _number(keep, f"keep= of sender {sender!r}"))
    for event, number in numbers.items():
        if event not in events:
            raise EventNotDeclared(
                f"keep= of sender {sender!r} has a number for the event {event!r}, which it does not declare; "
                f"its events are: {', '.join(events) or 'none'}"
            )
        _number(number, f"keep= of event {event!r} of sender {sender!r}")
    return {event: number for event, number in numbers.items() if number}


def _number(value: object, what: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{what} is how many events to keep, found {value!r}; 0 keeps none")
    if value < 0:
        raise ValueError(f"{what} is how many events to keep, found {value}; 0 keeps none")
    return value
