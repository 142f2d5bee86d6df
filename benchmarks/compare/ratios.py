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
        runs: Its runs that count: those that did not fail, and that were left alone unless none was.
        figure: In the workload's unit; ``None`` where every run failed.
        ratio: Of its figure to that of the same round which it is compared with; ``None`` where there is none.
        disturbed: In how many rounds others had too much of the machine.
        failure: Why the last run that failed did.
    """

    system: str
    runs: tuple[Run, ...]
    figure: Spread | None
    ratio: Spread | None
    disturbed: int
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
    return sorted(rows, key=lambda row: (row.figure is None, sign * row.figure.middle if row.figure else 0.0))


def _row(key: str, workload: Workload, runs: list[Run]) -> Row:
    own = [run for run in runs if run.system == key and run.workload == workload.name]
    done = [run for run in own if not run.failure]
    alone = [run for run in done if run.others <= TOO_MUCH] or done
    ratios = [run.figure / base.figure for run in alone if (base := _base(run, workload, runs)) is not None]
    return Row(
        system=key,
        runs=tuple(alone),
        figure=Spread.of([run.figure for run in alone]),
        ratio=Spread.of(ratios),
        disturbed=sum(run.others > TOO_MUCH for run in done),
        failure=next((run.failure for run in reversed(own) if run.failure), ""),
    )


def _base(run: Run, workload: Workload, runs: list[Run]) -> Run | None:
    """Return the run of the same round that ``run`` is compared with."""
    system, name = ("raw", workload.name) if workload.against == "raw" else (run.system, workload.against)
    for other in runs:
        if (other.system, other.workload, other.round) == (system, name, run.round) and other.figure > 0:
            return other
    return None
