# SPDX-License-Identifier: MIT
"""The client's end of a link: the handshake, and which session it carries."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from .._errors import RemoteProtocolError
from .._info import Peer
from .bodies import MAX_OFFSET, Fields, read_body
from .client_session import ClientSession
from .frames import VERSION, Kind
from .link import Link, State
from .session import Limits

if TYPE_CHECKING:
    from .._limits import LinkOptions
    from .outbox import Outbox


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
    """

    handlers: ClassVar = {
        State.HANDSHAKE: {Kind.WELCOME: "_on_welcome", Kind.BYE: "_on_bye"},
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
    ) -> None:
        super().__init__(options, now_s)
        self._codec_name = codec_name
        self._outbox = outbox
        self._before = before
        self._up = up
        fields: dict[str, Any] = {
            "versions": [VERSION],
            "codecs": [codec_name],
            "name": name,
            "limits": self._own_limits(),
            "features": [],
        }
        if before is not None:
            fields["session"] = {"id": before.id, "secret": before.secret, "received": before.received}
        self._put_hello(Kind.HELLO, fields)

    def _on_welcome(self, _id: int, body: bytes, now_s: float) -> None:
        fields = read_body("WELCOME", body)
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
        return ClientSession(self.options, accepts, self._outbox, id_, secret, server)
