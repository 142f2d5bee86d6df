# SPDX-License-Identifier: MIT
"""A peer that writes its own bytes, by docs/protocol.md and with none of sigcore's code."""

from __future__ import annotations

import json
import socket
import struct
import time
from typing import Any, Self

from ..waiting import LIMIT_S

PREFACE = b"\x93SIG\n\x01"
HELLO, WELCOME, PING, PONG, ACK, BYE = 1, 2, 3, 4, 5, 6
ADD_SENDER, LISTEN, UNLISTEN, QUERY, OK, ERROR, REQUEST, REPLY, CANCEL, NOTICE, PAD = range(0x10, 0x1B)
TOPIC, EVENT, EVENT_META, PRESENCE, START, REMOVE_SENDER, GAP, SYNC, KEPT = range(0x20, 0x29)


def frame(kind: int, id_: int = 0, body: bytes | dict[str, Any] = b"") -> bytes:
    """Return one frame; a dict becomes JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return struct.pack(">IBI", len(data), kind, id_) + data


def hello(**changes: Any) -> bytes:
    """Return the beginning of a link, as a client writes it."""
    fields = {
        "versions": [1],
        "codecs": ["json"],
        "name": "stranger",
        "limits": {"frame": 1_048_576, "credit": 1_048_576},
        "features": [],
    }
    return PREFACE + frame(HELLO, 0, {**fields, **changes})


class RawPeer:
    """A TCP connection to a server, and the frames that came by it."""

    def __init__(self, endpoint: str, data: bytes = b"") -> None:
        self._socket = socket.create_connection(("127.0.0.1", int(endpoint.rsplit(":", 1)[1])), LIMIT_S)
        self._buffer = b""
        self._has_begun = False
        self.send(data)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def expect(self, kind: int) -> tuple[int, bytes]:
        """Return number and body of the next frame of ``kind``; others before it are passed over."""
        while True:
            found, id_, body = self._next()
            if found == kind:
                return id_, body

    def rest(self, within_s: float = LIMIT_S) -> list[tuple[int, bytes]]:
        """Return (kind, body) of what comes until the server closes the connection."""
        self._socket.settimeout(within_s)
        frames: list[tuple[int, bytes]] = []
        until = time.monotonic() + within_s
        while time.monotonic() < until:
            try:
                kind, _id, body = self._next()
            except (EOFError, ConnectionResetError):
                return frames
            frames.append((kind, body))
        raise AssertionError(f"the server did not close the connection within {within_s} s")

    def _next(self) -> tuple[int, int, bytes]:
        if not self._has_begun:
            self._fill(len(PREFACE))
            assert self._take(len(PREFACE)) == PREFACE
            self._has_begun = True
        self._fill(9)
        length, kind, id_ = struct.unpack_from(">IBI", self._buffer)
        self._fill(9 + length)
        return kind, id_, self._take(9 + length)[9:]

    def _fill(self, size: int) -> None:
        while len(self._buffer) < size:
            data = self._socket.recv(65_536)
            if not data:
                raise EOFError
            self._buffer += data

    def _take(self, size: int) -> bytes:
        data, self._buffer = self._buffer[:size], self._buffer[size:]
        return data
