# SPDX-License-Identifier: MIT
"""A port is lent to another program, such as one that flashes firmware, and comes back. On real pseudo-terminals."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import pytest
from sig_serial import PortInfo, SerialCarrier
from sig_serial._listening import SerialListening
from sig_serial._options import SerialOptions
from sig_serial._port import open_port
from sig_serial.testing import PtyCable

import sigcore
from sigcore import Endpoint, LinkError

PATIENCE_S = 10.0
FAST = "baudrate=4000000"


class Presence(asyncio.Protocol):
    """Bare bytes of a device, from its coming to its going."""

    def __init__(self) -> None:
        self.cause: Exception | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        self.cause = exc


class Bench:
    """A listening for bare bytes: a link is up whenever the port is open."""

    def __init__(self, url: str, list_ports: Callable[[], list[PortInfo]] = list) -> None:
        self.endpoint = Endpoint.parse(f"{url}?framing=none")
        self.carrier = SerialCarrier(list_ports)
        self.came: list[Presence] = []

    async def __aenter__(self) -> Bench:
        self.listening: SerialListening = await self.carrier.listen(self.endpoint, self._take)
        await self.becomes(lambda: self.state == "up")
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self.listening.close()
        task = asyncio.ensure_future(self.listening.wait_closed())
        for berth in self.listening._berths.values():
            berth.abort()
        await asyncio.wait_for(task, PATIENCE_S)

    def _take(self) -> Presence:
        self.came.append(Presence())
        return self.came[-1]

    @property
    def state(self) -> str:
        states = [str(status["state"]) for status in self.listening.status()]
        return states[0] if len(states) == 1 else repr(states)

    async def becomes(self, reached: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not reached():  # noqa: ASYNC110  # what is awaited sets no event
                await asyncio.sleep(0.01)


def play(scene: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(scene(), 3 * PATIENCE_S))


@contextmanager
def tool_with(path: str) -> Iterator[subprocess.Popen[str]]:
    """Run a program that has the port open and locks nothing, as flashing tools do."""
    code = (
        "import os, sys; os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY); print('has it', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as tool:
        assert tool.stdout is not None
        assert tool.stdout.readline() == "has it\n"
        yield tool
        if tool.stdin is not None and not tool.stdin.closed:
            tool.stdin.close()


def test_a_port_that_is_lent_is_really_free_and_its_link_says_why(cable: PtyCable) -> None:
    async def scene() -> None:
        async with Bench(f"serial://{cable.left}") as bench:
            status = await bench.listening.lend(cable.left, 60.0)
            assert (status["port"], status["state"]) == (cable.left, "lent")
            assert 59.0 < status["lent_s"] <= 60.0
            assert isinstance(bench.came[0].cause, LinkError)
            assert bench.came[0].cause.cause == "lent"
            open_port(cable.left, SerialOptions()).close(0.0)  # exclusive: refused if anybody had it
            assert (await bench.listening.take_back(cable.left))["state"] in ("no link", "up")
            await bench.becomes(lambda: len(bench.came) == 2 and bench.state == "up")

    play(scene)


def test_a_loan_ends_by_itself(cable: PtyCable) -> None:
    async def scene() -> None:
        async with Bench(f"serial://{cable.left}") as bench:
            began_s = time.monotonic()
            await bench.listening.lend(cable.left, 0.3)
            await bench.becomes(lambda: bench.state == "up")
            assert 0.3 <= time.monotonic() - began_s < 1.5

    play(scene)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who has a port open")
def test_after_the_loan_the_port_is_taken_only_when_the_other_program_has_let_it_go(
    cable: PtyCable, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene() -> None:
        async with Bench(f"serial://{cable.left}") as bench:
            await bench.listening.lend(cable.left, 60.0)
            with tool_with(cable.left) as tool:
                status = await bench.listening.take_back(cable.left)
                assert status["state"] == "refused"
                assert f"process {tool.pid}" in status["problem"]
            await bench.becomes(lambda: bench.state == "up")

    play(scene)
    assert caplog.text.count("is in use by") == 1


def test_a_device_may_go_and_come_back_while_it_is_lent(cable: PtyCable) -> None:
    async def scene() -> None:
        async with Bench(f"serial://{cable.left}") as bench:
            await bench.listening.lend(cable.left, 60.0)
            for _ in range(2):
                cable.unplug(cable.left)
                cable.replug(cable.left)
                await asyncio.sleep(0.3)  # a look at what is there
                assert bench.state == "lent"
            await bench.listening.take_back(cable.left)
            await bench.becomes(lambda: bench.state == "up")

    play(scene)


def test_a_bootloader_that_comes_while_a_port_is_lent_is_left_to_the_other_program(
    cable: PtyCable, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "sigcore.serial")
    table = {cable.left: "2341:8036"}

    def ports() -> list[PortInfo]:
        return [PortInfo(path, vid=0x2341, pid=int(ids[5:], 16)) for path, ids in table.items()]

    async def scene() -> None:
        async with Bench("serial+usb://2341:*", ports) as bench:
            await bench.listening.lend(cable.left, 60.0)
            del table[cable.left]
            table[cable.right] = "2341:0036"  # the same board, with another identity under another name
            await bench.becomes(lambda: "in another shape" in caplog.text)
            assert bench.state == "lent"
            open_port(cable.right, SerialOptions()).close(0.0)
            del table[cable.right]
            table[cable.left] = "2341:8036"
            await bench.listening.take_back(cable.left)
            await bench.becomes(lambda: bench.state == "up")

    play(scene)


def test_a_port_is_known_by_any_of_its_names(cable: PtyCable) -> None:
    device = os.path.realpath(cable.left)

    async def scene() -> None:
        async with Bench(f"serial://{cable.left}") as bench:
            for name in (cable.left, device, str(bench.endpoint), f"serial://{cable.left}"):
                await bench.listening.lend(name, 60.0)
                assert bench.state == "lent"
                await bench.listening.take_back(name)

    play(scene)


def test_lending_again_counts_anew_and_taking_back_what_is_not_lent_does_nothing(cable: PtyCable) -> None:
    async def scene() -> None:
        async with Bench(f"serial://{cable.left}") as bench:
            assert (await bench.listening.take_back(cable.left))["state"] == "up"
            await bench.listening.lend(cable.left, 0.5)
            assert (await bench.listening.lend(cable.left, 60.0))["lent_s"] > 59.0
            await asyncio.sleep(0.6)  # the first loan's time
            assert bench.state == "lent"

    play(scene)


def test_what_cannot_be_lent_is_said(cable: PtyCable) -> None:
    async def scene() -> None:
        async with Bench(f"serial://{cable.left}") as bench:
            for name in (cable.right, "/dev/ttyNONE", "gps", "\0"):
                with pytest.raises(LookupError, match="is no port of serial://"):
                    await bench.listening.lend(name, 60.0)
                with pytest.raises(LookupError):
                    await bench.listening.take_back(name)
            for seconds in (0.0, -1.0, float("nan"), float("inf")):
                with pytest.raises(ValueError, match="for some seconds"):
                    await bench.listening.lend(cable.left, seconds)
            cable.unplug(cable.left)
            await bench.becomes(lambda: bench.state == "absent")
            with pytest.raises(sigcore.LinkError, match="is not there, so nobody has it"):
                await bench.listening.lend(cable.left, 60.0)
            assert (await bench.listening.take_back(cable.left))["state"] == "absent"

    play(scene)


def test_closing_ends_a_loan_at_once(cable: PtyCable) -> None:
    async def scene() -> None:
        bench = Bench(f"serial://{cable.left}")
        async with bench:
            await bench.listening.lend(cable.left, 3600.0)
            began_s = time.monotonic()
        assert time.monotonic() - began_s < 1.0

    play(scene)


def test_a_server_lends_its_ports_and_says_so_to_those_who_listen(cable: PtyCable) -> None:
    causes: list[str | None] = []
    with sigcore.ServerRouter(f"serial://{cable.left}?{FAST}", grace=0.1) as server:
        server.add_listener(lambda info, data: causes.append(data.cause), event=sigcore.EVENT_DISCONNECT)
        with sigcore.ClientRouter(f"serial://{cable.right}?{FAST}&answer_timeout=500ms") as client:
            client.add_sender("board", events=["tick"])
            lent = server.request("#server", "lend", {"port": cable.left, "seconds": 60})
            assert lent["state"] == "lent"
            deadline_s = time.monotonic() + PATIENCE_S
            while not causes and time.monotonic() < deadline_s:
                time.sleep(0.01)
            assert causes == ["lent"]
            server.request("#server", "take_back", {"port": cable.left})
            while not client.connected and time.monotonic() < deadline_s:
                time.sleep(0.01)
            assert client.connected
            (port,) = server.request("#server", "ports", None)
            assert (port["port"], port["state"]) == (cable.left, "up")
