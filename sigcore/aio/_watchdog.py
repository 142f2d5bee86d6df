# SPDX-License-Identifier: MIT
"""Finds out which call holds an event loop, or the thread that calls listeners, for too long.

Each ``Watchdog`` takes down when its thread last got on: on a loop by a timer, in another thread before each call. One
thread for the whole process looks at that, and at the stack of one that is late.
"""

from __future__ import annotations

import logging
import math
import os
import queue
import sys
import threading
import time
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING

from .._drops import LOG_INTERVAL_S
from .._logging import RateLimit, get_logger

if TYPE_CHECKING:
    import asyncio
    from types import FrameType

    Calls = list[tuple[FrameType, int]]

STOOD_STILL_S = 0.2
"""How late the watching thread itself may be before it asks whether the whole process stood still."""

_log = get_logger("sigcore.watchdog")


class Watchdog:
    """Logs a warning, once for each time, while one call holds a thread for longer than a limit.

    It comes when the call has taken between one limit and one and a half, at most once in ten seconds; its record has
    the stack of the thread, and points to the line where that is.

    Args:
        limit_s: How long a call may take, in seconds, more than 0.
        what: What is held then, for the message, such as ``"the event loop of ServerRouter 'hall'"``.

    Attributes:
        alive_s: When the thread last got on, on the monotonic clock; infinite while it has nothing to do.

    Raises:
        ValueError: The limit is not more than 0.
    """

    def __init__(self, limit_s: float, what: str) -> None:
        if not limit_s > 0:
            raise ValueError(f"the time that a callback may take must be more than 0 s, not {limit_s!r}")
        self._limit_s = limit_s
        self._what = what
        self._rate = RateLimit(LOG_INTERVAL_S)
        self._thread_id = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._beat_s = 0.0  # the thread gets on without saying so for so long
        self._told_of_s = -math.inf  # the alive_s that was warned of
        self._excused_s = -math.inf  # until then, not getting on was no call's fault
        self.alive_s = math.inf

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Watch ``loop`` until ``stop``; called on it."""
        self._loop = loop
        self._beat_s = self._limit_s / 2
        self._beat(loop)
        self.start_here()

    def start_here(self) -> None:
        """Watch the calling thread until ``stop``; it says ``alive`` before each call, and ``rest`` when it waits."""
        self._thread_id = threading.get_ident()
        _guard.enter(self)

    def alive(self) -> None:
        """The thread gets on: what it does next may take as long as the limit."""
        self.alive_s = time.monotonic()

    def rest(self) -> None:
        """The thread has nothing to do until it next says ``alive``."""
        self.alive_s = math.inf

    def stop(self) -> None:
        """Watch no longer; called on the loop that is watched, or in any thread for a thread. May be called twice."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        _guard.leave(self)

    def _beat(self, loop: asyncio.AbstractEventLoop) -> None:
        self.alive()
        self._timer = loop.call_later(self._beat_s, self._beat, loop)

    # what the guard's thread calls

    def due_s(self, now_s: float) -> float:
        """Return when to look next: when the thread is late, if it does not get on, or in half a limit."""
        return min(self._late_s(), now_s + self._limit_s / 2)

    def excuse(self, now_s: float) -> None:
        """Begin anew: that the thread did not get on until now was no call's fault."""
        self._excused_s = now_s

    def look(self, now_s: float) -> None:
        """Warn if the thread is late."""
        if self._loop is not None and not self._loop.is_running():
            self.excuse(now_s)  # it was stopped, and may run again
            if self._loop.is_closed():
                _guard.leave(self)
            return
        alive_s = self.alive_s
        if now_s < self._late_s():
            return
        calls = _calls_of(self._thread_id)
        if not calls:
            _guard.leave(self)
        elif self.alive_s == alive_s:  # else it got on meanwhile, and does something else now
            self._told_of_s = alive_s
            self._warn(now_s, now_s - alive_s - self._beat_s, calls)

    def _late_s(self) -> float:
        if self.alive_s == self._told_of_s:
            return math.inf
        return max(self.alive_s, self._excused_s) + self._beat_s + self._limit_s

    def _warn(self, now_s: float, held_s: float, calls: Calls) -> None:
        text = (
            f"{self._what} has been held by one call for {held_s:.1f} s, and all else waits for it; the limit is "
            f"{self._limit_s:g} s. The stack shows what it does. Let it return sooner: give long work to a thread, "
            "await what has to be waited for"
        )
        line = self._rate.line("held", text, now_s=now_s)
        if line is not None and _log.isEnabledFor(logging.WARNING):
            stack = traceback.StackSummary.extract(reversed(calls))
            at, shown = stack[-1], "Stack (most recent call last):\n" + "".join(stack.format()).rstrip()
            _log.handle(
                _log.makeRecord(
                    _log.name, logging.WARNING, at.filename, at.lineno or 0, line, (), None, at.name, sinfo=shown
                )
            )


class _Guard:
    """The thread that looks at every watchdog; there is one while there are any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._dogs: tuple[Watchdog, ...] = ()
        self._thread: threading.Thread | None = None
        self._changed: queue.SimpleQueue[None] = queue.SimpleQueue()

    def enter(self, dog: Watchdog) -> None:
        with self._lock:
            self._dogs = (*self._dogs, dog)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, args=(_Mark(),), name="sigcore-watchdog", daemon=True)
                self._thread.start()
            self._changed.put(None)

    def leave(self, dog: Watchdog) -> None:
        with self._lock:
            self._dogs = tuple(other for other in self._dogs if other is not dog)
            self._changed.put(None)

    def _run(self, mark: _Mark) -> None:
        while dogs := self._present():
            now_s = time.monotonic()
            due_s = min(dog.due_s(now_s) for dog in dogs)
            with suppress(queue.Empty):
                self._changed.get(timeout=max(0.0, due_s - now_s))
            stood_still = mark.stood_still(due_s)
            mark = _Mark()
            _look_at(dogs, mark.now_s, stood_still)

    def _present(self) -> tuple[Watchdog, ...]:
        """Return the watchdogs; without any, the thread ends."""
        with self._lock:
            if not self._dogs:
                self._thread = None
            return self._dogs


def _look_at(dogs: tuple[Watchdog, ...], now_s: float, stood_still: bool) -> None:  # by itself, to keep none of them
    for dog in dogs:
        if stood_still:
            dog.excuse(now_s)
        else:
            dog.look(now_s)


class _Mark:
    """A moment, to tell later whether the process stood still since: stopped, or on a machine with no time for it."""

    def __init__(self) -> None:
        self.now_s = time.monotonic()
        self._worked_s = time.process_time()

    def stood_still(self, due_s: float) -> bool:
        """Whether we come too late although hardly anything ran, a tenth of the time at most.

        What lets no other thread run, such as a long search by a regular expression, makes us late too, but works.
        """
        late_s = time.monotonic() - max(due_s, self.now_s)
        return late_s > STOOD_STILL_S and time.process_time() - self._worked_s < late_s / 10


def _calls_of(thread_id: int) -> Calls:
    """Return the calls that a thread is in, that of now first; none if it has ended.

    Nothing here lets another thread run: one that held all of them and has just let go is still where it did.
    """
    frame = sys._current_frames().get(thread_id)
    return list(traceback.walk_stack(frame)) if frame is not None else []


def _begin_anew() -> None:
    """Forget what was watched in the process that this one was forked from, and the lock as it was then."""
    global _guard
    _guard = _Guard()


_guard = _Guard()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
