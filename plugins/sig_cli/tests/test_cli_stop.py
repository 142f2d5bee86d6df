# SPDX-License-Identifier: MIT
"""How ``sig serve`` stops: nothing that was accepted is lost, it takes 10 s at most, and systemd is told."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from sigcore import NotConnected
from sigcore.aio import ClientRouter

LIMIT_S = 20.0
STOP_S = 10.0
"""What a stop may take."""
SECOND_S = 1.0
"""What it may take after a second signal."""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="OS signals are tested as POSIX has them")


# stopping


def test_a_server_that_stops_says_what_it_does_in_one_line(sig: Any) -> None:
    with sig.running("serve", "tcp://127.0.0.1:0") as server:
        assert [server.line().split()[0] for _ in range(2)] == ["listening", "codecs"]
        assert server.ended_by(signal.SIGTERM) == 0
        (last,) = server.process.stdout.read().splitlines()
        assert "stopping: sends what was accepted" in last
        assert server.complaint() == ""


def test_a_server_that_stops_says_so_in_json_too(sig: Any) -> None:
    with sig.running("serve", "--json", "tcp://127.0.0.1:0") as server:
        server.record()
        assert server.ended_by(signal.SIGINT) == 0
        assert server.record() == {"what": "stopping"}


def test_every_event_that_the_server_has_accepted_arrives_although_it_stops(sig: Any) -> None:
    count = 2_000

    async def scenario() -> None:
        with sig.running("serve", "--json", "tcp://127.0.0.1:0") as server:
            (endpoint,) = server.record()["endpoints"]
            heard: list[int] = []
            all_of_them = asyncio.Event()

            async def slowly(info: object, number: int) -> None:
                heard.append(number)
                await asyncio.sleep(0.0005)
                if len(heard) == count:
                    all_of_them.set()

            async with ClientRouter(endpoint) as ear:
                await ear.add_listener(slowly, "counter", "number")
                async with ClientRouter(endpoint) as mouth:
                    counter = await mouth.add_sender("counter", events=["number"])
                    for number in range(count):
                        counter.trigger("number", number)
                # Leaving the client waited until the server had them all.
                began_s = time.monotonic()
                assert await asyncio.to_thread(server.ended_by, signal.SIGTERM) == 0
                assert time.monotonic() - began_s < STOP_S
                async with asyncio.timeout(LIMIT_S):
                    await all_of_them.wait()
                assert heard == list(range(count))

    asyncio.run(scenario())


def test_clients_are_told_that_the_server_stops(sig: Any) -> None:
    async def scenario() -> None:
        with sig.running("serve", "--json", "tcp://127.0.0.1:0") as server:
            async with ClientRouter(server.record()["endpoints"][0]) as client:
                await asyncio.to_thread(server.ended_by, signal.SIGTERM)
                async with asyncio.timeout(1.0):  # long before silence would tell
                    while client.connected:  # noqa: ASYNC110  # there is no event for it
                        await asyncio.sleep(0.01)
                with pytest.raises(NotConnected):
                    await client.senders()

    asyncio.run(scenario())


@contextmanager
def with_stuck_reader(sig: Any) -> Iterator[tuple[Any, str]]:
    """A server with events for a client that reads no more, and its endpoint."""
    with sig.running("serve", "--json", "tcp://127.0.0.1:0") as server:
        (endpoint,) = server.record()["endpoints"]
        with sig.running("listen", "--json", endpoint) as ear:
            asyncio.run(stop_it_and_go_on(endpoint, ear))
            yield server, endpoint


async def stop_it_and_go_on(endpoint: str, ear: Any) -> None:
    async with ClientRouter(endpoint) as client:
        sender = await client.add_sender("me", events=["hello"])
        line = asyncio.create_task(asyncio.to_thread(ear.line))
        async with asyncio.timeout(LIMIT_S):
            while not line.done():
                sender.trigger("hello", "are you there?")
                await asyncio.wait([line], timeout=0.05)
        ear.process.send_signal(signal.SIGSTOP)
        for _ in range(20):  # 2 MB in all: more than the client takes unread, less than the server keeps for it
            for _ in range(100):
                sender.trigger("hello", "x" * 1_000)
            await client.drain()


def wait_for_stopping(server: Any) -> None:
    """Return when a server has said that it stops."""
    while server.record()["what"] != "stopping":
        pass


def test_a_reader_that_is_stuck_does_not_keep_the_server_from_stopping(sig: Any) -> None:
    with with_stuck_reader(sig) as (server, endpoint):
        began_s = time.monotonic()
        server.process.terminate()
        wait_for_stopping(server)
        with pytest.raises(ConnectionRefusedError):  # nobody new is let in meanwhile
            connect(endpoint)
        assert server.process.wait(LIMIT_S) == 0
        assert time.monotonic() - began_s < STOP_S


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_second_signal_ends_the_server_at_once(sig: Any, second: signal.Signals) -> None:
    with with_stuck_reader(sig) as (server, _):
        server.process.terminate()
        wait_for_stopping(server)
        began_s = time.monotonic()
        assert server.ended_by(second) != 0
        assert time.monotonic() - began_s < SECOND_S


def connect(endpoint: str) -> None:
    """Connect to a TCP endpoint again and again, until the server has closed its port."""
    host, _, port = endpoint.removeprefix("tcp://").rpartition(":")
    until_s = time.monotonic() + 1.0
    while time.monotonic() < until_s:
        with suppress(ConnectionResetError):  # as happens to who stood in the queue when it closed
            socket.create_connection((host, int(port)), timeout=1.0).close()


# systemd


@contextmanager
def systemd_at(address: str) -> Iterator[socket.socket]:
    """The socket on which systemd hears of its services."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(f"\0{address[1:]}" if address.startswith("@") else address)
        listening.settimeout(LIMIT_S)
        yield listening


@contextmanager
def serving(sig: Any, **env: str) -> Iterator[Any]:
    """A server that was started with these variables."""
    with sig.running("serve", "--json", "tcp://127.0.0.1:0", **env) as server:
        yield server


def all_messages(systemd: socket.socket) -> list[str]:
    """Return what waits to be read."""
    systemd.setblocking(False)
    told = []
    with suppress(BlockingIOError):
        while True:
            told.append(systemd.recv(4096).decode())
    return told


def next_with(systemd: socket.socket, assignment: str) -> list[str]:
    """Return the lines of the next message that has this one."""
    while assignment not in (lines := systemd.recv(4096).decode().split("\n")):
        pass
    return lines


@pytest.mark.parametrize("kind", ["path", "abstract"])
def test_systemd_hears_that_the_server_is_ready_and_that_it_stops(sig: Any, tmp_path: Path, kind: str) -> None:
    if kind == "abstract" and not sys.platform.startswith("linux"):
        pytest.skip("only Linux has abstract sockets")
    address = f"@sig-{uuid.uuid4()}" if kind == "abstract" else str(tmp_path / "notify")
    with systemd_at(address) as systemd, serving(sig, NOTIFY_SOCKET=address) as server:
        ready, status = next_with(systemd, "READY=1")
        (endpoint,) = server.record()["endpoints"]
        assert (ready, status) == ("READY=1", f"STATUS=listening at {endpoint}")
        assert server.ended_by(signal.SIGTERM) == 0
        assert next_with(systemd, "STOPPING=1")[1].startswith("STATUS=stopping: ")


def test_systemd_hears_how_many_are_connected(sig: Any, tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    with systemd_at(address) as systemd, serving(sig, NOTIFY_SOCKET=address) as server:
        (endpoint,) = server.record()["endpoints"]
        with sig.running("listen", endpoint):
            next_with(systemd, f"STATUS=1 connected, at {endpoint}")
        next_with(systemd, f"STATUS=0 connected, at {endpoint}")


def test_the_watchdog_hears_of_the_server_twice_in_its_time(sig: Any, tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    with systemd_at(address) as systemd, serving(sig, NOTIFY_SOCKET=address, WATCHDOG_USEC="1000000"):
        next_with(systemd, "WATCHDOG=1")
        began_s = time.monotonic()
        for _ in range(3):
            next_with(systemd, "WATCHDOG=1")
        assert 1.25 < time.monotonic() - began_s < 3.0


def test_the_watchdog_of_another_process_is_not_fed(sig: Any, tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    env = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "20000", "WATCHDOG_PID": str(os.getpid())}
    with systemd_at(address) as systemd:
        with serving(sig, **env) as server:
            server.record()
            assert server.ended_by(signal.SIGTERM) == 0
        told = all_messages(systemd)
    assert any("READY=1" in message for message in told)
    assert [message for message in told if "WATCHDOG" in message] == []


def test_a_server_serves_although_systemd_cannot_be_told(sig: Any, tmp_path: Path) -> None:
    with serving(sig, NOTIFY_SOCKET=str(tmp_path / "gone")) as server:
        assert sig("senders", server.record()["endpoints"][0]).returncode == 0
        assert server.ended_by(signal.SIGTERM) == 0
        assert "systemd was not told READY=1" in server.complaint()
