# SPDX-License-Identifier: MIT
"""One direction of a link: what goes in comes out in order; perhaps later, in smaller pieces, or not for a while."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable

from ._fault_options import FaultOptions

_RATE_STEP_S = 0.02  # what is slowed down comes in pieces of that much time, not in one lump at the end


class Allowance:
    """Bytes that may still pass before something happens; shared by the directions that it counts.

    Args:
        count: How many bytes; ``None`` for no end.
        spent: What happens, at the very byte.
    """

    def __init__(self, count: int | None, spent: Callable[[], None] = lambda: None) -> None:
        self._left = count
        self._spent = spent

    def most(self, size: int) -> int:
        """Return how many of ``size`` bytes may pass."""
        return size if self._left is None else min(size, self._left)

    def spend(self, count: int) -> None:
        """Take down that ``count`` bytes passed."""
        if self._left is None:
            return
        self._left -= count
        if self._left == 0:
            self._left = None  # it happens once
            self._spent()


class Line:
    """Holds bytes until they may pass.

    Args:
        options: The faults of this direction.
        seed: What the random part of a delay follows from.
        deliver: Takes each piece that passes.
        allowance: How many bytes may pass.

    Attributes:
        held_bytes: How many wait here.
        passed_bytes: How many have passed.
    """

    def __init__(
        self, options: FaultOptions, seed: str, deliver: Callable[[bytes], None], allowance: Allowance
    ) -> None:
        self.held_bytes = 0
        self.passed_bytes = 0
        self._options = options
        self._random = random.Random(f"{seed}/jitter")  # noqa: S311  # faults to be repeated, no secret
        self._deliver = deliver
        self._allowance = allowance
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[tuple[float, bytes | memoryview]] = deque()  # when it may pass, and what
        self._at_end: Callable[[], None] | None = None
        self._holds: set[str] = set()
        self._busy_until_s = 0.0
        self._timer: asyncio.Handle | None = None

    def push(self, data: bytes) -> None:
        """Take more bytes; where nothing is in their way, they have passed when this returns."""
        if not data:
            return
        self._waiting.append((self._due_s(), data))
        self.held_bytes += len(data)
        self._pass_what_may()

    def finish(self, then: Callable[[], None]) -> None:
        """Call ``then`` when everything has passed."""
        self._at_end = then
        self._pass_what_may()

    def hold(self, reason: str) -> None:
        """Let nothing pass until ``release`` was called for every reason there is."""
        self._holds.add(reason)

    def release(self, reason: str) -> None:
        """Take one reason away; what waited passes soon."""
        if reason in self._holds:
            self._holds.discard(reason)
            self._look_again()

    def is_held_for(self, reason: str) -> bool:
        """Whether ``hold`` was called for that reason, and not ``release``."""
        return reason in self._holds

    def clear(self) -> None:
        """Forget what waits, its end too."""
        self._waiting.clear()
        self.held_bytes = 0
        self._at_end = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _due_s(self) -> float:
        if not (self._options.delay or self._options.jitter):
            return 0.0
        return self._loop.time() + self._options.delay + self._options.jitter * self._random.random()

    def _look_again(self, after_s: float = 0.0) -> None:
        if self._timer is None:
            loop = self._loop
            self._timer = loop.call_later(after_s, self._on_timer) if after_s else loop.call_soon(self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self._pass_what_may()

    def _pass_what_may(self) -> None:
        while self._waiting and not self._holds and self._timer is None:
            wait_s = max(self._waiting[0][0], self._busy_until_s) - self._loop.time()
            if wait_s > 0:
                self._look_again(wait_s)
            else:
                self._pass_one()
        if self._at_end is not None and not self._waiting and not self._holds:
            then, self._at_end = self._at_end, None
            then()

    def _pass_one(self) -> None:
        piece = self._next_piece()
        self.held_bytes -= len(piece)
        self.passed_bytes += len(piece)
        if self._options.rate:
            self._busy_until_s = max(self._busy_until_s, self._loop.time()) + len(piece) / self._options.rate
        if self._options.slice:
            self._look_again()
        self._deliver(piece)
        self._allowance.spend(len(piece))

    def _next_piece(self) -> bytes:
        due_s, data = self._waiting.popleft()
        most = self._allowance.most(len(data))
        if self._options.slice:
            most = min(most, self._options.slice)
        if self._options.rate:
            most = min(most, max(1, int(self._options.rate * _RATE_STEP_S)))
        if most < len(data):
            self._waiting.appendleft(
                (due_s, memoryview(data)[most:])
            )  # a view, or small pieces would copy all the rest
        return bytes(data[:most])
