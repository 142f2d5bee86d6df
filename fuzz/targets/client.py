# SPDX-License-Identifier: MIT
"""The client's end of a link: a server that says anything ends the link at most, and everybody who asked is told."""

from __future__ import annotations

from fuzz.honest import refusal_of
from fuzz.operations import KINDS, read_frame, short_form
from fuzz.supply import Supply, block_of
from fuzz.vectors import conversations, frames
from sigcore._errors import LinkError
from sigcore.protocol.bodies import write_body
from sigcore.protocol.frames import PREFACE, Kind
from sigcore.protocol.link import State
from tests.protocol.loopback import ClientProcess, Server, Wire

DEEDS = (*KINDS, "noise", "wait", "go", "trigger", "deliver", "request", "remove")
MOST_DEEDS = 60
WORDS = [
    PREFACE,
    *(f'"{word}"'.encode() for word in ("version", "codec", "server", "epoch", "limits", "frame", "credit")),
    *(f'"{word}"'.encode() for word in ("session", "resumed", "received", "id", "secret", "topics", "connected")),
    *(f'"{word}"'.encode() for word in ("sender", "event", "events", "peer", "name", "identity", "code", "message")),
    *(f'"{word}"'.encode() for word in ("thermo", "reading", "evil", "count", "cause", "closing", "retry_ms")),
    b"null",
    b"true",
]
MAX_LEN = 2048


def check(data: bytes) -> bool:
    """Let a server do what ``data`` says: from the beginning, or to a client that it has welcomed."""
    client = ClientProcess("client")
    client.add_listener("thermo", replay=2)
    client.add_listener(None, "#connect")
    client.add_sender("evil", ["reading"], ["turn"])
    supply = Supply(data)
    if supply.byte() & 1:
        Wire(Server(), client)
        client.request("thermo", "turn", 1)
    for _ in range(MOST_DEEDS):
        if supply.is_empty:
            break
        do(client, supply.pick(DEEDS), supply)
        client.said()
    accepted = client.link.state is State.UP
    assert refusal_of(client.link) != "internal_error"
    asked = client.request("thermo", "turn", 2) if client.session is not None and not client.link.has_ended else None
    client.link.end("too_slow")
    if client.session is not None:
        client.session.end(LinkError("it did not come back"))
    assert client.session is None
    assert asked is None or client.answers, "nobody was told"
    return accepted


def do(client: ClientProcess, deed: int | str, supply: Supply) -> None:
    """Do one thing."""
    match deed:
        case int(kind):
            client.link.receive(read_frame(kind, supply), client.now_s)
        case "noise":
            client.link.receive(supply.block(), client.now_s)
        case "wait":
            client.now_s += supply.byte() / 20
            client.link.tick(client.now_s)
        case "go":
            client.link.lose(None, client.now_s)
            client.connect()
        case "trigger":
            client.trigger("evil", "reading", supply.byte())
        case "deliver":
            client.deliver("evil", "reading", supply.byte())
        case "request" if client.session is not None:
            client.request("thermo", "turn", supply.byte())
        case "remove" if "evil" in client.router._senders:
            client.remove_sender("evil")
            client.add_sender("evil", ["reading"])


def short(kind: int, id_: int, body: bytes) -> bytes:
    """Return how a frame stands in an input."""
    return bytes([DEEDS.index(Kind(kind))]) + short_form(kind, id_, body)


def seeds() -> list[bytes]:
    """Return what the servers of the conversations say, to a client that is up and from the beginning."""
    begin = b"\x00" + bytes([DEEDS.index("noise")]) + block_of(PREFACE)
    found = []
    for lines in conversations():
        said = [short(*each) for each in frames(lines, to_client=True)]
        found.append((begin + b"".join(said))[:MAX_LEN])
        found.append((b"\x01" + b"".join(said[1:]))[:MAX_LEN])
    topic = short(Kind.TOPIC, 1, write_body({"sender": "thermo", "event": "reading"}))
    event = short(Kind.EVENT, 1, b"1") + short(Kind.GAP, 1, b'{"count":null,"cause":"overflow"}')
    present = short(Kind.PRESENCE, 0, write_body({"sender": "thermo", "events": ["reading"], "connected": True}))
    found.append(b"\x01" + topic + short(Kind.START, 2, b"") + event + present + event)
    found.append(b"\x01" + short(Kind.OK, 1, write_body({"topics": {"reading": 1}})) + bytes([DEEDS.index("trigger")]))
    found.append(b"\x01" + short(Kind.REQUEST, 1, b"\x00\x00\x10\x00\x04evil\x04turn\x00" + b"1"))
    return found
