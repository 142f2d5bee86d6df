# SPDX-License-Identifier: MIT
"""The server's end of a link, from the first byte on: bytes from a stranger cost nobody but the stranger."""

from __future__ import annotations

from fuzz.honest import HonestPair, refusal_of
from fuzz.supply import WHOLE, Supply
from fuzz.vectors import conversations
from sigcore.protocol.frames import PREFACE
from sigcore.protocol.link import State
from tests.protocol.loopback import Server, hello

WORDS = [
    PREFACE,
    *(f'"{word}"'.encode() for word in ("versions", "codecs", "json", "name", "limits", "frame", "credit", "features")),
    *(f'"{word}"'.encode() for word in ("session", "id", "secret", "received", "no_resume", "auth", "method", "token")),
    *(f'"{word}"'.encode() for word in ("identity", "nonce", "proof")),
    b"null",
    b"[1]",
    b"\x00\x00\x00\x02\x01\x00\x00\x00\x00{}",
]
MAX_LEN = 1024


def check(data: bytes) -> bool:
    """Let a stranger say ``data``, in pieces with time between."""
    server = Server()
    pair = HonestPair(server)
    link = server.new_link()
    for piece in Supply(data).pieces():
        link.receive(piece, server.now_s)
        link.data_to_send(server.now_s)
        server.tick(0.5)
    is_up = link.state is State.UP
    server.tick(5.0)
    assert is_up or link.has_ended, "a handshake is held open"
    assert refusal_of(link) != "internal_error"
    pair.exchange()
    link.lose(None)
    pair.check_alone_again()
    return is_up


def seeds() -> list[bytes]:
    """Return what clients say first, and more of some."""
    found = [hello(), hello(codec="upper", features=["no_resume"]), hello(codec="none"), b"GET / HTTP/1.1\r\n\r\n"]
    found.append(hello(session={"id": "01" * 16, "secret": "02" * 16, "received": 0}))
    found.append(PREFACE[:-1] + b"\x02")
    for lines in conversations():
        found.append(b"".join(line.data for line in lines if line.data and not line.to_client)[:MAX_LEN])
    return [WHOLE + each for each in found] + [b"\x03\x02\x06\x0f" + hello()]
