# SPDX-License-Identifier: MIT
"""Things that end at some time, on one timer for all of them."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable, Collection
from typing import Generic, TypeVar

T = TypeVar("T")


class Deadlines(Generic[T]):
    """Calls ``expire`` with each thing whose time is over, if it is open still.

    What ends in time, as nearly everything does, costs no timer: it is passed over when its turn comes.

    Args:
        open: What is open; others change it.
        expire: Called on the loop; what it is called with is to be closed soon.
    """

    def __init__(self, open: Collection[T], expire: Callable[[T], object]) -> None:
        self._open = open
        self._expire = expire
        self._heap: list[tuple[float, int, T]] = []
        self._numbers = itertools.count()  # things of one time are not compared
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due_s = 0.0  # uvloop's handles do not tell

    def put(self, deadline_s: float, thing: T) -> None:
        """Have a thing that is open end at a time of the running loop's clock."""
        heapq.heappush(self._heap, (deadline_s, next(self._numbers), thing))
        if self._timer is None or deadline_s < self._timer_due_s:
            self._arm()
        if len(self._heap) > 64 + 2 * len(self._open):
            self._sweep()

    def close(self) -> None:
        """Stop; nothing expires any more."""
        self._heap.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _sweep(self) -> None:
        """Forget what has ended, once it is most of what is here."""
        is_open = self._open
        self._heap = [entry for entry in self._heap if entry[2] in is_open]
        heapq.heapify(self._heap)

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_due_s = self._heap[0][0]
        self._timer = asyncio.get_running_loop().call_at(self._timer_due_s, self._tick)

    def _tick(self) -> None:
        self._timer = None
        now_s = asyncio.get_running_loop().time()
        while self._heap and self._heap[0][0] <= now_s:
            thing = heapq.heappop(self._heap)[2]
            if thing in self._open:
                self._expire(thing)
        if self._heap and self._timer is None:
            self._arm()
