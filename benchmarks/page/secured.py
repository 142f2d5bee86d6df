# SPDX-License-Identifier: MIT
"""What TLS, and certificates with a thousand rules, cost: sigcore against itself over plain TCP, round by round."""

from __future__ import annotations

from ..compare.ratios import Row
from ..compare.systems import load_system
from ..compare.tables import number
from ..compare.workloads import WORKLOADS
from .bars import of_row, within_rounds
from .measured import Measured

SYSTEMS = ("sigcore-tls", "sigcore-locked")
HEADS = ("workload", "sigcore over TCP", "", "x of the same round", "CPU µs an event in the server, instead of")


def table(measured: Measured) -> str:
    """Return a line for each workload and way of being secured; nothing where none was measured."""
    lines = [
        line(name, rows[key], rows["sigcore"])
        for name, rows in measured.rows.items()
        for key in SYSTEMS
        if key in rows and "sigcore" in rows
    ]
    return "\n".join([f"| {' | '.join(HEADS)} |", f"|{' --- |' * len(HEADS)}", *lines]) if lines else ""


def line(workload: str, secured: Row, plain: Row) -> str:
    cells = (
        WORKLOADS[workload].title,
        of_row(plain, ratio=False),
        f"{load_system(secured.system).name}: {of_row(secured, ratio=False)}",
        number(within_rounds(secured, plain)),
        f"{secured.cpu_us('broker'):.2f}, {plain.cpu_us('broker'):.2f}",
    )
    return f"| {' | '.join(cells)} |"
