# SPDX-License-Identifier: MIT
"""What is in a packet: its type, the tag of its link, its sequence number and a body.

Source: docs/serial-link.md, "Packets". All numbers are big-endian.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

_HEADER = struct.Struct(">BIH")
_HELLO = struct.Struct(">BIH")

HEADER_BYTES = _HEADER.size
HELLO_BYTES = _HELLO.size

NO_TAG = 0
"""Stands where the other side's epoch is not known; so no epoch is 0."""

SEQ_MODULUS = 1 << 16


class PacketType(IntEnum):
    """The first byte of a packet."""

    RESET = 1  # connector to listener: a new link, please; the body is a Hello
    RESET_ACK = 2  # listener to connector: here it is; the body is a Hello
    READY = 3  # connector to listener: the answer has come
    DATA = 4  # the next bytes of the stream
    CLOSE = 5  # the link ends; the body is a CloseCode
    NO_LINK = 6  # the tag that came is of no link that is known here


class CloseCode(IntEnum):
    """Why a link ends: the body of CLOSE."""

    DONE = 0  # orderly: all that was written has been sent
    ABORTED = 1  # at once: bytes may be missing
    DAMAGED = 2  # a packet came damaged, or one is missing
    VERSION = 3  # no version in common


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet.

    Attributes:
        type: A ``PacketType``; other numbers are of later versions.
        tag: The epoch of the side that the packet is for, or ``NO_TAG``.
        seq: In DATA, the number of the packet; in CLOSE, of the DATA that would have come next; else 0. It wraps at
            65536.
        body: What the type says.
    """

    type: int
    tag: int
    seq: int = 0
    body: bytes = b""

    def to_bytes(self) -> bytes:
        """Return the packet without its framing."""
        return _HEADER.pack(self.type, self.tag, self.seq) + self.body

    @classmethod
    def from_bytes(cls, data: bytes) -> Packet:
        """Return the packet that ``data`` is.

        Raises:
            ValueError: ``data`` is shorter than a header.
        """
        if len(data) < HEADER_BYTES:
            raise ValueError(f"a packet has at least {HEADER_BYTES} bytes, this one {len(data)}")
        kind, tag, seq = _HEADER.unpack_from(data)
        return cls(kind, tag, seq, data[HEADER_BYTES:])


@dataclass(frozen=True, slots=True)
class Hello:
    """The body of RESET and RESET_ACK.

    Attributes:
        version: In RESET the highest version that the connector speaks, in RESET_ACK the one that the link has.
        epoch: A random number from 1 to 2**32 - 1, new for each link: the tag of all packets to its sender.
        max_payload: How many bytes of the stream a DATA packet to its sender may carry; at least 1.
    """

    version: int
    epoch: int
    max_payload: int

    def to_bytes(self) -> bytes:
        """Return the body."""
        return _HELLO.pack(self.version, self.epoch, self.max_payload)

    @classmethod
    def from_bytes(cls, body: bytes) -> Hello:
        """Return the Hello at the start of ``body``; what follows it is of later versions.

        Raises:
            ValueError: ``body`` is too short, or a number is 0 that may not be.
        """
        if len(body) < HELLO_BYTES:
            raise ValueError(f"a reset has at least {HELLO_BYTES} bytes, this one {len(body)}")
        hello = cls(*_HELLO.unpack_from(body))
        if not (hello.version and hello.epoch and hello.max_payload):
            raise ValueError(f"neither version, epoch nor max_payload may be 0: {hello}")
        return hello
