# SPDX-License-Identifier: MIT
"""What a server tells of its ports over months: counters that go on, and which port a peer is at. Pseudo-terminals."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sig_serial import SerialCarrier
from sig_serial._listening import SerialListening
from sig_serial.testing import PtyCable

import sigcore
from sigcore import Endpoint

PATIENCE_S = 10.0
BOOT = b"booted\n"
OF_THE_PRESENT = {"port", "state", "up_s", "framing", "fragment", "round_trip_ms", "identity", "lent_s", "problem"}


class Port:
    """What the one port of a listening is said to be."""

    def __init__(self, listening: SerialListening) -> None:
        self.listening = listening

    @property
    def row(self) -> dict[str, Any]:
        (row,) = self.listening.status()
        return row

    async def takes(self, *states: str) -> dict[str, Any]:
        """Wait for one of ``states``; return all that is said then."""
        async with asyncio.timeout(PATIENCE_S):
            while self.row["state"] not in states:  # noqa: ASYNC110  # what is awaited sets no event
                await asyncio.sleep(0.01)
        return self.row

    async def hears(self, cable: PtyCable, bytes_received: int) -> dict[str, Any]:
        """Have the device print a line; return what is said when so many bytes have come in all."""
        await self.takes("up", "no link")
        device = os.open(cable.right, os.O_RDWR | os.O_NOCTTY)
        try:
            os.write(device, BOOT)
            async with asyncio.timeout(PATIENCE_S):
                while self.row["bytes_received"] < bytes_received:  # noqa: ASYNC110  # as above
                    await asyncio.sleep(0.01)
        finally:
            os.close(device)
        return self.row


@asynccontextmanager
async def port_of(url: str) -> AsyncIterator[Port]:
    links: list[asyncio.Transport] = []

    class Device(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            links.append(transport)

    listening = await SerialCarrier().listen(Endpoint.parse(url), Device)
    try:
        yield Port(listening)
    finally:
        listening.close()
        for link in links:
            link.abort()
        await asyncio.wait_for(listening.wait_closed(), PATIENCE_S)


def play(scene: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(scene(), 3 * PATIENCE_S))


def counts_of(row: dict[str, Any]) -> dict[str, int]:
    return {name: value for name, value in row.items() if name not in OF_THE_PRESENT}


both_framings = pytest.mark.parametrize("framing", ["packets", "none"])


@both_framings
def test_the_counters_of_a_port_go_on_when_it_was_unplugged_or_lent(framing: str, cable: PtyCable) -> None:
    async def scene() -> None:
        async with port_of(f"serial://{cable.left}?framing={framing}") as port:
            before = await port.hears(cable, len(BOOT))
            cable.unplug(cable.left)
            assert counts_of(await port.takes("absent")) == counts_of(before)
            cable.replug(cable.left)
            before = await port.hears(cable, 2 * len(BOOT))
            assert counts_of(await port.listening.lend(cable.left, 60.0)) == counts_of(before)
            await port.listening.take_back(cable.left)
            after = await port.hears(cable, 3 * len(BOOT))
            assert after["bytes_received"] == 3 * len(BOOT)
            assert after["links" if framing == "none" else "text_lines"] == 3

    play(scene)


@both_framings
def test_a_port_has_the_same_entries_in_every_state(framing: str, cable: PtyCable) -> None:
    async def scene() -> None:
        cable.unplug(cable.left)
        async with port_of(f"serial://{cable.left}?framing={framing}") as port:
            rows = [await port.takes("absent")]
            cable.replug(cable.left)
            rows.append(await port.takes("up", "no link"))
            rows.append(await port.listening.lend(cable.left, 60.0))
            holder = os.open(cable.left, os.O_RDWR | os.O_NOCTTY)
            try:
                rows.append(await port.listening.take_back(cable.left))
            finally:
                os.close(holder)
            rows.append(await port.takes("up", "no link"))
            cable.unplug(cable.left)
            rows.append(await port.takes("absent"))
        assert {tuple(row) for row in rows} == {tuple(rows[0])}
        assert json.loads(json.dumps(rows)) == rows
        assert all(isinstance(count, int) for row in rows for count in counts_of(row).values())

    play(scene)


def test_what_is_of_the_present_is_told_of_an_open_port_only(cable: PtyCable) -> None:
    async def scene() -> None:
        async with port_of(f"serial://{cable.left}") as port:
            is_open = await port.takes("no link")
            assert (is_open["fragment"], is_open["round_trip_ms"]) == (256, 0)
            lent = await port.listening.lend(cable.left, 60.0)
            assert (lent["fragment"], lent["round_trip_ms"]) == (None, None)

    play(scene)


def test_a_port_of_a_pattern_goes_on_counting_when_it_is_back(tmp_path: Path) -> None:
    async def scene() -> None:
        with PtyCable(str(tmp_path)) as cable:
            async with port_of(f"serial://{tmp_path}/lef*?framing=none") as port:
                async with asyncio.timeout(PATIENCE_S):
                    while not port.listening.status():  # noqa: ASYNC110  # what is awaited sets no event
                        await asyncio.sleep(0.01)
                    await port.hears(cable, len(BOOT))
                    cable.unplug(cable.left)
                    while port.listening.status():  # noqa: ASYNC110  # as above
                        await asyncio.sleep(0.01)
                    cable.replug(cable.left)
                    while not port.listening.status():  # noqa: ASYNC110  # as above
                        await asyncio.sleep(0.01)
                assert (await port.hears(cable, 2 * len(BOOT)))["links"] == 2

    play(scene)


def test_a_peer_of_a_pattern_is_said_to_be_at_its_own_port(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "sigcore")
    fast = "baudrate=4000000"

    async def scene() -> None:
        with PtyCable(str(tmp_path)) as cable:
            async with sigcore.aio.ServerRouter(f"serial://{tmp_path}/lef*?{fast}") as server:
                joined = asyncio.Event()
                await server.add_listener(lambda info, data: joined.set(), event=sigcore.EVENT_CONNECT)
                async with sigcore.aio.ClientRouter(f"serial://{cable.right}?{fast}", name="board") as client:
                    await client.add_sender("board", events=["tick"])
                    await asyncio.wait_for(joined.wait(), PATIENCE_S)
                    (peer,) = await server.peers()
                    assert peer.endpoint == f"serial://{cable.left}?{fast}"
                async with asyncio.timeout(PATIENCE_S):
                    while f"board left serial://{cable.left}?{fast}" not in caplog.text:  # noqa: ASYNC110  # as above
                        await asyncio.sleep(0.01)

    play(scene)
