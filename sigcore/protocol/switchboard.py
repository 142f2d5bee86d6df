# SPDX-License-Identifier: MIT
"""Passes requests on a server from whoever asks to whoever answers, and what becomes of them back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .._drops import Drops
from .._errors import Busy, CodecError
from .bodies import timeout_ms
from .calls import Answerer, Asker, Call, Calls
from .permits import refusal

if TYPE_CHECKING:
    from .._codec import Codec
    from .._info import Peer
    from .permits import Permits
    from .routes import SenderEntry


class Switchboard:
    """The requests of one server.

    Args:
        find: Returns a connected sender by name.
        local: Returns the server's own process, which answers for the senders that are on no link.
        drops: Counts what is dropped.
        server_name: What the server calls itself, for messages.
        permits: Returns what others may do.
    """

    def __init__(
        self,
        find: Callable[[str], SenderEntry | None],
        local: Callable[[], Answerer],
        drops: Drops,
        server_name: str,
        permits: Callable[[], Permits],
    ) -> None:
        self._find = find
        self._local = local
        self._drops = drops
        self._server_name = server_name
        self._permits = permits
        self._calls = Calls()

    def __len__(self) -> int:
        """How many requests are open."""
        return len(self._calls)

    def request(
        self,
        asker: Asker,
        request_id: int,
        sender: str,
        method: str,
        timeout_ms: int,
        codec: Codec,
        params: bytes,
        deadline_s: float | None,
    ) -> None:
        """Pass a request on to whoever holds the sender, or tell the asker at once why not."""
        asking = _identity_of(asker)
        if not self._permits().may(asking, "request", sender, method):  # first: else it told who is there
            asker.take_error(request_id, "not_allowed", refusal(asking or "", "request", sender, method))
            self._drops.count("not_allowed", self._permits().decide(asking or "", "request", sender, method).reason)
            return
        entry = self._find(sender)
        if entry is None:
            asker.take_error(
                request_id, "sender_not_found", f"no sender {sender!r} is connected to {self._server_name!r}"
            )
            return
        if not self._may_answer(entry, method):
            text = f"sender {sender!r} answers no method {method!r}{self._known_methods(entry, asking)}"
            asker.take_error(request_id, "method_not_found", text)
            return
        answerer: Answerer = entry.session or self._local()
        if self._calls.is_busy(asker, answerer):
            asker.take_error(request_id, "busy", f"too many requests are open between you and {sender!r}; try again")
            return
        call = self._calls.open(asker, request_id, answerer, sender, method, deadline_s)
        try:
            answerer.ask(call.call_id, sender, method, asker, timeout_ms, codec, params)
        except CodecError as error:
            self._calls.close(call)
            asker.take_error(request_id, "codec_error", f"the parameters cannot be passed on: {error}")
        except Busy as error:
            self._calls.close(call)
            asker.take_error(request_id, "busy", str(error))

    def is_open(self, asker: Asker, request_id: int) -> bool:
        """Whether ``asker`` has an open request of that number."""
        return self._calls.is_open(asker, request_id)

    def has_any(self, asker: Asker) -> bool:
        """Whether ``asker`` has an open request."""
        return bool(self._calls.of(asker))

    def reply(self, answerer: Answerer, call_id: int, codec: Codec, result: bytes) -> None:
        """Pass a result on to whoever asked; one that nobody waits for is counted and dropped."""
        call = self._answered(answerer, call_id)
        if call is None:
            return
        try:
            call.asker.take_reply(call.request_id, codec, result)
        except CodecError as error:
            text = f"the handler ran, but its result cannot be passed on: {error}"
            call.asker.take_error(call.request_id, "request_failed", text)

    def refuse(self, answerer: Answerer, call_id: int, code: str, message: str) -> None:
        """Pass on why there is no result."""
        if code == "request_timeout" and self._calls.of_answerer(answerer, call_id) is None:
            return  # both ends saw the deadline pass at about the same moment
        call = self._answered(answerer, call_id)
        if call is not None:
            call.asker.take_error(call.request_id, code, message)

    def cancel(self, asker: Asker, request_id: int) -> None:
        """Whoever asked wants no answer any more."""
        call = self._calls.of_asker(asker, request_id)
        if call is not None:
            self._calls.close(call)
            call.answerer.withdraw(call.call_id)

    def expire(self, now_s: float) -> None:
        """End the requests whose time is over."""
        for call in self._calls.expired(now_s):
            self._calls.close(call)
            is_unwritten = call.call_id in call.answerer.unwritten_requests()
            call.answerer.withdraw(call.call_id)
            # Whoever asked says for how long it waited; here is known what became of the request by then.
            text = (
                "never written to the sender's link; it did not run" if is_unwritten else "passed on, and may have run"
            )
            call.asker.take_error(call.request_id, "request_timeout", f"the request was {text}")

    def deadline_s(self) -> float | None:
        """Return when ``expire`` is due next."""
        return self._calls.deadline_s()

    def time_left_ms(self, answerer: Answerer, call_id: int, now_s: float) -> int | None:
        """Return how much time a request has left; ``None`` when nobody waits for its answer any more."""
        call = self._calls.of_answerer(answerer, call_id)
        if call is None:
            return None
        return timeout_ms(None if call.deadline_s is None else call.deadline_s - now_s)

    def end_those_to(self, answerer: Answerer, sender: str) -> None:
        """A sender left: tell whoever waits for its answers, and whether it can have got the question."""
        unwritten = answerer.unwritten_requests()
        for call in self._calls.of_sender(answerer, sender):
            self._calls.close(call)
            if call.call_id in unwritten:
                text = f"the link of sender {sender!r} was lost before the request was written to it; it did not run"
                call.asker.take_error(call.request_id, "not_sent", text)
            else:
                text = f"sender {sender!r} left before it replied; whether the request ran is not known"
                call.asker.take_error(call.request_id, "sender_lost", text)

    def end_those_not_allowed(self) -> None:
        """The rules have changed: nobody waits for an answer that it may not ask for, or from who may not give it."""
        for call in self._calls.all():
            asking = _identity_of(call.asker)
            entry = self._find(call.sender)
            if not self._permits().may(asking, "request", call.sender, call.method):
                text = refusal(asking or "", "request", call.sender, call.method)
            elif entry is not None and not self._may_answer(entry, call.method):
                text = f"sender {call.sender!r} may not answer it any more"
            else:
                continue
            self._calls.close(call)
            call.answerer.withdraw(call.call_id)
            call.asker.take_error(call.request_id, "not_allowed", f"{text}; whether the request ran is not known")

    def _may_answer(self, entry: SenderEntry, method: str) -> bool:
        """Whether a sender answers a method, and may; what it declares was looked at when it came."""
        if method in entry.info.requests:
            return True
        return entry.has_fallback and self._permits().may(_identity_of(entry.session), "send", entry.info.name, method)

    def _known_methods(self, entry: SenderEntry, asking: str | None) -> str:
        if not self._permits().may(asking, "see", entry.info.name):
            return ""
        return f"; it answers: {', '.join(entry.info.requests) or 'no methods'}"

    def end_those_of(self, asker: Asker) -> None:
        """Whoever asked is gone: nobody waits for the answers any more."""
        for call in self._calls.of(asker):
            self._calls.close(call)
            call.answerer.withdraw(call.call_id)

    def _answered(self, answerer: Answerer, call_id: int) -> Call | None:
        call = self._calls.of_answerer(answerer, call_id)
        if call is None:
            self._drops.count("late_reply", "a reply came that nobody waits for any more; it was dropped")
        else:
            self._calls.close(call)
        return call


def _identity_of(end: object) -> str | None:
    """Return who is at an end of a request; ``None`` is the server's own process."""
    peer: Peer | None = getattr(end, "peer", None)
    return None if peer is None else peer.identity
