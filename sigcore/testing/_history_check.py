# SPDX-License-Identifier: MIT
"""Judges a history: for each listener, what it heard of each sender and event against what was triggered."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ._history_records import Accepted, Ended, GapTold, Heard, Listening, Record, Triggered

_SHOWN = 5  # findings of a kind in the text of a report

Key = tuple[str, int]
"""What tells the events of one sender apart: session and number."""


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing that is not as it should be.

    Attributes:
        listener: Where.
        sender: Whose event.
        event: Which event.
        what: What is the matter, for a reader.
    """

    listener: str
    sender: str
    event: str
    what: str

    def __str__(self) -> str:
        return f"{self.listener}: {self.what} of {self.sender} {self.event}"


class Latency(NamedTuple):
    """Seconds from the stamp to the listener."""

    p50: float
    p90: float
    p99: float
    max: float


@dataclass
class Report:
    """What came of a run.

    Attributes:
        triggered: How many events were triggered.
        heard: How often a listener heard one.
        told: How many gaps were told.
        latency: How long whole events took; ``None`` where there was none.
        lost: Events that a listener should have heard and did not, told or not.
        untold: Those of them that no gap covers, told between the events heard before and after.
        miscounted: Places where the gaps told have a number, and it is not that of the events lost there.
        duplicated: Events that a listener heard again.
        reordered: Events that a listener heard after a later one.
        corrupted: Data that is not what the publisher stamped.
        invented: Events that nobody noted as triggered.
    """

    triggered: int = 0
    heard: int = 0
    told: int = 0
    latency: Latency | None = None
    lost: list[Finding] = field(default_factory=list)
    untold: list[Finding] = field(default_factory=list)
    miscounted: list[Finding] = field(default_factory=list)
    duplicated: list[Finding] = field(default_factory=list)
    reordered: list[Finding] = field(default_factory=list)
    corrupted: list[Finding] = field(default_factory=list)
    invented: list[Finding] = field(default_factory=list)

    def assert_good(self, *, nothing_lost: bool = False) -> None:
        """Fail unless every event came once, whole and in order, or was told as a gap in its place.

        Args:
            nothing_lost: Whether what was told is no excuse either.

        Raises:
            AssertionError: With the report, and the first few findings of each kind.
        """
        wrong = [self.untold, self.miscounted, self.duplicated, self.reordered, self.corrupted, self.invented]
        if any(wrong) or (nothing_lost and self.lost):
            raise AssertionError(str(self))

    def __str__(self) -> str:
        lines = [f"triggered {self.triggered}, heard {self.heard}, gaps told {self.told}"]
        if self.latency is not None:
            lines.append(
                "latency " + ", ".join(f"{name} {s * 1000:.3g} ms" for name, s in self.latency._asdict().items())
            )
        for kind in ("lost", "untold", "miscounted", "duplicated", "reordered", "corrupted", "invented"):
            found: list[Finding] = getattr(self, kind)
            if found:
                lines.append(f"{kind}: {len(found)}")
                lines += [f"  {finding}" for finding in found[:_SHOWN]]
                lines += [f"  and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
        return "\n".join(lines)


def check_history(records: Sequence[Record]) -> Report:
    """Return what a history comes to.

    Args:
        records: Those of one listener in the order in which they were made; all else may be mixed.
    """
    heard = [record for record in records if isinstance(record, Heard)]
    report = Report(
        triggered=sum(isinstance(record, Triggered) for record in records),
        heard=len(heard),
        told=sum(isinstance(record, GapTold) for record in records),
        latency=_latency([record.latency for record in heard if record.latency is not None]),
    )
    streams, ends = _streams(records), _ends(records)
    listening = [record for record in records if isinstance(record, Listening)]
    for (listener, sender, event), observed in sorted(_observed(records, streams).items()):
        stream = streams.get((sender, event)) or _Stream([])
        begins = [place.at for place in listening if place.listener == listener and _covers(place, sender, event)]
        owed = _Owed(stream, begins, ends[listener], observed)
        _Judge(report, listener, sender, event, stream, owed).judge(observed)
    return report


def _latency(found: list[float]) -> Latency | None:
    if not found:
        return None
    found.sort()
    p50, p90, p99 = (found[max(0, math.ceil(part * len(found)) - 1)] for part in (0.5, 0.9, 0.99))
    return Latency(p50, p90, p99, found[-1])


class _Stream:
    """What one sender triggered of one event, in order.

    Attributes:
        keys: Each event's.
        at: When each was triggered.
        place: Where in the order each key stands.
        excused: The places of events that may be lost with their sender.
    """

    def __init__(self, triggered: Iterable[Triggered]) -> None:
        ordered = sorted(triggered, key=lambda record: record.at)
        self.keys: list[Key] = [(record.session, record.seq) for record in ordered]
        self.at = [record.at for record in ordered]
        self.place = {key: number for number, key in enumerate(self.keys)}
        self.excused: set[int] = set()

    def excuse(self, ended_at: float, known: set[Key]) -> None:
        """Excuse what was triggered before its sender ended, and after the last event that is known elsewhere."""
        before = [place for place, at in enumerate(self.at) if at <= ended_at]
        last_known = max((place for place in before if self.keys[place] in known), default=-1)
        self.excused.update(place for place in before if place > last_known)


def _streams(records: Sequence[Record]) -> dict[tuple[str, str], _Stream]:
    triggered: dict[tuple[str, str], list[Triggered]] = defaultdict(list)
    known: dict[str, set[Key]] = defaultdict(set)
    for record in records:
        if isinstance(record, Triggered):
            triggered[record.sender, record.event].append(record)
        elif isinstance(record, Heard | Accepted) and record.session is not None and record.seq is not None:
            known[record.sender].add((record.session, record.seq))
    streams = {stream: _Stream(found) for stream, found in triggered.items()}
    for name, ends in _ends(records).items():
        for (sender, _), stream in streams.items():
            if sender == name:
                for ended_at in ends:
                    stream.excuse(ended_at, known[sender])
    return streams


def _ends(records: Sequence[Record]) -> dict[str, list[float]]:
    """Return when each sender and listener ended, in order."""
    ends: dict[str, list[float]] = defaultdict(list)
    for record in records:
        if isinstance(record, Ended):
            ends[record.name].append(record.at)
    return defaultdict(list, {name: sorted(found) for name, found in ends.items()})


Observed = list[Heard | GapTold]


def _observed(records: Sequence[Record], streams: Iterable[tuple[str, str]]) -> dict[tuple[str, str, str], Observed]:
    """Return what each listener heard and was told, by listener, sender and event; nothing, where it only listened."""
    observed: dict[tuple[str, str, str], Observed] = defaultdict(list)
    for record in records:
        if isinstance(record, Heard):
            observed[record.listener, record.sender, record.event].append(record)
        elif isinstance(record, GapTold):
            for sender, event in _told_of(record, streams):
                observed[record.listener, sender, event].append(record)
        elif isinstance(record, Listening):
            for sender, event in streams:
                if _covers(record, sender, event):
                    _ = observed[record.listener, sender, event]
    return observed


def _told_of(gap: GapTold, streams: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the streams that a gap is about: whatever the listener listens to, where it says ``*``."""
    if "*" not in (gap.sender, gap.event):
        return [(gap.sender, gap.event)]
    return [(sender, event) for sender, event in streams if gap.sender in ("*", sender) and gap.event in ("*", event)]


def _covers(listening: Listening, sender: str, event: str) -> bool:
    return listening.sender in (None, sender) and listening.event in (None, event)


class _Owed:
    """Which events of a stream one listener should have heard."""

    def __init__(self, stream: _Stream, begins: list[float], ends: list[float], observed: Observed) -> None:
        self._stream = stream
        heard = [record for record in observed if isinstance(record, Heard)]
        places = [(record.at, stream.place[key]) for record in heard if (key := _key(record)) in stream.place]
        if not begins and places:
            begins = [stream.at[min(place for _, place in places)]]
        self._windows = [self._window(begin, ends, places) for begin in begins]

    def _window(self, begin: float, ends: list[float], places: list[tuple[float, int]]) -> tuple[float, float, int]:
        """Return from when, until when and up to which place events are owed."""
        number = bisect_right(ends, begin)
        if number == len(ends):
            return begin, math.inf, len(self._stream.keys)
        end = ends[number]
        return begin, end, max((place for at, place in places if at <= end), default=-1)

    def __contains__(self, place: int) -> bool:
        at = self._stream.at[place]
        if place in self._stream.excused:
            return False
        return any(begin <= at <= end and place <= last for begin, end, last in self._windows)


def _key(record: Heard) -> Key | None:
    return None if record.session is None or record.seq is None else (record.session, record.seq)


class _Hole(NamedTuple):
    """The places between two events heard one after the other, and the gaps told there."""

    begin: int
    end: int
    told: list[int | None]


@dataclass
class _Judge:
    """Judges one listener and stream, and adds what it finds to the report."""

    report: Report
    listener: str
    sender: str
    event: str
    stream: _Stream
    owed: _Owed

    def judge(self, observed: Observed) -> None:
        """Go through what was heard and told, then through what is missing between."""
        seen: set[int] = set()
        holes: list[_Hole] = []
        last, told = -1, list[int | None]()
        for record in observed:
            if isinstance(record, GapTold):
                told.append(record.count)
                continue
            place = self._place(record)
            if place is None:
                continue
            if place in seen:
                self._find(self.report.duplicated, self._named(place))
            elif place < last:
                self._find(self.report.reordered, self._named(place))
            else:
                holes.append(_Hole(last + 1, place, told))
                last, told = place, []
            seen.add(place)
        for hole in [*holes, _Hole(last + 1, len(self.stream.keys), told)]:
            self._judge_hole(hole, seen)

    def _place(self, record: Heard) -> int | None:
        """Return where in the stream the event stands; what is corrupted or invented is found here."""
        key = _key(record)
        place = None if key is None else self.stream.place.get(key)
        name = "data that is no stamp" if key is None else _named(key)
        if not record.is_whole:
            self._find(self.report.corrupted, name)
        elif place is None:
            self._find(self.report.invented, name)
        return place

    def _judge_hole(self, hole: _Hole, seen: set[int]) -> None:
        missing = [place for place in range(hole.begin, hole.end) if place not in seen]
        owed = [place for place in missing if place in self.owed]
        for place in owed:
            self._find(self.report.lost, self._named(place))
            if not hole.told:
                self._find(self.report.untold, self._named(place))
        counts = [count for count in hole.told if count is not None]
        if hole.told and len(counts) == len(hole.told) and not len(owed) <= sum(counts) <= len(missing):
            where = self._named(hole.end) if hole.end < len(self.stream.keys) else "the end"
            self._find(self.report.miscounted, f"told {sum(counts)} and lost {len(owed)} before {where}")

    def _find(self, kind: list[Finding], what: str) -> None:
        kind.append(Finding(self.listener, self.sender, self.event, what))

    def _named(self, place: int) -> str:
        return _named(self.stream.keys[place])


def _named(key: Key) -> str:
    session, seq = key
    return f"number {seq}" + (f" in session {session}" if session else "")
