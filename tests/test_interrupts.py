# SPDX-License-Identifier: MIT
"""Ctrl-C strikes anywhere; whatever it interrupts, nothing stays locked for those who go on."""

from __future__ import annotations

import gc
import random
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

import pytest

from sigcore import ClientRouter, Router, ServerRouter

from .waiting import LIMIT_S, wait_until

URL = "mem://interrupts"
TIMES = 200
CALLS = 200
"""Between two interrupts at most: some are lost, since Python ignores what strikes in a destructor."""

pytestmark = [
    pytest.mark.usefixtures("nothing_left"),
    # Python says so of an interrupt that strikes in a destructor or a callback of the garbage collector, where it is
    # ignored, and of a coroutine that was made and is thrown away before it begins: all harmless, and none of ours.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore:coroutine:RuntimeWarning"),
    pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer that interrupts this very process"),
]


def interrupt(work: Callable[[], object]) -> None:
    """Do ``work`` again and again, and interrupt it many times at any moment of it."""

    def strike(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    chance = random.Random(4)
    former = signal.signal(signal.SIGVTALRM, strike)  # not the timer that pytest-timeout uses
    gc.disable()  # the tools of the tests have callbacks in it, which are not to be struck
    try:
        for _ in range(TIMES):
            with suppress(KeyboardInterrupt):
                signal.setitimer(signal.ITIMER_VIRTUAL, chance.uniform(1e-5, 1e-3))
                for _ in range(CALLS):
                    work()
                signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    finally:
        gc.enable()
        signal.signal(signal.SIGVTALRM, former)


def in_another_thread(work: Callable[[], object]) -> None:
    """Do ``work`` in a thread, and fail if it does not return."""
    done = threading.Event()

    def run() -> None:
        work()
        done.set()

    threading.Thread(target=run, daemon=True).start()
    wait_until(done.is_set, "another thread gets through", LIMIT_S)


def test_an_interrupted_trigger_holds_up_neither_other_threads_nor_closing() -> None:
    with ServerRouter(URL), ClientRouter(URL) as client:
        reading = client.add_sender("thermo", "reading").signal("reading")
        interrupt(lambda: reading.trigger(21.5))
        in_another_thread(lambda: reading.trigger(21.5))


def test_an_interrupted_reader_of_a_stream_holds_up_no_trigger() -> None:
    router = Router()
    reading = router.add_sender("thermo", "reading").signal("reading")
    with router.listen("thermo") as stream:

        def read() -> None:
            reading.trigger(21.5)
            stream.get(timeout=0)

        interrupt(read)
        in_another_thread(lambda: reading.trigger(21.5))


def test_an_interrupted_listener_that_gets_kept_events_holds_up_no_trigger() -> None:
    router = Router()
    reading = router.add_sender("thermo", "reading", keep=3).signal("reading")

    def come_and_go() -> None:
        reading.trigger(21.5)
        router.add_listener(lambda _info, _data: None, replay=3).remove()

    interrupt(come_and_go)
    in_another_thread(lambda: reading.trigger(21.5))
    in_another_thread(come_and_go)


def test_an_interrupted_request_holds_up_neither_the_link_nor_closing() -> None:
    with ServerRouter(URL) as server, ClientRouter(URL) as client:
        server.add_sender("thermo", requests={"unit": lambda _params: "C"})
        interrupt(lambda: client.request("thermo", "unit"))
        in_another_thread(lambda: client.request("thermo", "unit"))
