# SPDX-License-Identifier: MIT
"""A server and its clients without I/O: bytes are handed over by hand, and time is a number that tests set."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast
from weakref import WeakSet

import sigcore
from sigcore._credentials import Credentials
from sigcore._drops import Drops
from sigcore._errors import LinkError
from sigcore._info import Peer, Policy, SenderInfo
from sigcore._json import json_codec
from sigcore._limits import LinkOptions
from sigcore._listener import Listener
from sigcore._router import Router
from sigcore._sender import Sender
from sigcore._signal import Call, Signal
from sigcore._terms import Terms
from sigcore.aio._delivery import Batch, decoded
from sigcore.protocol.bodies import Fields, read_ack, read_body, write_ack, write_body
from sigcore.protocol.calls import Asker
from sigcore.protocol.client_link import ClientLink
from sigcore.protocol.client_session import ClientSession
from sigcore.protocol.frames import FIRST_CONTROL, FIRST_EVENT_LANE, HEADER_BYTES, PREFACE, Kind, frame, split_run
from sigcore.protocol.gate import Gate
from sigcore.protocol.hub import Hub
from sigcore.protocol.medium import ANY, Medium
from sigcore.protocol.outbox import REFUSED, Outbox, Outlet
from sigcore.protocol.routes import Topic
from sigcore.protocol.server_link import ServerLink
from sigcore.protocol.server_session import ServerSession
from sigcore.protocol.stall import StallBudget

JSON = json_codec()
SERVER_ID = "5f" * 16
EPOCH = "a0" * 16


class UpperCodec:
    """Text in capital letters: another codec, whose bytes show who wrote them. It knows nothing but text."""

    name = "upper"
    content_type = "text/plain"

    def encode(self, value: Any) -> bytes:
        if not isinstance(value, str):
            raise sigcore.CodecError(f"only text has a form in 'upper', not {value!r}")
        return value.upper().encode()

    def decode(self, data: bytes | memoryview) -> Any:
        return bytes(data).decode().lower()


UPPER = UpperCodec()


def control(kind: Kind, id_: int, **fields: Any) -> bytes:
    """Return a frame whose body is JSON."""
    return frame(kind, id_, write_body(fields))


def hello(
    name: str = "peer", *, codec: str = "json", max_frame: int = 1 << 20, credit: int = 1 << 20, **more: Any
) -> bytes:
    """Return the first bytes of a client."""
    limits = {"frame": max_frame, "credit": credit}
    return PREFACE + control(Kind.HELLO, 0, versions=[1], codecs=[codec], name=name, limits=limits, **more)


def tokens() -> Iterator[str]:
    """Give the names and secrets of sessions, in the order in which they are made."""
    for number in itertools.count(1):
        yield f"{number:02x}" * 16 if number < 256 else f"{number:032x}"


def frames_in(data: bytes) -> list[tuple[Kind, int, bytes]]:
    """Return (kind, id, body) of every frame; the preface in front, if it is there, is left out."""
    return [(Kind(kind), id_, body) for kind, id_, body in split_run(data.removeprefix(PREFACE))]


class ServerProcess:
    """The server's own process: it takes events, asks and answers by hand."""

    def __init__(self) -> None:
        self.codec = JSON
        self.max_requests = 256
        self.is_full = False
        self.hears = False
        self.retries = 0
        self.heard: list[tuple[str, bytes]] = []
        self.present: list[str] = []
        self.left: list[tuple[str, str]] = []
        self.changed: list[str] = []
        self.asked: list[tuple[int, str, str, bytes]] = []
        self.withdrawn: list[int] = []
        self.answers: dict[int, bytes | str] = {}
        self.stall = StallBudget()
        self.taken = 0
        self.waiting_size = 0
        self.most_waiting = 1 << 22
        self.fair_s = 10.0

    def listens_to(self, sender: str, event: str) -> bool:
        return self.hears

    def sender_came(self, info: SenderInfo) -> Mapping[str, Signal[Any]]:
        self.present.append(info.name)
        if not self.hears:
            return {}
        router = Router()
        router.add_listener(lambda _info, _data: None)
        return {event: router._add_remote_signal(info.name, event, info.peer) for event in info.events}

    def sender_left(self, info: SenderInfo, cause: str) -> None:
        self.present.remove(info.name)
        self.left.append((info.name, cause))

    def deliver(self, signal: Signal[Any], codec: sigcore.Codec, run: bytes) -> None:
        self.heard += [(signal.event, body) for _kind, _id, body in split_run(run)]

    def give_way(self) -> None:
        self.is_full = False

    def retry(self) -> None:
        self.retries += 1

    def route_changed(self, topic: Topic) -> None:
        self.changed.append(topic.event)

    def ask(
        self,
        call_id: int,
        sender: str,
        method: str,
        asking: Asker,
        timeout_ms: int,
        codec: sigcore.Codec,
        params: bytes,
    ) -> None:
        self.asked.append((call_id, sender, method, params))

    def withdraw(self, call_id: int) -> None:
        self.withdrawn.append(call_id)

    def unwritten_requests(self) -> set[int]:
        return set()

    def take_reply(self, request_id: int, codec: sigcore.Codec, result: bytes) -> None:
        self.answers[request_id] = result

    def take_error(self, request_id: int, code: str, message: str) -> None:
        self.answers[request_id] = code


class Server:
    """A hub and its links."""

    def __init__(self, *codecs: sigcore.Codec, **options: Any) -> None:
        self.now_s = 100.0
        self.drops = Drops()
        self.hub = Hub(
            name="hall",
            server_id=SERVER_ID,
            epoch=EPOCH,
            drops=self.drops,
            new_token=tokens().__next__,
            **options,
        )
        self.hub.now_s = self.now_s
        self.hub.codecs = {codec.name: codec for codec in (codecs or (JSON, UPPER))}
        self.hub.on_dirty = self._note_dirty
        self.local = ServerProcess()
        self.hub.local = self.local
        self._is_dirty = False
        self._identities: dict[str, sigcore.Identity] = {}
        self._nonces = (f"{number:02x}" * 16 for number in itertools.count(0xD0))
        self._links: WeakSet[ServerLink] = WeakSet()

    def new_link(self, medium: Medium = ANY, **limits: Any) -> ServerLink:
        """Return a new link that has heard nothing yet."""
        link = ServerLink(self.hub, LinkOptions(**limits), "mem://test", self.now_s, medium)
        self._links.add(link)
        return link

    def knows(self, identity: str, secret: str) -> None:
        """Let it know an identity by its secret; others may come all the same. Its challenges are always the same."""
        self._identities[identity] = sigcore.Identity(sigcore.Secret(secret))
        self.hub.gate = Gate(self._identities, anonymous=True)
        self.hub.gate.new_nonce = self._nonces.__next__

    def connect(self, name: str = "peer", **limits: Any) -> RawPeer:
        """Return a client that speaks in frames, with its handshake done."""
        theirs: dict[str, Any] = {key: limits.pop(key) for key in ("codec", "max_frame", "credit") if key in limits}
        ours = {key: limits.pop(f"our_{key}") for key in ("max_frame", "credit") if f"our_{key}" in limits}
        peer = RawPeer(self, name, {**ours, **limits}, theirs, theirs.get("credit", 1 << 20))
        assert peer.connect()["resumed"] is False
        return peer

    def settle(self) -> None:
        """Do what the shell does in the next turns of the loop."""
        self._is_dirty = True
        while self._is_dirty:
            self._is_dirty = False
            self.hub.settle()

    def tick(self, seconds: float = 0.0) -> None:
        """Let time pass, and do what is due then."""
        self.now_s += seconds
        self.hub.tick(self.now_s)
        for link in list(self._links):
            link.tick(self.now_s)
        self.settle()

    def _note_dirty(self) -> None:
        self._is_dirty = True


@dataclass
class RawPeer:
    """A client that says bytes, and sees the frames that come back.

    Attributes:
        server: The server.
        name: What it calls itself.
        ours: The options of the server's end of its links, and their ``medium``.
        theirs: What it says in HELLO of itself: codec and limits.
        credit: How far ahead of what it has heard the server may send events.
        session: The session's end at the server.
        link: The link's end there.
        received: Bytes of counted frames that it has heard.
        events_received: Those of them in the event lane.
        acks: The acknowledgements that it has heard, as (received, credit).
        names: What topics stand for, for ``hear_events``.
        kept: What came and was not looked at.
    """

    server: Server
    name: str = "peer"
    ours: dict[str, Any] = field(default_factory=dict)
    theirs: dict[str, Any] = field(default_factory=dict)
    credit: int = 1 << 20
    session: ServerSession = field(init=False)
    link: ServerLink = field(init=False)
    received: int = 0
    events_received: int = 0
    acks: list[tuple[int, int]] = field(default_factory=list)
    names: dict[int, tuple[str, str]] = field(default_factory=dict)
    kept: list[tuple[Kind, int, bytes]] = field(default_factory=list)

    def connect(self, **more: Any) -> dict[str, Any]:
        """Make a link and do the handshake; return what WELCOME says of the session."""
        before, self.kept = self.kept, []
        self.link = self.server.new_link(**self.ours)
        self.say(hello(self.name, **self.theirs, **more))
        (kind, _id, body), *rest = self.hear()
        self.kept = [*before, *rest]
        assert kind == Kind.WELCOME
        self.session = cast(ServerSession, self.link.session)
        self.acks.clear()  # the first says what WELCOME has said
        described = dict(read_body("WELCOME", body).fields("session").items())
        if not described["resumed"]:
            self.received = self.events_received = 0
        return described

    def resume(self, **change: Any) -> dict[str, Any]:
        """Make a link that goes on with the session, and do the handshake; return what WELCOME says of it."""
        session = {"id": self.session.id, "secret": self.session.secret, "received": self.received}
        return self.connect(session={**session, **change})

    def lose(self) -> None:
        """Cut its link."""
        self.link.lose(OSError("unplugged"))
        self.server.settle()

    def vanish(self) -> None:
        """Cut its link, and let the server wait in vain for another."""
        self.lose()
        self.session.end(LinkError("it did not come back"))
        self.server.settle()

    def say(self, *frames: bytes) -> None:
        """Send bytes, in one piece."""
        done = self.link.receive(b"".join(frames), self.server.now_s)
        while not done:  # it is held back, and time does not pass
            done = self.link.receive(b"", self.server.now_s)
        self.server.settle()

    def hear(self) -> list[tuple[Kind, int, bytes]]:
        """Return the frames that came since the last call, acknowledgements left out."""
        data = b""
        while more := self.link.data_to_send(self.server.now_s):
            data += more
            self.server.settle()
        found, self.kept = self.kept, []
        for kind, id_, body in frames_in(data):
            size = HEADER_BYTES + len(body)
            self.received += size if kind >= FIRST_CONTROL else 0
            self.events_received += size if kind >= FIRST_EVENT_LANE else 0
            if kind == Kind.ACK:
                self.acks.append(read_ack(body))
            else:
                found.append((kind, id_, body))
        return found

    def hear_fields(self) -> list[tuple[Kind, int, dict[str, Any]]]:
        """Return the same with the bodies read as JSON; an empty body has no fields."""
        return [(kind, id_, dict(read_body(kind.name, body or b"{}").items())) for kind, id_, body in self.hear()]

    def hear_events(self) -> list[tuple[str, str, bytes]]:
        """Return the events among those frames, and the gaps as ``b"GAP " + body``, by sender and event."""
        found = []
        for kind, id_, body in self.hear():
            if kind == Kind.TOPIC:
                fields = read_body("TOPIC", body)
                self.names[id_] = (fields.text("sender"), fields.text("event"))
            elif kind in (Kind.EVENT, Kind.GAP):
                found.append((*self.names[id_], b"GAP " * (kind == Kind.GAP) + body))
        return found

    def acknowledge(self) -> None:
        """Acknowledge all that was heard, and give as much credit as at the beginning."""
        self.say(frame(Kind.ACK, 0, write_ack(self.received, self.events_received + self.credit)))

    def listen(self, id_: int, sender: str | None = None, event: str | None = None, **terms: Any) -> None:
        """Register a listener; events that come meanwhile are kept for ``hear``."""
        self.say(control(Kind.LISTEN, id_, sender=sender, event=event, **terms))
        found = self.hear()
        assert (Kind.OK, id_, b"{}") in found
        self.kept = [item for item in found if item[0] in (Kind.TOPIC, Kind.EVENT)]

    def add_sender(
        self,
        name: str,
        events: Sequence[str] = (),
        requests: Sequence[str] = (),
        *,
        fallback: bool = False,
        keep: Mapping[str, int] | None = None,
    ) -> list[int]:
        """Register a sender; return its topics' numbers."""
        kept = {"keep": keep} if keep else {}
        self.say(control(Kind.ADD_SENDER, 1, sender=name, events=events, requests=requests, fallback=fallback, **kept))
        (topics,) = [fields["topics"] for kind, id_, fields in self.hear_fields() if (kind, id_) == (Kind.OK, 1)]
        return [topics[event] for event in events]

    @property
    def error_code(self) -> str | None:
        """Why the link ended, if it did."""
        return getattr(self.link.error, "code", None)


class GatedRouter(Router):
    """The tables of a router over carriers."""

    _gates_remote = True


class ClientProcess:
    """A client without a loop: a real router, a real session, and what the links brought.

    Attributes:
        link: The link that it has, or tries to get.
        session: What it goes on with; ``None`` before the first handshake and after its end.
        consumes: Whether events count as consumed as soon as they come.
    """

    def __init__(self, name: str, now_s: float = 100.0, codec: sigcore.Codec = JSON, **limits: Any) -> None:
        self.name = name
        self.router = GatedRouter(on_error=self._note_error)
        self.router._attach(self)
        self.options = LinkOptions(**limits)
        self.codec = codec
        self.signals: dict[int, Signal[Any]] = {}
        self.outbox = Outbox(self.options.event_queue, self.options.max_frame, self.router._drops, lambda: 0.0)
        self.now_s = now_s
        self.consumes = True
        self.errors: list[Exception] = []
        self.heard: list[tuple[str, str, Any]] = []
        self.gaps: list[tuple[str, str, sigcore.Gap]] = []
        self.present: dict[str, SenderInfo] = {}
        self.causes: list[tuple[str, str]] = []
        self.notices: list[str] = []
        self.lost_senders: list[str] = []
        self.asked_for: list[tuple[int, str, str, str, int, bytes]] = []
        self.withdrawn_calls: list[int] = []
        self.answers: list[bytes | sigcore.SigError | None] = []
        self.session: ClientSession | None = None
        self.credentials: Credentials | None = None
        self.nonces = (f"{number:02x}" * 16 for number in itertools.count(0xC0))
        self.link: ClientLink
        self.connect()

    # what a test does

    def connect(self) -> None:
        """Begin another link, which goes on with the session if there is one."""
        options, outbox, before = self.options, self.outbox, self.session
        name, codec, credentials = self.name, self.codec.name, self.credentials
        nonce = next(self.nonces) if credentials is not None else ""
        self.link = ClientLink(options, name, codec, outbox, before, self._up, self.now_s, credentials, nonce)

    def knows(self, identity: str, secret: str) -> None:
        """Say from now on who it is."""
        self.credentials = Credentials(identity, sigcore.Secret(secret))
        self.connect()

    def said(self) -> bytes:
        """Return all that the link has to write now."""
        data = b""
        while more := self.link.data_to_send(self.now_s):
            data += more
        return data

    @property
    def up(self) -> ClientSession:
        """The session, which there is."""
        assert self.session is not None
        return self.session

    def add_sender(
        self,
        name: str,
        events: Sequence[str] = (),
        requests: Sequence[str] = (),
        keep: int | Mapping[str, int] = 0,
    ) -> Sender:
        handlers = {method: lambda params: params for method in requests}
        sender = self.router.add_sender(name, events, handlers, keep=keep)
        if self.session is not None:
            self._register(self.session, sender)
        return sender

    def register(self, name: str) -> None:
        """Ask the server again to take a sender."""
        self._register(self.up, self.router._senders[name])

    def add_listener(
        self, sender: str | None = None, event: str | None = None, policy: Policy = "block", replay: int = 0
    ) -> Listener:
        terms = Terms(self._note_gap, policy, replay)
        listener = self.router._add_listener(self._hear, sender, event, None, terms)
        if self.session is not None:
            self.session.add_listener(listener, self.answers.append)
        return listener

    def remove_sender(self, name: str) -> None:
        self.router._senders[name].remove()

    def trigger(self, sender: str, event: str, data: Any, meta: Mapping[str, str] | None = None) -> None:
        self.router._senders[sender].trigger(event, data, meta=meta)

    def deliver(self, sender: str, event: str, data: Any) -> None:
        signal = self.router._senders[sender].signal(event)
        outlet = cast(Outlet, signal._outlet)
        signal._trigger_by(lambda info, value: outlet.deliver(info, value, self.take_answer), data, None)

    def request(self, sender: str, method: str, params: Any, timeout: float | None = 2.0) -> int:
        deadline_s = None if timeout is None else self.now_s + timeout
        return self.up.request(sender, method, deadline_s, self.codec.encode(params), self.take_answer)

    def query(self, what: str, **fields: Any) -> None:
        self.up.call(Kind.QUERY, write_body({"what": what, **fields}), self.take_answer)

    def cancel(self, id_: int) -> None:
        self.up.cancel(id_)

    def reply(self, call_id: int, result: Any) -> None:
        self.up.reply(call_id, self.codec.encode(result))

    def refuse(self, call_id: int, code: str, message: str) -> None:
        self.up.refuse(call_id, code, message)

    def remove_listener(self, id_: int) -> None:
        self.up._listeners[id_].remove()

    def end(self) -> None:
        self.link.end()

    def take_answer(self, body: bytes | None, error: sigcore.SigError | None) -> None:
        self.answers.append(body if error is None else error)

    def _hear(self, info: sigcore.EventInfo, data: Any) -> None:
        self.heard.append((info.sender, info.event, data))

    def _note_gap(self, info: sigcore.EventInfo, gap: sigcore.Gap) -> None:
        self.gaps.append((info.sender, info.event, gap))

    def _note_error(self, error: Exception) -> None:
        self.errors.append(error)

    # what the router asks of its network

    def outlet(self, signal: Signal[Any]) -> Call:
        return Outlet(signal, self.codec, self.outbox)

    def sender_removed(self, sender: Sender) -> None:
        outlets = cast(list[Outlet], sender.outlets())
        for outlet in outlets:
            outlet.is_removed = True
        if self.session is None or not self.session.remove_sender(sender):
            for outlet in outlets:
                outlet.topic_id = REFUSED

    def listener_removed(self, listener: Listener) -> None:
        if self.session is not None:
            self.session.remove_listener(listener)

    def disconnect(self, text: str) -> None:
        self.link.end("too_slow", text, error=LinkError(text))

    # what becomes of sessions

    def _up(self, session: ClientSession) -> None:
        if session is not self.session:
            if self.session is not None:
                self.session.end(LinkError("the server does not know the session any more"))
            self._begin(session)
        self.outbox.is_online = True

    def _begin(self, session: ClientSession) -> None:
        self.session = session
        session.side = self
        session.left = self._left
        session.ended = lambda: self._over(session)
        for sender in self.router._senders.values():
            self._register(session, sender)
        for listener in self.router._all_listeners():
            session.add_listener(listener, self.answers.append)

    def _register(self, session: ClientSession, sender: Sender) -> None:
        session.add_sender(sender, cast(list[Outlet], sender.outlets()), self.answers.append)

    def _left(self) -> None:
        self.outbox.is_online = False

    def _over(self, session: ClientSession) -> None:
        if self.session is session:
            self.session = None
        session.release()

    # what the session brings

    def topic_came(self, id_: int, sender: str, event: str, peer: Peer | None) -> Signal[Any]:
        self.signals[id_] = self.router._add_remote_signal(sender, event, peer)
        return self.signals[id_]

    def topic_left(self, id_: int, signal: Signal[Any]) -> None:
        self.router._remove_remote_signal(self.signals.pop(id_))

    def events_came(self, run: bytes) -> None:
        Batch([(self.signals, self.codec, run)], len(run), self.frame_came).deliver()

    def kept_came(self, listener: Listener | None, signal: Signal[Any], kind: int, body: bytes, size: int) -> None:
        if listener is not None:
            self.router._tell_kept(listener, signal, *decoded(self.codec, kind, body))
        self.frame_came(size)

    def started(self, listener: Listener | None, size: int) -> None:
        if listener is not None and not listener.hears_presence:
            self.router._start_listener(listener)
        self.frame_came(size)

    def presence_came(self, info: SenderInfo, size: int) -> None:
        if info.connected:
            self.present[info.name] = info
        else:
            self.present.pop(info.name, None)
            self.causes.append((info.name, info.cause))
        self.frame_came(size)

    def frame_came(self, size: int) -> None:
        if self.consumes:
            self.up.consumed(size, self.now_s)

    def notice_came(self, listener: Listener, fields: Fields) -> None:
        self.notices.append(fields.text("code"))

    def sender_lost(self, sender: Sender, error: sigcore.SigError) -> None:
        self.lost_senders.append(sender.name)

    def asked(self, call_id: int, sender: str, method: str, asking: Peer, timeout_ms: int, params: bytes) -> None:
        self.asked_for.append((call_id, sender, method, asking.name, timeout_ms, params))

    def withdrawn(self, call_id: int) -> None:
        self.withdrawn_calls.append(call_id)


class Wire:
    """A client and its server, joined; bytes move when ``run`` is called."""

    def __init__(self, server: Server, client: ClientProcess, **limits: Any) -> None:
        self.server = server
        self.client = client
        self._limits = limits
        self.link = server.new_link(**limits)
        self.run()

    @property
    def session(self) -> ServerSession:
        """The session's end at the server, while there is a link."""
        return cast(ServerSession, self.link.session)

    def run(self) -> None:
        """Hand over bytes until neither side has any."""
        while True:
            up, down = self.client.said(), self.link.data_to_send(self.server.now_s)
            if not up and not down:
                return
            self.link.receive(up, self.server.now_s)
            self.client.link.receive(down, self.client.now_s)
            self.server.settle()

    def cut(self) -> None:
        """Cut the link; what was written and not handed over is lost."""
        self.client.link.lose(None)
        self.link.lose(None)
        self.server.settle()

    def mend(self) -> None:
        """Join them by another link."""
        self.client.connect()
        self.link = self.server.new_link(**self._limits)
        self.run()
