# SPDX-License-Identifier: MIT
"""How much of a line at 115 200 baud a link makes use of, both directions busy, in virtual time.

Virtual time is that of the line: the figures are the same on any machine. ``SIGCORE_LONG_TESTS=1`` runs all 20 seeds of
each case; the short form runs four.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import pytest
from sig_serial._line_faults import LineFaults
from sig_serial._link import Text, Up
from sig_serial._tables import Role
from sig_serial._virtual_line import BYTE_S, Fault, Side, VirtualLine, no_fault

IS_LONG = os.environ.get("SIGCORE_LONG_TESTS") == "1"
SEEDS = range(20) if IS_LONG else range(4)
EVENTS = 1000
SESSION_SHARE = 0.99
"""What the session above takes besides its frames: credit, acknowledgements, heartbeats."""

WAITS_BYTES = 512
"""About how much is written ahead of the link, as the transport does it."""

ALL_AT_ONCE_BYTES = 1 << 16
"""A piece that is never reached: the line gives out, and loses, a whole write."""


@dataclass(frozen=True)
class Case:
    """A line, and the least share of it that the bodies of events must have."""

    least: float
    fault: Callable[[int], Fault] = lambda _seed: no_fault
    piece_bytes: int = 64


CASES = {
    "clean": Case(0.88),
    "ber 1e-5": Case(0.80, lambda seed: LineFaults(seed, ber=1e-5)),
    "ber 1e-4": Case(0.65, lambda seed: LineFaults(seed, ber=1e-4)),
    "ber 1e-3": Case(0.25, lambda seed: LineFaults(seed, ber=1e-3)),
    "drop 1e-4": Case(0.60, lambda seed: LineFaults(seed, drop=1e-4)),
    "insert 1e-4": Case(0.60, lambda seed: LineFaults(seed, insert=1e-4)),
    "20 % of writes lost": Case(0.40, lambda seed: LineFaults(seed, lose_call=0.2), ALL_AT_ONCE_BYTES),
    "bursts of 40 ms": Case(0.60, lambda seed: LineFaults(seed, burst=1e-4, burst_bytes=461)),
    "what came comes again": Case(0.60, lambda seed: LineFaults(seed, duplicate=1e-4)),
}


def feed(side: Side, events: list[bytes]) -> Callable[[], None]:
    """Return what writes the next of ``events`` whenever few bytes wait."""
    waiting = iter(events)

    def write_some() -> None:
        while side.link.is_up and side.link.unsent < WAITS_BYTES and (event := next(waiting, None)) is not None:
            side.link.write(event)

    return write_some


def shares(line: VirtualLine, frame_bytes: int, body_bytes: int, events: int) -> list[float]:
    """Send events both ways at once; return which share of the line the bodies had in each direction."""
    random = Random(1)
    streams = {side.role: [random.randbytes(frame_bytes) for _ in range(events)] for side in line.sides}
    assert line.run(5, until=lambda: line.is_up)
    begun_s, took_s = line.now_s, dict[Role, float]()
    for side in line.sides:
        side.on_room = feed(side, streams[side.role])
        line.pump(side)

    def all_is_there() -> bool:
        for side in line.sides:
            if side.role not in took_s and len(line.other(side).received) == events * frame_bytes:
                took_s[side.role] = line.now_s - begun_s
        return len(took_s) == len(line.sides)

    assert line.run(3600, until=all_is_there)
    for side in line.sides:
        assert line.other(side).received == b"".join(streams[side.role]), "lost, doubled, out of order or changed"
        assert [event for _, event in side.happened if not isinstance(event, Text)] == [Up()]
    return [SESSION_SHARE * events * body_bytes * BYTE_S / seconds for seconds in took_s.values()]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", CASES)
def test_a_bad_line_carries_as_much_as_promised_and_all_of_it_right(name: str) -> None:
    case = CASES[name]
    reached = []
    for seed in SEEDS:
        line = VirtualLine(piece_bytes=case.piece_bytes)
        for n, side in enumerate(line.sides):
            side.fault = case.fault(2 * seed + n)
        reached += shares(line, 209, 200, EVENTS)
    print(f"{name}: {min(reached):.3f} to {max(reached):.3f} of the line")
    assert min(reached) >= case.least


def test_short_events_share_their_packets() -> None:
    assert min(shares(VirtualLine(), 29, 20, EVENTS)) >= 0.60


def test_nothing_is_sent_twice_on_a_clean_line() -> None:
    line = VirtualLine()
    shares(line, 209, 200, EVENTS)
    assert [side.link.counters.retransmitted for side in line.sides] == [0, 0]


@pytest.mark.parametrize("latency_s", [0.001, 0.016, 0.1])
def test_the_latency_of_an_adapter_costs_no_share(latency_s: float) -> None:
    line = VirtualLine(latency_s=latency_s)
    assert min(shares(line, 209, 200, EVENTS)) >= 0.85
    assert [side.link.counters.retransmitted for side in line.sides] == [0, 0]
