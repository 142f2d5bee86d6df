# SPDX-License-Identifier: MIT
"""Who is blamed for holding up others, where readers have queues of very different lengths."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from sigcore._options import UNLIMITED
from sigcore.protocol.holdups import HoldUps, fair_s
from sigcore.protocol.stall import StallBudget

MIB = 1024 * 1024


@dataclass(eq=False)
class Queue:
    """A reader, as far as this goes: how much may wait for it, how much does, how much it took."""

    most_waiting: int
    waiting_size: int
    taken: int = 0
    has_given_way: bool = False
    fair_s: float = 10.0
    stall: StallBudget = field(default_factory=StallBudget)

    def give_way(self) -> None:
        self.has_given_way = True


def hold_up(slow: Queue, other: Queue) -> bool:
    """Let ``slow`` hold up a publisher for 2 s, at a fair pace; return whether it had to give way."""
    hold_ups = HoldUps()
    for tenth in range(20):
        slow.taken += slow.most_waiting // 50  # all that may wait would be read in 5 s
        now_s = 10.0 + tenth / 10
        hold_ups.wait(None, [slow], [other], now_s)
        hold_ups.look(now_s)
    return slow.has_given_way


@pytest.mark.parametrize("most", [4 * MIB, 1024 * MIB, UNLIMITED])
def test_a_reader_with_a_lot_to_read_does_not_run_dry_however_much_may_wait_for_it(most: int) -> None:
    assert not hold_up(Queue(4 * MIB, 4 * MIB), Queue(most, 1 * MIB))
    assert hold_up(Queue(4 * MIB, 4 * MIB), Queue(most, 1 * MIB - 1))


def test_of_a_short_queue_a_quarter_is_enough() -> None:
    assert not hold_up(Queue(4 * MIB, 4 * MIB), Queue(1000, 250))
    assert hold_up(Queue(4 * MIB, 4 * MIB), Queue(1000, 249))


@pytest.mark.parametrize("piece_s", [0.1, 0.25, 1.0])
@pytest.mark.parametrize("baudrate", [1_200, 9_600, 115_200])
def test_a_reader_that_reads_as_fast_as_its_line_carries_has_a_fair_pace_in_whatever_pieces(
    baudrate: int, piece_s: float
) -> None:
    byte_s = 10 / baudrate
    reader = Queue(65_536, 65_536, fair_s=fair_s(65_536, byte_s))
    hold_ups = HoldUps()
    for tenth in range(600):
        reader.taken = int(tenth / 10 // piece_s * piece_s / byte_s)
        hold_ups.look(10.0 + tenth / 10)
        hold_ups.wait(None, [reader], [], 10.0 + tenth / 10)
    assert not reader.has_given_way


def test_a_reader_that_stops_at_a_slow_line_holds_up_nobody_for_long() -> None:
    reader = Queue(65_536, 65_536, fair_s=fair_s(65_536, 10 / 9_600))
    hold_ups = HoldUps()
    for tenth in range(80):
        reader.taken = min(96 * tenth, 960)
        hold_ups.look(10.0 + tenth / 10)
        hold_ups.wait(None, [reader], [], 10.0 + tenth / 10)
    assert reader.has_given_way


def test_a_line_that_is_fast_enough_changes_nothing() -> None:
    assert fair_s(4 * MIB, 0.0) == fair_s(4 * MIB, 1e-8) == 10.0
