# SPDX-License-Identifier: MIT
"""The parts of the page that results decide, by the names of their places."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from textwrap import fill

from ..compare.ratios import rows_of
from ..compare.systems import load_system
from ..compare.tables import number, table
from ..compare.workloads import GROUPS, WORKLOADS
from . import bars, secured
from .bars import Standing, standings
from .measured import OURS, Measured, without_paths
from .quotes import quotes, with_quotes

SHORTFALLS = Path(__file__).with_name("shortfalls.md")
TIMES_NS = {
    "ns": "Trigger in one process, {}",
    "add_ns": "Adding a listener in one process",
    "remove_ns": "Removing a listener in one process",
}
"""What is measured in one process, by the name of its figure."""
NOTHING_WRITTEN = "Nobody has looked into this yet."


def parts_of(measured: Measured, shortfalls: str) -> Mapping[str, str]:
    """Return the text for each place; figures in prose have their own name as their place."""
    found = list(standings(measured))
    known = quotes(measured)
    parts = {
        "machine": machine(measured),
        "bars": bars.table(found),
        "behind": behind(measured),
        "secured": secured.table(measured),
        "shortfalls": wrapped(with_quotes(shortfalls_of(found, paragraphs(shortfalls)), known)),
    }
    for title, workloads in GROUPS.items():
        tables = [table(kind, rows) for kind in workloads if (rows := rows_of(kind, measured.compared.runs))]
        parts[title.lower()] = "\n".join(tables).rstrip()
    for benchmark in measured.reports:
        parts[benchmark] = measured.tables(benchmark).rstrip()
    return {**known, **{name: text for name, text in parts.items() if text}}


def machine(measured: Measured) -> str:
    """Return what was measured, on what, and when."""
    results = measured.compared
    command = shlex.join(["python", "-m", "benchmarks.compare", *without_paths(results.command)])
    facts = [
        f"- {results.machine['processor']}, {results.machine['cores']} cores, {results.machine['system']}",
        f"- {results.machine['python']}",
        *(f"- {text}" for text in results.versions.values()),
        *(f"- left out: {key}, {why}" for key, why in results.missing.items()),
        *(f"- left out: {what}" for report in measured.reports.values() for what in report.get("left_out", ())),
        f"- {results.date}: `{command}`",
    ]
    failures = {(run.system, run.workload): run.failure for run in results.runs if run.failure}
    facts += [f"- failed at least once: {system}, {workload}: {why}" for (system, workload), why in failures.items()]
    return "\n".join(facts)


def behind(measured: Measured) -> str:
    """Return a line for each workload in which others are ahead."""
    lines = []
    for name, workload in WORKLOADS.items():
        ours = measured.rows[name].get("sigcore")
        if ours is None or ours.ratio is None:
            continue
        sign = 1 if workload.less_is_better else -1
        ahead = [
            f"{load_system(row.system).name} ({number(row.ratio.middle)} x)"
            for row in measured.peers(name)
            if row.ratio and sign * row.ratio.middle < sign * ours.ratio.middle
        ]
        if ahead:
            lines.append(f"- {workload.title}: {', '.join(ahead)}; sigcore {number(ours.ratio.middle)} x")
    lines += behind_in_process(measured)
    lost = [
        f"- {WORKLOADS[name].title}: {load_system(key).name} lost {rows[key].lost} events"
        for name, rows in measured.rows.items()
        for key in OURS
        if key in rows and rows[key].lost
    ]
    return "\n".join([*lines, *lost]) or "Nobody, in any workload."


def behind_in_process(measured: Measured) -> list[str]:
    """Return a line for whatever another library does faster in one process."""
    cases: dict[str, dict[str, float]] = {}
    for row in measured.figures("in_process"):
        if row["system"] == bars.KEPT or not row["system"].startswith(("limit", "sigcore")):
            for name in TIMES_NS.keys() & row.keys():
                cases.setdefault(TIMES_NS[name].format(row["case"]), {})[row["system"]] = row[name]
    lines = []
    for title, times in cases.items():
        ours = times.pop(bars.KEPT)
        ahead = [f"{name} ({ns:.0f} ns)" for name, ns in sorted(times.items(), key=itemgetter(1)) if ns < ours]
        if ahead:
            lines.append(f"- {title}: {', '.join(ahead)}; sigcore {ours:.0f} ns")
    return lines


def paragraphs(text: str) -> Mapping[str, str]:
    """Return the paragraphs of ``shortfalls.md`` by their headings."""
    _, *sections = re.split(r"^## ", text, flags=re.MULTILINE)
    return {head.strip(): body.strip() for head, _, body in (section.partition("\n") for section in sections)}


def wrapped(text: str) -> str:
    """Return paragraphs in lines as long as those of other pages."""
    return "\n\n".join(fill(paragraph, 120, break_on_hyphens=False) for paragraph in text.split("\n\n"))


def shortfalls_of(found: Sequence[Standing], texts: Mapping[str, str]) -> str:
    """Return a paragraph for each bar that is not reached."""
    lines = []
    for standing in found:
        if standing.short:
            text = texts.get(standing.key, NOTHING_WRITTEN)
            lines.append(f"**{standing.cells[0]}** (bar: {standing.cells[1]}). {text}")
    return "\n\n".join(lines) or "Every bar is reached."
