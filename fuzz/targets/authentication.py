# SPDX-License-Identifier: MIT
"""A server that lets in only who proves to be somebody: nothing that a stranger says, in any order, is such a proof."""

from __future__ import annotations

import json

import sigcore
from fuzz.honest import HonestPair, refusal_of
from fuzz.supply import Supply, block_of
from sigcore.protocol.bodies import write_body
from sigcore.protocol.frames import PREFACE, Kind, frame
from sigcore.protocol.gate import Gate
from sigcore.protocol.link import State
from sigcore.protocol.medium import Medium
from sigcore.protocol.proofs import client_proof, transcript
from sigcore.protocol.server_link import ServerLink
from tests.protocol.loopback import Server, frames_in

SECRET = sigcore.Secret(b"a secret of more than 16 bytes")
IDENTITIES = {"thermo-7": sigcore.Identity(secret=SECRET), "panel": sigcore.Identity(token=sigcore.Secret(b"t" * 20))}
DEEDS: tuple[int | str, ...] = (
    Kind.HELLO,
    Kind.PROOF,
    Kind.CHALLENGE,
    Kind.BYE,
    Kind.PING,
    Kind.ADD_SENDER,
    0x80,
    "prove",
    "wait",
)
MEDIA = (Medium(is_confidential=True), Medium(), Medium(identity="uid:1000", proof="peer_credentials"))
BASE = {"versions": [1], "codecs": ["json"], "name": "x", "limits": {"frame": 65536, "credit": 65536}, "features": []}
WORDS = [
    b'"auth":',
    b'"method":',
    b'"token"',
    b'"secret"',
    b'"identity":',
    b'"thermo-7"',
    b'"panel"',
    b'"nonce":',
    b'""',
]
WORDS += [b'"' + b"0" * 32 + b'"', b'"' + b"0" * 64 + b'"', b'"proof":', b"null", b"\xc3\xa9", b'"uid:1000"', b'"t"']
MAX_LEN = 1024


def check(data: bytes) -> bool:
    """Let a stranger say what ``data`` says; the secret is used only where it says "prove"."""
    server = Server()
    pair = HonestPair(server)
    server.hub.gate = Gate(IDENTITIES, anonymous=False)
    supply = Supply(data)
    medium = supply.pick(MEDIA)
    stranger = Stranger(server, server.new_link(medium))
    for _ in range(12):
        if supply.is_empty or stranger.link.has_ended:
            break
        stranger.do(supply.pick(DEEDS), supply)
    assert refusal_of(stranger.link) != "internal_error"
    is_in = stranger.link.state is State.UP
    if is_in:
        assert stranger.link.peer is not None
        assert stranger.link.peer.identity == ("thermo-7" if stranger.has_proven else medium.identity) != ""
    pair.wait(5.0)
    assert is_in or stranger.link.has_ended, "a handshake is held open"
    server.hub.gate = Gate()
    stranger.link.lose(None)
    pair.check_alone_again()
    return is_in


class Stranger:
    """Somebody at the door.

    Args:
        server: The server.
        link: Its end of the link.
    """

    def __init__(self, server: Server, link: ServerLink) -> None:
        self._server = server
        self.link = link
        self.has_proven = False
        self._hello = b""
        self._challenge = b""
        self._say(PREFACE)

    def do(self, deed: int | str, supply: Supply) -> None:
        """Do one thing."""
        match deed:
            case int(kind):
                body = supply.block()
                if kind == Kind.HELLO:
                    self._hello = body
                self._say(frame(kind, 0, body))
            case "prove":
                self.has_proven = True
                proof = client_proof(SECRET, transcript(self._hello, self._challenge))
                self._say(frame(Kind.PROOF, 0, write_body({"proof": proof})))
            case "wait":
                self._server.tick(supply.byte() / 100)

    def _say(self, data: bytes) -> None:
        self.link.receive(data, self._server.now_s)
        for kind, _id, body in frames_in(self.link.data_to_send(self._server.now_s)):
            if kind == Kind.CHALLENGE:
                self._challenge = body


def seeds() -> list[bytes]:
    """Return attempts by each method, one of them good."""

    def hello(**auth: str) -> bytes:
        return b"\x00" + block_of(json.dumps({**BASE, **({"auth": auth} if auth else {})}).encode())

    secret = hello(method="secret", identity="thermo-7", nonce="0" * 32)
    wrong = b"\x01" + block_of(write_body({"proof": "0" * 64}))
    prove, wait = bytes([DEEDS.index("prove")]), bytes([DEEDS.index("wait"), 200])
    found = [secret + prove, secret + wrong, secret + wait + secret, hello(), hello(method="token", token="x" * 20)]
    found += [hello(method="ldap", user="x"), hello(method="secret", identity="nobody", nonce="0" * 32) + prove, prove]
    return [b"\x00" + each for each in found] + [b"\x01" + hello(method="token", token="x" * 20), b"\x02" + hello()]
