# SPDX-License-Identifier: MIT
"""What one session brings to a client, on its way to the process's listeners and handlers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from .._info import EventInfo, Gap, SenderInfo
from .._open_request import OpenRequest
from ..protocol.bodies import NO_TIMEOUT_MS
from ..protocol.codes import error_of
from ._delivery import decoded
from ._question import Question

if TYPE_CHECKING:
    from .._codec import Codec
    from .._errors import SigError
    from .._info import Peer
    from .._listener import Listener
    from .._sender import Sender
    from .._signal import Signal
    from ..protocol.bodies import Fields
    from ..protocol.client_session import ClientSession
    from ._answering import Answering
    from ._delivery import Delivery
    from ._networked import Host


class ClientInbox:
    """The client's process as one session sees it (see ``sigcore.protocol.client_session.ClientSide``).

    What comes is gathered while bytes are read, and delivered once the acknowledgement is out.

    Args:
        session: The session.
        host: The tables, and how events get to listeners.
        codec: The codec of the session.
        answering: Runs the handlers of the process's senders.
        post: Has a function run on the loop, from any thread.
        flush: Has what waits for the server written soon.
        sender_lost: Called when the server gave the name of a sender of ours to somebody else.

    Attributes:
        is_reachable: Whether what is behind the link counts as there: it has not been gone for longer than a moment.
    """

    def __init__(
        self,
        session: ClientSession,
        host: Host,
        codec: Codec,
        answering: Answering,
        post: Callable[..., None],
        flush: Callable[[], None],
        sender_lost: Callable[[Sender, SigError], None],
    ) -> None:
        self._session = session
        self._tables = host.tables
        self._deliver_all = host.deliver
        self._codec = codec
        self._answering = answering
        self._post = post
        self._flush = flush
        self._loop = asyncio.get_running_loop()
        self._signals: dict[int, Signal[Any]] = {}  # by topic number, until what waits of the topic is delivered
        self._waiting: list[Delivery] = []
        self._waiting_size = 0
        self._asked: dict[int, Question] = {}  # what is not answered yet; the numbers are the session's own
        self._replies: dict[Question, bytes] = {}  # results that wait for room
        self._present: dict[str, SenderInfo] = {}  # senders elsewhere, as the server told us
        self.is_reachable = True
        self.sender_lost = sender_lost

    def put(self, delivery: Delivery) -> None:
        """Have something done in its place among the events; ``hand_over`` sets it off."""
        self._waiting.append(delivery)

    def hand_over(self) -> None:
        """Have what was gathered delivered; the server gets its credit back as that is done."""
        if self._waiting or self._waiting_size:
            deliveries, size = self._waiting, self._waiting_size
            self._waiting, self._waiting_size = [], 0
            self._deliver_all(deliveries, size, lambda part: self._post(self._delivered, part))

    def unreachable(self) -> None:
        """The link has been gone for too long: whoever was reachable by it is not any more."""
        if self.is_reachable:
            self.is_reachable = False
            for info in self._present.values():
                self.put(self._noting(replace(info, connected=False, cause=self._session.cause)))
            self.hand_over()

    def reachable(self) -> None:
        """There is a link again."""
        if not self.is_reachable:
            self.is_reachable = True
            for info in self._present.values():
                self.put(self._noting(info))
            self.hand_over()

    def session_lost(self) -> None:
        """The session is over, and what it had for us: listeners hear that they may have missed something."""
        self.unreachable()
        self._present.clear()
        for call_id in list(self._asked):
            self.withdrawn(call_id)
        for listener in self._tables._all_listeners():
            if not listener.hears_presence:
                self.put(partial(self._lose, listener))
        self.hand_over()

    def _lose(self, listener: Listener) -> None:
        """Tell a listener that it may have missed events; what comes next begins anew, with what is kept for it."""
        if listener.hears_remote:
            info = EventInfo(listener.sender or "*", listener.event or "*")
            listener.lost(info, Gap(None, "session_lost"))
            self._tables._stop_listener(listener)

    def forget_unwatched(self) -> None:
        """Presence listeners went: forget the senders of whose leaving the server will not tell us."""
        for name in [name for name in self._present if not self._is_watched(name)]:
            self._tables._presence.note(replace(self._present.pop(name), connected=False))

    def wrote(self) -> None:
        """Something was written: replies that wait may have room."""
        while self._replies and (self._session.has_reply_room or self._session.is_over):
            question = next(iter(self._replies))
            self._write_reply(question, self._replies.pop(question))

    # what the session calls

    def topic_came(self, id_: int, sender: str, event: str, peer: Peer | None) -> Signal[Any]:
        """Enter an event of another router's sender."""
        self._signals[id_] = signal = self._tables._add_remote_signal(sender, event, peer)
        return signal

    def topic_left(self, id_: int, signal: Signal[Any]) -> None:
        """Take such an event out, after the events that wait."""

        def take_out() -> None:
            del self._signals[id_]
            self._tables._remove_remote_signal(signal)

        self.put(take_out)

    def frame_came(self, size: int) -> None:
        """Take down another frame of the event lane; it counts as consumed once what is before it was dealt with."""
        self._waiting_size += size

    def events_came(self, run: bytes) -> None:
        """Take events, or the news that some were lost."""
        self._waiting.append((self._signals, self._codec, run))
        self._waiting_size += len(run)

    def kept_came(self, listener: Listener | None, signal: Signal[Any], kind: int, body: bytes, size: int) -> None:
        """Take an event that was kept for one listener."""
        self._waiting_size += size
        if listener is not None:
            self.put(lambda: self._tell_kept(listener, signal, kind, body))

    def _tell_kept(self, listener: Listener, signal: Signal[Any], kind: int, body: bytes) -> None:
        try:
            data, meta = decoded(self._codec, kind, body)
        except Exception as error:  # noqa: BLE001  # whatever a body makes a codec raise costs the listener an error
            self._tables._report(listener, signal.info, error)
            return
        self._tables._tell_kept(listener, signal, data, meta)

    def started(self, listener: Listener | None, size: int) -> None:
        """A listener has got what it gets first."""
        self._waiting_size += size
        if listener is not None and not listener.hears_presence:
            self.put(lambda: self._tables._start_listener(listener))

    def presence_came(self, info: SenderInfo, size: int) -> None:
        """Take the news that a sender elsewhere is there or left."""
        self._waiting_size += size
        if info.connected:
            self._present[info.name] = info
        else:
            self._present.pop(info.name, None)
        if self.is_reachable:
            self.put(self._noting(info))

    def notice_came(self, listener: Listener, fields: Fields) -> None:
        """Take a notice for a listener's owner."""
        if fields.has("events"):
            info = SenderInfo(listener.sender or "", tuple(fields.texts("events")))
            self.put(lambda: self._tables._warn_undeclared(listener, info))
        else:
            cause = error_of(fields.text("code"), fields.text("message", ""))
            self.put(lambda: self._tables._warn(listener, cause))

    def asked(self, call_id: int, sender: str, method: str, asking: Peer, timeout_ms: int, params: bytes) -> None:
        """Have one of our handlers answer."""
        timeout = None if timeout_ms == NO_TIMEOUT_MS else timeout_ms / 1000
        deadline_s = None if timeout is None else self._loop.time() + timeout  # first: the handler's own is no earlier
        request = OpenRequest(asking, timeout)
        question = Question(self, call_id, sender, method, self._codec, params, request, deadline_s)
        self._asked[call_id] = question
        self._answering.answer(question)

    def withdrawn(self, call_id: int) -> None:
        """Nobody waits for that answer any more."""
        question = self._asked.pop(call_id, None)
        if question is not None:
            self._replies.pop(question, None)
            self._answering.withdraw(question)

    # what becomes of requests (see ``sigcore.aio._question.Desk``)

    def reply(self, question: Question, result: bytes) -> None:
        """Have a result written, once there is room for it."""
        if self._session.has_reply_room or self._session.is_over:
            self._write_reply(question, result)
        else:
            self._replies[question] = result

    def refuse(self, question: Question, code: str, message: str) -> None:
        """Have written why there is no result."""
        del self._asked[question.call_id]
        self._session.refuse(question.call_id, code, message)
        self._flush()

    def _write_reply(self, question: Question, result: bytes) -> None:
        del self._asked[question.call_id]
        self._session.reply(question.call_id, result)
        self._flush()

    def _noting(self, info: SenderInfo) -> Callable[[], None]:
        def note() -> None:
            if not info.connected or self._is_watched(info.name):
                self._tables._presence.note(info)
                self._tables._presence.settle()

        return note

    def _is_watched(self, name: str) -> bool:
        """Whether the server tells us when that sender comes and goes."""
        return any(listener.sender in (None, name) for listener in self._tables._presence.listeners())

    def _delivered(self, size: int) -> None:
        if not self._session.is_over and self._session.consumed(size, self._loop.time()):
            self._flush()
