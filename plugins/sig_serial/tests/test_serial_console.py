# SPDX-License-Identifier: MIT
"""Text beside the packets reaches who listens for it: boot banners, ``printf``, panic dumps."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

import pytest
from sig_serial import SerialCarrier, SerialOptions
from sig_serial._port import Port, open_port
from sig_serial.testing import PtyCable

from sigcore import Endpoint

PATIENCE_S = 10.0


class Factory:
    """Makes protocols that hear nothing, and is told text."""

    def __init__(self) -> None:
        self.told: asyncio.Queue[tuple[str, str]] = asyncio.Queue()

    def __call__(self) -> asyncio.Protocol:
        return asyncio.Protocol()

    def console(self, source: str, line: str) -> None:
        self.told.put_nowait((source, line))


Scene = Callable[[Port, Factory], Awaitable[None]]


def play(cable: PtyCable, scene: Scene, query: str = "", factory: Factory | None = None) -> None:
    """Listen at the left end, and give ``scene`` a device that writes to the right."""

    async def run() -> None:
        ours = factory or Factory()
        listening = await SerialCarrier().listen(Endpoint.parse(f"serial://{cable.left}{query}"), ours)
        device = open_port(cable.right, SerialOptions())
        try:
            async with asyncio.timeout(PATIENCE_S):
                await scene(device, ours)
        finally:
            device.close(0.0)
            listening.close()
            await listening.wait_closed()

    asyncio.run(run())


def test_lines_are_told_with_the_path_of_the_port(cable: PtyCable) -> None:
    async def scene(device: Port, factory: Factory) -> None:
        device.write("rst:0x1 (POWERON_RESET)\r\nheap 42 KiB, 21 °C\n".encode())
        assert await factory.told.get() == (cable.left, "rst:0x1 (POWERON_RESET)")
        assert await factory.told.get() == (cable.left, "heap 42 KiB, 21 °C")

    play(cable, scene)


def test_lines_are_told_under_the_name_that_the_endpoint_gives(cable: PtyCable) -> None:
    async def scene(device: Port, factory: Factory) -> None:
        device.write(b"ready\n")
        assert await factory.told.get() == ("board-console", "ready")

    play(cable, scene, "?console=board-console")


def test_a_line_without_an_end_is_told_after_half_a_second(cable: PtyCable) -> None:
    async def scene(device: Port, factory: Factory) -> None:
        began_s = time.monotonic()
        device.write(b"login: ")
        assert (await factory.told.get())[1] == "login: "
        assert 0.4 < time.monotonic() - began_s < 2.0

    play(cable, scene)


def test_who_cannot_take_a_line_costs_neither_the_next_line_nor_the_link(cable: PtyCable) -> None:
    class Clumsy(Factory):
        def console(self, source: str, line: str) -> None:
            super().console(source, line)
            raise RuntimeError(f"no {line}")

    async def scene(device: Port, factory: Factory) -> None:
        reported: list[str] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(str(context["exception"])))
        device.write(b"one\ntwo\n")
        assert [await factory.told.get(), await factory.told.get()] == [(cable.left, "one"), (cable.left, "two")]
        assert reported == ["no one", "no two"]

    play(cable, scene, factory=Clumsy())


def test_text_between_packets_of_a_link_is_told_and_the_link_goes_on(cable: PtyCable) -> None:
    async def scene() -> None:
        factory = Factory()
        reader = asyncio.StreamReader()
        listening = await SerialCarrier().listen(Endpoint.parse(f"serial://{cable.left}"), factory)
        transport, _ = await SerialCarrier().connect(
            Endpoint.parse(f"serial://{cable.right}"), lambda: asyncio.StreamReaderProtocol(reader)
        )
        port = transport.get_extra_info("serial")
        port.write(b"printf from firmware\n")
        assert await factory.told.get() == (cable.left, "printf from firmware")
        assert not transport.is_closing()
        transport.abort()
        listening.close()
        await listening.wait_closed()
        assert await reader.read() == b""

    asyncio.run(scene())


def test_where_nobody_takes_text_it_goes_to_the_log_at_debug_level(
    cable: PtyCable, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "sigcore.serial.console")

    async def scene() -> None:
        listening = await SerialCarrier().listen(Endpoint.parse(f"serial://{cable.left}"), asyncio.Protocol)
        device = open_port(cable.right, SerialOptions())
        device.write(b"boot\n")
        async with asyncio.timeout(PATIENCE_S):
            while not caplog.records:  # noqa: ASYNC110  # a log record sets no event
                await asyncio.sleep(0.01)
        device.close(0.0)
        listening.close()
        await listening.wait_closed()

    asyncio.run(scene())
    assert [record.getMessage() for record in caplog.records] == [f"{cable.left}: boot"]
