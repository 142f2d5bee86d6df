# SPDX-License-Identifier: MIT
"""Who listens for what: the four kinds of listener, flattened for each signal when somebody registers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from ._index import EventIndex, keys_for
from ._names import OWN_EVENTS

if TYPE_CHECKING:
    from ._listener import Key, Listener
    from ._signal import Call, Signal

_Bucket = tuple[tuple["Listener", ...], tuple["Call", ...]]
_EMPTY: _Bucket = ((), ())


class ListenerTable:
    """The listeners and the signals of one router.

    Every change makes new tuples and gives them to the signals concerned; a signal that is being triggered goes on
    over the old ones. The caller holds the router's lock.
    """

    def __init__(self) -> None:
        self._buckets: dict[Key, _Bucket] = {}
        # Apart, since a name may for a while be held here and elsewhere too, until the server refuses one of them.
        self._local: EventIndex[Signal[Any]] = EventIndex()
        self._remote: EventIndex[Signal[Any]] = EventIndex()
        self._succeeded: dict[Signal[Any], None] = {}  # remote ones with a successor, of which events may still wait
        self._awaited: dict[str, dict[str, None]] = {}  # by sender: the events asked for by both names, users' own
        self._call_ids: set[int] = set()

    def __iter__(self) -> Iterator[Listener]:
        for listeners, _calls in self._buckets.values():
            yield from listeners

    def add_listener(self, listener: Listener) -> None:
        """Enter ``listener`` and let every signal that it concerns call it."""
        listener.call = self._told_apart(listener.call)
        listeners, calls = self._buckets.get(listener.key, _EMPTY)
        self._buckets[listener.key] = ((*listeners, listener), (*calls, listener.call))
        if listener.sender is not None and listener.event is not None and listener.event not in OWN_EVENTS:
            self._awaited.setdefault(listener.sender, {})[listener.event] = None
        self._flatten_all(listener)

    def replace_call(self, listener: Listener, call: Call) -> None:
        """Call ``listener``, which must be there, by ``call`` from now on."""
        self._call_ids.discard(id(listener.call))
        listener.call = self._told_apart(call)
        listeners, calls = self._buckets[listener.key]
        at = listeners.index(listener)
        self._buckets[listener.key] = (listeners, (*calls[:at], listener.call, *calls[at + 1 :]))
        self._flatten_all(listener)

    def start_listener(self, listener: Listener, *, hears: bool = True) -> None:
        """Call ``listener``, which must be there, for events of other routers too, or no longer."""
        listener.hears_remote = hears
        for signal in self._remote_signals(listener.key):
            self._flatten(signal)

    def remove_listener(self, listener: Listener) -> None:
        """Take ``listener`` out; it must be there."""
        listeners, calls = self._buckets[listener.key]
        at = listeners.index(listener)
        rest = (listeners[:at] + listeners[at + 1 :], calls[:at] + calls[at + 1 :])
        if rest[0]:
            self._buckets[listener.key] = rest
        else:
            del self._buckets[listener.key]
            self._await_no_longer(listener)
        self._call_ids.discard(id(listener.call))
        self._flatten_all(listener)

    def add_signal(self, signal: Signal[Any]) -> None:
        """Enter ``signal`` with the listeners that wait for it."""
        if signal.info.peer is not None and (before := self._remote.get(signal.sender, signal.event)) is not None:
            self._succeeded[before] = None
        self._index(signal).add(signal.sender, signal.event, signal)
        self._flatten(signal)

    def remove_signal(self, signal: Signal[Any]) -> None:
        """Take ``signal`` out; another that has taken its place stays."""
        self._succeeded.pop(signal, None)
        self._index(signal).remove(signal.sender, signal.event, signal)

    def local_signals(self, key: Key) -> Iterable[Signal[Any]]:
        """Return the signals of this router's own senders that ``key`` concerns."""
        return self._local.matching(key)

    def listeners_for(self, key: Key) -> tuple[Listener, ...]:
        """Return those who asked for exactly ``key``, by registration."""
        return self._buckets.get(key, _EMPTY)[0]

    def events_awaited_of(self, sender: str) -> list[str]:
        """Return the events of ``sender`` that some listener asked for by both names."""
        return list(self._awaited.get(sender, ()))

    def is_awaited(self, sender: str, event: str) -> bool:
        """Whether anybody asked for an event, whether or not it has begun to hear other routers."""
        return any(key in self._buckets for key in keys_for(sender, event))

    def _remote_signals(self, key: Key) -> Iterator[Signal[Any]]:
        yield from self._remote.matching(key)
        for signal in self._succeeded:
            if key in keys_for(signal.sender, signal.event):
                yield signal

    def _index(self, signal: Signal[Any]) -> EventIndex[Signal[Any]]:
        return self._local if signal.info.peer is None else self._remote

    def _await_no_longer(self, listener: Listener) -> None:
        if listener.sender is not None and listener.event is not None and listener.event not in OWN_EVENTS:
            events = self._awaited[listener.sender]
            del events[listener.event]
            if not events:
                del self._awaited[listener.sender]

    def _told_apart(self, call: Call) -> Call:
        """Return ``call``, or a wrapper where a listener has it already: a failure must tell which of them it was."""
        if id(call) in self._call_ids:
            call = partial(call)
        self._call_ids.add(id(call))
        return call

    def _flatten_all(self, listener: Listener) -> None:
        for signal in self._local.matching(listener.key):
            self._flatten(signal)
        for signal in self._remote_signals(listener.key) if listener.hears_remote else ():
            self._flatten(signal)

    def _flatten(self, signal: Signal[Any]) -> None:
        """Resolve whom ``signal`` reaches, the most specific first."""
        found = [self._buckets.get(key, _EMPTY) for key in keys_for(signal.sender, signal.event)]
        listeners = tuple(listener for bucket in found for listener in bucket[0])
        calls = tuple(call for bucket in found for call in bucket[1])
        if signal.info.peer is not None and not all(listener.hears_remote for listener in listeners):
            listeners = tuple(listener for listener in listeners if listener.hears_remote)
            calls = tuple(listener.call for listener in listeners)
        signal._set_listeners(listeners, calls)
