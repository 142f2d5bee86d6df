# SPDX-License-Identifier: MIT
"""How connections are taken: whoever may not come in is told so, and no lack of descriptors harms those inside."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from contextlib import suppress
from typing import Any, cast

import pytest
import sig_tcp._acceptor
from sig_tcp import TcpCarrier

import sigcore
from sigcore import Endpoint, Listening

LIMIT_S = 5.0
FAREWELL = b"no room; try again later"


class Echo(asyncio.Protocol):
    """Says what it heard."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._transport.write(data)


class Door:
    """Lets in as many as there is room for; notes who came, and who left before."""

    left_s = 5.0

    def __init__(self, room: int) -> None:
        self.room = room
        self.sources: list[str] = []
        self.withdrawn = 0

    def __call__(self) -> asyncio.Protocol:
        return Echo()

    def admit(self, source: str) -> Door | sigcore.Refusal:
        self.sources.append(source)
        self.room -= 1
        return self if self.room >= 0 else sigcore.Refusal(FAREWELL)

    def withdraw(self) -> None:
        self.withdrawn += 1


def run(scenario: Any) -> None:
    """Run a scenario, after which no error may have gone unhandled."""

    async def watched() -> None:
        unhandled: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: unhandled.append(context))
        async with asyncio.timeout(4 * LIMIT_S):
            await scenario()
        assert unhandled == []

    asyncio.run(watched())


async def listen(factory: Any) -> Listening:
    return await TcpCarrier().listen(Endpoint.parse("tcp://127.0.0.1:0"), factory)


async def said_to(listening: Listening, words: bytes = b"hello") -> bytes:
    """Connect, say something, and return all that comes back until as much came, or the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", listening.endpoint.port)
    try:
        writer.write(words)
        return await reader.readexactly(len(words) if words else len(FAREWELL))
    except asyncio.IncompleteReadError as error:
        return error.partial
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def without_add_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the loop lack what that of Windows lacks."""

    def add_reader(*_: Any) -> None:
        raise NotImplementedError

    loop = asyncio.get_running_loop()
    if not isinstance(loop, asyncio.BaseEventLoop):
        pytest.skip("this loop's methods cannot be replaced")
    monkeypatch.setattr(loop, "add_reader", add_reader)


@pytest.mark.parametrize("has_readers", [True, False], ids=["own", "windows"])
def test_who_may_come_in_is_asked_first_and_who_may_not_is_told_why(
    has_readers: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        if not has_readers:
            without_add_reader(monkeypatch)
        door = Door(room=1)
        listening = await listen(door)
        assert await said_to(listening) == b"hello"
        assert await said_to(listening, b"") == FAREWELL
        assert door.sources == ["127.0.0.1", "127.0.0.1"]
        listening.close()
        await listening.wait_closed()

    run(scenario)


def test_a_factory_that_raises_costs_that_connection_and_no_other() -> None:
    fails = True

    def factory() -> asyncio.Protocol:
        if fails:
            raise RuntimeError("a fault of the one who listens")
        return Echo()

    async def scenario() -> None:
        nonlocal fails
        heard: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: heard.append(context))
        listening = await listen(factory)
        assert await said_to(listening) == b""
        fails = False
        assert await said_to(listening) == b"hello"
        listening.close()

    asyncio.run(scenario())


def test_a_rush_of_connections_is_taken_whole() -> None:
    async def scenario() -> None:
        listening = await listen(Echo)
        assert await asyncio.gather(*(said_to(listening) for _ in range(150))) == [b"hello"] * 150
        listening.close()

    run(scenario)


def test_closing_frees_the_port_at_once() -> None:
    async def scenario() -> None:
        listening = await listen(Echo)
        listening.close()
        again = await TcpCarrier().listen(listening.endpoint, Echo)
        assert await said_to(again) == b"hello"
        again.close()

    run(scenario)


SERVER = """
import asyncio, logging, resource, sys
from sig_tcp import TcpCarrier
from sigcore import Endpoint

class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport
    def data_received(self, data):
        self.transport.write(data)

async def main():
    resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))
    listening = await TcpCarrier().listen(Endpoint.parse("tcp://127.0.0.1:0"), Echo)
    print(listening.endpoint.port, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    listening.close()

logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="LOG %(message)s")
asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit of descriptors")
def test_out_of_descriptors_those_inside_notice_nothing_and_the_log_stays_short() -> None:
    command = [sys.executable, "-c", SERVER]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=os.environ) as server:
        assert server.stdin
        assert server.stdout
        assert server.stderr
        port = int(server.stdout.readline())
        inside = [socket.create_connection(("127.0.0.1", port), LIMIT_S) for _ in range(20)]
        crowd = [socket.create_connection(("127.0.0.1", port), LIMIT_S) for _ in range(200)]
        for sock in inside:
            assert echoed(sock)
        answers = [echoed(sock) for sock in crowd]
        assert True in answers
        assert False in answers  # turned away, and not left waiting
        for sock in inside:
            assert echoed(sock)
        cpu_s = cpu_seconds(server.pid)
        for sock in crowd:
            sock.close()
        began_s = time.monotonic()
        while not comes_in(port):
            assert time.monotonic() < began_s + 2.0
        assert cpu_s < 2.0
        for sock in inside:
            sock.close()
        server.stdin.close()
        told = [line for line in server.stderr if line.strip()]
        assert server.wait(LIMIT_S) == 0
    assert len([line for line in told if "all the files open that it may" in line]) == 1
    assert len(told) <= 2, told


def echoed(sock: socket.socket) -> bool:
    """Tell whether the other side answers; not that it ended the connection."""
    try:
        sock.sendall(b"x")
        return sock.recv(1) == b"x"
    except ConnectionError:
        return False


def comes_in(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), LIMIT_S) as sock:
        return echoed(sock)


def cpu_seconds(pid: int) -> float:
    """Return what a process has used; 0 where the system does not tell."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_without_any_descriptor_it_looks_away_for_a_moment_and_then_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sig_tcp._acceptor, "PAUSE_S", 0.05)
    tries = 0
    accept = socket.socket.accept

    def failing(sock: socket.socket) -> Any:
        nonlocal tries
        tries += 1
        if tries <= 3:
            raise OSError(12, "Cannot allocate memory")
        return accept(sock)

    async def scenario() -> None:
        listening = await listen(Echo)
        monkeypatch.setattr(socket.socket, "accept", failing)
        assert await said_to(listening) == b"hello"
        assert tries < 20  # it did not spin
        listening.close()

    run(scenario)
