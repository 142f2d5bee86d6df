# SPDX-License-Identifier: MIT
"""A server and two clients over TCP, in the asyncio form; in earnest each would be a program of its own.

Prints::

    thermo is here, with the events reading
    thermo of sensor: 21.5 °C
    thermo of sensor: 21.7 °C
    thermo of sensor: 21.6 °C
    calibrated: {'celsius': 21.8}
"""

from __future__ import annotations

import asyncio
from typing import Any

import sigcore
import sigcore.aio


async def main() -> None:
    async with (
        sigcore.aio.ServerRouter("tcp://127.0.0.1:0") as server,  # port 0 picks a free one
        sigcore.aio.ClientRouter(server.endpoints[0], name="dashboard") as dashboard,
        sigcore.aio.ClientRouter(server.endpoints[0], name="sensor") as sensor,
    ):
        await watch(dashboard)
        thermo = await sensor.add_sender("thermo", events=["reading"], requests={"calibrate": calibrate})
        for celsius in (21.5, 21.7, 21.6):
            thermo.trigger("reading", {"celsius": celsius})  # never waits
        await enough.wait()
        print("calibrated:", await dashboard.request("thermo", "calibrate", {"offset": 0.2}, timeout=2.0))


async def watch(dashboard: sigcore.aio.ClientRouter) -> None:
    await dashboard.add_listener(show, sender="thermo", event="reading")
    await dashboard.add_listener(greet, event=sigcore.EVENT_CONNECT)


async def show(info: sigcore.EventInfo, data: Any) -> None:
    print(f"{info.sender} of {info.peer.name if info.peer else 'here'}: {data['celsius']} °C")
    if data["celsius"] == 21.6:
        enough.set()


def greet(info: sigcore.EventInfo, sender: sigcore.SenderInfo) -> None:
    print(f"{sender.name} is here, with the events {', '.join(sender.events)}")


async def calibrate(params: dict[str, float]) -> dict[str, float]:
    return {"celsius": 21.6 + params["offset"]}


enough = asyncio.Event()
asyncio.run(main())
