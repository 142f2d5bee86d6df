# SPDX-License-Identifier: MIT
"""The benchmark of codecs compares like with like, and runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.codecs import VALUES, main, pairs


def test_both_sides_of_a_comparison_do_the_same_work() -> None:
    for pair in pairs():
        assert pair.ours() == pair.bare(), (pair.codec, pair.value, pair.way)


def test_a_run_gives_each_codec_and_way_a_ratio(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    saved = tmp_path / "codecs.json"
    main(["--rounds", "1", "--json", str(saved)])
    figures = json.loads(saved.read_text(encoding="utf-8"))["figures"]
    assert {(row["codec"], row["way"]) for row in figures} >= {
        ("json, standard library", "encode"),
        ("json, standard library", "decode"),
    }
    assert all(row["ratio"] > 0 and row["value"] in VALUES for row in figures)
    assert "| json, standard library | small dict | encode |" in capsys.readouterr().out
