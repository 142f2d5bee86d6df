# SPDX-License-Identifier: MIT
"""The router of one process: senders, listeners and requests, thread-safe and without I/O.

The routers over carriers are built on the same tables: a change is made here, first and at once, and then told to
other routers by ``_settle_sender``, ``_settle_listener`` and ``_network``, which do nothing in one process.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, overload

from ._drops import LOG_INTERVAL_S, Drops
from ._errors import (
    CodecError,
    EventNotDeclared,
    HandleRemoved,
    ListenerError,
    SenderExists,
    SenderNotFound,
    SigError,
    TypeMismatch,
)
from ._gate import Gate
from ._info import EventInfo
from ._keeping import Keeping, in_order, last_of_each
from ._listener import Listener
from ._logging import RateLimit, get_logger
from ._names import OWN_EVENTS, check_event_to_hear, check_name
from ._open_request import OpenRequest
from ._presence import PresenceBoard
from ._queue import QUEUE_SIZE, Queue
from ._requests import DEFAULT_TIMEOUT_S, is_coroutine_function, run_handler
from ._sender import Sender
from ._shown import cut, described, listed, shown
from ._signal import Signal, ends_the_program, with_meta
from ._stream import Stream
from ._table import ListenerTable
from ._terms import Terms

if TYPE_CHECKING:
    from ._info import Peer, Policy, SenderInfo
    from ._listener import Callback, Key
    from ._requests import Fallback, Handler
    from ._signal import Call
    from ._terms import OnGap

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., object])
OnError = Callable[[Exception], object]

_log = get_logger("sigcore.router")


class Network(Protocol):
    """What carries a router's senders and listeners to other routers. No call waits; any thread may call."""

    def outlet(self, signal: Signal[Any]) -> Call:
        """Return what hands an event of a local sender to other routers; the signal calls it first."""

    def sender_removed(self, sender: Sender) -> None:
        """Take a local sender back."""

    def listener_removed(self, listener: Listener) -> None:
        """Ask no longer for what a local listener wanted."""

    def disconnect(self, text: str) -> None:
        """End the link, because a listener with the policy ``disconnect`` was too slow, as ``text`` says."""


class Router:
    """Carries events and requests between senders and listeners of one process.

    Every method may be called from any thread, and from within a listener or a handler. Listeners run in the thread
    that triggers, in this order: those for the sender and the event, for the sender, for the event, for everything;
    by registration within each.

    Args:
        on_error: Called with a ``ListenerError`` when a listener fails; it is logged in any case.
    """

    _gates_remote = False
    """Whether, over carriers, a listener hears other routers only when ``_start_listener`` was called for it."""

    def __init__(self, *, on_error: OnError | None = None) -> None:
        self._on_error = on_error
        self._lock = threading.Lock()
        self._senders: dict[str, Sender] = {}
        self._table = ListenerTable()
        self._presence = PresenceBoard(self._tell)
        self._network: Network | None = None
        self._keeping = Keeping()
        self._drops = Drops()
        self._raised = RateLimit(LOG_INTERVAL_S)

    def add_sender(
        self,
        name: str,
        events: str | Iterable[str] = (),
        requests: Mapping[str, Handler] | None = None,
        fallback: Fallback | None = None,
        *,
        keep: int | Mapping[str, int] = 0,
    ) -> Sender:
        """Add a sender.

        Args:
            name: Its name: up to 255 bytes of UTF-8, no control characters, no ``*``, not starting with ``#``.
            events: The events that it may trigger; a lone text is one event.
            requests: The methods that it answers, each with its ``handler(params)``.
            fallback: Answers every other method, ``fallback(method, params)``.
            keep: How many of its last events are kept for listeners that come later with ``replay=``: a number for
                each event, or one that holds for all. In this process they are the very objects that were triggered,
                kept until the sender is removed, however large; they should not be changed afterwards.

        Raises:
            EventNotDeclared: ``keep`` has a number for an event that is not among ``events``.
            SenderExists: The name is taken.
            InvalidName: A name breaks the rules.
            TypeError: A handler cannot be called, or is ``async def`` where there is no event loop.
            ValueError: A number in ``keep`` is negative.
        """
        sender = self._enter_sender(name, events, requests, fallback, keep)
        try:
            self._settle_sender(sender)
        except BaseException:
            self._drop_sender(sender)
            raise
        self._announce(sender)
        return sender

    @overload
    def add_listener(
        self,
        callback: Callable[[EventInfo, T], object],
        sender: str | None = None,
        event: str | None = None,
        *,
        type: type[T],
        on_gap: OnGap | None = None,
        policy: Policy = "block",
        replay: int = 0,
    ) -> Listener: ...
    @overload
    def add_listener(
        self,
        callback: Callable[[EventInfo, Any], object],
        sender: str | None = None,
        event: str | None = None,
        *,
        type: None = None,
        on_gap: OnGap | None = None,
        policy: Policy = "block",
        replay: int = 0,
    ) -> Listener: ...
    def add_listener(
        self,
        callback: Callback,
        sender: str | None = None,
        event: str | None = None,
        *,
        type: Any = None,
        on_gap: OnGap | None = None,
        policy: Policy = "block",
        replay: int = 0,
    ) -> Listener:
        """Register ``callback(info, data)``; it may come before the sender.

        Args:
            callback: Called for each event.
            sender: Only events of this sender; any when left out.
            event: Only events of this name; any when left out. ``#connect`` and ``#disconnect`` tell of senders that
                come and go, with a ``SenderInfo`` as data; senders that are there already are told at once.
                ``#console`` brings lines of text that a server found beside its links, such as what the firmware at
                a serial port prints; the sender is the port.
            type: The class to turn data into: a dataclass, or a msgspec or pydantic class. Data that does not fit is
                reported as this listener's error.
            on_gap: Called with ``(info, gap)`` where events were lost, in their place in the order. Without it a gap
                is logged and counted.
            policy: What happens when it is too slow (see ``sigcore.Policy``).
            replay: At most how many of the events that the sender keeps (see ``add_sender``) it gets before new ones.

        Raises:
            InvalidName: A name breaks the rules.
            TypeMismatch: The type is not supported.
            TypeError: A function cannot be called, or is ``async def`` where there is no event loop.
            ValueError: There is no such policy, or ``replay`` is negative; or one of them was given for presence.
        """
        return self._add_listener(callback, sender, event, type, Terms(on_gap, policy, replay))

    def on(
        self,
        *,
        sender: str | None = None,
        event: str | None = None,
        type: Any = None,
        on_gap: OnGap | None = None,
        policy: Policy = "block",
        replay: int = 0,
    ) -> Callable[[F], F]:
        """Register the decorated function as ``add_listener`` does, and give it back."""

        def register(function: F) -> F:
            self.add_listener(function, sender, event, type=type, on_gap=on_gap, policy=policy, replay=replay)
            return function

        return register

    @overload
    def listen(
        self,
        sender: str | None = None,
        event: str | None = None,
        *,
        type: type[T],
        size: int | None = QUEUE_SIZE,
        on_gap: OnGap | None = None,
        policy: Policy = "block",
        replay: int = 0,
    ) -> Stream[T]: ...
    @overload
    def listen(
        self,
        sender: str | None = None,
        event: str | None = None,
        *,
        type: None = None,
        size: int | None = QUEUE_SIZE,
        on_gap: OnGap | None = None,
        policy: Policy = "block",
        replay: int = 0,
    ) -> Stream[Any]: ...
    def listen(
        self,
        sender: str | None = None,
        event: str | None = None,
        *,
        type: Any = None,
        size: int | None = QUEUE_SIZE,
        on_gap: OnGap | None = None,
        policy: Policy = "block",
        replay: int = 0,
    ) -> Stream[Any]:
        """Return a stream of events, to be read instead of being called; the arguments are ``add_listener``'s.

        Args:
            sender: Only events of this sender; any when left out.
            event: Only events of this name; any when left out.
            type: The class to turn data into.
            size: How many events it holds; ``None`` for any number.
            on_gap: Called in the reader's thread, with ``(info, gap)``, as it reads past events that were lost.
            policy: What happens when it is full (see ``sigcore.Policy``).
            replay: At most how many kept events it gets first.
        """
        stream: Stream[Any] = Stream(size, policy)
        self._add_listener(stream._put, sender, event, type, Terms(on_gap, policy, replay), stream._queue)
        return stream

    @overload
    def request(
        self, sender: str, method: str, params: Any = None, *, timeout: float | None = ..., type: type[T]
    ) -> T: ...
    @overload
    def request(
        self, sender: str, method: str, params: Any = None, *, timeout: float | None = ..., type: None = None
    ) -> Any: ...
    def request(
        self,
        sender: str,
        method: str,
        params: Any = None,
        *,
        timeout: float | None = DEFAULT_TIMEOUT_S,
        type: Any = None,
    ) -> Any:
        """Call a method of a sender and return its result.

        Args:
            sender: The sender's name.
            method: The method's name.
            params: What its handler gets.
            timeout: How long to wait, in seconds; ``None`` for no limit. A plain handler in this process runs in the
                caller's thread, where nothing can interrupt it.
            type: The class to turn the result into.

        Raises:
            SenderNotFound: No such sender is connected.
            MethodNotFound: It answers no such method.
            RequestFailed: The handler raised, in one process the original is ``__cause__``; or its result cannot be
                sent or read.
            RequestTimeout: No reply came in time.
            SenderLost: The sender left before it replied.
            Busy: Too many requests are open.
            InvalidName: A name that is sent to another router breaks the rules.
            CodecError: The parameters have no form in the codec of a link on their way; no handler ran.
            FrameTooLarge: They are too long for the link; nothing was sent.
            TypeMismatch: The result does not fit ``type``.
        """
        read = reader_of(type)
        return read(self._request(sender, method, params, timeout))

    def deliver(
        self, signal: Signal[T], data: T, meta: Mapping[str, str] | None = None, *, timeout: float | None = 10.0
    ) -> int:
        """Trigger a signal and return once the event was accepted.

        Over carriers, accepted means that the server has the event, in its place in the order, for every session
        that listens for it; from then on it is lost only where a gap tells so. It does not mean that a listener was
        called: whoever needs to know that makes a request.

        Args:
            signal: A signal of one of this router's senders.
            data: What to tell.
            meta: Text to text, given to listeners as ``info.meta``.
            timeout: How long to wait, in seconds; ``None`` for no limit.

        Returns:
            How many routers accepted it: other routers' sessions, the server's own process, and this one, where
            somebody there listens.

        Raises:
            DeliveryTimeout: It was not accepted in time; it may be all the same, later.
            DeliveryUnknown: The session was lost after the event was sent.
            DeliveryError: It was dropped: the server refuses the sender, or does not take events that long.
            SigError: Whatever ``trigger`` raises.
        """
        return self._deliver(signal, data, meta, timeout)

    def senders(self) -> list[SenderInfo]:
        """Return every connected sender, by name."""
        return self._presence.senders()

    def peers(self) -> list[Peer]:
        """Return the routers that are connected to this one; none in one process."""
        return []

    # What the routers over carriers build on.

    def _enter_sender(
        self,
        name: str,
        events: str | Iterable[str],
        requests: Mapping[str, Handler] | None,
        fallback: Fallback | None,
        keep: int | Mapping[str, int],
    ) -> Sender:
        """Put a sender into the tables; nobody is told yet."""
        sender = Sender(self, name, events, requests, fallback, keep, self._keeping, self._report)
        self._check_handlers(sender)
        with self._lock:
            if name in self._senders:
                raise SenderExists(f"sender {name!r} exists in this router; remove it first, or take another name")
            self._senders[name] = sender
            for signal in sender._signals.values():
                if self._network is not None:
                    signal._set_outlet(self._network.outlet(signal))
                self._table.add_signal(signal)
        return sender

    def _settle_sender(self, sender: Sender) -> None:
        """Make a sender known to other routers, and wait for their answer where there is one."""

    def _settle_listener(self, listener: Listener) -> None:
        """Ask other routers for what a listener wants, and wait for their answer where there is one."""

    def _announce(self, sender: Sender) -> None:
        """Tell this router's listeners that a local sender is there."""
        self._warn_of_undeclared(sender.info)
        self._presence.note(sender.info)
        self._presence.settle()

    def _remove_sender(self, sender: Sender) -> None:
        self._drop_sender(sender)
        self._presence.note(replace(sender.info, connected=False, cause="removed"))
        self._presence.settle()

    def _drop_sender(self, sender: Sender) -> None:
        """Take a sender out of the tables, and out of the network."""
        with self._lock:
            if self._senders.get(sender.name) is not sender:
                raise HandleRemoved(f"sender {sender.name!r} was removed; add it again to use it")
            del self._senders[sender.name]
            for signal in sender._signals.values():
                self._table.remove_signal(signal)
            sender._detach()
        if self._network is not None:
            self._network.sender_removed(sender)

    def _all_listeners(self) -> list[Listener]:
        with self._lock:
            return [*self._table, *self._presence.listeners()]

    def _add_remote_signal(self, sender: str, event: str, peer: Peer | None) -> Signal[Any]:
        """Enter an event of another router's sender; triggering the signal reaches this process's listeners."""
        signal: Signal[Any] = Signal(sender, event, self._report, peer)
        with self._lock:
            self._table.add_signal(signal)
        return signal

    def _remove_remote_signal(self, signal: Signal[Any]) -> None:
        with self._lock:
            self._table.remove_signal(signal)

    def _add_listener(
        self,
        callback: Callback,
        sender: str | None,
        event: str | None,
        type: Any,
        terms: Terms,
        queue: Queue | None = None,
    ) -> Listener:
        listener = self._enter_listener(callback, sender, event, type, terms, queue)
        try:
            self._settle_listener(listener)
        except BaseException:
            listener.remove()
            raise
        return listener

    def _enter_listener(
        self,
        callback: Callback,
        sender: str | None,
        event: str | None,
        type: Any,
        terms: Terms,
        queue: Queue | None = None,
    ) -> Listener:
        """Put a listener into the tables; ``queue`` is where its callback puts events, if it does."""
        key: Key = (
            None if sender is None else check_name(sender, "sender"),
            None if event is None else check_event_to_hear(event),
        )
        if not callable(callback):
            raise TypeError(f"a listener must be a function of (info, data), not {callback.__class__.__name__}")
        listener = Listener(self, callback, key, terms)
        terms.check_for(callback, presence=listener.hears_presence)
        if queue is not None:
            listener.queue, queue.listener = queue, listener
        listener.call = self._adapt(listener, type)
        if listener.hears_presence:
            self._presence.add_listener(listener)
            self._presence.settle()
        else:
            self._let_in(listener)
            self._warn_if_undeclared(listener)
        return listener

    def _let_in(self, listener: Listener) -> None:
        """Have signals call a listener, which is given kept events of this process's senders first, if it wants any."""
        listener.hears_remote = self._network is None or not self._gates_remote
        if listener.replay:
            self._replay(listener, Gate(listener, self._report, self._may_wait))
        else:
            with self._lock:
                self._table.add_listener(listener)

    def _replay(self, listener: Listener, gate: Gate) -> None:
        listener.gate, listener.call = gate, gate
        try:
            with self._lock, self._keeping.lock:
                kept = last_of_each(self._table.local_signals(listener.key), listener.replay)
                self._table.add_listener(listener)
            gate.replay(in_order(kept))
        except BaseException:  # the listener ends the program, or Ctrl-C does: nobody must wait for a gate left shut
            gate.open()
            with suppress(KeyError, ValueError):  # it had not come to be in the tables
                self._remove_listener(listener)
            raise
        with self._lock:
            listener.gate = None
            if not listener.removed:
                self._table.replace_call(listener, gate.call)

    def _may_wait(self) -> bool:
        """Whether the calling thread may wait for a listener; the thread of an event loop must not."""
        return True

    def _start_listener(self, listener: Listener) -> None:
        """Have signals of other routers call a listener, which has been given what comes first."""
        with self._lock:
            if not listener.removed:
                self._table.start_listener(listener)

    def _stop_listener(self, listener: Listener) -> None:
        """Have signals of other routers call a listener no longer, until it is started again."""
        with self._lock:
            if not listener.removed:
                self._table.start_listener(listener, hears=False)

    def _tell_kept(self, listener: Listener, signal: Signal[Any], data: Any, meta: Mapping[str, str] | None) -> None:
        """Give one listener an event that another router has kept."""
        if not listener.removed:
            self._tell(listener, signal.info if meta is None else with_meta(signal.info, meta), data)

    def _remove_listener(self, listener: Listener) -> None:
        if listener.hears_presence:
            self._presence.remove_listener(listener)
            listener._detach()
        else:
            with self._lock:
                if listener.removed:
                    return
                self._table.remove_listener(listener)
                listener._detach()
        if self._network is not None:
            self._network.listener_removed(listener)

    def _adapt(self, listener: Listener, type: Any) -> Call:
        """Return what a signal calls for a listener: its callback, or what fits the data to ``type`` first."""
        if is_coroutine_function(listener.callback):
            raise TypeError("an 'async def' listener needs an event loop: use a router of sigcore.aio")
        return fitted(listener.callback, type)

    def _check_handlers(self, sender: Sender) -> None:
        found = sender.handlers.coroutine_functions
        if found:
            raise TypeError(
                f"the handler of {', '.join(found)} is 'async def', which needs an event loop: use sigcore.aio.Router"
            )

    def _deliver(self, signal: Signal[Any], data: Any, meta: Mapping[str, str] | None, timeout: float | None) -> int:
        return self._trigger_here(signal, data, meta)

    @staticmethod
    def _trigger_here(signal: Signal[Any], data: Any, meta: Mapping[str, str] | None) -> int:
        signal.trigger(data, meta)
        return int(signal.has_listeners)

    def _request(self, sender: str, method: str, params: Any, timeout: float | None) -> Any:
        handler, is_async = self._local_sender(sender).handlers.find(sender, method)
        request = OpenRequest(timeout=timeout)
        return self._run_async(handler, params, request) if is_async else run_handler(handler, params, request)

    def _run_async(self, handler: Handler, params: Any, request: OpenRequest) -> Any:
        raise NotImplementedError  # _check_handlers lets no such handler in

    def _local_sender(self, name: str) -> Sender:
        sender = self._senders.get(name)
        if sender is None:
            raise SenderNotFound(sender_not_found_text(name, self.senders()))
        return sender

    def _attach(self, network: Network) -> None:
        """Let ``network`` carry what is in the tables from now on."""
        self._network = network

    def _close_queues(self) -> None:
        """End the streams, and let nobody wait for a listener that is slow."""
        for listener in self._all_listeners():
            if listener.queue is not None:
                listener.queue.close()

    def _tell(self, listener: Listener, info: EventInfo, data: object) -> None:
        try:
            listener.call(info, data)
        except BaseException as error:  # whatever else a listener raises is its own affair
            if ends_the_program(error):
                raise
            self._report(listener, info, error)

    def _report(self, listener: Listener, info: EventInfo, error: BaseException) -> None:
        """Log what a listener raised, or that it could not have what came, and hand that to ``on_error``."""
        failure = ListenerError(
            f"{listener!r} failed on event {info.event!r} of sender {info.sender!r}: {described(error)}",
            info=info,
            listener=listener,
        )
        failure.__cause__ = error
        if isinstance(error, (CodecError, TypeMismatch)):
            text = f"{listener!r} cannot have event {shown(info.event)} of sender {shown(info.sender)}"
            text += f" ({type(error).__name__}; on_error= and the level DEBUG tell what came)"
            self._drops.count("unfit_data", text, seen=described(error))
        else:
            self._log_error(f"{listener!r} {type(error).__name__}", str(failure), error)
        self._hand_on(failure)

    def _log_error(self, cause: str, text: str, error: BaseException) -> None:
        """Log what code of the user's raised; seldom, for whoever sends what it fails on must not fill the log."""
        line = self._raised.line(cause, text, now_s=time.monotonic())
        if line is not None:
            _log.error("%s", line, exc_info=error)

    def _warn_of_undeclared(self, info: SenderInfo) -> None:
        """Warn whoever waits for an event that a sender, now that it is there, does not declare."""
        with self._lock:
            missing = [event for event in self._table.events_awaited_of(info.name) if event not in info.events]
            waiting = [listener for event in missing for listener in self._table.listeners_for((info.name, event))]
        for listener in waiting:
            self._warn_undeclared(listener, info)

    def _warn_if_undeclared(self, listener: Listener) -> None:
        sender = self._senders.get(listener.sender) if listener.sender is not None else None
        if sender is not None and listener.event not in (None, *OWN_EVENTS, *sender.events):
            self._warn_undeclared(listener, sender.info)

    def _warn_undeclared(self, listener: Listener, info: SenderInfo) -> None:
        """Tell a listener's owner, once, that a sender does not declare what it waits for; it stays registered."""
        with self._lock:
            if listener.warned_of is info:  # whoever came last may have been seen from both sides
                return
            listener.warned_of = info
        self._warn(
            listener,
            EventNotDeclared(
                f"{listener!r} waits for an event that sender {listener.sender!r} does not declare; "
                f"its events are: {listed(info.events)}. The listener stays."
            ),
        )

    def _warn(self, listener: Listener, cause: SigError) -> None:
        line = self._raised.line(f"{listener!r} is warned", cut(str(cause), 1_000), now_s=time.monotonic())
        if line is not None:
            _log.warning("%s", line)
        info = EventInfo(listener.sender or "", listener.event or "")
        failure = ListenerError(str(cause), info=info, listener=listener)
        failure.__cause__ = cause
        self._hand_on(failure)

    def _hand_on(self, error: Exception) -> None:
        """Give ``error`` to the user's ``on_error``, whatever that does with it."""
        if self._on_error is None:
            return
        try:
            self._on_error(error)
        except Exception as worse:  # noqa: BLE001  # the user's own; nothing of ours may depend on it
            self._log_error(
                f"on_error {type(worse).__name__}", f"on_error itself raised when it was given: {error}", worse
            )


def fitted(callback: Callback, type: Any) -> Call:
    """Return ``callback``, or what turns the data into ``type`` before it calls ``callback``."""
    if type is None:
        return callback
    from ._typed import make_reader

    read = make_reader(type)

    def call(info: EventInfo, data: Any) -> object:
        return callback(info, read(data))

    return call


def reader_of(type: Any) -> Callable[[Any], Any]:
    """Return what turns data into ``type``; nothing is done when no type was asked for."""
    if type is None:
        return lambda value: value
    from ._typed import make_reader

    return make_reader(type)


def sender_not_found_text(name: str, senders: Iterable[SenderInfo]) -> str:
    """Return the message for a sender that is not connected."""
    names = [info.name for info in senders]
    return f"no sender {name!r} is connected; connected: {listed(names)}"
