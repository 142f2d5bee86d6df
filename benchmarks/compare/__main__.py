# SPDX-License-Identifier: MIT
"""The command: ``python -m benchmarks.compare --help``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .check import worse_than
from .machine import description, kept_awake
from .results import Results
from .run import Run
from .series import measure
from .systems import SYSTEMS, load_system
from .tables import number
from .workloads import WORKLOADS

BRIEF_S = 0.4


def main(arguments: Sequence[str]) -> int:
    """Measure, report, and check against an earlier run if asked; return the exit code."""
    options = read(arguments)
    missing = {key: why for key in options.systems if (why := missing_of(key))}
    for key, why in missing.items():
        print(f"left out: {key}, {why}")
    keys = [key for key in options.systems if key not in missing]
    began = datetime.now(UTC).isoformat(" ", "minutes")
    runs: list[Run] = []

    def note(run: Run) -> None:
        tell(run)
        runs.append(run)

    with suppress(KeyboardInterrupt), kept_awake(options.awake) as awake:  # what there is by then is worth a report
        measure(
            [WORKLOADS[name] for name in options.only],
            keys,
            rounds=options.rounds,
            seconds=options.seconds,
            count=options.count,
            awake=awake,
            tell=note,
        )
    results = Results(runs, description(), {key: about(key) for key in keys}, missing, list(arguments), began)
    results.save(options.out)
    print(f"\n{results.markdown()}")
    draw(results, options.out)
    return check(results, options.check, options.factor) if options.check else 0


def read(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare", description="Measure sigcore and its peers.")
    parser.add_argument("--only", type=names_in(WORKLOADS), default=list(WORKLOADS), help=f"of {', '.join(WORKLOADS)}")
    parser.add_argument("--systems", type=names_in(SYSTEMS), default=list(SYSTEMS), help=f"of {', '.join(SYSTEMS)}")
    parser.add_argument("--rounds", type=int, default=3, help="how often each system is run (3)")
    parser.add_argument("--seconds", type=float, default=1.0, help="about how long a run takes (1)")
    parser.add_argument("--count", type=int, default=0, help="events or round trips of a run, instead of --seconds")
    parser.add_argument("--brief", action="store_true", help="runs of 0.4 s: half the time, for a first look")
    parser.add_argument("--quick", action="store_true", help="one round of 300: whether it works, not how fast")
    parser.add_argument("--no-awake", dest="awake", action="store_false", help="let idle cores sleep")
    parser.add_argument("--out", type=Path, default=Path("build", "benchmarks"), help="folder for the results")
    parser.add_argument(
        "--check", type=Path, metavar="BASELINE.json", help="exit with 1 if a ratio is worse than there"
    )
    parser.add_argument("--factor", type=float, default=1.25, help="how much worse a ratio may be for --check (1.25)")
    options = parser.parse_args(arguments)
    if options.brief:
        options.seconds = BRIEF_S
    if options.quick:
        options.rounds, options.count, options.awake = 1, 300, False
    return options


def names_in(known: Mapping[str, Any]) -> Callable[[str], list[str]]:
    """Return what reads names with commas between them."""

    def names(text: str) -> list[str]:
        found = text.split(",")
        unknown = [name for name in found if name not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; known are {', '.join(known)}")
        return found

    return names


def missing_of(key: str) -> str:
    """Return why a system cannot be measured here."""
    try:
        return load_system(key).missing()
    except ModuleNotFoundError as error:
        return f"needs {error.name}"


def about(key: str) -> str:
    """Return the name of a system, how its users write programs, and its versions."""
    system = load_system(key)
    return ", ".join(filter(None, [f"{system.name}: {system.form}", system.version()]))


def tell(run: Run) -> None:
    """Print one line on a run that has just ended."""
    unit = WORKLOADS[run.workload].unit
    said = f"failed: {run.failure}" if run.failure else f"{number(run.figure):>8} {unit}"
    losses = f", {run.lost} lost" if run.lost else ""
    print(f"round {run.round}  {run.workload:<12}  {run.system:<16}  {said}{losses}", flush=True)


def draw(results: Results, folder: Path) -> None:
    """Draw the plot where matplotlib is installed."""
    try:
        from .plot import draw_ratios
    except ModuleNotFoundError:
        print("no plot: needs matplotlib")
    else:
        draw_ratios(results.runs, folder)


def check(results: Results, baseline: Path, factor: float) -> int:
    """Compare ratios with those of an earlier call; return the exit code."""
    worse = worse_than(Results.load(baseline).runs, results.runs, factor)
    for text in worse:
        print(f"worse: {text}")
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
