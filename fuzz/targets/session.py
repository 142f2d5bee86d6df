# SPDX-License-Identifier: MIT
"""A server's sessions: two clients that say anything, go and come back; two honest ones notice nothing."""

from __future__ import annotations

from fuzz.honest import HonestPair, refusal_of
from fuzz.operations import KINDS, read_frame, short_form
from fuzz.supply import Supply, block_of
from fuzz.vectors import conversations, frames
from sigcore.protocol.bodies import write_body, write_request
from sigcore.protocol.frames import Kind
from sigcore.protocol.link import State
from tests.protocol.loopback import RawPeer, Server

DEEDS = (*KINDS, "noise", "read", "wait", "go", "come back", "lie", "speak")
MOST_DEEDS = 60
WORDS = [
    *(f'"{word}"'.encode() for word in ("sender", "event", "events", "requests", "fallback", "keep", "policy")),
    *(f'"{word}"'.encode() for word in ("replay", "what", "after", "skip", "code", "message", "thermo", "reading")),
    *(f'"{word}"'.encode() for word in ("evil", "#connect", "#disconnect", "#console", "#server", "senders", "peers")),
    *(f'"{word}"'.encode() for word in ("block", "latest", "drop_oldest", "disconnect", "count", "cause", "topics")),
    b"null",
    b"true",
    b"\x06thermo\x04turn\x00",
]
MAX_LEN = 2048


def check(data: bytes) -> bool:
    """Let two clients do what ``data`` says."""
    server = Server()
    pair = HonestPair(server)
    evil = [server.connect("evil", event_queue=400, control_queue=2000), server.connect("twin", codec="upper")]
    everyone = list(evil)
    supply = Supply(data)
    for _ in range(MOST_DEEDS):
        if supply.is_empty:
            break
        choice = supply.byte()
        do(evil[choice & 1], DEEDS[(choice >> 1) % len(DEEDS)], supply, pair)
        if choice & 1 == 0 and evil[0].link.has_ended and supply.byte() & 1:
            evil[0] = server.connect("again")
            everyone.append(evil[0])
    accepted = all(peer.link.state is State.UP for peer in evil)
    pair.exchange()
    for peer in everyone:
        assert refusal_of(peer.link) != "internal_error"
        peer.lose()
    pair.check_alone_again()
    return accepted


def do(peer: RawPeer, deed: int | str, supply: Supply, pair: HonestPair) -> None:
    """Do one thing."""
    match deed:
        case int(kind):
            peer.say(read_frame(kind, supply))
        case "noise":
            peer.say(supply.block())
        case "read" | "speak":
            peer.hear()
            if deed == "read" and peer.link.state is State.UP:
                peer.acknowledge()
        case "wait":
            pair.wait(supply.byte() / 50)
        case "go":
            peer.lose()
        case "come back":
            come_back(peer)
        case "lie":
            come_back(peer, received=supply.byte())


def come_back(peer: RawPeer, **lie: int) -> None:
    """Begin another link, although the one before may not have been lost yet."""
    before = peer.link
    peer.resume(**lie)
    before.lose(None)


def short(kind: int, id_: int, body: bytes, *, twin: bool = False) -> bytes:
    """Return how a frame of one of the two stands in an input."""
    return bytes([DEEDS.index(Kind(kind)) << 1 | twin]) + short_form(kind, id_, body)


def act(deed: str, *more: int, twin: bool = False) -> bytes:
    """Return how something else that one of the two does stands in an input."""
    return bytes([DEEDS.index(deed) << 1 | twin, *more])


def seeds() -> list[bytes]:
    """Return what the clients of the conversations do, and a few courses of events of more than one client."""
    found = []
    for lines in conversations():
        said = [short(*each) for each in frames(lines, to_client=False) if each[0] != Kind.HELLO]
        found.append(b"".join(said)[:MAX_LEN])
    add = short(Kind.ADD_SENDER, 1, write_body({"sender": "evil", "events": ["a", "b"], "keep": {"a": 2}}))
    listen = short(Kind.LISTEN, 1, write_body({"sender": "evil", "policy": "latest", "replay": 2}), twin=True)
    all_of = short(Kind.LISTEN, 2, write_body({"sender": None, "event": None}), twin=True)
    event = short(Kind.EVENT, 2, b'"x"') + short(Kind.GAP, 3, b'{"count":1,"cause":"overflow"}')
    ask = short(Kind.REQUEST, 9, write_request("thermo", "turn", "", 5000, b"1"))
    presence = short(Kind.LISTEN, 3, write_body({"sender": None, "event": "#connect"}), twin=True)
    found.append(add + listen + event * 3 + act("read", twin=True) + act("wait", 10) + event)
    found.append(all_of + presence + add + event + act("go") + act("wait", 200) + act("come back") + event)
    found.append(ask + short(Kind.CANCEL, 9, b"") + short(Kind.REPLY, 1, b"1") + act("lie", 3))
    found.append(act("noise") + block_of(b"\x00\x00\x00\x05\x21") + act("come back"))
    return found
