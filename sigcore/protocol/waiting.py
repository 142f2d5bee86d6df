# SPDX-License-Identifier: MIT
"""What waits in an event queue, by what may become of it: runs, the latest frame of each topic, and gaps.

Each thing has a *place*, a number that grows from put to put, so that what was put first is taken first although it
waits in several containers. The places from one START frame to the next are one era: a loss is never told in a gap of
another era, because the listener that begins there must hear of what it missed, and of nothing earlier.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import takewhile

from .frames import HEADER, HEADER_BYTES, Kind, frame

GAP = int(Kind.GAP)
EVENTS = frozenset({int(Kind.EVENT), int(Kind.EVENT_META)})

ERA_BITS = 32
"""How many bits of a place count within its era; the higher ones are the number of the era."""

PRUNE_FROM = 256
"""How many notes ``Runs`` makes before it first looks which of them still matter."""


class Runs:
    """Runs of frames in the order in which they were put.

    Attributes:
        runs: (place, frames) of each; append to it.
    """

    __slots__ = ("_looked_to", "_newest", "_prune_at", "runs")

    def __init__(self, runs: Iterable[tuple[int, bytes]] = ()) -> None:
        self.runs = deque(runs)
        self._newest: dict[tuple[int, int], int] = {}  # place by (topic, era), as far as was looked
        self._looked_to = -1
        self._prune_at = PRUNE_FROM

    def __len__(self) -> int:
        return len(self.runs)

    @property
    def place(self) -> int:
        """The place of the first."""
        return self.runs[0][0]

    def take(self, parts: list[bytes], room: int) -> int:
        """Move those frames of the first run that begin within ``room`` bytes to ``parts``; return their bytes."""
        place, run = self.runs.popleft()
        if len(run) > room and (end := _end_within(run, room)) < len(run):
            self.runs.appendleft((place, run[end:]))
            run = run[:end]
        elif not self.runs:
            self._newest.clear()
        parts.append(run)
        return len(run)

    def pop(self) -> tuple[int, bytes]:
        """Take the first run out; return its place and its frames."""
        return self.runs.popleft()

    def may_have(self, topic: int, after: int, before: int) -> bool:
        """Whether an event of ``topic`` may wait between two places of one era.

        A no is certain. A yes is not where the topic also waits behind ``before``.
        """
        if not self.runs or self.place >= before:
            return False
        self._look()
        newest = self._newest.get((topic, before >> ERA_BITS), -1)
        return newest > after and newest >= self.place

    def _look(self) -> None:
        """Note the topics of the runs that came since the last look; only where events are lost does that happen."""
        for place, run in takewhile(lambda item: item[0] > self._looked_to, reversed(self.runs)):
            for kind, topic, _start, _end in heads(run):
                if kind in EVENTS:
                    key = topic, place >> ERA_BITS
                    self._newest[key] = max(place, self._newest.get(key, -1))
        self._looked_to = self.runs[-1][0]
        if len(self._newest) >= self._prune_at:
            self._newest = {key: place for key, place in self._newest.items() if place >= self.place}
            self._prune_at = max(PRUNE_FROM, 2 * len(self._newest))


class Latest:
    """At most one event and one gap notice of the sender for each topic."""

    __slots__ = ("_frames",)

    def __init__(self) -> None:
        self._frames: OrderedDict[tuple[int, bool], tuple[int, bytes]] = OrderedDict()  # by (topic, whether a GAP)

    def __len__(self) -> int:
        return len(self._frames)

    @property
    def place(self) -> int:
        """The place of the first."""
        return self._frames[next(iter(self._frames))][0]

    def put(self, kind: int, topic: int, place: int, data: bytes) -> None:
        """Put in a frame; the one that it replaces was taken out."""
        self._frames[topic, kind == GAP] = place, data

    def replaced(self, kind: int, topic: int) -> tuple[int, bytes] | None:
        """Take out the frame that a new one replaces, if one waits; return its place and its bytes."""
        return self._frames.pop((topic, kind == GAP), None)

    def take(self, parts: list[bytes], _room: int) -> int:
        """Move the first frame to ``parts``; return its bytes."""
        data = self.pop()[1]
        parts.append(data)
        return len(data)

    def pop(self) -> tuple[int, bytes]:
        """Take the first frame out; return its place and its bytes."""
        return self._frames.popitem(last=False)[1]

    def frames(self) -> Iterator[bytes]:
        """Give what waits, in no particular order."""
        for _place, data in self._frames.values():
            yield data

    def take_out(self, topics: Collection[int]) -> list[tuple[int, bytes]]:
        """Take out what waits of some topics; return the place and the bytes of each."""
        return [self._frames.pop(key) for key in list(self._frames) if key[0] in topics]

    def may_have(self, topic: int, after: int, before: int) -> bool:
        """Whether an event of ``topic`` waits between two places."""
        return after < self._frames.get((topic, False), (-1,))[0] < before


@dataclass(slots=True, order=True)
class WaitingGap:
    """A loss that is to be told: so many events of a topic, or (``None``) nobody knows how many."""

    place: int
    topic: int = field(compare=False)
    cause: str = field(compare=False)
    count: int | None = field(compare=False, default=0)

    @property
    def body(self) -> str:
        """The body of the frame that tells it: JSON, in ASCII."""
        return f'{{"count":{"null" if self.count is None else self.count},"cause":"{self.cause}"}}'

    @property
    def size(self) -> int:
        """Bytes of that frame."""
        return HEADER_BYTES + len(self.body)


class Gaps:
    """Losses that are to be told, each in its place.

    Attributes:
        size: Bytes of their frames.
    """

    __slots__ = ("_heap", "_open", "size")

    def __init__(self) -> None:
        self.size = 0
        self._heap: list[WaitingGap] = []
        self._open: dict[tuple[int, str, int], WaitingGap] = {}  # the last opened by (topic, cause, era)

    def __len__(self) -> int:
        return len(self._heap)

    @property
    def place(self) -> int:
        """The place of the first."""
        return self._heap[0].place

    def find(self, topic: int, cause: str, place: int) -> WaitingGap | None:
        """Return the gap that may also tell of a loss at ``place``, if no event of the topic stands between."""
        gap = self._open.get((topic, cause, place >> ERA_BITS))
        return gap if gap is not None and gap.place <= place else None

    def open(self, topic: int, cause: str, place: int) -> WaitingGap:
        """Put in a gap of no events yet."""
        gap = self._open[topic, cause, place >> ERA_BITS] = WaitingGap(place, topic, cause)
        heappush(self._heap, gap)
        self.size += gap.size
        return gap

    def add(self, gap: WaitingGap, count: int | None) -> None:
        """Tell of ``count`` more events in a gap that waits."""
        self.size -= gap.size
        gap.count = plus(gap.count, count)
        self.size += gap.size

    def take(self, parts: list[bytes], _room: int) -> int:
        """Move the frame of the first to ``parts``; return its bytes."""
        gap = heappop(self._heap)
        key = gap.topic, gap.cause, gap.place >> ERA_BITS
        if self._open.get(key) is gap:
            del self._open[key]
        self.size -= gap.size
        parts.append(frame(GAP, gap.topic, gap.body.encode()))
        return gap.size


def heads(run: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Give (kind, id, start, end) of each frame of a run, and copy no body."""
    start, last = 0, len(run)
    while start < last:
        length, kind, id_ = HEADER.unpack_from(run, start)
        end = start + HEADER_BYTES + length
        yield kind, id_, start, end
        start = end


def plus(count: int | None, more: int | None) -> int | None:
    """Add up two counts of events; what one of them does not know, nobody knows."""
    return None if count is None or more is None else count + more


def _end_within(run: bytes, room: int) -> int:
    """Return where the frames end that begin within the first ``room`` bytes of a run, which is longer than that."""
    pos = 0
    while pos < room:
        pos += HEADER_BYTES + int.from_bytes(run[pos : pos + 4], "big")
    return pos
