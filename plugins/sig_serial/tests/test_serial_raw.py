# SPDX-License-Identifier: MIT
"""``framing=none``: a port's bare bytes as a link, on real pseudo-terminals; both ways of using a port."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
from sig_serial import SerialCarrier
from sig_serial._thread_wire import ThreadWire
from sig_serial.testing import PtyCable

from sigcore import Endpoint, LinkError, Listening

PATIENCE_S = 10.0

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture(params=["descriptors", "threads"], autouse=True)
def any_wire(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each test twice, the second time as on a loop that cannot watch descriptors."""
    if request.param == "threads":
        monkeypatch.setattr("sig_serial._wires.LoopWire", ThreadWire)


class Device:
    """What is plugged into the other end: a program of somebody else's, with a terminal of its own."""

    def __init__(self, path: str) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)

    def write(self, data: bytes) -> None:
        assert os.write(self._fd, data) == len(data)

    async def read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            with suppress(BlockingIOError):
                data += os.read(self._fd, size - len(data))
            await asyncio.sleep(0.001)
        return data

    def close(self) -> None:
        os.close(self._fd)


class Came(asyncio.Queue[Streams]):
    """The links of a listener; its protocol factory."""

    def __call__(self) -> asyncio.Protocol:
        reader = asyncio.StreamReader()
        return asyncio.StreamReaderProtocol(reader, lambda reader, writer: self.put_nowait((reader, writer)))


def bare(path: str) -> Endpoint:
    return Endpoint.parse(f"serial://{path}?framing=none")


async def connected(path: str) -> Streams:
    came = Came()
    await SerialCarrier().connect(bare(path), came)
    return await came.get()


async def lost(streams: Streams) -> LinkError:
    """The cause with which a link ends."""
    with pytest.raises(LinkError) as caught:
        await streams[0].read()
    with suppress(LinkError):
        await streams[1].wait_closed()
    return caught.value


async def closed(listening: Listening) -> None:
    listening.close()
    await listening.wait_closed()


def play(cable: PtyCable, scene: Callable[[Device], Awaitable[None]]) -> None:
    async def run() -> None:
        device = Device(cable.left)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await scene(device)
        finally:
            device.close()

    asyncio.run(run())


def test_bytes_go_both_ways_as_they_are(cable: PtyCable) -> None:
    async def scene(device: Device) -> None:
        reader, writer = await connected(cable.right)
        writer.write(b"\x00*IDN?\r\n")
        assert await device.read(8) == b"\x00*IDN?\r\n"
        device.write(b"ACME,1\r\n\xff\x00")
        assert await reader.readexactly(10) == b"ACME,1\r\n\xff\x00"
        counters = writer.get_extra_info("counters")
        assert (counters.bytes_sent, counters.bytes_received) == (8, 10)
        assert writer.get_extra_info("peername") == cable.right
        writer.close()
        await writer.wait_closed()

    play(cable, scene)


@pytest.mark.parametrize("size", [0, 20_000])
def test_closing_sends_what_was_written(cable: PtyCable, size: int) -> None:
    async def scene(device: Device) -> None:
        _, writer = await connected(cable.right)
        writer.write(bytes(size))
        writer.close()
        writer.write(b"too late")
        assert await device.read(size) == bytes(size)
        await writer.wait_closed()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await device.read(1)

    play(cable, scene)


def test_a_device_that_does_not_read_pauses_the_writer_and_no_byte_is_lost(cable: PtyCable) -> None:
    async def scene(device: Device) -> None:
        _, writer = await connected(cable.right)
        written = b""
        with suppress(TimeoutError):  # which comes when no more is taken
            while len(written) < 1_000_000:
                piece = os.urandom(1000)
                writer.write(piece)
                written += piece
                async with asyncio.timeout(0.1):
                    await writer.drain()
        assert len(written) < 1_000_000
        assert await device.read(len(written)) == written
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    play(cable, scene)


def test_closing_towards_a_device_that_does_not_read_ends_in_time(cable: PtyCable) -> None:
    async def scene(_device: Device) -> None:
        _, writer = await connected(cable.right)
        writer.write(bytes(500_000))
        began_s = time.monotonic()
        writer.close()
        await writer.wait_closed()
        assert time.monotonic() - began_s < 2.0

    play(cable, scene)


def test_a_paused_reader_gets_its_bytes_later(cable: PtyCable) -> None:
    async def scene(device: Device) -> None:
        reader, writer = await connected(cable.right)
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # typed as a transport that only writes
        device.write(b"x" * 3000)
        device.write(b"y" * 1000)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await reader.read(1)
        writer.transport.resume_reading()  # type: ignore[attr-defined]  # as above
        assert await reader.readexactly(4000) == b"x" * 3000 + b"y" * 1000
        writer.close()
        await writer.wait_closed()

    play(cable, scene)


def test_unplugging_ends_the_link_with_that_cause_and_it_can_be_made_again(cable: PtyCable) -> None:
    async def scene(_device: Device) -> None:
        streams = await connected(cable.right)
        began_s = time.monotonic()
        cable.unplug(cable.right)
        assert (await lost(streams)).cause == "unplugged"
        assert time.monotonic() - began_s < 1.0
        cable.replug(cable.right)
        _, writer = await connected(cable.right)
        writer.close()
        await writer.wait_closed()

    play(cable, scene)


def test_a_listener_has_a_link_as_soon_as_the_port_is_open_and_again_after_a_replug(cable: PtyCable) -> None:
    async def scene(device: Device) -> None:
        came = Came()
        listening = await SerialCarrier().listen(bare(cable.right), came)
        first = await came.get()
        device.write(b"one")
        assert await first[0].readexactly(3) == b"one"
        cable.unplug(cable.right)
        assert (await lost(first)).cause == "unplugged"
        cable.replug(cable.right)
        reader, writer = await came.get()
        device.write(b"two")
        assert await reader.readexactly(3) == b"two"
        listening.close()
        writer.close()
        await writer.wait_closed()
        await closed(listening)

    play(cable, scene)


def test_a_link_that_a_listener_ends_itself_is_followed_by_another_on_the_same_open_port(
    cable: PtyCable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sig_serial._raw_line.RELINK_DELAY_S", 0.1)

    async def scene(device: Device) -> None:
        came = Came()
        listening = await SerialCarrier().listen(bare(cable.right), came)
        _, first = await came.get()
        first.close()
        await first.wait_closed()
        reader, second = await came.get()
        device.write(b"still there")
        assert await reader.readexactly(11) == b"still there"
        port: Any = second.get_extra_info("serial")
        assert port is first.get_extra_info("serial")
        assert port.is_open
        listening.close()
        second.transport.abort()
        await closed(listening)

    play(cable, scene)


def test_a_protocol_that_raises_costs_its_link_only(cable: PtyCable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sig_serial._raw_line.RELINK_DELAY_S", 0.1)

    class Clumsy(asyncio.Protocol):
        def data_received(self, data: bytes) -> None:
            raise RuntimeError("clumsy")

    async def scene(device: Device) -> None:
        told: list[str] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(str(context["exception"])))
        came = Came()
        protocols = iter([Clumsy(), came()])
        listening = await SerialCarrier().listen(bare(cable.right), lambda: next(protocols))
        device.write(b"trap")
        reader, writer = await came.get()
        device.write(b"fine")
        assert await reader.readexactly(4) == b"fine"
        assert told == ["clumsy"]
        listening.close()
        writer.close()
        await writer.wait_closed()
        await closed(listening)

    play(cable, scene)
