# SPDX-License-Identifier: MIT
"""How much of a line is event bodies, while both directions have all that they can carry."""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

from .stage import Stage, wait

LIMIT_S = 300.0


def measured(
    size: int,
    bad: tuple[str, ...],
    events: int,
    lines: int,
    *,
    baudrate: int = 115_200,
    step_ms: float = 1.0,
    seed: int = 0,
) -> dict[str, Any]:
    """Flood ``lines`` lines in both directions with ``events`` events each of ``size`` bytes, and count what arrives.

    Each direction of each line has a seed of its own, from ``2 * seed`` on. Its rate is that of the time in which all
    directions were busy, without the first tenth.
    """
    with Stage(lines, baudrate, step_ms, bad=bad, seed=2 * seed) as stage:
        before, cpu_s, line_s = _carried(stage), stage.server.ask("costs"), stage.byte_s
        for peer in (stage.server, stage.device):
            peer.ask("flood", count=events, size=size)
        wait(lambda: _all_heard(stage, events), f"{events} events of {size} B, {bad}", LIMIT_S)
        after, costs = _carried(stage), stage.server.ask("costs")
        times = [peer.ask("times", side=n) for peer in (stage.server, stage.device) for n in range(lines)]
        faults = [heard for peer in (stage.server, stage.device) for heard in peer.ask("heard")]
    shares = _shares(times, size * line_s)
    return {
        "size": size,
        "bad": " ".join(bad) or "clean",
        "lines": lines,
        "baudrate": baudrate,
        "events": events,
        "goodput": sum(shares) / len(shares),
        "worst": min(shares),
        "line_bytes_each": (after - before) / (events * 2 * lines),
        "server_cpu": (costs["cpu_s"] - cpu_s["cpu_s"]) / (costs["now_s"] - cpu_s["now_s"]),
        **{name: sum(each["faults"][name] for each in faults) for name in ("lost", "repeated", "wrong")},
        "missing": sum(events - each["events"] for each in faults),
        "gaps": sum(len(each["gaps"]) for each in faults),
    }


def merged(found: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what several measurements of one case come to."""
    one = dict(found[0])
    for name in ("lines", "lost", "repeated", "wrong", "missing", "gaps"):
        one[name] = sum(each[name] for each in found)
    for name in ("goodput", "line_bytes_each", "server_cpu"):
        one[name] = sum(each[name] for each in found) / len(found)
    one["worst"] = min(each["worst"] for each in found)
    return one


def _all_heard(stage: Stage, events: int) -> bool:
    return all(each["events"] >= events for peer in (stage.server, stage.device) for each in peer.ask("heard"))


def _carried(stage: Stage) -> int:
    return sum(way["carried"] for line in stage.lines.counts() for way in line.values())


def _shares(times: list[list[float]], event_s: float) -> list[float]:
    """Return for each direction the share of its line that bodies were, ``event_s`` being what one would take alone."""
    began_s, ended_s = max(each[0] for each in times), min(each[-1] for each in times)
    began_s += (ended_s - began_s) / 10
    inside = [bisect_left(each, ended_s) - bisect_left(each, began_s) for each in times]
    return [number * event_s / (ended_s - began_s) for number in inside]
