# SPDX-License-Identifier: MIT
"""The client's end of a link: the handshake, and which session it carries."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from .._errors import NotAuthenticated, RemoteProtocolError
from .._info import Peer
from .._secret import Secret, token_text
from .bodies import MAX_OFFSET, Fields, read_body, write_body
from .client_session import ClientSession
from .frames import VERSION, Kind
from .hello import IDENTITY
from .link import Link, State
from .proofs import client_proof, is_nonce, is_same, new_nonce, server_proof, transcript
from .session import Limits

if TYPE_CHECKING:
    from .._credentials import Credentials
    from .._limits import LinkOptions
    from .outbox import Outbox

NOT_ASKED = (
    "the server let us in without asking for our secret, so that nobody knows whether it is the right one; if it is, "
    "give it our identity"
)
NOT_THE_SERVER = "the server did not prove that it knows our secret: it is not the right one, or its secret is another"


class ClientLink(Link):
    """A link to a server, at the client.

    Args:
        options: Our limits.
        name: What this router calls itself.
        codec_name: The codec that it asks for.
        outbox: The events that wait for a link, whichever session takes them.
        before: The session that it would go on with.
        up: Called when the handshake is done, before anything else is taken, with the session: ``before``, or a new
            one, which then needs its ``side``.
        now_s: The time.
        credentials: With what it proves who it is; ``None``: it does not.
        nonce: Its part of a challenge: random, and another for each link.
    """

    __slots__ = ("_before", "_codec_name", "_hello", "_outbox", "_secret", "_transcript", "_up")

    handlers: ClassVar = {
        State.HANDSHAKE: {Kind.WELCOME: "_on_welcome", Kind.CHALLENGE: "_on_challenge", Kind.BYE: "_on_bye"},
        State.CHALLENGED: {Kind.WELCOME: "_on_welcome", Kind.BYE: "_on_bye"},
        State.UP: {Kind.PING: "_on_ping", Kind.PONG: "_on_pong", Kind.ACK: "_on_ack", Kind.BYE: "_on_bye"},
    }
    opens: ClassVar = True

    def __init__(
        self,
        options: LinkOptions,
        name: str,
        codec_name: str,
        outbox: Outbox,
        before: ClientSession | None,
        up: Callable[[ClientSession], None],
        now_s: float,
        credentials: Credentials | None = None,
        nonce: str = "",
    ) -> None:
        super().__init__(options, now_s)
        self._secret: Secret | None = None
        self._transcript = b""
        self._codec_name = codec_name
        self._outbox = outbox
        self._before = before
        self._up = up
        fields: dict[str, Any] = {
            "versions": [VERSION],
            "codecs": [codec_name],
            "name": name,
            "limits": self._own_limits(),
            "features": [IDENTITY],
        }
        if before is not None:
            fields["session"] = {"id": before.id, "secret": before.secret, "received": before.received}
        if credentials is not None:
            self._secret = credentials.secret
            fields["auth"] = _auth(credentials, nonce or new_nonce())
        self._hello = write_body(fields)
        self.put_slot(Kind.HELLO, self._hello)

    def _on_challenge(self, _id: int, body: bytes, _now_s: float) -> None:
        if self._secret is None:
            raise RemoteProtocolError("CHALLENGE came, though no secret was offered", code="unexpected_kind")
        if not is_nonce(read_body("CHALLENGE", body).text("nonce")):
            raise RemoteProtocolError(
                "CHALLENGE: the nonce must be 32 to 256 hexadecimal digits", code="malformed_body"
            )
        self._transcript = transcript(self._hello, body)
        self.state = State.CHALLENGED
        self.put_slot(Kind.PROOF, write_body({"proof": client_proof(self._secret, self._transcript)}))

    def _doubt(self, welcome: Fields) -> str:
        """Return why this is not the right server, where that can be known; else nothing."""
        if self._secret is None:
            return ""
        if self.state is not State.CHALLENGED:
            return NOT_ASKED
        right = is_same(welcome.text("proof", ""), server_proof(self._secret, self._transcript))
        return "" if right else NOT_THE_SERVER

    def _on_welcome(self, _id: int, body: bytes, now_s: float) -> None:
        fields = read_body("WELCOME", body)
        if doubt := self._doubt(fields):
            self.end("not_authenticated", doubt, error=NotAuthenticated(doubt))
            return
        if fields.integer("version") != VERSION:
            text = f"the server chose version {fields.integer('version')} of the wire, offered was {VERSION}"
            raise RemoteProtocolError(text, code="version")
        if fields.text("codec") != self._codec_name:
            text = f"the server chose the codec {fields.text('codec')!r}, offered was {self._codec_name!r}"
            raise RemoteProtocolError(text, code="codec")
        limits = fields.fields("limits")
        accepts = Limits(limits.integer("frame", least=512), limits.integer("credit", least=1))
        described = fields.fields("session")
        received = 0
        if described.flag("resumed"):
            session, received = self._go_on(described, accepts)
        else:
            session = self._begin_new(fields, described, accepts)
        self._outbox.longest = accepts.max_frame
        self._up(session)
        self._come_up(session, received, now_s)

    def _go_on(self, described: Fields, accepts: Limits) -> tuple[ClientSession, int]:
        before, received = self._before, described.integer("received", most=MAX_OFFSET)
        if before is None or described.text("id") != before.id or accepts != before.peer_limits:
            raise RemoteProtocolError("WELCOME resumes a session that is not ours", code="malformed_body")
        if not before.can_go_on_from(received):
            text = f"WELCOME has received up to offset {received}, which was never written or is forgotten"
            error = RemoteProtocolError(text, code="bad_ack")
            before.end(error)  # or the next link would come to the same
            raise error
        return before, received

    def _begin_new(self, fields: Fields, described: Fields, accepts: Limits) -> ClientSession:
        server = Peer(fields.text("name", ""))
        id_, secret = described.text("id", ""), described.text("secret", "")
        session = ClientSession(self.options, accepts, self._outbox, id_, secret, server)
        session.identity = fields.text("identity", "")
        session.hears_identity = IDENTITY in fields.texts("features")
        return session


def _auth(credentials: Credentials, nonce: str) -> dict[str, str]:
    if credentials.token is not None:
        return {"method": "token", "token": token_text(credentials.token)}
    return {"method": "secret", "identity": credentials.identity, "nonce": nonce}
