# SPDX-License-Identifier: MIT
"""Bytes of one link and its end in one read: what the protocol does then is about a link that is over already."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from sig_serial import SerialOptions, _packet
from sig_serial._counters import LinkCounters
from sig_serial._deframer import Deframer
from sig_serial._framing import frame
from sig_serial._line import Line
from sig_serial._packet import NO_TAG, CloseCode, Hello, PacketType
from sig_serial._port import Port, open_port
from sig_serial._tables import Role
from sig_serial.testing import PtyCable

PATIENCE_S = 10.0


def reset(epoch: int) -> bytes:
    return b"\x00" + frame(_packet.control(PacketType.RESET, NO_TAG, Hello(1, epoch, 256, 8192).to_bytes()))


def data(tag: int, payload: bytes) -> bytes:
    return b"\x00" + frame(_packet.data(tag, 0, 0, payload))


class Device:
    """The other side of the cable, packet by packet."""

    def __init__(self, port: Port) -> None:
        self._port = port
        self._deframer = Deframer(1024, LinkCounters())
        self._packets: list[bytes] = []

    async def next(self, kind: PacketType) -> bytes:
        """The next packet of a kind; others are passed over."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                while self._packets:
                    packet = self._packets.pop(0)
                    if packet[0] == kind:
                        return packet
                try:
                    found = self._deframer.receive_data(self._port.read())
                except BlockingIOError:
                    await asyncio.sleep(0.005)
                else:
                    self._packets += [one for one in found if isinstance(one, bytes)]


class Peer(asyncio.Protocol):
    """Does something with its link when the first bytes come."""

    def __init__(self, answer: Callable[[asyncio.Transport], object]) -> None:
        self._answer = answer
        self.received = bytearray()
        self.is_lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.received += data
        self._answer(self.transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost = True


ANSWERS: dict[str, Callable[[asyncio.Transport], object]] = {
    "writes": lambda transport: transport.write(b"answer"),
    "writes much": lambda transport: transport.write(bytes(5000)),
    "pauses": lambda transport: transport.pause_reading(),
    "closes": lambda transport: transport.close(),
    "aborts": lambda transport: transport.abort(),
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=list(ANSWERS))
@pytest.mark.parametrize("is_replaced", [False, True], ids=["over", "replaced"])
def test_what_is_done_with_a_link_that_is_over_touches_no_other(
    cable: PtyCable, is_replaced: bool, answer: Callable[[asyncio.Transport], object]
) -> None:
    async def scene() -> None:
        faults: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
        came: list[Peer] = []

        def factory() -> Peer:
            came.append(Peer(answer if not came else lambda _: None))
            return came[-1]

        options = SerialOptions()
        line = Line(open_port(cable.left, options), Role.LISTENER, factory, patience_s=PATIENCE_S)
        far = open_port(cable.right, options)
        device = Device(far)

        async def asked(epoch: int) -> int:
            line.bytes_received(reset(epoch))
            return _packet.hello_of(await device.next(PacketType.RESET_ACK)).epoch

        first = await asked(1)
        line.bytes_received(frame(_packet.control(PacketType.READY, first)))
        if is_replaced:
            second = await asked(2)
            line.bytes_received(data(first, b"old") + data(second, b"new"))
        else:
            line.bytes_received(data(first, b"old") + frame(_packet.close(first, 3, CloseCode.ABORTED)))
            second = await asked(2)
            line.bytes_received(data(second, b"new"))
        old, new = came
        await asyncio.sleep(0)
        line.bytes_received(frame(_packet.data(second, 3, 0, b"er")))
        assert [bytes(peer.received) for peer in came] == [b"old", b"newer"]
        new.transport.write(b"first of the new")
        packet = await device.next(PacketType.DATA)
        assert _packet.header_of(packet) == (PacketType.DATA, 2)
        assert packet[_packet.DATA_HEADER_BYTES :] == b"first of the new"
        assert (old.is_lost, new.is_lost, faults) == (True, False, [])
        line.abort()
        await line.closed
        far.close(0.0)

    asyncio.run(scene())
