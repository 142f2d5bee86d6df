# SPDX-License-Identifier: MIT
"""What the server's own senders keep, and what they signal while somebody begins to listen."""

from __future__ import annotations

import itertools
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import sigcore

from .waiting import Heard

if TYPE_CHECKING:
    from collections.abc import Iterator

KEPT = 20
LIVE = 40


@contextmanager
def counting(signal: sigcore.Signal[int]) -> Iterator[None]:
    """Trigger 0, 1, 2, ... in another thread, some at a time."""
    stop = threading.Event()

    def count() -> None:
        for number in itertools.count():
            signal.trigger(number)
            if number % 10 == 0:
                time.sleep(0.0002)
            if stop.is_set():
                return

    thread = threading.Thread(target=count)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_between_what_a_server_kept_and_what_it_signals_nothing_is_missing() -> None:
    with sigcore.ServerRouter("mem://own-replay") as server, sigcore.ClientRouter("mem://own-replay") as client:
        counter = server.add_sender("counter", ["count"], keep=KEPT).signal("count", type=None)
        with counting(counter):
            for _ in range(150):
                heard = Heard()
                with client.add_listener(heard, "counter", replay=KEPT):
                    numbers = heard.wait(KEPT + LIVE)
                first = numbers[0]
                assert numbers[: KEPT + LIVE] == list(range(first, first + KEPT + LIVE))
