# SPDX-License-Identifier: MIT
"""Nanoseconds per trigger in one process, beside the limit (a method that loops over a tuple) and other libraries.

    python -m benchmarks.in_process

All are measured in turn in each round of one run. ``ns`` is the least of all rounds; ``x limit`` compares those least
figures, and in parentheses stands the middle half of the ratios within a round. The listeners do nothing. Each library
is used in its fastest documented way; in all but sigcore a listener that raises keeps the later ones from the event.
"""

from __future__ import annotations

import gc
import timeit
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from statistics import quantiles
from typing import Any, Protocol

import sigcore

from .compare.machine import kept_awake
from .report import Report, Table, options_of

Listener = Callable[..., None]

LISTENERS = (0, 1, 10, 100)
KINDS = (("sender", "event"), ("sender", None), (None, "event"), (None, None))
KNOWN_AT = 1_000
"""How many listeners there are when the cost of another is measured."""

BAR = 1.15


class Subject(Protocol):
    """One way to tell listeners of an event.

    Attributes:
        statement: What a user writes to do so, where ``it`` is what he keeps.
        it: That.
    """

    statement: str
    it: Any

    def add(self, listener: Listener) -> Any:
        """Register a listener of ``(info, data)``; what is returned goes to ``remove``."""

    def remove(self, added: Any) -> None:
        """Take it out."""


class Limit:
    """What no dispatcher in Python can beat: no guard, no look-up, no removal under way."""

    statement = "it.trigger(1)"

    def __init__(self) -> None:
        self.calls: tuple[Listener, ...] = ()
        self.info = sigcore.EventInfo("sender", "event")
        self.it = self

    def trigger(self, data: object) -> None:
        info = self.info
        for call in self.calls:
            call(info, data)

    def add(self, listener: Listener) -> Listener:
        self.calls = (*self.calls, listener)
        return listener

    def remove(self, added: Listener) -> None:
        self.calls = tuple(call for call in self.calls if call is not added)


class KeptSignal:
    """sigcore, with the signal kept."""

    statement = "it.trigger(1)"

    def __init__(self) -> None:
        self.router = sigcore.Router()
        self.sender = self.router.add_sender("sender", "event")
        self.it: Any = self.sender.signal("event")

    def add(self, listener: Listener, sender: str | None = "sender", event: str | None = "event") -> sigcore.Listener:
        return self.router.add_listener(listener, sender, event)

    def remove(self, added: sigcore.Listener) -> None:
        added.remove()


class BySender(KeptSignal):
    """sigcore, by the event's name."""

    statement = "it.trigger('event', 1)"

    def __init__(self) -> None:
        super().__init__()
        self.it = self.sender


class Blinker:
    """blinker: what is sent is the sender; data goes by keyword."""

    statement = "it.send('sender', data=1)"

    def __init__(self) -> None:
        from blinker import Signal

        self.it = Signal()

    def add(self, listener: Listener) -> Listener:
        self.it.connect(listener, weak=False)
        return listener

    def remove(self, added: Listener) -> None:
        self.it.disconnect(added)


class Psygnal:
    """psygnal, compiled where its wheel is, without the checks of ``emit``."""

    statement = "it.emit_fast('sender', 1)"

    def __init__(self) -> None:
        from psygnal import SignalInstance

        self.it = SignalInstance((object, object))

    def add(self, listener: Listener) -> Listener:
        self.it.connect(listener, check_nargs=False, check_types=False, unique=False)
        return listener

    def remove(self, added: Listener) -> None:
        self.it.disconnect(added)


class Pyee:
    """pyee."""

    statement = "it.emit('event', 'sender', 1)"

    def __init__(self) -> None:
        from pyee.base import EventEmitter

        self.it = EventEmitter()

    def add(self, listener: Listener) -> Listener:
        self.it.on("event", listener)
        return listener

    def remove(self, added: Listener) -> None:
        self.it.remove_listener("event", added)


SUBJECTS: Mapping[str, tuple[str, Callable[[], Subject]]] = {
    "limit": ("", Limit),
    "sigcore, kept signal": ("", KeptSignal),
    "sigcore, by name": ("", BySender),
    "blinker": ("blinker", Blinker),
    "psygnal": ("psygnal", Psygnal),
    "pyee": ("pyee", Pyee),
}
"""Each with the distribution that it needs."""

Case = dict[str, Subject]
"""What is measured side by side, by its name."""


def main() -> None:
    """Measure what the command line asks for."""
    parser = options_of(__doc__)
    parser.add_argument("--rounds", type=int, default=40, help="how often each is measured (40)")
    parser.add_argument(
        "--calls", type=int, default=10_000, help="triggers in a round, fewer of many listeners (10000)"
    )
    options = parser.parse_args()
    versions, left_out = installed()
    with kept_awake(options.rounds > 1):
        figures = [
            *(row for title, case in cases(versions).items() for row in measured(title, case, options)),
            *registration(versions, options.rounds),
        ]
    tables = [trigger_table(figures, versions), registration_table(figures, versions)]
    Report("in_process", tables, figures, left_out).give(options.json)


def installed() -> tuple[dict[str, str], list[str]]:
    """Return the names of what can be measured here, with versions, and what cannot, with the reason."""
    versions, left_out = {}, []
    for name, (distribution, _make) in SUBJECTS.items():
        try:
            versions[name] = metadata.version(distribution) if distribution else ""
        except metadata.PackageNotFoundError:
            left_out.append(f"{name}, not installed")
    return versions, left_out


def cases(names: Sequence[str] | Mapping[str, str]) -> dict[str, Case]:
    """Return what is measured side by side, by title."""
    found = {}
    for number in LISTENERS:
        case = {name: SUBJECTS[name][1]() for name in names}
        for listener in copies(number):
            for subject in case.values():
                subject.add(listener)
        found[f"{number} listener{'s' if number != 1 else ''}"] = case
    return {**found, "four kinds": four_kinds()}


def four_kinds() -> Case:
    """Return a case in which listeners ask for one sender or all, and for one event or all; others know no such."""
    limit, kept, by_name = Limit(), KeptSignal(), BySender()
    for listener, kind in zip(copies(len(KINDS)), KINDS, strict=True):
        limit.add(listener)
        kept.add(listener, *kind)
        by_name.add(listener, *kind)
    return {"limit": limit, "sigcore, kept signal": kept, "sigcore, by name": by_name}


def copies(number: int) -> list[Listener]:
    """Return distinct functions that do the same, as real listeners are distinct."""
    return [lambda info, data: None for _ in range(number)]


def measured(title: str, case: Case, options: Any) -> list[dict[str, Any]]:
    """Return the figures of one case: in each round every subject is measured once."""
    calls = max(1, options.calls // (10 if title.startswith("100 ") else 1))
    timers = {name: timeit.Timer(subject.statement, globals={"it": subject.it}) for name, subject in case.items()}
    rounds = [
        {name: timer.timeit(calls) / calls * 1e9 for name, timer in timers.items()} for _ in range(options.rounds)
    ]
    return [
        {
            "case": title,
            "system": name,
            "ns": min(each[name] for each in rounds),
            "ratio": min(each[name] for each in rounds) / min(each["limit"] for each in rounds),
            "ratio_middle_half": middle_half([each[name] / each["limit"] for each in rounds]),
        }
        for name in case
    ]


def registration(names: Mapping[str, str], rounds: int) -> list[dict[str, Any]]:
    """Return what it costs to add and to remove a listener where there are many."""
    subjects = {name: SUBJECTS[name][1]() for name in names if name != "sigcore, by name"}
    for listener in copies(KNOWN_AT):
        for subject in subjects.values():
            subject.add(listener)
    costs: dict[str, list[tuple[float, float]]] = {name: [] for name in subjects}
    for _ in range(rounds):
        for name, subject in subjects.items():
            costs[name].append(add_and_remove(subject, copies(50)))
    return [
        {
            "case": "registration",
            "system": name,
            "add_ns": min(add for add, _remove in found),
            "remove_ns": min(remove for _add, remove in found),
        }
        for name, found in costs.items()
    ]


def add_and_remove(subject: Subject, listeners: Sequence[Listener]) -> tuple[float, float]:
    """Return ns for each listener that is added, and removed."""
    gc.disable()
    try:
        began = timeit.default_timer()
        added = [subject.add(listener) for listener in listeners]
        middle = timeit.default_timer()
        for one in added:
            subject.remove(one)
        ended = timeit.default_timer()
    finally:
        gc.enable()
    return (middle - began) / len(listeners) * 1e9, (ended - middle) / len(listeners) * 1e9


def middle_half(ratios: Sequence[float]) -> tuple[float, float]:
    """Return between which values half of them lie."""
    if len(ratios) < 2:
        return ratios[0], ratios[0]
    low, _middle, high = quantiles(ratios, n=4)
    return low, high


def trigger_table(figures: Sequence[Mapping[str, Any]], versions: Mapping[str, str]) -> Table:
    """Return the times of a trigger for people."""
    by_place = {(row["system"], row["case"]): row for row in figures if "ns" in row}
    titles = list(dict.fromkeys(case for _system, case in by_place))
    table = Table(f"ns per trigger, and x limit (bar: {BAR} at 1 and more, and ahead of all others)", ["", *titles])
    for name, version in versions.items():
        cells = [trigger_cell(by_place.get((name, title))) for title in titles]
        table.rows.append([f"{name} {version}".rstrip(), *cells])
    return table


def trigger_cell(row: Mapping[str, Any] | None) -> str:
    """Return one time with its ratio and spread."""
    if row is None:
        return ""
    low, high = row["ratio_middle_half"]
    return f"{row['ns']:.0f}, {row['ratio']:.2f} x ({low:.2f}-{high:.2f})"


def registration_table(figures: Sequence[Mapping[str, Any]], versions: Mapping[str, str]) -> Table:
    """Return the costs of registration for people."""
    table = Table(f"ns to add and to remove a listener, where there are {KNOWN_AT}", ["", "add", "remove"])
    for row in figures:
        if row["case"] == "registration":
            name = f"{row['system']} {versions[row['system']]}".rstrip()
            table.rows.append([name, f"{row['add_ns']:.0f}", f"{row['remove_ns']:.0f}"])
    return table


if __name__ == "__main__":
    main()
