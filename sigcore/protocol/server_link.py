# SPDX-License-Identifier: MIT
"""The server's end of a link: the handshake, and which session it carries."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from .._errors import NotAuthenticated, RemoteProtocolError
from .._identity import Evidence
from .._info import Peer
from .._shown import shown
from .bodies import MAX_OFFSET, read_body, write_body
from .frames import VERSION, Kind
from .gate import Verdict
from .hello import IDENTITY, NO_RESUME, Hello, read_hello
from .link import Link, State
from .medium import ANY, Medium
from .proofs import client_proof, is_same, server_proof, transcript
from .server_session import ServerSession

if TYPE_CHECKING:
    from .._limits import LinkOptions
    from .._secret import Secret
    from .hub import Hub

NOT_PROVEN = "who you are is not proven: the identity is not known here, or its secret or token is another"
"""The same for whatever is wrong, so that nobody learns which identities there are."""

SAY_WHO = "this server takes only those who say who they are: give identity= and secret=, or token="
READABLE = (
    "a token came over a link that others can read; it was not looked at and should be changed. Connect by tls:// or a "
    "Unix socket, or give identity= and secret="
)
UNKNOWN_FOR_NOW = "who you are cannot be found out at the moment; the server's log says why"


class ServerLink(Link):
    """One client's link, at the server.

    Attributes:
        endpoint: Where it came in.
        peer: Who is at the other end; ``None`` until the handshake is done.
        medium: What carries it.
    """

    __slots__ = (
        "_check_due_s",
        "_due_check",
        "_hello",
        "_hub",
        "_proof",
        "_transcript",
        "endpoint",
        "medium",
        "peer",
    )

    handlers: ClassVar = {
        State.HANDSHAKE: {Kind.HELLO: "_on_hello", Kind.BYE: "_on_bye"},
        State.CHALLENGED: {Kind.PROOF: "_on_proof", Kind.BYE: "_on_bye"},
        State.CHECKING: {Kind.BYE: "_on_bye"},
        State.UP: {Kind.PING: "_on_ping", Kind.PONG: "_on_pong", Kind.ACK: "_on_ack", Kind.BYE: "_on_bye"},
    }
    opens: ClassVar = False

    def __init__(self, hub: Hub, options: LinkOptions, endpoint: str, now_s: float, medium: Medium = ANY) -> None:
        super().__init__(options, now_s)
        self._hub = hub
        self.endpoint = endpoint
        self.medium = medium
        self.peer: Peer | None = None
        self._hello: Hello | None = None
        self._transcript = b""
        self._proof = ""
        self._due_check: Callable[[float], None] | None = None  # what is to be looked at later
        self._check_due_s = 0.0

    def turn_away(self, error: RemoteProtocolError) -> None:
        """End it because there is no room, perhaps before the other side has said a word."""
        if self.state is State.PREFACE:
            self.state = State.HANDSHAKE  # so that it is told why
        self.fail(error)

    def receive(self, data: bytes, now_s: float, most: int = sys.maxsize) -> bool:
        """Take bytes from the carrier (see ``Link.receive``)."""
        self._hub.now_s = now_s
        return super().receive(data, now_s, most)

    def tick(self, now_s: float) -> None:
        """Do what is due by the clock."""
        self._hub.now_s = now_s
        check = self._due_check
        if check is not None and now_s >= self._check_due_s and self.state is State.CHECKING:
            self._due_check = None
            self._safely(lambda: check(now_s))
        super().tick(now_s)

    def deadline_s(self) -> float | None:
        """Return when ``tick`` is due next; ``None`` when the link has ended."""
        due = super().deadline_s()
        return due if due is None or self._due_check is None else min(due, self._check_due_s)

    def lose(self, cause: BaseException | None, now_s: float | None = None) -> None:
        """Take down that the carrier lost the connection; the session's grace time begins now."""
        if now_s is not None:
            self._hub.now_s = now_s
        super().lose(cause, now_s)

    def _on_hello(self, _id: int, body: bytes, now_s: float) -> None:
        hello = self._hello = read_hello(body, self._hub.codecs)
        if self.medium.fault:
            self._refuse(self.medium.fault)
        elif hello.method == "secret":
            challenge = write_body({"nonce": self._hub.gate.new_nonce()})
            self._transcript = transcript(body, challenge)
            self.state = State.CHALLENGED
            self.put_slot(Kind.CHALLENGE, challenge)
        else:
            self._check_by(self._check_hello, now_s)

    def _on_proof(self, _id: int, body: bytes, now_s: float) -> None:
        self._proof = read_body("PROOF", body).text("proof")
        self._check_by(self._check_proof, now_s)

    # who is there

    def _check_by(self, check: Callable[[float], None], now_s: float) -> None:
        """Look at what was said: at once, but later where too much was wrong that came from there."""
        self.state = State.CHECKING
        delay_s = self._hub.gate.failures.delay_s(self._origin, now_s) if self._said.method else 0.0
        if delay_s:
            self._due_check, self._check_due_s = check, now_s + delay_s
        else:
            check(now_s)

    def _check_proof(self, now_s: float) -> None:
        identity = self._said.auth["identity"]
        secret = self._hub.gate.secret_of(identity)
        if is_same(self._proof, client_proof(secret, self._transcript)):
            self._welcome(identity, now_s, secret, {"proof": server_proof(secret, self._transcript)})
        else:
            self._refuse_guess(f"identity {shown(identity)} is not known here, or its secret is another", now_s)

    def _check_hello(self, now_s: float) -> None:
        hello, medium, gate = self._said, self.medium, self._hub.gate
        identity, token = "" if hello.method else medium.identity, None
        if hello.method == "token":
            if not medium.is_confidential:
                self._refuse(READABLE)
                return
            identity, token = gate.find_owner(hello.auth["token"]) or ("", None)
        if identity:
            self._welcome(identity, now_s, token)
        elif gate.ask is not None:
            left_s = self._started_s + self.options.handshake_timeout - now_s
            gate.ask(self._evidence(), left_s, self.decide)
        else:
            self._decide(Verdict(), now_s)

    def _evidence(self) -> Evidence:
        hello, medium = self._said, self.medium
        return Evidence(
            hello.method,
            hello.auth,
            hello.name,
            self.endpoint,
            medium.source,
            medium.proven,
            medium.is_confidential,
        )

    def decide(self, verdict: Verdict, now_s: float) -> None:
        """Take what others know of whoever is there; too late, it does nothing."""
        self._hub.now_s = now_s
        if self.state is State.CHECKING:
            self._safely(lambda: self._decide(verdict, now_s))

    def _decide(self, verdict: Verdict, now_s: float) -> None:
        method = self._said.method
        if verdict.fault:
            self._refuse(UNKNOWN_FOR_NOW, verdict.fault)
        elif verdict.identity or (not method and self._hub.gate.allows_anonymous):
            self._welcome(verdict.identity, now_s)
        elif method:
            self._refuse_guess(f"nobody knows what came by the method {shown(method)}", now_s)
        else:
            self._refuse(SAY_WHO)

    def _refuse_guess(self, detail: str, now_s: float) -> None:
        self._hub.gate.failures.add(self._origin, now_s)
        self._refuse(NOT_PROVEN, detail)

    def _refuse(self, text: str, detail: str = "") -> None:
        """End the link; the other side is told nothing of ``detail``, which is for the log."""
        name, source = self._said.name, self.medium.source
        whose = f"{shown(name)} from {source}" if source else shown(name)
        self.end("not_authenticated", text, error=NotAuthenticated(f"{whose}: {detail or text}"))

    @property
    def _said(self) -> Hello:
        assert self._hello is not None
        return self._hello

    @property
    def _origin(self) -> str:
        """Where failures are counted: the address, or what there is instead."""
        return self.medium.source or self.medium.identity or self.endpoint

    # the session

    def _welcome(
        self,
        identity: str,
        now_s: float,
        credential: Secret | None = None,
        proof: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        hello = self._said
        self.peer = Peer(hello.name, identity, self.endpoint)
        session, received = self._session_of_before(hello)
        self._hub.refuse_if_crowded(identity, session)
        resumes = session is not None
        if session is None:
            session = ServerSession(self._hub, self.options, hello.accepts, hello.codec, self.peer)
            session.tells_identity = IDENTITY in hello.features
            self._hub.enter_session(session, self.medium)
        session.credential = credential
        session.may_resume = NO_RESUME not in hello.features
        fields: dict[str, Any] = {
            "version": VERSION,
            "codec": hello.codec.name,
            "name": self._hub.name,
            "server": self._hub.server_id,
            "epoch": self._hub.epoch,
            "limits": self._own_limits(),
            "features": hello.features,
            "session": self._described(session, resumes),
        }
        self._put_hello(Kind.WELCOME, {**fields, **({"identity": identity} if identity else {}), **proof})
        self._come_up(session, received, now_s)
        self._hub.session_attached(session, self.medium)

    def _session_of_before(self, hello: Hello) -> tuple[ServerSession | None, int]:
        """Return the session that the client asks for, taken from the link that carries it still, and what it has."""
        asked = hello.session
        if asked is None:
            return None, 0
        received = asked.integer("received", most=MAX_OFFSET)
        session = self._hub.find_session(asked.text("id"), asked.text("secret"))
        if session is None or not session.can_go_on_from(received) or self._terms_of(session) != self._terms(hello):
            return None, 0
        if session.link is not None:
            session.link.give_up_session()
        return session, received

    def _terms(self, hello: Hello) -> tuple[object, ...]:
        """Return what a session fixes, as it would be for this link; whose it is comes first."""
        identity = self.peer.identity if self.peer is not None else ""
        return identity, hello.codec.name, hello.accepts, self.options, IDENTITY in hello.features

    @staticmethod
    def _terms_of(session: ServerSession) -> tuple[object, ...]:
        of = session
        return of.peer.identity, of.codec.name, of.peer_limits, of.options, of.tells_identity

    @staticmethod
    def _described(session: ServerSession, resumes: bool) -> dict[str, Any]:
        if resumes:
            return {"id": session.id, "resumed": True, "received": session.received}
        return {"id": session.id, "resumed": False, "secret": session.secret}
