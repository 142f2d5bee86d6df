# SPDX-License-Identifier: MIT
"""What is in a packet: its type, the tag of its link, and a body.

Source: docs/serial-link.md, "Packets". All numbers are big-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

NO_TAG: Final = 0
"""Stands where the other side's epoch is not known; so no epoch is 0."""

OFFSET_MODULUS: Final = 1 << 24
"""Offsets go over the line as the lowest 24 bits."""

MAX_RANGES: Final = 8
"""Ranges in one ACK."""

_HEADER = struct.Struct(">BI")
_HELLO = struct.Struct(">BIHH")
# No format letter takes three bytes: two offsets are packed as one number of six, one as the rest of a number of eight.
_DATA = struct.Struct(">BIHI")
_CLOSE = struct.Struct(">BII")
_RANGE = struct.Struct(">HHB")
_PROBE = struct.Struct(">BIH")
_PROBE_REPLY = struct.Struct(">BIHII")

HEADER_BYTES: Final = _HEADER.size
HELLO_BYTES: Final = _HELLO.size
DATA_HEADER_BYTES: Final = _DATA.size
_ACK_BYTES: Final = HEADER_BYTES + 3
_RANGE_BYTES: Final = 5

MAX_CONTROL_BYTES: Final = _ACK_BYTES + MAX_RANGES * _RANGE_BYTES
"""The longest packet but DATA and probes: an ACK with all its ranges."""

Range = tuple[int, int]
"""Bytes of a stream: the offset of the first, and of the one after the last."""


class PacketType(IntEnum):
    """The first byte of a packet; none is a character of a text."""

    RESET = 1  # connector to listener: a new link, please; the body is a Hello
    RESET_ACK = 2  # listener to connector: here it is; the body is a Hello
    READY = 3  # connector to listener: the answer has come
    DATA = 4  # bytes of the stream
    CLOSE = 5  # the link ends
    NO_LINK = 6  # the tag that came is of no link that is known here
    ACK = 14  # what has come of the other side's stream
    PROBE = 15  # to be answered, whatever the state
    PROBE_REPLY = 16  # the answer


class CloseCode(IntEnum):
    """Why a link ends: in the body of CLOSE."""

    DONE = 0  # orderly: all that was written has been acknowledged
    ABORTED = 1  # at once: bytes may be missing
    VERSION = 2  # no version in common


@dataclass(frozen=True, slots=True)
class Hello:
    """The body of RESET and RESET_ACK.

    Attributes:
        version: In RESET the highest version that the connector speaks, in RESET_ACK the one that the link has.
        epoch: A random number from 1 to 2**32 - 1, new for each link: the tag of all packets to its sender.
        max_payload: How many bytes of the stream a DATA packet to its sender may carry; at least 1.
        window: How many bytes beyond its ``ack`` its sender takes; at least ``max_payload``.
    """

    version: int
    epoch: int
    max_payload: int
    window: int

    def to_bytes(self) -> bytes:
        """Return the body."""
        return _HELLO.pack(self.version, self.epoch, self.max_payload, self.window)

    @classmethod
    def from_bytes(cls, body: bytes) -> Hello:
        """Return the Hello at the start of ``body``; what follows it is of later versions.

        Raises:
            ValueError: ``body`` is too short, or a number is 0 that may not be, or the window is too small.
        """
        if len(body) < HELLO_BYTES:
            raise ValueError(f"a reset has at least {HELLO_BYTES} bytes, this one {len(body)}")
        hello = cls(*_HELLO.unpack_from(body))
        if not (hello.version and hello.epoch and hello.max_payload):
            raise ValueError(f"neither version, epoch nor max_payload may be 0: {hello}")
        if hello.window < hello.max_payload:
            raise ValueError(f"the window must be at least max_payload: {hello}")
        return hello


def control(kind: PacketType, tag: int, body: bytes = b"") -> bytes:
    """Return a packet that has no numbers of a stream in it."""
    return _HEADER.pack(kind, tag) + body


def data(tag: int, offset: int, ack: int, payload: bytes | bytearray) -> bytes:
    """Return a DATA packet."""
    both = (offset % OFFSET_MODULUS) << 24 | ack % OFFSET_MODULUS
    return _DATA.pack(PacketType.DATA, tag, both >> 32, both & 0xFFFFFFFF) + payload


def ack(tag: int, offset: int, ranges: Sequence[Range]) -> bytes:
    """Return an ACK packet for all before ``offset``, and for ``ranges`` of absolute offsets after it."""
    body = (offset % OFFSET_MODULUS).to_bytes(3, "big")
    for start, end in ranges:
        body += (start % OFFSET_MODULUS).to_bytes(3, "big") + (end - start).to_bytes(2, "big")
    return _HEADER.pack(PacketType.ACK, tag) + body


def close(tag: int, offset: int, code: CloseCode) -> bytes:
    """Return a CLOSE packet."""
    return _CLOSE.pack(PacketType.CLOSE, tag, (offset % OFFSET_MODULUS) << 8 | code)


def probe(number: int, fill: bytes) -> bytes:
    """Return a PROBE packet."""
    return _PROBE.pack(PacketType.PROBE, NO_TAG, number) + fill


def header_of(packet: bytes) -> tuple[int, int]:
    """Return the type and the tag of ``packet``.

    Raises:
        ValueError: It is shorter than a header.
    """
    if len(packet) < HEADER_BYTES:
        raise ValueError(f"a packet has at least {HEADER_BYTES} bytes, this one {len(packet)}")
    kind, tag = _HEADER.unpack_from(packet)
    return kind, tag


def hello_of(packet: bytes) -> Hello:
    """Return the Hello in a RESET or RESET_ACK.

    Raises:
        ValueError: There is none.
    """
    return Hello.from_bytes(packet[HEADER_BYTES:])


def offsets_of(packet: bytes) -> tuple[int, int]:
    """Return the two numbers of a DATA packet: the offset of its first byte, and ``ack``; the rest is its bytes.

    Raises:
        ValueError: It is too short, or carries nothing.
    """
    if len(packet) <= DATA_HEADER_BYTES:
        raise ValueError(f"DATA has more than {DATA_HEADER_BYTES} bytes, this one {len(packet)}")
    _, _, high, low = _DATA.unpack_from(packet)
    return high << 8 | low >> 24, low & 0xFFFFFF


def acknowledged_in(packet: bytes) -> tuple[int, list[tuple[int, int]]]:
    """Return ``ack`` of an ACK packet, and its ranges: the start of each, and how many bytes.

    Raises:
        ValueError: It is too short, or ends within a range, or has too many of them.
    """
    count, rest = divmod(len(packet) - _ACK_BYTES, _RANGE_BYTES)
    if rest or not 0 <= count <= MAX_RANGES:
        raise ValueError(f"an ACK has 0 to {MAX_RANGES} whole ranges, not {len(packet)} bytes")
    ranges = []
    for high, low, last in _RANGE.iter_unpack(packet[_ACK_BYTES:]):
        ranges.append((high << 8 | low >> 8, (low & 0xFF) << 8 | last))
    return int.from_bytes(packet[HEADER_BYTES:_ACK_BYTES], "big"), ranges


def end_in(packet: bytes) -> tuple[int, int]:
    """Return the offset and the code of a CLOSE packet.

    Raises:
        ValueError: It is too short.
    """
    if len(packet) < _CLOSE.size:
        raise ValueError(f"CLOSE has at least {_CLOSE.size} bytes, this one {len(packet)}")
    both = _CLOSE.unpack_from(packet)[2]
    return both >> 8, both & 0xFF


def reply_to(packet: bytes, received: int, damaged: int) -> bytes:
    """Return the PROBE_REPLY to a PROBE, which gives back all that came with it.

    Args:
        packet: The PROBE.
        received: How many whole packets came to this side since it was started.
        damaged: How many damaged ones.

    Raises:
        ValueError: The PROBE is too short.
    """
    if len(packet) < _PROBE.size:
        raise ValueError(f"a PROBE has at least {_PROBE.size} bytes, this one {len(packet)}")
    _, tag, number = _PROBE.unpack_from(packet)
    reply = _PROBE_REPLY.pack(PacketType.PROBE_REPLY, tag, number, received & 0xFFFFFFFF, damaged & 0xFFFFFFFF)
    return reply + packet[_PROBE.size :]


def reply_in(packet: bytes) -> tuple[int, int, int, bytes]:
    """Return what is in a PROBE_REPLY: the number, the packets received and damaged, and the fill.

    Raises:
        ValueError: It is too short.
    """
    if len(packet) < _PROBE_REPLY.size:
        raise ValueError(f"a PROBE_REPLY has at least {_PROBE_REPLY.size} bytes, this one {len(packet)}")
    _, _, number, received, damaged = _PROBE_REPLY.unpack_from(packet)
    return number, received, damaged, packet[_PROBE_REPLY.size :]


def near(wire_offset: int, reference: int) -> int:
    """Return the absolute offset whose lowest 24 bits are ``wire_offset`` and that is nearest to ``reference``.

    >>> near(0x000002, 0xFFFFFE) == 0x1000002
    True
    """
    ahead = (wire_offset - reference) % OFFSET_MODULUS
    return reference + (ahead if ahead < OFFSET_MODULUS // 2 else ahead - OFFSET_MODULUS)
