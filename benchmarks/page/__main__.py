# SPDX-License-Identifier: MIT
"""The command: ``python -m benchmarks.page RESULTS_FOLDER``."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from .measured import SMALL_ONES, Measured
from .parts import NOTHING_WRITTEN, SHORTFALLS, parts_of
from .places import filled, names

ROOT = Path(__file__).parents[2]
PLOTS = ("ratios.png", "ratios.svg")


def main(arguments: Sequence[str]) -> None:
    """Fill the page, copy the plots beside it, and write the baseline of the check."""
    options = read(arguments)
    measured = Measured.load(options.results)
    parts = parts_of(measured, SHORTFALLS.read_text(encoding="utf-8"))
    page = options.page.read_text(encoding="utf-8")
    options.page.write_text(filled(page, parts), encoding="utf-8")
    plots = [plot for plot in PLOTS if (options.results / plot).exists()]
    images = options.page.parent / "images"
    images.mkdir(exist_ok=True)
    for plot in plots:
        shutil.copyfile(options.results / plot, images / plot)
    options.baseline.write_text(json.dumps(asdict(measured.baseline())) + "\n", encoding="utf-8")
    for text in complaints(page, parts, [name for name in SMALL_ONES if name not in measured.reports], plots):
        print(text, file=sys.stderr)


def read(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.page", description="Write figures into the docs.")
    parser.add_argument("results", type=Path, help="the folder with results.json and the other benchmarks' files")
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "performance.md", help="docs/performance.md")
    parser.add_argument(
        "--baseline", type=Path, default=ROOT / "benchmarks" / "baseline.json", help="benchmarks/baseline.json"
    )
    return parser.parse_args(arguments)


def complaints(page: str, parts: Mapping[str, str], missing: Sequence[str], plots: Sequence[str]) -> list[str]:
    """Return what somebody should look after."""
    found = [f"no {name}.json: its part of the page stays as it was" for name in missing]
    found += [f"no {plot}: the old one stays" for plot in PLOTS if plot not in plots]
    found += [f"not measured: {name}" for name in dict.fromkeys(names(page)) if name not in parts]
    if NOTHING_WRITTEN in parts["shortfalls"]:
        found.append("a bar is not reached, and shortfalls.md has no paragraph on it")
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
