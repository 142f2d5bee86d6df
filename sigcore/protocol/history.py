# SPDX-License-Identifier: MIT
"""The events that a server keeps for listeners that come later, as far as their senders asked for it."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator
from heapq import heappop, heappush, merge
from itertools import islice

from .frames import Kind

MIB = 1024 * 1024

EVENT_BYTES = 250
"""About what a kept event takes in memory beside its body (measured with CPython 3.11 on 64 bits)."""


class History:
    """The newest events of each topic whose sender declared that some are to be kept.

    When there are too many bytes of them, the oldest event goes first, whatever its topic: so what is kept of a topic
    is always its newest events, without a hole.

    Args:
        counted: Called with the cause, a text and the number of events, when events went although their sender wanted
            them kept.
        most_events: How many events of a topic are kept at most, whatever its sender asks for.
        most_bytes: How many bytes of memory they may take in all.

    Attributes:
        size: About how many bytes of memory they take.
    """

    def __init__(
        self, counted: Callable[[str, str, int], None], most_events: int = 1000, most_bytes: int = 64 * MIB
    ) -> None:
        self._counted = counted
        self._most_events = most_events
        self._most_bytes = most_bytes
        self.size = 0
        self._places = 0
        self._events: OrderedDict[int, tuple[int, int, bytes]] = OrderedDict()  # (topic, kind, body) by place
        self._topics: dict[int, tuple[int, deque[int]]] = {}  # how many to keep, and the places of those that are
        self._groups: dict[int, str] = {}
        self._by_news: dict[str | None, OrderedDict[int, None]] = {None: OrderedDict()}  # topics, the newest event last

    def declare(self, topic: int, keep: int, group: str = "") -> None:
        """Keep the newest ``keep`` events of a topic from now on; 0 keeps none. Topics of a group may be asked for."""
        self.forget(topic)
        keep = min(keep, self._most_events)
        if keep > 0:
            self._topics[topic] = keep, deque()
            self._groups[topic] = group

    def add(self, topic: int, kind: int, body: bytes) -> None:
        """Keep an event, if its topic was declared; a GAP is not kept."""
        if topic not in self._topics or kind == Kind.GAP:
            return
        keep, places = self._topics[topic]
        if len(places) == keep:
            self._drop(places.popleft())
        self._places += 1
        places.append(self._places)
        self._events[self._places] = topic, kind, body
        self._is_news(topic)
        self.size += EVENT_BYTES + len(body)
        if self.size > self._most_bytes:
            self._drop_oldest()

    def kept(self, topics: Iterable[int], most: int) -> Iterator[tuple[int, int, bytes]]:
        """Yield (topic, kind, body) of the newest ``most`` events of each topic at most, the newest of all first.

        Whoever has enough stops: what is not asked for costs nothing.
        """
        walks = [islice(reversed(self._topics[topic][1]), most) for topic in topics if topic in self._topics]
        for place in merge(*walks, reverse=True):
            yield self._events[place]

    def newest(self, group: str | None, most: int) -> Iterator[tuple[int, int, bytes]]:
        """Yield the same of all topics of a group, or with ``None`` of all there are.

        Nothing is done for topics that nobody comes to, however many there are.
        """
        topics = reversed(self._by_news.get(group, {}))
        walks: list[tuple[int, Iterator[int]]] = []  # a heap: (minus the place, those behind it)
        topic = next(topics, None)
        while topic is not None or walks:
            if topic is not None and (not walks or self._topics[topic][1][-1] > -walks[0][0]):
                _go_on(walks, islice(reversed(self._topics[topic][1]), most))
                topic = next(topics, None)
                continue
            place, walk = heappop(walks)
            _go_on(walks, walk)
            yield self._events[-place]

    def forget(self, topic: int) -> None:
        """Keep no events of a topic any more."""
        self._is_no_news(topic)
        self._groups.pop(topic, None)
        _keep, places = self._topics.pop(topic, (0, ()))
        for place in places:
            self._drop(place)

    def _drop_oldest(self) -> None:
        dropped = 0
        while self.size > self._most_bytes:
            place = next(iter(self._events))
            topic = self._events[place][0]
            places = self._topics[topic][1]
            places.popleft()
            self._drop(place)
            if not places:
                self._is_no_news(topic)
            dropped += 1
        text = f"kept events were dropped: all together take {self._most_bytes} bytes at most; let senders keep fewer"
        self._counted("history", text, dropped)

    def _is_news(self, topic: int) -> None:
        for group in (None, self._groups[topic]):
            order = self._by_news.setdefault(group, OrderedDict())
            order[topic] = None
            order.move_to_end(topic)

    def _is_no_news(self, topic: int) -> None:
        """Nothing is kept of a topic at the moment."""
        group = self._groups.get(topic)
        if group is not None and topic in self._by_news[None]:
            del self._by_news[None][topic]
            order = self._by_news[group]
            del order[topic]
            if not order:
                del self._by_news[group]

    def _drop(self, place: int) -> None:
        self.size -= EVENT_BYTES + len(self._events.pop(place)[2])


def _go_on(walks: list[tuple[int, Iterator[int]]], walk: Iterator[int]) -> None:
    """Put a walk over places where its next one belongs; one that has none is over."""
    place = next(walk, None)
    if place is not None:
        heappush(walks, (-place, walk))
