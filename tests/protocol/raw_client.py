# SPDX-License-Identifier: MIT
"""A client written from docs/protocol.md alone, as somebody would in another language: a socket, struct and json."""

from __future__ import annotations

import json
import socket
import struct
from typing import Any

PREFACE = bytes.fromhex("93 53 49 47 0a 01")
HELLO, WELCOME, PING, PONG, ACK, BYE = range(0x01, 0x07)
ADD_SENDER, LISTEN, UNLISTEN, QUERY, OK, ERROR, REQUEST, REPLY = range(0x10, 0x18)
TOPIC, EVENT, EVENT_META, PRESENCE, START, REMOVE_SENDER = range(0x20, 0x26)
ALL_CREDIT = 9223372036854775807


class RawClient:
    """Speaks to a server over TCP; every call waits for what it needs.

    It makes its requests one by one and waits for each, so it never has to write one again as PAD.
    """

    def __init__(self, host: str, port: int, name: str) -> None:
        self.address = (host, port)
        self.name = name
        self.topics: dict[int, tuple[str, str]] = {}
        self.heard: list[tuple[str, str, Any]] = []
        self.next_number = 0
        self.received = 0  # bytes of counted frames that came
        self.acknowledged = 0  # up to where the server has what we wrote
        self.written = b""  # what we wrote from there on
        self.is_cut = True
        self.connect({})
        self.id, self.secret = self.welcome["session"]["id"], self.welcome["session"]["secret"]

    def connect(self, more: dict[str, Any]) -> None:
        """Make a link and do the handshake."""
        self.socket = socket.create_connection(self.address, timeout=10)
        self.stream = self.socket.makefile("rb")
        self.is_cut = False
        limits = {"frame": 65536, "credit": ALL_CREDIT}
        self.socket.sendall(PREFACE)
        self.write(HELLO, 0, {"versions": [1], "codecs": ["json"], "name": self.name, "limits": limits, **more})
        if self.stream.read(6) != PREFACE:
            raise ConnectionError("that is no sigcore server")
        self.welcome = json.loads(self.read_until(WELCOME)[1])

    def cut(self) -> None:
        """Lose the link without a word."""
        self.is_cut = True
        self.stream.close()
        self.socket.close()

    def resume(self) -> bool:
        """Make another link and go on with the session; return whether the server does too."""
        self.connect({"session": {"id": self.id, "secret": self.secret, "received": self.received}})
        described = self.welcome["session"]
        if described["resumed"]:
            self.forget(described["received"])
            self.socket.sendall(self.written)
        return bool(described["resumed"])

    def forget(self, received: int) -> None:
        """The server has what we wrote up to that offset."""
        self.written = self.written[received - self.acknowledged :]
        self.acknowledged = received

    def close(self) -> None:
        """Leave in good order."""
        if not self.is_cut:
            self.write(BYE, 0, {"code": "closing"})
            self.cut()

    def listen(self, sender: str | None, event: str | None) -> None:
        self.ask(LISTEN, {"sender": sender, "event": event})

    def add_sender(self, name: str, events: list[str], methods: list[str]) -> dict[str, int]:
        topics: dict[str, int] = self.ask(ADD_SENDER, {"sender": name, "events": events, "requests": methods})["topics"]
        return topics

    def trigger(self, topic: int, data: Any) -> None:
        self.write(EVENT, topic, data)

    def hear(self) -> tuple[str, str, Any]:
        while not self.heard:
            self.read()
        return self.heard.pop(0)

    def answer_request(self, handler: Any) -> None:
        number, body = self.read_until(REQUEST)
        names, pos = [], 4
        for _ in range(3):
            end = pos + 1 + body[pos]
            names.append(body[pos + 1 : end].decode())
            pos = end
        self.write(REPLY, number, handler(*names, json.loads(body[pos:])))

    def request(self, sender: str, method: str, params: Any) -> Any:
        names = b"".join(bytes([len(text.encode())]) + text.encode() for text in (sender, method, ""))
        self.next_number += 1
        self.write_bytes(REQUEST, self.next_number, struct.pack(">I", 5000) + names + json.dumps(params).encode())
        return json.loads(self.read_until(REPLY)[1])

    def ask(self, kind: int, fields: dict[str, Any]) -> Any:
        self.next_number += 1
        self.write(kind, self.next_number, fields)
        return json.loads(self.read_until(OK)[1])

    def write(self, kind: int, number: int, value: Any) -> None:
        self.write_bytes(kind, number, json.dumps(value).encode())

    def write_bytes(self, kind: int, number: int, body: bytes) -> None:
        data = struct.pack(">IBI", len(body), kind, number) + body
        if kind >= 0x10:
            self.written += data
        if not self.is_cut:
            self.socket.sendall(data)

    def read_until(self, wanted: int) -> tuple[int, bytes]:
        while True:
            kind, number, body = self.read()
            if kind in (ERROR, BYE):
                raise RuntimeError(body.decode())
            if kind == wanted:
                return number, body

    def read(self) -> tuple[int, int, bytes]:
        length, kind, number = struct.unpack(">IBI", self.stream.read(9))
        body = self.stream.read(length)
        if 0x10 <= kind < 0x80:
            self.received += 9 + length
            self.write_bytes(ACK, 0, struct.pack(">QQ", self.received, ALL_CREDIT))
        if kind == ACK:
            self.forget(struct.unpack(">QQ", body)[0])
        elif kind == PING:
            self.write_bytes(PONG, number, b"")
        elif kind == TOPIC:
            names = json.loads(body)
            self.topics[number] = (names["sender"], names["event"])
        elif kind == EVENT:
            self.heard.append((*self.topics[number], json.loads(body)))
        return kind, number, body
