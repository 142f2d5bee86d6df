# SPDX-License-Identifier: MIT
"""Ports behind a bridge: real TCP sockets, the serial library's own RFC 2217 server, pseudo-terminals behind it."""

from __future__ import annotations

import asyncio
import os
import select
import socket
import struct
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import cycle, pairwise
from typing import Any

import pytest
import serial.rfc2217
from hypothesis import given
from hypothesis import strategies as st
from sig_serial import SerialCarrier, _network_port
from sig_serial._address import NetworkAddress
from sig_serial._network_port import Rfc2217Port, SocketPort, open_network_port
from sig_serial._options import SerialOptions
from sig_serial._rfc2217 import Rfc2217, escaped
from sig_serial._thread_wire import ThreadWire
from sig_serial.testing import PtyCable

import sigcore.testing
from sigcore import Endpoint, LinkError

PATIENCE_S = 10.0
EVERYTHING = bytes(range(256)) * 4


class PtySerial(serial.Serial):
    """A port on a pseudo-terminal, which has no modem lines: the server asks for them all the same."""

    cts = dsr = ri = cd = property(lambda self: False)

    def _update_dtr_state(self) -> None: ...

    def _update_rts_state(self) -> None: ...


class Bridge:
    """Gives the serial port at ``path`` to one TCP connection after the other, as ser2net does."""

    def __init__(self, path: str, *, speaks_rfc2217: bool) -> None:
        self.path = path
        self._speaks_rfc2217 = speaks_rfc2217
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self.settings: dict[str, object] = {}
        self.connections: list[socket.socket] = []
        self._wake_out, self._wake_in = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def vanish(self) -> None:
        """Lose the connection without a word, as a bridge does that is rebooted (Linux, root)."""
        connection = self.connections[-1]
        connection.setsockopt(socket.IPPROTO_TCP, 19, 1)  # TCP_REPAIR: closing then sends nothing
        self._wake_in.send(b"!")

    def hang_up(self) -> None:
        """End the connection in good order."""
        self._wake_in.send(b"!")

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self.hang_up()
        self._thread.join()
        for each in (self._server, self._wake_in, self._wake_out):
            each.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._server.accept()
                self.connections.append(connection)
                with connection, PtySerial(self.path, timeout=0) as port:
                    self._carry(connection, port)
                    self.settings = port.get_settings()

    def _carry(self, connection: socket.socket, port: serial.Serial) -> None:
        class Output:
            def write(self, data: bytes) -> None:
                connection.sendall(data)

        server: Any = serial.rfc2217.PortManager  # which takes any port, and anything that has a write()
        manager = server(port, Output()) if self._speaks_rfc2217 else None
        while True:
            readable, _, _ = select.select([connection.fileno(), port.fileno(), self._wake_out.fileno()], [], [])
            if self._wake_out.fileno() in readable:
                self._wake_out.recv(1)
                return
            if connection.fileno() in readable:
                data = connection.recv(4096)
                if not data:
                    return
                port.write(b"".join(manager.filter(data)) if manager else data)
            if port.fileno() in readable:
                data = port.read(4096)
                connection.sendall(b"".join(manager.escape(data)) if manager else data)


@contextmanager
def bridged(path: str, kind: str) -> Iterator[Bridge]:
    bridge = Bridge(path, speaks_rfc2217=kind == "rfc2217")
    try:
        yield bridge
    finally:
        bridge.close()


class Peer(asyncio.Protocol):
    """One end of a link: notes what comes."""

    def __init__(self) -> None:
        self.received = b""
        self.is_up = False
        self.is_lost = False
        self.cause: Exception | None = None
        self.transport = asyncio.Transport()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport, self.is_up = transport, True

    def data_received(self, data: bytes) -> None:
        self.received += data

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost, self.cause = True, exc


async def becomes(reached: Callable[[], bool], within_s: float = PATIENCE_S) -> None:
    async with asyncio.timeout(within_s):
        while not reached():  # noqa: ASYNC110  # what is awaited sets no event
            await asyncio.sleep(0.01)


def play(scene: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(scene(), 3 * PATIENCE_S))


both_kinds = pytest.mark.parametrize("kind", ["rfc2217", "socket"])


@both_kinds
def test_the_carrier_keeps_the_contract_over_a_bridge(kind: str, cable: PtyCable) -> None:
    with bridged(cable.left, kind) as bridge:
        sigcore.testing.check_carrier(
            SerialCarrier(),
            f"serial+{kind}://127.0.0.1:{bridge.port}?baudrate=4000000",
            f"serial://{cable.right}?baudrate=4000000&answer_timeout=300ms",
            links=1,
            largest=16 * 1024,
        )


@both_kinds
@pytest.mark.parametrize("wire", ["descriptors", "threads"])
def test_every_byte_passes_a_bridge_both_ways(
    kind: str, wire: str, cable: PtyCable, monkeypatch: pytest.MonkeyPatch
) -> None:
    if wire == "threads":
        monkeypatch.setattr("sig_serial._wires.LoopWire", ThreadWire)

    async def scene() -> None:
        carrier = SerialCarrier()
        with bridged(cable.left, kind) as bridge:
            far, near = Peer(), Peer()
            url = f"serial+{kind}://127.0.0.1:{bridge.port}?framing=none"
            listening = await carrier.listen(Endpoint.parse(url), lambda: far)
            await carrier.connect(Endpoint.parse(f"serial://{cable.right}?framing=none"), lambda: near)
            await becomes(lambda: far.is_up)
            far.transport.write(EVERYTHING)
            near.transport.write(EVERYTHING)
            await becomes(lambda: len(far.received) >= len(EVERYTHING) <= len(near.received))
            assert far.received == near.received == EVERYTHING
            near.transport.abort()
            listening.close()
            far.transport.abort()
            await asyncio.wait_for(listening.wait_closed(), PATIENCE_S)

    play(scene)


@both_kinds
def test_a_link_goes_over_a_bridge_and_comes_back_after_it_was_switched_off(kind: str, cable: PtyCable) -> None:
    async def scene() -> None:
        carrier, came = SerialCarrier(), list[Peer]()

        def take() -> Peer:
            came.append(Peer())
            return came[-1]

        async def connect() -> asyncio.Transport:
            while True:
                with suppress(OSError):  # the bridge is not there yet, or the port not closed
                    transport, _ = await carrier.connect(
                        Endpoint.parse(f"serial://{cable.right}?answer_timeout=500ms"), Peer
                    )
                    return transport

        with bridged(cable.left, kind) as bridge:
            url = f"serial+{kind}://127.0.0.1:{bridge.port}"
            listening = await carrier.listen(Endpoint.parse(url), take)
            async with asyncio.timeout(PATIENCE_S):
                near = await connect()
                await becomes(lambda: len(came) == 1)
                bridge.hang_up()
                await becomes(lambda: came[0].is_lost)
                assert isinstance(came[0].cause, LinkError)
                assert came[0].cause.cause == "unplugged"
                near.abort()
                near = await connect()
                await becomes(lambda: len(came) == 2)
                near.abort()
            listening.close()
            came[-1].transport.abort()
            await asyncio.wait_for(listening.wait_closed(), PATIENCE_S)

    play(scene)


def test_the_settings_reach_the_port_behind_an_rfc2217_bridge(cable: PtyCable) -> None:
    with bridged(cable.left, "rfc2217") as bridge:
        options = SerialOptions(baudrate=9600, stopbits=2, rtscts=True)  # a pseudo-terminal has no parity
        port = open_network_port(NetworkAddress("rfc2217", "127.0.0.1", bridge.port), options)
        assert port.path == port.identity == f"rfc2217://127.0.0.1:{bridge.port}"
        assert port.byte_s == pytest.approx(11 / 9600)
        port.close(1.0)
    found = {name: bridge.settings[name] for name in ("baudrate", "bytesize", "parity", "stopbits", "rtscts")}
    assert found == {"baudrate": 9600, "bytesize": 8, "parity": "N", "stopbits": 2, "rtscts": True}


@pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="needs Linux and root, to lose a connection without a word"
)
def test_a_bridge_that_was_rebooted_is_noticed_though_nobody_writes(
    cable: PtyCable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_network_port, "IDLE_S", 1)

    async def scene() -> None:
        came: list[Peer] = []

        def take() -> Peer:
            came.append(Peer())
            return came[-1]

        with bridged(cable.left, "socket") as bridge:
            url = f"serial+socket://127.0.0.1:{bridge.port}?framing=none"
            listening = await SerialCarrier().listen(Endpoint.parse(url), take)
            await becomes(lambda: len(bridge.connections) == 1)
            bridge.vanish()
            await becomes(lambda: len(came) == 2, within_s=5.0)
            assert came[0].is_lost
            listening.close()
            came[-1].transport.abort()
            await asyncio.wait_for(listening.wait_closed(), PATIENCE_S)

    play(scene)


@pytest.mark.skipif(sys.platform != "linux", reason="the names of these options are the system's")
def test_a_bridge_that_says_nothing_any_more_is_given_up_after_nine_seconds() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = NetworkAddress("socket", "127.0.0.1", server.getsockname()[1])
        port = open_network_port(address, SerialOptions())
        options = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT, socket.TCP_USER_TIMEOUT)
        assert port.device.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert [port.device.getsockopt(socket.IPPROTO_TCP, option) for option in options] == [3, 2, 3, 9000]
        port.close(0.0)


def test_a_bridge_that_does_not_answer_to_rfc2217_says_what_to_write_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_network_port, "CONNECT_TIMEOUT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:  # takes the connection, says nothing
        address = NetworkAddress("rfc2217", "127.0.0.1", server.getsockname()[1])
        with pytest.raises(LinkError, match=r"does not answer to RFC 2217 .* write serial\+socket://"):
            open_network_port(address, SerialOptions())


def test_a_telnet_server_that_refuses_rfc2217_is_an_error_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def refuse() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"login: \xff\xfe\x2c")
                connection.recv(1)

        thread = threading.Thread(target=refuse)
        thread.start()
        with pytest.raises(OSError, match="refuses RFC 2217") as caught:
            open_network_port(NetworkAddress("rfc2217", "127.0.0.1", server.getsockname()[1]), SerialOptions())
        assert not isinstance(caught.value, ConnectionError)
        thread.join()


def test_a_setting_that_the_bridge_refuses_is_shown() -> None:
    telnet = Rfc2217(SerialOptions(baudrate=9600))
    telnet.receive(b"\xff\xfd\x2c")
    for number, value in ((101, b"\0\0\x4b\0"), (102, b"\x08"), (103, b"\x01"), (104, b"\x01")):
        assert not telnet.is_set
        telnet.receive(b"\xff\xfa\x2c" + bytes([number]) + value + b"\xff\xf0")
    assert telnet.is_set
    assert telnet.refused_settings() == {"baudrate": 19_200}


@given(st.binary(max_size=64), st.lists(st.integers(0, 200), max_size=8))
def test_what_a_bridge_sends_does_not_depend_on_how_it_is_cut(data: bytes, cuts: list[int]) -> None:
    notice = b"\xff\xfa\x2c\x6b\xff\xff\xff\xf0\xff\xf1\xff\xfb\x01"  # line state, with IAC in it; NOP; WILL ECHO
    sent = escaped(data[:32]) + notice + escaped(data[32:])
    telnet = Rfc2217(SerialOptions())
    telnet.answers.clear()
    ends = sorted({min(cut, len(sent)) for cut in cuts} | {0, len(sent)})
    received = b"".join(telnet.receive(sent[begin:end]) for begin, end in pairwise(ends))
    assert received == data
    assert telnet.answers == b"\xff\xfe\x01"  # DONT ECHO


def test_a_command_without_an_end_is_no_reason_to_keep_bytes_for_ever() -> None:
    telnet = Rfc2217(SerialOptions())
    for _ in range(8):
        assert telnet.receive(b"\xff\xfa" + bytes(100)) == b""
    with pytest.raises(ValueError, match="no RFC 2217"):
        telnet.receive(bytes(1000))


class Trickle:
    """A socket that has room for as many bytes as ``rooms`` say, again and again; as much of one as writing needs."""

    def __init__(self, *rooms: int) -> None:
        self.sent = bytearray()
        self._rooms = cycle(rooms)

    def send(self, data: bytes) -> int:
        room = next(self._rooms)
        if not room:
            raise BlockingIOError
        self.sent += bytes(data[:room])
        return min(room, len(data))


def port_on(wire: Any) -> Rfc2217Port:
    """Return a port that writes to ``wire``, as after the settings were confirmed."""
    port = Rfc2217Port.__new__(Rfc2217Port)
    SocketPort.__init__(port, NetworkAddress("rfc2217", "h", 1), SerialOptions(), wire)
    port._telnet, port._half_byte = Rfc2217(SerialOptions()), False
    port._telnet.answers.clear()
    return port


@pytest.mark.parametrize("byte", [b"\xff", b"\xff\x00", b"ab\xff\xff"])
def test_a_doubled_byte_that_is_sent_by_halves_arrives_once(byte: bytes) -> None:
    wire = Trickle(1, 2, 3, 0)
    port = port_on(wire)
    left = byte * 50
    while left:
        with suppress(BlockingIOError):
            left = left[port.write(left) :]
    assert Rfc2217(SerialOptions()).receive(bytes(wire.sent)) == byte * 50


def test_bytes_wait_for_the_rest_of_a_command() -> None:
    wire = Trickle(2, 0, 8, 8)
    port = port_on(wire)
    port._telnet.answers += b"\xff\xfb\x2c"
    with pytest.raises(BlockingIOError):
        port.write(b"data")  # two thirds of the command went, and then there was no room
    with pytest.raises(BlockingIOError):
        port.write(b"data")
    assert port.write(b"data") == 4
    assert wire.sent == b"\xff\xfb\x2cdata"


def test_a_name_that_no_host_can_have_is_an_error_that_shows_it() -> None:
    with pytest.raises(OSError, match=r"'a\.\.b' is no host name"):
        open_network_port(NetworkAddress("socket", "a..b", 4000), SerialOptions())


def test_what_is_given_up_amid_a_doubled_byte_does_not_garble_what_comes_after() -> None:
    wire = Trickle(1, 100, 100)
    port = port_on(wire)
    assert port.write(b"\xffgiven up") == 0  # half of its first byte is out
    assert port.write(b"new") == 3
    assert Rfc2217(SerialOptions()).receive(bytes(wire.sent)) == b"\xffnew"


@pytest.mark.parametrize(
    ("url", "is_local"),
    [
        ("serial:///dev/ttyUSB0", True),
        ("serial:///dev/ttyACM*", True),
        ("serial+usb://1a86:7523", True),
        ("serial+rfc2217://localhost:4000", True),
        ("serial+socket://127.0.0.1:4000", True),
        ("serial+socket://[::1]:4000", True),
        ("serial+rfc2217://bridge.example:4000", False),
        ("serial+socket://192.168.1.20:4000", False),
    ],
)
def test_a_bridge_elsewhere_is_within_reach_of_others(url: str, is_local: bool) -> None:
    assert SerialCarrier().is_local(Endpoint.parse(url)) is is_local


def test_a_server_starts_before_its_bridge(cable: PtyCable) -> None:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]

    async def scene() -> None:
        peer = Peer()
        url = f"serial+socket://127.0.0.1:{port}?framing=none"
        listening = await SerialCarrier().listen(Endpoint.parse(url), lambda: peer)
        await becomes(lambda: listening.status()[0]["state"] == "refused")
        assert "is the bridge on" in listening.status()[0]["problem"]
        with socket.create_server(("127.0.0.1", port)):
            await becomes(lambda: peer.is_up, within_s=1.5)
            listening.close()
            peer.transport.abort()
            await asyncio.wait_for(listening.wait_closed(), PATIENCE_S)

    play(scene)


def test_a_bridge_that_ends_each_connection_is_named_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async def reset(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async def scene() -> str:
        async with await asyncio.start_server(reset, "127.0.0.1") as bridge:
            address = f"rfc2217://127.0.0.1:{bridge.sockets[0].getsockname()[1]}"
            listening = await SerialCarrier().listen(Endpoint.parse(f"serial+{address}"), Peer)
            await becomes(lambda: listening.status()[0]["state"] == "refused")
            listening.close()
            await asyncio.wait_for(listening.wait_closed(), PATIENCE_S)
            return address

    address = asyncio.run(asyncio.wait_for(scene(), PATIENCE_S))
    told = [text for record in caplog.records if (text := record.getMessage()).endswith("it is tried again")]
    assert told
    assert all(text.startswith(f"serial port {address}: the bridge ended the connection before") for text in told)


def test_a_bridge_that_cannot_be_reached_says_so_to_who_connects() -> None:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]

    async def scene() -> None:
        with pytest.raises(ConnectionError, match="cannot be reached: Connection refused; is the bridge on"):
            await SerialCarrier().connect(Endpoint.parse(f"serial+socket://127.0.0.1:{port}"), Peer)

    began_s = time.monotonic()
    play(scene)
    assert time.monotonic() - began_s < 1.0
