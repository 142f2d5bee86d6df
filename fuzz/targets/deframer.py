# SPDX-License-Identifier: MIT
"""The serial line's deframer: the same packets and texts however the bytes are cut, and little is kept."""

from __future__ import annotations

from sig_serial._counters import LinkCounters
from sig_serial._deframer import MAX_LINE_BYTES, Deframer, Text
from sig_serial._framing import DELIMITER, frame, framed_size, unframe

from fuzz.supply import WHOLE, Supply

WORDS = [
    b"\x00",
    b"\n",
    b"\r\n",
    b"\xff",
    b"\x01\x01\x01\x01\x01\x00",
    frame(b"\x06tag."),
    b"text\n",
    b"\xc3\xbc",
    b"\x02\x04",
]
MAX_LEN = 4096
PACKET_SIZES = (64, 267, 16)


def check(data: bytes) -> bool:
    """Deframe ``data`` whole, in pieces and byte by byte; frame what is found again."""
    supply = Supply(data)
    size = supply.pick(PACKET_SIZES)
    pieces = supply.pieces()
    whole = b"".join(pieces)
    found = deframed(size, pieces)
    assert found == deframed(size, [whole]) == deframed(size, [whole[n : n + 1] for n in range(len(whole))])
    packets = [item for item in found if isinstance(item, bytes)]
    for packet in packets:
        assert unframe(frame(packet).removesuffix(DELIMITER)) == packet
    return bool(packets)


def deframed(size: int, pieces: list[bytes]) -> list[bytes | Text]:
    """Return what a deframer finds; assert that it keeps no more than it may, and counts each byte once."""
    counters = LinkCounters()
    deframer = Deframer(size, counters)
    found = []
    for piece in pieces:
        found += deframer.receive_data(piece)
        assert deframer.kept_bytes <= framed_size(size) + 2 + MAX_LINE_BYTES
    assert counters.noise_bytes <= sum(map(len, pieces))
    return found


def seeds() -> list[bytes]:
    """Return packets, text and noise, alone and mixed."""
    packets = [frame(bytes([kind]) + b"tag." + body) for kind, body in ((1, b""), (4, b"\x00" * 40), (14, b"x" * 60))]
    mixed = b"boot\r\n" + packets[0] + b"20.5 C\n" + packets[1][:-5] + b"panic!\n" + packets[2] + b"\xff\xfe\x00"
    each = [*packets, b"text without an end", b"x" * 1100 + b"\n", mixed, bytes(range(256)), b"\x05\x06" * 50]
    return [bytes([n % 3]) + WHOLE + data for n, data in enumerate(each)] + [b"\x01\x03\x05\x09\x11" + mixed]
