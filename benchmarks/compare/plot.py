# SPDX-License-Identifier: MIT
"""The ratios as a picture: one panel for each workload, one dot for each system, the raw limit a line at 1."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from .ratios import Row, Spread, rows_of
from .run import Run
from .systems import load_system
from .workloads import WORKLOADS, Workload

OURS, THEIRS, FAINT = "#c2410c", "#475569", "#cbd5e1"
STYLE = {
    "font.size": 9.0,
    "axes.titlesize": 9.0,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.edgecolor": FAINT,
    "axes.grid": True,
    "axes.grid.axis": "x",
    "grid.color": FAINT,
    "grid.linewidth": 0.5,
    "svg.fonttype": "none",  # text as text: a third of the size
    "svg.hashsalt": "sigcore",
}
PER_LINE = 3
ROW_INCHES, TITLE_INCHES = 0.22, 0.8
RATES, TIMES = (0.003, 1.5), (0.7, 20.0)
"""What the axes show at least, so that all panels of a kind can be compared."""


def draw_ratios(runs: Sequence[Run], folder: Path) -> None:
    """Write ``ratios.png`` and ``ratios.svg``; nothing where no workload was compared with the raw limit."""
    panels = [
        (workload, rows)
        for workload in WORKLOADS.values()
        if workload.against == "raw" and (rows := [row for row in rows_of(workload, runs) if is_shown(row)])
    ]
    if not panels:
        return
    lines = -(-len(panels) // PER_LINE)
    tallest = max(len(rows) for _, rows in panels)
    with plt.rc_context(STYLE):
        size = (12.0, lines * (tallest * ROW_INCHES + TITLE_INCHES) + 0.3)
        figure, grid = plt.subplots(lines, PER_LINE, figsize=size, squeeze=False, layout="constrained")
        for axes in grid.flat[len(panels) :]:
            axes.set_visible(False)
        for axes, (workload, rows) in zip(grid.flat, panels, strict=False):
            draw_panel(axes, workload, rows)
        figure.suptitle(
            "Times the raw limit, which is a bare relay of plain sockets: medians, and the spread of rounds"
        )
        for kind, metadata in (("png", {}), ("svg", {"Date": None})):
            figure.savefig(folder / f"ratios.{kind}", dpi=100, metadata=metadata)
        plt.close(figure)


def is_shown(row: Row) -> bool:
    return row.ratio is not None and row.ratio.low > 0 and row.system != "raw"


def draw_panel(axes: Any, workload: Workload, rows: Sequence[Row]) -> None:
    """Draw the systems of one workload, the best on top."""
    axes.set_title(
        f"{workload.title}\n{'latency, less is better' if workload.less_is_better else workload.unit}", linespacing=1.4
    )
    axes.axvline(1.0, color="black", linewidth=0.8)
    colors = [OURS if row.system.startswith("sigcore") else THEIRS for row in rows]
    for place, (row, color) in enumerate(zip(rows, colors, strict=True)):
        assert row.ratio is not None
        axes.plot([row.ratio.low, row.ratio.high], [place, place], color=color, linewidth=3, alpha=0.35)
        axes.plot(row.ratio.middle, place, "o", color=color, markersize=5)
    axes.set_yticks(range(len(rows)), [label(row) for row in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    for text, color in zip(axes.get_yticklabels(), colors, strict=True):
        text.set_color(color)
    scale(axes, TIMES if workload.less_is_better else RATES, [row.ratio for row in rows if row.ratio])


def scale(axes: Any, least: tuple[float, float], ratios: Sequence[Spread]) -> None:
    """Give an axis of ratios its ends and ticks: logarithmic, and wide enough for all."""
    axes.set_xscale("log")
    low, high = min(ratio.low for ratio in ratios), max(ratio.high for ratio in ratios)
    axes.set_xlim(min(least[0], low / 1.3), max(least[1], high * 1.3))
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())


def label(row: Row) -> str:
    """Return a system's name with its ratio."""
    assert row.ratio is not None
    return f"{load_system(row.system).name}  {row.ratio.middle:.2g}"
