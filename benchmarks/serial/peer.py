# SPDX-License-Identifier: MIT
"""The server, or the devices, at the ends of serial lines: a program that takes orders, one line of JSON each.

    python -m benchmarks.serial.peer server serial:///path/left ...
    python -m benchmarks.serial.peer device serial:///path/right ...

The server is one router with all endpoints; each device is a client of its own. On line 0 the sender ``device-0`` is
heard by the server, and ``server-0`` by the device.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import sigcore
import sigcore.aio

from .stamps import Stamps

NO_ROOM_S = 0.005
"""How long to wait where the outgoing buffer is full."""


class Side:
    """One end of one line: floods the other with stamped events, and takes down what comes."""

    def __init__(self, router: sigcore.aio.Router, own: str, other: str) -> None:
        self.router, self.own, self.other = router, own, other
        self.heard = Stamps(other)
        self.gaps: list[str] = []
        self.times: list[float] = []
        self.flooding: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        while True:
            try:
                sender = await self.router.add_sender(self.own, ["text"], requests={"echo": lambda params: params})
                break
            except sigcore.SenderExists:  # of the one before us at this port, until its time of grace is over
                await asyncio.sleep(NO_ROOM_S)
        self.signal = sender.signal("text")
        await self.router.add_listener(self.hear, self.other, "text", on_gap=self.missed)

    def hear(self, _info: sigcore.EventInfo, data: Any) -> None:
        self.times.append(time.monotonic())
        self.heard.take(data)

    def missed(self, _info: sigcore.EventInfo, gap: sigcore.Gap) -> None:
        self.gaps.append(f"{gap.cause}: {gap.count}")

    async def flood(self, count: int, size: int, pause_s: float) -> None:
        for seq in range(count):
            data = Stamps.make(self.own, seq, size)
            while True:
                try:
                    self.signal.trigger(data)
                except sigcore.BufferFull:
                    await asyncio.sleep(NO_ROOM_S)
                else:
                    break
            await asyncio.sleep(pause_s)

    async def ask(self, size: int) -> float:
        params = Stamps.make(self.own, 0, size)
        began_s = time.perf_counter()
        assert await self.router.request(self.other, "echo", params, timeout=60) == params
        return time.perf_counter() - began_s


class Peer:
    """All that one process is."""

    def __init__(self, sides: list[Side]) -> None:
        self.sides = sides

    async def flood(self, count: int, size: int, pause_s: float = 0) -> None:
        for side in self.sides:
            side.flooding = asyncio.create_task(side.flood(count, size, pause_s))

    async def heard(self) -> list[dict[str, Any]]:
        return [
            {"events": side.heard.count, "faults": side.heard.faults(), "gaps": side.gaps, "last_s": side.times[-1:]}
            for side in self.sides
        ]

    async def times(self, side: int = 0) -> list[float]:
        return self.sides[side].times

    async def forget(self) -> None:
        for side in self.sides:
            side.times.clear()
            side.heard = Stamps(side.other)

    async def ask(self, count: int, size: int) -> list[float]:
        return [await self.sides[0].ask(size) for _ in range(count)]

    async def costs(self) -> dict[str, float]:
        return {"cpu_s": sum(os.times()[:2]), "rss": resident_bytes(), "now_s": time.monotonic()}


async def main(part: str, endpoints: list[str]) -> None:
    """Open the routers, say so, and do what comes by standard input."""
    async with AsyncExitStack() as stack:
        say({"opening_s": time.monotonic()})
        if part == "server":
            server = await stack.enter_async_context(sigcore.aio.ServerRouter(endpoints, name="server"))
            sides = [Side(server, f"server-{number}", f"device-{number}") for number in range(len(endpoints))]
        else:
            opening = [open_client(stack, endpoint, number) for number, endpoint in enumerate(endpoints)]
            sides = await asyncio.gather(*opening)
        say({"linked_s": time.monotonic()})
        peer = Peer(sides)
        for side in sides:
            await side.begin()
        say({"ready_s": time.monotonic()})
        while line := await asyncio.to_thread(sys.stdin.readline):
            order = json.loads(line)
            say(await getattr(peer, order.pop("do"))(**order))


async def open_client(stack: AsyncExitStack, endpoint: str, number: int) -> Side:
    """Connect the device at the end of one line."""
    router = sigcore.aio.ClientRouter(endpoint, name=f"device-{number}")
    return Side(await stack.enter_async_context(router), f"device-{number}", f"server-{number}")


def resident_bytes() -> int:
    """Return how much memory this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def say(answer: Any) -> None:
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2:]))
