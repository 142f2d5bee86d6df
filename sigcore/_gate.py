# SPDX-License-Identifier: MIT
"""The gate in front of a listener that gets kept events first.

The thread that adds the listener delivers the kept events, and then what was triggered meanwhile: that waits in the
gate, in its order, and whoever triggered it goes on. When nothing waits any more the gate is open, and those who
trigger call the listener themselves, as always.

A listener that is no faster than those who trigger would never be through, and more and more would wait. So when as
much waits as a queue holds, or so much has been delivered that had waited, those who trigger wait until the gate is
open. Nobody waits who must not: the thread that delivers, where the listener itself triggers, and the thread of an
event loop. And nobody waits for a listener that makes no progress for a second, because it may be waiting for the very
thread that triggers. Their events wait in the gate, which drops its oldest when it is full, and tells the listener.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ._line import line_for
from ._losses import Missed
from ._queue import QUEUE_SIZE
from ._signal import ends_the_program

if TYPE_CHECKING:
    from ._info import EventInfo, Gap
    from ._listener import Listener
    from ._losses import Item
    from ._signal import Report

PATIENCE_S = 1.0
"""How long a thread that triggers waits for one call of a listener, as long as it would for room in a buffer."""


class Gate:
    """Stands in for a listener's call until it has heard what was kept, and what was triggered meanwhile.

    Args:
        listener: The listener.
        report: Takes what it raises.
        may_wait: Whether the calling thread may wait for it.

    Attributes:
        call: The listener's own call.
    """

    def __init__(self, listener: Listener, report: Report, may_wait: Callable[[], bool]) -> None:
        self.call = listener.call
        self._listener = listener
        self._report = report
        self._may_wait = may_wait
        self._owner = threading.get_ident()
        self._lock = threading.Lock()
        # Who has waited in vain must not wait again, so here `block` has to drop as well.
        self._line = line_for(QUEUE_SIZE, "latest" if listener.policy == "latest" else "drop_oldest")
        self._is_open = False
        self._calls = 0  # how many calls were made here, which is the progress
        self._free_calls = QUEUE_SIZE  # up to how many nobody has to wait while there is room
        self._stuck_at = -1  # the number of calls at which somebody waited in vain
        # Locked until the gate is open. Ctrl-C may leave the Condition of an Event locked for ever, no such lock.
        self._shut = threading.Lock()
        self._shut.acquire()
        self._is_shut = True

    def __call__(self, info: EventInfo, data: Any) -> None:
        """Take an event: deliver it once the gate is open, or let it wait here."""
        while not self._is_open:
            if self._put(info, data):
                return
            self._wait()
        self._deliver(info, data)

    def put_gap(self, info: EventInfo, gap: Gap) -> None:
        """Take a loss, to be told in its place."""
        with self._lock:
            if not self._is_open:
                self._line.put_gap(info, gap)
                return
        self._listener.pass_gap(info, gap)

    def replay(self, kept: Sequence[tuple[EventInfo, Any]]) -> None:
        """Deliver ``kept``, then what was triggered meanwhile, and open. The thread that made the gate calls it."""
        self._free_calls += len(kept)
        try:
            for event in kept:
                self._pass(event)
            while (item := self._next()) is not None:
                self._pass(item)
        finally:  # also where the listener ends the program
            self.open()

    def open(self) -> None:
        """Let through whoever waits; may be called twice."""
        with self._lock:
            self._is_open = True
            let_through, self._is_shut = self._is_shut, False
        if let_through:
            self._shut.release()

    def _put(self, info: EventInfo, data: Any) -> bool:
        """Let an event wait here; return ``False`` if its thread has to wait, or need not any more."""
        with self._lock:
            if self._is_open or (not self._has_room and self._can_wait()):
                return False
            missed = self._line.put(info, data)
        if missed is not None:
            self._listener.count_lost(missed.info, missed.gap)
        return True

    @property
    def _has_room(self) -> bool:
        return self._calls < self._free_calls and not self._line.is_full

    def _can_wait(self) -> bool:
        is_stuck = self._stuck_at == self._calls
        return not is_stuck and threading.get_ident() != self._owner and self._may_wait()

    def _wait(self) -> None:
        """Return when the gate is open, or when one call has taken too long."""
        calls = self._calls
        if self._shut.acquire(timeout=PATIENCE_S):
            self._shut.release()
        elif self._calls == calls:
            self._stuck_at = calls

    def _next(self) -> Item | None:
        """Return what waits next; open the gate when nothing does."""
        with self._lock:
            if self._line.is_empty:
                self._is_open = True
                return None
            return self._line.pop()

    def _pass(self, item: Item) -> None:
        self._calls += 1
        if isinstance(item, Missed):
            self._listener.pass_gap(item.info, item.gap)
        else:
            self._deliver(*item)

    def _deliver(self, info: EventInfo, data: Any) -> None:
        if self._listener.removed:
            return
        try:
            self.call(info, data)
        except BaseException as error:  # whatever else a listener raises is its own affair
            if ends_the_program(error):
                raise
            self._report(self._listener, info, error)
