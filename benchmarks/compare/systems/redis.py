# SPDX-License-Identifier: MIT
"""Redis: redis-py with hiredis, and redis-server: its publish and subscribe.

Events are published in pipelines without a transaction. Requests and replies go through a list each: one pipeline
appends to one and waits at the other. Callers that ask at once are tasks of asyncio; redis-py would give each of them a
connection of its own, which takes twenty times as long as here: what they have to send is appended in one command
whenever the one before is done. Protocol 2, whose replies hiredis hands over as plain lists. The server keeps nothing
on disk, and its limit on what a subscriber may have waiting is off.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..broker import Broker, free_port, started
from ..gate import Gate
from ..json_bytes import coding
from ..needs import lacking, program, versions
from ..plan import Plan
from ..trips import Callers, Trips, tagged, untagged
from ..workloads import COMMON

if TYPE_CHECKING:
    from redis.client import PubSub

with suppress(ImportError):
    import redis
    from redis.asyncio import Redis as AsyncRedis

BATCH = 500
BATCH_BYTES = 1024 * 1024
PONG = "pong"
ASKS, ANSWERS = "asks", "answers"
MANY = 1000
Bodies = AsyncIterator[tuple[int, bytes]]
"""Slots with their payloads."""
OPTIONS = (
    *("--bind", "127.0.0.1", "--save", "", "--appendonly", "no"),
    *("--client-output-buffer-limit", "pubsub 0 0 0"),
)


class Redis:
    """Blocking programs on redis-py."""

    name = "redis-py, redis"
    form = "threads"
    workloads = COMMON

    def missing(self) -> str:
        return lacking({"redis": "redis", "hiredis": "hiredis"}, ["redis-server"])

    def version(self) -> str:
        return versions("redis", "redis-server", "--version")

    def broker(self, folder: Path) -> AbstractContextManager[Broker]:
        port = free_port()
        command = [program("redis-server"), "--port", str(port), "--dir", str(folder), *OPTIONS]
        return started(command, f"redis://127.0.0.1:{port}", port)

    def publish(self, address: str, plan: Plan, gate: Gate) -> None:
        encode, _ = coding(plan)
        batch = min(BATCH, BATCH_BYTES // max(1, plan.payload_bytes))
        with connected(address) as link, link.pipeline(transaction=False) as pipeline:
            gate.ready()
            for topic, data in plan.events(plan.number):
                pipeline.publish(topic, encode(data))
                if len(pipeline) == batch:
                    pipeline.execute()
            pipeline.execute()
            gate.sent()
            gate.end()

    def subscribe(self, address: str, plan: Plan, gate: Gate) -> None:
        _, decode = coding(plan)
        with connected(address) as link, subscribed(link, plan.topics) as events:
            gate.ready()
            took, left = gate.took, plan.expected
            for message in events.listen():
                took(message["channel"], decode(message["data"]))
                left -= 1
                if not left:
                    break
            gate.end()

    def ping(self, address: str, plan: Plan, gate: Gate) -> None:
        trips = Trips(plan, gate)
        with connected(address) as link, subscribed(link, [PONG]) as back:
            gate.ready()
            (_, payload), *_ = trips.first()
            while payload is not None:
                link.publish(plan.topics[0], payload)
                payload = trips.next(0, next(back.listen())["data"])
            gate.end()

    def pong(self, address: str, plan: Plan, gate: Gate) -> None:
        encode, decode = coding(plan)
        with connected(address) as link, subscribed(link, plan.topics) as events:
            gate.ready()
            for message, _ in zip(events.listen(), range(plan.count), strict=False):
                link.publish(PONG, encode(decode(message["data"])))
            gate.end()

    def ask(self, address: str, plan: Plan, gate: Gate) -> Awaitable[None] | None:
        if plan.concurrency > 1:
            return ask_at_once(address, plan, gate)
        trips = Trips(plan, gate)
        with connected(address) as link:
            gate.ready()
            (_, payload), *_ = trips.first()
            while payload is not None:
                (reply,) = pushed_and_popped(link, ASKS, [payload], ANSWERS)
                payload = trips.next(0, reply)
            gate.end()
        return None

    def answer(self, address: str, plan: Plan, gate: Gate) -> Awaitable[None] | None:
        if plan.concurrency > 1:
            return answer_at_once(address, plan, gate)
        encode, decode = coding(plan)
        with connected(address) as link:
            gate.ready()
            bodies: list[bytes] = []
            for _ in range(plan.count):
                (asked,) = pushed_and_popped(link, ANSWERS, bodies, ASKS)
                bodies = [encode(decode(asked))]
            link.rpush(ANSWERS, *bodies)
            gate.end()
        return None


class RedisBatches(Redis):
    """One program that asks for many: all requests of a trip in one command, all their replies in another."""

    name = "redis-py, redis, batches by hand"
    workloads = frozenset({"requests-64"})

    def ask(self, address: str, plan: Plan, gate: Gate) -> None:
        trips = Trips(plan, gate)
        with connected(address) as link:
            gate.ready()
            bodies = [tagged(slot, payload) for slot, payload in trips.first()]
            left = plan.count
            while left:
                replies = pushed_and_popped(link, ASKS, bodies, ANSWERS)
                followed = [(slot, trips.next(slot, payload)) for slot, payload in map(untagged, replies)]
                bodies = [tagged(slot, payload) for slot, payload in followed if payload is not None]
                left -= len(replies)
            gate.end()

    def answer(self, address: str, plan: Plan, gate: Gate) -> None:
        encode, decode = coding(plan)
        with connected(address) as link:
            gate.ready()
            bodies: list[bytes] = []
            left = plan.count
            while left:
                asked = pushed_and_popped(link, ANSWERS, bodies, ASKS)
                bodies = [tagged(slot, encode(decode(payload))) for slot, payload in map(untagged, asked)]
                left -= len(asked)
            link.rpush(ANSWERS, *bodies)
            gate.end()


class Appender:
    """Appends to a list what tasks give it, as much at once as there is when the command before is done."""

    def __init__(self, link: AsyncRedis, key: str) -> None:
        self._link = link
        self._key = key
        self._bodies: list[bytes] = []
        self._is_wanted = asyncio.Event()

    def append(self, slot: int, payload: bytes) -> None:
        self._bodies.append(tagged(slot, payload))
        self._is_wanted.set()

    async def run(self) -> None:
        """Append for ever."""
        while True:
            await self._is_wanted.wait()
            self._is_wanted.clear()
            bodies, self._bodies = self._bodies, []
            await self._link.rpush(self._key, *bodies)


async def ask_at_once(address: str, plan: Plan, gate: Gate) -> None:
    """Ask from many tasks, each of which awaits its own reply."""
    async with working(address, ASKS, ANSWERS) as (asks, replies):
        callers = Callers(plan, gate, asks.append)

        async def dispatch() -> None:
            async for slot, payload in replies:
                callers.came_back(slot, payload)

        dispatching = asyncio.create_task(dispatch())
        await gate.ready_async()
        await callers.ask()
        await gate.end_async()
        dispatching.cancel()


async def answer_at_once(address: str, plan: Plan, gate: Gate) -> None:
    """Answer each request by itself."""
    encode, decode = coding(plan)
    async with working(address, ANSWERS, ASKS) as (replies, asks):
        await gate.ready_async()
        left = plan.count
        async for slot, payload in asks:
            replies.append(slot, encode(decode(payload)))
            left -= 1
            if not left:
                break
        await gate.end_async()


@asynccontextmanager
async def working(address: str, there: str, back: str) -> AsyncIterator[tuple[Appender, Bodies]]:
    """Have what appends to one list, and what comes in the other, on a connection each."""
    async with AsyncRedis.from_url(address, protocol=2, socket_timeout=None) as link:

        async def popped() -> Bodies:
            while True:
                _, bodies = await link.blmpop(0, 1, back, direction="LEFT", count=MANY)
                for body in bodies:
                    yield untagged(body)

        appender = Appender(link, there)
        appending = asyncio.create_task(appender.run())
        yield appender, popped()
        appending.cancel()


@contextmanager
def connected(address: str) -> Iterator[redis.Redis]:
    """Connect to the server, without a pool of connections to look through; reading waits for as long as it takes."""
    with redis.Redis.from_url(address, protocol=2, single_connection_client=True, socket_timeout=None) as link:
        yield link


@contextmanager
def subscribed(link: redis.Redis, channels: Sequence[str]) -> Iterator[PubSub]:
    """Subscribe to channels; the server has said that it knows."""
    with link.pubsub(ignore_subscribe_messages=True) as events:
        events.subscribe(*channels)
        for _ in channels:
            events.get_message(timeout=None)
        yield events


def pushed_and_popped(link: redis.Redis, there: str, bodies: Sequence[bytes], back: str) -> list[bytes]:
    """Append to one list, wait until there is something in the other, and take it: all in one trip to the server."""
    with link.pipeline(transaction=False) as pipeline:
        if bodies:
            pipeline.rpush(there, *bodies)
        pipeline.blmpop(0, 1, back, direction="LEFT", count=MANY)
        found: list[bytes] = pipeline.execute()[-1][1]
    return found
