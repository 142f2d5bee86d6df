# SPDX-License-Identifier: MIT
"""Packets on a bare byte pipe: checked by a CRC-32, stuffed with COBS, delimited by a zero byte.

Nothing here knows what is in a packet. Source: docs/serial-link.md, "Framing".
"""

from __future__ import annotations

import zlib

DELIMITER = b"\x00"
"""Ends every packet; COBS keeps this byte out of the packet itself."""

CRC_BYTES = 4

_MAX_RUN = 254
"""Longest run of bytes that one COBS code byte can announce."""

_CODES = [bytes([size + 1]) for size in range(_MAX_RUN + 1)]
"""The code byte of a run, by its length."""


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
    runs = data.split(DELIMITER)
    if len(data) < _MAX_RUN or max(map(len, runs)) < _MAX_RUN:
        return b"".join([_CODES[len(run)] + run for run in runs])
    out = bytearray()
    for run in runs:
        _append_run(out, run)
    if runs[-1] and len(runs[-1]) % _MAX_RUN == 0:
        del out[-1]  # after a full block at the very end there is no zero for an empty block to stand for
    return bytes(out)


def _append_run(out: bytearray, run: bytes) -> None:
    while len(run) >= _MAX_RUN:
        out += _CODES[_MAX_RUN] + run[:_MAX_RUN]
        run = run[_MAX_RUN:]
    out += _CODES[len(run)] + run


def cobs_decode(data: bytes) -> bytes:
    """Return what ``cobs_encode`` was given.

    Args:
        data: Stuffed bytes, free of zeros, without the delimiter.

    Raises:
        ValueError: A code byte announces more bytes than there are, or ``data`` is empty.
    """
    if not data:
        raise ValueError("no bytes, not even a code byte")
    runs: list[bytes] = []
    begun = b""  # by full blocks, which no zero follows
    at, end = 0, len(data)
    while at < end:
        code = data[at]
        run = data[at + 1 : at + code]
        at += code
        if code > _MAX_RUN and at < end:
            begun += run
        elif begun:
            runs.append(begun + run)
            begun = b""
        else:
            runs.append(run)
    if at > end:
        raise ValueError(
            f"the code byte at {at - code} announces {code - 1} bytes, only {end - at + code - 1} are left"
        )
    return DELIMITER.join(runs)


def unframe(stuffed: bytes) -> bytes | None:
    r"""Return the packet that ``stuffed`` is, what stands between two delimiters; ``None`` where it is none.

    >>> unframe(frame(b"hi")[:-1]), unframe(b"noise")
    (b'hi', None)
    """
    try:
        checked = cobs_decode(stuffed)
    except ValueError:
        return None
    packet, crc = checked[:-CRC_BYTES], checked[-CRC_BYTES:]
    return packet if len(crc) == CRC_BYTES and zlib.crc32(packet) == int.from_bytes(crc, "big") else None
