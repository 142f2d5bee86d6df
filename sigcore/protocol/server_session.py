# SPDX-License-Identifier: MIT
"""A session at the server: what one client registered, what waits for it, and what came from it and waits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import count, islice
from typing import TYPE_CHECKING, Any, ClassVar

from .._errors import Busy, CodecError, LinkError, NotAllowed, RemoteProtocolError, SenderExists, SigError
from .._info import Peer, SenderInfo
from .._names import PRESENCE_EVENTS, check_event_to_hear, check_name, is_like
from .._shown import shown
from .._terms import POLICIES
from .access_change import verb_for
from .bodies import (
    KEPT_HEAD_BYTES,
    NO_TIMEOUT_MS,
    read_body,
    read_request,
    write_body,
    write_error,
    write_kept,
    write_request,
)
from .event_queue import EventQueue
from .frames import FIRST_EVENT_LANE, HEADER_BYTES, Item, Kind, frame
from .history import EVENT_BYTES
from .holdups import fair_s
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
from .inbox import Inbox
from .medium import ANY
from .pace import Pace
from .permits import refusal
from .session import Limits, Session
from .stall import StallBudget
from .translate import translate, translate_event
from .waiting import EVENTS, heads

if TYPE_CHECKING:
    from .._codec import Codec
    from .._info import Policy
    from .._limits import LinkOptions
    from .._listener import Key
    from .._secret import Secret
    from .calls import Asker
    from .hub import Hub
    from .routes import Route, SenderEntry, Topic

MAX_SENDER_BYTES = 64 * 1024
"""Longest ADD_SENDER: what is told of the sender then is no longer than a JSON body may be."""

NOTICE_EVENTS = 20
"""How many of a sender's events a NOTICE names: enough to find a slip of the pen."""

QUERY_BYTES = 48 * 1024
"""About how long one answer to a QUERY gets; the asker goes on after its last entry."""

COSTS: Mapping[int, int] = {Kind.ADD_SENDER: 2, Kind.LISTEN: 1, Kind.UNLISTEN: 1, Kind.QUERY: 8, Kind.CANCEL: 1}
"""What the option ``registrations`` counts, in tokens of about 0.2 ms; with a sender, that it is removed again."""

TOKEN_BYTES_IN, TOKEN_BYTES_OUT = 128, 4096
"""So many bytes of such a frame, and of what it brings into the event lane, cost a token more."""

TOKEN_TOPICS = 64
"""So many topics of the server's own that a listener concerns cost a token more."""

TOKEN_KEPT = 10
"""So many kept events that it is given cost a token more."""

TOKEN_LOOKS = 50
"""So many looks whether the rules let it have something, of which it may get nothing, cost a token more."""

TOKEN_RULES = 100
"""So many rules cost a token more where a listener leaves open what it asks for."""

TOKENS_A_TURN = 20
"""Of one link, until the others have their turn."""

LEAST_HOLD_S = 0.01
"""A link that is held back is looked at no more often than that."""

REPLAY_BYTES = 1024 * 1024
"""How much of what is kept one listener gets at most, reckoned as ``History`` does: more would hold up the others."""

REPLAY_LOOKS = 10_000
"""How many kept events are looked at for that: a listener may not be allowed to hear most of them."""

SESSION_BYTES = 6 * 1024
"""About what a session takes in memory beside what it keeps."""


class ServerSession(Session):
    """One client's session, at the server.

    Attributes:
        id: Its name on the wire, 128 random bits as hexadecimal text.
        secret: What a link must show to carry it, of the same form.
        peer: Who is at the other end.
        credential: The secret or the token by which its last link proved that; ``None`` where it showed neither.
        permits: The rules that held when it was looked at last.
        codec: The codec of its data.
        routes: The topics that it owns and whose route is known.
        senders: The senders that it registered, by name.
        listeners: What its listeners asked for, by their numbers.
        told: The topics that were announced to it.
        counters: How many events were lost for it, by cause.
        events: The events that wait for it.
        stall: How long it may still hold up others.
        detached_s: When its link left; ``None`` while it has one.
        may_resume: Whether its client can go on with it over another link.
        tells_identity: Whether its client is told the identity of whoever makes a request.
        medium: What carries its link, or carried the last one.
        is_closing: Whether the server closes: events that come now are not taken, nor acknowledged.
    """

    routes: dict[int, Route]

    __slots__ = (
        "_forbidden_to",
        "_hub",
        "_inbox",
        "_lost",
        "_owned",
        "_pace",
        "_turn_s",
        "_turn_tokens",
        "codec",
        "counters",
        "credential",
        "detached_s",
        "events",
        "id",
        "is_closing",
        "listeners",
        "max_requests",
        "may_resume",
        "medium",
        "peer",
        "permits",
        "secret",
        "senders",
        "stall",
        "tells_identity",
        "told",
    )

    handlers: ClassVar = {
        Kind.ADD_SENDER: "_on_add_sender",
        Kind.LISTEN: "_on_listen",
        Kind.UNLISTEN: "_on_unlisten",
        Kind.QUERY: "_on_query",
        Kind.REQUEST: "_on_request",
        Kind.REPLY: "_on_reply",
        Kind.ERROR: "_on_error",
        Kind.CANCEL: "_on_cancel",
        Kind.PAD: "_on_pad",
        Kind.EVENT: "_on_events",
        Kind.EVENT_META: "_on_events",
        Kind.GAP: "_on_events",
        Kind.REMOVE_SENDER: "_on_remove_sender",
        Kind.SYNC: "_on_sync",
    }

    def __init__(self, hub: Hub, options: LinkOptions, accepts: Limits, codec: Codec, peer: Peer) -> None:
        super().__init__(options, {}, accepts)
        self.id, self.secret = hub.new_token(), hub.new_token()
        self._hub = hub
        self.codec = codec
        self.peer = peer
        self.credential: Secret | None = None
        self.permits = hub.permits
        self._forbidden_to = 0
        self.max_requests = options.max_requests
        self.may_resume = True
        self.tells_identity = False
        self.senders: dict[str, SenderEntry] = {}
        self.listeners: dict[int, Key] = {}
        self.told: set[Topic] = set()
        self.counters: dict[str, int] = {}
        self.events = EventQueue(options.event_queue, self.count)
        self.stall = StallBudget(options.stall_budget)
        self.detached_s: float | None = None
        self.medium = ANY
        self.is_closing = hub.is_closing
        self._owned: dict[int, Topic] = {}
        self._lost: dict[str, SenderEntry] = {}  # by name: senders that lost it, of which events may be on their way
        self._inbox = Inbox(self)
        most_at_once = options.max_senders + options.max_listeners
        self._pace = Pace(options.registrations, max(2 * options.registrations, most_at_once))
        self._turn_s, self._turn_tokens = 0.0, 0  # when it spent tokens last, and how many at that time

    # what the hub asks of it

    @property
    def identity(self) -> str:
        """Who is at the other end; empty for whoever proved nothing."""
        return self.peer.identity

    def sees(self, sender: str) -> bool:
        """Whether it may know of a sender that it is there."""
        return self.permits.is_open or self.permits.may(self.identity, "see", sender)

    def forbid_what_was_written(self) -> None:
        """The rules take something away: what was written before must not be written again by another link."""
        self._forbidden_to = self.written

    def take_back_what_was_written(self) -> None:
        """The rules forbid some of it: where a part is still here, waiting for the line, its link ends."""
        if self.link is not None and (self._again or self.link.has_pieces):
            self.link.lose(LinkError("the rules have changed, and forbid what waits to be written"))

    def can_go_on_from(self, received: int) -> bool:
        """Whether it can be gone on with, and nothing would be written again that the rules do not allow any more."""
        return received >= self._forbidden_to and super().can_go_on_from(received)

    def waits_for(self) -> tuple[set[int], set[str]]:
        """Return of what something waits: topics, and senders that come or go."""
        return _told_of(self.events.runs())

    def was_told_of(self) -> tuple[set[int], set[str]]:
        """Return of what something was written and may have to be again: topics, and senders that come or go."""
        return _told_of(data[begin:] for data, begin in self._written)

    def write_again(self) -> bytes:
        """Return the next piece of what did not arrive; the rules of now see first to all that is to be written."""
        if self.permits is not self._hub.permits:
            self._hub.access_change.bring_under(self)
        return self._again.pop() if self._again else b""

    @property
    def unsettled_size(self) -> int:
        """How many bytes that is."""
        return self.events.size + self._sent - self._acknowledged

    def count(self, cause: str, text: str, number: int = 1) -> None:
        """Take down events that were lost for it; ``text`` says what happened and what to do."""
        self.counters[cause] = self.counters.get(cause, 0) + number
        self._hub.drops.count(cause, text, number, self.peer)

    @property
    def holds_up(self) -> bool:
        """Whether those who signal what it must not miss have to wait for it."""
        return self.events.is_full and not self.events.is_released

    @property
    def has_unsent(self) -> bool:
        """Whether anything that was accepted is still on its way from it or to it."""
        return bool(self._inbox or self._control or not self.events.is_empty or not self.is_acknowledged)

    @property
    def has_unwritten(self) -> bool:
        """Whether something waits that may be written now."""
        return bool(self._control or self._again or not self.events.is_empty)

    def take(self, item: Item, now_s: float) -> None:
        """Take a counted frame, or a run of events; while the server closes, only the answers to requests."""
        if not self.is_closing:
            if item[0] < FIRST_EVENT_LANE and item[0] in COSTS:
                self._take_costly(item, now_s)
            else:
                super().take(item, now_s)
        elif item[0] in (Kind.REPLY, Kind.ERROR):  # not counted: what is not taken stands in front of it
            _kind, id_, _route, data, start, end, _count = item
            getattr(self, self.handlers[item[0]])(id_, data[start + HEADER_BYTES : end], now_s)

    def _take_costly(self, item: Item, now_s: float) -> None:
        """Take a frame of those that cost more than their few bytes, and reckon what it cost."""
        waiting = self.events.size
        super().take(item, now_s)
        size, grown = item[5] - item[4], max(0, self.events.size - waiting)
        self._spend(COSTS[item[0]] + size // TOKEN_BYTES_IN + grown // TOKEN_BYTES_OUT, now_s)

    def _spend(self, tokens: int, now_s: float) -> None:
        """Hold back a link that registers and asks more than anybody needs, for as long as that is too much."""
        wait_s = self._pace.spend(tokens, now_s)
        if now_s != self._turn_s:
            self._turn_s, self._turn_tokens = now_s, 0
        self._turn_tokens += tokens
        if self.link is None:
            return
        if wait_s:
            self.link.hold(now_s + max(wait_s, LEAST_HOLD_S))
            text = f"it comes with more than {self.options.registrations} registrations a second, and is held back"
            self._hub.drops.count("held_back", text, reader=self.peer)
        elif self._turn_tokens >= TOKENS_A_TURN:
            self.link.hold(now_s)

    @property
    def waiting_size(self) -> int:
        """How many bytes of events wait for it."""
        return self.events.size

    @property
    def most_waiting(self) -> int:
        """How many may."""
        return self.options.event_queue

    @property
    def fair_s(self) -> float:
        """In how many seconds it would be fair to read these, by the line that it has."""
        return fair_s(self.most_waiting, self.medium.byte_s)

    @property
    def taken(self) -> int:
        """How many bytes the other side has, ever; what only lies in a carrier's buffer is not taken yet."""
        return self._acknowledged

    def give_way(self) -> None:
        """Hold up nobody any more: lose the oldest events instead, and be told."""
        self.events.release()

    def hold_again(self, now_s: float) -> None:
        """Miss nothing again, if the stall budget has enough for it: it is not worth it for a moment at a time."""
        if self.link is not None and self.events.is_released and self.stall.may_begin(now_s):
            self.events.hold()

    @property
    def is_worth_keeping(self) -> bool:
        """Whether anything would be lost with it, now that it has no link."""
        if not self.may_resume:
            return False
        waits = super().kept_size or self._inbox or not self.events.is_empty
        return bool(self.senders or self.listeners or waits or self._hub.requests.has_any(self))

    @property
    def kept_size(self) -> int:
        """About how many bytes it takes in memory."""
        return super().kept_size + self.events.kept_size + SESSION_BYTES

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
        if not self.sees(info.name):
            return
        text = f"sender {info.name!r} does not declare the event {event!r}"
        fields = {"code": "event_not_declared", "message": text, "events": info.events[:NOTICE_EVENTS]}
        body = write_body(fields)
        if len(body) > self.peer_limits.max_frame:
            body = write_error("event_not_declared", text, self.peer_limits.max_frame)
        self.notice(listener_id, body)

    def notice(self, listener_id: int, body: bytes) -> None:
        """Tell a listener's owner something, if there is room for it."""
        if self.control_is_full:
            self._hub.drops.count("notice", "a notice was left out: much control waits for the link")
            return
        self.put_control(Kind.NOTICE, listener_id, body)
        self._hub.mark(self)

    def put_events(self, run: bytes, policy: Policy) -> bool:
        """Queue events for the other side; return whether the last of them was taken."""
        taken = self.events.put(run, policy)
        if self.events.is_over and not self.is_over:
            text = f"{self.events.size} bytes of events wait for this link, whose listeners ask to be disconnected then"
            self.fail(RemoteProtocolError(text, code="too_slow"))
        return taken

    def put_event_frame(self, data: bytes) -> None:
        """Queue a frame of the event lane that is no event; no credit holds back those who cause it."""
        limit = self.options.event_queue
        if limit is not None and self.events.size > 2 * (limit + self._hub.presence_size):
            text = f"{self.events.size} bytes of events and presence wait for this link"
            self.fail(RemoteProtocolError(text, code="too_slow"))
        self.events.put_frame(data)

    def retry(self) -> None:
        """Readers have room again: route what waits, as far as it goes."""
        try:
            consumed = self._inbox.go_on()
        except RemoteProtocolError as error:
            self.fail(error)
            return
        self._consumed += consumed
        if self.link is not None and consumed:
            self._put_ack()  # the publisher waits for this credit
            self._hub.mark(self)

    def route_the_rest(self) -> None:
        """For others the session is gone: what came from it goes on, whoever holds it up."""
        with suppress(RemoteProtocolError):  # what came was broken, and nothing behind it can be taken
            self._consumed += self._inbox.go_on(whatever=True)  # its credit, if another link comes after all

    # requests: this session as the one that asks, and as the one that is asked

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
        identity = (peer.identity if peer is not None else "") if self.tells_identity else None
        body = write_request(sender, method, caller, timeout_ms, translate(params, codec, self.codec), identity)
        if len(body) > self.peer_limits.max_frame:
            raise CodecError(f"they have {len(body)} bytes, the link takes {self.peer_limits.max_frame}")
        self.put_control(Kind.REQUEST, call_id, body)
        self._hub.mark(self)

    def withdraw(self, call_id: int) -> None:
        """Write that an answer is not wanted any more."""
        self.put_control(Kind.CANCEL, call_id)
        self._hub.mark(self)

    def _time_left_ms(self, request_id: int, now_s: float) -> int | None:
        return self._hub.requests.time_left_ms(self, request_id, now_s)

    # frames

    def _on_add_sender(self, id_: int, body: bytes, _now_s: float) -> None:
        name = read_body("ADD_SENDER", body).name("sender", "sender")
        if self._inbox and name in self.senders:  # its removal may wait among the events; then it comes next
            self._inbox.put_late_sender(id_, body)
        else:
            self.enter_sender(id_, body)

    def enter_sender(self, id_: int, body: bytes) -> None:
        """Register a sender, or say why not."""
        fields = read_body("ADD_SENDER", body)
        info = SenderInfo(
            fields.name("sender", "sender"),
            fields.names("events", "event"),
            fields.names("requests", "method"),
            peer=self.peer,
        )
        why = self._not_allowed(info)
        if why is not None:
            self._hub.drops.count("not_allowed", why, reader=self.peer)
            self.take_error(id_, "not_allowed", why)
            return
        kept = {event: keep for event, keep in fields.fields("keep").integers_by_name().items() if event in info.events}
        why = self._no_place_for(info, len(body))
        if why is not None:
            self.take_error(id_, "limit_reached", why)
            return
        try:
            entry = self._hub.add_sender(info, fields.flag("fallback"), self, kept)
        except SenderExists as error:
            self.take_error(id_, "sender_exists", str(error))
            return
        if not self._inbox:  # else events of the one that lost the name may still be in there
            self._forget_lost(info.name)
        self.senders[info.name] = entry
        self._owned.update((topic.id, topic) for topic in entry.topics.values())
        self._ok(id_, {"topics": {event: topic.id for event, topic in entry.topics.items()}})

    def _not_allowed(self, info: SenderInfo) -> str | None:
        """Return why the rules, or the endpoint, do not take such a sender, or ``None``."""
        patterns = self.options.senders
        if patterns is None or any(is_like(info.name, pattern) for pattern in patterns):
            return self._hub.permits.why_not_send(self.identity, info.name, (*info.events, *info.requests))
        return (
            f"the server takes no sender {shown(info.name)} at {self.peer.endpoint}, only: {', '.join(patterns)} (its "
            "option senders); take one of these names, or have it allowed there"
        )

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

    def _on_listen(self, id_: int, body: bytes, now_s: float) -> None:
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
        policy = fields.choice("policy", POLICIES)
        verb = verb_for(event)
        self._spend(self._look_cost(sender, event), now_s)
        if not self._hub.permits.could(self.identity, verb, sender, event):
            text = refusal(self.identity, verb, sender, event)
            self._hub.drops.count("not_allowed", text, reader=self.peer)
            self.take_error(id_, "not_allowed", text)
            return
        self.listeners[id_] = (sender, event)
        self._ok(id_, {})
        self._hub.add_listener(self, id_, (sender, event), policy)
        if event in PRESENCE_EVENTS:
            present = self._hub.present(sender, self)
            if present:
                self.put_event_frame(present)
        elif fields.integer("replay", 0):
            self._spend(self.replay(id_, (sender, event), fields.integer("replay")), now_s)
        self.put_event_frame(frame(Kind.START, id_))
        self._spend(self._hub.weight((sender, event)) // TOKEN_TOPICS, now_s)

    def _look_cost(self, sender: str | None, event: str | None) -> int:
        """Return how many tokens it costs to see what the rules allow a listener."""
        permits = self._hub.permits
        if permits.is_open or (sender is not None and event is not None):
            return 0
        looks = self._hub.sender_count if event in PRESENCE_EVENTS else 0
        return len(permits.rules.rules) // TOKEN_RULES + looks // TOKEN_LOOKS

    def _on_unlisten(self, id_: int, _body: bytes, now_s: float) -> None:
        key = self.listeners.pop(id_, None)
        if key is not None:
            self._hub.remove_listener(self, id_, key)
            self._spend(self._hub.weight(key) // TOKEN_TOPICS, now_s)

    def _on_query(self, id_: int, body: bytes, now_s: float) -> None:
        fields = read_body("QUERY", body)
        what, after = fields.text("what"), fields.text("after", "")
        room = min(QUERY_BYTES, self.peer_limits.max_frame // 2)
        rows: Iterable[dict[str, Any]]
        looks = count()
        if what == "senders":
            senders = zip(self._hub.senders_after(after), looks, strict=False)
            rows = (presence_fields(info) for info, _look in senders if self._may_see(info))
        elif what == "peers":
            looks = count(self._hub.sender_count)
            rows = (peer_fields(peer) for peer in self._hub.peers_seen_by(self)[fields.integer("skip", 0) :])
        else:
            self.take_error(id_, "request_failed", f"QUERY knows 'senders' and 'peers', not {what!r}")
            return
        page, more = _page(rows, room)
        self._ok(id_, {what: page, "more": more})
        if not self._hub.permits.is_open:
            self._spend(next(looks) // TOKEN_LOOKS, now_s)

    def _may_see(self, info: SenderInfo) -> bool:
        return info.name in self.senders or self.sees(info.name)

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

    def _on_remove_sender(self, id_: int, body: bytes, _now_s: float) -> None:
        self._consumed += self._inbox.put(Kind.REMOVE_SENDER, id_, body)

    def drop_sender(self, body: bytes) -> None:
        """Take a sender out."""
        name = read_body("REMOVE_SENDER", body).text("sender")
        entry = self.senders.pop(name, None)
        if entry is None:  # its ADD_SENDER was refused meanwhile, or it lost its name
            self._forget_lost(name)
            return
        for topic in entry.topics.values():
            del self._owned[topic.id]
        self._hub.remove_sender(entry)
        entry.let_go()

    def _on_sync(self, id_: int, body: bytes, _now_s: float) -> None:
        self._consumed += self._inbox.put(Kind.SYNC, id_, body)

    def answer_sync(self, id_: int, accepted: int) -> None:
        """Tell how many routers took the event in front of a SYNC."""
        self._ok(id_, {"accepted": accepted})

    # events

    def _on_events(self, id_: int, route: Route | None, run: bytes, count: int, _now_s: float) -> None:
        if route is None:
            route = self.find_route(id_)
        self._consumed += self._inbox.put_run(route, run, count)

    def find_route(self, id_: int) -> Route:
        """Return where the events of a topic go.

        Raises:
            RemoteProtocolError: The topic is not one of this session's.
        """
        topic = self._owned.get(id_)
        if topic is None:
            text = f"an event on topic {id_}, which is not one of this link's senders'"
            raise RemoteProtocolError(text, code="topic_not_owned")
        route = self.routes[id_] = self._hub.route(topic)
        return route

    def is_held_up(self, route: Route) -> bool:
        """Whether events by that route must wait; then the session is retried when there is room."""
        if not route.is_full() and not (route.local and self._hub.local.is_full):
            return False
        self._hub.wants_room(self, route)
        return True

    def make_way(self, route: Route) -> None:
        """This publisher is over, and its last events wait for nobody."""
        self._hub.make_way(route)

    def forward(self, run: bytes, count: int, route: Route) -> int:
        """Give a run of ours to its readers; return how many routers took its last event."""
        return self._hub.forward(run, count, self.codec, self.options.max_frame, route)

    def _take_events(self, parts: list[bytes]) -> bool:
        events = self.events
        if events.is_empty:
            return False
        was_full = events.is_full
        size = events.take(parts, self._event_room(), self.options.write_size)
        self._wrote_events(size)
        if events.is_released and not events.is_full:
            self.hold_again(self._hub.now_s)
        if was_full and not events.is_full:
            self._hub.got_room(self)
        return not events.is_empty

    def lose_sender(self, entry: SenderEntry, error: SenderExists | NotAllowed) -> None:
        """Another has the name of a sender, or the rules do not allow it any more: tell the client."""
        self._lost[entry.info.name] = self.senders.pop(entry.info.name)
        code = "not_allowed" if isinstance(error, NotAllowed) else "sender_exists"
        fields = {"code": code, "message": str(error), "sender": entry.info.name}
        self.put_control(Kind.NOTICE, 0, write_body(fields))

    def let_go(self) -> None:
        """Have its senders freed at once (see ``SenderEntry.let_go``): it is gone for good."""
        self.senders.clear()
        self._owned.clear()
        self._lost.clear()
        self.routes.clear()

    def _forget_lost(self, name: str) -> None:
        """The client knows that a sender lost its name, and no event of it comes any more."""
        entry = self._lost.pop(name, None)
        if entry is not None:
            for topic in entry.topics.values():
                del self._owned[topic.id]
                self.routes.pop(topic.id, None)
            entry.let_go()

    def replay(self, listener_id: int, key: Key, most: int) -> int:
        """Give a new listener what is kept for it: the newest, as far as there is room, oldest first.

        Returns:
            What that costs, in tokens.
        """
        frames: list[bytes] = []
        looks = 0
        room = min(REPLAY_BYTES, self.options.event_queue - self.events.size)
        for looks, (topic, codec, kind, body) in enumerate(islice(self._hub.kept(key, most), REPLAY_LOOKS), 1):  # noqa: B007  # used below
            if topic.sender.session is self or not self._hub.may_hear(self, topic):
                continue
            if not self._hub.announce(self, topic):
                continue
            try:
                body = translate_event(kind, body, codec, self.codec, self.peer_limits.max_frame - KEPT_HEAD_BYTES)
            except CodecError:
                continue  # as if it were not kept
            frames.append(frame(Kind.KEPT, topic.id, write_kept(listener_id, kind, body)))
            room -= EVENT_BYTES + len(body)
            if room < 0:
                break
        for data in reversed(frames):
            self.put_event_frame(data)
        return len(frames) // TOKEN_KEPT + looks // TOKEN_LOOKS

    def _ok(self, id_: int, fields: dict[str, Any]) -> None:
        self.put_control(Kind.OK, id_, write_body(fields))
        self._hub.mark(self)


def _told_of(runs: Iterable[bytes]) -> tuple[set[int], set[str]]:
    """Return of which topics there are events, and of which senders that they come or go."""
    topics: set[int] = set()
    senders: set[str] = set()
    for run in runs:
        for kind, id_, start, end in heads(run):
            if kind in EVENTS or kind == Kind.KEPT:
                topics.add(id_)
            elif kind == Kind.PRESENCE:
                senders.add(read_body("PRESENCE", run[start + HEADER_BYTES : end]).text("sender"))
    return topics, senders


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
