# SPDX-License-Identifier: MIT
"""Who is there: every way through the handshake, and that no other leads in."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigcore import Evidence, Identity, LinkRefused, NotAuthenticated, Secret
from sigcore._credentials import Credentials
from sigcore.protocol.bodies import read_body
from sigcore.protocol.client_link import ClientLink
from sigcore.protocol.failures import FREE_FAILURES, Failures
from sigcore.protocol.frames import MAGIC, PREFACE, Kind, frame, split_run
from sigcore.protocol.gate import Gate, Verdict
from sigcore.protocol.link import HANDSHAKE_FRAME_BYTES
from sigcore.protocol.medium import Medium
from sigcore.protocol.proofs import client_proof, server_proof, transcript
from sigcore.protocol.server_link import ServerLink

from .loopback import ClientProcess, RawPeer, Server, control, frames_in, hello
from .page import PAGE

SECRET = Secret("correct horse battery staple")
TOKEN = Secret("a-token-of-some-length")
NONCE = "0c" * 16
OPEN = Medium(source="192.0.2.7")
CONFIDENTIAL = Medium(source="192.0.2.7", is_confidential=True)
AS_THERMO = {"method": "secret", "identity": "thermo-7", "nonce": NONCE}


def server(**options: Any) -> Server:
    """Return a server that knows thermo-7 by a secret and a token, and nobody else."""
    made = Server()
    known = {"thermo-7": Identity(SECRET, TOKEN), "other": Identity(Secret("the secret of the other"))}
    made.hub.gate = Gate(known, **options)
    return made


def heard(link: ServerLink, now_s: float = 100.0) -> list[tuple[Kind, dict[str, Any]]]:
    """Return what the server says, acknowledgements left out."""
    frames = [item for item in frames_in(link.data_to_send(now_s)) if item[0] != Kind.ACK]
    return [(kind, dict(read_body(kind.name, body).items())) for kind, _id, body in frames]


def prove(body: bytes, challenge: bytes, secret: Secret = SECRET) -> bytes:
    """Return the PROOF for a HELLO and a CHALLENGE."""
    return control(Kind.PROOF, 0, proof=client_proof(secret, transcript(body, challenge)))


class Knocking:
    """A client that says HELLO with ``auth``, and keeps the challenge.

    Attributes:
        hello: The body of its HELLO.
        challenge: The body of CHALLENGE.
    """

    def __init__(self, at: Server, auth: dict[str, Any] = AS_THERMO, medium: Medium = OPEN) -> None:
        self.link = at.new_link(medium)
        said = hello("knocker", auth=auth)
        ((_kind, _id, self.hello),) = split_run(said.removeprefix(PREFACE))
        self.link.receive(said, at.now_s)
        ((kind, _id, self.challenge),) = frames_in(self.link.data_to_send(at.now_s))
        assert kind == Kind.CHALLENGE
        self.now_s = at.now_s

    def say(self, *frames: bytes) -> None:
        self.link.receive(b"".join(frames), self.now_s)

    def prove(self, secret: Secret = SECRET) -> list[tuple[Kind, dict[str, Any]]]:
        self.say(prove(self.hello, self.challenge, secret))
        return heard(self.link)


# the proofs


def test_the_example_of_the_page_is_right() -> None:
    row = dict(re.findall(r"^\| ([a-zA-Z' ]+) \| `(.*)` \|$", PAGE, re.M))
    secret = Secret(row["secret"])
    about = transcript(row["body of HELLO"].encode(), row["body of CHALLENGE"].encode())
    assert about.hex() == row["transcript"]
    assert client_proof(secret, about) == row["client's proof"]
    assert server_proof(secret, about) == row["server's proof"]


def test_who_proves_to_know_the_secret_is_welcome_under_its_identity() -> None:
    knocking = Knocking(server())
    ((kind, fields),) = knocking.prove()
    assert kind == Kind.WELCOME
    assert fields["identity"] == "thermo-7"
    assert fields["proof"] == server_proof(SECRET, transcript(knocking.hello, knocking.challenge))
    assert knocking.link.peer is not None
    assert knocking.link.peer.identity == "thermo-7"


def refusal(knocking: Knocking, secret: Secret) -> tuple[Kind, dict[str, Any]]:
    (said,) = knocking.prove(secret)
    return said


def test_a_wrong_secret_and_an_unknown_identity_look_the_same_from_outside() -> None:
    wrong = Knocking(server())
    unknown = Knocking(server(), {**AS_THERMO, "identity": "nobody"})
    assert len(wrong.challenge) == len(unknown.challenge)
    kind, fields = refusal(wrong, Secret("another horse entirely"))
    assert (kind, fields["code"]) == (Kind.BYE, "not_authenticated")
    assert (kind, fields) == refusal(unknown, SECRET)
    assert "thermo-7" in str(wrong.link.error)  # the log says which it was
    assert isinstance(wrong.link.error, NotAuthenticated)


def test_the_secret_of_one_proves_nobody_else() -> None:
    kind, _fields = refusal(Knocking(server(), {**AS_THERMO, "identity": "other"}), SECRET)
    assert kind == Kind.BYE


def test_a_handshake_that_is_said_again_proves_nothing() -> None:
    at = server()
    first = Knocking(at)
    proof = prove(first.hello, first.challenge)
    first.say(proof)
    assert first.link.session is not None
    second = Knocking(at)
    assert (second.hello, second.challenge == first.challenge) == (first.hello, False)
    second.say(proof)
    assert second.link.session is None
    assert heard(second.link)[0][0] == Kind.BYE


def test_the_server_s_own_proof_said_back_to_it_proves_nothing() -> None:
    knocking = Knocking(server())
    proof = server_proof(SECRET, transcript(knocking.hello, knocking.challenge))
    knocking.say(control(Kind.PROOF, 0, proof=proof))
    assert heard(knocking.link)[0][0] == Kind.BYE


@pytest.mark.parametrize("proof", ["", "0" * 64, "é" * 64, 7, None, ["x"]])
def test_a_proof_of_any_other_form_proves_nothing(proof: object) -> None:
    knocking = Knocking(server())
    knocking.say(control(Kind.PROOF, 0, proof=proof))
    ((kind, fields),) = heard(knocking.link)
    assert (kind, fields["code"] in ("not_authenticated", "malformed_body")) == (Kind.BYE, True)
    assert knocking.link.session is None


def test_a_proof_that_nobody_asked_for_ends_the_link() -> None:
    link = server().new_link(OPEN)
    link.receive(PREFACE + control(Kind.PROOF, 0, proof="0" * 64), 100.0)
    assert getattr(link.error, "code", None) == "unexpected_kind"


# tokens


def test_a_token_over_a_link_that_nobody_else_reads_lets_its_owner_in() -> None:
    link = server().new_link(CONFIDENTIAL)
    link.receive(hello(auth={"method": "token", "token": "a-token-of-some-length"}), 100.0)
    ((kind, fields),) = heard(link)
    assert (kind, fields["identity"]) == (Kind.WELCOME, "thermo-7")


def test_a_token_over_a_link_that_others_read_is_not_looked_at() -> None:
    link = server().new_link(OPEN)
    link.receive(hello(auth={"method": "token", "token": "a-token-of-some-length"}), 100.0)
    ((kind, fields),) = heard(link)
    assert (kind, fields["code"]) == (Kind.BYE, "not_authenticated")
    assert "others can read" in fields["message"]


@pytest.mark.parametrize("token", ["", "a-token-of-some-lengtH", "a-token-of-some-length ", "é"])
def test_another_token_lets_nobody_in(token: str) -> None:
    link = server().new_link(CONFIDENTIAL)
    link.receive(hello(auth={"method": "token", "token": token}), 100.0)
    assert heard(link)[0][1]["code"] == "not_authenticated"


# without credentials


def test_who_says_nothing_is_let_in_only_where_the_anonymous_are() -> None:
    at = server()
    link = at.new_link(OPEN)
    link.receive(hello(), 100.0)
    ((kind, fields),) = heard(link)
    assert (kind, fields["code"]) == (Kind.BYE, "not_authenticated")
    assert "identity=" in fields["message"]
    peer = RawPeer(server(anonymous=True))
    peer.connect()
    assert peer.session.peer.identity == ""


def test_a_server_that_knows_nobody_lets_everybody_in() -> None:
    made = Server()
    made.hub.gate = Gate({"thermo-7": Identity(groups=("devices",))})
    assert RawPeer(made).connect()["resumed"] is False


def test_who_says_nothing_is_who_its_medium_says() -> None:
    link = server().new_link(Medium(identity="uid:1000", proof="peer_credentials"))
    link.receive(hello(), 100.0)
    assert heard(link)[0][1]["identity"] == "uid:1000"


def test_a_wrong_proof_is_not_made_good_by_the_medium() -> None:
    at = server(anonymous=True)
    knocking = Knocking(at, medium=Medium(identity="uid:1000", proof="peer_credentials"))
    assert knocking.prove(Secret("another horse entirely"))[0][0] == Kind.BYE


def test_what_the_medium_refuses_is_refused_with_its_words() -> None:
    link = server(anonymous=True).new_link(Medium(fault="the certificate has two names"))
    link.receive(hello(), 100.0)
    assert heard(link)[0] == (
        Kind.BYE,
        {"code": "not_authenticated", "message": "the certificate has two names"},
    )


# others are asked


class Asked:
    """Takes down what others are asked, and answers by hand."""

    def __init__(self) -> None:
        self.evidence: list[Evidence] = []
        self.left_s: list[float] = []
        self.tell: Callable[[Verdict, float], None]

    def __call__(self, evidence: Evidence, left_s: float, tell: Callable[[Verdict, float], None]) -> None:
        self.evidence.append(evidence)
        self.left_s.append(left_s)
        self.tell = tell


def test_others_are_asked_about_what_the_server_does_not_know() -> None:
    asked = Asked()
    link = server(ask=asked).new_link(CONFIDENTIAL)
    link.receive(hello("desk", auth={"method": "ldap", "password": "hunter2hunter2"}), 101.0)
    assert heard(link) == []
    (evidence,) = asked.evidence
    assert (evidence.method, evidence.name, evidence.source) == ("ldap", "desk", "192.0.2.7")
    assert evidence.fields["password"] == "hunter2hunter2"
    assert "hunter2" not in repr(evidence)
    assert asked.left_s == [4.0]
    asked.tell(Verdict("alice"), 101.5)
    assert heard(link)[0][1]["identity"] == "alice"


@pytest.mark.parametrize("verdict", [Verdict(), Verdict(fault="it raised")])
def test_whom_the_others_do_not_know_is_not_let_in(verdict: Verdict) -> None:
    asked = Asked()
    link = server(ask=asked, anonymous=True).new_link(OPEN)
    link.receive(hello(auth={"method": "ldap"}), 100.0)
    asked.tell(verdict, 100.0)
    ((_kind, fields),) = heard(link)
    assert fields["code"] == "not_authenticated"
    assert "raised" not in fields["message"]


def test_an_answer_that_comes_too_late_changes_nothing() -> None:
    asked = Asked()
    link = server(ask=asked).new_link(OPEN)
    link.receive(hello(auth={"method": "ldap"}), 100.0)
    assert link.deadline_s() == 105.0
    link.tick(105.0)
    assert heard(link)[0][1]["code"] == "handshake_timeout"
    asked.tell(Verdict("alice"), 106.0)
    assert link.session is None
    assert heard(link) == []


def test_built_in_ways_come_before_others() -> None:
    asked = Asked()
    at = server(ask=asked)
    link = at.new_link(CONFIDENTIAL)
    link.receive(hello(auth={"method": "token", "token": "a-token-of-some-length"}), 100.0)
    assert Knocking(at).prove()[0][0] == Kind.WELCOME
    at.new_link(Medium(identity="uid:1000", proof="peer_credentials")).receive(hello(), 100.0)
    assert asked.evidence == []


# whoever guesses waits


def fail(at: Server, source: str = "192.0.2.7") -> Knocking:
    knocking = Knocking(at, medium=Medium(source=source))
    knocking.prove(Secret("another horse entirely"))
    return knocking


def test_after_five_failures_each_answer_to_a_source_takes_a_second() -> None:
    at = server()
    for _time in range(FREE_FAILURES):
        assert fail(at).link.has_ended
    right = Knocking(at)
    assert right.prove() == []
    assert right.link.deadline_s() == 101.0
    right.link.tick(100.9)
    assert heard(right.link) == []
    right.link.tick(101.0)
    assert heard(right.link, 101.0)[0][0] == Kind.WELCOME
    assert Knocking(at, medium=Medium(source="192.0.2.8")).prove()[0][0] == Kind.WELCOME  # others do not wait


def test_failures_are_forgotten_in_time_and_bounded_in_number() -> None:
    failures = Failures()
    for _time in range(FREE_FAILURES):
        failures.add("2001:db8::1", 0.0)
    assert failures.delay_s("2001:db8::ffff", 1.0) == 1.0  # one attacker has them all
    assert failures.delay_s("2001:db8:0:1::1", 1.0) == 0.0
    assert failures.delay_s("2001:db8::1", 300.0) == 0.0
    for number in range(5000):
        failures.add(f"source {number}", 0.0)
    assert len(failures) == 4096


# nothing gets by


BEFORE_WELCOME = [kind for kind in Kind if kind not in (Kind.HELLO, Kind.PROOF, Kind.BYE)]


@given(kind=st.sampled_from(BEFORE_WELCOME), body=st.binary(max_size=50), challenged=st.booleans())
def test_no_other_frame_is_taken_before_welcome(kind: Kind, body: bytes, challenged: bool) -> None:
    at = server()
    link = Knocking(at).link if challenged else at.new_link(OPEN)
    link.receive((b"" if challenged else PREFACE) + frame(kind, 1, body), 100.0)
    assert getattr(link.error, "code", None) == "unexpected_kind"
    assert at.hub.sessions == {}


@given(data=st.binary(max_size=200), auth=st.dictionaries(st.text(max_size=8), st.text(max_size=40), max_size=4))
def test_whatever_is_said_nobody_is_let_in_by_it(data: bytes, auth: dict[str, str]) -> None:
    at = server()
    for said in (PREFACE + data, PREFACE + frame(Kind.HELLO, 0, data), hello(auth=auth) + data):
        at.new_link(CONFIDENTIAL).receive(said, 100.0)
    assert at.hub.sessions == {}


@pytest.mark.parametrize("size", [HANDSHAKE_FRAME_BYTES + 1, 1 << 31, (1 << 32) - 1])
def test_a_proof_that_claims_to_be_long_is_refused_by_its_head(size: int) -> None:
    knocking = Knocking(server())
    knocking.say(size.to_bytes(4, "big") + bytes([Kind.PROOF]) + bytes(4))
    assert getattr(knocking.link.error, "code", None) == "frame_too_large"


@given(st.text(st.characters(codec="utf-8", exclude_characters='"\\'), min_size=20, max_size=60))
def test_no_error_tells_a_secret_of_the_handshake(secret: str) -> None:
    at = server()
    wrong: list[Any] = [
        secret,
        {"method": "token", "token": [secret]},
        {"method": {"token": secret}},
        {"method": "token", "token": secret},
        {"method": "secret", "identity": "x", "nonce": secret},
        {"method": "secret", "identity": [secret], "nonce": NONCE},
    ]
    for auth in wrong:
        for medium in (OPEN, CONFIDENTIAL):
            link = at.new_link(medium)
            link.receive(hello(auth=auth), 100.0)
            said = link.data_to_send(100.0).decode(errors="replace")
            assert link.has_ended
            assert secret not in said
            assert secret not in str(link.error)


# sessions belong to whoever began them


def test_a_session_goes_on_only_with_whoever_began_it() -> None:
    at = Server()
    at.knows("thermo-7", "correct horse battery staple")
    owner = RawPeer(at, ours={"medium": Medium(identity="uid:1000", proof="peer_credentials")})
    owner.connect()
    owner.add_sender("thermo", ["reading"])
    owner.lose()
    thief = RawPeer(at, ours={"medium": Medium(identity="uid:1001", proof="peer_credentials")})
    stolen = {"id": owner.session.id, "secret": owner.session.secret, "received": owner.received}
    assert thief.connect(session=stolen)["resumed"] is False
    assert RawPeer(at).connect(session=stolen)["resumed"] is False
    assert owner.resume()["resumed"] is True


# the client


def client_link(credentials: Credentials | None) -> ClientLink:
    process = ClientProcess("peer")
    process.credentials = credentials
    process.connect()
    process.said()
    return process.link


def welcome(**more: Any) -> bytes:
    limits = {"frame": 1 << 20, "credit": 1 << 20}
    session = {"id": "01" * 16, "resumed": False, "secret": "02" * 16}
    return control(Kind.WELCOME, 0, version=1, codec="json", limits=limits, session=session, **more)


CHALLENGE = control(Kind.CHALLENGE, 0, nonce="0d" * 16)


@pytest.mark.parametrize(
    "said",
    [
        welcome(),
        welcome(proof="0" * 64),
        CHALLENGE + welcome(),
        CHALLENGE + welcome(proof="0" * 64),
        CHALLENGE + welcome(proof=7),
    ],
)
def test_a_client_with_a_secret_takes_no_server_that_does_not_know_it(said: bytes) -> None:
    link = client_link(Credentials("thermo-7", SECRET))
    link.receive(MAGIC + b"\x01" + said, 100.0)
    assert link.has_ended
    assert link.session is None
    assert getattr(link.error, "code", None) in ("not_authenticated", "malformed_body")
    assert frames_in(link.data_to_send(100.0))[-1][0] == Kind.BYE


def test_a_client_takes_its_own_proof_for_no_server_s() -> None:
    link = client_link(Credentials("thermo-7", SECRET))
    link.receive(PREFACE + CHALLENGE, 100.0)
    ((_kind, _id, body),) = frames_in(link.data_to_send(100.0))
    link.receive(welcome(proof=read_body("PROOF", body).text("proof")), 100.0)
    assert isinstance(link.error, NotAuthenticated)


@pytest.mark.parametrize("nonce", ["", "0d" * 15, "0g" * 16, "0d" * 200])
def test_a_client_answers_no_challenge_that_is_none(nonce: str) -> None:
    link = client_link(Credentials("thermo-7", SECRET))
    link.receive(PREFACE + control(Kind.CHALLENGE, 0, nonce=nonce), 100.0)
    assert getattr(link.error, "code", None) == "malformed_body"


def test_a_client_is_challenged_once_and_only_where_it_offered_a_secret() -> None:
    for credentials, said in ((None, CHALLENGE), (Credentials("thermo-7", SECRET), CHALLENGE + CHALLENGE)):
        link = client_link(credentials)
        link.receive(PREFACE + said, 100.0)
        assert getattr(link.error, "code", None) == "unexpected_kind"


def test_a_client_that_is_refused_hears_why() -> None:
    link = client_link(None)
    link.receive(PREFACE + control(Kind.BYE, 0, code="not_authenticated", message="who are you?"), 100.0)
    assert isinstance(link.error, NotAuthenticated)
    assert isinstance(link.error, LinkRefused)
    assert isinstance(link.error, PermissionError)
    assert "who are you?" in str(link.error)
