# SPDX-License-Identifier: MIT
"""Events from links on their way to this process's listeners."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from .._errors import CodecError
from .._info import Gap
from .._signal import Signal
from ..protocol.bodies import read_gap, split_meta
from ..protocol.frames import HEADER_BYTES, Event, Kind, events_of

if TYPE_CHECKING:
    from .._codec import Codec
    from .._queue import Queue
    from ._watchdog import Watchdog

PROGRESS_S = 0.02
"""How often what was delivered is told while much waits: a listener that is slow is not taken for one that is stuck."""

MOST_BETWEEN_LOOKS = 16
"""How many listeners' calls may go by without a look at the clock, which would cost as much as an empty one."""

AT_ONCE_S = 0.001
"""They may if the last ones, or the last one, took less than this."""

Delivery = tuple[Mapping[int, "Signal[Any]"], "Codec", bytes] | Callable[[], None]
"""Events that are not decoded yet (signals by topic, codec, frames), or something to do in its place among them."""

Deliver = Callable[[Sequence[Delivery], int, Callable[[int], None]], None]
"""Delivers events in their order: inline on the loop, or from the dispatcher's thread.

Takes the deliveries, how many bytes they stand for in all, and what is told how many of these were dealt with; it may
be told in parts.
"""


_NOTHING: Signal[Any] = Signal("", "", lambda *_: None)
"""Stands for the signal of a run that is not begun."""


class Batch:
    """Deliveries that came together: delivered as far as there is room, and told in parts how far that is.

    Args:
        deliveries: What to deliver, in order.
        size: How many bytes they stand for in all.
        done: Told how many of these were dealt with, before every wait, every 20 ms and at the end.
        watchdog: Told before each call that the thread gets on.
    """

    def __init__(
        self,
        deliveries: Sequence[Delivery],
        size: int,
        done: Callable[[int], None],
        watchdog: Watchdog | None = None,
    ) -> None:
        self._watchdog = watchdog
        self._deliveries = deliveries
        self._at = 0
        self._events: list[Event] = []  # of the run at _at, once it is begun
        self._topic = 0  # of those at hand
        self._number = 0  # of the next of them
        self._told_to = self._told_of_run = 0  # up to which of them, and how many bytes, was told
        self._delivered = 0  # bytes of runs before, not told
        self._left = size
        self._looked_s = time.monotonic()
        self._tell_at_s = self._looked_s + PROGRESS_S
        self._between_looks = 1  # calls
        self._done = done

    def deliver(self) -> Queue | None:
        """Deliver what can be; return the queue that must have room first, or ``None`` when everything was delivered.

        What a delivery raises, because it ends the program, is raised; the next call goes on after it.
        """
        self._look_at_time()
        while self._at < len(self._deliveries):
            delivery = self._deliveries[self._at]
            if isinstance(delivery, tuple):
                full = self._deliver_run(*delivery)
                if full is not None:
                    self._tell()
                    return full
                self._delivered += len(delivery[2]) - self._told_of_run
                self._events, self._number, self._told_to, self._told_of_run = [], 0, 0, 0
                self._at += 1
            else:
                self._at += 1
                delivery()
                self._look_at_time()
        self._done(self._left)
        return None

    def _deliver_run(self, signals: Mapping[int, Signal[Any]], codec: Codec, run: bytes) -> Queue | None:
        """Deliver the events of a run, decoded once for all who listen; return as ``deliver`` does."""
        if not self._events:
            self._events = events_of(run)
        events, decode = self._events, codec.decode
        signal = signals[self._topic] if self._number else _NOTHING
        calls: object = None
        queues: tuple[Queue, ...] = ()
        trigger = signal.trigger
        until_look = self._between_looks
        for number in range(self._number, len(events)):
            event = events[number]
            if isinstance(event, int):
                self._topic = event
                signal, calls = signals[event], None
                continue
            if signal._calls is not calls:  # another signal, or somebody came or went
                calls, queues, trigger = signal._calls, signal.blocking_queues, signal.trigger
            if queues and (full := next((queue for queue in queues if queue.is_full), None)) is not None:
                return full
            self._number = number + 1  # first: what ends the program must not come again
            if isinstance(event, tuple):
                _deliver_special(signal, codec, *event)
            elif calls:
                try:
                    data = decode(event)
                except Exception as error:  # noqa: BLE001  # whatever a body makes a codec raise costs the listener an error, never the link
                    signal.report_undecodable(error)
                else:
                    trigger(data)
            until_look -= 1
            if until_look <= 0:
                self._look_at_time()
                until_look = self._between_looks
        return None

    def _look_at_time(self) -> None:
        """See how late it is: after each call, but where the last ones took no time to speak of."""
        now_s = time.monotonic()
        self._between_looks = MOST_BETWEEN_LOOKS if now_s - self._looked_s < AT_ONCE_S else 1
        self._looked_s = now_s
        if self._watchdog is not None:
            self._watchdog.alive_s = now_s
        if now_s >= self._tell_at_s:
            self._tell()
            self._tell_at_s = time.monotonic() + PROGRESS_S

    def _tell(self) -> None:
        part = sum(map(_bytes_of, self._events[self._told_to : self._number]))
        self._told_to = self._number
        self._told_of_run += part
        part += self._delivered
        self._delivered = 0
        self._left -= part
        if part:
            self._done(part)


class InlineDelivery:
    """Delivers on the loop: at once, or as soon as a listener that must not lose events has room.

    Until then all that comes waits in its order, and is not told as done: so whoever gives it bounds it.
    """

    def __init__(self) -> None:
        self._batches: deque[Batch] = deque()

    def __call__(self, deliveries: Sequence[Delivery], size: int, done: Callable[[int], None]) -> None:
        """Deliver these after those that wait (see ``Deliver``)."""
        self._batches.append(Batch(deliveries, size, done))
        if len(self._batches) == 1:  # else in its turn: one has to wait, or a listener has more delivered
            self._run()

    def _run(self) -> None:
        try:
            while self._batches:
                queue = self._batches[0].deliver()
                if queue is not None:
                    queue.when_room(partial(self._run_soon, asyncio.get_running_loop()))
                    return
                self._batches.popleft()
        except BaseException:  # a listener ends the program; what else there is must not stay behind
            self._run_soon(asyncio.get_running_loop())
            raise

    def _run_soon(self, loop: asyncio.AbstractEventLoop) -> None:
        with suppress(RuntimeError):  # the loop is closed, and nobody waits for events any more
            loop.call_soon_threadsafe(self._run)


def size_of(delivery: Delivery) -> int:
    """Return how many bytes of a link's event lane an event was; nothing where it is none."""
    return len(delivery[2]) if isinstance(delivery, tuple) else 0


def _bytes_of(event: Event) -> int:
    if isinstance(event, int):
        return 0
    return HEADER_BYTES + len(event[1] if isinstance(event, tuple) else event)


def _deliver_special(signal: Signal[Any], codec: Codec, kind: int, body: bytes) -> None:
    """Deliver a gap, or an event with meta."""
    if not signal.has_listeners:
        return
    if kind == Kind.GAP:
        signal.report_gap(Gap(*read_gap(body)))
        return
    try:
        data, meta = decoded(codec, kind, body)
    except Exception as error:  # noqa: BLE001  # as above
        signal.report_undecodable(error)
        return
    signal.trigger(data, meta)


def decoded(codec: Codec, kind: int, body: bytes) -> tuple[Any, Mapping[str, str] | None]:
    """Return data and meta of an event; ``None`` where it has no meta. Raises whatever the codec does."""
    if kind != Kind.EVENT_META:
        return codec.decode(body), None
    meta, data = split_meta(body)
    return codec.decode(data), _text_to_text(codec.decode(meta))


def _text_to_text(value: object) -> dict[str, str]:
    if isinstance(value, dict) and all(isinstance(k, str) and isinstance(v, str) for k, v in value.items()):
        return value
    raise CodecError(f"the meta of an event must be text to text, found {ascii(value)[:80]}")
