# SPDX-License-Identifier: MIT
"""Who is blamed for holding up others, where readers have queues of very different lengths."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from sigcore._options import UNLIMITED
from sigcore.protocol.holdups import HoldUps
from sigcore.protocol.stall import StallBudget

MIB = 1024 * 1024


@dataclass(eq=False)
class Queue:
    """A reader, as far as this goes: how much may wait for it, how much does, how much it took."""

    most_waiting: int
    waiting_size: int
    taken: int = 0
    has_given_way: bool = False
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
