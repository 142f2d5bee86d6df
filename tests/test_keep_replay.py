# SPDX-License-Identifier: MIT
"""What a sender keeps, and the listeners that come late and ask for it."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

import sigcore
from sigcore import BufferFull, ClientRouter, EventInfo, Gap, Router, ServerRouter, Signal, _gate
from sigcore.aio import Router as AioRouter

from .waiting import LIMIT_S, Errors, Heard
from .ways import Ways

KEYS: list[tuple[str | None, str | None]] = [("thermo", "reading"), ("thermo", None), (None, "reading"), (None, None)]

pytestmark = pytest.mark.usefixtures("nothing_left")


@pytest.fixture
def endless_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a thread that waits for a listener, where none should, hang."""
    monkeypatch.setattr(_gate, "PATIENCE_S", 1e6)


def numbers(signal: Signal[int], *data: int) -> None:
    """Trigger once for each."""
    for number in data:
        signal.trigger(number)


# what is kept


@pytest.mark.parametrize(("triggered", "heard"), [(0, []), (2, [0, 1]), (3, [0, 1, 2]), (4, [1, 2, 3])])
def test_a_sender_keeps_as_many_of_its_last_events_as_it_says(triggered: int, heard: list[int]) -> None:
    router = Router()
    numbers(router.add_sender("thermo", "reading", keep=3).signal("reading"), *range(triggered))
    late = Heard()
    router.add_listener(late, "thermo", "reading", replay=100)
    assert late.data == heard


@pytest.mark.parametrize(("replay", "heard"), [(0, []), (1, [4]), (4, [1, 2, 3, 4]), (5, [0, 1, 2, 3, 4])])
def test_a_listener_gets_as_many_kept_events_as_it_asks_for_at_most(replay: int, heard: list[int]) -> None:
    router = Router()
    numbers(router.add_sender("thermo", "reading", keep=10).signal("reading"), *range(5))
    late = Heard()
    router.add_listener(late, "thermo", "reading", replay=replay)
    assert late.data == heard


def test_each_event_may_be_kept_in_another_number_and_what_is_not_named_is_not_kept() -> None:
    router = Router()
    thermo = router.add_sender("thermo", ["reading", "alarm", "noise"], keep={"reading": 2, "alarm": 1})
    assert thermo.keep == {"reading": 2, "alarm": 1}
    late: list[tuple[str, int]] = []
    for number in range(3):
        for event in thermo.events:
            thermo.trigger(event, number)
    router.add_listener(lambda info, data: late.append((info.event, data)), "thermo", replay=5)
    assert late == [("reading", 1), ("reading", 2), ("alarm", 2)]


def test_one_number_holds_for_every_event_and_none_means_that_nothing_is_kept() -> None:
    router = Router()
    assert router.add_sender("thermo", ["reading", "alarm"], keep=4).keep == {"reading": 4, "alarm": 4}
    assert router.add_sender("valve", ["moved", "stuck"], keep={"moved": 0, "stuck": 1}).keep == {"stuck": 1}
    assert router.add_sender("pump", "started").keep == {}


@pytest.mark.parametrize(
    ("keep", "error", "said"),
    [
        ({"raeding": 1}, sigcore.EventNotDeclared, "'thermo'.*'raeding'.*its events are: reading, alarm"),
        ({"reading": -1}, ValueError, "'reading' of sender 'thermo'.*-1.*0 keeps none"),
        (-1, ValueError, "sender 'thermo'.*-1"),
        (True, TypeError, "sender 'thermo'.*True"),
        ({"reading": True}, TypeError, "'reading' of sender 'thermo'.*True"),
        (1.0, TypeError, "1.0"),
        ("reading", TypeError, "'reading'"),
    ],
)
def test_what_cannot_be_kept_is_refused_with_the_reason(keep: Any, error: type[Exception], said: str) -> None:
    router = Router()
    with pytest.raises(error, match=said):
        router.add_sender("thermo", ["reading", "alarm"], keep=keep)
    router.add_sender("thermo")  # the name is free


def test_what_is_kept_is_the_very_object_with_its_meta() -> None:
    router = Router()
    thermo = router.add_sender("thermo", "reading", keep=2)
    data = {"celsius": 21.5}
    thermo.trigger("reading", data, meta={"unit": "C"})
    thermo.trigger("reading", data)
    late = Heard()
    router.add_listener(late, replay=2)
    assert [dict(info.meta) for info in late.infos] == [{"unit": "C"}, {}]
    assert all(heard is data for heard in late.data)
    with pytest.raises(TypeError, match="text to text"):
        thermo.trigger("reading", data, meta={"unit": 1})  # type: ignore[dict-item]  # on purpose


def test_what_a_removed_sender_kept_is_gone() -> None:
    router = Router()
    thermo = router.add_sender("thermo", "reading", keep=2)
    signal = thermo.signal("reading")
    numbers(signal, 1, 2)
    thermo.remove()
    with pytest.raises(sigcore.HandleRemoved):
        signal.trigger(3)
    router.add_sender("thermo", "reading", keep=2)
    late = Heard()
    router.add_listener(late, replay=2)
    assert late.data == []


def test_a_signal_of_a_removed_sender_holds_no_events() -> None:
    router = Router()
    thermo = router.add_sender("thermo", "reading", keep=1)
    signal = thermo.signal("reading")
    data = {1, 2, 3}
    gone = weakref.ref(data)
    signal.trigger(data)
    thermo.remove()
    del data
    gc.collect()
    assert gone() is None
    assert signal.event == "reading"


# who gets it, and in which order


@pytest.mark.parametrize("key", KEYS)
def test_each_kind_of_listener_gets_the_kept_events_of_all_that_it_asked_for(
    key: tuple[str | None, str | None],
) -> None:
    router = Router()
    everything = [(sender, event) for sender in ("thermo", "valve") for event in ("reading", "alarm")]
    senders = {name: router.add_sender(name, ["reading", "alarm"], keep=1) for name in ("thermo", "valve")}
    for sender, event in everything:
        senders[sender].trigger(event, "old")
        senders[sender].trigger(event, "last")
    late = Heard()
    router.add_listener(late, *key, replay=2)
    expected = [pair for pair in everything if key[0] in (None, pair[0]) and key[1] in (None, pair[1])]
    assert [(info.sender, info.event) for info in late.infos] == expected
    assert set(late.data) == {"last"}


def test_kept_events_of_one_sender_come_in_the_order_of_their_triggers_whatever_their_names() -> None:
    router = Router()
    thermo = router.add_sender("thermo", ["reading", "alarm"], keep=2)
    for number, event in enumerate(["reading", "alarm", "alarm", "reading", "alarm", "reading"]):
        thermo.trigger(event, number)
    late = Heard()
    router.add_listener(late, "thermo", replay=2)
    assert late.data == [2, 3, 4, 5]


def test_after_the_kept_events_come_the_new_ones_and_nobody_else_hears_anything_twice() -> None:
    router = Router()
    signal = router.add_sender("thermo", "reading", keep=2).signal("reading")
    before, plain, late, after = Heard(), Heard(), Heard(), Heard()
    router.add_listener(before)
    numbers(signal, 1, 2)
    router.add_listener(plain)
    router.add_listener(late, replay=1)
    router.add_listener(after, replay=5)
    numbers(signal, 3)
    assert (before.data, plain.data, late.data, after.data) == ([1, 2, 3], [3], [2, 3], [1, 2, 3])


def test_a_listener_that_has_its_kept_events_is_called_like_any_other() -> None:
    router = Router()
    router.add_sender("thermo", "reading", keep=2).trigger("reading")
    late = Heard()
    listener = router.add_listener(late, replay=1)
    assert listener.call is late
    assert listener.gate is None


def test_a_listener_that_comes_before_its_sender_gets_its_events_as_they_come() -> None:
    router = Router()
    early = Heard()
    router.add_listener(early, "thermo", replay=5)
    numbers(router.add_sender("thermo", "reading", keep=5).signal("reading"), 1, 2)
    assert early.data == [1, 2]


def test_one_function_may_be_registered_several_times_with_kept_events() -> None:
    failed: list[Exception] = []
    router = Router(on_error=failed.append)
    signal = router.add_sender("thermo", "reading", keep=1).signal("reading")
    signal.trigger(1)

    def fail(_info: EventInfo, _data: int) -> None:
        raise ValueError

    listeners = [router.add_listener(fail, replay=1) for _ in range(3)]
    signal.trigger(2)
    assert [error.listener for error in failed if isinstance(error, sigcore.ListenerError)] == listeners * 2
    for listener in listeners:
        listener.remove()
    assert not signal.has_listeners


@dataclass
class Celsius:
    celsius: float


def test_a_typed_listener_gets_kept_events_as_its_type_and_what_does_not_fit_is_its_error() -> None:
    errors: list[Exception] = []
    router = Router(on_error=errors.append)
    numbers(router.add_sender("thermo", "reading", keep=3).signal("reading"), 1)
    router.add_listener(lambda _info, _data: None, "thermo", type=Celsius, replay=1)
    assert [type(error.__cause__) for error in errors] == [sigcore.TypeMismatch]


def test_the_decorator_and_streams_take_replay_as_well() -> None:
    router = Router()
    numbers(router.add_sender("thermo", "reading", keep=3).signal("reading"), 1, 2)
    heard: list[int] = []

    @router.on(sender="thermo", replay=1)
    def hear(_info: EventInfo, data: int) -> None:
        heard.append(data)

    with router.listen("thermo", "reading", replay=2) as stream:
        assert [stream.get(timeout=0)[1] for _ in range(2)] == [1, 2]
    assert heard == [2]


def test_a_stream_with_less_room_than_kept_events_holds_the_last_ones_and_tells_of_the_rest() -> None:
    router = Router()
    numbers(router.add_sender("thermo", "reading", keep=5).signal("reading"), *range(5))
    gaps: list[Gap] = []
    with router.listen("thermo", replay=5, size=2, on_gap=lambda _info, gap: gaps.append(gap)) as stream:
        assert [stream.get(timeout=0)[1] for _ in range(2)] == [3, 4]
    assert gaps == [Gap(3, "overflow")]


# from inside a listener


@pytest.mark.usefixtures("endless_patience")
def test_what_a_listener_triggers_as_it_gets_kept_events_comes_after_these() -> None:
    router = Router()
    signal = router.add_sender("thermo", "reading", keep=3).signal("reading")
    numbers(signal, 1, 2, 3)
    heard: list[int] = []

    def echo(_info: EventInfo, data: int) -> None:
        heard.append(data)
        if data < 10:
            signal.trigger(data + 10)

    router.add_listener(echo, replay=3)
    assert heard == [1, 2, 3, 11, 12, 13]


def test_a_listener_that_raises_gets_its_other_kept_events_all_the_same() -> None:
    errors: list[Exception] = []
    router = Router(on_error=errors.append)
    signal = router.add_sender("thermo", "reading", keep=3).signal("reading")
    numbers(signal, 1, 0, 2)
    heard: list[float] = []
    listener = router.add_listener(lambda _info, data: heard.append(1 / data), replay=3)
    signal.trigger(4)
    assert heard == [1, 0.5, 0.25]
    assert [type(error.__cause__) for error in errors] == [ZeroDivisionError]
    assert [error.listener for error in errors if isinstance(error, sigcore.ListenerError)] == [listener]


def test_a_listener_that_is_removed_as_it_gets_kept_events_gets_no_more() -> None:
    router = Router()
    signal = router.add_sender("thermo", "reading", keep=3).signal("reading")
    numbers(signal, 1, 2, 3)
    heard: list[int] = []

    def leave(_info: EventInfo, data: int) -> None:
        heard.append(data)
        signal.trigger(data + 10)
        (me,) = router._all_listeners()
        me.remove()

    assert router.add_listener(leave, replay=3).removed
    signal.trigger(4)
    assert heard == [1]
    assert not signal.has_listeners


def test_a_listener_that_ends_the_program_is_not_registered_and_holds_nobody_up() -> None:
    router = Router()
    signal = router.add_sender("thermo", "reading", keep=1).signal("reading")
    signal.trigger(1)

    def end(_info: EventInfo, _data: int) -> None:
        raise SystemExit

    with pytest.raises(SystemExit):
        router.add_listener(end, replay=1)
    assert not signal.has_listeners
    signal.trigger(2)


def test_a_listener_may_add_and_remove_others_and_senders_as_it_gets_kept_events() -> None:
    router = Router()
    thermo = router.add_sender("thermo", "reading", keep=2)
    numbers(thermo.signal("reading"), 1, 2)
    other = Heard()
    seen: list[str] = []

    def busy(info: EventInfo, _data: int) -> None:
        seen.append(info.sender)
        if info.sender == "thermo" and not thermo.removed:
            router.add_listener(other, "thermo", replay=2)
            thermo.remove()
            router.add_sender("valve", "moved").trigger("moved", 3)

    router.add_listener(busy, replay=2)
    assert other.data == [1, 2]
    assert seen == ["thermo", "thermo", "valve"]  # what it was to get first, then what came meanwhile


def test_gaps_that_come_with_the_kept_events_are_told_after_them() -> None:
    router = Router()
    signal = router.add_sender("thermo", "reading", keep=2).signal("reading")
    numbers(signal, 1, 2)
    told: list[int | Gap] = []

    def hear(_info: EventInfo, data: int) -> None:
        told.append(data)
        if data == 1:
            signal.report_gap(Gap(7, "session_lost"))
            signal.trigger(3)

    router.add_listener(hear, replay=2, on_gap=lambda _info, gap: told.append(gap))
    signal.report_gap(Gap(8, "session_lost"))
    assert told == [1, 2, Gap(7, "session_lost"), 3, Gap(8, "session_lost")]


# with other threads


def in_thread(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_those_who_trigger_go_on_while_a_listener_gets_kept_events() -> None:
    router = Router()
    signal = router.add_sender("thermo", "reading", keep=2).signal("reading")
    numbers(signal, 1, 2)
    heard: list[int] = []

    def hear(_info: EventInfo, data: int) -> None:
        heard.append(data)
        if data == 1:
            in_thread(lambda: numbers(signal, 3, 4)).join()

    router.add_listener(hear, replay=2)
    assert heard == [1, 2, 3, 4]


def test_a_listener_that_waits_for_one_who_triggers_is_waited_for_no_longer_than_a_second() -> None:
    router = Router()
    signal = router.add_sender("thermo", "reading", keep=1).signal("reading")
    signal.trigger(0)
    told: list[int | Gap] = []

    def hear(_info: EventInfo, data: int) -> None:
        told.append(data)
        if data == 0:
            numbers(signal, *range(1, 1_001))  # as much as may wait
            triggering = in_thread(lambda: numbers(signal, 1_001, 1_002, 1_003))
            triggering.join(LIMIT_S)
            assert not triggering.is_alive()

    began_s = time.monotonic()
    router.add_listener(hear, replay=1, on_gap=lambda _info, gap: told.append(gap))
    assert 1.0 <= time.monotonic() - began_s < 2.9  # once, not for each of the three
    assert told == [0, Gap(3, "overflow"), *range(4, 1_004)]


@pytest.mark.usefixtures("endless_patience")
def test_a_listener_that_just_keeps_up_is_through_in_the_end_because_the_others_wait() -> None:
    router = Router()
    signal = router.add_sender("thermo", "reading", keep=1).signal("reading")
    signal.trigger(0)
    heard: list[int] = []
    turn, answered, ends = threading.Semaphore(0), threading.Semaphore(0), threading.Event()

    def keep_it_busy() -> None:
        while turn.acquire(timeout=LIMIT_S) and not ends.is_set():
            signal.trigger(heard[-1] + 1)
            answered.release()

    busy = in_thread(keep_it_busy)

    def hear(_info: EventInfo, data: int) -> None:
        heard.append(data)
        if threading.current_thread() is not busy:
            turn.release()
            answered.acquire(timeout=LIMIT_S if data < 1_000 else 0.1)  # the last ones wait for this listener

    router.add_listener(hear, replay=1)
    ends.set()
    turn.release()
    busy.join(LIMIT_S)
    assert heard == list(range(len(heard)))
    assert 1_000 < len(heard) < 1_010


@pytest.mark.usefixtures("endless_patience")
def test_what_waits_for_a_listener_that_gets_kept_events_is_bounded_and_what_is_dropped_is_told() -> None:
    router = Router()
    signal = router.add_sender("thermo", "reading", keep=1).signal("reading")
    signal.trigger(0)
    told: list[int | Gap] = []

    def hear(_info: EventInfo, data: int) -> None:
        told.append(data)
        if data == 0:
            numbers(signal, *range(1, 1_005))

    router.add_listener(hear, replay=1, on_gap=lambda _info, gap: told.append(gap))
    assert told == [0, Gap(4, "overflow"), *range(5, 1_005)]


def test_with_the_policy_latest_only_the_newest_event_waits_behind_the_kept_ones() -> None:
    router = Router()
    signal = router.add_sender("thermo", "reading", keep=2).signal("reading")
    numbers(signal, 1, 2)
    told: list[int | Gap] = []

    def hear(_info: EventInfo, data: int) -> None:
        told.append(data)
        if data == 1:
            numbers(signal, 3, 4, 5)

    router.add_listener(hear, replay=2, policy="latest", on_gap=lambda _info, gap: told.append(gap))
    assert told == [1, 2, Gap(2, "conflated"), 5]


# with asyncio


def test_an_async_listener_gets_kept_events_and_then_new_ones_by_its_queue() -> None:
    async def scenario() -> None:
        router = AioRouter()
        signal = (await router.add_sender("thermo", "reading", keep=3)).signal("reading")
        numbers(signal, 1, 2, 3)
        heard: list[int] = []
        enough = asyncio.Event()

        async def hear(_info: EventInfo, data: int) -> None:
            await asyncio.sleep(0)
            heard.append(data)
            if len(heard) == 4:
                enough.set()

        await router.add_listener(hear, "thermo", replay=3)
        signal.trigger(4)
        await asyncio.wait_for(enough.wait(), LIMIT_S)
        assert heard == [1, 2, 3, 4]
        await router.close()

    asyncio.run(scenario())


def test_the_queue_of_an_async_listener_has_room_for_as_many_kept_events_as_it_asks_for() -> None:
    async def scenario() -> None:
        router = AioRouter()
        signal = (await router.add_sender("thermo", "reading", keep=3_000)).signal("reading")
        numbers(signal, *range(3_000))
        heard: list[int] = []
        enough = asyncio.Event()

        async def hear(_info: EventInfo, data: int) -> None:
            heard.append(data)
            if len(heard) == 3_000:
                enough.set()

        await router.add_listener(hear, "thermo", replay=3_000)
        await asyncio.wait_for(enough.wait(), LIMIT_S)
        assert heard == list(range(3_000))

    asyncio.run(scenario())


def test_streams_decorators_and_plain_listeners_of_asyncio_take_replay_as_well() -> None:
    async def scenario() -> None:
        router = AioRouter()
        signal = (await router.add_sender("thermo", "reading", keep={"reading": 3})).signal("reading")
        numbers(signal, 1, 2, 3)
        plain = Heard()
        router.on(event="reading", replay=2)(plain)
        async with router.listen("thermo", replay=2) as stream:
            signal.trigger(4)
            assert [(await stream.get(LIMIT_S))[1] for _ in range(3)] == [2, 3, 4]
        assert plain.data == [2, 3, 4]

    asyncio.run(scenario())


@pytest.mark.usefixtures("endless_patience")
def test_the_thread_of_an_event_loop_never_waits_for_a_listener_of_another_thread() -> None:
    async def scenario() -> None:
        router = AioRouter()
        signal = (await router.add_sender("thermo", "reading", keep=1)).signal("reading")
        signal.trigger(0)
        heard: list[int] = []
        inside, go_on = threading.Event(), threading.Event()

        def hear(_info: EventInfo, data: int) -> None:
            heard.append(data)
            if data == 0:
                inside.set()
                assert go_on.wait(LIMIT_S)

        adding = in_thread(lambda: router.on(replay=1)(hear))
        assert inside.wait(LIMIT_S)
        numbers(signal, *range(1, 1_011))
        go_on.set()
        adding.join()
        assert heard == [0, *range(11, 1_011)]  # those that had room

    asyncio.run(scenario())


# over carriers


def test_an_event_that_other_routers_have_no_room_for_is_neither_signalled_nor_kept() -> None:
    router = Router()
    ways = Ways()
    router._attach(ways)
    thermo = router.add_sender("thermo", "reading", keep=5)
    signal = thermo.signal("reading")
    early, late = Heard(), Heard()
    router.add_listener(early)
    signal.trigger(1)
    ways.full = True
    with pytest.raises(BufferFull):
        signal.trigger(2)
    ways.full = False
    signal.trigger(3)
    router.add_listener(late, replay=5)
    assert early.data == late.data == ways.sent == [1, 3]
    thermo.remove()
    with pytest.raises(sigcore.HandleRemoved):
        signal.trigger(4)
    assert ways.sent == [1, 3]


@pytest.mark.parametrize("side", ["server", "client"])
def test_over_carriers_what_a_router_of_the_own_process_keeps_is_there_at_once(side: str) -> None:
    errors = Errors()
    with (
        ServerRouter("mem://keep", on_error=errors) as server,
        ClientRouter("mem://keep", on_error=errors) as client,
    ):
        router: Router = {"server": server, "client": client}[side]
        signal = router.add_sender("thermo", "reading", keep=2).signal("reading")
        numbers(signal, 1, 2, 3)
        late = Heard()
        router.add_listener(late, "thermo", replay=2)
        signal.trigger(4)
        assert late.data == [2, 3, 4]
    assert errors.data == []


def test_an_event_that_another_router_kept_is_told_to_one_listener_alone_behind_what_it_gets_from_here() -> None:
    errors: list[Exception] = []
    router = Router(on_error=errors.append)
    remote = router._add_remote_signal("valve", "moved", sigcore.Peer("cellar"))
    one, other = Heard(), Heard()
    listener = router.add_listener(one, "valve", replay=1)
    router.add_listener(other, "valve")
    meta: Mapping[str, str] = {"unit": "%"}
    router._tell_kept(listener, remote, 40, meta)
    router._tell_kept(listener, remote, 50, None)
    assert (one.data, other.data) == ([40, 50], [])
    assert [(info.sender, info.event, dict(info.meta)) for info in one.infos] == [
        ("valve", "moved", {"unit": "%"}),
        ("valve", "moved", {}),
    ]
    failing = router.add_listener(lambda _info, data: data["percent"], "valve", replay=1)
    router._tell_kept(failing, remote, {}, None)
    assert [type(error.__cause__) for error in errors] == [KeyError]
    listener.remove()
    router._tell_kept(listener, remote, 60, None)
    assert one.data == [40, 50]
