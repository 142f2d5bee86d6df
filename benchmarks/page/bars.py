# SPDX-License-Identifier: MIT
"""What sigcore set out to reach, and where it stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from ..compare.ratios import Row
from ..compare.systems import load_system
from ..compare.tables import number
from ..compare.workloads import WORKLOADS
from ..growth import BAR as GROWTH_BAR
from ..idle import BAR_CPU, BAR_KIB
from ..in_process import BAR as TRIGGER_BAR
from .measured import Measured

RATIOS = {
    "1-to-1": 0.7,
    "1-to-8": 0.85,
    "ping-pong": 1.4,
    "requests": 1.4,
    "requests-64": 0.5,
    "1KiB": 0.7,
    "64KiB": 0.7,
}
"""Times the raw limit; at least, or at most for what is a time."""
BLOCKING_BAR, MIXED_BAR = 0.6, 0.5
STARTS_MS = {"sig --help": ("median_ms", 150.0), "import sigcore": ("over_bare_ms", 40.0)}
KEPT = "sigcore, kept signal"


@dataclass(frozen=True)
class Standing:
    """One bar, and what was measured.

    Attributes:
        key: By which ``shortfalls.md`` knows it.
        cells: The workload, the bar, sigcore, the best of the others, and the limit.
        short: What it falls short of, in words; empty where the bar is reached.
    """

    key: str
    cells: tuple[str, str, str, str, str]
    short: str = ""

    @property
    def line(self) -> str:
        """The bar as a line of a table."""
        return f"| {' | '.join(self.cells)} | {f'**no**: {self.short}' if self.short else 'yes'} |"


def standings(measured: Measured) -> Iterator[Standing]:
    """Yield all bars of which something was measured."""
    for workload, bar in RATIOS.items():
        if (ours := measured.rows[workload].get("sigcore")) and ours.ratio:
            yield of_workload(measured, workload, bar, ours)
    yield from of_blocking(measured)
    yield from of_mixed(measured)
    yield from of_triggers(measured)
    yield from of_idle(measured)
    yield from of_starts(measured)
    yield from of_growth(measured)


def of_workload(measured: Measured, workload: str, bar: float, ours: Row) -> Standing:
    """Compare with the raw limit, and with the best of the others by its own ratio to it."""
    kind = WORKLOADS[workload]
    assert ours.ratio is not None
    ratio, sign = ours.ratio.middle, 1 if kind.less_is_better else -1
    best = next(iter(measured.peers(workload)), None)
    shorts = []
    if sign * ratio > sign * bar:
        shorts.append(f"{number(ratio)} x")
    if best is not None and best.ratio is not None and sign * ratio > sign * best.ratio.middle:
        shorts.append(f"{load_system(best.system).name} is ahead")
    if ours.lost:
        shorts.append(f"{ours.lost} lost")
    words = "at most" if kind.less_is_better else "at least"
    cells = (
        kind.title,
        f"{words} {bar:g} x, ahead of all",
        of_row(ours),
        f"{load_system(best.system).name}: {of_row(best)}" if best else "",
        of_row(measured.rows[workload].get("raw"), ratio=False),
    )
    return Standing(workload, cells, "; ".join(shorts))


def of_blocking(measured: Measured) -> Iterator[Standing]:
    rows = measured.rows["1-to-1"]
    if "sigcore" not in rows or "sigcore-blocking" not in rows:
        return
    ours = rows["sigcore-blocking"]
    share = within_rounds(ours, rows["sigcore"])
    best = next(iter(measured.peers("1-to-1", "threads")), None)
    shorts = [f"{number(share)} x"] if share < BLOCKING_BAR else []
    if best and best.ratio and ours.ratio and best.ratio.middle > ours.ratio.middle:
        shorts.append(f"{load_system(best.system).name} is ahead")
    cells = (
        "1 → 1 in the blocking form",
        f"at least {BLOCKING_BAR:g} x the asyncio form, ahead of all blocking ones",
        f"{of_row(ours)}; {number(share)} x the asyncio form",
        f"{load_system(best.system).name}: {of_row(best)}" if best else "",
        of_row(rows.get("raw"), ratio=False),
    )
    yield Standing("blocking", cells, "; ".join(shorts))


def of_mixed(measured: Measured) -> Iterator[Standing]:
    ours = measured.rows["cbor-to-json"].get("sigcore")
    if ours and ours.ratio:
        ratio = ours.ratio.middle
        cells = ("Mixed codecs: CBOR in, JSON out", f"at least {MIXED_BAR:g} x one codec", of_row(ours), "", "")
        yield Standing("cbor-to-json", cells, f"{number(ratio)} x" if ratio < MIXED_BAR else "")


def of_triggers(measured: Measured) -> Iterator[Standing]:
    """Compare triggers in one process with a loop over a tuple, and with other libraries."""
    cases: dict[str, dict[str, Mapping[str, float]]] = {}
    for row in measured.figures("in_process"):
        if "ratio" in row and row["case"] != "0 listeners":
            cases.setdefault(row["case"], {})[row["system"]] = row
    for case, rows in cases.items():
        ours = rows[KEPT]
        others = {name: row for name, row in rows.items() if name != "limit" and not name.startswith("sigcore")}
        best = min(others, key=lambda name: others[name]["ns"], default="")
        shorts = [f"{ours['ratio']:.2f} x"] if ours["ratio"] > TRIGGER_BAR else []
        if best and others[best]["ns"] < ours["ns"]:
            shorts.append(f"{best} is ahead")
        cells = (
            f"Trigger in one process, {case}",
            f"at most {TRIGGER_BAR:g} x a loop over a tuple{', ahead of all' if best else ''}",
            of_trigger(ours),
            f"{best}: {of_trigger(others[best])}" if best else "",
            f"{rows['limit']['ns']:.0f} ns",
        )
        yield Standing(f"trigger, {case}", cells, "; ".join(shorts))


def of_idle(measured: Measured) -> Iterator[Standing]:
    """Tell of the server with the most clients; of two loops, the one that does worse."""
    figures = measured.figures("idle")
    most = max((row["clients"] for row in figures), default=0)
    rows = [row for row in figures if row["clients"] == most]
    if not rows:
        return
    kib = max(max(row["kib_each"], row["kib_each_later"]) for row in rows)
    cells = (
        f"Memory of the server for each of {spaced(most)} idle clients",
        f"at most {BAR_KIB:g} KiB",
        f"{kib:.1f} KiB",
    )
    yield Standing("idle memory", (*cells, "", ""), f"{kib:.1f} KiB" if kib > BAR_KIB else "")
    cpu = max(row["cpu"] for row in rows)
    cells = (
        f"CPU time of the server for {spaced(most)} idle clients",
        f"at most {BAR_CPU:.0%} of a core",
        f"{cpu:.1%}",
    )
    yield Standing("idle CPU", (*cells, "", ""), f"{cpu:.1%}" if cpu > BAR_CPU else "")


def of_starts(measured: Measured) -> Iterator[Standing]:
    for row in measured.figures("startup"):
        if row["what"] in STARTS_MS:
            name, bar = STARTS_MS[row["what"]]
            above = " above bare Python" if name == "over_bare_ms" else ""
            cells = (f"`{row['what']}`", f"at most {bar:g} ms{above}", f"{row[name]:.0f} ms{above}", "", "")
            yield Standing(row["what"], cells, f"{row[name]:.0f} ms" if row[name] > bar else "")


def of_growth(measured: Measured) -> Iterator[Standing]:
    series: dict[str, list[tuple[int, float]]] = {}
    for row in measured.figures("growth"):
        series.setdefault(row["of"], []).append((row["number"], row["ns"]))
    for title, points in series.items():
        times = [ns for _, ns in points]
        growth = max(times) / min(times)
        most = max(count for count, _ in points)
        cells = (
            f"Time per event in the server, 1 to {spaced(most)} {title}",
            f"flat within {GROWTH_BAR:g} x",
            f"{growth:.2f} x",
        )
        yield Standing("growth", (*cells, "", ""), f"{growth:.2f} x" if growth > GROWTH_BAR else "")


def within_rounds(one: Row, other: Row) -> float:
    """Return the median of the ratios of two systems' runs of the same round; of all their runs if none is."""
    by_round = {run.round: run.figure for run in other.runs}
    ratios = [run.figure / by_round[run.round] for run in one.runs if by_round.get(run.round)]
    assert one.figure is not None
    assert other.figure is not None
    return median(ratios) if ratios else one.figure.middle / other.figure.middle


def of_row(row: Row | None, *, ratio: bool = True) -> str:
    """Return a figure with its unit, and its ratio if there is one."""
    if row is None or row.figure is None:
        return ""
    unit = WORKLOADS[row.runs[0].workload].unit
    text = f"{number(row.figure.middle)} {'µs' if unit == 'us' else unit}"
    return f"{text}, {number(row.ratio.middle)} x" if ratio and row.ratio else text


def spaced(value: int) -> str:
    """Return a large number as people read it."""
    return f"{value:,}".replace(",", " ")


def of_trigger(row: Mapping[str, float]) -> str:
    return f"{row['ns']:.0f} ns, {row['ratio']:.2f} x"


def table(found: Sequence[Standing]) -> str:
    """Return all bars in Markdown."""
    heads = ["workload", "bar", "sigcore", "best of the others", "limit", "reached"]
    lines = [f"| {' | '.join(heads)} |", f"|{' --- |' * len(heads)}"]
    return "\n".join([*lines, *(standing.line for standing in found)])
