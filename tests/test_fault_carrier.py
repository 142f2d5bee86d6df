# SPDX-License-Identifier: MIT
"""``fault+...://``: each fault does what its option says, at the byte and in the directions it says, and no more."""

from __future__ import annotations

import asyncio
import gc
import re
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import fields
from pathlib import Path
from typing import cast

import pytest

import sigcore
from sigcore import Carrier, Endpoint, EndpointError, PluginNotFound, load_carrier, raw_options
from sigcore._carrier import is_local, link_defaults
from sigcore.testing import Faults, check_carrier
from sigcore.testing._fault_damage import Damage
from sigcore.testing._fault_link import HIGH_WATER_BYTES
from sigcore.testing._fault_options import FaultOptions

from .port_carrier import PortCarrier
from .waiting import Heard, wait_until

LIMIT_S = 5.0
LETTERS = bytes(range(256)) * 40

pytestmark = pytest.mark.usefixtures("nothing_left")


class End(asyncio.Protocol):
    """One end of a link: notes what comes, and when."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.times_s: list[float] = []
        self.paused = False
        self.lost = False
        self.cause: Exception | None = None
        self._news = asyncio.Event()

    @property
    def received(self) -> bytes:
        return b"".join(self.pieces)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.pieces.append(data)
        self.times_s.append(asyncio.get_running_loop().time())
        self._news.set()

    def pause_writing(self) -> None:
        self.paused = True
        self._news.set()

    def resume_writing(self) -> None:
        self.paused = False
        self._news.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost, self.cause = True, exc
        self._news.set()

    async def until(self, reached: Callable[[], object]) -> None:
        async with asyncio.timeout(LIMIT_S):
            while not reached():
                self._news.clear()
                await self._news.wait()

    async def has_ended(self) -> Exception | None:
        await self.until(lambda: self.lost)
        return self.cause

    async def has_bytes(self, count: int) -> None:
        await self.until(lambda: len(self.received) >= count)

    async def has(self, data: bytes) -> None:
        await self.until(lambda: len(self.received) >= len(data) or self.lost)
        assert self.received == data


@asynccontextmanager
async def linked(options: str, inside: str = "mem://far", side: str = "connect") -> AsyncIterator[tuple[End, End]]:
    """Give the end with faults and the clean end of a link."""
    faulty, clean = Endpoint.parse(f"fault+{inside}?{options}"), Endpoint.parse(inside)
    came: asyncio.Queue[End] = asyncio.Queue()

    def take() -> End:
        came.put_nowait(end := End())
        return end

    listen_at, connect_to = (clean, faulty) if side == "connect" else (faulty, clean)
    listening = await load_carrier(listen_at.scheme).listen(listen_at, take)
    if inside.startswith("tcp"):
        port = listening.endpoint.port
        connect_to = Endpoint.parse(str(connect_to).replace(":0", f":{port}", 1))
    _, near = await load_carrier(connect_to.scheme).connect(connect_to, End)
    far = await asyncio.wait_for(came.get(), LIMIT_S)
    listening.close()
    assert isinstance(near, End)
    ends = (near, far) if side == "connect" else (far, near)
    try:
        yield ends
    finally:
        for end in ends:
            end.transport.abort()
        for end in ends:
            await end.has_ended()
        await listening.wait_closed()


def play(scene: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        await scene()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("options", "largest"),
    [
        ("", 2**20),
        ("slice=7", 2**12),
        ("delay=5ms&jitter=5ms", 2**16),
        ("rate=10MB", 2**16),
        ("cut=1h&stall_after=1h", 2**16),
    ],
)
def test_a_link_whose_bytes_all_arrive_keeps_every_rule_for_carriers(options: str, largest: int) -> None:
    check_carrier(load_carrier("fault"), f"fault+mem://checked?{options}", largest=largest)


@pytest.mark.parametrize("inside", ["tcp://127.0.0.1:0", "fault+mem://checked"])
def test_any_carrier_can_be_inside(inside: str) -> None:
    pytest.importorskip("sig_tcp")
    check_carrier(load_carrier("fault"), f"fault+{inside}?slice=4KiB".replace("4KiB", "4096"), largest=2**16)


def test_a_serial_line_can_be_inside() -> None:
    pytest.importorskip("sig_serial")
    if sys.platform == "win32":
        pytest.skip("the cable needs pseudo-terminals")
    from sig_serial.testing import PtyCable

    with PtyCable() as cable:
        check_carrier(
            load_carrier("fault"),
            f"fault+serial://{cable.left}",
            f"fault+serial://{cable.right}?answer_timeout=300ms",
            links=1,
            largest=2**12,
        )


def test_what_the_carrier_inside_says_of_itself_holds_outside() -> None:
    pytest.importorskip("sig_tcp")
    pytest.importorskip("sig_serial")
    fault = load_carrier("fault")
    for url, expected in (("tcp://127.0.0.1:1", True), ("tcp://192.0.2.1:1", False), ("serial:///dev/null", True)):
        endpoint = Endpoint.parse(f"fault+{url}?slice=1")
        assert is_local(fault, endpoint) is expected
        inside = endpoint.unwrapped()
        assert link_defaults(fault, endpoint) == link_defaults(load_carrier(inside.scheme), inside)


def test_the_defaults_of_a_medium_hold_for_links_with_faults() -> None:
    pytest.importorskip("sig_serial")
    router = sigcore.aio.ClientRouter("fault+serial:///dev/null?slice=1")
    _, options, _ = router._prepare(Endpoint.parse("fault+serial:///dev/null?slice=1"))
    assert (options.heartbeat, options.max_frame) == (1.0, 4096)


@pytest.mark.parametrize(
    ("url", "error", "says"),
    [
        ("fault://x", EndpointError, "wraps no other carrier"),
        ("fault+mem://x?slice=0", EndpointError, "slice must be 1 or more"),
        ("fault+mem://x?corrupt=1.5", EndpointError, "corrupt is a probability"),
        ("fault+mem://x?cut=5", EndpointError, "a time with its unit"),
        ("fault+mem://x?cut_how=gently", EndpointError, "one of reset, close, silent"),
        ("fault+mem://x?faults=nobody", EndpointError, r"Faults\('nobody'\)"),
        ("fault+mem://x?no_such=1", EndpointError, "no_such"),
        ("fault+nothing://x", PluginNotFound, "nothing"),
    ],
)
def test_an_endpoint_that_makes_no_sense_is_refused(url: str, error: type[Exception], says: str) -> None:
    carrier, endpoint = load_carrier("fault"), Endpoint.parse(url)
    for work in (carrier.connect, carrier.listen):
        with pytest.raises(error, match=says):
            asyncio.run(work(endpoint, asyncio.Protocol))


@pytest.mark.parametrize("side", ["connect", "listen"])
def test_a_slice_bounds_every_piece_both_ways_and_one_passes_in_each_turn(side: str) -> None:
    async def scene() -> None:
        async with linked("slice=3", side=side) as (faulty, clean):
            faulty.transport.write(b"abcdefgh")
            clean.transport.write(b"12345")
            await clean.has(b"abcdefgh")
            await faulty.has(b"12345")
            assert clean.pieces == [b"abc", b"def", b"gh"]
            assert faulty.pieces == [b"123", b"45"]

    play(scene)


def test_one_slice_passes_at_once_and_the_next_in_the_next_turn() -> None:
    async def scene() -> None:
        faults = Faults("turns")
        async with linked("slice=3&faults=turns") as (faulty, clean):
            (link,) = faults.links
            faulty.transport.write(b"abcdefgh")
            faulty.transport.write(b"ij")
            assert link.bytes_out == 3
            await clean.has(b"abcdefghij")

    play(scene)


def test_a_program_is_held_back_as_soon_as_the_wire_is() -> None:
    async def scene() -> None:
        async with linked("") as (faulty, clean):
            clean.transport.pause_reading()
            written = b""
            while not faulty.paused:
                faulty.transport.write(LETTERS)
                written += LETTERS
            assert len(written) <= HIGH_WATER_BYTES + len(LETTERS)
            clean.transport.resume_reading()
            await clean.has(written)
            await faulty.until(lambda: not faulty.paused)

    play(scene)


def test_a_direction_that_was_not_asked_for_has_no_fault() -> None:
    async def scene() -> None:
        async with linked("slice=1&dir=in") as (faulty, clean):
            faulty.transport.write(b"abc")
            clean.transport.write(b"123")
            await clean.has(b"abc")
            await faulty.has(b"123")
            assert (clean.pieces, len(faulty.pieces)) == ([b"abc"], 3)

    play(scene)


def test_a_delay_holds_every_piece_for_that_long_and_keeps_the_order() -> None:
    async def scene() -> None:
        async with linked("delay=50ms&jitter=20ms&dir=out") as (faulty, clean):
            written_s = asyncio.get_running_loop().time()
            for letter in b"abcdef":
                faulty.transport.write(bytes([letter]))
            await clean.has(b"abcdef")
            late_s = [time_s - written_s for time_s in clean.times_s]
            assert min(late_s) >= 0.049
            assert late_s == sorted(late_s)

    play(scene)


def test_bytes_that_are_delayed_arrive_before_the_end_of_the_link_does() -> None:
    async def scene() -> None:
        async with linked("delay=30ms") as (faulty, clean):
            faulty.transport.write(b"last words")
            faulty.transport.close()
            await clean.has(b"last words")
            await clean.has_ended()
            assert clean.cause is None
        async with linked("delay=30ms") as (faulty, clean):
            clean.transport.write(b"last words")
            clean.transport.close()
            await faulty.has(b"last words")
            await faulty.has_ended()
            assert faulty.cause is None

    play(scene)


def test_a_rate_is_kept_over_the_whole() -> None:
    async def scene() -> None:
        async with linked("rate=100kB&dir=in") as (faulty, clean):
            begin_s = asyncio.get_running_loop().time()
            clean.transport.write(bytes(20_000))
            await faulty.has(bytes(20_000))
            assert asyncio.get_running_loop().time() - begin_s >= 0.17  # the last 20 ms worth need not be waited for
            assert max(map(len, faulty.pieces)) <= 2000

    play(scene)


def test_a_stall_stops_reading_for_its_time_and_holds_the_writer_back() -> None:
    async def scene() -> None:
        async with linked("stall=300ms&stall_after=0s") as (faulty, clean):
            begin_s = asyncio.get_running_loop().time()
            written = b""
            while not clean.paused:
                clean.transport.write(LETTERS)
                written += LETTERS
                await asyncio.sleep(0)
            assert not faulty.received
            faulty.transport.write(b"the other way")
            await clean.has(b"the other way")
            await faulty.has(written)
            assert faulty.times_s[0] - begin_s >= 0.29
            await clean.until(lambda: not clean.paused)

    play(scene)


def test_what_is_not_written_waits_and_holds_the_program_back() -> None:
    async def scene() -> None:
        async with linked("stop_writing=200ms") as (faulty, clean):
            written = b""
            while not faulty.paused:
                faulty.transport.write(LETTERS)
                written += LETTERS
            clean.transport.write(b"the other way")
            await faulty.has(b"the other way")
            assert not clean.received
            await clean.has(written)
            await faulty.until(lambda: not faulty.paused)

    play(scene)


@pytest.mark.parametrize("inside", ["mem://far", "tcp://127.0.0.1:0"])
@pytest.mark.parametrize("how", ["reset", "close"])
def test_a_cut_ends_both_sides_after_exactly_the_bytes_asked_for(inside: str, how: str) -> None:
    pytest.importorskip("sig_tcp")

    async def scene() -> None:
        async with linked(f"cut_bytes=7B&cut_how={how}&dir=out", inside) as (faulty, clean):
            clean.transport.write(b"this way does not count")
            await faulty.until(lambda: faulty.received)
            for letter in b"abcdefghij":
                faulty.transport.write(bytes([letter]))
                await asyncio.sleep(0.005)  # a reset overtakes what the other side has not read yet
            for end in (faulty, clean):
                cause = await end.has_ended()
                assert isinstance(cause, ConnectionResetError) if how == "reset" else cause is None
            assert clean.received == b"abcdefg"
            assert faulty.transport.is_closing()

    play(scene)


def test_a_cut_comes_when_its_time_has_come_and_times_counts_the_links_it_comes_to() -> None:
    async def scene() -> None:
        for number in (1, 2, 3):
            async with linked("cut=50ms&times=2") as (faulty, clean):
                if number < 3:
                    await faulty.has_ended()
                    assert isinstance(faulty.cause, ConnectionResetError)
                else:
                    await asyncio.sleep(0.1)  # twice the time of the fault that must not come
                    faulty.transport.write(b"alive")
                    await clean.has(b"alive")

    play(scene)


def test_links_are_counted_anew_in_each_event_loop() -> None:
    async def scene() -> None:
        async with linked("cut_bytes=1B&times=1") as (faulty, _):
            faulty.transport.write(b"x")
            await faulty.has_ended()

    play(scene)
    play(scene)


@pytest.mark.parametrize("inside", ["mem://far", "tcp://127.0.0.1:0"])
def test_on_a_silent_link_nothing_passes_and_nobody_is_told_even_when_the_program_closes_it(inside: str) -> None:
    pytest.importorskip("sig_tcp")

    async def scene() -> None:
        async with linked("cut_bytes=4B&cut_how=silent&dir=both", inside) as (faulty, clean):
            faulty.transport.write(b"abcdef")
            await clean.has(b"abcd")
            clean.transport.write(b"nobody hears this")
            await asyncio.sleep(0.05)  # what must not happen has no state to wait for
            assert (clean.received, faulty.received) == (b"abcd", b"")
            faulty.transport.close()
            await faulty.has_ended()
            await asyncio.sleep(0.05)
            assert faulty.cause is None
            assert (clean.received, clean.lost) == (b"abcd", False)

    play(scene)
    gc.collect()  # a transport that was left open warns, and a warning fails the test


def test_a_silent_link_tells_the_end_that_the_other_side_made_only_when_it_goes_on() -> None:
    async def scene() -> None:
        faults = Faults("silent")
        async with linked("faults=silent") as (faulty, clean):
            faults.silence()
            clean.transport.write(b"goodbye")
            clean.transport.close()
            await asyncio.sleep(0.05)
            assert (faulty.received, faulty.lost) == (b"", False)
            faults.go_on()
            await faulty.has_ended()
            assert (faulty.received, faulty.cause) == (b"goodbye", None)

    play(scene)


def test_an_end_that_comes_alone_is_not_told_either_while_the_link_is_silent() -> None:
    async def scene() -> None:
        faults = Faults("silent")
        async with linked("faults=silent") as (faulty, clean):
            faults.silence()
            clean.transport.close()
            await clean.has_ended()
            await asyncio.sleep(0.02)
            assert not faulty.lost
            faults.go_on()
            assert await faulty.has_ended() is None

    play(scene)


def test_a_link_that_is_silent_one_way_carries_bytes_and_the_programs_end_the_other_way() -> None:
    async def scene() -> None:
        faults = Faults("one way")
        async with linked("dir=in&faults=one%20way") as (faulty, clean):
            faults.silence()
            clean.transport.write(b"nobody hears this")
            faulty.transport.write(b"but this")
            await clean.has(b"but this")
            faulty.transport.close()
            assert await faulty.has_ended() is None
            assert await clean.has_ended() is None
            assert faulty.received == b""

    play(scene)


def test_a_link_that_was_silent_when_it_was_closed_ends_at_the_latest_with_its_event_loop() -> None:
    pytest.importorskip("sig_tcp")
    faults = Faults("ghost")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        async def scene() -> socket.socket:
            endpoint = Endpoint.parse(f"fault+tcp://127.0.0.1:{port}?faults=ghost")
            transport, end = await load_carrier("fault").connect(endpoint, End)
            far, _ = server.accept()
            faults.silence()
            transport.close()
            await cast(End, end).has_ended()
            far.setblocking(False)
            with pytest.raises(BlockingIOError):
                far.recv(1)
            return far

        with asyncio.run(scene()) as far:
            far.settimeout(LIMIT_S)
            assert far.recv(1) == b""
    gc.collect()  # a transport that was left open warns, and a warning fails the test


def test_a_silent_link_that_goes_on_has_lost_nothing() -> None:
    async def scene() -> None:
        faults = Faults("silent")
        async with linked("faults=silent") as (faulty, clean):
            faults.silence()
            faulty.transport.write(b"held there")
            clean.transport.write(b"held here")
            await asyncio.sleep(0.02)
            assert (faulty.received, clean.received) == (b"", b"")
            faults.go_on()
            await clean.has(b"held there")
            await faulty.has(b"held here")

    play(scene)


def test_a_link_that_was_silent_when_it_was_closed_ends_for_the_other_side_when_it_goes_on() -> None:
    async def scene() -> None:
        faults = Faults("ghost")
        async with linked("faults=ghost") as (faulty, clean):
            faults.silence()
            faulty.transport.abort()
            await faulty.has_ended()
            assert faults.links == ()
            await asyncio.sleep(0.02)
            assert not clean.lost
            faults.go_on()
            await clean.has_ended()

    play(scene)


@pytest.mark.parametrize("kind", ["corrupt", "drop", "insert"])
def test_damage_is_as_probable_as_asked_for_and_the_same_however_the_stream_is_cut(kind: str) -> None:
    stream = bytes(100_000)
    options = FaultOptions(
        corrupt=0.01 * (kind == "corrupt"), drop=0.01 * (kind == "drop"), insert=0.01 * (kind == "insert")
    )
    whole, pieces = Damage(options, "seed"), Damage(options, "seed")
    damaged = whole(stream)
    assert b"".join(pieces(stream[at : at + 7]) for at in range(0, len(stream), 7)) == damaged
    change = (
        sum(damaged) and sum(byte.bit_count() for byte in damaged) if kind == "corrupt" else len(damaged) - len(stream)
    )
    assert 800 < abs(change) < 1200
    assert Damage(options, "another seed")(stream) != damaged


def test_a_byte_may_be_hit_by_every_kind_of_damage_at_once() -> None:
    everything = FaultOptions(corrupt=1, drop=1, insert=1)
    assert len(Damage(everything, "seed")(b"abc")) == 3  # each is lost, and a random one follows it
    assert Damage(FaultOptions(corrupt=1, drop=1), "seed")(b"abc") == b""
    assert all(
        (a ^ b).bit_count() == 1 for a, b in zip(b"abc", Damage(FaultOptions(corrupt=1), "")(b"abc"), strict=True)
    )


def test_the_same_seed_damages_the_same_bytes_of_a_link_and_each_direction_in_its_own_way() -> None:
    async def once(seed: int) -> tuple[bytes, bytes]:
        async with linked(f"corrupt=0.01&seed={seed}") as (faulty, clean):
            faulty.transport.write(LETTERS)
            clean.transport.write(LETTERS)
            for end in (faulty, clean):
                await end.has_bytes(len(LETTERS))
            return faulty.received, clean.received

    first = asyncio.run(once(7))
    assert asyncio.run(once(7)) == first
    assert asyncio.run(once(8)) != first
    assert len({LETTERS, *first}) == 3


def test_refused_links_fail_as_often_as_asked_for_and_are_counted() -> None:
    async def scene() -> None:
        carrier, place = load_carrier("fault"), Endpoint.parse("mem://far")
        listening = await load_carrier("mem").listen(place, End)
        endpoint = Endpoint.parse("fault+mem://far?refuse=1&times=2")
        for _ in range(2):
            with pytest.raises(ConnectionRefusedError, match="a fault refused link"):
                await carrier.connect(endpoint, End)
        transport, end = await carrier.connect(endpoint, End)
        transport.abort()
        await cast(End, end).has_ended()
        listening.close()

    play(scene)


def test_a_listening_side_that_refuses_ends_the_link_before_any_protocol_is_made() -> None:
    async def scene() -> None:
        made: list[End] = []

        def take() -> End:
            made.append(End())
            return made[-1]

        listening = await load_carrier("fault").listen(Endpoint.parse("fault+mem://far?refuse=1"), take)
        _, end = await load_carrier("mem").connect(Endpoint.parse("mem://far"), End)
        await cast(End, end).has_ended()
        assert made == []
        listening.close()

    play(scene)


def test_a_protocol_that_raises_costs_its_link_only() -> None:
    class Clumsy(End):
        def data_received(self, data: bytes) -> None:
            raise RuntimeError("clumsy")

    async def scene() -> None:
        errors: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context["exception"]))
        listening = await load_carrier("mem").listen(Endpoint.parse("mem://far"), Echo)
        carrier: Carrier = load_carrier("fault")
        transport, end = await carrier.connect(Endpoint.parse("fault+mem://far?delay=10ms"), Clumsy)
        transport.write(b"x")
        await cast(End, end).has_ended()
        assert [str(error) for error in errors] == ["clumsy"]
        listening.close()

    play(scene)


class Echo(End):
    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


def test_a_cut_from_another_thread_is_done_when_it_returns_and_the_client_comes_back() -> None:
    faults, heard = Faults("plug"), Heard()
    with sigcore.ServerRouter("mem://plug") as server:
        server.add_listener(heard, "thermo")
        with sigcore.ClientRouter("fault+mem://plug?faults=plug") as client:
            thermo = client.add_sender("thermo", "reading")
            (link,) = faults.links
            assert (link.side, link.number, link.is_up) == ("connect", 1, True)
            assert link.bytes_in
            assert link.bytes_out
            faults.refuse()
            faults.cut()
            assert not link.is_up
            assert faults.links == ()
            wait_until(lambda: not client.connected, "the client notices")
            faults.go_on()
            wait_until(lambda: client.connected, "the client is back")
            assert faults.made == 2
            wait_until(lambda: len(faults._links) == 1, "the link that was cut is forgotten")
            thermo.trigger("reading", 1)
            assert heard.wait(1)[-1] == 1


def test_a_client_hears_everything_one_byte_at_a_time() -> None:
    heard = Heard()
    with (
        sigcore.ServerRouter("fault+mem://slow?slice=1") as server,
        sigcore.ClientRouter("fault+mem://slow?slice=1") as client,
    ):
        client.add_listener(heard, "thermo")
        thermo = server.add_sender("thermo", "reading")
        for number in range(10):
            thermo.trigger("reading", number)
        assert heard.wait(10) == list(range(10))


def test_what_makes_the_carrier_inside_carry_bare_bytes_holds_outside(medium: PortCarrier) -> None:
    fault, endpoint = load_carrier("fault"), Endpoint.parse("fault+mem://bare?slice=1")
    assert raw_options(fault, endpoint) == raw_options(medium, endpoint) == {"framing": "none"}
    assert raw_options(load_carrier("mem"), endpoint) == {}


def test_links_in_the_loops_of_several_threads_are_reached_at_once() -> None:
    faults = Faults("both")
    with (
        sigcore.ServerRouter("fault+mem://both?faults=both"),
        sigcore.ClientRouter("fault+mem://both?faults=both", heartbeat=0.1, dead_after=0.3) as client,
    ):
        assert sorted(link.side for link in faults.links) == ["connect", "listen"]
        faults.silence()
        wait_until(lambda: any(link.number > 1 for link in faults.links), "the client finds that its link is dead")
        wait_until(lambda: client.connected, "the client comes back by a new link")


def test_a_loop_that_is_held_is_told_of_with_the_link(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sigcore.testing._faults._PATIENCE_S", 0.2)
    faults, go_on = Faults("held"), threading.Event()

    def hold() -> None:
        loop.call_soon_threadsafe(go_on.wait, LIMIT_S)

    with sigcore.ServerRouter("mem://held"), sigcore.ClientRouter("fault+mem://held?faults=held"):
        loop = faults._links[0].loop
        hold()
        try:
            with pytest.raises(TimeoutError, match=r"link 1 \(connect.*took no call"):
                faults.stall()
        finally:
            go_on.set()


def test_faults_need_a_name_and_the_newest_of_a_name_gets_the_links() -> None:
    with pytest.raises(ValueError, match="need a name"):
        Faults("")
    old, new = Faults("twice"), Faults("twice")
    with sigcore.ServerRouter("mem://twice"), sigcore.ClientRouter("fault+mem://twice?faults=twice"):
        assert (old.made, new.made) == (0, 1)


def test_the_page_has_every_option_with_its_default() -> None:
    page = (Path(__file__).parents[1] / "docs" / "testing.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*?) ?\| ", page.split("## Pull the plug now")[0], re.MULTILINE))
    defaults = {option.name: "" if option.default is None else option.default for option in fields(FaultOptions)}
    assert list(rows) == list(defaults)
    written = {"0s": 0.0, "0": 0.0}
    assert {name: written.get(text.strip("`"), text.strip("`")) for name, text in rows.items()} == defaults


def test_neither_the_package_nor_a_list_of_plug_ins_imports_anything_of_testing() -> None:
    code = "import sys, sigcore; sigcore.list_plugins(); print(*[n for n in sys.modules if 'testing' in n])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == ""
