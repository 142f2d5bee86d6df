# SPDX-License-Identifier: MIT
"""Figures by name, for prose: ``1-to-1 sigcore ratio`` stands for what was measured."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ..compare.tables import number
from ..compare.workloads import WORKLOADS
from .bars import of_row, within_rounds
from .measured import Measured

UNKNOWN = "(not measured)"
PLACE = re.compile(r"\{([^{}]+)\}")
SIDES = {"sends": "publish", "between": "broker", "receives": "subscribe"}


def quotes(measured: Measured) -> Mapping[str, str]:
    """Return all figures that prose may name."""
    found = dict(of_comparison(measured))
    for row in measured.figures("in_process"):
        if "ratio" in row:
            found[f"{row['case']}, {row['system']}, ns"] = f"{row['ns']:.0f}"
            found[f"{row['case']}, {row['system']}, ratio"] = f"{row['ratio']:.2f}"
    for row in measured.figures("client_path"):
        found[f"{row['what']} ns"] = f"{row['ns']:.0f}"
        found[f"{row['what']} codec ns"] = f"{row['codec_ns']:.0f}"
    for row in measured.figures("server_path"):
        found[f"server ns, readers {row['readers']}, a read {row['a_read']}"] = f"{row['ns']:.0f}"
    for row in measured.figures("advice"):
        found[f"{row['way']} us"] = f"{row['us']:.2f}"
    for row in measured.figures("startup"):
        found[f"start {row['what']}"] = f"{row['median_ms']:.0f}"
        found[f"start {row['what']}, over bare"] = f"{row['over_bare_ms']:.0f}"
    return found


def of_comparison(measured: Measured) -> Iterator[tuple[str, str]]:
    for workload, rows in measured.rows.items():
        for system, row in rows.items():
            name = f"{workload} {system}"
            yield name, of_row(row, ratio=False)
            if row.ratio:
                yield f"{name} ratio", number(row.ratio.middle)
            if WORKLOADS[workload].is_round_trip:
                yield f"{name} p99", number(row.latency_us("p99"))
            for side, role in SIDES.items():
                yield f"{name} {side}", f"{row.cpu_us(role):.2f}"
    one_to_one = measured.rows["1-to-1"]
    if "sigcore" in one_to_one and "sigcore-blocking" in one_to_one:
        yield "blocking share", number(within_rounds(one_to_one["sigcore-blocking"], one_to_one["sigcore"]))


def with_quotes(text: str, known: Mapping[str, str]) -> str:
    """Return text with what was measured in the place of each ``{name}``."""
    return PLACE.sub(lambda place: known.get(place[1], UNKNOWN), text)
