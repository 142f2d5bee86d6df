# SPDX-License-Identifier: MIT
"""Figures against each other: each round's own ratio first, then the median of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from .machine import TOO_MUCH
from .run import Run
from .workloads import WORKLOADS, Workload


@dataclass(frozen=True)
class Spread:
    """Several values of the same thing.

    Attributes:
        middle: Their median.
        low: The least.
        high: The most.
    """

    middle: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread | None:
        """Return the spread of some values; ``None`` where there are none."""
        return cls(median(values), min(values), max(values)) if values else None


@dataclass(frozen=True)
class Row:
    """What all runs of one system on one workload come to.

    Attributes:
        system: The key of the system.
        runs: Those that count: they did not fail, and they and what they are compared with were left alone. Where
            no run was, all count.
        figure: In the workload's unit; ``None`` where every run failed.
        ratio: Of its figure to that of the same round which it is compared with; ``None`` where there is none.
        disturbed: How many were not left alone: others had too much of the machine.
        failed: How many failed.
        failure: Why the last of these did.
    """

    system: str
    runs: tuple[Run, ...]
    figure: Spread | None
    ratio: Spread | None
    disturbed: int
    failed: int
    failure: str

    @property
    def lost(self) -> int:
        return sum(run.lost for run in self.runs)

    @property
    def wrong(self) -> int:
        return sum(run.wrong for run in self.runs)

    def cpu_us(self, side: str) -> float:
        """Return the CPU time of one side for each event that it sends or takes, in microseconds; the median."""
        plan = WORKLOADS[self.runs[0].workload].plan
        copies = plan.subscribers if side == "subscribe" else 1
        return median(1e6 * run.cpu_s[side] / (run.count * plan.publishers * copies) for run in self.runs)

    def latency_us(self, share: str) -> float:
        """Return a percentile of the round trips, in microseconds; the median of the runs."""
        return median(run.latency_us[share] for run in self.runs)


def rows_of(workload: Workload, runs: Iterable[Run]) -> list[Row]:
    """Return a row for each system that was run on a workload: the best first, what failed last."""
    runs = list(runs)
    keys = dict.fromkeys(run.system for run in runs if run.workload == workload.name)
    rows = [_row(key, workload, runs) for key in keys]
    sign = 1 if workload.less_is_better else -1

    def place(row: Row) -> tuple[bool, bool, float]:
        value = row.ratio or row.figure
        return row.figure is None, row.ratio is None, sign * value.middle if value else 0.0

    return sorted(rows, key=place)


def _row(key: str, workload: Workload, runs: list[Run]) -> Row:
    own = [run for run in runs if run.system == key and run.workload == workload.name]
    pairs = [(run, _base(run, workload, runs)) for run in own if not run.failure]
    quiet = [(run, base) for run, base in pairs if not (_is_disturbed(run) or (base and _is_disturbed(base)))]
    counted = quiet or pairs
    return Row(
        system=key,
        runs=tuple(run for run, _ in counted),
        figure=Spread.of([run.figure for run, _ in counted]),
        ratio=Spread.of([run.figure / base.figure for run, base in counted if base]),
        disturbed=len(pairs) - len(quiet),
        failed=len(own) - len(pairs),
        failure=next((run.failure for run in reversed(own) if run.failure), ""),
    )


def _is_disturbed(run: Run) -> bool:
    return run.others > TOO_MUCH


def _base(run: Run, workload: Workload, runs: list[Run]) -> Run | None:
    """Return the run of the same round that ``run`` is compared with."""
    system, name = ("raw", workload.name) if workload.against == "raw" else (run.system, workload.against)
    for other in runs:
        if (other.system, other.workload, other.round) == (system, name, run.round) and other.figure > 0:
            return other
    return None
