# SPDX-License-Identifier: MIT
"""The history checker finds every kind of wrong history, and nothing in a right one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sigcore
from sigcore import EventInfo, Gap
from sigcore.testing import History, Report

INFO = EventInfo("thermo", "reading")
NAMES = ("lost", "untold", "miscounted", "duplicated", "reordered", "corrupted", "invented")


class Run:
    """A history with one sender, whose numbers stand for events; a test says what the listener ``screen`` hears."""

    def __init__(self, *, listening: bool = True) -> None:
        self.history = History()
        self.made: dict[tuple[str, int], dict[str, Any]] = {}
        if listening:
            self.history.listening("screen", "thermo", "reading")

    def trigger(self, *numbers: int, session: str = "") -> Run:
        for number in numbers:
            data = self.made[session, number] = self.history.stamp("thermo", number, "21.5 °C", session=session)
            self.history.triggered("reading", data)
        return self

    def hear(self, *numbers: int, session: str = "") -> Run:
        for number in numbers:
            self.history.heard("screen", INFO, self.made[session, number])
        return self

    def gap(self, count: int | None) -> Run:
        self.history.gap("screen", INFO, Gap(count, "overflow"))
        return self

    def found(self) -> dict[str, int]:
        """Return how many findings there are of each kind that has any; a report is good when it says so."""
        report = self.history.check()
        found = {name: len(getattr(report, name)) for name in NAMES if getattr(report, name)}
        assert is_good(report) == (not found or list(found) == ["lost"])
        return found


def is_good(report: Report) -> bool:
    try:
        report.assert_good()
    except AssertionError:
        return False
    return True


def run() -> Run:
    return Run().trigger(*range(1, 11))


HISTORIES: dict[str, tuple[Callable[[], Run], dict[str, int]]] = {
    "all is well": (lambda: run().hear(*range(1, 11)), {}),
    "nothing was heard": (lambda: run(), {"lost": 10, "untold": 10}),
    "the first is lost": (lambda: run().hear(*range(2, 11)), {"lost": 1, "untold": 1}),
    "one in the middle is lost": (lambda: run().hear(1, 2, 3, 5, 6, 7, 8, 9, 10), {"lost": 1, "untold": 1}),
    "the last is lost": (lambda: run().hear(*range(1, 10)), {"lost": 1, "untold": 1}),
    "a loss is told": (lambda: run().hear(1, 2, 3).gap(3).hear(7, 8, 9, 10), {"lost": 3}),
    "a loss is told in two parts": (lambda: run().hear(1, 2, 3).gap(1).gap(2).hear(7, 8, 9, 10), {"lost": 3}),
    "a loss before the first is told": (lambda: run().gap(2).hear(*range(3, 11)), {"lost": 2}),
    "a loss after the last is told": (lambda: run().hear(*range(1, 8)).gap(3), {"lost": 3}),
    "a loss is told without a number": (lambda: run().hear(1).gap(None).hear(9, 10), {"lost": 7}),
    "a gap without a number has no loss": (lambda: run().hear(1).gap(None).hear(*range(2, 11)), {}),
    "a gap with and one without a number": (lambda: run().hear(1).gap(1).gap(None).hear(9, 10), {"lost": 7}),
    "too few are told": (lambda: run().hear(1, 2).gap(1).hear(5, 6, 7, 8, 9, 10), {"lost": 2, "miscounted": 1}),
    "too many are told": (lambda: run().hear(1, 2).gap(3).hear(5, 6, 7, 8, 9, 10), {"lost": 2, "miscounted": 1}),
    "a gap is told where nothing is lost": (lambda: run().hear(1, 2).gap(1).hear(*range(3, 11)), {"miscounted": 1}),
    "a loss is told too late": (
        lambda: run().hear(1, 2, 5).gap(2).hear(6, 7, 8, 9, 10),
        {"lost": 2, "untold": 2, "miscounted": 1},
    ),
    "one comes twice": (lambda: run().hear(1, 2, 2, *range(3, 11)), {"duplicated": 1}),
    "an old one comes again": (lambda: run().hear(*range(1, 11), 4), {"duplicated": 1}),
    "two change places": (lambda: run().hear(1, 3, 2, *range(4, 11)), {"reordered": 1}),
    "the first comes last": (lambda: run().hear(*range(2, 11), 1), {"reordered": 1}),
}


@pytest.mark.parametrize("name", HISTORIES)
def test_a_history_is_judged_for_what_it_is(name: str) -> None:
    history, expected = HISTORIES[name]
    assert history().found() == expected


@pytest.mark.parametrize(
    "change",
    [
        {"payload": "21.6 °C"},
        {"crc": 0},
        {"crc": None},
        {"session": "another"},
        {"at": 0.0},
        {"sender": "valve"},
        {"more": "than was stamped"},
    ],
    ids=str,
)
def test_data_that_is_not_what_was_stamped_is_corrupted(change: dict[str, Any]) -> None:
    this = run().hear(1, 2)
    this.history.heard("screen", INFO, {**this.made["", 3], **change})
    found = this.hear(*range(4, 11)).found()
    assert found.pop("corrupted") == 1
    assert not found or "session" in change  # else its place is still known, and it is not lost as well


@pytest.mark.parametrize("data", [None, 7, "text", [], {}, {"crc": 1}, {"seq": "3", "session": "", "crc": 1}], ids=str)
def test_data_that_is_no_stamp_is_corrupted_and_in_nobodys_place(data: object) -> None:
    this = run().hear(1, 2)
    this.history.heard("screen", INFO, data)
    assert this.hear(*range(4, 11)).found() == {"lost": 1, "untold": 1, "corrupted": 1}


def test_an_event_from_another_sender_than_its_stamp_says_is_corrupted() -> None:
    history = History()
    history.triggered("reading", data := history.stamp("thermo", 1))
    history.heard("screen", EventInfo("valve", "reading"), data)
    assert len(history.check().corrupted) == 1


def test_an_event_that_nobody_noted_as_triggered_is_invented() -> None:
    this = run().hear(*range(1, 11))
    this.history.heard("screen", INFO, this.history.stamp("thermo", 11))
    assert this.found() == {"invented": 1}


def test_what_was_triggered_before_somebody_listened_is_not_owed_and_may_come_and_be_counted_all_the_same() -> None:
    this = Run(listening=False).trigger(1, 2, 3, 4)
    this.history.listening("screen", "thermo")
    this.trigger(5, 6, 7)
    assert this.hear(5, 6, 7).found() == {}
    late = Run(listening=False).trigger(1, 2, 3, 4)
    late.history.listening("screen")
    late.trigger(5, 6, 7).hear(2).gap(3).hear(6, 7)
    assert late.found() == {"lost": 1}


def test_without_a_word_that_it_listens_a_listener_owes_all_from_the_first_it_heard() -> None:
    assert Run(listening=False).trigger(1, 2, 3, 4).hear(2).found() == {"lost": 2, "untold": 2}
    assert Run(listening=False).trigger(1, 2, 3, 4).found() == {}


def test_a_listener_owes_only_the_senders_and_events_it_listens_to() -> None:
    this = Run(listening=False)
    this.history.listening("screen", None, "alarm")
    this.history.listening("other screen", "valve", None)
    assert this.trigger(1, 2, 3).found() == {}
    this.history.listening("third screen", None, "reading")
    assert this.trigger(4).found() == {"lost": 1, "untold": 1}


def test_each_listener_is_judged_for_itself() -> None:
    this = run().hear(*range(1, 11))
    this.history.listening("dashboard")
    this.trigger(11).hear(11)
    report = this.history.check()
    assert [str(finding) for finding in report.untold] == ["dashboard: number 11 of thermo reading"]


def test_the_sessions_of_a_sender_may_count_from_the_same_number() -> None:
    this = Run().trigger(1, 2, session="b").trigger(1, 2, session="a")
    this.hear(1, 2, session="b").hear(1, 2, session="a")
    assert this.found() == {}
    back = Run().trigger(1, 2, session="b").trigger(1, 2, session="a")
    assert back.hear(1, 2, session="a").hear(1, 2, session="b").found() == {"reordered": 2}


def test_a_listener_that_ended_owes_nothing_after_the_last_it_heard_but_all_before() -> None:
    this = Run().trigger(1, 2, 3, 4, 5).hear(1, 3)
    this.history.ended("screen")
    assert this.trigger(6).found() == {"lost": 1, "untold": 1}  # the second


def test_a_listener_that_listens_again_owes_again() -> None:
    this = Run().trigger(1, 2, 3).hear(1)
    this.history.ended("screen")
    this.trigger(4)
    this.history.listening("screen", "thermo")
    assert this.trigger(5, 6).hear(6).found() == {"lost": 1, "untold": 1}  # the fifth


def test_a_sender_that_ended_may_take_with_it_what_nobody_has_heard_of_but_no_more() -> None:
    this = Run().trigger(1, 2, 3, 4, 5).hear(1, 2)
    this.history.heard("dashboard", INFO, this.made["", 3])
    this.history.ended("thermo")
    assert this.found() == {"lost": 1, "untold": 1}  # the third, which the dashboard heard
    this.trigger(1, session="next")
    assert this.found() == {"lost": 3, "untold": 3}  # what comes after the end, at both


def test_what_a_server_accepted_is_owed_even_when_its_sender_ended() -> None:
    this = Run().trigger(1, 2, 3)
    this.history.accepted(this.made["", 2])
    this.history.ended("thermo")
    assert this.found() == {"lost": 2, "untold": 2}


@pytest.mark.parametrize("info", [EventInfo("*", "*"), EventInfo("thermo", "*"), EventInfo("*", "reading")])
def test_a_gap_that_says_not_of_what_is_of_everything_that_it_may_be_of(info: EventInfo) -> None:
    this = run().hear(1, 2)
    this.history.gap("screen", info, Gap(None, "session_lost"))
    report = this.hear(9, 10).history.check()
    assert len(report.lost) == 6
    assert report.untold == []


def test_a_gap_of_another_sender_covers_no_loss() -> None:
    this = run().hear(1, 2)
    this.history.gap("screen", EventInfo("valve", "*"), Gap(None, "session_lost"))
    assert len(this.hear(9, 10).history.check().untold) == 6


def test_told_losses_are_good_unless_nothing_may_be_lost() -> None:
    report = run().hear(1, 2, 3).gap(3).hear(7, 8, 9, 10).history.check()
    report.assert_good()
    with pytest.raises(AssertionError, match=r"lost: 3\n  screen: number 4 of thermo reading"):
        report.assert_good(nothing_lost=True)


def test_the_text_of_a_report_shows_the_first_findings_of_each_kind_and_how_many_there_are() -> None:
    with pytest.raises(AssertionError) as caught:
        Run().trigger(*range(1, 21)).hear(1, 1, 20).history.check().assert_good()
    assert str(caught.value).splitlines()[2:] == [
        "lost: 18",
        *[f"  screen: number {number} of thermo reading" for number in range(2, 7)],
        "  and 13 more",
        "untold: 18",
        *[f"  screen: number {number} of thermo reading" for number in range(2, 7)],
        "  and 13 more",
        "duplicated: 1",
        "  screen: number 1 of thermo reading",
    ]
    assert "triggered 20, heard 3, gaps told 0" in str(caught.value)


def test_latencies_are_those_of_whole_events_by_nearest_rank(monkeypatch: pytest.MonkeyPatch) -> None:
    history, now = History(), [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    assert history.check().latency is None
    for number in range(1, 101):
        now[0] = 0.0
        history.triggered("reading", data := history.stamp("thermo", number))
        now[0] = number / 1000
        history.heard("screen", INFO, data)
    history.heard("screen", INFO, {**data, "at": -1e9})
    assert history.check().latency == pytest.approx((0.05, 0.09, 0.099, 0.1))


@given(
    order=st.lists(st.integers(1, 8), max_size=12),
    told=st.sets(st.integers(0, 12)),
)
def test_only_a_history_that_hears_each_once_in_order_is_found_to_have_lost_nothing(
    order: list[int], told: set[int]
) -> None:
    this = Run().trigger(*range(1, 9))
    for place, number in enumerate(order):
        if place in told:
            this.gap(None)
        this.hear(number)
    report = this.history.check()
    assert len(report.lost) == len(set(range(1, 9)) - set(order))
    assert len(report.duplicated) == len(order) - len(set(order))
    assert is_good(report) or bool(report.untold or report.duplicated or report.reordered)
    is_ascending = order == sorted(set(order))
    assert bool(report.duplicated or report.reordered) == (not is_ascending)


@pytest.mark.parametrize("payload", [None, "text", 1, 0.1, 10**30, True, ["a", {"b": [1.5e300]}], {"ä": "\U0001f600"}])
@pytest.mark.parametrize("codec", ["json", "cbor"])
def test_a_stamp_survives_every_codec(payload: object, codec: str) -> None:
    if codec == "cbor":
        pytest.importorskip("sig_cbor")
    history, coder = History(), sigcore.load_codec(codec)
    history.triggered("reading", data := history.stamp("thermo", 1, payload, session="s"))
    history.heard("screen", INFO, coder.decode(coder.encode(data)))
    history.check().assert_good(nothing_lost=True)


@pytest.mark.parametrize(
    ("payload", "error"), [(b"bytes", TypeError), (object(), TypeError), (float("nan"), ValueError)]
)
def test_a_payload_that_json_would_change_is_refused(payload: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        History.stamp("thermo", 1, payload)


PUBLISHER = """
import os, signal, sys
from sigcore.testing import History
history = History(sys.argv[1])
for seq in range(1, 4):
    history.triggered("reading", history.stamp("thermo", seq))
os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
"""


def test_the_files_of_several_processes_even_of_a_killed_one_make_one_history(tmp_path: Path) -> None:
    published, heard = tmp_path / "published.jsonl", tmp_path / "heard.jsonl"
    with History(heard) as history:
        history.listening("screen", "thermo")
        done = subprocess.run([sys.executable, "-c", PUBLISHER, str(published)], timeout=60, check=False)
        assert done.returncode != 0
        history.heard("screen", INFO, history.stamp("thermo", 1))
        history.gap("screen", INFO, Gap(1, "overflow"))
        history.heard("screen", INFO, history.stamp("thermo", 3))
    with published.open("ab") as file:
        file.write(b'{"record": "Trigg')  # as if it had been killed half-way through a line
    report = History.read([published, heard]).check()
    assert (report.triggered, report.heard, report.told, len(report.lost)) == (3, 2, 1, 1)
    report.assert_good()
    assert len(History.read(heard).check().invented) == 2


def test_a_history_in_a_file_can_be_checked_by_itself_while_it_is_written(tmp_path: Path) -> None:
    with History(tmp_path / "all.jsonl") as history:
        history.listening("screen")
        history.triggered("reading", data := history.stamp("thermo", 1))
        assert len(history.check().lost) == 1
        history.heard("screen", INFO, data)
        history.accepted(data)
        history.ended("screen")
        history.check().assert_good(nothing_lost=True)


def test_a_file_is_nobody_elses(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    History(path).close()
    with pytest.raises(FileExistsError):
        History(path)


@pytest.mark.parametrize("line", ["nonsense", "[]", "{}", '{"record": "Heard"}', '{"record": "Nothing"}'])
def test_a_line_that_is_no_record_is_named_with_its_file(line: str, tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    path.write_text(f"{line}\n")
    with pytest.raises(ValueError, match=r"history\.jsonl, line 1: .*is no record"):
        History.read(path)


def test_a_router_and_a_history_fit_together() -> None:
    router, history = sigcore.Router(), History()
    router.add_listener(partial(history.heard, "screen"), "thermo", "reading", on_gap=partial(history.gap, "screen"))
    history.listening("screen", "thermo", "reading")
    thermo = router.add_sender("thermo", "reading")
    for seq in range(100):
        history.triggered("reading", data := history.stamp("thermo", seq))
        if seq == 50:
            thermo.signal("reading").report_gap(Gap(1, "overflow"))
        else:
            thermo.trigger("reading", data)
    report = history.check()
    report.assert_good()
    assert (len(report.lost), report.heard) == (1, 99)
