# SPDX-License-Identifier: MIT
"""One timer ends everything whose time is over, in order, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from sigcore.aio._deadlines import Deadlines

from .waiting import LIMIT_S

STEP_S = 0.01

pytestmark = pytest.mark.usefixtures("nothing_left")


class Things:
    """Open things, and those that have expired, in order."""

    def __init__(self) -> None:
        self.open: set[str] = set()
        self.expired: list[str] = []
        self.deadlines = Deadlines(self.open, self._expire)
        self.all_expired = asyncio.Event()

    def put(self, after_s: float, thing: str) -> None:
        self.open.add(thing)
        self.deadlines.put(asyncio.get_running_loop().time() + after_s, thing)

    def _expire(self, thing: str) -> None:
        self.open.discard(thing)
        self.expired.append(thing)
        if not self.open:
            self.all_expired.set()


def run(scenario: Callable[[Things], Awaitable[None]]) -> None:
    async def with_things() -> None:
        things = Things()
        async with asyncio.timeout(LIMIT_S):
            await scenario(things)
        things.deadlines.close()

    asyncio.run(with_things())


def test_things_expire_in_the_order_of_their_deadlines_whichever_came_first() -> None:
    async def scenario(things: Things) -> None:
        for step in (3, 1, 2):
            things.put(step * STEP_S, str(step))
        things.put(-1.0, "past")
        await things.all_expired.wait()
        assert things.expired == ["past", "1", "2", "3"]

    run(scenario)


def test_what_has_ended_does_not_expire() -> None:
    async def scenario(things: Things) -> None:
        things.put(STEP_S, "ended")
        things.put(2 * STEP_S, "open")
        things.open.discard("ended")
        await things.all_expired.wait()
        assert things.expired == ["open"]

    run(scenario)


def test_what_has_ended_is_forgotten_long_before_its_deadline() -> None:
    async def scenario(things: Things) -> None:
        for number in range(10_000):
            things.put(LIMIT_S, f"{number}")
            things.open.discard(f"{number}")
        assert len(things.deadlines._heap) < 100
        things.put(STEP_S, "open")
        await things.all_expired.wait()
        assert things.expired == ["open"]

    run(scenario)


def test_nothing_expires_after_the_end() -> None:
    async def scenario(things: Things) -> None:
        things.put(STEP_S, "open")
        things.deadlines.close()
        await asyncio.sleep(3 * STEP_S)
        assert things.expired == []

    run(scenario)
