# SPDX-License-Identifier: MIT
"""What was triggered, and what each listener must have heard of it.

Each sender that is ever added is a *life*, even where a name is used again. Its events are numbered in the order in
which they were triggered, and carry life and number as their data.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sigcore import EventInfo, Gap, SenderInfo

Key = tuple[int, str]
"""A life and the name of one of its events."""

Name = tuple[str, str, bool]
"""A sender's name, an event's, and whether the sender is this process's own: another may have the name elsewhere."""


@dataclass
class Life:
    """A sender from its registration to its removal.

    Attributes:
        number: Which one.
        name: The sender's name.
        owner: The process that has it.
        triggered: How many events were triggered, by name.
        is_over: Whether it was removed, or its process died.
        lives_then: How many lives there had been by then.
        may_lose_its_end: Whether the server did not know it when it was removed, or its session was lost then: what
            was not sent by then is lost with the topics.
        lost_its_name: Whether another took it while there was no link: what was sent then goes nowhere.
    """

    number: int
    name: str
    owner: object
    triggered: dict[str, int] = field(default_factory=dict)
    is_over: bool = False
    lives_then: int = 0
    may_lose_its_end: bool = False
    lost_its_name: bool = False

    @property
    def is_lossy(self) -> bool:
        """Whether its last events may be lost without a gap."""
        return self.may_lose_its_end or (self.is_over and self.lost_its_name)

    def ended_before(self, other: Life) -> bool:
        """Whether it was over when another began."""
        return self.is_over and self.lives_then <= other.number

    def next(self, event: str, pad: int) -> dict[str, Any]:
        """Return the data of the next event; ``took`` follows if it was taken."""
        return {"life": self.number, "n": self.triggered.get(event, 0) + 1, "pad": "." * pad}

    def took(self, event: str) -> None:
        """The event was triggered, and not refused."""
        self.triggered[event] = self.triggered.get(event, 0) + 1


class Ear:
    """What one listener heard, checked as it comes.

    Args:
        lives: Every life that there ever was.
        owner: The process that it is in.
        sender: What it asked for; ``None`` for any.
        event: The same.
        repeats: Whether it asked for kept events, which it then gets again when it has lost its session.

    Attributes:
        wrong: What must not have happened.
        log: All that it heard, for whoever looks into a failure.
    """

    def __init__(
        self, lives: list[Life], owner: object, sender: str | None, event: str | None, *, repeats: bool = False
    ) -> None:
        self.owner = owner
        self.sender, self.event = sender, event
        self._repeats = repeats
        self.wrong: list[str] = []
        self.log: list[str] = []
        self._lives = lives
        self._last: dict[Key, int] = {}  # the number heard last
        self._from: dict[Key, int] = {}  # how many had been triggered when it began to listen
        self._latest_life: dict[Name, Life] = {}  # heard last
        self._told: dict[Name, list[int | None]] = {}  # gaps since the last event of that name
        self._told_at_end: dict[Key, list[int | None]] = {}  # those between a life and the next of its name
        self._heard_since: set[Key] | None = None  # since its session was lost
        self._has_begun = False
        self._note_past(own=True)

    def note_begun(self, has_begun: bool) -> None:
        """Take down whether it hears other processes: all that is triggered from then on, and maybe some of before."""
        if has_begun and not self._has_begun:
            self._note_past(own=False)
        self._has_begun = has_begun

    def _note_past(self, *, own: bool) -> None:
        for life in self._lives:
            if (life.owner is self.owner) == own:
                self._from.update({(life.number, event): number for event, number in life.triggered.items()})

    def hear(self, info: EventInfo, data: Any) -> None:
        """Take an event."""
        life, n = self._lives[data["life"]], data["n"]
        key, name = (life.number, info.event), (info.sender, info.event, info.peer is None)
        self.log.append(f"{info.sender}.{info.event} {life.number}:{n}")
        if (life.name, life.owner is self.owner) != (info.sender, info.peer is None) or not self._asked_for(info):
            self._fail(f"{info} does not belong to life {life}")
        before = self._latest_life.get(name, life)
        if life.ended_before(before):
            self._fail(f"{key} {n} after {before}")
        told = self._told.pop(name, [])
        if before is not life:
            self._told_at_end[before.number, info.event] = told
        self._check_hole(life, info.event, n, told)
        self._last[key] = n
        self._latest_life[name] = life
        if self._heard_since is not None:
            self._heard_since.add(key)

    def lose(self, info: EventInfo, gap: Gap) -> None:
        """Take a gap."""
        self.log.append(f"gap {info.sender}.{info.event} {gap.count} {gap.cause}")
        if gap.count is not None and gap.count < 1:
            self._fail(f"a gap of {gap.count} events")
        if gap.cause == "session_lost" and info.peer is None:
            self._heard_since, self._has_begun = set(), False
        else:
            self._told.setdefault((info.sender, info.event, info.peer is None), []).append(gap.count)

    def check_end(self) -> None:
        """See that nothing is missing at the end, when everything has arrived."""
        for life in self._lives:
            if not self._concerns(life) or life.is_lossy:
                continue
            for event, number in life.triggered.items():
                if self.event not in (None, event):
                    continue
                name = (life.name, event, life.owner is self.owner)
                told = self._told.get(name, [])
                if self._latest_life.get(name, life) is life:
                    self._check_hole(life, event, number + 1, told)
                elif (life.number, event) in self._told_at_end:
                    told = [*self._told_at_end[life.number, event], *told]
                    self._check_hole(life, event, number + 1, told, and_no_more=False)

    def _check_hole(self, life: Life, event: str, n: int, told: list[int | None], *, and_no_more: bool = True) -> None:
        """See that every event between the last one heard and number ``n`` is told of in gaps.

        Gaps of a life that ended may be told with its successor's beginning.
        """
        key = (life.number, event)
        last = self._last.get(key, 0)
        is_own = life.owner is self.owner
        is_anew = not is_own and self._heard_since is not None and key not in self._heard_since
        if n <= last and not (is_anew and self._repeats):
            self._fail(f"life {life.number} {event}: {n} after {last}")
        if None in told or not (is_own or self._has_begun) or self._is_here_and_there(life.name):
            return
        least = max(0, n - 1 - max(self._from.get(key, 0), 0 if is_anew else last))
        most = n - 1 if is_anew else n - 1 - last
        for other in self._lives:
            if other.name == life.name and other is not life:
                most += other.triggered.get(event, 0) - self._last.get((other.number, event), 0)
        count = sum(each or 0 for each in told)
        if count < least or (and_no_more and count > max(most, 0)):
            self._fail(f"life {life.number} {event}: {last} then {n}, gaps tell of {told}; {least} to {most} are due")

    def _is_here_and_there(self, name: str) -> bool:
        """Whether this process and others had senders of that name: gaps do not tell them apart."""
        return len({life.owner is self.owner for life in self._lives if life.name == name}) > 1

    def _concerns(self, life: Life) -> bool:
        return self.sender in (None, life.name)

    def _asked_for(self, info: EventInfo) -> bool:
        return self.sender in (None, info.sender) and self.event in (None, info.event)

    def _fail(self, text: str) -> None:
        self.wrong.append(f"{text} [{', '.join(self.log[-12:])}]")


class Watcher:
    """What one process heard of senders that come and go.

    Attributes:
        present: The names of those that it believes connected.
        wrong: What must not have happened.
    """

    def __init__(self, sender: str | None) -> None:
        self.sender = sender
        self.present: set[str] = set()
        self.wrong: list[str] = []

    def connected(self, info: EventInfo, data: SenderInfo) -> None:
        """Take a ``#connect``."""
        if data.name in self.present or not data.connected:
            self.wrong.append(f"#connect of {data}, which was connected")
        self.present.add(data.name)

    def disconnected(self, info: EventInfo, data: SenderInfo) -> None:
        """Take a ``#disconnect``."""
        if data.name not in self.present or data.connected:
            self.wrong.append(f"#disconnect of {data}, which was not connected")
        self.present.discard(data.name)
