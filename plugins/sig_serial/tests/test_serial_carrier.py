# SPDX-License-Identifier: MIT
"""The carrier on real pseudo-terminals, joined by a cable; with descriptors watched by the loop, and with threads."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import re
import termios
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

import pytest
from sig_serial import SerialCarrier, SerialOptions
from sig_serial._counters import LinkCounters
from sig_serial._framing import frame
from sig_serial._lines import start_line
from sig_serial._link import Role
from sig_serial._port import open_port
from sig_serial._thread_wire import ThreadWire
from sig_serial._tty import TtyPort
from sig_serial.testing import LineFaults, PtyCable

import sigcore.testing
from sigcore import Carrier, ConnectTimeout, Endpoint, EndpointError, LinkError, load_carrier

PATIENCE_S = 30.0
KIB = 1024

FAST = "baudrate=4000000"
"""A cable of pseudo-terminals keeps up with any rate, and a link is paced by the one that it is told."""


@pytest.fixture(params=["descriptors", "threads"])
def any_wire(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the test twice, the second time as on a loop that cannot watch descriptors."""
    if request.param == "threads":
        monkeypatch.setattr("sig_serial._wires.LoopWire", ThreadWire)


class Peer(asyncio.Protocol):
    """One end of a link: notes what comes."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport = asyncio.Transport()
        self.received = bytearray()
        self.is_up = self.is_lost = self.is_paused = False
        self.cause: Exception | None = None
        self._news = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.is_up = True
        self._news.set()

    def data_received(self, data: bytes) -> None:
        assert type(data) is bytes
        assert data
        self.received += data
        self._news.set()

    def pause_writing(self) -> None:
        self.is_paused = True

    def resume_writing(self) -> None:
        self.is_paused = False
        self._news.set()

    def connection_lost(self, exc: Exception | None) -> None:
        assert not self.is_lost
        self.is_lost, self.cause = True, exc
        self._news.set()

    async def until(self, reached: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not reached():
                self._news.clear()
                await self._news.wait()

    async def has_received(self, data: bytes) -> None:
        await self.until(lambda: len(self.received) >= len(data) or self.is_lost)
        assert self.received == data

    async def has_ended(self) -> Exception | None:
        await self.until(lambda: self.is_lost)
        return self.cause

    def counters(self) -> LinkCounters:
        counters = self.transport.get_extra_info("counters")
        assert isinstance(counters, LinkCounters)
        return counters


class Bench:
    """A listener at the left end of a cable, and whoever connects at the right."""

    def __init__(self, cable: PtyCable, query: str) -> None:
        self.cable = cable
        self.carrier = SerialCarrier()
        self.left, self.right = (Endpoint.parse(f"serial://{path}?{query}") for path in (cable.left, cable.right))
        self.came: list[Peer] = []
        self._news = asyncio.Event()

    async def __aenter__(self) -> Bench:
        self.listening = await self.carrier.listen(self.left, self._take)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self.listening.close()
        for peer in self.came:
            peer.transport.abort()
        async with asyncio.timeout(PATIENCE_S):
            await self.listening.wait_closed()

    def _take(self) -> Peer:
        self.came.append(Peer())
        self._news.set()
        return self.came[-1]

    async def connect(self, factory: type[Peer] = Peer) -> tuple[Peer, Peer]:
        """The connecting and the listening end of a new link."""
        before = len(self.came)
        async with asyncio.timeout(PATIENCE_S):
            _, near = await self.carrier.connect(self.right, factory)
            while len(self.came) == before:
                self._news.clear()
                await self._news.wait()
        assert isinstance(near, Peer)
        far = self.came[-1]
        await far.until(lambda: far.is_up)
        return near, far

    async def ends(self, *peers: Peer) -> None:
        for peer in peers:
            peer.transport.close()
        for peer in peers:
            await peer.has_ended()


def play(cable: PtyCable, scene: Callable[[Bench], Awaitable[None]], query: str = FAST) -> None:
    async def run() -> None:
        async with Bench(cable, query) as bench:
            await scene(bench)

    asyncio.run(run())


@pytest.mark.usefixtures("any_wire")
def test_the_carrier_keeps_the_contract(cable: PtyCable) -> None:
    sigcore.testing.check_carrier(
        SerialCarrier(),
        f"serial://{cable.left}?{FAST}",
        f"serial://{cable.right}?{FAST}&answer_timeout=300ms",
        links=1,
        largest=16 * 1024,
    )


def test_the_entry_point_gives_the_carrier() -> None:
    carrier = load_carrier("serial")
    assert isinstance(carrier, SerialCarrier)
    assert isinstance(carrier, Carrier)


@pytest.mark.usefixtures("any_wire")
def test_bulk_each_way_at_once_arrives_whole(cable: PtyCable) -> None:
    async def scene(bench: Bench) -> None:
        near, far = await bench.connect()
        there, back = os.urandom(200 * KIB), os.urandom(200 * KIB)
        near.transport.write(there)
        far.transport.write(back)
        await far.has_received(there)
        await near.has_received(back)
        await bench.ends(near)

    play(cable, scene)


def test_small_writes_of_one_turn_go_in_one_packet(cable: PtyCable) -> None:
    async def scene(bench: Bench) -> None:
        near, far = await bench.connect()
        before = far.counters().packets_received
        for number in range(50):
            near.transport.write(b"%d," % number)
        await far.has_received(b"".join(b"%d," % number for number in range(50)))
        assert far.counters().packets_received - before <= 2
        await bench.ends(near)

    play(cable, scene)


def test_writes_pause_at_the_high_mark_and_resume_at_the_low(cable: PtyCable) -> None:
    async def scene(bench: Bench) -> None:
        near, far = await bench.connect()
        near.transport.set_write_buffer_limits(high=1000, low=10)
        near.transport.write(b"x" * 1000)
        assert not near.is_paused
        near.transport.write(b"x")
        assert near.is_paused
        await near.until(lambda: not near.is_paused)
        assert near.transport.get_write_buffer_size() <= 10
        await far.has_received(b"x" * 1001)
        await bench.ends(near)

    play(cable, scene)


def test_what_is_written_in_a_hurry_waits_for_little_else(cable: PtyCable) -> None:
    class Busy(Peer):
        """Has always more to say, and writes it as soon as there is room, a piece at a time."""

        written = 0

        def resume_writing(self) -> None:
            super().resume_writing()
            while not self.is_paused and not self.transport.is_closing():
                self.transport.write(b"b" * 512)
                self.written += 512

    async def scene(bench: Bench) -> None:
        near, far = await bench.connect(Busy)
        assert isinstance(near, Busy)
        near.resume_writing()
        for _ in range(5):
            seen = len(far.received) + 1
            await far.until(lambda seen=seen: len(far.received) > seen)  # type: ignore[misc]  # bound at once
            assert near.written - len(far.received) <= 512 + 3 * 256
        near.transport.abort()
        await near.has_ended()

    play(cable, scene, "baudrate=115200")


def test_a_reader_that_pauses_holds_the_writer_back_and_loses_nothing(cable: PtyCable) -> None:
    async def scene(bench: Bench) -> None:
        near, far = await bench.connect()
        far.transport.pause_reading()
        sent = os.urandom(100 * KIB)
        near.transport.write(sent)
        left = 0
        while left != near.transport.get_write_buffer_size():  # until nothing goes any more
            left = near.transport.get_write_buffer_size()
            await asyncio.sleep(0.2)
        assert not far.received
        assert left >= 90 * KIB
        far.transport.write(b"the other way is open")
        await near.has_received(b"the other way is open")
        far.transport.resume_reading()
        await far.has_received(sent)
        await bench.ends(near)

    play(cable, scene)


def test_the_water_marks_are_checked(cable: PtyCable) -> None:
    async def scene(bench: Bench) -> None:
        near, _ = await bench.connect()
        with pytest.raises(ValueError, match="high >= low >= 0, not high=1, low=2"):
            near.transport.set_write_buffer_limits(high=1, low=2)
        with pytest.raises(TypeError, match="takes bytes, not str"):
            near.transport.write("text")  # type: ignore[arg-type]  # that is what is tested
        await bench.ends(near)

    play(cable, scene)


def test_the_transport_tells_what_it_is_on(cable: PtyCable) -> None:
    async def scene(bench: Bench) -> None:
        near, far = await bench.connect()
        assert near.transport.get_extra_info("peername") == near.transport.get_extra_info("cable") == cable.right
        assert near.transport.get_extra_info("byte_s") == 10 / 4_000_000
        assert far.transport.get_extra_info("peername") == cable.left
        assert near.transport.get_extra_info("serial").baudrate == 4_000_000
        assert not near.transport.can_write_eof()
        assert near.transport.get_protocol() is near
        await bench.ends(near)

    play(cable, scene)


@pytest.mark.usefixtures("any_wire")
def test_noise_and_old_packets_before_the_link_do_no_harm(cable: PtyCable) -> None:
    async def scene(bench: Bench) -> None:
        device = open_port(cable.right, SerialOptions())
        device.write(b"U-Boot 2024.01\r\n\x00\xff\x00" + os.urandom(700))
        device.write(b"\x00" + frame(bytes.fromhex("04 01020304 000007 000000") + b"old") + b"\x05\x04half a pack")
        device.close(0.5)
        near, far = await bench.connect()
        near.transport.write(b"clean")
        await far.has_received(b"clean")
        assert far.counters().noise_bytes > 0
        assert far.received == b"clean"
        await bench.ends(near)

    play(cable, scene)


@pytest.mark.usefixtures("any_wire")
@pytest.mark.parametrize(
    "faults",
    [
        partial(LineFaults, ber=1e-4),
        partial(LineFaults, drop=1e-3),
        partial(LineFaults, insert=1e-3),
        partial(LineFaults, duplicate=0.05),
    ],
)
def test_a_line_that_changes_drops_or_adds_bytes_delivers_all_and_nothing_wrong(
    cable: PtyCable, faults: Callable[[int], LineFaults]
) -> None:
    async def scene(bench: Bench) -> None:
        near, far = await bench.connect()
        ways = {path: faults(number) for number, path in enumerate((cable.left, cable.right))}
        cable.fault = lambda path, data: ways[path](data)
        there, back = os.urandom(30 * KIB), os.urandom(30 * KIB)
        near.transport.write(there)
        far.transport.write(back)
        await far.has_received(there)
        await near.has_received(back)
        cable.fault = None
        counters = near.counters(), far.counters()
        assert any(each.retransmitted or each.duplicates for each in counters)
        await bench.ends(near)

    play(cable, scene)


@pytest.mark.usefixtures("any_wire")
def test_a_restarted_connector_ends_the_old_link_and_gets_a_new_one(cable: PtyCable) -> None:
    async def scene(bench: Bench) -> None:
        near, far = await bench.connect()
        cable.unplug(cable.right)  # the device goes without a word
        assert "is gone" in str(await near.has_ended())
        cable.replug(cable.right)
        newer, new_far = await bench.connect()
        assert "was restarted" in str(await far.has_ended())
        newer.transport.write(b"new")
        await new_far.has_received(b"new")
        assert far.received == b""
        await bench.ends(newer)

    play(cable, scene)


def test_a_connector_that_says_nothing_learns_within_a_second_or_so_that_the_listener_was_restarted(
    cable: PtyCable,
) -> None:
    async def scene(bench: Bench) -> None:
        near, far = await bench.connect()
        cable.unplug(cable.left)
        await far.has_ended()
        cable.replug(cable.left)
        assert "does not know this link" in str(await near.has_ended())
        near, far = await bench.connect()
        await bench.ends(near)

    play(cable, scene)


def test_a_peer_that_falls_silent_is_given_up(cable: PtyCable) -> None:
    async def scene(bench: Bench) -> None:
        near, far = await bench.connect()
        cable.fault = lambda _path, _data: b""
        began_s = time.monotonic()
        for peer in (near, far):
            lost = await peer.has_ended()
            assert isinstance(lost, LinkError)
            assert lost.cause == "silent"
        assert time.monotonic() - began_s > 2.0
        cable.fault = None
        near, far = await bench.connect()
        await bench.ends(near)

    play(cable, scene)


@pytest.mark.usefixtures("any_wire")
def test_unplugging_is_noticed_at_once_and_plugging_in_brings_links_back(
    cable: PtyCable, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "sigcore.serial")

    async def scene(bench: Bench) -> None:
        for _ in range(2):
            near, far = await bench.connect()
            cable.unplug()
            for peer in (near, far):
                await peer.has_ended()
                assert isinstance(peer.cause, LinkError)
                assert peer.cause.cause == "unplugged"  # not "silent", some seconds later
            with pytest.raises(FileNotFoundError, match="is the device plugged in"):
                await bench.connect()
            cable.replug()
        near, far = await bench.connect()
        near.transport.write(b"back")
        await far.has_received(b"back")
        await bench.ends(near)

    play(cable, scene)
    told = [record.levelname for record in caplog.records if re.search(r"is (gone|open)", record.getMessage())]
    assert told == ["WARNING", "INFO"] * 2


def test_an_absent_device_costs_no_cpu_and_few_words(cable: PtyCable, caplog: pytest.LogCaptureFixture) -> None:
    async def scene(bench: Bench) -> None:
        near, far = await bench.connect()
        cable.unplug()
        await near.has_ended()
        await far.has_ended()
        wall_s, cpu_s = time.monotonic(), time.process_time()
        await asyncio.sleep(1.5)  # not for a state: it is the span that is measured
        share = (time.process_time() - cpu_s) / (time.monotonic() - wall_s)
        assert share < 0.05

    play(cable, scene)
    assert len([record for record in caplog.records if record.levelno >= logging.WARNING]) == 1


def test_a_listening_that_waits_for_its_device_closes_without_another_look_for_it(
    cable: PtyCable, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, name in (("_listening", "LOOK_INTERVAL_S"), ("_berth", "FIRST_DELAY_S"), ("_berth", "LAST_DELAY_S")):
        monkeypatch.setattr(f"sig_serial.{module}.{name}", 10 * PATIENCE_S)

    async def scene(bench: Bench) -> None:
        cable.unplug()
        await asyncio.sleep(0.6)  # not for a state: it looks for the device, or waits for the next look
        bench.listening.close()
        async with asyncio.timeout(PATIENCE_S):
            await bench.listening.wait_closed()

    play(cable, scene)


def test_when_connection_lost_comes_the_port_can_be_opened_again(cable: PtyCable) -> None:
    reopened: list[bool] = []

    class Reopener(Peer):
        def connection_lost(self, exc: Exception | None) -> None:
            open_port(cable.right, SerialOptions()).close(0.0)
            reopened.append(True)
            super().connection_lost(exc)

    async def scene(bench: Bench) -> None:
        for end in ("close", "abort"):
            _, near = await bench.carrier.connect(bench.right, Reopener)
            assert isinstance(near, Reopener)
            getattr(near.transport, end)()
            await near.has_ended()

    play(cable, scene)
    assert reopened == [True, True]


TURNS = 20
"""How often the loop goes round in a second at least, however busy the machine is; one that is blocked does not."""


async def turns_until(ended: Callable[[], bool]) -> int:
    """How often the loop went round until then."""
    turns = 0
    async with asyncio.timeout(PATIENCE_S):
        while not ended():
            await asyncio.sleep(0.005)
            turns += 1
    return turns


@pytest.mark.usefixtures("any_wire")
def test_closing_a_clogged_link_ends_in_time_and_never_blocks_the_loop(cable: PtyCable) -> None:
    async def scene(bench: Bench) -> None:
        near, far = await bench.connect()
        far.transport.pause_reading()
        near.transport.write(b"x" * 200_000)
        began_s = time.monotonic()
        near.transport.close()
        assert await turns_until(lambda: near.is_lost) > TURNS
        assert near.cause is None
        assert time.monotonic() - began_s > 0.9

    play(cable, scene)


@pytest.mark.usefixtures("any_wire")
def test_output_that_is_stopped_never_blocks_the_loop_and_goes_on_where_it_was(cable: PtyCable) -> None:
    async def scene(bench: Bench) -> None:
        near, far = await bench.connect()
        terminal = near.transport.get_extra_info("serial").fileno()
        termios.tcflow(terminal, termios.TCOOFF)  # as if the other side let go of CTS
        sent = os.urandom(20 * KIB)
        near.transport.write(sent)
        until_s = time.monotonic() + 1.5
        assert await turns_until(lambda: time.monotonic() > until_s) > TURNS
        assert not far.received
        assert not near.is_lost
        termios.tcflow(terminal, termios.TCOON)
        await far.has_received(sent)
        await bench.ends(near)

    play(cable, scene)


@pytest.mark.usefixtures("any_wire")
def test_output_that_stays_stopped_ends_the_link(cable: PtyCable) -> None:
    async def scene(bench: Bench) -> None:
        near, far = await bench.connect()
        termios.tcflow(near.transport.get_extra_info("serial").fileno(), termios.TCOOFF)
        near.transport.write(bytes(20 * KIB))
        began_s, cpu_s = time.monotonic(), time.process_time()
        assert await turns_until(lambda: near.is_lost and far.is_lost) > TURNS
        assert isinstance(near.cause, LinkError)
        assert isinstance(far.cause, LinkError)
        assert "silent" in (near.cause.cause, far.cause.cause)
        assert time.process_time() - cpu_s < 0.25 * (time.monotonic() - began_s)

    play(cable, scene)


def test_nothing_is_added_while_the_system_has_much_to_send_still(
    cable: PtyCable, monkeypatch: pytest.MonkeyPatch
) -> None:
    queued = 0
    # A pseudo-terminal sends at once, so its own answer would always be 0.
    monkeypatch.setattr(TtyPort, "out_waiting", property(lambda _: queued))

    async def scene(bench: Bench) -> None:
        nonlocal queued
        near, far = await bench.connect()
        queued = 30_000  # 75 ms
        sent = os.urandom(100 * KIB)
        near.transport.write(sent)
        await asyncio.sleep(0.5)  # not for a state: nothing may come any more
        so_far = len(far.received)
        await asyncio.sleep(0.3)
        assert len(far.received) == so_far < 50 * KIB
        queued = 0
        await far.has_received(sent)
        await bench.ends(near)

    play(cable, scene)


def test_a_device_that_goes_while_much_is_written_ends_the_link(cable: PtyCable) -> None:
    async def scene(bench: Bench) -> None:
        near, far = await bench.connect()
        near.transport.write(bytes(200 * KIB))
        await far.until(lambda: len(far.received) > 10 * KIB)
        cable.unplug(cable.right)
        lost = await near.has_ended()
        assert isinstance(lost, LinkError)
        assert lost.cause == "unplugged"
        cable.replug(cable.right)

    play(cable, scene)


def test_a_released_port_is_free_and_its_link_ends_with_the_cause_that_was_given(cable: PtyCable) -> None:
    async def scene() -> None:
        options = SerialOptions()
        listener, connector = Peer(), Peer()
        lines = [
            start_line(open_port(path, options), role, lambda peer=peer: peer, options, patience_s=5.0)  # type: ignore[misc]
            for path, role, peer in (
                (cable.left, Role.LISTENER, listener),
                (cable.right, Role.CONNECTOR, connector),
            )
        ]
        await listener.until(lambda: listener.is_up)
        await connector.until(lambda: connector.is_up)
        cause = LinkError("lent for 90 s", cause="lent")
        lines[0].release(cause)
        lines[0].release(LinkError("once more"))
        assert await lines[0].closed is cause
        assert listener.cause is cause
        open_port(cable.left, options).close(0.0)
        told = await connector.has_ended()
        assert isinstance(told, LinkError)
        assert told.cause == "aborted"
        assert await lines[1].closed is None

    asyncio.run(scene())


def test_a_line_tells_how_it_is_doing(cable: PtyCable) -> None:
    async def scene() -> None:
        options = SerialOptions()
        line = start_line(open_port(cable.left, options), Role.LISTENER, Peer, options, patience_s=5.0)
        before = line.status()
        assert (before["port"], before["state"], before["up_s"]) == (cable.left, "no link", None)
        _, peer = await SerialCarrier().connect(Endpoint.parse(f"serial://{cable.right}"), Peer)
        assert isinstance(peer, Peer)
        peer.transport.write(b"hello")
        near_line = peer.counters()
        while not near_line.round_trip_s:  # noqa: ASYNC110  # a counter sets no event
            await asyncio.sleep(0.01)
        status = line.status()
        assert status["state"] == "up"
        assert status["up_s"] >= 0
        counters = line.counters
        assert isinstance(counters, LinkCounters)
        assert counters.links == 1
        assert counters.bytes_received > 0
        assert counters.fragment == 256
        peer.transport.close()
        await peer.has_ended()
        line.finish()
        assert await line.closed is None

    asyncio.run(scene())


def test_a_protocol_that_raises_costs_its_link_only(cable: PtyCable) -> None:
    class Clumsy(Peer):
        def data_received(self, data: bytes) -> None:
            raise RuntimeError("clumsy")

    async def scene(bench: Bench) -> None:
        told: list[str] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(str(context["exception"])))
        near, far = await bench.connect(Clumsy)
        far.transport.write(b"hello")
        assert await near.has_ended() is None
        assert "at once" in str(await far.has_ended())
        assert told == ["clumsy"]
        near, _ = await bench.connect()
        await bench.ends(near)

    play(cable, scene)


def test_a_factory_that_raises_fails_the_connect(cable: PtyCable) -> None:
    def broken() -> asyncio.Protocol:
        raise RuntimeError("no protocol today")

    async def scene(bench: Bench) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        with pytest.raises(RuntimeError, match="no protocol today"):
            await bench.carrier.connect(bench.right, broken)

    play(cable, scene)


def test_a_cancelled_connect_leaves_the_port_free(cable: PtyCable) -> None:
    async def scene() -> None:
        carrier, endpoint = SerialCarrier(), Endpoint.parse(f"serial://{cable.right}")
        for patience_s in (0.0, 0.001, 0.05):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(patience_s):
                    await carrier.connect(endpoint, Peer)
        listening = await carrier.listen(endpoint, Peer)
        listening.close()
        await listening.wait_closed()

    asyncio.run(scene())


@pytest.mark.parametrize("noise", [b"", b"login: \xff\xfe garbage"])
def test_without_an_answer_connect_says_what_to_check(cable: PtyCable, noise: bytes) -> None:
    async def scene() -> None:
        device = open_port(cable.left, SerialOptions())
        endpoint = Endpoint.parse(f"serial://{cable.right}?answer_timeout=400ms")
        connecting = asyncio.create_task(SerialCarrier().connect(endpoint, Peer))
        heard = b""
        while not heard:  # a RESET came: the port is open on the other side
            await asyncio.sleep(0.01)
            with suppress(BlockingIOError):
                heard = device.read()
        device.write(noise)
        with pytest.raises(
            ConnectTimeout, match="same baud rate" if noise else r"the other side run and listen.*TX to RX"
        ):
            await connecting
        device.close(0.0)

    asyncio.run(scene())


def test_two_sides_that_connect_are_told_so(cable: PtyCable) -> None:
    async def scene() -> None:
        carrier = SerialCarrier()
        results = await asyncio.gather(
            *(carrier.connect(Endpoint.parse(f"serial://{path}"), Peer) for path in (cable.left, cable.right)),
            return_exceptions=True,
        )
        told = [error for error in results if isinstance(error, LinkError) and "both sides" in str(error)]
        assert told
        assert all(isinstance(error, LinkError) for error in results)

    asyncio.run(scene())


def test_a_line_that_echoes_is_told_so(cable: PtyCable) -> None:
    async def scene() -> None:
        loop, plug = asyncio.get_running_loop(), open_port(cable.left, SerialOptions())
        loop.add_reader(plug.fileno(), lambda: plug.write(plug.read()))
        with pytest.raises(LinkError, match="gives back what is sent"):
            await SerialCarrier().connect(Endpoint.parse(f"serial://{cable.right}"), Peer)
        loop.remove_reader(plug.fileno())
        plug.close(0.0)

    asyncio.run(scene())


def test_a_listener_to_which_nobody_connects_says_so(
    cable: PtyCable, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("sig_serial._carrier.LISTENER_PATIENCE_S", 0.1)
    caplog.set_level(logging.INFO, "sigcore.serial")

    async def scene(bench: Bench) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not caplog.records:  # noqa: ASYNC110  # a log record sets no event
                await asyncio.sleep(0.01)

    play(cable, scene)
    assert "it is the other side that has to connect" in caplog.records[0].getMessage()


def test_what_cannot_be_opened_is_refused_by_both_calls(cable: PtyCable, tmp_path: object) -> None:
    async def scene(bench: Bench) -> None:
        with pytest.raises(FileNotFoundError, match="does not exist"):
            await bench.carrier.connect(Endpoint.parse(f"serial://{tmp_path}/ttyNONE"), Peer)
        for call in (bench.carrier.listen, bench.carrier.connect):
            with pytest.raises(OSError, match="not a tty"):
                await call(Endpoint.parse("serial:///dev/null"), Peer)
            with pytest.raises(OSError, match="is in use by this very program") as caught:
                await call(bench.left, Peer)
            assert caught.value.errno == errno.EBUSY
            with pytest.raises(EndpointError, match="three slashes"):
                await call(Endpoint.parse("serial://dev/ttyUSB0"), Peer)

    play(cable, scene)
