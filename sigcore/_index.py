# SPDX-License-Identifier: MIT
"""Things that belong to one event of one sender, found by what a listener may ask for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from ._listener import Key

V = TypeVar("V")


class EventIndex(Generic[V]):
    """One value for each (sender, event), found by both names, by either, or all."""

    def __init__(self) -> None:
        self._by_sender: dict[str, dict[str, V]] = {}
        self._by_event: dict[str, dict[str, V]] = {}
        self._size = 0

    def __len__(self) -> int:
        """How many values there are."""
        return self._size

    def add(self, sender: str, event: str, value: V) -> None:
        """Enter ``value``; it takes the place of an earlier one."""
        values = self._by_sender.setdefault(sender, {})
        self._size += event not in values
        values[event] = value
        self._by_event.setdefault(event, {})[sender] = value

    def remove(self, sender: str, event: str, value: V) -> None:
        """Take ``value`` out, unless another has taken its place."""
        if self.get(sender, event) is value:
            _drop(self._by_sender, sender, event)
            _drop(self._by_event, event, sender)
            self._size -= 1

    def get(self, sender: str, event: str) -> V | None:
        """Return the value of ``(sender, event)``, if there is one."""
        return self._by_sender.get(sender, {}).get(event)

    def matching(self, key: Key) -> Iterable[V]:
        """Return what ``key`` concerns: ``None`` in it stands for any sender, or any event."""
        sender, event = key
        if sender is None:
            if event is None:
                return [value for values in self._by_sender.values() for value in values.values()]
            return list(self._by_event.get(event, {}).values())
        values = self._by_sender.get(sender, {})
        if event is None:
            return list(values.values())
        return [values[event]] if event in values else []

    def count(self, key: Key) -> int:
        """Return how many values ``key`` concerns, without looking at each."""
        sender, event = key
        if sender is None:
            return self._size if event is None else len(self._by_event.get(event, ()))
        values = self._by_sender.get(sender, {})
        return len(values) if event is None else int(event in values)


def keys_for(sender: str, event: str) -> tuple[Key, ...]:
    """Return the keys under which listeners may have asked for an event, in the order of delivery.

    An event of sigcore's own is asked for by its name alone, so that who listens to everything is not told of it.
    """
    if event.startswith("#"):
        return ((sender, event), (None, event))
    return ((sender, event), (sender, None), (None, event), (None, None))


def _drop(table: dict[str, dict[str, V]], outer: str, inner: str) -> None:
    rows = table[outer]
    del rows[inner]
    if not rows:
        del table[outer]
