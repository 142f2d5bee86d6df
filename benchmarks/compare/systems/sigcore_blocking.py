# SPDX-License-Identifier: MIT
"""sigcore in its blocking form, for programs without an event loop of their own; the server is the same."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from importlib.util import find_spec
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from sigcore import ClientRouter

from ..broker import Broker, started_module
from ..gate import Gate
from ..plan import Plan
from ..workloads import COMMON


class BlockingSigcore:
    """Programs of plain functions and threads."""

    name = "sigcore, blocking"
    form = "threads"
    workloads = COMMON

    def missing(self) -> str:
        return "" if find_spec("sig_tcp") else "needs sigcore-tcp, and sigcore-cbor for payloads of bytes"

    def version(self) -> str:
        return "the same versions"

    def broker(self, folder: Path) -> AbstractContextManager[Broker]:
        return started_module("benchmarks.compare.sigcore_server")

    def publish(self, address: str, plan: Plan, gate: Gate) -> None:
        with ClientRouter(address, codec=plan.codecs[0]) as router:
            topics = [topic.split("/") for topic in plan.topics_of(plan.number)]
            sender = router.add_sender(topics[0][0], events=[event for _, event in topics])
            triggers = {f"{name}/{event}": sender.signal(event).trigger for name, event in topics}
            gate.ready()
            for topic, data in plan.events(plan.number):
                triggers[topic](data)  # waits by itself where there is no room
            gate.sent()
            gate.end()

    def subscribe(self, address: str, plan: Plan, gate: Gate) -> None:
        with ClientRouter(address, codec=plan.codecs[1]) as router:
            took = gate.took
            for topic in plan.topics:
                router.add_listener(lambda info, data: took(info.event, data), *topic.split("/"))
            gate.ready()
            gate.end()

    def ping(self, address: str, plan: Plan, gate: Gate) -> None:
        with ClientRouter(address) as router:
            name, event = plan.topics[0].split("/")
            signal = router.add_sender(name, events=[event]).signal(event)
            came_back: SimpleQueue[Any] = SimpleQueue()
            router.add_listener(lambda info, data: came_back.put(data), "pong", "event")
            gate.ready()
            for _topic, data in plan.events(0):
                began_s = time.perf_counter()
                signal.trigger(data)
                came_back.get()
                gate.round_trip(time.perf_counter() - began_s)
            gate.end()

    def pong(self, address: str, plan: Plan, gate: Gate) -> None:
        with ClientRouter(address) as router:
            back = router.add_sender("pong", events=["event"]).signal("event")
            router.add_listener(lambda info, data: back.trigger(data), *plan.topics[0].split("/"))
            gate.ready()
            gate.end()

    def ask(self, address: str, plan: Plan, gate: Gate) -> None:
        with ClientRouter(address) as router:
            asks = plan.events(0)
            gate.ready()
            if plan.concurrency == 1:
                keep_asking(router, asks, gate)
            else:
                ask_at_once(router, asks, gate, plan.concurrency)
            gate.end()

    def answer(self, address: str, plan: Plan, gate: Gate) -> None:
        with ClientRouter(address) as router:
            router.add_sender("answerer", requests={"same": lambda params: params})
            gate.ready()
            gate.end()


def keep_asking(router: ClientRouter, asks: Iterator[tuple[str, Any]], gate: Gate) -> None:
    """Request after request, until there are no more."""
    for _topic, data in asks:
        began_s = time.perf_counter()
        router.request("answerer", "same", data)
        gate.round_trip(time.perf_counter() - began_s)


def ask_at_once(router: ClientRouter, asks: Iterator[tuple[str, Any]], gate: Gate, number: int) -> None:
    """Request from so many threads at once; this thread notes how long each one took."""
    took_s: SimpleQueue[float | None] = SimpleQueue()
    waiting: SimpleQueue[Any] = SimpleQueue()
    for _topic, data in asks:
        waiting.put(data)
    for _ in range(number):
        waiting.put(None)

    def keep_asking() -> None:
        while (data := waiting.get()) is not None:
            began_s = time.perf_counter()
            router.request("answerer", "same", data)
            took_s.put(time.perf_counter() - began_s)
        took_s.put(None)

    with ThreadPoolExecutor(number) as threads:
        for _ in range(number):
            threads.submit(keep_asking)
        while number:
            seconds = took_s.get()
            if seconds is None:
                number -= 1
            else:
                gate.round_trip(seconds)
