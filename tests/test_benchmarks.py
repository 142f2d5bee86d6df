# SPDX-License-Identifier: MIT
"""The benchmark suite counts right, compares within a round, and runs; how fast anything is does not matter here."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks.compare.__main__ import check
from benchmarks.compare.broker import started_module
from benchmarks.compare.check import worse_than
from benchmarks.compare.machine import TOO_MUCH, Usage
from benchmarks.compare.plan import Plan
from benchmarks.compare.ratios import rows_of
from benchmarks.compare.relay import attach
from benchmarks.compare.results import Results
from benchmarks.compare.run import Run, with_figures
from benchmarks.compare.series import attempt, turned
from benchmarks.compare.systems.raw import framed, scan
from benchmarks.compare.tables import number, table
from benchmarks.compare.workloads import WORKLOADS

ROOT = Path(__file__).parents[1]
ONE_TO_ONE, TO_EIGHT, MIXED = WORKLOADS["1-to-1"], WORKLOADS["1-to-8"], WORKLOADS["cbor-to-json"]
CPU = {"publish": 1.0, "broker": 1.0, "subscribe": 1.0}


def a_run(system: str, figure: float, *, workload: str = "1-to-1", round_: int = 1, others: float = 0.0) -> Run:
    latency = {"p50": figure, "p99": figure, "p99.9": figure} if workload == "ping-pong" else {}
    return Run(
        system=system, workload=workload, round=round_, count=100, expected=100, figure=figure, others=others,
        cpu_s=CPU, latency_us=latency,
    )  # fmt: skip


def some_results(*runs: Run) -> Results:
    machine: dict[str, str | int] = {"processor": "abacus", "cores": 2, "system": "Linux", "python": "CPython"}
    return Results(list(runs), machine, {"raw": "raw limit"}, {"nats": "needs nats"}, ["--quick"], "2026-01-01")


def test_a_ratio_is_made_within_its_round() -> None:
    runs = [
        a_run("raw", 1000.0), a_run("sigcore", 500.0),
        a_run("raw", 100.0, round_=2), a_run("sigcore", 70.0, round_=2),
        a_run("raw", 1000.0, round_=3), a_run("sigcore", 400.0, round_=3),
    ]  # fmt: skip
    _, ours = rows_of(ONE_TO_ONE, runs)
    assert ours.ratio is not None
    assert (ours.ratio.low, ours.ratio.middle, ours.ratio.high) == (0.4, 0.5, 0.7)


def test_a_disturbed_round_counts_only_where_there_is_no_other() -> None:
    quiet = [a_run("raw", 1000.0), a_run("sigcore", 500.0)]
    loud = [a_run("raw", 1000.0, round_=2), a_run("sigcore", 10.0, round_=2, others=2 * TOO_MUCH)]
    (_, both), (_, alone) = rows_of(ONE_TO_ONE, quiet + loud), rows_of(ONE_TO_ONE, loud)
    assert both.figure is not None
    assert (both.figure.low, both.disturbed) == (500.0, 1)
    assert alone.figure is not None
    assert (alone.figure.low, alone.disturbed) == (10.0, 1)


def test_a_ratio_to_a_disturbed_run_counts_only_where_there_is_no_other() -> None:
    quiet = [a_run("raw", 1000.0), a_run("sigcore", 500.0)]
    loud = [a_run("raw", 10.0, round_=2, others=2 * TOO_MUCH), a_run("sigcore", 500.0, round_=2)]
    row = next(row for row in rows_of(ONE_TO_ONE, quiet + loud) if row.system == "sigcore")
    assert row.ratio is not None
    assert (row.ratio.high, row.disturbed) == (0.5, 1)


def test_mixed_codecs_are_compared_with_the_same_system_at_one_codec() -> None:
    (row,) = rows_of(
        MIXED, [a_run("sigcore", 200.0, workload="cbor"), a_run("sigcore", 150.0, workload="cbor-to-json")]
    )
    assert row.ratio is not None
    assert row.ratio.middle == 0.75


def test_a_system_that_failed_stands_last_and_says_why() -> None:
    failed = Run(system="nats", workload="1-to-1", round=1, count=100, failure="no such luck")
    rows = rows_of(ONE_TO_ONE, [failed, a_run("raw", 1000.0)])
    assert [row.system for row in rows] == ["raw", "nats"]


@pytest.mark.parametrize("workload", ["1-to-1", "ping-pong"])
def test_the_best_stands_first(workload: str) -> None:
    runs = [a_run("raw", 100.0, workload=workload), a_run("sigcore", 50.0, workload=workload)]
    best = rows_of(WORKLOADS[workload], runs)[0].system
    assert best == ("sigcore" if workload == "ping-pong" else "raw")


@pytest.mark.parametrize(
    ("workload", "was", "now", "lines"),
    [
        ("1-to-1", 500.0, 450.0, 0),
        ("1-to-1", 500.0, 390.0, 1),
        ("1-to-1", 500.0, 900.0, 0),
        ("ping-pong", 1500.0, 1700.0, 0),
        ("ping-pong", 1500.0, 1900.0, 1),
        ("ping-pong", 1500.0, 1100.0, 0),
    ],
)
def test_the_check_tells_what_is_worse_by_more_than_the_factor(
    workload: str, was: float, now: float, lines: int
) -> None:
    before = [a_run("raw", 1000.0, workload=workload), a_run("sigcore", was, workload=workload)]
    after = [a_run("raw", 10.0, workload=workload), a_run("sigcore", now / 100, workload=workload)]
    assert len(worse_than(before, after, 1.25)) == lines


def test_the_check_leaves_out_what_only_one_of_both_has() -> None:
    before = [a_run("raw", 1000.0), a_run("sigcore", 500.0)]
    after = [a_run("raw", 1000.0, workload="ping-pong"), a_run("sigcore", 9000.0, workload="ping-pong")]
    assert worse_than(before, after, 1.25) == []


@pytest.mark.parametrize(("figure", "code"), [(500.0, 0), (250.0, 1)])
def test_the_check_decides_the_exit_code(tmp_path: Path, figure: float, code: int) -> None:
    some_results(a_run("raw", 1000.0), a_run("sigcore", 500.0)).save(tmp_path)
    now = some_results(a_run("raw", 1000.0), a_run("sigcore", figure))
    assert check(now, tmp_path / "results.json", factor=1.25) == code


def test_results_can_be_read_again(tmp_path: Path) -> None:
    results = some_results(a_run("raw", 1000.0))
    results.save(tmp_path)
    assert Results.load(tmp_path / "results.json") == results
    assert "left out: nats, needs nats" in (tmp_path / "results.md").read_text(encoding="utf-8")


def test_a_rate_goes_from_the_first_event_that_anybody_has_to_the_last() -> None:
    early, late = (
        {"count": 100, "by_last": 100, "first_s": first_s, "last_s": first_s + 1.0, "wrong": 0, "latency_s": {}}
        for first_s in (10.0, 11.0)
    )
    deaf = {**early, "count": 0, "by_last": 0, "first_s": 0.0, "last_s": 0.0}
    run = with_figures(Run(system="raw", workload="1-to-8", round=1, count=100), TO_EIGHT, [early, late, deaf])
    assert (run.figure, run.expected, run.lost) == (100.0, 300, 100)


def test_a_run_in_which_nothing_came_has_failed() -> None:
    deaf = {"count": 0, "by_last": 0, "first_s": 0.0, "last_s": 0.0, "wrong": 0, "latency_s": {}}
    run = with_figures(Run(system="raw", workload="1-to-8", round=1, count=100), TO_EIGHT, [deaf])
    assert (run.failure, run.lost) == ("nothing came", 100)


def test_a_run_that_ends_in_an_error_of_any_kind_is_a_result_that_says_so() -> None:
    assert attempt("nobody", ONE_TO_ONE, 100, 1).failure == "KeyError('nobody')"


def test_a_system_that_failed_once_says_so_beside_its_figures() -> None:
    failed = Run(system="raw", workload="1-to-1", round=2, count=100, failure="no such luck")
    assert table(ONE_TO_ONE, rows_of(ONE_TO_ONE, [a_run("raw", 1000.0), failed])).endswith("| 1 failed |\n")


def test_a_server_that_does_not_begin_shows_what_it_said(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError, match="ended with code"), started_module("json.tool", "no-such-file"):
        pass
    assert "no-such-file" in capsys.readouterr().err


def test_a_server_that_did_its_work_is_not_heard_of(
    suite: dict[str, str], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", suite["PYTHONPATH"])
    monkeypatch.setenv("PYTHONVERBOSE", "1")  # it says a lot about what it imports
    with started_module("benchmarks.compare.relay"):
        pass
    assert capfd.readouterr().err == ""


def test_a_table_shows_losses() -> None:
    lossy = Run(
        system="raw", workload="1-to-1", round=1, count=100, expected=200, figure=1.0, lost=50, wrong=1, cpu_s=CPU
    )
    assert "25.0%, 1 WRONG" in table(ONE_TO_ONE, rows_of(ONE_TO_ONE, [lossy]))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0123, "0.012"),
        (0.351, "0.35"),
        (1.4, "1.40"),
        (78.25, "78.2"),
        (235, "235"),
        (12_345, "12 k"),
        (2e6, "2.00 M"),
    ],
)
def test_numbers_have_as_many_digits_as_a_reader_needs(value: float, text: str) -> None:
    assert number(value) == text


def test_others_are_what_neither_we_nor_idling_took() -> None:
    before, after = Usage(0, 0, 0, 0), Usage(total=10.0, busy=6.0, stolen=1.0, ours=5.0)
    assert after.others_since(before) == pytest.approx(0.2)


def test_nobody_always_follows_the_same_one() -> None:
    assert [turned(["a", "b", "c"], round_)[0] for round_ in (1, 2, 3)] == ["b", "c", "a"]


def test_a_plan_reaches_another_process_as_it_is() -> None:
    plan = Plan(count=3, publishers=2, events_each=2, codecs=("cbor", "json"))
    assert Plan.from_json(plan.to_json()) == plan
    assert plan.topics == ["sender0/event0", "sender0/event1", "sender1/event0", "sender1/event1"]
    assert [topic for topic, _ in plan.events(1)] == ["sender1/event0", "sender1/event1", "sender1/event0"]
    assert all(plan.is_right(data) for _, data in plan.events(0))


def test_raw_frames_do_not_depend_on_where_the_stream_is_cut() -> None:
    wire = framed(0, b"hi") + framed(7, b"") + framed(1, b"!")
    for cut in range(len(wire) + 1):
        first, rest = scan(wire[:cut])
        second, rest = scan(rest + wire[cut:])
        assert (first + second, rest) == ([(0, b"hi"), (7, b""), (1, b"!")], b"")


def test_the_relay_copies_a_lane_to_all_who_read_it(suite: dict[str, str]) -> None:
    command = [sys.executable, "-m", "benchmarks.compare.relay"]
    with subprocess.Popen(command, env=suite, stdout=subprocess.PIPE, text=True) as relay:
        try:
            assert relay.stdout is not None
            address = relay.stdout.readline().strip()
            with attach(address, reads=3) as one, attach(address, reads=3) as two, attach(address, writes=3) as writer:
                writer.sendall(b"something")
                for reader in (one, two):
                    assert reader.recv(9, socket.MSG_WAITALL) == b"something"
        finally:
            relay.kill()


def test_the_suite_runs(suite: dict[str, str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.compare", "--quick", "--out", str(tmp_path / "out")]
    command += ["--systems", "raw,sigcore", "--only", "1-to-1,requests"]
    done = subprocess.run(command, env=suite, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    runs = json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))["runs"]
    assert [(run["failure"], run["lost"], run["wrong"]) for run in runs] == [("", 0, 0)] * len(runs)
    systems = {"raw", "sigcore"} if find_spec("sig_tcp") else {"raw"}
    assert {(run["system"], run["workload"]) for run in runs if run["figure"] > 0} == {
        (system, workload) for system in systems for workload in ("1-to-1", "requests")
    }


def test_a_name_that_is_unknown_is_answered_with_those_that_are_known(suite: dict[str, str]) -> None:
    command = [sys.executable, "-m", "benchmarks.compare", "--systems", "sigcor"]
    done = subprocess.run(command, env=suite, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "unknown: sigcor; known are raw, sigcore" in done.stderr


@pytest.fixture
def suite(tmp_path: Path) -> dict[str, str]:
    """Return the environment in which processes find the suite, and sigcore where it is installed."""
    shutil.copytree(ROOT / "benchmarks", tmp_path / "suite" / "benchmarks")
    return {**os.environ, "PYTHONPATH": str(tmp_path / "suite"), "PYTHONSAFEPATH": "1"}
