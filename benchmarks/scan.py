# SPDX-License-Identifier: MIT
"""What the scanner costs for each frame, in Python and, where ``sigcore-accel`` is installed, compiled.

    python -m benchmarks.scan

Nanoseconds per frame, the best of many rounds: cutting what was read into runs, and taking a run apart.
``SIGCORE_PURE=1 python -m benchmarks.server_path``, and the same without the variable, show what comes of it.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from sigcore.protocol import scanner
from sigcore.protocol.frames import Kind, frame

from .report import Report, Table, options_of

ROUNDS = 100
FRAMES_A_ROUND = 7_000
SMALL = b'{"celsius":21.5,"seq":12345,"unit":"C"}'


@dataclass(frozen=True)
class Case:
    """What one read brings.

    Attributes:
        name: As in the table.
        frames: How many frames there are in it.
        data: These frames.
        routes: The routes of their topics.
    """

    name: str
    frames: int
    data: bytes
    routes: Mapping[int, object]


def cases() -> list[Case]:
    one_route = object()
    fifty = b"".join(frame(Kind.EVENT, number % 50, SMALL) for number in range(700))
    return [
        Case("1 topic, 700 a read", 700, frame(Kind.EVENT, 1, SMALL) * 700, {1: one_route}),
        Case("1 topic, 10 a read", 10, frame(Kind.EVENT, 1, SMALL) * 10, {1: one_route}),
        Case("1 topic, 1 a read", 1, frame(Kind.EVENT, 1, SMALL), {1: one_route}),
        Case("50 topics in turn, one route", 700, fifty, dict.fromkeys(range(50), one_route)),
        Case("50 topics in turn, 50 routes", 700, fifty, {number: object() for number in range(50)}),
        Case("64 KiB each, 4 a read", 4, frame(Kind.EVENT, 1, bytes(65_536)) * 4, {1: one_route}),
        Case("a read for each 4 KiB of 64 KiB", 1, frame(Kind.EVENT, 1, bytes(65_536)), {1: one_route}),
    ]


def reads_of(case: Case) -> list[bytes]:
    """Return what the reader is fed with, time and again."""
    if case.name.startswith("a read for"):
        return [case.data[at : at + 4096] for at in range(0, len(case.data), 4096)]
    return [case.data]


def cutting(module: ModuleType, case: Case) -> Callable[[], None]:
    reader, reads = module.FrameReader(1 << 20, case.routes), reads_of(case)

    def cut() -> None:
        for data in reads:
            for _item in reader.feed(data):
                pass

    return cut


def taking_apart(module: ModuleType, case: Case) -> Callable[[], None]:
    return lambda: module.events_of(case.data)


def ns_per_frame(work: Callable[[], None], frames: int) -> float:
    times = max(1, FRAMES_A_ROUND // frames // 10)
    best = float("inf")
    for _round in range(ROUNDS):
        began = time.perf_counter()
        for _time in range(times):
            work()
        best = min(best, time.perf_counter() - began)
    return best / times / frames * 1e9


def compiled() -> ModuleType | None:
    try:
        return importlib.import_module("sig_accel.scanner")
    except ImportError:
        return None


def main() -> None:
    """Measure what is installed."""
    options = options_of(__doc__).parse_args()
    fast = compiled()
    table = Table("ns for each frame", ["", "Python", "compiled", "times as fast"])
    figures: list[dict[str, Any]] = []
    for what, work in (("cut", cutting), ("take apart", taking_apart)):
        for case in cases():
            name = f"{what}: {case.name}"
            slow_ns = ns_per_frame(work(scanner, case), case.frames)
            fast_ns = ns_per_frame(work(fast, case), case.frames) if fast else None
            figures.append({"what": name, "ns": slow_ns, "compiled_ns": fast_ns})
            cells = [f"{fast_ns:.0f}", f"{slow_ns / fast_ns:.1f}"] if fast_ns else ["", ""]
            table.rows.append([name, f"{slow_ns:.0f}", *cells])
    Report("scan", [table], figures, [] if fast else ["sigcore-accel, not installed"]).give(options.json)


if __name__ == "__main__":
    main()
