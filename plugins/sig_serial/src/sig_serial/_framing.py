# SPDX-License-Identifier: MIT
"""Packets on a bare byte pipe: checked by a CRC-32, stuffed with COBS, delimited by a zero byte.

Nothing here knows what is in a packet. Source: docs/serial-link.md, "Framing".
"""

from __future__ import annotations

import enum
import zlib

DELIMITER = b"\x00"
"""Ends every packet; COBS keeps this byte out of the packet itself."""

CRC_BYTES = 4

_MAX_RUN = 254
"""Longest run of bytes that one COBS code byte can announce."""


class Damage(enum.Enum):
    """What can be wrong with the bytes between two delimiters; the value says it to a user."""

    BAD_STUFFING = "bad byte stuffing"
    BAD_CHECKSUM = "bad checksum"
    TOO_SHORT = "too short for a packet"
    TOO_LONG = "too long for a packet"


def frame(packet: bytes) -> bytes:
    """Return ``packet`` as it goes over the line: CRC appended, stuffed, and one delimiter at the end.

    >>> frame(b"").hex(" ")
    '01 01 01 01 01 00'
    """
    return cobs_encode(packet + zlib.crc32(packet).to_bytes(CRC_BYTES, "big")) + DELIMITER


def framed_size(packet_bytes: int) -> int:
    """Return how many bytes a packet of ``packet_bytes`` takes at most between two delimiters."""
    size = packet_bytes + CRC_BYTES
    return size + size // _MAX_RUN + 1


def cobs_encode(data: bytes) -> bytes:
    r"""Return ``data`` without zero bytes: each run up to a zero, or of 254 bytes, after a byte that tells its length.

    Source: S. Cheshire and M. Baker, "Consistent Overhead Byte Stuffing", 1999.

    >>> cobs_encode(b"ab\x00c").hex(" ")
    '03 61 62 02 63'
    """
    out = bytearray()
    *runs, last = data.split(DELIMITER)
    for run in runs:
        _append_run(out, run)
    _append_run(out, last)
    if last and len(last) % _MAX_RUN == 0:
        del out[-1]  # after a full block at the very end there is no zero for an empty block to stand for
    return bytes(out)


def _append_run(out: bytearray, run: bytes) -> None:
    while len(run) >= _MAX_RUN:
        out.append(_MAX_RUN + 1)
        out += run[:_MAX_RUN]
        run = run[_MAX_RUN:]
    out.append(len(run) + 1)
    out += run


def cobs_decode(data: bytes) -> bytes:
    """Return what ``cobs_encode`` was given.

    Args:
        data: Stuffed bytes, free of zeros, without the delimiter.

    Raises:
        ValueError: A code byte announces more bytes than there are, or ``data`` is empty.
    """
    if not data:
        raise ValueError("no bytes, not even a code byte")
    out = bytearray()
    at, end = 0, len(data)
    while True:
        code = data[at]
        stop = at + code
        if stop > end:
            raise ValueError(f"the code byte at {at} announces {code - 1} bytes, only {end - at - 1} are left")
        out += data[at + 1 : stop]
        if stop == end:
            return bytes(out)
        if code <= _MAX_RUN:
            out += DELIMITER
        at = stop


class Deframer:
    """Finds the packets in a stream of bytes, whatever stands between them.

    Args:
        max_packet_bytes: Longest packet to accept; more without a delimiter is thrown away as it comes, so never more
            than about this much is kept.
    """

    def __init__(self, max_packet_bytes: int) -> None:
        self._limit = framed_size(max_packet_bytes)
        self._rest = b""
        self._skipping = False

    @property
    def kept_bytes(self) -> int:
        """How many bytes of an unfinished packet are kept."""
        return len(self._rest)

    def receive_data(self, data: bytes) -> list[bytes | Damage]:
        r"""Take bytes from the line; return the packets that they complete, and what was damaged, in order.

        The result depends on the bytes alone, not on how they were cut into calls. What is too long is told once, as
        soon as it is known.

        >>> Deframer(16).receive_data(b"\x00" + frame(b"hi") + b"noise\x00" + frame(b"ho")[:-1])
        [b'hi', <Damage.BAD_STUFFING: 'bad byte stuffing'>]
        """
        *pieces, rest = data.split(DELIMITER)
        found: list[bytes | Damage] = []
        for piece in pieces:
            self._add(piece, found)
            if self._rest:
                found.append(_unframe(self._rest))
            self._rest, self._skipping = b"", False
        self._add(rest, found)
        return found

    def _add(self, piece: bytes, found: list[bytes | Damage]) -> None:
        if self._skipping:
            return
        if len(self._rest) + len(piece) > self._limit:
            found.append(Damage.TOO_LONG)
            self._rest, self._skipping = b"", True
        else:
            self._rest += piece


def _unframe(stuffed: bytes) -> bytes | Damage:
    try:
        checked = cobs_decode(stuffed)
    except ValueError:
        return Damage.BAD_STUFFING
    if len(checked) < CRC_BYTES:
        return Damage.TOO_SHORT
    packet, crc = checked[:-CRC_BYTES], checked[-CRC_BYTES:]
    return packet if zlib.crc32(packet) == int.from_bytes(crc, "big") else Damage.BAD_CHECKSUM
