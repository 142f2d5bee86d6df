# SPDX-License-Identifier: MIT
"""A server and its clients without I/O: bytes are handed over by hand, and time is a number that tests set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sigcore
from sigcore._drops import Drops
from sigcore._info import Peer, SenderInfo
from sigcore._json import json_codec
from sigcore._limits import LinkOptions
from sigcore._listener import Listener
from sigcore._router import Router
from sigcore._sender import Sender
from sigcore._signal import Call, Signal
from sigcore.aio._delivery import deliver
from sigcore.protocol.bodies import Fields, read_ack, read_body, write_ack, write_body
from sigcore.protocol.calls import Asker
from sigcore.protocol.client_link import ClientLink
from sigcore.protocol.frames import FIRST_CONTROL, FIRST_EVENT_LANE, HEADER_BYTES, PREFACE, Kind, frame, split_run
from sigcore.protocol.hub import Hub
from sigcore.protocol.outbox import REFUSED, Outbox, Outlet
from sigcore.protocol.routes import Topic
from sigcore.protocol.server_link import ServerLink

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


def hello(name: str = "peer", *, codec: str = "json", max_frame: int = 1 << 20, credit: int = 1 << 20) -> bytes:
    """Return the first bytes of a client."""
    limits = {"frame": max_frame, "credit": credit}
    return PREFACE + control(Kind.HELLO, 0, versions=[0], codecs=[codec], name=name, limits=limits, features=[])


def frames_in(data: bytes) -> list[tuple[Kind, int, bytes]]:
    """Return (kind, id, body) of every frame; the preface in front, if it is there, is left out."""
    return [(Kind(kind), id_, body) for kind, id_, body in split_run(data.removeprefix(PREFACE))]


class ServerProcess:
    """The server's own process: it takes events, asks and answers by hand."""

    def __init__(self) -> None:
        self.max_requests = 256
        self.is_full = False
        self.hears = False
        self.retries = 0
        self.heard: list[tuple[str, bytes]] = []
        self.present: list[str] = []
        self.changed: list[str] = []
        self.asked: list[tuple[int, str, str, bytes]] = []
        self.withdrawn: list[int] = []
        self.answers: dict[int, bytes | str] = {}

    def listens_to(self, sender: str, event: str) -> bool:
        return self.hears

    def sender_came(self, info: SenderInfo) -> Mapping[str, Signal[Any]]:
        self.present.append(info.name)
        if not self.hears:
            return {}
        router = Router()
        router.add_listener(lambda _info, _data: None)
        return {event: router._add_remote_signal(info.name, event, info.peer) for event in info.events}

    def sender_left(self, info: SenderInfo) -> None:
        self.present.remove(info.name)

    def deliver(self, signal: Signal[Any], codec: sigcore.Codec, kind: int, body: bytes) -> None:
        self.heard.append((signal.event, body))

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

    def take_reply(self, request_id: int, codec: sigcore.Codec, result: bytes) -> None:
        self.answers[request_id] = result

    def take_error(self, request_id: int, code: str, message: str) -> None:
        self.answers[request_id] = code


class Server:
    """A hub and its links."""

    def __init__(self, *codecs: sigcore.Codec) -> None:
        self.now_s = 100.0
        self.drops = Drops()
        self.hub = Hub(name="hall", server_id=SERVER_ID, epoch=EPOCH, drops=self.drops)
        self.hub.codecs = {codec.name: codec for codec in (codecs or (JSON, UPPER))}
        self.local = ServerProcess()
        self.hub.local = self.local
        self.ended: list[ServerLink] = []

    def new_link(self, **limits: Any) -> ServerLink:
        """Return a new link that has heard nothing yet."""
        link = ServerLink(self.hub, LinkOptions(**limits), "mem://test", self.now_s)
        link.ended = lambda: self.ended.append(link)
        return link

    def connect(self, name: str = "peer", **limits: Any) -> RawPeer:
        """Return a client that speaks in frames, with its handshake done."""
        theirs = {key: limits.pop(key) for key in ("codec", "max_frame", "credit") if key in limits}
        ours = {key: limits.pop(f"our_{key}") for key in ("max_frame", "credit") if f"our_{key}" in limits}
        peer = RawPeer(self, self.new_link(**ours, **limits), theirs.get("credit", 1 << 20))
        peer.say(hello(name, **theirs))
        assert [kind for kind, _id, _body in peer.hear()] == [Kind.WELCOME]
        return peer

    def settle(self) -> None:
        """Do what the shell does in the next turn of the loop: take out the links that have ended."""
        while self.ended:
            self.hub.drop_link(self.ended.pop())
        self.hub.settle_local()


@dataclass
class RawPeer:
    """A client that says bytes, and sees the frames that come back.

    Attributes:
        server: The server.
        link: The link's end there.
        credit: How far ahead of what it has heard the server may send events.
        received: Bytes of counted frames that it has heard.
        events_received: Those of them in the event lane.
        acks: The acknowledgements that it has heard, as (received, credit).
        names: What topics stand for, for ``hear_events``.
        kept: What came and was not looked at.
    """

    server: Server
    link: ServerLink
    credit: int = 1 << 20
    received: int = 0
    events_received: int = 0
    acks: list[tuple[int, int]] = field(default_factory=list)
    names: dict[int, tuple[str, str]] = field(default_factory=dict)
    kept: list[tuple[Kind, int, bytes]] = field(default_factory=list)

    def say(self, *frames: bytes) -> None:
        """Send bytes, in one piece."""
        self.link.receive(b"".join(frames), self.server.now_s)
        self.server.settle()

    def hear(self) -> list[tuple[Kind, int, bytes]]:
        """Return the frames that came since the last call, acknowledgements left out."""
        data = b""
        while more := self.link.data_to_send():
            data += more
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
        """Return the events among those frames, by sender and event."""
        found = []
        for kind, id_, body in self.hear():
            if kind == Kind.TOPIC:
                fields = read_body("TOPIC", body)
                self.names[id_] = (fields.text("sender"), fields.text("event"))
            elif kind == Kind.EVENT:
                found.append((*self.names[id_], body))
        return found

    def acknowledge(self) -> None:
        """Acknowledge all that was heard, and give as much credit as at the beginning."""
        self.say(frame(Kind.ACK, 0, write_ack(self.received, self.events_received + self.credit)))

    def listen(self, id_: int, sender: str | None = None, event: str | None = None) -> None:
        """Register a listener; events that come meanwhile are kept for ``hear``."""
        self.say(control(Kind.LISTEN, id_, sender=sender, event=event))
        found = self.hear()
        assert (Kind.OK, id_, b"{}") in found
        self.kept = [item for item in found if item[0] in (Kind.TOPIC, Kind.EVENT)]

    def add_sender(
        self, name: str, events: Sequence[str] = (), requests: Sequence[str] = (), *, fallback: bool = False
    ) -> list[int]:
        """Register a sender; return its topics' numbers."""
        self.say(control(Kind.ADD_SENDER, 1, sender=name, events=events, requests=requests, fallback=fallback))
        (topics,) = [fields["topics"] for kind, id_, fields in self.hear_fields() if (kind, id_) == (Kind.OK, 1)]
        return [topics[event] for event in events]

    @property
    def error_code(self) -> str | None:
        """Why the link ended, if it did."""
        return getattr(self.link.error, "code", None)


class ClientProcess:
    """A client without a loop: a real router, a real link, and what the link brought.

    Attributes:
        consumes: Whether events count as consumed as soon as they come.
    """

    def __init__(self, name: str, now_s: float = 100.0, codec: sigcore.Codec = JSON, **limits: Any) -> None:
        self.router = Router(on_error=self._note_error)
        self.router._attach(self)
        self.options = LinkOptions(**limits)
        self.codec = codec
        self.outbox = Outbox(self.options.event_queue, self.options.max_frame, self.router._drops, lambda: 0.0)
        self.now_s = now_s
        self.consumes = True
        self.errors: list[Exception] = []
        self.heard: list[tuple[str, str, Any]] = []
        self.present: dict[str, SenderInfo] = {}
        self.notices: list[str] = []
        self.asked_for: list[tuple[int, str, str, str, int, bytes]] = []
        self.withdrawn_calls: list[int] = []
        self.answers: list[bytes | sigcore.SigError | None] = []
        self.is_up = False
        self._outlets: dict[Signal[Any], Outlet] = {}
        self.link = ClientLink(self, self.options, name, codec, self.outbox, now_s)

    # what a test does

    def add_sender(self, name: str, events: Sequence[str] = (), requests: Sequence[str] = ()) -> Sender:
        sender = self.router.add_sender(name, events, {method: lambda params: params for method in requests})
        outlets = [self._outlets[signal] for signal in sender._signals.values()]
        self.link.add_sender(sender, outlets, self.answers.append)
        return sender

    def add_listener(self, sender: str | None = None, event: str | None = None) -> Listener:
        listener = self.router.add_listener(self._hear, sender, event)
        self.link.add_listener(listener, self.answers.append)
        return listener

    def request(self, sender: str, method: str, params: Any, timeout_ms: int = 2000) -> int:
        return self.link.request(sender, method, timeout_ms, self.codec.encode(params), self.take_answer)

    def take_answer(self, body: bytes | None, error: sigcore.SigError | None) -> None:
        self.answers.append(body if error is None else error)

    def _hear(self, info: sigcore.EventInfo, data: Any) -> None:
        self.heard.append((info.sender, info.event, data))

    def _note_error(self, error: Exception) -> None:
        self.errors.append(error)

    # what the router asks of its network

    def outlet(self, signal: Signal[Any]) -> Call:
        outlet = self._outlets[signal] = Outlet(signal, self.codec, self.outbox)
        return outlet

    def sender_removed(self, sender: Sender) -> None:
        outlets = [self._outlets[signal] for signal in sender._signals.values()]
        if not self.link.remove_sender(sender):
            for outlet in outlets:
                outlet.topic_id = REFUSED

    def listener_removed(self, listener: Listener) -> None:
        self.link.remove_listener(listener)

    # what the link brings

    def link_up(self, server: Peer) -> None:
        self.is_up = True
        self.outbox.is_online = True

    def topic_came(self, sender: str, event: str, peer: Peer | None) -> Signal[Any]:
        return self.router._add_remote_signal(sender, event, peer)

    def topic_left(self, signal: Signal[Any]) -> None:
        self.router._remove_remote_signal(signal)

    def event_came(self, signal: Signal[Any], kind: int, body: bytes) -> None:
        deliver((signal, self.codec, kind, body))
        if self.consumes:
            self.link.consumed(len(frame(kind, 0, body)), self.now_s)

    def presence_came(self, info: SenderInfo, size: int) -> None:
        if info.connected:
            self.present[info.name] = info
        else:
            self.present.pop(info.name, None)
        self.link.consumed(size, self.now_s)

    def frame_came(self, size: int) -> None:
        self.link.consumed(size, self.now_s)

    def notice_came(self, listener: Listener, fields: Fields) -> None:
        self.notices.append(fields.text("code"))

    def asked(self, call_id: int, sender: str, method: str, asking: Peer, timeout_ms: int, params: bytes) -> None:
        self.asked_for.append((call_id, sender, method, asking.name, timeout_ms, params))

    def withdrawn(self, call_id: int) -> None:
        self.withdrawn_calls.append(call_id)


class Wire:
    """A client and its server, joined; bytes move when ``run`` is called."""

    def __init__(self, server: Server, client: ClientProcess, **limits: Any) -> None:
        self.server = server
        self.client = client
        self.link = server.new_link(**limits)
        self.run()

    def run(self) -> None:
        """Hand over bytes until neither side has any."""
        while (up := self.client.link.data_to_send()) or (down := self.link.data_to_send()):
            if up:
                self.link.receive(up, self.server.now_s)
                down = self.link.data_to_send()
            self.client.link.receive(down, self.server.now_s)
        self.server.settle()
