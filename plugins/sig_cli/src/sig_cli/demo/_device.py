# SPDX-License-Identifier: MIT
"""The simulated device, as a process of its own: ``python -m sig_cli.demo._device URL NAME SECONDS [-v]``.

It is one client with two senders, ``thermo`` and ``valve``, and lives until its standard input ends; so it never
outlives the demonstration, however that ends.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from datetime import UTC, datetime
from typing import Any

import sigcore
from sigcore.aio import ClientRouter, new_event_loop

from ._plant import Plant


async def run_device(url: str, name: str, interval_s: float) -> None:
    """Send a reading every ``interval_s`` seconds, and answer requests to the valve, until cancelled."""
    plant = Plant()

    async def set_valve(params: Any) -> dict[str, int]:
        plant.open_to(params.get("percent") if isinstance(params, dict) else params)
        valve.trigger("moved", {"percent": plant.percent})
        return {"percent": plant.percent}

    async def state(_params: Any) -> dict[str, int]:
        return {"percent": plant.percent}

    # Without a time limit: the cable may be plugged in at any time, and pulled at any other.
    async with ClientRouter(url, codec="cbor", name=name, connect_timeout=None) as client:
        thermo = await client.add_sender("thermo", events=["reading"])
        valve = await client.add_sender("valve", events=["moved"], requests={"set": set_valve, "state": state})
        reading = thermo.signal("reading")
        while True:
            await asyncio.sleep(interval_s)
            reading.trigger({"celsius": plant.step(), "at": datetime.now(UTC)})


async def _until_input_ends(url: str, name: str, interval_s: float) -> None:
    device = asyncio.create_task(run_device(url, name, interval_s))
    end = asyncio.get_running_loop().run_in_executor(None, sys.stdin.buffer.read)
    await asyncio.wait([device, end], return_when=asyncio.FIRST_COMPLETED)
    device.cancel()
    await asyncio.gather(device, return_exceptions=True)


def main() -> None:
    """Run the device that ``sys.argv`` describes."""
    url, name, interval_s, *verbose = sys.argv[1:]
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # on Windows it goes to all; the demonstration ends us in its own time
    sigcore.setup_logger(sigcore.SimpleLogger("[device]", logging.INFO if verbose else logging.ERROR))
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(_until_input_ends(url, name, float(interval_s)))


if __name__ == "__main__":
    main()
