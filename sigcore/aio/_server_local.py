# SPDX-License-Identifier: MIT
"""The server's own process, as one more place where senders and listeners are."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from .._errors import CodecError, NotConnected, SigError
from ..protocol.bodies import timeout_ms
from ..protocol.codes import error_of
from ..protocol.frames import frame
from ..protocol.outbox import EventBuffer, check_size, event_body
from ._delivery import size_of

if TYPE_CHECKING:
    from .._codec import Codec
    from .._info import EventInfo, Peer, SenderInfo
    from .._limits import LinkOptions
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
        codecs, topic = self.codecs, self.topic
        if not codecs or topic is None:
            return
        frames = {}
        for codec in codecs:
            kind, body = event_body(codec, self._signal, info, data)
            check_size(body, self._longest)
            frames[codec.name] = frame(kind, topic.id, body)
        self._buffer.put((self, frames), max(map(len, frames.values())))


OutItem = tuple[ServerOutlet, dict[str, bytes]]
"""An event of the server's own: its outlet, and its frame in each codec that was wanted."""


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
        self._undelivered = 0
        self._stall_timer: asyncio.TimerHandle | None = None
        self._stalled = False
        self._settling = False
        self._questions: dict[int, asyncio.Future[Any]] = {}
        self._question_ids = itertools.count(1)
        self.buffer: EventBuffer[OutItem] = EventBuffer(options.event_queue, self._tables._drops, host.may_wait_s)

    def open(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin, on ``loop``."""
        self._loop = loop
        self.buffer.is_online = True

    # senders of this process

    def own_sender_came(self, sender: Sender, outlets: list[ServerOutlet]) -> None:
        """Enter one of the process's own senders.

        Raises:
            SenderExists: A link has a sender of that name.
        """
        self._hub.add_sender(sender.info, sender.handlers.has_fallback, None)
        entry = self._hub.sender(sender.name)
        assert entry is not None
        for topic, outlet in zip(entry.topics.values(), outlets, strict=True):
            outlet.topic = topic
            self._outlets[topic] = outlet
            self.route_changed(topic)

    def own_sender_left(self, sender: Sender) -> None:
        """Take it out, after the events that wait: they go out even to those who have no room."""
        self.buffer.take(self._publish)
        entry = self._hub.sender(sender.name)
        if entry is None or entry.info is not sender.info:
            return
        for topic in entry.topics.values():
            outlet = self._outlets.pop(topic)
            outlet.codecs = ()
        self._hub.remove_sender(entry)

    def route_changed(self, topic: Topic) -> None:
        """See again where the events of one of our own signals go."""
        outlet = self._outlets.get(topic)
        if outlet is not None:
            outlet.route = self._hub.route(topic)
            outlet.codecs = tuple({codec.name: codec for codec, _longest, _links in outlet.route.groups}.values())

    def pump(self) -> None:
        """Give events of our own to the links, as far as there is room."""
        self.buffer.take(self._publish_where_room)

    def retry(self) -> None:
        """There is room again: go on."""
        self.pump()

    def _publish_where_room(self, item: OutItem) -> bool:
        route = item[0].route
        return False if route is not None and route.is_full() else self._publish(item)

    def _publish(self, item: OutItem) -> bool:
        outlet, frames = item
        if outlet.route is not None:
            self._hub.publish(outlet.route, frames)
        return True

    # listeners of this process

    @property
    def is_full(self) -> bool:
        """Whether events for our listeners must wait; a listener that blocks for long loses them instead."""
        return self._at_limit and not self._stalled

    @property
    def _at_limit(self) -> bool:
        return self._undelivered >= self._options.event_queue

    def sender_came(self, info: SenderInfo) -> Mapping[str, Signal[Any]]:
        """Enter a sender of a link."""
        assert info.peer is not None
        signals = {event: self._tables._add_remote_signal(info.name, event, info.peer) for event in info.events}
        self._signals[info.name] = list(signals.values())
        if self._at_limit:
            self._hub.drops.count("notice", "a warning of undeclared events was left out: a listener blocks")
        else:
            self.put(lambda: self._tables._warn_of_undeclared(info))
        self._presence_changed(info)
        return signals

    def sender_left(self, info: SenderInfo) -> None:
        """Take a sender of a link out."""
        for signal in self._signals.pop(info.name):
            remove = partial(self._tables._remove_remote_signal, signal)
            if self._at_limit:
                remove()  # nothing may pile up behind a listener that blocks
            else:
                self.put(remove)  # after the events that wait
        self._presence_changed(replace(info, connected=False))

    def deliver(self, signal: Signal[Any], codec: Codec, kind: int, body: bytes) -> None:
        """Take an event of a link for our listeners."""
        if self._stalled and self._at_limit:
            text = "events for listeners of the server's own process were dropped: a listener blocks"
            self._hub.drops.count("local_listener_stalled", text)
            return
        self.put((signal, codec, kind, body))

    def _presence_changed(self, info: SenderInfo) -> None:
        self._tables._presence.note(info)
        if not self._settling:
            self._settling = True
            self.put(self._settle_presence)

    def _settle_presence(self) -> None:
        self._settling = False
        self._tables._presence.settle()

    def put(self, delivery: Delivery) -> None:
        """Have something done in its place among the events for our listeners."""
        if not self._batch:
            self._loop.call_soon(self._hand_over)
        size = size_of(delivery) or WORK_BYTES
        self._batch.append(delivery)
        self._batch_size += size
        self._undelivered += size
        if self._stall_timer is None and self._at_limit:
            self._expect_progress()

    def _hand_over(self) -> None:
        batch, size = self._batch, self._batch_size
        self._batch, self._batch_size = [], 0
        self._deliver_all(batch, size, lambda part: self._post(self._delivered, part))

    def _delivered(self, size: int) -> None:
        was_full = self._at_limit
        self._undelivered -= size
        self._stalled = False
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None
        if self._at_limit:
            self._expect_progress()
        elif was_full:
            self._hub.room_came()

    def _expect_progress(self) -> None:
        self._stall_timer = self._loop.call_later(self._options.stall_timeout, self._stall)

    def _stall(self) -> None:
        """Our listeners made no progress at their limit: they lose events, so that nobody else has to wait."""
        self._stall_timer = None
        self._stalled = True
        self._hub.room_came()

    # requests to senders of this process

    def ask(
        self, call_id: int, sender: str, method: str, asking: Asker, timeout_ms: int, codec: Codec, params: bytes
    ) -> None:
        """Have one of our handlers answer."""
        self._answering.answer(
            call_id,
            sender,
            method,
            getattr(asking, "peer", None),
            codec,
            params,
            partial(self._reply, call_id, codec),
            lambda code, message: self._hub.requests.refuse(self, call_id, code, message),
        )

    async def _reply(self, call_id: int, codec: Codec, result: bytes) -> None:
        self._hub.requests.reply(self, call_id, codec, result)

    def withdraw(self, call_id: int) -> None:
        """Nobody waits for that answer any more."""
        self._answering.withdraw(call_id)

    # requests of this process

    async def request(self, sender: str, method: str, params: Any, timeout: float | None) -> Any:
        """Ask a sender of a link."""
        entry = self._hub.sender(sender)
        codec = (
            entry.link.codec if entry is not None and entry.link is not None else next(iter(self._hub.codecs.values()))
        )
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
                future.set_result(codec.decode(result))
            except CodecError as error:
                future.set_exception(error)

    def take_error(self, request_id: int, code: str, message: str) -> None:
        """Take the reason why there is none."""
        self._fail(request_id, error_of(code, message))

    def end_questions(self) -> None:
        """The server closes: nobody will answer any more."""
        for request_id in list(self._questions):
            self._fail(request_id, NotConnected("the server was closed"))

    def _fail(self, request_id: int, error: SigError) -> None:
        future = self._questions.get(request_id)
        if future is not None and not future.done():
            future.set_exception(error)
