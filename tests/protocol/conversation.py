# SPDX-License-Identifier: MIT
"""Conversations that are written down, one frame a line, and lived through by today's code in either role.

A line is one of these; bytes are hexadecimal, «text in guillemets» is text, and ``#`` begins a comment::

    panel>   00000000 03 00000000   the panel says this
    >panel   00000000 04 00000000   the panel gets this
    panel>|  ...  and  >panel|  ...   it is said, and lost with the link
    panel>!  ...                    the panel says what its code would never say
    [0.02 s]                        time passes
    [panel options {"credit": 100}] the panel's limits, before it begins, where they are not the usual
    [panel knows {"identity": ...}] the identity as which it comes, and the secret that the server knows too
    [panel cut]                     the panel's link is lost; its next line begins another
    [panel trigger {"sender": ...}] its program does something: a method of ``ClientProcess``, and its arguments
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from sigcore.protocol.frames import HEADER_BYTES, MAGIC, PREFACE
from sigcore.protocol.link import Link
from sigcore.protocol.server_link import ServerLink

from .loopback import ClientProcess, Server

Feed = Callable[[Link, bytes, float], object]
"""Hands bytes to a link, in whatever pieces."""

Same = Callable[[bytes, bytes], bool]
"""Whether what was said, the first, will do for what is written down."""


@dataclass(frozen=True)
class Line:
    """One line: bytes of a client or to it, or what happens there."""

    who: str = ""
    to_client: bool = False
    data: bytes = b""
    mark: str = ""
    seconds: float = 0.0
    action: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)

    @property
    def is_lost(self) -> bool:
        """Whether the other side never gets it."""
        return self.mark == "|"


def read_conversation(text: str) -> list[Line]:
    """Read the lines of a conversation; empty ones and comments are left out."""
    lines = (line.strip() for line in text.splitlines())
    return [read_line(line) for line in lines if line and not line.startswith("#")]


def read_line(text: str) -> Line:
    """Read one line."""
    if text.startswith("["):
        who, _, what = text[1:-1].partition(" ")
        if what == "s":
            return Line(seconds=float(who))
        action, _, arguments = what.partition(" ")
        return Line(who, action=action, arguments=json.loads(arguments or "{}"))
    who, rest = text.split(maxsplit=1)
    rest = re.sub(r"\s#.*", "", rest) if "«" not in rest else rest
    parts = re.findall(r"«(.*?)»|([0-9a-f]+)", rest)
    assert re.sub(r"«.*?»|[0-9a-f]+|\s", "", rest) == "", f"what is this? {text}"
    data = b"".join(bytes.fromhex(number) if number else quoted.encode() for quoted, number in parts)
    name, mark = re.fullmatch(r">?(\w+)>?([|!]?)", who, re.ASCII).groups()  # type: ignore[union-attr]  # or it fails
    return Line(name, who.startswith(">"), data, mark)


def clients_in(lines: Iterable[Line]) -> list[str]:
    """Return who takes part, beside the server."""
    return list(dict.fromkeys(line.who for line in lines if line.who))


def options_of(who: str, lines: Iterable[Line]) -> dict[str, Any]:
    """Return the limits of a client."""
    return next((line.arguments for line in lines if (line.who, line.action) == (who, "options")), {})


def pieces(data: bytes) -> list[bytes]:
    """Take what a side wrote apart: the preface, and each frame."""
    found = []
    while data:
        size = len(PREFACE) if data.startswith(MAGIC) else HEADER_BYTES + int.from_bytes(data[:4], "big")
        found.append(data[:size])
        data = data[size:]
    return found


class Saying:
    """What one side has said, and was not compared yet."""

    def __init__(self, same: Same) -> None:
        self._same = same
        self._pieces: list[bytes] = []

    def add(self, data: bytes) -> None:
        """It said more."""
        self._pieces += pieces(data)

    def differs(self, expected: bytes) -> str:
        """Compare the next piece with what is written down; return how it differs, or nothing."""
        if not self._pieces:
            return f"nothing instead of {expected!r}"
        found = self._pieces.pop(0)
        return "" if self._same(found, expected) else f"{found!r} instead of {expected!r}"

    @property
    def rest(self) -> str:
        """What is not written down."""
        return f"more is said: {self._pieces}" if self._pieces else ""


def replay_server(lines: list[Line], feed: Feed = Link.receive, same: Same = operator.eq) -> str:
    """Let a server live through a conversation; return where it first differs, or nothing."""
    server = Server()
    links: dict[str, ServerLink] = {}
    saying = {who: Saying(same) for who in clients_in(lines)}
    for number, line in enumerate(lines):
        who = line.who
        if line.seconds:
            server.tick(line.seconds)
        elif line.action == "knows":
            server.knows(**line.arguments)
        elif line.action == "cut":
            if saying[who].rest:
                return f"line {number}: {saying[who].rest}"
            links.pop(who).lose(None)
        elif line.data and not line.to_client and not line.is_lost:
            if who not in links:
                links[who] = server.new_link()
            feed(links[who], line.data, server.now_s)
        server.settle()
        for each, link in links.items():
            while data := link.data_to_send(server.now_s):
                saying[each].add(data)
                server.settle()
        if line.to_client and (wrong := saying[who].differs(line.data)):
            return f"line {number}: to {who}: {wrong}"
    return "".join(f"{who}: {each.rest}" for who, each in saying.items() if each.rest)


def replay_client(lines: list[Line], client: ClientProcess, feed: Feed = Link.receive, same: Same = operator.eq) -> str:
    """Let a client live through its part of a conversation; return where it first differs, or nothing."""
    saying = Saying(same)
    for number, line in enumerate(lines):
        if line.seconds:
            client.now_s += line.seconds
            client.link.tick(client.now_s)
        elif line.who != client.name or line.action == "options":
            continue
        elif line.action == "cut":
            if saying.rest:
                return f"line {number}: {saying.rest}"
            client.link.lose(None)
        elif line.action:
            getattr(client, line.action)(**line.arguments)
        elif line.to_client and not line.is_lost:
            feed(client.link, line.data, client.now_s)
        elif not line.to_client and line.data == PREFACE and client.link.has_ended:
            client.connect()
        saying.add(client.said())
        if line.data and not line.to_client and line.mark != "!" and (wrong := saying.differs(line.data)):
            return f"line {number}: {wrong}"
    return saying.rest
