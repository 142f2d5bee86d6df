# SPDX-License-Identifier: MIT
"""Zenoh: clients, and a router in a process of its own.

Publishers are reliable and wait when the network is congested, so that nothing is dropped. Replies are not
consolidated, which would hold them back until the query ends. Events come to callbacks, as they do by default: on a
thread of Python behind a queue, which takes a fifth of the time of callbacks on Zenoh's own threads. Replies come
through channels, one for each query, which takes less than a callback for each. Messages are not ``express``: an idle
connection sends at once even so, and a busy one sends three times as many in batches.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from ..broker import Broker, started_module
from ..gate import Gate
from ..json_bytes import coding
from ..needs import lacking, versions
from ..plan import Plan
from ..trips import Trips
from ..workloads import COMMON

with suppress(ImportError):
    import zenoh

    from ..zenoh_router import opened

EVERYTHING = "*/*"
"""One subscription to many topics: each has a thread of its own, and events of 50 would take four times as long."""
PONG = "pong"
ASKED = "asked"
ANSWER_S = 10.0


class Zenoh:
    """Programs on the threads of Zenoh."""

    name = "zenoh, router"
    form = "threads"
    workloads = COMMON

    def missing(self) -> str:
        return lacking({"zenoh": "eclipse-zenoh"})

    def version(self) -> str:
        return versions("eclipse-zenoh")

    def broker(self, folder: Path) -> AbstractContextManager[Broker]:
        return started_module("benchmarks.compare.zenoh_router")

    def publish(self, address: str, plan: Plan, gate: Gate) -> None:
        encode, _ = coding(plan)
        with connected(address) as session:
            publishers = {topic: publisher(session, topic) for topic in plan.topics_of(plan.number)}
            for each in publishers.values():
                wait_for_subscribers(each)
            puts = {topic: each.put for topic, each in publishers.items()}
            gate.ready()
            for topic, data in plan.events(plan.number):
                puts[topic](encode(data))
            gate.sent()
            gate.end()

    def subscribe(self, address: str, plan: Plan, gate: Gate) -> None:
        _, decode = coding(plan)
        took = gate.took

        def taking(topic: str) -> Callable[[zenoh.Sample], None]:
            return lambda sample: took(topic, decode(sample.payload.to_bytes()))

        def take(sample: zenoh.Sample) -> None:
            took(str(sample.key_expr), decode(sample.payload.to_bytes()))

        with connected(address) as session:
            if plan.events_each == 1:
                for topic in plan.topics:
                    session.declare_subscriber(topic, taking(topic))
            else:
                session.declare_subscriber(EVERYTHING, take)
            gate.ready()
            gate.end()

    def ping(self, address: str, plan: Plan, gate: Gate) -> None:
        trips = Trips(plan, gate)

        def came_back(sample: zenoh.Sample) -> None:
            if (payload := trips.next(0, sample.payload.to_bytes())) is not None:
                there.put(payload)

        with connected(address) as session:
            session.declare_subscriber(PONG, came_back)
            there = publisher(session, plan.topics[0])
            wait_for_subscribers(there)
            gate.ready()
            for _, payload in trips.first():
                there.put(payload)
            gate.end()

    def pong(self, address: str, plan: Plan, gate: Gate) -> None:
        encode, decode = coding(plan)

        def send_back(sample: zenoh.Sample) -> None:
            back.put(encode(decode(sample.payload.to_bytes())))

        with connected(address) as session:
            back = publisher(session, PONG)
            session.declare_subscriber(plan.topics[0], send_back)
            gate.ready()
            gate.end()

    def ask(self, address: str, plan: Plan, gate: Gate) -> None:
        trips = Trips(plan, gate)

        def keep_asking(slot: int, payload: bytes | None) -> None:
            while payload is not None:
                reply = querier.get(payload=payload).recv()
                payload = trips.next(slot, reply.ok.payload.to_bytes())

        with connected(address) as session:
            querier = session.declare_querier(ASKED, consolidation=zenoh.ConsolidationMode.NONE, timeout=ANSWER_S)
            gate.ready()
            for asking in trips.first():
                threading.Thread(target=keep_asking, args=asking).start()
            gate.end()

    def answer(self, address: str, plan: Plan, gate: Gate) -> None:
        encode, decode = coding(plan)

        def reply(query: zenoh.Query) -> None:
            with query:
                query.reply(ASKED, encode(decode(query.payload.to_bytes())))

        with connected(address) as session:
            session.declare_queryable(ASKED, reply, complete=True)
            gate.ready()
            gate.end()


def connected(address: str) -> zenoh.Session:
    """Connect to the router."""
    return opened(mode="client", **{"connect/endpoints": [address]})


def publisher(session: zenoh.Session, topic: str) -> zenoh.Publisher:
    """Declare a publisher that drops nothing."""
    return session.declare_publisher(
        topic,
        congestion_control=zenoh.CongestionControl.BLOCK,
        reliability=zenoh.Reliability.RELIABLE,
    )


def wait_for_subscribers(publisher: zenoh.Publisher) -> None:
    """Wait until somebody has subscribed: what is put before that goes nowhere."""
    matches = threading.Event()
    publisher.declare_matching_listener(lambda status: matches.set() if status.matching else None)
    if not publisher.matching_status.matching:
        matches.wait()
