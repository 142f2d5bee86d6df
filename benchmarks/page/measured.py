# SPDX-License-Identifier: MIT
"""All that one session of benchmarks left in its folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from ..compare.ratios import Row, rows_of
from ..compare.results import Results
from ..compare.systems import load_system
from ..compare.workloads import WORKLOADS
from ..report import Table

RAW, OURS = "raw", ("sigcore", "sigcore-blocking", "sigcore-tls", "sigcore-locked")
NO_PEERS = {RAW, *OURS, "redis-batches"}
"""Nobody's rivals: the last does other work than all others, and is there to show what that is worth."""
SMALL_ONES = (
    "in_process",
    "startup",
    "idle",
    "growth",
    "client_path",
    "server_path",
    "codecs",
    "scan",
    "advice",
    "tls",
    "access",
)


@dataclass(frozen=True)
class Measured:
    """Results of the comparison between processes, and of the small benchmarks.

    Attributes:
        compared: The former.
        reports: What each of the latter saved, by its name; those that were not run are missing.
    """

    compared: Results
    reports: Mapping[str, Mapping[str, Any]]

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read ``results.json`` and whatever else there is."""
        files = {name: folder / f"{name}.json" for name in SMALL_ONES}
        reports = {name: json.loads(file.read_text(encoding="utf-8")) for name, file in files.items() if file.exists()}
        return cls(Results.load(folder / "results.json"), reports)

    @cached_property
    def rows(self) -> Mapping[str, Mapping[str, Row]]:
        """What each workload came to, by system, the best first; without systems of which every run failed."""
        return {
            name: {row.system: row for row in rows_of(workload, self.compared.runs) if row.figure is not None}
            for name, workload in WORKLOADS.items()
        }

    def peers(self, workload: str, form: str = "") -> Sequence[Row]:
        """Return the rows of all others than sigcore that have a ratio to the limit, or those of one form."""
        found = [row for key, row in self.rows[workload].items() if key not in NO_PEERS and row.ratio]
        return [row for row in found if not form or load_system(row.system).form == form]

    def figures(self, benchmark: str) -> Sequence[Mapping[str, Any]]:
        """Return the figures of a small benchmark; none where it was not run."""
        found: Sequence[Mapping[str, Any]] = self.reports.get(benchmark, {}).get("figures", ())
        return found

    def tables(self, benchmark: str) -> str:
        """Return the tables of a small benchmark in Markdown; nothing where it was not run."""
        return "\n".join(Table(**table).markdown() for table in self.reports.get(benchmark, {}).get("tables", ()))

    def baseline(self) -> Results:
        """Return what ``--check`` needs to compare sigcore with itself."""
        runs = [run for run in self.compared.runs if run.system in (RAW, *OURS) and not run.failure]
        return replace(self.compared, runs=runs, command=without_paths(self.compared.command))


def without_paths(command: Sequence[str]) -> list[str]:
    """Return arguments without those that name a file or a folder of the machine."""
    return [
        argument
        for before, argument in zip(["", *command], command, strict=False)
        if not {before, argument} & {"--out", "--check"}
    ]
