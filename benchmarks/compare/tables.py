# SPDX-License-Identifier: MIT
"""Results as tables in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from .ratios import Row, Spread, rows_of
from .run import Run
from .systems import load_system
from .workloads import GROUPS, Workload


def tables(runs: Sequence[Run]) -> str:
    """Return a section for each group of workloads, with a table for each workload that was run."""
    sections = []
    for title, workloads in GROUPS.items():
        found = [table(workload, rows) for workload in workloads if (rows := rows_of(workload, runs))]
        if found:
            sections.append("\n".join([f"## {title}", "", *found]))
    return "\n".join(sections)


def table(workload: Workload, rows: Sequence[Row]) -> str:
    """Return the table of one workload, its title before it."""
    heads = ["system", workload.unit if workload.unit != "us" else "p50 µs", f"x {workload.against} (least to most)"]
    heads += ["p99 µs", "p99.9 µs"] if workload.is_round_trip else ["lost"]
    heads += ["CPU s for 1 M: sends / between / receives", "rounds disturbed"]
    lines = [f"**{workload.title}**", "", _line(heads), _line(["---", *["--:"] * (len(heads) - 1)])]
    lines += [_line(_cells(workload, row, len(heads))) for row in rows]
    return "\n".join([*lines, ""])


def number(value: float) -> str:
    """Return a number with three digits that count, as a reader would write it."""
    if value >= 999_500:
        return f"{value / 1e6:.2f} M"
    if value >= 9_995:
        return f"{value / 1e3:.0f} k"
    if value >= 99.95:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 9.995 else f"{value:.2f}" if value >= 0.0995 else f"{value:.3f}"


def spread(ratio: Spread | None) -> str:
    """Return a ratio with its spread."""
    return f"{number(ratio.middle)} ({number(ratio.low)} to {number(ratio.high)})" if ratio else ""


def _cells(workload: Workload, row: Row, number_of: int) -> list[str]:
    name = load_system(row.system).name
    if row.figure is None:
        return [name, f"failed: {row.failure}", *[""] * (number_of - 2)]
    cells = [name, number(row.figure.middle), spread(row.ratio)]
    if workload.is_round_trip:
        cells += [number(row.latency_us("p99")), number(row.latency_us("p99.9"))]
    else:
        cells += [_losses(row)]
    cpu = " / ".join(f"{row.cpu_us(side):.2f}" for side in ("publish", "broker", "subscribe"))
    return [*cells, cpu, _troubles(row)]


def _troubles(row: Row) -> str:
    counts = {"": row.disturbed, " failed": row.failed}
    return ", ".join(f"{count}{what}" for what, count in counts.items() if count)


def _losses(row: Row) -> str:
    expected = sum(run.expected for run in row.runs)
    text = f"{row.lost / expected:.1%}" if row.lost else "0"
    return f"{text}, {row.wrong} WRONG" if row.wrong else text


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
