# SPDX-License-Identifier: MIT
"""Names what goes over a line in one direction: packets and what they carry, text, noise. No I/O, no clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from ._counters import LinkCounters
from ._deframer import Deframer, Text
from ._packet import (
    DATA_HEADER_BYTES,
    PacketType,
    acknowledged_in,
    end_in,
    header_of,
    hello_of,
    offsets_of,
    reply_in,
    reply_to,
)
from ._reassembly import Piece, Reassembly

MAX_PACKET_BYTES: Final = 4096
"""Longest packet that is taken for one: a reader along does not know what the two sides have agreed on."""


@dataclass(frozen=True, slots=True)
class SeenPacket:
    """A packet.

    Attributes:
        type: The name of its type; ``0x1F`` or the like where it has none.
        tag: Of the side that it is for.
        size: Its bytes, without framing.
        fields: The numbers in it, by name. ``unreadable`` is there, and true, where it breaks its layout.
        pieces: What of the stream is in order by now, with what this packet brought.
    """

    type: str
    tag: int
    size: int
    fields: dict[str, object]
    pieces: list[Piece] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class SeenText:
    """A line of text beside the packets, without its end."""

    line: str


@dataclass(frozen=True, slots=True)
class SeenNoise:
    """Bytes that are neither packet nor text.

    Attributes:
        size: How many.
        damaged: How many packets they looked like.
    """

    size: int
    damaged: int


Seen = SeenPacket | SeenText | SeenNoise


class LineReader:
    """Reads one direction of a line."""

    def __init__(self) -> None:
        self._counters = LinkCounters()
        self._deframer = Deframer(MAX_PACKET_BYTES, self._counters)
        self._stream = Reassembly()

    def receive(self, data: bytes) -> list[Seen]:
        """Take bytes from the line; return what they complete, and last what of them was noise."""
        noise, damaged = self._counters.noise_bytes, self._counters.packets_damaged
        seen: list[Seen] = [
            SeenText(item.line) if isinstance(item, Text) else self._packet(item)
            for item in self._deframer.receive_data(data)
        ]
        if self._counters.noise_bytes > noise:
            seen.append(SeenNoise(self._counters.noise_bytes - noise, self._counters.packets_damaged - damaged))
        return seen

    def flush(self) -> list[Seen]:
        """Return a line of text that nothing has ended yet, such as a prompt; for when nothing came for a while."""
        return [SeenText(item.line) for item in self._deframer.flush_text()]

    def _packet(self, packet: bytes) -> Seen:
        try:
            kind, tag = header_of(packet)
        except ValueError:  # a right checksum, and nothing in it
            return SeenPacket("EMPTY", 0, len(packet), {"unreadable": True})
        read = _READ.get(kind)
        try:
            fields = read(packet) if read is not None else {}
        except ValueError:
            fields = {"unreadable": True}
        pieces = self._pieces(tag, packet) if kind == PacketType.DATA and "unreadable" not in fields else []
        name = PacketType(kind).name if kind in frozenset(PacketType) else f"0x{kind:02X}"
        return SeenPacket(name, tag, len(packet), fields, pieces)

    def _pieces(self, tag: int, packet: bytes) -> list[Piece]:
        offset, _ = offsets_of(packet)
        return self._stream.take(tag, offset, packet[DATA_HEADER_BYTES:])


def _hello(packet: bytes) -> dict[str, object]:
    hello = hello_of(packet)
    return {
        "version": hello.version,
        "epoch": f"{hello.epoch:08x}",
        "max_payload": hello.max_payload,
        "window": hello.window,
    }


def _data(packet: bytes) -> dict[str, object]:
    offset, ack = offsets_of(packet)
    return {"offset": offset, "length": len(packet) - DATA_HEADER_BYTES, "ack": ack}


def _ack(packet: bytes) -> dict[str, object]:
    ack, ranges = acknowledged_in(packet)
    return {"ack": ack, "ranges": ranges} if ranges else {"ack": ack}


def _close(packet: bytes) -> dict[str, object]:
    offset, code = end_in(packet)
    return {"offset": offset, "code": code}


def _probe(packet: bytes) -> dict[str, object]:
    number, _, _, fill = reply_in(reply_to(packet, 0, 0))  # which has all that is in the probe
    return {"number": number, "fill": len(fill)}


def _probe_reply(packet: bytes) -> dict[str, object]:
    number, received, damaged, fill = reply_in(packet)
    return {"number": number, "received": received, "damaged": damaged, "fill": len(fill)}


_READ: dict[int, Callable[[bytes], dict[str, object]]] = {
    PacketType.RESET: _hello,
    PacketType.RESET_ACK: _hello,
    PacketType.DATA: _data,
    PacketType.ACK: _ack,
    PacketType.CLOSE: _close,
    PacketType.PROBE: _probe,
    PacketType.PROBE_REPLY: _probe_reply,
}
