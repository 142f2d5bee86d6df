# SPDX-License-Identifier: MIT
"""The server's end of a link."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from .._errors import Busy, CodecError, RemoteProtocolError, SenderExists, SigError
from .._info import Peer, SenderInfo
from .._names import MAX_NAME_BYTES, check_event_to_hear, check_name
from .bodies import NO_TIMEOUT_MS, cut_text, read_body, read_request, write_body, write_error, write_request
from .frames import HEADER, HEADER_BYTES, VERSION, FrameReader, Kind, frame, split_run
from .hub import (
    MAX_EVENTS,
    MAX_LINK_TOPICS,
    MAX_LISTENERS,
    MAX_SENDERS,
    MAX_TOPICS,
    brief,
    peer_fields,
    presence_fields,
)
from .link import WRITE_BYTES, Limits, Link, State
from .translate import translate

if TYPE_CHECKING:
    from .._codec import Codec
    from .._limits import LinkOptions
    from .._listener import Key
    from .calls import Asker
    from .hub import Hub
    from .routes import Route, SenderEntry, Topic

MAX_SENDER_BYTES = 64 * 1024
"""Longest ADD_SENDER: what is told of the sender then is no longer than a JSON body may be."""

NOTICE_EVENTS = 20
"""How many of a sender's events a NOTICE names: enough to find a slip of the pen."""

QUERY_BYTES = 48 * 1024
"""About how long one answer to a QUERY gets; the asker goes on after its last entry."""


class ServerLink(Link):
    """One client's link, at the server.

    Attributes:
        endpoint: Where it came in.
        peer: Who is at the other end; ``None`` until the handshake is done.
        codec: The codec of the link.
        routes: The topics that this link owns and whose route is known.
        senders: The senders that it registered, by name.
        listeners: What its listeners asked for, by their numbers.
        told: The topics that were announced to it.
        queued: Bytes of events that wait for it.
    """

    handlers: ClassVar = {
        State.HANDSHAKE: {Kind.HELLO: "_on_hello", Kind.BYE: "_on_bye"},
        State.UP: {
            Kind.PING: "_on_ping",
            Kind.PONG: "_on_pong",
            Kind.ACK: "_on_ack",
            Kind.BYE: "_on_bye",
            Kind.ADD_SENDER: "_on_add_sender",
            Kind.LISTEN: "_on_listen",
            Kind.UNLISTEN: "_on_unlisten",
            Kind.QUERY: "_on_query",
            Kind.REQUEST: "_on_request",
            Kind.REPLY: "_on_reply",
            Kind.ERROR: "_on_error",
            Kind.CANCEL: "_on_cancel",
            Kind.EVENT: "_on_events",
            Kind.EVENT_META: "_on_events",
            Kind.REMOVE_SENDER: "_on_remove_sender",
        },
    }
    opens: ClassVar = False
    codec: Codec

    def __init__(self, hub: Hub, options: LinkOptions, endpoint: str, now_s: float) -> None:
        self.routes: dict[int, Route] = {}
        super().__init__(options, self.routes, now_s)
        self._hub = hub
        self.endpoint = endpoint
        self.peer: Peer | None = None
        self.max_requests = options.max_requests
        self.senders: dict[str, SenderEntry] = {}
        self.listeners: dict[int, Key] = {}
        self.told: set[Topic] = set()
        self._owned: dict[int, Topic] = {}
        self._events: deque[tuple[int, bytes]] = deque()  # (events, frames) that wait for the link
        self.queued = 0
        self._inbox: deque[tuple[int, bytes]] = deque()  # (kind, frames) that wait for readers
        self._late_size = 0  # bytes of ADD_SENDER among them
        self._full_since_s: float | None = None
        self._progress = 0  # bytes taken from the queue of events, ever
        self._progress_then = 0

    # what the hub asks of it

    @property
    def is_full(self) -> bool:
        """Whether its queue of events is at its limit."""
        return self.queued >= self.options.event_queue

    @property
    def unrouted(self) -> int:
        """How many events came by this link and still wait for readers."""
        return sum(1 for kind, frames in self._inbox if kind == Kind.EVENT for _frame in split_run(frames))

    def announce(self, topic: Topic) -> bool:
        """Tell the other side which event a topic number stands for, once; return whether it has been told."""
        if topic in self.told:
            return True
        info = topic.sender.info
        fields: dict[str, Any] = {"sender": info.name, "event": topic.event}
        if info.peer is not None:
            fields["peer"] = peer_fields(info.peer)
        data = frame(Kind.TOPIC, topic.id, write_body(fields))
        if not self.accepts(data):
            return False
        self.told.add(topic)
        topic.told.add(self)
        self.put_event_frame(data)
        return True

    def accepts(self, data: bytes) -> bool:
        """Whether a frame is no longer than the other side takes."""
        return len(data) - HEADER_BYTES <= self.peer_limits.max_frame

    def notice_undeclared(self, listener_id: int, info: SenderInfo, event: str) -> None:
        """Tell a listener's owner that the sender, which is connected, does not declare what it waits for."""
        if self.control_is_full:
            self._hub.drops.count("notice", "a notice was left out: much control waits for the link")
            return
        text = f"sender {info.name!r} does not declare the event {event!r}"
        fields = {"code": "event_not_declared", "message": text, "events": info.events[:NOTICE_EVENTS]}
        body = write_body(fields)
        if len(body) > self.peer_limits.max_frame:
            body = write_error("event_not_declared", text, self.peer_limits.max_frame)
        self.put_control(Kind.NOTICE, listener_id, body)
        self._hub.mark(self)

    def put_events(self, run: bytes, count: int) -> None:
        """Queue events for the other side."""
        self._events.append((count, run))
        self.queued += len(run)

    def put_event_frame(self, data: bytes) -> None:
        """Queue a frame of the event lane that is no event; no credit holds back those who cause it."""
        if self.queued > 2 * (self.options.event_queue + self._hub.presence_size):
            text = f"{self.queued} bytes of events and presence wait for this link"
            self.fail(RemoteProtocolError(text, code="too_slow"))
        self.put_events(data, 0)

    def retry(self) -> None:
        """Readers have room again: route what waits, as far as it goes."""
        try:
            self._retry()
        except RemoteProtocolError as error:
            self.fail(error)

    def _retry(self) -> None:
        while self._inbox:
            kind, frames = self._inbox[0]
            if kind == Kind.EVENT and not self._route_waiting(frames):
                self._hub.wants_room(self)
                break
            size = len(self._inbox.popleft()[1])
            if kind == Kind.ADD_SENDER:
                self._late_size -= size
                self._add_sender(HEADER.unpack_from(frames)[2], frames[HEADER_BYTES:])
                continue
            if kind == Kind.REMOVE_SENDER:
                self._remove_sender(frames)
            self._consumed += size
        if self.state is State.UP:
            self._put_ack()  # the publisher waits for this credit
            self._hub.mark(self)

    # requests: this link as the one that asks, and as the one that is asked

    def take_reply(self, request_id: int, codec: Codec, result: bytes) -> None:
        """Write the result of a request that came by this link."""
        body = translate(result, codec, self.codec)
        if len(body) > self.peer_limits.max_frame:
            raise CodecError(f"it has {len(body)} bytes, the link takes {self.peer_limits.max_frame}")
        if not self.has_reply_room:
            self._hub.drops.count("reply", "a reply was left out: too many wait for a link that reads slowly")
            text = (
                f"the reply, of {len(body)} bytes, was left out: too many wait for your link; ask for fewer at a time"
            )
            self.take_error(request_id, "request_failed", text)
            return
        self.put_reply(request_id, body)
        self._hub.mark(self)

    def take_error(self, request_id: int, code: str, message: str) -> None:
        """Write why a request that came by this link has no result."""
        self.put_control(Kind.ERROR, request_id, write_error(code, message, self.peer_limits.max_frame))
        self._hub.mark(self)

    def ask(
        self, call_id: int, sender: str, method: str, asking: Asker, timeout_ms: int, codec: Codec, params: bytes
    ) -> None:
        """Write a request to a sender of this link."""
        peer: Peer | None = getattr(asking, "peer", None)
        caller = peer.name if peer is not None else self._hub.name
        if self.control_is_full:
            raise Busy(f"too many requests wait for the link of sender {sender!r}; try again")
        body = write_request(sender, method, caller, timeout_ms, translate(params, codec, self.codec))
        if len(body) > self.peer_limits.max_frame:
            raise CodecError(f"they have {len(body)} bytes, the link takes {self.peer_limits.max_frame}")
        self.put_control(Kind.REQUEST, call_id, body)
        self._hub.mark(self)

    def withdraw(self, call_id: int) -> None:
        """Write that an answer is not wanted any more."""
        self.put_control(Kind.CANCEL, call_id)
        self._hub.mark(self)

    # time

    def tick(self, now_s: float) -> None:
        """Also end a link that stays at its limit."""
        super().tick(now_s)
        if self.state is not State.UP or not self.is_full:
            self._full_since_s = None
            return
        if self._full_since_s is None or self._progress != self._progress_then:
            self._full_since_s, self._progress_then = now_s, self._progress
        elif now_s >= self._full_since_s + self.options.stall_timeout:
            waited_s = now_s - self._full_since_s
            text = f"{self.queued} bytes of events wait for this link, which took none for {waited_s:.1f} s"
            self.fail(RemoteProtocolError(text, code="too_slow"))

    def deadline_s(self) -> float | None:
        """Return when ``tick`` is due next."""
        due = super().deadline_s()
        if due is None or not self.is_full:
            return due
        if self._full_since_s is None:
            return 0.0  # at once: tick has not seen yet that it is full
        return min(due, self._full_since_s + self.options.stall_timeout)

    # frames

    def _on_hello(self, _id: int, body: bytes, _now_s: float) -> None:
        fields = read_body("HELLO", body)
        if VERSION not in fields.integers("versions"):
            offered = fields.integers("versions")
            raise RemoteProtocolError(
                f"the client speaks versions {offered} of the wire, this server version {VERSION}", code="version"
            )
        self.codec = self._choose_codec(fields.texts("codecs"))
        limits = fields.fields("limits")
        accepts = Limits(limits.integer("frame", least=512), limits.integer("credit", least=1))
        self.peer = Peer(cut_text(fields.text("name", ""), MAX_NAME_BYTES), "", self.endpoint)
        self._put_link_frame(
            Kind.WELCOME,
            {
                "version": VERSION,
                "codec": self.codec.name,
                "name": self._hub.name,
                "server": self._hub.server_id,
                "epoch": self._hub.epoch,
                "limits": self._own_limits(),
                "features": [],
            },
        )
        self._come_up(accepts)
        self._hub.links[self] = None

    def _choose_codec(self, offered: list[str]) -> Codec:
        for name in offered:
            if name in self._hub.codecs:
                return self._hub.codecs[name]
        text = f"the client offers the codecs {offered}, this server has {sorted(self._hub.codecs)}"
        raise RemoteProtocolError(text, code="codec")

    def _on_add_sender(self, id_: int, body: bytes, _now_s: float) -> None:
        name = read_body("ADD_SENDER", body).name("sender", "sender")
        if not self._inbox or name not in self.senders:
            self._add_sender(id_, body)
            return
        # Its removal may wait among the events; then it comes next.
        data = frame(Kind.ADD_SENDER, id_, body)
        self._late_size += len(data)
        if self._late_size > self.options.control_queue:
            text = f"{self._late_size} bytes of ADD_SENDER wait for removals, at most {self.options.control_queue} may"
            raise RemoteProtocolError(text, code="control_overflow")
        self._inbox.append((Kind.ADD_SENDER, data))

    def _add_sender(self, id_: int, body: bytes) -> None:
        fields = read_body("ADD_SENDER", body)
        assert self.peer is not None
        info = SenderInfo(
            fields.name("sender", "sender"),
            fields.names("events", "event"),
            fields.names("requests", "method"),
            peer=self.peer,
        )
        refusal = self._no_place_for(info, len(body))
        if refusal is not None:
            self.take_error(id_, "limit_reached", refusal)
            return
        try:
            entry = self._hub.add_sender(info, fields.flag("fallback"), self)
        except SenderExists as error:
            self.take_error(id_, "sender_exists", str(error))
            return
        self.senders[info.name] = entry
        self._owned.update((topic.id, topic) for topic in entry.topics.values())
        self._ok(id_, {"topics": {event: topic.id for event, topic in entry.topics.items()}})

    def _no_place_for(self, info: SenderInfo, size: int) -> str | None:
        """Return why a sender cannot be taken, or ``None``."""
        accepted = self.peer_limits.max_frame
        if size > MAX_SENDER_BYTES or max(len(info.events), len(info.requests)) > MAX_EVENTS:
            return f"a sender has at most {MAX_EVENTS} events and as many methods, in {MAX_SENDER_BYTES} bytes"
        if len(write_body({"topics": dict.fromkeys(info.events, 0xFFFF_FFFF)})) > accepted:
            return f"the answer would be longer than the {accepted} bytes that you take: fewer events"
        if len(self.senders) >= self.options.max_senders or not self._hub.has_place_for(info):
            return (
                f"no more senders: {self.options.max_senders} a link, {MAX_SENDERS} in all, with {MAX_TOPICS} events "
                "in all"
            )
        if len(self._owned) + len(info.events) > MAX_LINK_TOPICS:
            return f"no more senders: those of a link have at most {MAX_LINK_TOPICS} events together"
        return None

    def _on_listen(self, id_: int, body: bytes, _now_s: float) -> None:
        fields = read_body("LISTEN", body)
        try:
            sender = check_name(fields.text("sender"), "sender") if fields.has("sender") else None
            event = check_event_to_hear(fields.text("event")) if fields.has("event") else None
        except SigError as error:
            raise RemoteProtocolError(f"LISTEN: {error}", code="invalid_name") from error
        if id_ in self.listeners:
            raise RemoteProtocolError(
                f"LISTEN uses the number {id_}, which another listener has", code="malformed_body"
            )
        if len(self.listeners) >= self.options.max_listeners or self._hub.listeners >= MAX_LISTENERS:
            text = f"no more listeners: {self.options.max_listeners} a link, {MAX_LISTENERS} in all"
            self.take_error(id_, "limit_reached", text)
            return
        self.listeners[id_] = (sender, event)
        self._ok(id_, {})
        self._hub.add_listener(self, id_, (sender, event))
        if event is not None and event.startswith("#"):
            present = self._hub.present(sender, self.peer_limits.max_frame)
            if present:
                self.put_event_frame(present)
        self.put_event_frame(frame(Kind.START, id_))

    def _on_unlisten(self, id_: int, _body: bytes, _now_s: float) -> None:
        key = self.listeners.pop(id_, None)
        if key is not None:
            self._hub.remove_listener(self, id_, key)

    def _on_query(self, id_: int, body: bytes, _now_s: float) -> None:
        fields = read_body("QUERY", body)
        what, after = fields.text("what"), fields.text("after", "")
        room = min(QUERY_BYTES, self.peer_limits.max_frame // 2)
        rows: Iterable[dict[str, Any]]
        if what == "senders":
            rows = (presence_fields(info) for info in self._hub.senders_after(after))
        elif what == "peers":
            rows = (peer_fields(peer) for peer in self._hub.peers()[fields.integer("skip", 0) :])
        else:
            self.take_error(id_, "request_failed", f"QUERY knows 'senders' and 'peers', not {what!r}")
            return
        page, more = _page(rows, room)
        self._ok(id_, {what: page, "more": more})

    def _on_request(self, id_: int, body: bytes, now_s: float) -> None:
        sender, method, _caller, timeout_ms, params = read_request(body)
        if self._hub.requests.is_open(self, id_):
            raise RemoteProtocolError(f"REQUEST uses the number {id_}, which is open", code="malformed_body")
        deadline_s = None if timeout_ms == NO_TIMEOUT_MS else now_s + timeout_ms / 1000
        self._hub.requests.request(self, id_, sender, method, timeout_ms, self.codec, params, deadline_s)

    def _on_reply(self, id_: int, body: bytes, _now_s: float) -> None:
        self._hub.requests.reply(self, id_, self.codec, body)

    def _on_error(self, id_: int, body: bytes, _now_s: float) -> None:
        fields = read_body("ERROR", body)
        self._hub.requests.refuse(self, id_, fields.text("code"), fields.text("message", ""))

    def _on_cancel(self, id_: int, _body: bytes, _now_s: float) -> None:
        self._hub.requests.cancel(self, id_)

    def _on_remove_sender(self, _id: int, body: bytes, _now_s: float) -> None:
        data = frame(Kind.REMOVE_SENDER, 0, body)
        if self._inbox:
            self._inbox.append((Kind.REMOVE_SENDER, data))
            return
        self._remove_sender(data)
        self._consumed += len(data)

    def _remove_sender(self, data: bytes) -> None:
        name = read_body("REMOVE_SENDER", data[HEADER_BYTES:]).text("sender")
        entry = self.senders.pop(name, None)
        if entry is None:  # its ADD_SENDER was refused meanwhile
            return
        for topic in entry.topics.values():
            del self._owned[topic.id]
        self._hub.remove_sender(entry)

    # events

    def _on_events(self, kind: int, id_: int, route: Route | None, run: bytes, count: int) -> None:
        if route is None:
            route = self._find_route(id_)
        if self._inbox or not self._has_room(route):
            self._inbox.append((Kind.EVENT, run))
            self._hub.wants_room(self)
            return
        self._hub.forward(run, count, self.codec, self.options.max_frame, route)
        self._consumed += len(run)

    def _find_route(self, id_: int) -> Route:
        topic = self._owned.get(id_)
        if topic is None:
            text = f"an event on topic {id_}, which is not one of this link's senders'"
            raise RemoteProtocolError(text, code="topic_not_owned")
        route = self.routes[id_] = self._hub.route(topic)
        return route

    def _has_room(self, route: Route) -> bool:
        return not (route.is_full() or (route.local and self._hub.local.is_full))

    def _route_waiting(self, frames: bytes) -> bool:
        """Route a run that waited, by the routes of now; what cannot go on becomes the head of the inbox."""
        reader = FrameReader(self.options.max_frame, self.routes)
        for _kind, id_, route, data, start, end, count in reader.feed(frames):
            if route is None:
                route = self._find_route(id_)
            if not self._has_room(route):
                self._inbox[0] = (Kind.EVENT, frames[start:])
                self._consumed += start
                return False
            self._hub.forward(data[start:end], count, self.codec, self.options.max_frame, route)
        return True

    def _take_events(self, parts: list[bytes], room: int) -> None:
        was_full = self.is_full
        size = 0
        while self._events and size < min(room, WRITE_BYTES):
            count, data = self._events[0]
            if size + len(data) > room and count != 1:
                data = self._begin_within(data, room - size)
            if len(data) == len(self._events[0][1]):
                self._events.popleft()
            else:
                self._events[0] = (0, self._events[0][1][len(data) :])
            parts.append(data)
            size += len(data)
        self.queued -= size
        self._progress += size
        self._wrote_events(size)
        if was_full and not self.is_full:
            self._hub.room_came()

    @staticmethod
    def _begin_within(frames: bytes, room: int) -> bytes:
        """Return the frames that begin within the first ``room`` bytes."""
        pos = 0
        while pos < room:
            pos += HEADER_BYTES + int.from_bytes(frames[pos : pos + 4], "big")
        return frames[:pos]

    def _ok(self, id_: int, fields: dict[str, Any]) -> None:
        self.put_control(Kind.OK, id_, write_body(fields))
        self._hub.mark(self)


def _page(rows: Iterable[dict[str, Any]], room: int) -> tuple[list[dict[str, Any]], bool]:
    """Return as many of ``rows`` as fit into ``room`` bytes of JSON, at least one, and whether there are more."""
    page: list[dict[str, Any]] = []
    size = 0
    for row in rows:
        row_size = len(write_body(row))
        if row_size > room:
            row = brief(row)
            row_size = len(write_body(row))
        size += row_size
        if size > room and page:
            return page, True
        page.append(row)
    return page, False
