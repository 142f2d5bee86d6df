# SPDX-License-Identifier: MIT
"""The server's end of a link: the handshake, and which session it carries."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, ClassVar

from .._errors import RemoteProtocolError
from .._info import Peer
from .._names import MAX_NAME_BYTES
from .bodies import MAX_OFFSET, Fields, cut_text, read_body
from .frames import VERSION, Kind
from .link import Link, State
from .medium import ANY, Medium
from .server_session import ServerSession
from .session import Limits

if TYPE_CHECKING:
    from .._codec import Codec
    from .._limits import LinkOptions
    from .hub import Hub

NO_RESUME = "no_resume"
"""The feature of a client that keeps nothing of what it wrote, so that it goes on with no session."""


class ServerLink(Link):
    """One client's link, at the server.

    Attributes:
        endpoint: Where it came in.
        peer: Who is at the other end; ``None`` until the handshake is done.
        medium: What carries it.
    """

    __slots__ = ("_hub", "endpoint", "medium", "peer")

    handlers: ClassVar = {
        State.HANDSHAKE: {Kind.HELLO: "_on_hello", Kind.BYE: "_on_bye"},
        State.UP: {Kind.PING: "_on_ping", Kind.PONG: "_on_pong", Kind.ACK: "_on_ack", Kind.BYE: "_on_bye"},
    }
    opens: ClassVar = False

    def __init__(self, hub: Hub, options: LinkOptions, endpoint: str, now_s: float, medium: Medium = ANY) -> None:
        super().__init__(options, now_s)
        self._hub = hub
        self.endpoint = endpoint
        self.medium = medium
        self.peer: Peer | None = None

    def receive(self, data: bytes, now_s: float, most: int = sys.maxsize) -> bool:
        """Take bytes from the carrier (see ``Link.receive``)."""
        self._hub.now_s = now_s
        return super().receive(data, now_s, most)

    def tick(self, now_s: float) -> None:
        """Do what is due by the clock."""
        self._hub.now_s = now_s
        super().tick(now_s)

    def lose(self, cause: BaseException | None, now_s: float | None = None) -> None:
        """Take down that the carrier lost the connection; the session's grace time begins now."""
        if now_s is not None:
            self._hub.now_s = now_s
        super().lose(cause, now_s)

    def _on_hello(self, _id: int, body: bytes, now_s: float) -> None:
        fields = read_body("HELLO", body)
        if VERSION not in fields.integers("versions"):
            offered = fields.integers("versions")
            raise RemoteProtocolError(
                f"the client speaks versions {offered} of the wire, this server version {VERSION}", code="version"
            )
        codec = self._choose_codec(fields.texts("codecs"))
        limits = fields.fields("limits")
        accepts = Limits(limits.integer("frame", least=512), limits.integer("credit", least=1))
        self.peer = Peer(cut_text(fields.text("name", ""), MAX_NAME_BYTES), self.medium.identity, self.endpoint)
        session, received = self._session_of_before(fields, accepts, codec)
        resumes = session is not None
        features = [NO_RESUME] if NO_RESUME in fields.texts("features") else []
        if session is None:
            session = ServerSession(self._hub, self.options, accepts, codec, self.peer)
            self._hub.enter_session(session, self.medium)
        session.may_resume = NO_RESUME not in features
        self._put_hello(
            Kind.WELCOME,
            {
                "version": VERSION,
                "codec": codec.name,
                "name": self._hub.name,
                "server": self._hub.server_id,
                "epoch": self._hub.epoch,
                "limits": self._own_limits(),
                "features": features,
                "session": self._described(session, resumes),
            },
        )
        self._come_up(session, received, now_s)
        self._hub.session_attached(session, self.medium)

    def _session_of_before(self, fields: Fields, accepts: Limits, codec: Codec) -> tuple[ServerSession | None, int]:
        """Return the session that the client asks for, taken from the link that carries it still, and what it has."""
        if not fields.has("session"):
            return None, 0
        asked = fields.fields("session")
        received = asked.integer("received", most=MAX_OFFSET)
        session = self._hub.find_session(asked.text("id"), asked.text("secret"))
        if (
            session is None
            or session.peer.identity != self.medium.identity  # it is bound to who began it
            or not session.can_go_on_from(received)
            or (session.codec.name, session.peer_limits, session.options) != (codec.name, accepts, self.options)
        ):
            return None, 0
        if session.link is not None:
            session.link.give_up_session()
        return session, received

    @staticmethod
    def _described(session: ServerSession, resumes: bool) -> dict[str, Any]:
        if resumes:
            return {"id": session.id, "resumed": True, "received": session.received}
        return {"id": session.id, "resumed": False, "secret": session.secret}

    def _choose_codec(self, offered: list[str]) -> Codec:
        for name in offered:
            if name in self._hub.codecs:
                return self._hub.codecs[name]
        text = f"the client offers the codecs {offered}, this server has {sorted(self._hub.codecs)}"
        raise RemoteProtocolError(text, code="codec")
