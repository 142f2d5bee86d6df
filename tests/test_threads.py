# SPDX-License-Identifier: MIT
"""Threads that add and remove listeners and senders while others trigger: nothing is lost, doubled or out of order."""

from __future__ import annotations

import itertools
import sys
import threading
from collections.abc import Callable, Iterator

import pytest

import sigcore
from sigcore import EventInfo, Router

VISITS = 60
LIMIT_S = 30.0

pytestmark = pytest.mark.usefixtures("nothing_left", "frequent_switches")


@pytest.fixture
def frequent_switches() -> Iterator[None]:
    """Have threads interrupted fifty times as often as usual."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.0001)
    yield
    sys.setswitchinterval(before)


class Visitor:
    """A listener that may come and go."""

    def __init__(self) -> None:
        self.heard: list[int] = []

    def hear(self, _info: EventInfo, data: int) -> None:
        self.heard.append(data)


def run_all(*works: Callable[[], None]) -> None:
    """Run each in a thread of its own, from one moment on; what one raises fails the test."""
    start = threading.Barrier(len(works))

    def run(work: Callable[[], None]) -> None:
        start.wait(LIMIT_S)
        work()

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT_S)
        assert not thread.is_alive()


KEYS: list[tuple[str | None, str | None]] = [("thermo", "reading"), ("thermo", None), (None, "reading"), (None, None)]


def test_every_listener_hears_its_period_in_order_and_one_that_stays_hears_all() -> None:
    router = Router()
    signal = router.add_sender("thermo", "reading").signal("reading")
    permanent = [Visitor() for _ in KEYS]
    for visitor, key in zip(permanent, KEYS, strict=True):
        router.add_listener(visitor.hear, *key)
    visits: list[tuple[Visitor, int, int]] = []
    now = [0]
    done = threading.Event()

    def trigger() -> None:
        while len(visits) < VISITS:
            signal.trigger(now[0])
            now[0] += 1
        done.set()

    def come_and_go(key: tuple[str | None, str | None]) -> None:
        while True:
            visitor = Visitor()
            handle = router.add_listener(visitor.hear, *key)
            first = (
                now[0] + 1
            )  # the one of now may be under way; this one begins after the listener came, so it must reach it
            while now[0] < first + 3 and not done.is_set():
                pass
            last = now[0] - 1  # was over before the listener leaves
            handle.remove()
            if done.is_set():
                return
            visits.append((visitor, first, last))

    run_all(trigger, *(lambda key=key: come_and_go(key) for key in KEYS))
    for visitor in permanent:
        assert visitor.heard == list(range(now[0]))
    for visitor, first, last in visits:
        heard = visitor.heard
        assert heard == list(range(heard[0], heard[-1] + 1))
        assert heard[0] <= first
        assert heard[-1] >= last


def test_events_of_several_threads_each_come_once_and_in_the_order_of_their_thread() -> None:
    router = Router()
    signal = router.add_sender("thermo", "reading").signal("reading")
    heard: list[tuple[int, int]] = []
    router.add_listener(lambda _info, data: heard.append(data))

    def trigger(who: int) -> None:
        for number in range(1_000):
            signal.trigger((who, number))

    run_all(*(lambda who=who: trigger(who) for who in range(4)))
    for who in range(4):
        assert [number for thread, number in heard if thread == who] == list(range(1_000))
    assert len(heard) == 4_000


def test_a_removed_listener_hears_nothing_that_is_triggered_after_remove_returned() -> None:
    router = Router()
    signal = router.add_sender("thermo", "reading").signal("reading")
    late: list[int] = []
    tokens = itertools.count()

    def come_and_go() -> None:
        for _ in range(500):
            visitor = Visitor()
            router.add_listener(visitor.hear).remove()
            signal.trigger(token := next(tokens))
            late.extend(data for data in visitor.heard if data == token)

    run_all(*[come_and_go] * 3)
    assert late == []


def test_senders_may_come_and_go_while_listeners_do() -> None:
    errors: list[Exception] = []
    router = Router(on_error=errors.append)
    heard: dict[str, list[int]] = {f"sender{number}": [] for number in range(3)}
    router.add_listener(lambda info, data: heard[info.sender].append(data), event="reading")
    done = threading.Event()

    def send(name: str) -> None:
        for number in range(300):
            with router.add_sender(name, "reading") as sender:
                sender.trigger("reading", number)

    def listen() -> None:
        while not done.is_set():
            router.add_listener(lambda _info, _data: None, "sender0", "reading").remove()
            router.add_listener(lambda _info, _data: None).remove()

    listening = [threading.Thread(target=listen) for _ in range(2)]
    for thread in listening:
        thread.start()
    run_all(*(lambda name=name: send(name) for name in heard))
    done.set()
    for thread in listening:
        thread.join(LIMIT_S)
    assert all(numbers == list(range(300)) for numbers in heard.values())
    assert errors == []
    assert router.senders() == []


def test_of_many_threads_that_want_one_name_exactly_one_gets_it() -> None:
    router = Router()
    won: list[sigcore.Sender] = []
    refused: list[sigcore.SenderExists] = []

    def want() -> None:
        try:
            won.append(router.add_sender("thermo"))
        except sigcore.SenderExists as error:
            refused.append(error)

    run_all(*[want] * 8)
    assert len(won) == 1
    assert len(refused) == 7


def test_a_listener_removed_by_two_threads_at_once_is_removed() -> None:
    router = Router()
    visitor = Visitor()
    listener = router.add_listener(visitor.hear, "thermo", "reading")
    said: list[BaseException | None] = []

    def remove() -> None:
        try:
            listener.remove()
        except sigcore.HandleRemoved as error:
            said.append(error)
        else:
            said.append(None)

    run_all(*[remove] * 4)
    assert len(said) == 4
    assert None in said
    router.add_sender("thermo", "reading").trigger("reading", 1)
    assert visitor.heard == []
