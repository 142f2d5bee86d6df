# SPDX-License-Identifier: MIT
# pyright: strict
"""A program as a user writes it, for type checkers: the session ``types`` shows it to mypy and pyright, strict."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, assert_type

import sigcore
import sigcore.aio
from sigcore.testing import check_carrier, no_errors


@dataclass
class Reading:
    celsius: float


@dataclass
class Ack:
    done: bool


def on_reading(info: sigcore.EventInfo, data: Reading) -> None:
    assert_type(info.sender, str)
    assert_type(info.peer, sigcore.Peer | None)
    assert_type(data.celsius, float)


def calibrate(params: Any) -> dict[str, bool]:
    return {"done": bool(params)}


def fallback(method: str, params: Any) -> str:
    return method


def in_process() -> None:
    router = sigcore.Router(on_error=print)
    with router.add_sender(
        "thermo", events=["reading"], requests={"calibrate": calibrate}, fallback=fallback
    ) as thermo:
        assert_type(thermo, sigcore.Sender)
        reading = thermo.signal("reading", type=Reading)
        assert_type(reading, sigcore.Signal[Reading])
        reading.trigger(Reading(21.5))
        reading.trigger(Reading(21.5), meta={"traceparent": "00-..."})
        thermo.trigger("reading", {"celsius": 21.5})
        assert_type(thermo.signal("reading"), sigcore.Signal[Any])
        listener = router.add_listener(on_reading, sender="thermo", event="reading", type=Reading)
        assert_type(listener, sigcore.Listener)
        assert_type(router.request("thermo", "calibrate", {"offset": 0.2}, timeout=2.0, type=Ack), Ack)
        assert_type(router.senders(), list[sigcore.SenderInfo])
        listener.remove()


def streams(router: sigcore.Router) -> None:
    with router.listen("thermo", "reading", type=Reading) as readings:
        assert_type(readings, sigcore.Stream[Reading])
        info, data = readings.get(timeout=1.0)
        assert_type(data, Reading)
        for info, data in readings:
            on_reading(info, data)


def decorated(router: sigcore.Router) -> None:
    @router.on(sender="thermo", event="reading", type=Reading)
    def show(info: sigcore.EventInfo, data: Reading) -> None: ...

    show(sigcore.EventInfo("thermo", "reading"), Reading(21.5))


def over_carriers() -> None:
    with (
        sigcore.ServerRouter(["tcp://127.0.0.1:3000", "serial:///dev/ttyUSB0"], heartbeat=5.0) as server,
        sigcore.ClientRouter("tcp://127.0.0.1:3000", codec="cbor", name="dashboard", connect_timeout=None) as client,
        no_errors(server, client),
    ):
        assert_type(server.endpoints, list[str])
        assert_type(client.connected, bool)
        assert_type(client.peers(), list[sigcore.Peer])


async def with_asyncio() -> None:
    async def show(info: sigcore.EventInfo, data: Reading) -> None: ...

    async with sigcore.aio.ClientRouter("tcp://127.0.0.1:3000") as client:
        thermo = await client.add_sender("thermo", events=["reading"])
        thermo.trigger("reading", {"celsius": 21.5})
        await client.drain()
        await client.add_listener(show, event="reading", type=Reading)
        assert_type(await client.request("thermo", "calibrate", {}, type=Ack), Ack)
        async with client.listen("thermo", "reading", type=Reading) as readings:
            async for _, data in readings:
                assert_type(data, Reading)


class PaperCarrier:
    """What a third party writes: it satisfies the contract without a base class."""

    async def connect(self, endpoint: sigcore.Endpoint, protocol_factory: Any) -> Any: ...

    async def listen(self, endpoint: sigcore.Endpoint, protocol_factory: Any) -> sigcore.Listening:
        raise NotImplementedError


@sigcore.hookimpl
def sigcore_carrier() -> sigcore.Carrier:
    return PaperCarrier()


def main() -> None:
    in_process()
    over_carriers()
    asyncio.run(with_asyncio())
    check_carrier(sigcore_carrier(), "paper://sheet")
