# SPDX-License-Identifier: MIT
"""Takes out of what waits for a session what it may not have any more."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

from .bodies import read_body
from .frames import HEADER_BYTES, KIND_AT, Kind
from .waiting import heads

Run = tuple[int, bytes]
"""The place of frames that wait, and the frames."""

OF_TOPICS = frozenset({int(Kind.EVENT), int(Kind.EVENT_META), int(Kind.GAP), int(Kind.KEPT)})
PRESENCE = int(Kind.PRESENCE)
START = int(Kind.START)


@dataclass(slots=True)
class Withdrawal:
    """What is to be taken out, and what was.

    Attributes:
        topics: The numbers of the topics of which nothing may go out any more.
        senders: The names of the senders whose presence may not.
        lost: What was taken out of topics.
        untold: Those of ``senders`` of which the other side does not believe that they are there, by what is left.
    """

    topics: Collection[int]
    senders: Collection[str]
    lost: list[Run] = field(default_factory=list)
    untold: set[str] = field(default_factory=set)
    _known: set[str] = field(default_factory=set)

    def events(self, runs: Iterable[Run]) -> list[Run]:
        """Return runs without what is withdrawn of topics."""
        if not self.topics:
            return list(runs)
        kept: list[Run] = []
        for place, run in runs:
            rest, gone = _divided(run, lambda kind, id_, _body: kind in OF_TOPICS and id_ in self.topics)
            if gone:
                self.lost.append((place, gone))
            if rest:
                kept.append((place, rest))
        return kept

    def presence(self, runs: list[Run]) -> list[Run]:
        """Return runs without what is withdrawn of presence."""
        if not self.senders:
            return runs
        kept: list[Run] = []
        for number, (place, run) in enumerate(runs):
            opens = number + 1 < len(runs) and runs[number + 1][1][KIND_AT] == START
            rest, _gone = _divided(run, lambda kind, _id, body: kind == PRESENCE and self._hides(body, opens))  # noqa: B023  # called at once
            if rest:
                kept.append((place, rest))
        return kept

    def _hides(self, body: bytes, opens: bool) -> bool:
        """Take down a PRESENCE that waits; return whether it is withdrawn.

        That a sender has gone stays where the other side may know that it came. What a new listener gets first, in
        front of its START, may repeat what another listener was told.
        """
        fields = read_body("PRESENCE", body)
        name = fields.text("sender")
        if name not in self.senders:
            return False
        is_hidden = fields.flag("connected") or name in self.untold
        if not fields.flag("connected") or not (opens or name in self._known):
            self.untold.add(name)
        self._known.add(name)
        return is_hidden


def _divided(run: bytes, is_gone: Callable[[int, int, bytes], bool]) -> tuple[bytes, bytes]:
    """Return the frames of a run that stay, and those that go."""
    stay: list[bytes] = []
    gone: list[bytes] = []
    for kind, id_, start, end in heads(run):
        (gone if is_gone(kind, id_, run[start + HEADER_BYTES : end]) else stay).append(run[start:end])
    return (b"".join(stay), b"".join(gone)) if gone else (run, b"")
