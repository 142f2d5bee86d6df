# SPDX-License-Identifier: MIT
"""A session at the client: what this process registered with a server, asked of it and was told by it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from .._errors import (
    Busy,
    DeliveryUnknown,
    FrameTooLarge,
    LinkError,
    NotSent,
    RemoteProtocolError,
    SenderLost,
    SigError,
)
from .._info import Peer, SenderInfo
from .._names import EVENT_CONSOLE
from .bodies import (
    MAX_BODY_BYTES,
    NAMES_KNOWN,
    Fields,
    read_body,
    read_kept,
    read_request,
    read_request_of,
    timeout_ms,
    write_body,
    write_error,
    write_request,
)
from .codes import error_of, outcome_of
from .frames import HEADER_BYTES, Kind, frame
from .outbox import REFUSED
from .session import Limits, Session

if TYPE_CHECKING:
    from .._limits import LinkOptions
    from .._listener import Listener
    from .._sender import Sender
    from .._signal import Signal
    from .outbox import Outbox, Outlet

Answer = Callable[[bytes | None, SigError | None], None]
"""Takes the body of an answer, or the error that came instead."""


Registered = Callable[[SigError | None], None]
"""Takes ``None`` once the server knows a sender or listener, or the reason why it does not."""


class ClientSide(Protocol):
    """The client's process, as its session sees it."""

    def topic_came(self, id_: int, sender: str, event: str, peer: Peer | None) -> Signal[Any]:
        """Enter an event of another router's sender, and its topic's number; return what reaches the listeners."""

    def topic_left(self, id_: int, signal: Signal[Any]) -> None:
        """Take such an event out."""

    def frame_came(self, size: int) -> None:
        """Take down another frame of the event lane; it counts as consumed as events do, when its work is done."""

    def events_came(self, run: bytes) -> None:
        """Take a run of events of topics that came; it counts as consumed when ``Session.consumed`` says so."""

    def kept_came(self, listener: Listener | None, signal: Signal[Any], kind: int, body: bytes, size: int) -> None:
        """Take an event that was kept for one listener; ``None`` where that has gone."""

    def started(self, listener: Listener | None, size: int) -> None:
        """A listener has got what it gets first: from now on it hears what happens."""

    def presence_came(self, info: SenderInfo, size: int) -> None:
        """Take the news that a sender is there or left, in its place among the events."""

    def notice_came(self, listener: Listener, fields: Fields) -> None:
        """Take a notice for a listener's owner."""

    def sender_lost(self, sender: Sender, error: SigError) -> None:
        """The server gave the name of a sender to another router while there was no link."""

    def asked(self, call_id: int, sender: str, method: str, asking: Peer, timeout_ms: int, params: bytes) -> None:
        """Take a request to one of this router's senders."""

    def withdrawn(self, call_id: int) -> None:
        """Nobody waits for that answer any more."""


@dataclass(slots=True)
class Leaving:
    """A sender whose removal is not written yet.

    Attributes:
        outlets: Its own.
        successors: The senders that wait for its name, as ``add_sender`` takes them.
    """

    outlets: list[Outlet]
    successors: list[tuple[Sender, list[Outlet], Registered]] = field(default_factory=list)


class ClientSession(Session):
    """A session with a server, at the client.

    Attributes:
        id: Its name on the wire.
        secret: What shows that it is ours.
        server: Who is at the other end.
        identity: Who the server takes us for; empty where it does not know.
        hears_identity: Whether a REQUEST says the identity of whoever makes it.
    """

    handlers: ClassVar = {
        Kind.OK: "_on_answer",
        Kind.REPLY: "_on_answer",
        Kind.ERROR: "_on_error",
        Kind.NOTICE: "_on_notice",
        Kind.REQUEST: "_on_request",
        Kind.CANCEL: "_on_cancel",
        Kind.PAD: "_on_pad",
        Kind.TOPIC: "_on_topic",
        Kind.EVENT: "_on_events",
        Kind.EVENT_META: "_on_events",
        Kind.GAP: "_on_events",
        Kind.KEPT: "_on_kept",
        Kind.PRESENCE: "_on_presence",
        Kind.START: "_on_start",
        Kind.REMOVE_SENDER: "_on_remove_sender",
    }
    side: ClientSide

    def __init__(
        self, options: LinkOptions, accepts: Limits, outbox: Outbox, id_: str, secret: str, server: Peer
    ) -> None:
        self._signals: dict[int, Signal[Any]] = {}  # by topic number
        self._here: dict[int, object] = {}  # the same topics, which all go to this process: their events are one run
        super().__init__(options, self._here, accepts)
        self.id, self.secret, self.server = id_, secret, server
        self.identity = ""
        self.hears_identity = False
        self._outbox = outbox
        self._topics_of: dict[str, list[int]] = {}
        self._ids = itertools.count(1)
        self._answers: dict[int, Answer] = {}
        self._deadlines: dict[int, float | None] = {}  # of the requests among what was asked
        self._syncs: set[int] = set()  # the deliveries among it
        self._listeners: dict[int, Listener] = {}
        self._listener_ids: dict[Listener, int] = {}
        self._listening: dict[Listener, list[Registered]] = {}  # listeners that the server was asked to know
        self._held: dict[str, tuple[Sender, list[Outlet]]] = {}  # by name: what the server knows or was asked to know
        self._adding: dict[Sender, list[Registered]] = {}  # senders that the server was asked to know
        self._leaving: dict[str, Leaving] = {}  # names whose removal is not written yet

    # senders and listeners of this process

    def add_sender(self, sender: Sender, outlets: list[Outlet], answer: Registered) -> None:
        """Register a sender; ``answer`` gets ``None`` once the server knows it, or why it does not."""
        if sender.removed:
            answer(None)
            return
        held = self._held.get(sender.name)
        if held is not None and held[0] is not sender:  # its removal is on its way; the new one is only faster
            self.remove_sender(held[0])
        leaving = self._leaving.get(sender.name)
        if leaving is not None:  # the name is free once the removal of its predecessor is written
            leaving.successors.append((sender, outlets, answer))
        elif sender in self._adding:
            self._adding[sender].append(answer)
        elif held is not None and held[0] is sender:
            answer(None)
        else:
            self._add(sender, outlets, answer)

    def _add(self, sender: Sender, outlets: list[Outlet], answer: Registered) -> None:
        self._adding[sender] = [answer]
        self._held[sender.name] = (sender, outlets)
        for outlet in outlets:
            outlet.topic_id = None

        def answered(body: bytes | None, error: SigError | None) -> None:
            if body is not None:
                topics = read_body("OK", body).fields("topics")
                for outlet, event in zip(outlets, sender.events, strict=True):
                    outlet.topic_id = topics.integer(event, least=1, most=2**32 - 1)
            elif not isinstance(error, LinkError):
                self._let_go(sender)
                for outlet in outlets:
                    outlet.topic_id = REFUSED
            for each in self._adding.pop(sender):
                each(error)

        fields = {
            "sender": sender.name,
            "events": sender.events,
            "requests": sender.requests,
            "fallback": sender.handlers.has_fallback,
        }
        if sender.keep:
            fields["keep"] = sender.keep
        self.call(Kind.ADD_SENDER, write_body(fields), answered)

    def remove_sender(self, sender: Sender) -> bool:
        """Take a sender back, after the events that wait; return whether the server knew it or was asked to."""
        outlets = self._let_go(sender)
        if outlets is None:
            return False
        self._leaving[sender.name] = Leaving(outlets)
        body = write_body({"sender": sender.name})
        self._outbox.put_in_any_case((None, Kind.REMOVE_SENDER, body, None), HEADER_BYTES + len(body))
        return True

    def holds(self, name: str) -> bool:
        """Whether the server has accepted a sender of that name from this router."""
        held = self._held.get(name)
        return held is not None and held[0] not in self._adding

    def _let_go(self, sender: Sender) -> list[Outlet] | None:
        held = self._held.get(sender.name)
        if held is None or held[0] is not sender:
            return None
        del self._held[sender.name]
        return held[1]

    def add_listener(self, listener: Listener, answer: Registered) -> None:
        """Ask for what a listener wants; ``answer`` gets ``None`` once the server has taken it, or why it has not."""
        if listener in self._listening:
            self._listening[listener].append(answer)
            return
        if listener in self._listener_ids or listener.removed:
            answer(None)
            return
        self._listening[listener] = [answer]
        fields: dict[str, Any] = {"sender": listener.sender, "event": listener.event}
        if listener.policy != "block":
            fields["policy"] = listener.policy
        if listener.replay:
            fields["replay"] = listener.replay

        def answered(_body: bytes | None, error: SigError | None) -> None:
            if error is not None:
                self._forget_listener(listener)
            for each in self._listening.pop(listener):
                each(error)

        id_ = self.call(Kind.LISTEN, write_body(fields), answered)
        if id_ in self._answers:
            self._listeners[id_] = listener
            self._listener_ids[listener] = id_

    def remove_listener(self, listener: Listener) -> None:
        """Ask for it no longer."""
        id_ = self._forget_listener(listener)
        if id_ is not None:
            self.put_control(Kind.UNLISTEN, id_)

    @property
    def has_unwritten(self) -> bool:
        """Whether something waits that may be written now."""
        return bool(self._control or self._again or not self._outbox.is_empty)

    @property
    def is_settled(self) -> bool:
        """Whether the server has taken every event that was written."""
        return self._credit - self.peer_limits.credit >= self._events_sent

    # calls

    def call(self, kind: Kind, body: bytes, answer: Answer) -> int:
        """Write a frame that is answered; return its number. ``answer`` is called once, also when the session ends."""
        id_ = self._free_id()
        if self.is_over:
            answer(None, self.error or LinkError("the session is over"))
        elif kind == Kind.REQUEST and self.control_is_full:
            answer(None, Busy("too many requests wait to be written to the server; try again"))
        elif len(body) > (longest := self._longest(kind)):
            text = f"{kind.name} needs {len(body)} bytes, the server accepts {longest} on this link (max_frame)"
            answer(None, FrameTooLarge(text))
        else:
            self._answers[id_] = answer
            self._queue_control(frame(kind, id_, body))  # as much as this process itself asks for
            if kind == Kind.REQUEST:
                self._unwritten[id_] = None
        return id_

    def request(self, sender: str, method: str, deadline_s: float | None, params: bytes, answer: Answer) -> int:
        """Write a request; return its number. The time it has left is put in as it is written."""
        id_ = self.call(Kind.REQUEST, write_request(sender, method, "", 0, params), answer)
        if id_ in self._answers:
            self._deadlines[id_] = deadline_s
        return id_

    def _time_left_ms(self, request_id: int, now_s: float) -> int | None:
        if request_id not in self._answers:
            return None
        deadline_s = self._deadlines[request_id]
        return timeout_ms(None if deadline_s is None else deadline_s - now_s)

    def cancel(self, id_: int) -> bool:
        """Nobody waits for that answer any more; return whether it was still to come."""
        self._deadlines.pop(id_, None)
        if self._answers.pop(id_, None) is None:
            return False
        if id_ not in self.unwritten_requests():
            self.put_control(Kind.CANCEL, id_)
        return True

    def sync(self, answer: Answer) -> int:
        """Return a number for a SYNC; ``answer`` gets how many routers took the event in front of it."""
        id_ = self._free_id()
        self._answers[id_] = answer
        self._syncs.add(id_)
        return id_

    def fail_unwritten_requests(self) -> None:
        """There was no link for too long: whoever waits for a request that was not written hears so."""
        for id_ in list(self.unwritten_requests()):
            answer = self._answers.pop(id_, None)
            self._deadlines.pop(id_, None)
            if answer is not None:
                answer(None, NotSent("there is no link to the server; the request was not sent"))

    def reply(self, call_id: int, result: bytes) -> None:
        """Answer a request of the server's."""
        if len(result) > self.peer_limits.max_frame:
            longest = self.peer_limits.max_frame
            text = f"the handler ran, but its result has {len(result)} bytes, and the server accepts {longest}"
            self.refuse(call_id, "request_failed", f"{text} on its link (max_frame)")
        else:
            self.put_reply(call_id, result)

    def refuse(self, call_id: int, code: str, message: str) -> None:
        """Say why a request of the server's has no result."""
        self.put_control(Kind.ERROR, call_id, write_error(code, message, self.peer_limits.max_frame))

    def release(self) -> None:
        """After the end: tell everybody who waits for an answer, and take out what came from the server."""
        error = self.error or LinkError("the session with the server is over")
        unwritten = self.unwritten_requests()
        answers, self._answers = self._answers, {}
        for id_, answer in answers.items():
            answer(None, self._outcome(id_, id_ in unwritten, error))
        self._deadlines.clear()
        adding, self._adding = self._adding, {}  # of answers that could not be read
        for sender_answers in adding.values():
            for sender_answer in sender_answers:
                sender_answer(error)
        leaving, self._leaving = self._leaving, {}
        for each in leaving.values():
            for outlet in each.outlets:
                outlet.topic_id = REFUSED
            for _sender, _outlets, sender_answer in each.successors:
                sender_answer(error)
        for topic_id, signal in self._signals.items():
            self.side.topic_left(topic_id, signal)
        self._signals.clear()
        self._here.clear()
        lost = self._written_topics()
        outlets = [outlet for _sender, outlets in self._held.values() for outlet in outlets]
        self._outbox.session_lost([outlet for outlet in outlets if outlet.topic_id in lost])
        for outlet in outlets:
            outlet.topic_id = None

    def _outcome(self, id_: int, is_unwritten: bool, error: LinkError) -> SigError:
        if id_ in self._syncs:
            return DeliveryUnknown(f"the session was lost before the server said that it has the event: {error}")
        if id_ not in self._deadlines:
            return error
        if is_unwritten:
            return NotSent(f"the request was not sent: {error}")
        return SenderLost(f"the session was lost after the request was sent; whether it ran is not known: {error}")

    # frames

    def _on_answer(self, id_: int, body: bytes, _now_s: float) -> None:
        answer = self._pop_answer(id_)
        if answer is not None:  # else whoever asked has given up
            answer(body, None)

    def _on_error(self, id_: int, body: bytes, _now_s: float) -> None:
        fields = read_body("ERROR", body)
        read = outcome_of if id_ in self._deadlines else error_of
        error = read(fields.text("code"), fields.text("message", ""))
        answer = self._pop_answer(id_)
        if answer is not None:
            answer(None, error)

    def _pop_answer(self, id_: int) -> Answer | None:
        self._deadlines.pop(id_, None)
        self._syncs.discard(id_)
        return self._answers.pop(id_, None)

    def _on_notice(self, id_: int, body: bytes, _now_s: float) -> None:
        fields = read_body("NOTICE", body)
        listener = self._listeners.get(id_)
        if listener is not None:
            self.side.notice_came(listener, fields)
        elif fields.text("code") in ("sender_exists", "not_allowed"):
            self._lose_sender(fields)

    def _lose_sender(self, fields: Fields) -> None:
        held = self._held.get(fields.name("sender", "sender"))
        if held is None or held[0] in self._adding:
            return
        sender, outlets = held
        self._let_go(sender)
        for outlet in outlets:
            outlet.topic_id = REFUSED
        self._outbox.names_lost(outlets)
        self.side.sender_lost(sender, error_of(fields.text("code"), fields.text("message", "")))

    def _on_request(self, id_: int, body: bytes, _now_s: float) -> None:
        identity = ""
        if self.hears_identity:
            sender, method, caller, identity, timeout_ms, params = read_request_of(body)
        else:
            sender, method, caller, timeout_ms, params = read_request(body)
        self.side.asked(id_, sender, method, _peer_called(caller, identity), timeout_ms, params)

    def _on_cancel(self, id_: int, _body: bytes, _now_s: float) -> None:
        self.side.withdrawn(id_)

    def _on_topic(self, id_: int, body: bytes, _now_s: float) -> None:
        fields = read_body("TOPIC", body)
        sender, event = fields.name("sender", "sender"), fields.event("event")
        if id_ in self._signals:
            raise RemoteProtocolError(f"TOPIC uses the number {id_} twice", code="malformed_body")
        self._signals[id_] = self.side.topic_came(id_, sender, event, self._peer_in(fields))
        self._here[id_] = self.side
        if event != EVENT_CONSOLE:  # that is no sender's, and stays when a sender of this name goes
            self._topics_of.setdefault(sender, []).append(id_)
        self.side.frame_came(HEADER_BYTES + len(body))

    def _on_presence(self, _id: int, body: bytes, _now_s: float) -> None:
        info = sender_info(read_body("PRESENCE", body), self.server)
        self.side.presence_came(info, HEADER_BYTES + len(body))

    def _on_start(self, id_: int, body: bytes, _now_s: float) -> None:
        self.side.started(self._listeners.get(id_), HEADER_BYTES + len(body))

    def _on_kept(self, id_: int, body: bytes, _now_s: float) -> None:
        signal = self._signals.get(id_)
        if signal is None:
            raise RemoteProtocolError(f"a kept event on topic {id_}, which was never announced", code="unknown_topic")
        listener_id, kind, event = read_kept(body)
        self.side.kept_came(self._listeners.get(listener_id), signal, kind, event, HEADER_BYTES + len(body))

    def _on_remove_sender(self, _id: int, body: bytes, _now_s: float) -> None:
        name = read_body("REMOVE_SENDER", body).name("sender", "sender")
        for topic_id in self._topics_of.pop(name, ()):
            del self._here[topic_id]
            self.side.topic_left(topic_id, self._signals.pop(topic_id))
        self.side.frame_came(HEADER_BYTES + len(body))

    def _on_events(self, id_: int, route: object, run: bytes, _count: int, _now_s: float) -> None:
        if route is None:
            raise RemoteProtocolError(f"an event on topic {id_}, which was never announced", code="unknown_topic")
        self.side.events_came(run)

    def _take_events(self, parts: list[bytes]) -> bool:
        most = self.options.write_size
        size, others = self._outbox.take_frames(parts, self._event_room(), most, self)
        self._wrote_events(size)
        for body in others:
            leaving = self._leaving.pop(read_body("REMOVE_SENDER", body).text("sender"))
            for outlet in leaving.outlets:
                outlet.topic_id = REFUSED  # what a thread triggers just now comes too late
            for successor in leaving.successors:
                self.add_sender(*successor)
        return bool(others) or size >= most

    def _peer_in(self, fields: Fields) -> Peer | None:
        return peer_in(fields) or self.server

    def _longest(self, kind: Kind) -> int:
        accepted = self.peer_limits.max_frame
        return accepted if kind == Kind.REQUEST else min(accepted, MAX_BODY_BYTES)

    def _free_id(self) -> int:
        """Return a number that nothing on this link goes by; they come round after 4 294 967 295."""
        while True:
            id_ = next(self._ids) & 0xFFFF_FFFF
            if id_ and id_ not in self._answers and id_ not in self._listeners:
                return id_

    def _forget_listener(self, listener: Listener) -> int | None:
        id_ = self._listener_ids.pop(listener, None)
        if id_ is not None:
            del self._listeners[id_]
        return id_


def sender_info(fields: Fields, server: Peer | None) -> SenderInfo:
    """Return a sender as PRESENCE and QUERY describe it; without a peer it is the server's own."""
    return SenderInfo(
        fields.name("sender", "sender"),
        fields.names("events", "event"),
        fields.names("requests", "method"),
        connected=fields.flag("connected"),
        peer=peer_in(fields) or server,
        cause=fields.text("cause", ""),
    )


@lru_cache(NAMES_KNOWN)
def _peer_called(name: str, identity: str) -> Peer:
    return Peer(name, identity)


def peer_in(fields: Fields) -> Peer | None:
    """Return the peer that a control body names, if it names one."""
    if not fields.has("peer"):
        return None
    peer = fields.fields("peer")
    return Peer(peer.text("name", ""), peer.text("identity", ""))
