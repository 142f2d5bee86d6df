# SPDX-License-Identifier: MIT
"""Reading along on a line: packets by name with their numbers, text, and what is neither."""

from __future__ import annotations

import pytest
from sig_serial import _packet
from sig_serial._framing import frame
from sig_serial._packet import CloseCode, Hello, PacketType
from sig_serial.tools import LineReader, Piece, SeenNoise, SeenPacket, SeenText

TAG = 0x0A0B0C0D
HELLO = Hello(version=1, epoch=0x01020304, max_payload=256, window=8192).to_bytes()


@pytest.mark.parametrize(
    ("packet", "name", "fields"),
    [
        (
            _packet.control(PacketType.RESET, 0, HELLO),
            "RESET",
            {"version": 1, "epoch": "01020304", "max_payload": 256, "window": 8192},
        ),
        (_packet.control(PacketType.READY, TAG), "READY", {}),
        (_packet.data(TAG, 5, 7, b"abc"), "DATA", {"offset": 5, "length": 3, "ack": 7}),
        (_packet.ack(TAG, 7, []), "ACK", {"ack": 7}),
        (_packet.ack(TAG, 7, [(9, 12)]), "ACK", {"ack": 7, "ranges": [(9, 3)]}),
        (_packet.close(TAG, 8, CloseCode.ABORTED), "CLOSE", {"offset": 8, "code": 1}),
        (_packet.control(PacketType.NO_LINK, TAG), "NO_LINK", {}),
        (_packet.probe(3, b"fill"), "PROBE", {"number": 3, "fill": 4}),
        (
            _packet.reply_to(_packet.probe(3, b"fill"), 8, 9),
            "PROBE_REPLY",
            {"number": 3, "received": 8, "damaged": 9, "fill": 4},
        ),
        (_packet.control(PacketType.RESET, 0), "RESET", {"unreadable": True}),
        (_packet.control(PacketType.DATA, TAG), "DATA", {"unreadable": True}),
        (_packet.control(PacketType.PROBE, TAG), "PROBE", {"unreadable": True}),
        (b"\x1f" + bytes(4), "0x1F", {}),
    ],
)
def test_a_packet_is_told_by_name_with_its_numbers(packet: bytes, name: str, fields: dict[str, object]) -> None:
    [seen] = LineReader().receive(b"\x00" + frame(packet))
    assert isinstance(seen, SeenPacket)
    assert (seen.type, seen.fields, seen.size) == (name, fields, len(packet))


def test_the_stream_in_the_packets_is_put_together() -> None:
    first, second, third = (_packet.data(TAG, at, 0, data) for at, data in [(0, b"ab"), (2, b"cd"), (4, b"ef")])
    seen = LineReader().receive(b"".join(map(frame, (first, third, second, second))))
    pieces = [packet.pieces for packet in seen if isinstance(packet, SeenPacket)]
    assert pieces == [[Piece(b"ab", begins=True)], [], [Piece(b"cd"), Piece(b"ef")], []]


def test_text_and_noise_are_told_apart_from_packets() -> None:
    reader = LineReader()
    ready = frame(_packet.control(PacketType.READY, TAG))
    assert reader.receive(b"boot: ready\r\n> ") == [SeenText("boot: ready")]
    assert reader.flush() == [SeenText("> ")]
    assert [type(seen) for seen in reader.receive(b"\xff\xfe\xfd\x00" + ready)] == [SeenPacket, SeenNoise]
    damaged = bytes([ready[0], ready[1], ready[2] ^ 0x80, *ready[3:]])
    assert reader.receive(damaged) == [SeenNoise(size=len(damaged) - 1, damaged=1)]
