# SPDX-License-Identifier: MIT
"""NATS: nats-py, asyncio, and nats-server.

The limits that drop what a slow subscriber has not taken are off at both ends, and nats-py's checks of subjects are
off, as its documentation advises for speed. Requests are its own ``request()``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..broker import Broker, free_port, started
from ..gate import Gate
from ..json_bytes import coding
from ..needs import lacking, program, versions
from ..plan import Plan
from ..trips import Trips
from ..workloads import COMMON

if TYPE_CHECKING:
    from nats.aio.msg import Msg

with suppress(ImportError):
    import nats

PENDING_BYTES = 256 * 1024
"""What nats-py gathers before it waits for the socket. 2 MiB, as it has by default, take a publisher of 64 KiB three
times the CPU time; small events do not feel the difference."""
UNLIMITED = {"pending_msgs_limit": 0, "pending_bytes_limit": 0}
ANSWER_S = 10.0
PONG = "pong"
ASKED = "asked"
CONFIG = """
listen: 127.0.0.1:{port}
# The server cuts off a subscriber that has more than this waiting.
max_pending: 8GB
write_deadline: "60s"
"""


class Nats:
    """Asyncio programs on nats-py."""

    name = "nats-py, nats-server"
    form = "asyncio"
    workloads = COMMON

    def missing(self) -> str:
        return lacking({"nats": "nats-py"}, ["nats-server"])

    def version(self) -> str:
        return versions("nats-py", "nats-server", "--version")

    def broker(self, folder: Path) -> AbstractContextManager[Broker]:
        port = free_port()
        config = folder / "nats.conf"
        config.write_text(CONFIG.format(port=port))
        return started([program("nats-server"), "--config", str(config)], f"nats://127.0.0.1:{port}", port)

    async def publish(self, address: str, plan: Plan, gate: Gate) -> None:
        encode, _ = coding(plan)
        async with connected(address) as link:
            await gate.ready_async()
            publish = link.publish
            for topic, data in plan.events(plan.number):
                await publish(topic, encode(data))
            await link.flush()
            gate.sent()
            await gate.end_async()

    async def subscribe(self, address: str, plan: Plan, gate: Gate) -> None:
        _, decode = coding(plan)
        took = gate.took

        async def take(message: Msg) -> None:
            took(message.subject, decode(message.data))

        async with connected(address) as link:
            for topic in plan.topics:
                await link.subscribe(topic, cb=take, **UNLIMITED)
            await link.flush()
            await gate.ready_async()
            await gate.end_async()

    async def ping(self, address: str, plan: Plan, gate: Gate) -> None:
        trips = Trips(plan, gate)

        async def came_back(message: Msg) -> None:
            if (payload := trips.next(0, message.data)) is not None:
                await link.publish(plan.topics[0], payload)

        async with connected(address) as link:
            await link.subscribe(PONG, cb=came_back, **UNLIMITED)
            await link.flush()
            await gate.ready_async()
            for _, payload in trips.first():
                await link.publish(plan.topics[0], payload)
            await gate.end_async()

    async def pong(self, address: str, plan: Plan, gate: Gate) -> None:
        encode, decode = coding(plan)

        async def send_back(message: Msg) -> None:
            await link.publish(PONG, encode(decode(message.data)))

        async with connected(address) as link:
            await link.subscribe(plan.topics[0], cb=send_back, **UNLIMITED)
            await link.flush()
            await gate.ready_async()
            await gate.end_async()

    async def ask(self, address: str, plan: Plan, gate: Gate) -> None:
        trips = Trips(plan, gate)

        async def keep_asking(slot: int, payload: bytes | None) -> None:
            while payload is not None:
                reply = await link.request(ASKED, payload, timeout=ANSWER_S)
                payload = trips.next(slot, reply.data)

        async with connected(address) as link:
            await gate.ready_async()
            await asyncio.gather(*[keep_asking(slot, payload) for slot, payload in trips.first()])
            await gate.end_async()

    async def answer(self, address: str, plan: Plan, gate: Gate) -> None:
        encode, decode = coding(plan)

        async def reply(message: Msg) -> None:
            await message.respond(encode(decode(message.data)))

        async with connected(address) as link:
            await link.subscribe(ASKED, cb=reply, **UNLIMITED)
            await link.flush()
            await gate.ready_async()
            await gate.end_async()


@asynccontextmanager
async def connected(address: str) -> AsyncIterator[nats.NATS]:
    """Connect to the server."""
    link = await nats.connect(address, pending_size=PENDING_BYTES, skip_subject_validation=True)
    try:
        yield link
    finally:
        await link.close()
