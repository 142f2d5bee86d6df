# SPDX-License-Identifier: MIT
"""sigcore in its asyncio form, with the options that it has by default."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import sigcore
from sigcore.aio import ClientRouter

from ..broker import Broker, started_module
from ..gate import Gate
from ..plan import Plan
from ..workloads import CODECS, COMMON

PUBLISHER, SUBSCRIBER = 0, 1
FASTER = ("uvloop", "msgspec", "cbor2")
"""Libraries that it is measured with, where they are installed."""
DRAINS_EVERY = 200
"""Events after which a publisher waits for room; one that never does so fills the buffer, and spends more time."""


class Sigcore:
    """Asyncio programs, on uvloop and msgspec where these are installed."""

    name = "sigcore"
    form = "asyncio"
    workloads = COMMON | {workload.name for workload in CODECS}

    def missing(self) -> str:
        return "" if find_spec("sig_tcp") else "needs sigcore-tcp, and sigcore-cbor for payloads of bytes"

    def version(self) -> str:
        modules = {"sigcore": "sigcore", "sig_accel": "sigcore-accel"} | {name: name for name in FASTER}
        return ", ".join(f"{name} {version(name)}" for module, name in modules.items() if find_spec(module))

    def broker(self, folder: Path) -> AbstractContextManager[Broker]:
        return started_module("benchmarks.compare.sigcore_server")

    async def publish(self, address: str, plan: Plan, gate: Gate) -> None:
        async with client(address, plan, PUBLISHER) as router:
            signals = await signals_of(router, plan)
            await gate.ready_async()
            await trigger_all(router, signals, plan)
            gate.sent()
            await gate.end_async()

    async def subscribe(self, address: str, plan: Plan, gate: Gate) -> None:
        async with client(address, plan, SUBSCRIBER) as router:
            took = gate.took
            for topic in plan.topics:
                await router.add_listener(lambda info, data: took(info.event, data), *topic.split("/"))
            await gate.ready_async()
            await gate.end_async()

    async def ping(self, address: str, plan: Plan, gate: Gate) -> None:
        async with client(address, plan, PUBLISHER) as router:
            (signal,) = (await signals_of(router, plan)).values()
            trips = Trips(signal, plan.events(0), gate)
            await router.add_listener(trips.came_back, "pong", "event")
            await gate.ready_async()
            trips.send()
            await gate.end_async()

    async def pong(self, address: str, plan: Plan, gate: Gate) -> None:
        async with client(address, plan, SUBSCRIBER) as router:
            back = (await router.add_sender("pong", events=["event"])).signal("event")
            await router.add_listener(lambda info, data: back.trigger(data), *plan.topics[0].split("/"))
            await gate.ready_async()
            await gate.end_async()

    async def ask(self, address: str, plan: Plan, gate: Gate) -> None:
        async with client(address, plan, PUBLISHER) as router:
            asks = plan.events(0)
            await gate.ready_async()
            await asyncio.gather(*[keep_asking(router, asks, gate) for _ in range(plan.concurrency)])
            await gate.end_async()

    async def answer(self, address: str, plan: Plan, gate: Gate) -> None:
        async with client(address, plan, SUBSCRIBER) as router:
            await router.add_sender("answerer", requests={"same": same})
            await gate.ready_async()
            await gate.end_async()


class Trips:
    """Events there and back, each sent when the one before has come back."""

    def __init__(self, signal: sigcore.Signal[Any], events: Iterator[tuple[str, Any]], gate: Gate) -> None:
        self._signal = signal
        self._events = events
        self._gate = gate
        self._sent_s = 0.0

    def send(self) -> None:
        for _topic, data in self._events:
            self._sent_s = time.perf_counter()
            self._signal.trigger(data)
            break

    def came_back(self, info: sigcore.EventInfo, data: Any) -> None:
        self._gate.round_trip(time.perf_counter() - self._sent_s)
        self.send()


def client(address: str, plan: Plan, side: int) -> ClientRouter:
    return ClientRouter(address, codec=plan.codecs[side])


async def signals_of(router: ClientRouter, plan: Plan) -> dict[str, sigcore.Signal[Any]]:
    """Register the sender of a publisher; return its signals by topic."""
    topics = [topic.split("/") for topic in plan.topics_of(plan.number)]
    sender = await router.add_sender(topics[0][0], events=[event for _, event in topics])
    return {f"{sender.name}/{event}": sender.signal(event) for _, event in topics}


async def trigger_all(router: ClientRouter, signals: dict[str, sigcore.Signal[Any]], plan: Plan) -> None:
    """Trigger as fast as there is room."""
    for number, (topic, data) in enumerate(plan.events(plan.number)):
        if not number % DRAINS_EVERY:
            await router.drain()
        try:
            signals[topic].trigger(data)
        except sigcore.BufferFull:
            await router.drain()
            signals[topic].trigger(data)


async def keep_asking(router: ClientRouter, asks: Iterator[tuple[str, Any]], gate: Gate) -> None:
    """Request after request, until there are no more."""
    for _topic, data in asks:
        began_s = time.perf_counter()
        await router.request("answerer", "same", data)
        gate.round_trip(time.perf_counter() - began_s)


async def same(params: Any) -> Any:
    """Answer with what was asked."""
    return params
