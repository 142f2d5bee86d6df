# SPDX-License-Identifier: MIT
"""Between kept events and new ones there is no hole, nothing comes twice and nothing out of order, whoever interferes.

Three ways to look: one thread halted at every single line while another does its work, hypothesis choosing what
happens inside which call of a listener, and threads at full speed.
"""

from __future__ import annotations

import itertools
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigcore import EventInfo, Gap, Listener, Router, Signal

from .waiting import LIMIT_S, Heard

FILES = ("_gate.py", "_keeping.py", "_signal.py", "_router.py", "_table.py", "_line.py", "_listener.py")

pytestmark = pytest.mark.usefixtures("nothing_left")


# one thread halted at each of its lines


class Watched(Router):
    """A router that tells when a thread is about to wait for a listener."""

    def __init__(self) -> None:
        super().__init__()
        self.someone_waits = threading.Event()

    def _may_wait(self) -> bool:
        self.someone_waits.set()
        return True

    @property
    def is_locked(self) -> bool:
        """Whether a thread that triggers would find a lock taken."""
        gates = [listener.gate for listener in self._table if listener.gate is not None]
        return self._keeping.lock.locked() or any(gate._lock.locked() for gate in gates)


class Halted:
    """Does ``work`` in a thread that halts at its ``number``-th line of ours, not counting those with a lock held.

    Attributes:
        reached: Whether there is such a line, once the thread has halted or ended.
    """

    def __init__(self, work: Callable[[], object], number: int, router: Watched) -> None:
        self._work = work
        self._lines_left = number
        self._router = router
        self._settled = threading.Event()
        self._go_on = threading.Event()
        self.reached = False
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert self._settled.wait(LIMIT_S)

    def go_on(self) -> None:
        """Let it go on to its end."""
        self._go_on.set()
        self._thread.join(LIMIT_S)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        sys.settrace(self._trace)
        try:
            self._work()
        finally:
            sys.settrace(None)
            self._settled.set()

    def _trace(self, frame: FrameType, event: str, _arg: Any) -> Callable[..., Any] | None:
        if not frame.f_code.co_filename.endswith(FILES):
            return None
        if event == "line" and not self.reached and not self._router.is_locked:
            if self._lines_left == 0:
                self.reached = True
                self._settled.set()
                assert self._go_on.wait(LIMIT_S)
            self._lines_left -= 1
        return self._trace


def every_line(work_and_check: Callable[[int], bool]) -> int:
    """Do something for each line until there is none any more; return how many there were."""
    return next(number for number in itertools.count() if not work_and_check(number))


def test_a_listener_may_come_at_any_line_of_a_trigger() -> None:
    def come(number: int) -> bool:
        router = Watched()
        signal = router.add_sender("thermo", "reading", keep=5).signal("reading")
        present, late = Heard(), Heard()
        router.add_listener(present)
        signal.trigger(1)
        halted = Halted(lambda: signal.trigger(2), number, router)
        router.add_listener(late, replay=5)
        halted.go_on()
        signal.trigger(3)
        assert late.data == [1, 2, 3], number
        assert present.data == [1, 2, 3], number
        return halted.reached

    assert every_line(come) > 5


def test_anything_may_be_triggered_at_any_line_of_a_listener_that_comes() -> None:
    def trigger(number: int) -> bool:
        router = Watched()
        thermo = router.add_sender("thermo", ["reading", "alarm", "noise"], keep={"reading": 5, "alarm": 5})
        present, late = Heard(), Heard()
        router.add_listener(present)
        listeners: list[Listener] = []
        thermo.trigger("reading", 1)
        thermo.trigger("alarm", 2)

        def go_on_triggering() -> None:
            for data, event in enumerate(["reading", "alarm", "noise", "reading"], 3):
                thermo.trigger(event, data)
            router.someone_waits.set()  # or has done

        halted = Halted(lambda: listeners.append(router.add_listener(late, "thermo", replay=5)), number, router)
        triggering = threading.Thread(target=go_on_triggering)
        triggering.start()
        assert router.someone_waits.wait(LIMIT_S)
        halted.go_on()
        triggering.join(LIMIT_S)
        thermo.trigger("alarm", 7)
        heard = [data for data in late.data if data != 5]  # before the listener is there, what is not kept is missed
        assert heard == [1, 2, 3, 4, 6, 7], number
        assert late.data == sorted(late.data), number
        assert present.data == [1, 2, 3, 4, 5, 6, 7], number
        assert listeners[0].gate is None
        return halted.reached

    assert every_line(trigger) > 40


def test_a_listener_may_be_through_with_its_kept_events_at_any_line_of_a_trigger() -> None:
    def be_through(number: int) -> bool:
        router = Watched()
        signal = router.add_sender("thermo", "reading", keep=5).signal("reading")
        signal.trigger(1)
        inside, go_on = threading.Event(), threading.Event()
        late: list[int] = []

        def hear(_info: EventInfo, data: int) -> None:
            late.append(data)
            inside.set()
            assert go_on.wait(LIMIT_S)

        coming = threading.Thread(target=lambda: router.add_listener(hear, replay=5))
        coming.start()
        assert inside.wait(LIMIT_S)
        halted = Halted(lambda: signal.trigger(2), number, router)
        go_on.set()
        coming.join(LIMIT_S)
        halted.go_on()
        signal.trigger(3)
        assert late == [1, 2, 3], number
        return halted.reached

    assert every_line(be_through) > 10


# what happens inside which call

SENDERS = ("thermo", "valve")
EVENTS = ("reading", "alarm")
PAIRS = st.tuples(st.sampled_from(SENDERS), st.sampled_from(EVENTS))
KEEP = st.dictionaries(st.sampled_from(EVENTS), st.integers(0, 3))
ACTIONS = st.one_of(
    st.tuples(st.just("trigger"), PAIRS),
    st.tuples(st.just("trigger in another thread"), PAIRS),
    st.tuples(st.just("raise"), st.none()),
    st.tuples(st.just("remove"), st.none()),
)


class NeverWaiting(Router):
    """A router whose threads are all taken for those of event loops."""

    def _may_wait(self) -> bool:
        return False


class Model:
    """Two senders, what they keep and have triggered, and a late listener that does as it is told at each call."""

    def __init__(self, keep: list[dict[str, int]], inside: list[list[tuple[str, Any]]]) -> None:
        self.router = NeverWaiting()
        self.senders = {
            name: self.router.add_sender(name, EVENTS, keep=numbers)
            for name, numbers in zip(SENDERS, keep, strict=True)
        }
        self.bystander: list[int] = []
        self.router.add_listener(lambda _info, data: self.bystander.append(data))
        self.triggered: list[tuple[str, str]] = []  # their place in it is their data
        self.heard: list[int] = []
        self.inside = iter(inside)
        self.removed_at: int | None = None

    def trigger(self, pair: tuple[str, str]) -> None:
        self.triggered.append(pair)
        self.senders[pair[0]].trigger(pair[1], len(self.triggered) - 1)

    def hear(self, _info: EventInfo, data: int) -> None:
        self.heard.append(data)
        for action, argument in next(self.inside, []):
            if action == "trigger":
                self.trigger(argument)
            elif action == "trigger in another thread":
                thread = threading.Thread(target=self.trigger, args=(argument,))
                thread.start()
                thread.join()
            elif action == "raise":
                raise RuntimeError("as it was told")
            elif self.removed_at is None:
                self.removed_at = len(self.heard)
                next(each for each in self.router._table if each.callback == self.hear).remove()

    def kept(self, key: tuple[str | None, str | None], replay: int) -> list[int]:
        """Return what a listener must be given first."""
        first: list[int] = []
        for name, sender in self.senders.items():
            for event in EVENTS:
                all_of_it = [data for data, pair in enumerate(self.triggered) if pair == (name, event)]
                most = min(replay, sender.keep.get(event, 0))
                first += all_of_it[len(all_of_it) - min(most, len(all_of_it)) :] if matches(key, (name, event)) else []
        return sorted(first)


def matches(key: tuple[str | None, str | None], pair: tuple[str, str]) -> bool:
    return key[0] in (None, pair[0]) and key[1] in (None, pair[1])


@given(
    keep=st.lists(KEEP, min_size=2, max_size=2),
    before=st.lists(PAIRS, max_size=8),
    key=st.tuples(st.sampled_from([None, *SENDERS]), st.sampled_from([None, *EVENTS])),
    replay=st.integers(0, 4),
    inside=st.lists(st.lists(ACTIONS, max_size=3), max_size=8),
    after=st.lists(PAIRS, max_size=4),
)
def test_a_late_listener_hears_what_was_kept_and_then_all_that_is_triggered_in_its_order(
    keep: list[dict[str, int]],
    before: list[tuple[str, str]],
    key: tuple[str | None, str | None],
    replay: int,
    inside: list[list[tuple[str, Any]]],
    after: list[tuple[str, str]],
) -> None:
    model = Model(keep, inside)
    for pair in before:
        model.trigger(pair)
    expected = model.kept(key, replay)
    model.router.add_listener(model.hear, *key, replay=replay)
    for pair in after:
        model.trigger(pair)
    live = enumerate(model.triggered[len(before) :], len(before))
    expected += [data for data, pair in live if matches(key, pair)]
    assert model.heard == expected[: model.removed_at]
    assert Counter(model.bystander) == Counter(range(len(model.triggered)))


# threads at full speed


@pytest.fixture
def hurried_switches() -> Iterator[None]:
    """Have threads interrupted far more often than usual."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.0001)
    yield
    sys.setswitchinterval(before)


class Counting:
    """A thread that triggers numbers, one after the other, as fast as it can.

    Attributes:
        over: The last number whose trigger has returned.
    """

    def __init__(self, signal: Signal[int]) -> None:
        self._signal = signal
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.over = -1

    def __enter__(self) -> Counting:
        self._signal.trigger(0)
        self.over = 0
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._ends.set()
        self._thread.join(LIMIT_S)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        while not self._ends.is_set():
            self._signal.trigger(self.over + 1)
            self.over += 1


@pytest.mark.usefixtures("hurried_switches")
def test_a_thousand_listeners_join_a_counter_at_full_speed_and_each_hears_it_count_on() -> None:
    router = Router()
    signal = router.add_sender("counter", "count", keep=4).signal("count")
    gaps: list[Gap] = []

    def join(count: Counting, replay: int) -> None:
        heard: list[int] = []
        last_over = count.over
        listener = router.add_listener(
            lambda _info, data: heard.append(data),
            "counter",
            replay=replay,
            on_gap=lambda _info, gap: gaps.append(gap),
        )
        assert len(heard) >= min(replay, last_over + 1)
        until = count.over + 2
        while count.over < until:
            pass
        listener.remove()
        numbers = tuple(heard)
        assert numbers == tuple(range(numbers[0], numbers[0] + len(numbers)))
        assert numbers[-1] >= until
        assert numbers[0] > last_over - replay  # it got no more than it asked for, up to this one at least
        assert gaps == []

    with Counting(signal) as count:
        for number in range(1_000):
            join(count, 1 + number % 4)


def test_a_listener_that_is_slower_than_the_one_who_triggers_is_through_with_its_kept_events_some_time() -> None:
    router = Router()
    signal = router.add_sender("counter", "count", keep=10).signal("count")
    heard: list[int] = []

    def hear(_info: EventInfo, data: int) -> None:
        heard.append(data)
        for _ in range(5_000):
            pass

    with Counting(signal) as count:
        listener = router.add_listener(hear, "counter", replay=10)
        assert listener.gate is None
        until = count.over + 10
        while count.over < until:
            pass
    assert heard == list(range(heard[0], heard[0] + len(heard)))
    assert heard[-1] == count.over


@pytest.mark.usefixtures("hurried_switches")
def test_of_several_threads_each_is_heard_in_its_own_order_from_the_kept_events_on() -> None:
    router = Router()
    signal = router.add_sender("thermo", "reading", keep=100).signal("reading")
    visits: list[list[tuple[int, int]]] = []
    numbers = range(1_500)

    def trigger(who: int) -> None:
        for number in numbers:
            signal.trigger((who, number))

    threads = [threading.Thread(target=trigger, args=(who,)) for who in range(3)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads) and len(visits) < 20:
        late = Heard()
        router.add_listener(late, replay=100)
        visits.append(late.data)
    for thread in threads:
        thread.join(LIMIT_S)
    for heard in visits:
        for who in range(3):
            own = [number for thread_, number in heard if thread_ == who]
            assert own == list(numbers)[len(numbers) - len(own) :]
