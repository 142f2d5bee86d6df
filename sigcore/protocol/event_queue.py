# SPDX-License-Identifier: MIT
"""The events that wait for one session at the server, and what gives way when they are too many.

Theory of operation: each run waits in a container by what may become of it (waiting.py). To drop is to take the first
out of its container and to put a gap into its place, so nothing is searched. Neighbouring losses of a topic are told
in one gap; whether they are neighbours is looked up in the runs between them, each of which is looked at once, and
only where something is lost. Runs of the policy ``block`` are appended and taken whole, whatever is in them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from .._errors import RemoteProtocolError
from .bodies import read_body
from .frames import HEADER_BYTES, KIND_AT, Kind
from .waiting import ERA_BITS, GAP, Gaps, Latest, Runs, heads, plus
from .withdrawal import Withdrawal

if TYPE_CHECKING:
    from .._info import Policy

RUN_BYTES = 130
"""About what a run takes in memory beside its bytes (measured with CPython 3.11 on 64 bits)."""

OVERFLOW = "overflow"
CONFLATED = "conflated"
NOT_ALLOWED = "not_allowed"
_HELD_UP = (
    "events for a slow reader were dropped: its stall_budget is spent, or it has no link, and it may hold up others no "
    "longer; let it ask for less, or raise event_queue"
)
_TEXTS = {
    OVERFLOW: "events for a slow reader were dropped, as its policy says; let it ask for less, or raise event_queue",
    NOT_ALLOWED: "events that waited for a reader were dropped: the rules do not allow it any more to hear them",
    CONFLATED: "events that waited for a slow reader gave way to newer ones, as its policy 'latest' says",
}

# These stand where nothing waits; nothing is put into them. Most sessions are idle, and each container takes 1 KiB.
_NO_RUNS = Runs()
_NO_LATEST = Latest()
_NO_GAPS = Gaps()


class EventQueue:
    """The queue of the event lane of one session.

    It is full from ``limit`` bytes on; whoever finds it less than full may put one run more, whatever its length.
    Events that are lost are told in GAP frames, in their place in the order of their topic; GAP frames do not count
    towards the limit. Losses of a topic between which none of its events waits are told in one GAP of each cause.

    Args:
        limit: Bytes that may wait; ``None`` is unlimited.
        counted: Called with the cause, a text and the number of events, whenever events were dropped.

    Attributes:
        is_released: Whether runs of the policy ``block`` may be dropped.
        is_over: Whether a run of the policy ``disconnect`` has found the queue full.
    """

    __slots__ = (
        "_block",
        "_counted",
        "_droppable",
        "_fixed",
        "_gaps",
        "_is_mixed",
        "_latest",
        "_limit",
        "_place",
        "_waiting",
        "is_over",
        "is_released",
    )

    def __init__(self, limit: int | None, counted: Callable[[str, str, int], None]) -> None:
        self._limit = math.inf if limit is None else limit
        self._counted = counted
        self.is_released = False
        self.is_over = False
        self._is_mixed = False  # whether anything else than runs of the policy block may wait
        self._place = 0
        self._waiting = 0  # bytes, without the gaps
        self._block = Runs()
        self._droppable = _NO_RUNS
        self._fixed = _NO_RUNS  # what nothing drops: other frames, and events whose policy says so
        self._latest = _NO_LATEST
        self._gaps = _NO_GAPS

    @property
    def size(self) -> int:
        """Bytes that wait."""
        return self._waiting + self._gaps.size

    @property
    def kept_size(self) -> int:
        """About how many bytes of memory it takes."""
        runs = len(self._block) + len(self._droppable) + len(self._fixed) + len(self._latest) + len(self._gaps)
        return self.size + RUN_BYTES * runs

    @property
    def is_full(self) -> bool:
        """Whether as much waits as may; GAP frames do not count."""
        return self._waiting >= self._limit

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return not self._waiting and not self._gaps

    def put(self, run: bytes, policy: Policy) -> bool:
        """Put in a run of EVENT, EVENT_META and GAP frames.

        Args:
            run: Whole frames, one or more.
            policy: ``block``: it is put in; the caller has made sure that there is room. ``drop_oldest``: where the
                queue is full, the oldest runs that may be dropped give way. ``drop_newest``: where it is full, the
                run is dropped. ``latest``: an older event of the same topic and policy that still waits is dropped,
                and then what ``drop_oldest`` does. ``disconnect``: it is put in; ask ``is_over`` afterwards.

        Returns:
            Whether the last of the frames was put in.
        """
        if policy == "block" and not self.is_released:
            return self._append(self._block, run)
        if policy == "latest":
            return self._put_latest(run)
        if policy == "drop_newest":
            return self._lose_newest(run) if self.is_full else self._append_fixed(run)
        if policy == "disconnect":
            self.is_over = self.is_over or self.is_full
            return self._append_fixed(run)
        return self._append_droppable(run) if self._make_room() else self._lose_newest(run)

    def put_frame(self, data: bytes) -> None:
        """Put in a frame that is no event and is never dropped; a START by itself, others may be several."""
        if data[KIND_AT] == Kind.START:
            self._place = ((self._place >> ERA_BITS) + 1) << ERA_BITS
        self._append_fixed(data)

    def take(self, parts: list[bytes], room: int, most: int) -> int:
        """Append frames to ``parts`` while they begin within ``room`` bytes, up to about ``most`` bytes.

        Returns:
            The bytes appended.
        """
        size, enough = 0, min(room, most)
        if not self._is_mixed:  # by far the most: nothing to put in order
            while self._block.runs and size < enough:
                size += self._block.take(parts, enough - size)
            self._waiting -= size
            return size
        sources: list[Runs | Latest | Gaps]
        sources = [each for each in (self._block, self._droppable, self._fixed, self._latest, self._gaps) if each]
        while sources and size < enough:
            source = sources[0] if len(sources) == 1 else min(sources, key=lambda each: each.place)
            taken = source.take(parts, enough - size)
            size += taken
            if source is not self._gaps:
                self._waiting -= taken
            if not source:
                sources.remove(source)
        self._is_mixed = any(source is not self._block for source in sources)
        if not self._fixed:
            self._fixed = _NO_RUNS
        return size

    def release(self) -> None:
        """Let runs of the policy ``block`` be dropped, those that wait and those that come, as by ``drop_oldest``."""
        if not self.is_released:
            self.is_released = True
            self._droppable = Runs(sorted([*self._droppable.runs, *self._block.runs]))
            self._block = Runs()
            self._is_mixed = True

    def runs(self) -> Iterator[bytes]:
        """Give what waits, without the gaps, in no particular order."""
        for runs in (self._block, self._droppable, self._fixed):
            for _place, run in runs.runs:
                yield run
        yield from self._latest.frames()

    def withdraw(self, withdrawal: Withdrawal) -> None:
        """Drop what may not go out any more, and tell of the events among that in gaps."""
        lost = withdrawal.lost = self._latest.take_out(withdrawal.topics) if self._latest else []
        if self._block:
            self._block = Runs(withdrawal.events(self._block.runs))
        if self._droppable:
            self._droppable = Runs(withdrawal.events(self._droppable.runs))
        if self._fixed:
            before = sum(len(run) for _place, run in self._fixed.runs)
            runs = withdrawal.presence(list(self._fixed.runs))
            self._waiting -= before - sum(len(run) for _place, run in runs)
            self._fixed = Runs(withdrawal.events(runs))
        self._waiting -= sum(len(run) for _place, run in lost)
        self._count(NOT_ALLOWED, sum(self._tell(place, run, NOT_ALLOWED) for place, run in sorted(lost)))

    def hold(self) -> None:
        """Drop no runs of the policy ``block`` that come from now on."""
        self.is_released = False

    def _append_fixed(self, run: bytes) -> bool:
        if self._fixed is _NO_RUNS:
            self._fixed = Runs()
        return self._append(self._fixed, run)

    def _append_droppable(self, run: bytes) -> bool:
        if self._droppable is _NO_RUNS:
            self._droppable = Runs()
        return self._append(self._droppable, run)

    def _append(self, runs: Runs, run: bytes) -> bool:
        if runs is not self._block:
            self._is_mixed = True
        self._place += 1
        runs.runs.append((self._place, run))
        self._waiting += len(run)
        return True

    def _put_latest(self, run: bytes) -> bool:
        if self._latest is _NO_LATEST:
            self._latest = Latest()
        queued, conflated = True, 0
        for kind, topic, start, end in heads(run):
            freed = 0
            if (older := self._latest.replaced(kind, topic)) is not None:
                freed = len(older[1])
                self._waiting -= freed
                conflated += self._tell(*older, CONFLATED)
            # The last value must not be lost to a queue that is full of other topics: what it replaces was its room.
            queued = end - start <= freed or self._make_room()
            if queued:
                self._place += 1
                self._is_mixed = True
                self._latest.put(kind, topic, self._place, run[start:end])
                self._waiting += end - start
            else:
                self._lose_newest(run[start:end])
        self._count(CONFLATED, conflated)
        return queued

    def _make_room(self) -> bool:
        """Drop the oldest while the queue is full; return whether it no longer is."""
        dropped = 0
        while self.is_full and (self._droppable or self._latest):
            place, run = self._pop_droppable()
            dropped += self._tell(place, run, OVERFLOW)
        self._count(OVERFLOW, dropped)
        return not self.is_full

    def _pop_droppable(self) -> tuple[int, bytes]:
        runs, latest = self._droppable, self._latest
        from_runs = not latest or (runs and runs.place < latest.place)
        place, run = runs.pop() if from_runs else latest.pop()
        self._waiting -= len(run)
        return place, run

    def _lose_newest(self, run: bytes) -> bool:
        self._place += 1
        self._count(OVERFLOW, self._tell(self._place, run, OVERFLOW))
        return False

    def _tell(self, place: int, run: bytes, cause: str) -> int:
        """Put the loss of a run, which stands in no container any more, into gaps; return how many events it had."""
        events = 0
        lost: dict[int, int | None] = {}
        if self._gaps is _NO_GAPS:
            self._gaps = Gaps()
        for kind, topic, start, end in heads(run):
            count: int | None = 1
            if kind == GAP:
                count = _count_told(run[start + HEADER_BYTES : end])
            else:
                events += 1
            lost[topic] = plus(lost.get(topic, 0), count)
        for topic, count in lost.items():
            self._is_mixed = True
            gap = self._gaps.find(topic, cause, place)
            if gap is None or self._may_have(topic, gap.place, place):
                gap = self._gaps.open(topic, cause, place)
            self._gaps.add(gap, count)
        return events

    def _may_have(self, topic: int, after: int, before: int) -> bool:
        """Whether an event of ``topic`` may wait between two places of one era."""
        return (
            self._block.may_have(topic, after, before)
            or self._droppable.may_have(topic, after, before)
            or self._fixed.may_have(topic, after, before)
            or self._latest.may_have(topic, after, before)
        )

    def _count(self, cause: str, events: int) -> None:
        if events:
            text = _HELD_UP if self.is_released and cause == OVERFLOW else _TEXTS[cause]
            self._counted(cause, text, events)


def _count_told(body: bytes) -> int | None:
    """Return how many events a GAP frame told of; the sender wrote it, so it may be anything."""
    try:
        return read_body("GAP", body).integer("count")
    except RemoteProtocolError:
        return None
