# SPDX-License-Identifier: MIT
"""The check for regressions: ratios against those of an earlier call, since seconds differ from machine to machine."""

from __future__ import annotations

from collections.abc import Sequence

from .ratios import rows_of
from .run import Run
from .tables import number
from .workloads import WORKLOADS


def worse_than(before: Sequence[Run], now: Sequence[Run], factor: float) -> list[str]:
    """Return a line for each ratio that is worse than it was by more than a factor; only what both have is compared."""
    then, found = ratios(before), ratios(now)
    lines = []
    for (system, name), ratio in found.items():
        if (system, name) in then:
            was = then[system, name]
            slower_by = ratio / was if WORKLOADS[name].less_is_better else was / ratio
            if slower_by > factor:
                lines.append(f"{system}, {name}: {number(ratio)} x, was {number(was)} x; may be {factor:g} times worse")
    return lines


def ratios(runs: Sequence[Run]) -> dict[tuple[str, str], float]:
    """Return the median ratio of each system and workload."""
    return {
        (row.system, name): row.ratio.middle
        for name, workload in WORKLOADS.items()
        for row in rows_of(workload, runs)
        if row.ratio is not None and row.ratio.middle > 0
    }
