# SPDX-License-Identifier: MIT
"""Run code on an event loop that somebody watches from outside, so that a call that blocks is found out."""

from __future__ import annotations

import asyncio
import sys
import threading
import traceback
from collections.abc import Callable, Coroutine
from concurrent.futures import Future

_PROBE_INTERVAL_S = 0.25


def run_watched(main: Callable[[], Coroutine[None, None, None]], patience_s: float) -> None:
    """Run ``main()`` to its end on a new loop in a new thread, and raise what it raises.

    Raises:
        AssertionError: The loop gave no sign of life for ``patience_s``; the message shows where it stood. Its thread
            cannot be ended from outside and is left behind.
    """
    started: Future[asyncio.AbstractEventLoop] = Future()
    ended: Future[None] = Future()

    def run() -> None:
        try:
            with asyncio.Runner() as runner:
                started.set_result(runner.get_loop())
                runner.run(main())
        except BaseException as error:  # noqa: BLE001  # raised again in the caller's thread
            ended.set_exception(error)
        else:
            ended.set_result(None)

    thread = threading.Thread(target=run, name="check_carrier", daemon=True)
    thread.start()
    while not _wait(ended, _PROBE_INTERVAL_S):
        if not _is_alive(started.result(), patience_s) and not ended.done():
            raise AssertionError(f"the event loop was held for {patience_s:g} s, at:\n{_stack_of(thread)}")
    ended.result()


def _wait(future: Future[None], seconds: float) -> bool:
    try:
        future.exception(seconds)
    except TimeoutError:
        return False
    return True


def _is_alive(loop: asyncio.AbstractEventLoop, patience_s: float) -> bool:
    answered = threading.Event()
    try:
        loop.call_soon_threadsafe(answered.set)
    except RuntimeError:  # closed: the thread is about to end
        return True
    return answered.wait(patience_s)


def _stack_of(thread: threading.Thread) -> str:
    frame = sys._current_frames().get(thread.ident or 0)
    return "".join(traceback.format_stack(frame)) if frame else "(the thread has ended)"
