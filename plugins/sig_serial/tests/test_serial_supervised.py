# SPDX-License-Identifier: MIT
"""A port that is listened to for months: absent, plugged in, gone, under another name. On real pseudo-terminals."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from sig_serial import PortInfo, SerialCarrier
from sig_serial._listening import SerialListening
from sig_serial.testing import PtyCable

import sigcore
from sigcore import Endpoint, EndpointError, LinkError

PATIENCE_S = 10.0
FAST = "baudrate=4000000"


class Peer(asyncio.Protocol):
    """One end of a link: notes what comes."""

    def __init__(self, news: asyncio.Event) -> None:
        self._news = news
        self.transport = asyncio.Transport()
        self.received = b""
        self.is_lost = False
        self.cause: Exception | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._news.set()

    def data_received(self, data: bytes) -> None:
        self.received += data
        self._news.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost, self.cause = True, exc
        self._news.set()

    @property
    def port(self) -> str:
        return real(str(self.transport.get_extra_info("peername")))


class Bench:
    """Listenings, and whoever connects; everything is closed at the end."""

    def __init__(self, list_ports: Callable[[], list[PortInfo]] = list) -> None:
        self.carrier = SerialCarrier(list_ports)
        self.came: list[Peer] = []
        self.news = asyncio.Event()
        self._peers: list[Peer] = []
        self._listenings: list[SerialListening] = []

    async def __aenter__(self) -> Bench:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        for listening in self._listenings:
            listening.close()
        for peer in self._peers:
            peer.transport.abort()
        async with asyncio.timeout(PATIENCE_S):
            for listening in self._listenings:
                await listening.wait_closed()

    async def listen(self, url: str, query: str = FAST) -> SerialListening:
        def take() -> Peer:
            peer = Peer(self.news)
            self.came.append(peer)
            self._peers.append(peer)
            return peer

        listening = await self.carrier.listen(Endpoint.parse(f"{url}?{query}"), take)
        self._listenings.append(listening)
        return listening

    async def connect(self, path: str) -> Peer:
        """Connect to the listener at the other end, as a client does: again and again, until both are up."""
        before = len(self.came)
        endpoint = Endpoint.parse(f"serial://{path}?{FAST}&answer_timeout=500ms")
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    _, peer = await self.carrier.connect(endpoint, lambda: Peer(self.news))
                except ConnectionError:
                    continue
                assert isinstance(peer, Peer)
                self._peers.append(peer)
                await self.until(lambda: len(self.came) > before)
                return peer

    async def until(self, reached: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not reached():
                self.news.clear()
                await self.news.wait()


def play(scene: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(scene(), 3 * PATIENCE_S))


async def becomes(reached: Callable[[], bool], within_s: float = PATIENCE_S) -> None:
    """Wait for what sets no event."""
    async with asyncio.timeout(within_s):
        while not reached():  # noqa: ASYNC110  # what is awaited sets no event
            await asyncio.sleep(0.01)


def real(path: str) -> str:
    """Return the device behind a link."""
    return os.path.realpath(path)


def usb(path: str, ids: str = "1a86:7523", serial_number: str | None = "A1") -> list[PortInfo]:
    """Return what stands in the table of ports for the device behind ``path``: nothing while it is unplugged."""
    vid, pid = (int(number, 16) for number in ids.split(":"))
    if not os.path.exists(path):
        return []
    return [PortInfo(real(path), vid=vid, pid=pid, serial_number=serial_number)]


# Coming and going.


def test_a_device_that_is_absent_at_first_is_taken_within_a_second(
    cable: PtyCable, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "sigcore.serial")

    async def scene() -> None:
        async with Bench() as bench:
            cable.unplug(cable.left)
            listening = await bench.listen(f"serial://{cable.left}")
            assert [status["state"] for status in listening.status()] == ["absent"]
            cable.replug(cable.left)
            began_s = time.monotonic()
            await becomes(lambda: listening.status()[0]["state"] == "no link")
            assert time.monotonic() - began_s < 1.0
            await bench.connect(cable.right)

    play(scene)
    words = [record.getMessage() for record in caplog.records]
    assert len(words) == 2
    assert "is taken as soon as it comes" in words[0]
    assert "is open" in words[1]


@pytest.mark.parametrize("url", ["serial://{}", "serial://{}*", "serial+usb://1a86:7523/A1", "serial+usb://1a86:*"])
def test_waiting_for_a_device_costs_less_than_a_fiftieth_of_a_core(url: str, cable: PtyCable) -> None:
    async def scene() -> None:
        async with Bench(lambda: usb(cable.left)) as bench:
            cable.unplug()
            await bench.listen(url.format(cable.left))
            began_s, began_cpu_s = time.monotonic(), time.process_time()
            await asyncio.sleep(1.5)  # a time that is measured, not waited for
            assert time.process_time() - began_cpu_s < 0.02 * (time.monotonic() - began_s)

    play(scene)


def test_unplugging_is_noticed_also_while_nothing_is_read(cable: PtyCable) -> None:
    async def scene() -> None:
        async with Bench() as bench:
            await bench.listen(f"serial://{cable.left}", "framing=none")
            await bench.until(lambda: bool(bench.came))
            bench.came[0].transport.pause_reading()
            cable.unplug(cable.left)
            began_s = time.monotonic()
            await bench.until(lambda: bench.came[0].is_lost)
            assert time.monotonic() - began_s < 1.0
            assert isinstance(bench.came[0].cause, LinkError)
            assert bench.came[0].cause.cause == "unplugged"

    play(scene)


def test_bare_bytes_have_one_protocol_for_each_time_that_the_device_is_there(cable: PtyCable) -> None:
    async def scene() -> None:
        async with Bench() as bench:
            await bench.listen(f"serial://{cable.left}", "framing=none")
            for presence in range(1, 4):
                await bench.until(lambda presence=presence: len(bench.came) == presence)  # type: ignore[misc]  # mypy#12557
                cable.unplug(cable.left)
                await bench.until(lambda: bench.came[-1].is_lost)
                cable.replug(cable.left)
            assert all(peer.is_lost for peer in bench.came[:3])

    play(scene)


def test_nothing_is_lost_or_doubled_by_a_replug_and_the_sender_stays_the_same(cable: PtyCable) -> None:
    heard: list[int] = []
    presence: list[str] = []
    url = f"serial://{cable.left}?{FAST}"
    with (
        sigcore.ServerRouter(url, grace=20.0) as server,
        sigcore.ClientRouter(f"serial://{cable.right}?{FAST}&answer_timeout=500ms", name="board") as client,
    ):
        server.add_listener(lambda info, data: presence.append(info.event), event=sigcore.EVENT_DISCONNECT)
        server.add_listener(lambda info, data: heard.append(data), "board", "tick")
        tick = client.add_sender("board", events=["tick"]).signal("tick")
        for round_ in range(3):
            for number in range(10):
                tick.trigger(10 * round_ + number)
            cable.unplug(cable.left)
            tick.trigger(-round_)
            cable.replug(cable.left)
        deadline_s = time.monotonic() + PATIENCE_S
        while len(heard) < 33 and time.monotonic() < deadline_s:
            time.sleep(0.01)
        assert presence == []
    assert heard == [number for round_ in range(3) for number in (*range(10 * round_, 10 * round_ + 10), -round_)]


def test_those_who_listen_are_told_that_the_device_was_unplugged(cable: PtyCable) -> None:
    causes: list[str | None] = []
    with sigcore.ServerRouter(f"serial://{cable.left}?{FAST}", grace=0.1) as server:
        server.add_listener(lambda info, data: causes.append(data.cause), event=sigcore.EVENT_DISCONNECT)
        with sigcore.ClientRouter(f"serial://{cable.right}?{FAST}") as client:
            client.add_sender("board", events=["tick"])
            cable.unplug(cable.left)
            deadline_s = time.monotonic() + PATIENCE_S
            while not causes and time.monotonic() < deadline_s:
                time.sleep(0.01)
            cable.replug(cable.left)
    assert causes[:1] == ["unplugged"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root, to become somebody else")
def test_a_device_that_udev_has_not_given_its_rights_yet_is_awaited_quietly(cable: PtyCable) -> None:
    os.chmod(os.path.dirname(cable.left), 0o755)
    os.chmod(cable.left, 0o600)
    code = (
        "import asyncio, logging, os, sys\n"
        "from sig_serial import SerialCarrier\n"
        "from sigcore import Endpoint\n"
        "async def scene():\n"
        "    await asyncio.to_thread(len, '')\n"  # loads what nobody else may read
        "    os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "    endpoint = Endpoint.parse(f'serial://{sys.argv[1]}?framing=none')\n"
        "    up = asyncio.Event()\n"
        "    class Peer(asyncio.Protocol):\n"
        "        def connection_made(self, transport): up.set()\n"
        "    listening = await SerialCarrier().listen(endpoint, Peer)\n"
        "    while listening.status()[0]['state'] != 'refused': await asyncio.sleep(0.01)\n"
        "    print('waits', flush=True)\n"
        "    async with asyncio.timeout(10): await up.wait()\n"
        "    print('up', flush=True)\n"
        "logging.basicConfig(level=logging.WARNING)\n"
        "asyncio.run(scene())\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", code, cable.left]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as program:
        assert program.stdout is not None
        if program.stdout.readline() != "waits\n":
            pytest.fail(program.communicate()[1])
        os.chmod(cable.left, 0o666)
        said, warned = program.communicate(timeout=PATIENCE_S)
    assert said == "up\n", warned
    assert "permission denied" not in warned


# Patterns.


def test_a_pattern_takes_each_device_as_it_comes_and_lets_it_go_as_it_goes(tmp_path: Path) -> None:
    async def scene() -> None:
        for name in "ab":
            (tmp_path / name).mkdir()
        with PtyCable(str(tmp_path / "a")) as a, PtyCable(str(tmp_path / "b")) as b:
            b.unplug(b.left)
            async with Bench() as bench:
                listening = await bench.listen(f"serial://{tmp_path}/*/left")
                first = await bench.connect(a.right)
                b.replug(b.left)
                await bench.connect(b.right)
                assert {real(status["port"]) for status in listening.status()} == {
                    real(path) for path in (a.left, b.left)
                }
                a.unplug(a.left)
                await bench.until(lambda: bench.came[0].is_lost)
                await becomes(lambda: [status["port"] for status in listening.status()] == [b.left])
                assert not bench.came[1].is_lost
                first.transport.abort()
                a.replug(a.left)
                await bench.connect(a.right)

    play(scene)


def test_a_pattern_leaves_alone_what_is_no_serial_port(tmp_path: Path) -> None:
    (tmp_path / "port1").touch()
    (tmp_path / "port2").symlink_to("/dev/tty1" if os.path.exists("/dev/tty1") else "/dev/tty")

    async def scene() -> None:
        async with Bench() as bench:
            listening = await bench.listen(f"serial://{tmp_path}/port*")
            await asyncio.sleep(0.3)  # a look at what is there
            assert listening.status() == []

    play(scene)


def test_a_device_that_two_endpoints_mean_belongs_to_the_first_until_that_lets_go(
    cable: PtyCable, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "sigcore.serial")

    async def scene() -> None:
        async with Bench() as bench:
            first = await bench.listen(f"serial://{cable.left}")
            second = await bench.listen(f"serial://{cable.left}*")
            await becomes(lambda: "is left alone by" in caplog.text)
            assert f"serial://{cable.left}?{FAST} has it" in caplog.text
            assert second.status() == []
            first.close()
            await becomes(lambda: [status["state"] for status in second.status()] == ["no link"])

    play(scene)
    assert caplog.text.count("is left alone by") == 1


# USB identities.


def test_a_device_is_found_by_its_usb_identity_also_under_another_name(cable: PtyCable) -> None:
    async def scene() -> None:
        async with Bench(lambda: usb(cable.left)) as bench:
            await bench.listen("serial+usb://1A86:7523/A1")
            peer = await bench.connect(cable.right)
            old = bench.came[0].port
            cable.unplug(cable.left)
            with PtyCable():  # takes the old name away
                cable.replug(cable.left)
                await bench.until(lambda: bench.came[0].is_lost)
                peer.transport.abort()
                await bench.connect(cable.right)
                assert bench.came[-1].port == real(cable.left) != old
                cables = {came.transport.get_extra_info("cable") for came in bench.came}
                assert len(cables) == 1  # it is the same device to the session above

    play(scene)


def test_a_device_that_comes_back_by_another_name_is_no_other_device_in_the_log(
    cable: PtyCable, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "sigcore.serial")

    async def scene() -> None:
        async with Bench() as bench:
            listening = await bench.listen(f"serial://{cable.left}")
            with PtyCable():  # takes the old name away
                for _ in range(3):
                    cable.unplug(cable.left)
                    cable.replug(cable.left)
                    await becomes(lambda: listening.status()[0].get("identity", "").endswith(f"({real(cable.left)})"))

    play(scene)
    assert "left alone" not in caplog.text


def test_a_look_that_fails_is_told_once_and_is_not_the_last(cable: PtyCable, caplog: pytest.LogCaptureFixture) -> None:
    is_failing = True

    def list_ports() -> list[PortInfo]:
        if is_failing:
            raise OSError(errno.EMFILE, "Too many open files")
        return usb(cable.left)

    async def scene() -> None:
        nonlocal is_failing
        async with Bench(list_ports) as bench:
            await bench.listen("serial+usb://1a86:*")
            await becomes(lambda: "Too many open files" in caplog.text)
            await asyncio.sleep(0.5)  # another look or two
            is_failing = False
            await bench.connect(cable.right)

    play(scene)
    assert caplog.text.count("Too many open files") == 1


def test_another_device_that_gets_the_name_of_a_lost_one_is_not_taken_for_it(cable: PtyCable) -> None:
    ids = "1a86:7523"

    async def scene() -> None:
        nonlocal ids
        async with Bench(lambda: usb(cable.left, ids)) as bench:
            listening = await bench.listen("serial+usb://1a86:7523/A1", "framing=none")
            await bench.until(lambda: len(bench.came) == 1)
            ids, name = "10c4:ea60", real(cable.left)
            cable.unplug(cable.left)
            await bench.until(lambda: bench.came[0].is_lost)  # only then is its name free
            cable.replug(cable.left)
            if real(cable.left) != name:
                pytest.skip("another program took the name")
            await becomes(lambda: listening.status()[0]["state"] == "absent")
            await asyncio.sleep(0.5)  # a look at what is there
            assert len(bench.came) == 1

    play(scene)


def test_of_two_like_devices_an_identity_takes_one_and_says_so(
    cable: PtyCable, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "sigcore.serial")

    async def scene() -> None:
        async with Bench(lambda: usb(cable.left) + usb(cable.right, serial_number="B2")) as bench:
            listening = await bench.listen("serial+usb://1a86:7523")
            await becomes(lambda: "add the serial number" in caplog.text)
            assert [status["port"] for status in listening.status()] == [real(cable.left)]
            with pytest.raises(OSError, match=r"2 ports are: .*add the serial number"):
                await bench.carrier.connect(Endpoint.parse("serial+usb://1a86:7523"), lambda: Peer(bench.news))

    play(scene)


@pytest.mark.parametrize("url", ["serial+usb://1a86:*", "serial+usb://1a86:7523/*", "serial+usb://1a86:7523/[AB]?"])
def test_a_pattern_of_identities_takes_all_that_match(url: str, cable: PtyCable) -> None:
    async def scene() -> None:
        async with Bench(lambda: usb(cable.left) + usb(cable.right, serial_number="B2")) as bench:
            listening = await bench.listen(url.replace("?", "%3F"))
            await becomes(lambda: len(listening.status()) == 2)

    play(scene)


def test_connecting_to_an_identity_that_is_not_there_says_so(cable: PtyCable) -> None:
    async def scene() -> None:
        async with Bench(lambda: usb(cable.left)) as bench:
            with pytest.raises(FileNotFoundError, match="USB 1a86:7523 with the serial number C3 does not exist"):
                await bench.carrier.connect(Endpoint.parse("serial+usb://1a86:7523/C3"), lambda: Peer(bench.news))

    play(scene)


@pytest.mark.parametrize("url", ["serial:///dev/ttyACM*", "serial+usb://1a86:*", "serial+usb://1a86:7523/A*"])
def test_one_connects_to_one_port_not_to_a_pattern(url: str) -> None:
    async def scene() -> None:
        with pytest.raises(EndpointError, match="a pattern may match several ports"):
            await SerialCarrier().connect(Endpoint.parse(url), asyncio.Protocol)

    play(scene)
