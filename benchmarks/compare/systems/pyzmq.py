# SPDX-License-Identifier: MIT
"""ZeroMQ: publishers and subscribers around an XSUB/XPUB proxy, requests through a ROUTER/DEALER proxy.

Plain sockets: ``zmq.asyncio`` adds a future and a turn of its loop to each message. Topic and payload are one frame, as
in the weather server of ZeroMQ's guide: as two frames they take three times as long. Queues have no limit. Publishers
are XPUB, which is PUB and tells them when somebody has subscribed. Callers that ask at once are tasks of asyncio which
share a plain socket.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from ..broker import Broker, started_module
from ..gate import Gate
from ..json_bytes import coding
from ..needs import lacking, versions
from ..plan import Plan
from ..trips import Callers, Trips, tagged, untagged
from ..workloads import COMMON

with suppress(ImportError):
    import zmq

    from ..zmq_proxy import WELCOME, unlimited

PONG = "pong"


class PyZmq:
    """Blocking programs on pyzmq."""

    name = "pyzmq, XSUB/XPUB proxy"
    form = "threads"
    workloads = COMMON

    def missing(self) -> str:
        return lacking({"zmq": "pyzmq"})

    def version(self) -> str:
        return f"{versions('pyzmq')}, libzmq {zmq.zmq_version()}"

    def broker(self, folder: Path) -> AbstractContextManager[Broker]:
        return started_module("benchmarks.compare.zmq_proxy")

    def publish(self, address: str, plan: Plan, gate: Gate) -> None:
        encode, _ = coding(plan)
        heads = {topic: head(topic) for topic in plan.topics_of(plan.number)}
        with connected(zmq.XPUB, address) as out:
            wait_for_subscriptions(out, heads.values())
            gate.ready()
            send = out.send
            for topic, data in plan.events(plan.number):
                send(heads[topic] + encode(data))
            gate.sent()
            gate.end()

    def subscribe(self, address: str, plan: Plan, gate: Gate) -> None:
        _, decode = coding(plan)
        with subscribed(address, map(head, plan.topics)) as events:
            gate.ready()
            receive, took = events.recv, gate.took
            for _ in range(plan.expected):
                topic, _, payload = receive().partition(b" ")
                took(topic, decode(payload))
            gate.end()

    def ping(self, address: str, plan: Plan, gate: Gate) -> None:
        there = head(plan.topics[0])
        trips = Trips(plan, gate)
        with connected(zmq.XPUB, address) as out, subscribed(address, [head(PONG)]) as back:
            wait_for_subscriptions(out, [there])
            gate.ready()
            (_, payload), *_ = trips.first()
            while payload is not None:
                out.send(there + payload)
                payload = trips.next(0, back.recv().partition(b" ")[2])
            gate.end()

    def pong(self, address: str, plan: Plan, gate: Gate) -> None:
        encode, decode = coding(plan)
        back = head(PONG)
        with connected(zmq.XPUB, address) as out, subscribed(address, [head(plan.topics[0])]) as events:
            gate.ready()
            wait_for_subscriptions(out, [back])
            for _ in range(plan.count):
                out.send(back + encode(decode(events.recv().partition(b" ")[2])))
            gate.end()

    def ask(self, address: str, plan: Plan, gate: Gate) -> Awaitable[None] | None:
        if plan.concurrency > 1:
            return ask_at_once(address, plan, gate)
        trips = Trips(plan, gate)
        with connected(zmq.DEALER, address) as asks:
            gate.ready()
            (_, payload), *_ = trips.first()
            while payload is not None:
                asks.send(tagged(0, payload))
                payload = trips.next(0, untagged(asks.recv())[1])
            gate.end()
        return None

    def answer(self, address: str, plan: Plan, gate: Gate) -> None:
        encode, decode = coding(plan)
        with connected(zmq.ROUTER, address) as asks:
            gate.ready()
            for _ in range(plan.count):
                *way_back, body = asks.recv_multipart()
                slot, payload = untagged(body)
                asks.send_multipart([*way_back, tagged(slot, encode(decode(payload)))])
            gate.end()


async def ask_at_once(address: str, plan: Plan, gate: Gate) -> None:
    """Ask from many tasks by one socket, which is read as long as there is something whenever ZeroMQ says so."""
    loop = asyncio.get_running_loop()
    with connected(zmq.DEALER, address) as asks:

        def send(slot: int, payload: bytes) -> None:
            asks.send(tagged(slot, payload))
            loop.call_soon(read)  # sending may have taken the note that there is something to read

        def read() -> None:
            with suppress(zmq.Again):
                while True:
                    callers.came_back(*untagged(asks.recv(zmq.NOBLOCK)))

        callers = Callers(plan, gate, send)
        loop.add_reader(asks.fileno(), read)
        await gate.ready_async()
        await callers.ask()
        await gate.end_async()
        loop.remove_reader(asks.fileno())


def head(topic: str) -> bytes:
    """Return how a message on a topic begins; the blank keeps one topic from being the beginning of another."""
    return topic.encode() + b" "


@contextmanager
def connected(kind: int, address: str, topics: Iterable[bytes] = ()) -> Iterator[zmq.Socket[bytes]]:
    """Connect a socket to its side of the proxy, after it has subscribed."""
    places = dict(zip((zmq.XPUB, zmq.SUB, zmq.DEALER, zmq.ROUTER), address.split(), strict=True))
    with zmq.Context() as context, unlimited(context, kind) as socket:
        for topic in topics:
            socket.subscribe(topic)
        socket.connect(places[zmq.SocketType(kind)])
        yield socket


@contextmanager
def subscribed(address: str, heads: Iterable[bytes]) -> Iterator[zmq.Socket[bytes]]:
    """Subscribe to messages by how they begin."""
    with connected(zmq.SUB, address, [WELCOME, *heads]) as socket:
        assert socket.recv() == WELCOME
        yield socket


def wait_for_subscriptions(out: zmq.Socket[bytes], heads: Iterable[bytes]) -> None:
    """Wait until somebody has subscribed to each: events before that would be dropped."""
    waiting = set(heads)
    while waiting:
        waiting.discard(out.recv()[1:])
