# SPDX-License-Identifier: MIT
"""The page on performance says what the results say, and no figure in it is typed by hand."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from benchmarks.compare.results import Results
from benchmarks.compare.run import Run
from benchmarks.page import secured
from benchmarks.page.__main__ import main
from benchmarks.page.measured import Measured
from benchmarks.page.places import filled, names

ROOT = Path(__file__).parents[1]
PAGE = """# Speed

<!-- measured: bars -->

stale

<!-- end -->

<!-- measured: behind --><!-- end -->
<!-- measured: shortfalls -->
<!-- end -->
One way takes <!-- measured: 1-to-1 sigcore --><!-- end -->,
as <!-- measured: nothing of the kind -->before<!-- end -->.
<!-- measured: events --><!-- end -->
"""


def a_run(system: str, figure: float, workload: str = "1-to-1", round_: int = 1) -> Run:
    return Run(
        system=system, workload=workload, round=round_, count=100, expected=100, figure=figure,
        cpu_s={"publish": 1.0, "broker": 1.0, "subscribe": 1.0},
        latency_us={"p50": figure, "p99": figure, "p99.9": 1.0},
    )  # fmt: skip


def report(benchmark: str, *figures: dict[str, object]) -> str:
    table = {"title": benchmark, "heads": ["", "ns"], "rows": [["a thing", "5"]]}
    return json.dumps({"benchmark": benchmark, "tables": [table], "figures": figures, "left_out": []})


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Return a folder with results in which sigcore loses one comparison, wins one, and one system failed."""
    folder = tmp_path / "results"
    runs = [
        a_run("raw", 1000.0), a_run("sigcore", 300.0), a_run("pyzmq", 400.0), a_run("sigcore-blocking", 240.0),
        Run(system="nats", workload="1-to-1", round=1, count=100, failure="no such luck"),
        a_run("raw", 100.0, "ping-pong"), a_run("sigcore", 120.0, "ping-pong"), a_run("pyzmq", 130.0, "ping-pong"),
    ]  # fmt: skip
    command = ["--rounds", "1", "--out", "somewhere/secret"]
    Results(runs, {"processor": "abacus", "cores": 2, "system": "S", "python": "P"}, {}, {}, command, "now").save(
        folder
    )
    trigger = {"case": "1 listener", "ns": 60.0, "ratio": 1.0}
    (folder / "in_process.json").write_text(
        report(
            "in_process",
            {**trigger, "system": "limit"},
            {**trigger, "system": "sigcore, kept signal", "ns": 90.0, "ratio": 1.5},
            {**trigger, "system": "psygnal", "ns": 80.0, "ratio": 1.3},
        )
    )
    (folder / "growth.json").write_text(
        report("growth", {"of": "links", "number": 1, "ns": 5.0}, {"of": "links", "number": 10, "ns": 6.0})
    )
    for plot in ("ratios.png", "ratios.svg"):
        (folder / plot).write_bytes(b"a picture")
    return folder


@pytest.fixture
def page(tmp_path: Path, results: Path) -> str:
    """Return a page that was filled from the results, twice."""
    path = tmp_path / "docs" / "performance.md"
    path.parent.mkdir()
    path.write_text(PAGE, encoding="utf-8")
    for _ in range(2):
        main([str(results), "--page", str(path), "--baseline", str(tmp_path / "baseline.json")])
    return path.read_text(encoding="utf-8")


def line_of(page: str, beginning: str) -> str:
    (line,) = (line for line in page.splitlines() if line.startswith(f"| {beginning} |"))
    return line


def test_a_bar_that_is_not_reached_says_by_what_and_who_is_ahead(page: str) -> None:
    assert line_of(page, "1 → 1, small events").endswith("| **no**: 0.30 x; pyzmq, XSUB/XPUB proxy is ahead |")
    assert line_of(page, "Trigger in one process, 1 listener").endswith("| **no**: 1.50 x; psygnal is ahead |")
    assert line_of(page, "1 → 1 in the blocking form").endswith("| **no**: pyzmq, XSUB/XPUB proxy is ahead |")


def test_a_bar_that_is_reached_says_yes(page: str) -> None:
    assert line_of(page, "An event there and back").endswith("| yes |")
    assert "1 to 10 links | flat within 1.5 x | 1.20 x |  |  | yes |" in page


def test_whoever_is_ahead_is_named(page: str) -> None:
    assert "- 1 → 1, small events: pyzmq, XSUB/XPUB proxy (0.40 x); sigcore 0.30 x" in page
    assert "- Trigger in one process, 1 listener: psygnal (80 ns); sigcore 90 ns" in page


def test_a_bar_that_is_not_reached_has_a_paragraph_and_no_other_has(page: str) -> None:
    assert "**1 → 1, small events** (bar: at least 0.7 x, ahead of all). " in page
    assert "**An event there and back**" not in page


def test_figures_stand_within_sentences_and_what_was_not_measured_stays(page: str) -> None:
    text = re.sub(r"<!--.*?-->", "", page)
    assert "One way takes 300 msg/s,\nas before." in text
    assert "stale" not in text


def test_a_system_that_failed_is_shown(page: str) -> None:
    assert "failed: no such luck" in page


def test_plots_and_baseline_are_written_and_name_nothing_of_the_machines_folders(tmp_path: Path, page: str) -> None:
    assert (tmp_path / "docs" / "images" / "ratios.png").read_bytes() == b"a picture"
    baseline = Results.load(tmp_path / "baseline.json")
    assert {run.system for run in baseline.runs} == {"raw", "sigcore", "sigcore-blocking"}
    assert "secret" not in (tmp_path / "baseline.json").read_text() + page


def test_a_place_keeps_its_marks() -> None:
    assert filled("a <!-- measured: x -->1<!-- end --> b", {"x": "2"}) == "a <!-- measured: x -->2<!-- end --> b"


def test_the_page_has_a_place_for_every_part_and_a_paragraph_for_every_bar_between_processes() -> None:
    places = names((ROOT / "docs" / "performance.md").read_text(encoding="utf-8"))
    assert {"machine", "bars", "behind", "shortfalls", "events", "round trips", "payloads", "idle"} <= set(places)
    shortfalls = (ROOT / "benchmarks" / "page" / "shortfalls.md").read_text(encoding="utf-8")
    assert all(f"\n## {name}\n" in shortfalls for name in ("1-to-1", "1-to-8", "ping-pong", "requests", "64KiB"))


def test_what_tls_costs_stands_against_sigcore_itself_in_the_same_round() -> None:
    runs = [a_run("sigcore", 400.0), a_run("sigcore-tls", 300.0), a_run("sigcore", 40.0, round_=2), a_run("raw", 900.0)]
    *_, line = secured.table(Measured(Results(runs, {}, {}, {}, [], "now"), {})).splitlines()
    assert [cell.strip() for cell in line.split("|")[2:5]] == ["220 msg/s", "sigcore, TLS: 300 msg/s", "0.75"]


def test_where_nothing_is_secured_the_page_stays_as_it_was() -> None:
    assert secured.table(Measured(Results([a_run("sigcore", 400.0)], {}, {}, {}, [], "now"), {})) == ""
