# SPDX-License-Identifier: MIT
"""The small benchmarks of ``benchmarks/`` run, whatever is installed beside sigcore; how fast is their own business."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="benchmarks are for Linux")


def test_triggers_in_one_process_are_measured_beside_the_limit(tmp_path: Path) -> None:
    figures = run(tmp_path, "in_process", "--rounds", "1", "--calls", "20")
    triggers = [row for row in figures if row["case"] == "10 listeners"]
    assert {row["system"] for row in triggers} >= {"limit", "sigcore, kept signal", "sigcore, by name"}
    assert all(row["ns"] > 0 and row["ratio"] > 0 for row in triggers)


def test_starts_of_programs_are_measured(tmp_path: Path) -> None:
    figures = run(tmp_path, "startup", "--times", "1")
    assert any(row["what"] == "import sigcore" and row["median_ms"] > 0 for row in figures)


def test_idle_clients_are_measured(tmp_path: Path) -> None:
    pytest.importorskip("sig_tcp")
    figures = run(tmp_path, "idle", "--clients", "20", "--seconds", "0.1", "--loops", "asyncio")
    assert [(row["clients"], row["loop"]) for row in figures] == [(20, "asyncio")]
    assert figures[0]["heard_ms_most"] > 0


def test_the_time_of_an_event_is_measured_beside_much_else(tmp_path: Path) -> None:
    options = ("--steps", "1,12", "--links", "2", "--events", "10", "--rounds", "1")
    figures = run(tmp_path, "growth", *options)
    assert {row["number"] for row in figures} == {1, 2, 12}
    assert all(row["ns"] > 0 for row in figures)


def test_advice_is_measured(tmp_path: Path) -> None:
    pytest.importorskip("sig_tcp")
    pytest.importorskip("sig_cbor")
    figures = run(tmp_path, "advice", "--rounds", "1", "--events", "50")
    assert {"as advised", "without a pause"} <= {row["way"] for row in figures}
    assert all(row["us"] > 0 for row in figures)


def run(folder: Path, benchmark: str, *options: str) -> list[dict[str, Any]]:
    """Run a benchmark with what is installed; return its figures, which it also prints as a table."""
    (folder / "root").mkdir()
    for name in ("benchmarks", "tests"):
        (folder / "root" / name).symlink_to(ROOT / name)  # alone, or the checkout's sigcore would be in front
    saved = folder / "figures.json"
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{benchmark}", *options, "--json", str(saved)],
        env={**os.environ, "PYTHONPATH": str(folder / "root"), "PYTHONSAFEPATH": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "| --- |" in done.stdout
    figures: list[dict[str, Any]] = json.loads(saved.read_text(encoding="utf-8"))["figures"]
    return figures
