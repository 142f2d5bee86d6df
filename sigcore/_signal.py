# SPDX-License-Identifier: MIT
"""The hot path: a signal and the listeners it reaches."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Generic, NoReturn, Protocol, TypeVar

from ._errors import HandleRemoved
from ._info import EventInfo

if TYPE_CHECKING:
    from ._info import Gap, Peer
    from ._listener import Listener
    from ._queue import Queue

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)

Call = Callable[[EventInfo, Any], object]


ENDS_THE_PROGRAM = (KeyboardInterrupt, SystemExit, GeneratorExit)
"""What is no failure of a listener. A ``CancelledError`` is: nobody can cancel a plain function."""


class Report(Protocol):
    """Takes what a listener raised: logs it and hands it to ``on_error``."""

    def __call__(self, listener: Listener, info: EventInfo, error: BaseException) -> None: ...


class Signal(Generic[T_contra]):
    """One event of one sender, with every listener it must reach resolved ahead of time.

    Keep it: ``trigger`` on a kept signal is the fastest way to signal an event. Got from ``Sender.signal``.

    Attributes:
        info: What listeners are told beside the data when no ``meta`` is given; built once.
        writer: Takes data of the declared type apart for a codec; ``None`` where data is plain.
    """

    # _calls is replaced as a whole and never changed in place, so trigger needs no lock: a trigger under way goes on
    # over the listeners that were there when it began. Its first call is the outlet, if there is one: the way to
    # other routers, which may refuse (BufferFull) before anybody was told.
    __slots__ = ("__weakref__", "_calls", "_outlet", "_report", "_send", "info", "writer")

    def __init__(self, sender: str, event: str, report: Report, peer: Peer | None = None) -> None:
        self.info = EventInfo(sender, event, peer)
        self._report = report
        self.writer: Callable[[Any], Any] | None = None
        self._outlet: Call | None = None
        self._send: Call | None = None  # the same as a bound method, which is called faster
        self._calls: _Calls | _Removed = _NOBODY

    @property
    def sender(self) -> str:
        """The sender's name."""
        return self.info.sender

    @property
    def event(self) -> str:
        """The event's name."""
        return self.info.event

    @property
    def has_listeners(self) -> bool:
        """Whether somebody in this process listens."""
        return bool(self._calls.listeners)

    def trigger(self, data: T_contra = None, meta: Mapping[str, str] | None = None) -> None:  # type: ignore[assignment]  # data may be left out where T takes None
        """Reach every listener with ``data``.

        Listeners of this process are called before it returns, in the caller's thread; to other routers the event
        is handed over. A listener that raises stops neither the others nor this call.

        Args:
            data: What to tell; over a link it must be something that the codec takes.
            meta: Text to text, given to listeners as ``info.meta``.

        Raises:
            BufferFull: The way to other routers has no room; no listener was called.
            CodecError: ``data`` has no form in the codec of a link; no listener was called.
            FrameTooLarge: ``data``, once encoded, is longer than other routers accept; no listener was called.
            HandleRemoved: The sender was removed.
            RouterClosed: The router over carriers was closed.
        """
        info = self.info
        if meta is not None:
            info = with_meta(info, meta)
        calls = self._calls
        for call in calls:
            try:
                call(info, data)
            except BaseException as error:  # noqa: BLE001  # _failed knows what is not the listener's own affair
                self._failed(calls, call, info, error)

    @property
    def blocking_queues(self) -> tuple[Queue, ...]:
        """The queues that must have room before an event of a link is delivered."""
        return self._calls.blocking_queues

    def report_undecodable(self, error: Exception) -> None:
        """Report to each listener that an event came whose data cannot be read."""
        for listener in self._calls.listeners:
            self._report(listener, self.info, error)

    def report_gap(self, gap: Gap) -> None:
        """Tell each listener that events of this signal were lost, in their place in the order."""
        for listener in self._calls.listeners:
            listener.lost(self.info, gap)

    def __repr__(self) -> str:
        return f"<Signal {self.sender!r} {self.event!r}>"

    def _trigger_by(self, outlet: Call, data: Any, meta: Mapping[str, str] | None) -> None:
        """Trigger as ``trigger`` does, but hand the event to other routers by ``outlet``."""
        info = self.info if meta is None else with_meta(self.info, meta)
        calls = self._calls
        for call in calls:
            try:
                (outlet if call is self._send else call)(info, data)
            except BaseException as error:  # noqa: BLE001  # as in trigger
                self._failed(calls, call, info, error)

    def _failed(self, calls: _Calls | _Removed, call: Call, info: EventInfo, error: BaseException) -> None:
        """Report what ``call`` raised; what the outlet raises, and what ends the program, goes to the caller."""
        if call is self._send or ends_the_program(error):
            raise error
        self._report(next(listener for listener in calls.listeners if listener.call is call), info, error)

    def _set_listeners(self, listeners: tuple[Listener, ...], calls: tuple[Call, ...]) -> None:
        if not isinstance(self._calls, _Removed):
            self._calls = _Calls(self._called_first() + calls, listeners)

    def _set_outlet(self, outlet: Call) -> None:
        """Have ``outlet`` called first; set before the signal has listeners."""
        self._outlet = outlet
        self._send = outlet.__call__  # type: ignore[operator]  # whatever can be called has it
        self._calls = _Calls(self._called_first(), ())

    def _called_first(self) -> tuple[Call, ...]:
        return () if self._send is None else (self._send,)

    def _remove(self) -> None:
        """Make every later ``trigger`` say that the sender is gone, at no cost to the others."""
        self._calls = _Removed(f"sender {self.sender!r} was removed; its event {self.event!r} cannot be triggered")


class _Calls(tuple[Call, ...]):
    """What a signal calls, and whose calls they are: a trigger under way knows whom it calls, whoever left since."""

    listeners: tuple[Listener, ...]

    def __new__(cls, calls: tuple[Call, ...], listeners: tuple[Listener, ...]) -> _Calls:
        self = super().__new__(cls, calls)
        self.listeners = listeners
        return self

    @cached_property  # a registration makes new calls for each of its signals, few of which are those of a link
    def blocking_queues(self) -> tuple[Queue, ...]:
        waiting = [(listener.policy, listener.queue) for listener in self.listeners]
        return tuple(queue for policy, queue in waiting if queue is not None and policy == "block")


_NOBODY = _Calls((), ())  # one for all signals without listeners: most of a server's have none


class _Removed:
    """Stands where a removed signal's calls were: looking at them raises."""

    listeners: tuple[Listener, ...] = ()
    blocking_queues: tuple[Queue, ...] = ()

    def __init__(self, message: str) -> None:
        self._message = message

    def __iter__(self) -> Iterator[NoReturn]:
        raise HandleRemoved(self._message)


def ends_the_program(error: BaseException) -> bool:
    """Whether ``error`` is no failure of the listener that raised it, but meant for the whole program.

    Only the main thread can end that; anywhere else it would only keep other listeners from their events.
    """
    return isinstance(error, ENDS_THE_PROGRAM) and threading.current_thread() is threading.main_thread()


def with_meta(info: EventInfo, meta: Mapping[str, str]) -> EventInfo:
    """Return ``info`` with what the trigger gave.

    Raises:
        TypeError: That is not text to text.
    """
    for key, value in meta.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise TypeError(f"meta is text to text; found {key!r}: {value!r}")
    return EventInfo(info.sender, info.event, info.peer, MappingProxyType(dict(meta)))
