# SPDX-License-Identifier: MIT
"""The serial line's link, in both roles: packets that check, and say anything; the memory stays bounded."""

from __future__ import annotations

from sig_serial import _packet
from sig_serial._deframer import MAX_LINE_BYTES
from sig_serial._framing import frame, framed_size
from sig_serial._link import Data, Event, Link
from sig_serial._packet import DATA_HEADER_BYTES, Hello, PacketType
from sig_serial._tables import Role

from fuzz.supply import Supply, block_of

DEEDS = (*PacketType, 0x20, "noise", "wait", "write", "pause", "resume", "finish")
MOST_DEEDS = 80
PAYLOAD, WINDOW = 64, 256
OWN, PEER = 0x0A0A0A0A, 0x0B0B0B0B
TAGS = (OWN, PEER, 0, 1, OWN + 1)
WORDS = [Hello(1, PEER, 64, 256).to_bytes(), b"\x00\x00\x00\x00\x00\x00", b"\xff\xff\xff\xff\xff\xff", b"\x00\x00\x40"]
MAX_LEN = 1024


def check(data: bytes) -> bool:
    """Let the line bring what ``data`` says; return whether the link came up."""
    supply = Supply(data)
    role = supply.pick((Role.LISTENER, Role.CONNECTOR))
    now_s = 100.0
    link = Link(role, now_s, byte_s=1e-4, max_payload=PAYLOAD, window=WINDOW, new_epoch=lambda: OWN)
    was_up = False
    for _ in range(MOST_DEEDS):
        if supply.is_empty:
            break
        now_s += 0.01
        now_s, _events = do(link, supply, now_s)
        was_up |= link.is_up
        assert link.kept_bytes <= WINDOW + framed_size(DATA_HEADER_BYTES + PAYLOAD) + 2 + MAX_LINE_BYTES
        for _ in range(32 + 2 * link.unacknowledged):  # packets of one byte, some of them sent again
            if not link.data_to_send(now_s):
                break
            now_s = max(now_s, link.room_s)
        else:
            raise AssertionError("one deed has more answers than are good")
    return was_up


def do(link: Link, supply: Supply, now_s: float) -> tuple[float, list[Event]]:
    """Do one thing; return the time then, and what it brought about."""
    match supply.pick(DEEDS):
        case int(kind):
            packet = bytes([kind]) + supply.pick(TAGS).to_bytes(4, "big") + supply.block()[:128]
            found = link.receive(frame(packet), now_s)
            assert all(len(event.payload) <= WINDOW for event in found if isinstance(event, Data))
            return now_s, found
        case "noise":
            return now_s, link.receive(supply.block(), now_s)
        case "wait":
            now_s += supply.byte() / 20
            return now_s, link.tick(now_s)
        case "write" if link.is_up:
            link.write(supply.block()[:128])
        case "pause":
            link.pause_reading()
        case "resume":
            return now_s, link.resume_reading(now_s)
        case "finish":
            link.finish()
    return now_s, []


def short(kind: PacketType, tag: int, body: bytes) -> bytes:
    """Return how a packet stands in an input."""
    return bytes([DEEDS.index(kind), TAGS.index(tag)]) + block_of(body)


def act(deed: str, *more: int) -> bytes:
    """Return how something else stands in an input."""
    return bytes([DEEDS.index(deed), *more])


def seeds() -> list[bytes]:
    """Return a life of a link in either role."""
    hello = Hello(1, PEER, 64, 256).to_bytes()
    reset, ready = short(PacketType.RESET, 0, hello), short(PacketType.READY, OWN, b"")
    first, third = (_packet.data(OWN, at, 0, b"x" * 10)[5:] for at in (0, 20))
    data = short(PacketType.DATA, OWN, first) + short(PacketType.DATA, OWN, third)
    ack = short(PacketType.ACK, OWN, _packet.ack(OWN, 4, [(6, 8)])[5:])
    close = short(PacketType.CLOSE, OWN, b"\x00\x00\x0a\x00")
    write = act("write") + block_of(b"hello, device")
    probe = short(PacketType.PROBE, 0, b"\x00\x01" + b"f" * 20) + short(PacketType.NO_LINK, OWN, b"")
    up = b"\x00" + reset + act("wait", 2) + ready
    return [
        up + data + write + ack + act("pause") + data + act("resume") + act("finish") + close,
        up + probe + reset + ready + act("wait", 255) + b"\x00" + reset,
        b"\x01"
        + short(PacketType.RESET_ACK, OWN, hello)
        + data
        + write
        + ack
        + close
        + act("noise")
        + block_of(b"text\n"),
        b"\x01" + short(PacketType.RESET, 0, hello) + short(PacketType.RESET_ACK, OWN, Hello(2, PEER, 1, 1).to_bytes()),
    ]
