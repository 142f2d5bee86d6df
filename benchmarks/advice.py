# SPDX-License-Identifier: MIT
"""What the advice in docs/performance.md is worth: CPU time for an event with and without it.

    python -m benchmarks.advice

A server, a publisher and those who listen share one event loop, over TCP on the loopback device: what is counted is the
work of all of them, kernel included, for an event that is triggered once. All ways are tried in turn in each round of
one run; the least of all rounds counts.
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

import sigcore
from sigcore.aio import ClientRouter, ServerRouter

from .compare.loop import run_on_fastest_loop
from .compare.machine import kept_awake
from .report import Report, Table, options_of

SMALL = {"celsius": 21.5, "seq": 7, "unit": "C"}
RAW = bytes(range(256)) * 4
EVERY = 200
MANY = 8

Publish = Callable[[ClientRouter, sigcore.Sender, Any, int], Awaitable[None]]


async def without_a_pause(client: ClientRouter, sender: sigcore.Sender, data: Any, events: int) -> None:
    signal = sender.signal("reading")
    for _ in range(events):
        try:
            signal.trigger(data)
        except sigcore.BufferFull:
            await client.drain()
            signal.trigger(data)


async def with_drains(client: ClientRouter, sender: sigcore.Sender, data: Any, events: int) -> None:
    signal = sender.signal("reading")
    for number in range(events):
        if not number % EVERY:
            await client.drain()
        signal.trigger(data)


async def by_name(client: ClientRouter, sender: sigcore.Sender, data: Any, events: int) -> None:
    for number in range(events):
        if not number % EVERY:
            await client.drain()
        sender.trigger("reading", data)


@dataclass(frozen=True)
class Way:
    """One way to do it.

    Attributes:
        publish: Triggers so many events.
        clients: How many clients listen.
        listeners: How many listeners each of them has.
        is_async: Whether these are ``async def``.
        codec: Of all clients.
        data: Of each event.
    """

    publish: Publish = with_drains
    clients: int = 1
    listeners: int = 1
    is_async: bool = False
    codec: str = "json"
    data: Any = None


WAYS = {
    "as advised": Way(),
    "triggered by name": Way(publish=by_name),
    "without a pause": Way(publish=without_a_pause),
    "async def listener": Way(is_async=True),
    "8 listeners of one client": Way(listeners=MANY),
    "8 clients": Way(clients=MANY),
    "1 KiB of bytes over CBOR": Way(codec="cbor", data=RAW),
    "1 KiB of bytes as base64 in JSON": Way(data=base64.b64encode(RAW).decode()),
}


async def cpu_us(way: Way, events: int) -> float:
    """Return the CPU time for an event, in microseconds."""
    heard = 0
    all_heard = asyncio.Event()
    expected = events * way.clients * way.listeners

    def listen(info: sigcore.EventInfo, data: Any) -> None:
        nonlocal heard
        heard += 1
        if heard == expected:
            all_heard.set()

    async def listen_async(info: sigcore.EventInfo, data: Any) -> None:
        listen(info, data)

    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(ServerRouter("tcp://127.0.0.1:0"))
        connected = partial(ClientRouter, server.endpoints[0], codec=way.codec)
        publisher = await stack.enter_async_context(connected())
        sender = await publisher.add_sender("thermo", events=["reading"])
        for _ in range(way.clients):
            client = await stack.enter_async_context(connected())
            for _ in range(way.listeners):
                await client.add_listener(listen_async if way.is_async else listen, "thermo", "reading")
        began_s = time.process_time()
        await way.publish(publisher, sender, SMALL if way.data is None else way.data, events)
        await all_heard.wait()
        return (time.process_time() - began_s) / events * 1e6


def main() -> None:
    """Measure what the command line asks for."""
    parser = options_of(__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often each way is tried (5)")
    parser.add_argument("--events", type=int, default=20_000, help="in each of them (20000)")
    options = parser.parse_args()
    best = dict.fromkeys(WAYS, float("inf"))
    with kept_awake(options.rounds > 1):
        run_on_fastest_loop(cpu_us(Way(), options.events))  # whoever comes first would pay for what is warm afterwards
        for _ in range(options.rounds):
            for name, way in WAYS.items():
                best[name] = min(best[name], run_on_fastest_loop(cpu_us(way, options.events)))
    figures = [{"way": name, "us": us} for name, us in best.items()]
    table = Table("µs of CPU time for an event, of all who have to do with it", ["", "µs"])
    table.rows += [[name, f"{us:.2f}"] for name, us in best.items()]
    Report("advice", [table], figures).give(options.json)


if __name__ == "__main__":
    main()
