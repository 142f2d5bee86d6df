# SPDX-License-Identifier: MIT
"""The conversation of docs/protocol.md: read out of the page, and lived through by either side."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sigcore.protocol.frames import Kind
from sigcore.protocol.link import Link

from .loopback import ClientProcess, Server

PAGE = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text(encoding="utf-8")

Feed = Callable[[Link, bytes, float], None]
"""Hands bytes to a link, in whatever pieces."""


@dataclass(frozen=True)
class Line:
    """One line of the conversation: bytes of a client or to it, or time that passes."""

    who: str
    to_client: bool
    data: bytes
    seconds: float = 0.0


def conversation() -> list[Line]:
    """Read the conversation out of the page."""
    text = PAGE.split("## A conversation\n", 1)[1]
    blocks = re.findall(r"^```text\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    return [parsed(line) for block in blocks for line in block.splitlines()]


def parsed(line: str) -> Line:
    if line.startswith("["):
        return Line("", False, b"", float(line[1:-1].removesuffix(" s")))
    who, rest = line.split(maxsplit=1)
    parts = re.findall(r"«(.*?)»|([0-9a-f]+)", rest)
    assert re.sub(r"«.*?»|[0-9a-f]+|\s", "", rest) == "", f"what is this? {line}"
    data = b"".join(bytes.fromhex(number) if number else text.encode() for text, number in parts)
    return Line(who.strip(">"), who.startswith(">"), data)


LINES = conversation()
CLIENTS = ("panel", "sensor")
BAD_FRAME = bytes.fromhex("000000001a00000000")


def replay_server(feed: Feed = Link.receive) -> str:
    """Let a server live through the conversation; return where it first differs from the page, or nothing."""
    server = Server()
    links = {who: server.new_link() for who in CLIENTS}
    pending = dict.fromkeys(CLIENTS, b"")
    for number, line in enumerate(LINES):
        if line.seconds:
            server.now_s += line.seconds
            for each in links.values():
                each.tick(server.now_s)
        elif not line.to_client:
            feed(links[line.who], line.data, server.now_s)
        for who, each in links.items():
            pending[who] += each.data_to_send()
        if line.to_client:
            if not pending[line.who].startswith(line.data):
                return f"line {number}: {pending[line.who]!r} instead of {line.data!r}"
            pending[line.who] = pending[line.who][len(line.data) :]
        server.settle()
    return "".join(f"{who} is told more: {data!r}" for who, data in pending.items() if data)


def replay_client(client: ClientProcess, who: str, feed: Feed = Link.receive) -> str:
    """Let a client live through the conversation; return where it first differs from the page, or nothing."""
    steps = panel_does(client) if who == "panel" else sensor_does(client)
    said = b""
    for number, line in enumerate(LINES):
        if line.seconds:
            client.now_s += line.seconds
            client.link.tick(client.now_s)
        elif line.who == who and line.to_client:
            feed(client.link, line.data, client.now_s)
        elif line.who == who and line.data != BAD_FRAME:
            said += client.link.data_to_send()
            if not said:
                next(steps)()
                said += client.link.data_to_send()
            if not said.startswith(line.data):
                return f"line {number}: {said!r} instead of {line.data!r}"
            said = said[len(line.data) :]
    said += client.link.data_to_send()
    left = len(list(steps))
    return f"it says more: {said!r}" if said else f"{left} steps are left" if left else ""


def panel_does(panel: ClientProcess) -> Iterator[Callable[[], object]]:
    """What the panel's user does, one step for each line that it says of itself."""
    listener = None

    def listen() -> None:
        nonlocal listener
        listener = panel.add_listener("thermo", "reading")

    yield listen
    yield lambda: panel.add_listener(None, "#connect")
    yield lambda: panel.request("thermo", "calibrate", {"offset": 0.2})
    yield lambda: panel.request("thermo", "explode", None)
    yield lambda: panel.request("thermo", "calibrate", {"offset": 9})
    yield lambda: panel.link.cancel(5)
    yield lambda: panel.add_listener("thermo", "humidity")
    yield lambda: panel.link.call(Kind.QUERY, b'{"what":"senders","after":""}', panel.take_answer)
    yield lambda: panel.link.call(Kind.QUERY, b'{"what":"peers","skip":0}', panel.take_answer)
    assert listener is not None
    yield listener.remove


def sensor_does(sensor: ClientProcess) -> Iterator[Callable[[], object]]:
    """The same for the sensor."""
    yield lambda: sensor.add_sender("thermo", ["reading", "alarm"], ["calibrate"])
    thermo = sensor.router._senders["thermo"]
    yield lambda: thermo.trigger("reading", {"celsius": 21.5})
    yield lambda: thermo.trigger("reading", {"celsius": 22}, meta={"run": "7"})
    yield lambda: sensor.link.reply(1, b'{"done":true}')
    yield thermo.remove
    yield sensor.link.end
