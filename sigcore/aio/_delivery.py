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
from ..protocol.bodies import read_gap, split_meta
from ..protocol.frames import HEADER_BYTES, Kind

if TYPE_CHECKING:
    from .._codec import Codec
    from .._queue import Queue
    from .._signal import Signal

PROGRESS_S = 0.02
"""How often what was delivered is told while much waits: a listener that is slow is not taken for one that is stuck."""

Delivery = tuple["Signal[Any]", "Codec", int, bytes] | Callable[[], None]
"""An event, not decoded yet (signal, codec, kind, body), or something else to do in its place among the events."""

Deliver = Callable[[Sequence[Delivery], int, Callable[[int], None]], None]
"""Delivers events in their order: inline on the loop, or from the dispatcher's thread.

Takes the deliveries, how many bytes they stand for in all, and what is told how many of these were dealt with; it may
be told in parts.
"""


class Batch:
    """Deliveries that came together: delivered as far as there is room, and told in parts how far that is.

    Args:
        deliveries: What to deliver, in order.
        size: How many bytes they stand for in all.
        done: Told how many of these were dealt with, before every wait, every 20 ms and at the end.
        begins: Called before each delivery.
    """

    def __init__(
        self,
        deliveries: Sequence[Delivery],
        size: int,
        done: Callable[[int], None],
        begins: Callable[[], object] | None = None,
    ) -> None:
        self._begins = begins
        self._deliveries = deliveries
        self._at = 0
        self._told_at = 0
        self._tell_at_s = time.monotonic() + PROGRESS_S
        self._left = size
        self._done = done

    def deliver(self) -> Queue | None:
        """Deliver what can be; return the queue that must have room first, or ``None`` when everything was delivered.

        What a delivery raises, because it ends the program, is raised; the next call goes on after it.
        """
        for delivery in self._deliveries[self._at :]:
            if isinstance(delivery, tuple):
                for queue in delivery[0].blocking_queues:
                    if queue.is_full:
                        self._tell()
                        return queue
            self._at += 1
            if self._begins is not None:
                self._begins()
            deliver(delivery)
            if time.monotonic() >= self._tell_at_s:
                self._tell()
        self._done(self._left)
        return None

    def _tell(self) -> None:
        part = sum(map(size_of, self._deliveries[self._told_at : self._at]))
        self._told_at = self._at
        self._tell_at_s = time.monotonic() + PROGRESS_S
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
    return HEADER_BYTES + len(delivery[3]) if isinstance(delivery, tuple) else 0


def deliver(delivery: Delivery) -> None:
    """Decode one event, once for all, and call its listeners; what cannot be decoded is reported to each of them."""
    if not isinstance(delivery, tuple):
        delivery()
        return
    signal, codec, kind, body = delivery
    if not signal.has_listeners:
        return
    if kind == Kind.GAP:
        signal.report_gap(Gap(*read_gap(body)))
        return
    try:
        data, meta = decoded(codec, kind, body)
    except Exception as error:  # noqa: BLE001  # whatever a body makes a codec raise costs the listener an error, never the link
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
