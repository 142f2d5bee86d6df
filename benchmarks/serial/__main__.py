# SPDX-License-Identifier: MIT
"""What a serial link carries: goodput, round trips, outages, rubbish, and eight quick ports at once.

    python -m benchmarks.serial

A server and a device, each a process of its own, over simulated lines (``sig_serial.testing``) in a third. The lines
are pseudo-terminals that carry ten bits a byte at their baud rate, in both directions at a time. POSIX only; the use of
processor and memory is read as on Linux. Takes about half an hour; ``--brief`` takes three minutes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..report import Report, Table, options_of
from . import goodput, outages, round_trips, rubbish

CASES = (
    (200, (), 0.88),
    (20, (), 0.60),
    (200, ("ber=1e-5",), 0.80),
    (200, ("ber=1e-4",), 0.65),
    (200, ("ber=1e-3",), 0.25),
    (200, ("drop=1e-4",), 0.60),
    (200, ("insert=1e-4",), 0.60),
    (200, ("burst=2e-5", "burst_bytes=576"), 0.60),
)
"""Bytes of an event, what is bad about the line, and the bar: which part of the line is to be event bodies."""

AT_ONCE = 10
"""Lines measured at the same time: what their links cost must not be what is measured."""

ASKED = {115_200: 200, 9600: 50}
"""Requests, by the baud rate."""

PORTS, QUICK = 8, 921_600
MEGABYTE = 1_000_000


def main() -> None:
    """Measure what the command line asks for."""
    parser = options_of(__doc__)
    parser.add_argument("--brief", action="store_true", help="fewer events, seeds and seconds: a first look")
    parser.add_argument("--only", default=",".join(PARTS), help=f"some of {','.join(PARTS)}")
    options = parser.parse_args()
    tables, figures = [], []
    for name in options.only.split(","):
        table, rows = PARTS[name](options.brief)
        tables.append(table)
        figures += [{"part": name, **row} for row in rows]
    Report("serial", tables, figures).give(options.json)


def all_goodput(brief: bool) -> tuple[Table, list[dict[str, Any]]]:
    """Measure each of ``CASES`` with 20 seeds, or with one."""
    rows = []
    for size, bad, bar in CASES:
        events = (300 if brief else 1000) * (5 if size < 100 else 1)
        seeds = 2 if brief else 20
        found = [
            goodput.measured(size, bad, events, min(AT_ONCE, seeds), seed=seed)
            for seed in range(0, seeds, min(AT_ONCE, seeds))
        ]
        rows.append({**goodput.merged(found), "bar": bar})
    return goodput_table(rows), rows


def all_ports(brief: bool) -> tuple[Table, list[dict[str, Any]]]:
    """Measure eight ports of one server, as fast as common adapters go."""
    row = goodput.measured(200, (), 2000 if brief else 20_000, PORTS, baudrate=QUICK, step_ms=4)
    row["line_used"] = row["goodput"] * row["line_bytes_each"] / row["size"]
    heads = ["events", "of the lines' rate", "goodput", "worst", "server CPU (bar: one core)", "lost, again, wrong"]
    table = Table(f"{PORTS} ports at {QUICK} baud on one server, all directions busy (bar: full rate)", heads)
    cells = [f"{row[name]:.1%}" for name in ("line_used", "goodput", "worst")]
    table.rows.append([f"{row['events'] * 2 * PORTS} of 200 B", *cells, f"{row['server_cpu']:.0%}", faults(row)])
    return table, [row]


def goodput_table(rows: list[dict[str, Any]]) -> Table:
    """Return goodput for people."""
    title = "Both directions busy, 115 200 baud: event bodies against what the line carries"
    heads = ["event, line", "goodput", "bar", "worst", "bytes on the line each", "server CPU", "events"]
    table = Table(title, [*heads, "lost, again, wrong"])
    for row in rows:
        cells = [f"{row['size']} B, {row['bad']}", *(f"{row[name]:.1%}" for name in ("goodput", "bar", "worst"))]
        cells += [f"{row['line_bytes_each']:.1f}", f"{row['server_cpu']:.0%}", str(row["events"] * 2 * row["lines"])]
        table.rows.append([*cells, faults(row)])
    return table


def all_round_trips(brief: bool) -> tuple[Table, list[dict[str, Any]]]:
    """Measure requests at two baud rates."""
    rows = [
        round_trips.measured(number // (10 if brief else 1), baudrate=baudrate) for baudrate, number in ASKED.items()
    ]
    heads = ["baud rate", "bytes on the line", "their time", "bar", "idle: p50", "p90", "line busy: p50", "p90"]
    table = Table("A request with 20 B and its reply, in ms", heads)
    for row in rows:
        names = ("line_ms", "bar_ms", "idle_ms_p50", "idle_ms_p90", "busy_ms_p50", "busy_ms_p90")
        cells = [str(row["baudrate"]), f"{row['line_bytes']:.0f}", *(f"{row[name]:.1f}" for name in names)]
        table.rows.append(cells)
    return table, rows


def all_outages(brief: bool) -> tuple[Table, list[dict[str, Any]]]:
    """Measure unplugging for some times, and a device that starts anew."""
    times = (0.1, 5.0) if brief else (0.1, 1.0, 5.0, 20.0, 60.0)
    rows = [
        outages.replugged(absent_s, side)
        for side in ("left", "right", "")
        for absent_s in times[:: 1 if side == "left" else 2]
    ]
    rows += [outages.rebooted() for _ in range(1 if brief else 5)]
    heads = ["what happens", "absent", "back after (bar 1 s)", "server CPU meanwhile (bar 2 %)", "lost, again, wrong"]
    table = Table("Outages, with events in both directions all the time", heads)
    for row in rows:
        absent = f"{row['absent_s']:g} s" if "absent_s" in row else ""
        costs = f"{row['absent_cpu']:.1%}" if row.get("absent_s", 0) >= 1 else ""
        table.rows.append([row["what"], absent, f"{row['back_s']:.2f} s", costs, faults(row)])
    return table, rows


def all_rubbish(brief: bool) -> tuple[Table, list[dict[str, Any]]]:
    """Measure each kind of rubbish; a megabyte of noise, less of the others."""
    some = 100_000 if brief else 200_000
    rows = [rubbish.measured(kind, MEGABYTE if kind == "noise" and not brief else some) for kind in rubbish.KINDS]
    heads = [
        "what comes",
        "bytes",
        "taken for events",
        "answered",
        "memory",
        "server CPU",
        "heard again",
        "lost, again, wrong",
    ]
    table = Table("Rubbish from the device, which triggers events meanwhile", heads)
    for row in rows:
        cells = [row["kind"], str(row["bytes"]), str(row["heard_meanwhile"]), f"{row['answered_bytes_s']:.0f} B/s"]
        cells += [f"{row['rss_kib']:+.0f} KiB", f"{row['server_cpu']:.0%}", f"after {row['back_s']:.2f} s", faults(row)]
        table.rows.append(cells)
    return table, rows


def faults(row: Mapping[str, Any]) -> str:
    """Return what must be three times nothing."""
    return ", ".join(str(row[name]) for name in ("lost", "repeated", "wrong"))


PARTS: dict[str, Callable[[bool], tuple[Table, list[dict[str, Any]]]]] = {
    "goodput": all_goodput,
    "round-trips": all_round_trips,
    "outages": all_outages,
    "rubbish": all_rubbish,
    "ports": all_ports,
}


if __name__ == "__main__":
    main()
