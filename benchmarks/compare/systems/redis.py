# SPDX-License-Identifier: MIT
"""Redis: redis-py with hiredis, and redis-server: its publish and subscribe.

Events are published in pipelines without a transaction. Requests and replies go through a list each: one pipeline
appends to one and waits at the other, and takes all that is there. Protocol 2, whose replies hiredis hands over as
plain lists. The server keeps nothing on disk, and its limit on what a subscriber may have waiting is off.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..broker import Broker, free_port, started
from ..gate import Gate
from ..json_bytes import coding
from ..needs import lacking, program, versions
from ..plan import Plan
from ..trips import Trips, tagged, untagged
from ..workloads import COMMON

if TYPE_CHECKING:
    from redis.client import PubSub

with suppress(ImportError):
    import redis

BATCH = 500
BATCH_BYTES = 1024 * 1024
PONG = "pong"
ASKS, ANSWERS = "asks", "answers"
MANY = 1000
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
