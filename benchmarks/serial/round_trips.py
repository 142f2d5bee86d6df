# SPDX-License-Identifier: MIT
"""How long a small request and its reply take, against the time of their bytes on the line."""

from __future__ import annotations

import time
from statistics import median, quantiles
from typing import Any

from .stage import Stage

SIZE = 20
PAUSE_S = 0.05
"""Between two requests, so that what acknowledges one is off the line before the next."""
ALLOWED_S = 0.005
MANY = 1_000_000


def measured(number: int, *, baudrate: int = 115_200) -> dict[str, Any]:
    """Ask ``number`` requests one at a time on an idle line, then again while events fill both directions."""
    with Stage(baudrate=baudrate) as stage:
        stage.device.ask("ask", count=1, size=SIZE)
        idle, line_bytes = _one_by_one(stage, number)
        for peer in (stage.server, stage.device):
            peer.ask("flood", count=MANY, size=200)
        time.sleep(2)  # until all queues are full
        busy = [took_s for _ in range(number) for took_s in stage.device.ask("ask", count=1, size=SIZE)]
        bar_s = 2 * line_bytes * stage.byte_s + ALLOWED_S
    return {
        "baudrate": baudrate,
        "requests": number,
        "line_bytes": line_bytes,
        "line_ms": 1e3 * line_bytes * stage.byte_s,
        "bar_ms": 1e3 * bar_s,
        "idle_ms_p50": 1e3 * median(idle),
        "idle_ms_p90": 1e3 * quantiles(idle, n=10)[-1],
        "busy_ms_p50": 1e3 * median(busy),
        "busy_ms_p90": 1e3 * quantiles(busy, n=10)[-1],
    }


def _one_by_one(stage: Stage, number: int) -> tuple[list[float], float]:
    """Return the times, and how many bytes the line had carried in both directions when a reply was there."""
    times: list[float] = []
    line_bytes: list[int] = []
    for _ in range(number):
        time.sleep(PAUSE_S)
        before = _carried(stage)
        times += stage.device.ask("ask", count=1, size=SIZE)
        line_bytes.append(_carried(stage) - before)
    return times, median(line_bytes)


def _carried(stage: Stage) -> int:
    return sum(way["carried"] for line in stage.lines.counts() for way in line.values())
