# SPDX-License-Identifier: MIT
"""The server's own process, as one more place where senders and listeners are."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from .._errors import RequestFailed, SenderLost, SigError
from .._open_request import OpenRequest
from ..protocol.bodies import NO_TIMEOUT_MS, read_gap, timeout_ms, write_gap
from ..protocol.codes import outcome_of
from ..protocol.event_buffer import EventBuffer
from ..protocol.frames import HEADER, Kind, frame, split_run
from ..protocol.holdups import FAIR_S
from ..protocol.outbox import check_size, event_body
from ..protocol.stall import StallBudget
from ..protocol.waiting import plus
from ._delivery import decoded, size_of
from ._question import Question
from ._results import read_result

if TYPE_CHECKING:
    from .._codec import Codec
    from .._info import EventInfo, Gap, Peer, SenderInfo
    from .._limits import LinkOptions
    from .._listener import Listener
    from .._sender import Sender
    from .._signal import Signal
    from ..protocol.calls import Asker
    from ..protocol.hub import Hub
    from ..protocol.routes import Route, Topic
    from ._answering import Answering
    from ._delivery import Delivery
    from ._networked import Host


WORK_BYTES = 256
"""What something to do counts among the events that wait, about what it takes in memory."""


class ServerOutlet:
    """Hands the events of one of the server's own signals to the links; the first call of that signal.

    Attributes:
        topic: The signal's topic; ``None`` until the server is open.
        route: Where its events go now.
        codecs: The codecs wanted there, replaced as a whole; empty while nobody elsewhere listens.
    """

    __slots__ = ("_buffer", "_longest", "_signal", "codecs", "route", "topic")

    def __init__(self, signal: Signal[Any], buffer: EventBuffer[OutItem], longest: int) -> None:
        self._signal = signal
        self._buffer = buffer
        self._longest = longest
        self.topic: Topic | None = None
        self.route: Route | None = None
        self.codecs: tuple[Codec, ...] = ()

    def __call__(self, info: EventInfo, data: Any) -> None:
        """Encode an event and put it into the buffer."""
        self.hand_over(info, data)

    def hand_over(self, info: EventInfo, data: Any, accepted: Callable[[int], None] | None = None) -> None:
        """The same; ``accepted`` is told on the loop how many routers took it."""
        codecs, topic = self.codecs, self.topic
        if topic is None or not (codecs or accepted):
            return
        frames = {}
        for codec in codecs:
            kind, body = event_body(codec, self._signal, info, data)
            check_size(body, self._longest)
            frames[codec.name] = frame(kind, topic.id, body)
        self._buffer.put((self, frames, accepted), max(map(len, frames.values()), default=0))

    def put_gap(self, gap: Gap) -> None:
        """Put the news that events were lost into the buffer, in their place.

        Raises:
            BufferFull: There is no room.
        """
        if self.codecs and self.topic is not None:
            data = frame(Kind.GAP, self.topic.id, write_gap(gap.count, gap.cause))
            self._buffer.put((self, {codec.name: data for codec in self.codecs}, None), len(data))


OutItem = tuple[ServerOutlet, dict[str, bytes], Callable[[int], None] | None]
"""An event of the server's own: its outlet, its frame in each codec that was wanted, who waits for it to be taken."""


class ServerLocal:
    """The hub's view of the server's own process (see ``sigcore.protocol.hub.LocalSide``).

    Args:
        hub: The hub.
        host: The tables, and how events get to listeners.
        answering: Runs the handlers of the process's own senders.
        options: The limits, as for a link.
        post: Has a function run on the loop, from any thread.
    """

    _loop: asyncio.AbstractEventLoop

    def __init__(
        self, hub: Hub, host: Host, answering: Answering, options: LinkOptions, post: Callable[..., None]
    ) -> None:
        self.max_requests = options.max_requests
        self.peer: Peer | None = None
        self._hub = hub
        self._tables = host.tables
        self._deliver_all = host.deliver
        self._answering = answering
        self._options = options
        self._post = post
        self._outlets: dict[Topic, ServerOutlet] = {}
        self._signals: dict[str, list[Signal[Any]]] = {}  # by sender: what reaches our listeners
        self._batch: list[Delivery] = []
        self._batch_size = 0
        self.waiting_size = 0
        self.stall = StallBudget(options.stall_budget)
        self.taken = 0
        self._missed: dict[Signal[Any], int | None] = {}  # events that our listeners lost and were not told of yet
        self._gives_way = False
        self._settling = False
        self._asked: dict[int, Question] = {}  # what our handlers have not answered yet
        self._questions: dict[int, asyncio.Future[Any]] = {}
        self._question_ids = itertools.count(1)
        self.buffer: EventBuffer[OutItem] = EventBuffer(options.event_queue, self._tables._drops, host.may_wait_s)

    def open(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin, on ``loop``."""
        self._loop = loop
        self.buffer.is_online = True

    @property
    def codec(self) -> Codec:
        """The codec that kept events of our own senders are in."""
        return next(iter(self._hub.codecs.values()))

    # senders of this process

    def own_sender_came(self, sender: Sender, outlets: list[ServerOutlet]) -> None:
        """Enter one of the process's own senders.

        Raises:
            SenderExists: A link has a sender of that name.
        """
        entry = self._hub.add_sender(sender.info, sender.handlers.has_fallback, None, sender.keep)
        for topic, outlet in zip(entry.topics.values(), outlets, strict=True):
            outlet.topic = topic
            self._outlets[topic] = outlet
            self.route_changed(topic)

    def add_console(self, signal: Signal[str]) -> ServerOutlet:
        """Return what hands the text from a port to the links."""
        outlet = ServerOutlet(signal, self.buffer, self._options.max_frame)
        outlet.topic = self._hub.add_console(signal.sender)
        self._outlets[outlet.topic] = outlet
        self.route_changed(outlet.topic)
        return outlet

    def own_sender_left(self, sender: Sender) -> None:
        """Take it out, after the events that wait: they go out even to those who have no room."""
        self._hub.settle_local()  # as in pump
        self.buffer.take(self._publish_last)
        entry = self._hub.sender(sender.name)
        if entry is None or entry.info is not sender.info:
            return
        for topic in entry.topics.values():
            outlet = self._outlets.pop(topic)
            outlet.route, outlet.codecs = None, ()  # a thread that triggers just now comes too late
        self._hub.remove_sender(entry)

    def route_changed(self, topic: Topic) -> None:
        """See again where the events of one of our own signals go."""
        outlet = self._outlets.get(topic)
        if outlet is not None:
            outlet.route = self._hub.route(topic)
            codecs = {codec.name: codec for codec, _longest, _readers in outlet.route.groups}
            if outlet.route.keeps:
                codecs[self.codec.name] = self.codec
            outlet.codecs = tuple(codecs.values())

    def pump(self) -> None:
        """Give events of our own to the links, as far as there is room, and to all who listen by now."""
        self._hub.settle_local()  # or an event goes nowhere that comes behind what a new listener was given
        self.buffer.take(self._publish_where_room)

    def retry(self) -> None:
        """There is room again: go on."""
        self.pump()

    def _publish_where_room(self, item: OutItem) -> bool:
        route = item[0].route
        if route is not None and route.is_full():
            self._hub.wants_room(None, route)
            return False
        return self._publish(item)

    def _publish_last(self, item: OutItem) -> bool:
        route = item[0].route
        if route is not None:
            self._hub.make_way(route)
        return self._publish(item)

    def _publish(self, item: OutItem) -> bool:
        outlet, frames, accepted = item
        number = self._hub.publish(outlet.route, frames) if outlet.route is not None else 0
        if accepted is not None:
            accepted(number)
        return True

    # listeners of this process

    @property
    def is_full(self) -> bool:
        """Whether events for our listeners must wait; listeners that hold up others for long lose them instead."""
        return self._is_at_limit and not self._gives_way

    @property
    def _is_at_limit(self) -> bool:
        return self.waiting_size >= self.most_waiting

    @property
    def most_waiting(self) -> int:
        """How many bytes of events may wait for our listeners."""
        return self._options.event_queue

    @property
    def fair_s(self) -> float:
        """In how many seconds it would be fair to deliver these."""
        return FAIR_S

    def give_way(self) -> None:
        """Hold up nobody any more: what comes while our listeners are at their limit is lost, and they are told."""
        self._gives_way = True

    def listens_to(self, sender: str, event: str) -> bool:
        """Whether a listener of ours asks for an event of a sender of a session."""
        return self._tables._table.is_awaited(sender, event)

    def sender_came(self, info: SenderInfo) -> Mapping[str, Signal[Any]]:
        """Enter a sender of a link."""
        assert info.peer is not None
        signals = {event: self._tables._add_remote_signal(info.name, event, info.peer) for event in info.events}
        self._signals[info.name] = list(signals.values())
        if self._is_at_limit:
            self._hub.drops.count("notice", "a warning of undeclared events was left out: a listener blocks")
        else:
            self.put(lambda: self._tables._warn_of_undeclared(info))
        self._presence_changed(info)
        return signals

    def sender_left(self, info: SenderInfo, cause: str) -> None:
        """Take a sender of a link out."""
        for signal in self._signals.pop(info.name):
            remove = partial(self._tables._remove_remote_signal, signal)
            if self._is_at_limit:
                remove()  # nothing may pile up behind a listener that blocks
            else:
                self.put(remove)  # after the events that wait
        self._presence_changed(replace(info, connected=False, cause=cause))

    def begin_listening(self, listener: Listener) -> None:
        """Let a new listener of ours hear the sessions' senders: first what is kept for it, then what comes."""
        if listener.replay:
            for topic, codec, kind, body in reversed(list(self._hub.kept(listener.key, listener.replay))):
                if topic.signal is not None:
                    self.put(partial(self._tell_kept, listener, topic.signal, codec, kind, body))
        self.put(partial(self._tables._start_listener, listener))

    def _tell_kept(self, listener: Listener, signal: Signal[Any], codec: Codec, kind: int, body: bytes) -> None:
        try:
            data, meta = decoded(codec, kind, body)
        except Exception as error:  # noqa: BLE001  # whatever a body makes a codec raise costs the listener an error
            self._tables._report(listener, signal.info, error)
            return
        self._tables._tell_kept(listener, signal, data, meta)

    def deliver(self, signal: Signal[Any], codec: Codec, run: bytes) -> None:
        """Take events of a link for our listeners."""
        if self._gives_way and self._is_at_limit:
            text = "events for listeners of the server's own process were dropped: a listener blocks"
            for kind, _topic, body in split_run(run):
                self._hub.drops.count("local_listener_stalled", text)
                lost = read_gap(body)[0] if kind == Kind.GAP else 1
                self._missed[signal] = plus(self._missed.get(signal, 0), lost)
            return
        if self._missed and signal in self._missed:
            self._put_overflow(signal, self._missed.pop(signal))
        self.put(({HEADER.unpack_from(run)[2]: signal}, codec, run))

    def _put_overflow(self, signal: Signal[Any], number: int | None) -> None:
        self.put(({0: signal}, self.codec, frame(Kind.GAP, 0, write_gap(number, "overflow"))))

    def _presence_changed(self, info: SenderInfo) -> None:
        self._tables._presence.note(info)
        if not self._settling:
            self._settling = True
            self.put(self._settle_presence)

    def _settle_presence(self) -> None:
        self._settling = False
        self._tables._presence.settle()

    def put(self, delivery: Delivery, holds: int = 0) -> None:
        """Have something done in its place among the events for our listeners.

        Args:
            delivery: A run of events, or what else there is to do.
            holds: About how many bytes that keeps alive until it is done; a run says so itself.
        """
        if not self._batch:
            self._loop.call_soon(self._hand_over)
        size = size_of(delivery) or WORK_BYTES + holds
        self._batch.append(delivery)
        self._batch_size += size
        self.waiting_size += size

    def _hand_over(self) -> None:
        batch, size = self._batch, self._batch_size
        self._batch, self._batch_size = [], 0
        self._deliver_all(batch, size, lambda part: self._post(self._delivered, part))

    def _delivered(self, size: int) -> None:
        was_full = self._is_at_limit
        self.waiting_size -= size
        self.taken += size
        if self._is_at_limit:
            return
        if self._gives_way and self.stall.may_begin(self._loop.time()):
            self._gives_way = False
        missed, self._missed = self._missed, {}
        for signal, number in missed.items():
            self._put_overflow(signal, number)
        if was_full:
            self._hub.got_room(self)

    # requests to senders of this process

    def ask(
        self, call_id: int, sender: str, method: str, asking: Asker, timeout_ms: int, codec: Codec, params: bytes
    ) -> None:
        """Have one of our handlers answer."""
        timeout = None if timeout_ms == NO_TIMEOUT_MS else timeout_ms / 1000
        deadline_s = None if timeout is None else self._loop.time() + timeout  # first: the handler's own is no earlier
        request = OpenRequest(getattr(asking, "peer", None), timeout)
        question = Question(self, call_id, sender, method, codec, params, request, deadline_s)
        self._asked[call_id] = question
        self._answering.answer(question)

    def reply(self, question: Question, result: bytes) -> None:
        """Pass on the result of one of our handlers."""
        del self._asked[question.call_id]
        self._hub.requests.reply(self, question.call_id, question.codec, result)

    def refuse(self, question: Question, code: str, message: str) -> None:
        """Pass on why there is none."""
        del self._asked[question.call_id]
        self._hub.requests.refuse(self, question.call_id, code, message)

    def unwritten_requests(self) -> set[int]:
        """Return none: what is asked of us is asked at once."""
        return set()

    def withdraw(self, call_id: int) -> None:
        """Nobody waits for that answer any more."""
        question = self._asked.pop(call_id, None)
        if question is not None:
            self._answering.withdraw(question)

    # requests of this process

    async def request(self, sender: str, method: str, params: Any, timeout: float | None) -> Any:
        """Ask a sender of a link."""
        entry = self._hub.sender(sender)
        codec = entry.session.codec if entry is not None and entry.session is not None else self.codec
        id_ = next(self._question_ids)
        future: asyncio.Future[Any] = self._loop.create_future()
        self._questions[id_] = future
        deadline_s = None if timeout is None else self._loop.time() + timeout
        try:
            self._hub.requests.request(
                self, id_, sender, method, timeout_ms(timeout), codec, codec.encode(params), deadline_s
            )
            return await future
        finally:
            del self._questions[id_]
            self._hub.requests.cancel(self, id_)

    def take_reply(self, request_id: int, codec: Codec, result: bytes) -> None:
        """Take the result of a request of ours."""
        future = self._questions.get(request_id)
        if future is not None and not future.done():
            try:
                future.set_result(read_result(codec, result))
            except RequestFailed as error:
                future.set_exception(error)

    def take_error(self, request_id: int, code: str, message: str) -> None:
        """Take the reason why there is none."""
        self._fail(request_id, outcome_of(code, message))

    def end_questions(self) -> None:
        """The server closes: nobody will answer any more."""
        for request_id in list(self._questions):
            self._fail(request_id, SenderLost("the server was closed before a reply came"))

    def _fail(self, request_id: int, error: SigError) -> None:
        future = self._questions.get(request_id)
        if future is not None and not future.done():
            future.set_exception(error)
