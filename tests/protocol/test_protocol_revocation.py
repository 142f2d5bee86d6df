# SPDX-License-Identifier: MIT
"""A secret or a token is taken away: whoever came in by it is out, and nobody else."""

from __future__ import annotations

from typing import Any

import pytest

from sigcore import Identity, NotAuthenticated, Secret
from sigcore.protocol.bodies import read_body
from sigcore.protocol.frames import PREFACE, Kind, split_run
from sigcore.protocol.gate import Gate
from sigcore.protocol.medium import Medium
from sigcore.protocol.proofs import client_proof, transcript
from sigcore.protocol.revocation import TAKEN_AWAY, end_revoked

from .loopback import RawPeer, Server, control, frames_in, hello

SECRET, OTHER_SECRET = Secret("correct horse battery staple"), Secret("another horse of the same stable")
TOKEN, OTHER_TOKEN = Secret("a-token-of-some-length"), Secret("another-token-of-its-own")
BY_USER = Medium(is_confidential=True, identity="uid:1000", proof="peer_credentials")
KNOWN = {"thermo": Identity(SECRET, TOKEN), "desk": Identity(OTHER_SECRET, OTHER_TOKEN)}


def a_server() -> Server:
    at = Server()
    at.hub.gate = Gate(KNOWN, anonymous=True)
    return at


def by_token(at: Server, token: Secret, **more: Any) -> RawPeer:
    peer = RawPeer(at, ours={"medium": BY_USER})
    peer.connect(auth={"method": "token", "token": token.reveal().decode()}, **more)
    return peer


class Challenged:
    """A client with a secret that was challenged, and has not answered yet."""

    def __init__(self, at: Server, identity: str) -> None:
        self.peer = RawPeer(at, ours={"medium": BY_USER})
        self.link = self.peer.link = at.new_link(BY_USER)
        said = hello(auth={"method": "secret", "identity": identity, "nonce": "0c" * 16})
        self.peer.say(said)
        ((_kind, _id, challenge),) = frames_in(self.link.data_to_send(at.now_s))
        ((_kind_said, _id, body),) = split_run(said.removeprefix(PREFACE))
        self._about = transcript(body, challenge)

    def prove(self, secret: Secret) -> Kind:
        """Answer; return what the server says to that."""
        self.peer.say(control(Kind.PROOF, 0, proof=client_proof(secret, self._about)))
        (kind, _id, _body), *_ = self.peer.hear()
        return Kind(kind)


def by_secret(at: Server, identity: str, secret: Secret) -> RawPeer:
    challenged = Challenged(at, identity)
    assert challenged.prove(secret) == Kind.WELCOME
    return challenged.peer


def revoke(at: Server, known: dict[str, Identity]) -> int:
    at.hub.gate.replace(known)
    ended = end_revoked(at.hub)
    at.settle()
    return ended


def farewell(peer: RawPeer) -> tuple[str, str]:
    """Return the code and the text of the BYE that came."""
    (body,) = [body for kind, _id, body in peer.hear() if kind == Kind.BYE]
    fields = read_body("BYE", body)
    return fields.text("code"), fields.text("message")


@pytest.mark.parametrize(
    "left",
    [
        {"desk": KNOWN["desk"]},
        {**KNOWN, "thermo": Identity(groups=("devices",))},
        {**KNOWN, "thermo": Identity(Secret("the secret that is new"), Secret("the-token-that-is-new"))},
        {"thermo": KNOWN["desk"], "desk": KNOWN["thermo"]},
    ],
)
@pytest.mark.parametrize("by", ["token", "secret"])
def test_who_came_by_what_was_taken_away_is_out_and_hears_why(left: dict[str, Identity], by: str) -> None:
    at = a_server()
    peer = by_token(at, TOKEN) if by == "token" else by_secret(at, "thermo", SECRET)
    peer.add_sender("thermo", ["reading"])
    assert revoke(at, left) == 1
    assert farewell(peer) == ("not_authenticated", TAKEN_AWAY)
    assert isinstance(peer.link.error, NotAuthenticated)
    assert at.local.present == []
    assert not at.hub.sessions


def test_who_came_by_anything_else_stays() -> None:
    at = a_server()
    in_by_user, anonymous = RawPeer(at, ours={"medium": BY_USER}), RawPeer(at)
    in_by_user.connect()
    anonymous.connect()
    staying = [by_token(at, OTHER_TOKEN), by_secret(at, "desk", OTHER_SECRET), in_by_user, anonymous]
    assert revoke(at, {"desk": KNOWN["desk"]}) == 0
    assert [peer.link.has_ended for peer in staying] == [False] * 4


def test_a_token_that_is_gone_takes_nothing_from_who_came_by_the_secret() -> None:
    at = a_server()
    thief, owner = by_token(at, TOKEN), by_secret(at, "thermo", SECRET)
    assert revoke(at, {**KNOWN, "thermo": Identity(SECRET)}) == 1
    assert (thief.link.has_ended, owner.link.has_ended) == (True, False)


def test_the_same_secret_read_again_changes_nothing() -> None:
    at = a_server()
    peer = by_secret(at, "thermo", SECRET)
    assert revoke(at, {"thermo": Identity(Secret(SECRET.reveal()), groups=("devices",))}) == 0
    assert not peer.link.has_ended


def test_a_session_without_a_link_is_over_too() -> None:
    at = a_server()
    thief = by_token(at, TOKEN)
    thief.add_sender("thermo", ["reading"])
    thief.lose()
    assert at.local.present == ["thermo"]
    assert revoke(at, {"desk": KNOWN["desk"]}) == 1
    assert at.local.present == []
    assert not at.hub.sessions


def test_what_counts_is_by_what_the_last_link_came() -> None:
    at = a_server()
    peer = by_token(at, TOKEN)
    session = {"id": peer.session.id, "secret": peer.session.secret, "received": peer.received}
    new_token = Identity(token=Secret("the-token-that-is-new"))
    both = {"thermo": Identity(SECRET, TOKEN), "thermo-by-hand": new_token}
    at.hub.gate.replace(both)
    again = by_token(at, TOKEN, session=session)
    assert again.session is peer.session
    assert revoke(at, {"thermo": new_token}) == 1
    assert again.link.has_ended


def test_a_session_is_not_to_be_had_by_what_was_taken_away() -> None:
    at = a_server()
    thief = by_token(at, TOKEN)
    session = {"id": thief.session.id, "secret": thief.session.secret, "received": thief.received}
    thief.lose()
    at.hub.gate.replace({**KNOWN, "thermo": Identity(SECRET)})  # and nobody has looked at the sessions yet
    again = RawPeer(at, ours={"medium": BY_USER})
    again.link = at.new_link(BY_USER)
    again.say(hello(auth={"method": "token", "token": TOKEN.reveal().decode()}, session=session))
    assert farewell(again)[0] == "not_authenticated"


def test_who_is_half_way_in_must_prove_what_holds_by_then() -> None:
    at = a_server()
    early, late = Challenged(at, "thermo"), Challenged(at, "thermo")
    revoke(at, {"thermo": Identity(OTHER_SECRET)})
    assert early.prove(SECRET) == Kind.BYE
    assert late.prove(OTHER_SECRET) == Kind.WELCOME
