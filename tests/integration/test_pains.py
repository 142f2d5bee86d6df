# SPDX-License-Identifier: MIT
"""What users of other libraries suffer from, and must not here; each test is written as such a user would."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sig_serial  # noqa: F401  # tells that these tests need the package
import sig_tcp  # noqa: F401  # likewise

import sigcore
import sigcore.aio
from sigcore import ClientRouter, EventInfo, Gap, ServerRouter
from sigcore.testing import History

from ..waiting import LIMIT_S, Heard, wait_until
from .forms import FORMS
from .outages import CARRIERS, House, a_house

TCP = "tcp://127.0.0.1:0"

LONG_S = 30.0
"""A time that no test waits for."""


@pytest.fixture(params=[(carrier, form) for carrier in CARRIERS for form in FORMS], ids="-".join)
def place(request: pytest.FixtureRequest, tmp_path: Path, _nothing_left: None) -> tuple[str, str, Path]:
    """A carrier and a form, and where files go."""
    carrier, form = request.param
    return carrier, form, tmp_path


class Gaps(Heard):
    """An ``on_gap`` that keeps what it is told."""

    def count(self) -> int:
        """Return how many events were lost in all."""
        return sum(gap.count or 0 for gap in self.data)


# "Subscriptions are gone after a broker restart"


KEYS: list[tuple[str | None, str | None]] = [("news", "item"), ("news", None), (None, "item"), (None, None)]


def subscribe(house: House) -> tuple[list[Heard], Any, Any]:
    """Have one client listen in every way, and the other send; return what is heard, a stream, and the sender."""
    left, right = house.clients["left"], house.clients["right"]
    heard = [Heard() for _ in KEYS]
    for key, one in zip(KEYS, heard, strict=True):
        left.add_listener(one, *key)
    stream = left.do(left.router.listen, "news")
    news = right.add_sender("news", "item", {"ask": lambda params: params})
    left.senders()  # an answer means that the server has taken the stream as well
    return heard, stream, news


def all_hear(house: House, data: str, heard: list[Heard], stream: Any, news: Any) -> None:
    """Fail unless an event that is triggered now comes to everybody who asked for it, once."""
    left, right = house.clients["left"], house.clients["right"]
    for one in heard:
        one.data.clear()
    right.do(news.trigger, "item", data)
    for one in heard:
        assert one.wait(1) == [data]
    assert left.do(stream.get, timeout=LIMIT_S)[1] == data
    assert left.request("news", "ask", data) == data


def test_subscriptions_are_back_after_the_server_was_restarted_without_a_line_of_user_code(
    place: tuple[str, str, Path],
) -> None:
    carrier, form, directory = place
    with a_house(carrier, form, directory) as house:
        world = subscribe(house)
        all_hear(house, "before", *world)
        house.restart()
        all_hear(house, "after", *world)
        house.clients["left"].do(world[1].close)


def test_subscriptions_are_back_after_an_outage_however_long_it_was(place: tuple[str, str, Path]) -> None:
    carrier, form, directory = place
    with a_house(carrier, form, directory, grace=0.1, session_timeout=0.2) as house:
        world = subscribe(house)
        all_hear(house, "before", *world)
        for cable in house.cables.values():
            cable.pull()
        wait_until(lambda: not house.server.router.counters_by_peer, "the server has given them up")
        for cable in house.cables.values():
            cable.plug()
        house.wait_for_all()
        all_hear(house, "after", *world)
        house.clients["left"].do(world[1].close)


# "Messages published around a disconnect vanish, without error"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("whose", ["publisher", "reader", "both"])
@pytest.mark.parametrize("carrier", CARRIERS)
def test_events_triggered_around_a_disconnect_arrive(carrier: str, form: str, whose: str, tmp_path: Path) -> None:
    history = History()
    with a_house(carrier, form, tmp_path, grace=LONG_S) as house:
        end = listen_and_note(house, history)
        trigger = publishing(house, history)
        pulled = {"publisher": ["right"], "reader": ["left"], "both": ["left", "right"]}[whose]
        for _ in range(3):
            trigger(50)
            for name in pulled:
                house.cables[name].pull()
            trigger(50)
            for name in pulled:
                house.cables[name].plug()
            trigger(50)
            house.wait_for_all()
        trigger(1)
        end(451)
    history.check().assert_good(nothing_lost=True)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "cause", ["the publisher could keep no more", "the server forgot", "too much waited for the reader"]
)
def test_events_that_an_outage_cost_are_told_where_they_are_missing(cause: str, form: str, tmp_path: Path) -> None:
    options: dict[str, Any] = {"grace": 0.1}
    if cause == "the server forgot":
        options["session_timeout"] = 0.2
    else:
        options["event_queue"] = 4_096
    history = History()
    with a_house("tcp", form, tmp_path, **options) as house:
        end = listen_and_note(house, history)
        trigger = publishing(house, history)
        pulled = house.cables["right" if cause.startswith("the publisher") else "left"]
        trigger(50)
        pulled.pull()
        trigger(50)
        if cause == "the server forgot":
            wait_until(lambda: len(house.server.router.counters_by_peer) < 2, "the session is over")
        trigger(150)
        if cause == "too much waited for the reader":
            end(250, "server")  # else the reader may be back before the server has anything to keep for it
        pulled.plug()
        house.wait_for_all()
        trigger(50)
        end(300)
    report = history.check()
    report.assert_good()
    assert report.lost
    assert report.told


def listen_and_note(house: House, history: History) -> Callable[..., None]:
    """Have the left client and the server note what they hear; return what waits until both, or one, heard so many."""
    last = {name: Heard() for name in ("left", "server")}
    for name, peer in (("left", house.clients["left"]), ("server", house.server)):

        def hear(info: EventInfo, data: Any, name: str = name) -> None:
            history.heard(name, info, data)
            last[name](info, data["seq"])

        peer.add_listener(hear, "news", on_gap=partial(history.gap, name))
        history.listening(name, "news")

    def end(number: int, *names: str) -> None:
        for name in names or last:
            last[name].wait_for(lambda data: data and data[-1] == number - 1, LONG_S)

    return end


def publishing(house: House, history: History) -> Callable[[int], None]:
    """Return what triggers so many more events at the right client."""
    right = house.clients["right"]
    item = right.add_sender("news", "item").signal("item")
    numbers = itertools.count()

    def trigger(number: int) -> None:
        for _ in range(number):
            data = history.stamp("news", next(numbers))
            history.triggered("item", data)
            right.do(item.trigger, data)

    return trigger


# "No data is better than old data": what is stale after an outage is the listener's choice


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("whose", ["publisher", "reader"])
def test_after_an_outage_a_listener_gets_everything_or_only_the_newest_as_it_chose(
    whose: str, form: str, tmp_path: Path
) -> None:
    with a_house("tcp", form, tmp_path, ["left", "right", "third"], grace=LONG_S) as house:
        left, third, right = house.clients["left"], house.clients["third"], house.clients["right"]
        everything, newest, gaps = Heard(), Heard(), Gaps()
        left.add_listener(everything, "thermo")
        third.add_listener(newest, "thermo", policy="latest", on_gap=gaps)
        reading = right.add_sender("thermo", "reading").signal("reading")
        right.do(reading.trigger, 0)
        newest.wait(1)
        pulled = [house.cables[name] for name in (["right"] if whose == "publisher" else ["left", "third"])]
        for cable in pulled:
            cable.pull()
        wait_until(lambda: len(house.server.peers()) == len(house.clients) - len(pulled), "the server notices")
        for number in range(1, 101):
            right.do(reading.trigger, number)
        for cable in pulled:
            cable.plug()
        assert everything.wait(101) == list(range(101))
        got = newest.wait_for(lambda data: data[-1] == 100)
        assert len(got) + gaps.count() == 101
        assert {gap.cause for gap in gaps.data} == {"conflated"}
        if whose == "reader":  # for whom all of them waited
            assert got == [0, 100]


@pytest.mark.parametrize("form", FORMS)
def test_a_publisher_can_tell_that_what_it_has_would_be_stale_when_it_arrives(form: str, tmp_path: Path) -> None:
    with a_house("tcp", form, tmp_path) as house:
        left, right = house.clients["left"], house.clients["right"]
        heard = Heard()
        left.add_listener(heard, "thermo")
        reading = right.add_sender("thermo", "reading").signal("reading")

        def measure(value: int) -> None:
            if right.router.connected:
                right.do(reading.trigger, value)

        measure(1)
        heard.wait(1)
        house.cables["right"].pull()
        wait_until(lambda: not right.router.connected, "the client notices")
        measure(2)
        house.cables["right"].plug()
        wait_until(lambda: right.router.connected, "the client is back")
        measure(3)
        assert heard.wait(2) == [1, 3]


# "Half-open: the reader waits for ever, and the port is in use on reconnect"


def test_a_reader_of_a_line_that_went_dead_waits_no_longer_than_the_dead_time_and_the_port_is_free_again(
    place: tuple[str, str, Path],
) -> None:
    carrier, form, directory = place
    dead_s = 1.0
    with a_house(carrier, form, directory, ["left"], heartbeat=0.25, dead_after=dead_s, grace=0.1) as house:
        left = house.clients["left"]
        told, heard = Heard(), Heard()
        left.add_listener(told, "meter", "#disconnect")
        left.add_listener(heard, "meter")
        meter = house.server.add_sender("meter", "reading")
        house.server.do(meter.trigger, "reading", 1)
        heard.wait(1)
        cable = house.cables["left"]
        if carrier == "serial":
            cable.line.fault = lambda _path, _data: b""
        else:
            cable.faults.silence()
            cable.faults.refuse()
        began_s = time.monotonic()
        (info,) = told.wait(1)
        assert info.cause == "silent"
        assert time.monotonic() - began_s < 1.5 * (dead_s + 0.1)
        house.server.do(meter.trigger, "reading", 2)
        if carrier == "serial":
            cable.line.fault = None
        else:
            cable.plug()
        assert heard.wait(2) == [1, 2]
        assert left.router.connected


# "Wait-for-ack inside a callback hangs for ever; publish from callback and thread deadlocks"


@pytest.mark.parametrize("endpoint", [TCP, "mem://pains"])
def test_a_callback_may_wait_for_answers_and_acknowledgements(endpoint: str) -> None:
    results, answers = Heard(), Heard()
    numbers = itertools.count()

    def ask_and_deliver(router: Any, info: EventInfo, data: int) -> None:
        got = [router.request(name, "echo", data) for name in ("server", "client")]
        with router.add_sender(f"answer{next(numbers)}", "answer") as mine:
            results(info, (got, router.deliver(mine.signal("answer"), data)))

    with ServerRouter(endpoint) as server, ClientRouter(server.endpoints[0]) as client:
        senders = []
        for name, router in (("server", server), ("client", client)):
            senders.append(router.add_sender(name, "said", {"echo": lambda params: params}))
            router.add_listener(partial(ask_and_deliver, router), event="said")
        server.add_listener(answers, event="answer")
        for sender in senders:
            sender.trigger("said", 7)
        assert results.wait(4) == [([7, 7], 1)] * 4  # two routers hear of two senders
        assert answers.wait(4) == [7] * 4


def test_an_async_callback_may_wait_for_answers_and_acknowledgements() -> None:
    async def scenario() -> None:
        results: list[Any] = []
        done = asyncio.Event()
        async with (
            asyncio.timeout(LIMIT_S),
            sigcore.aio.ServerRouter(TCP) as server,
            sigcore.aio.ClientRouter(server.endpoints[0]) as client,
        ):
            said = (await server.add_sender("server", "said", {"echo": lambda params: params})).signal("said")
            answer = (await client.add_sender("client", "answer")).signal("answer")
            await server.add_listener(lambda _info, _data: None, "client")

            async def ask_and_deliver(_info: EventInfo, data: int) -> None:
                got = await client.request("server", "echo", data)
                results.append((got, await client.deliver(answer, data)))
                if data == 2:
                    done.set()

            await client.add_listener(ask_and_deliver, "server")
            for number in range(3):
                said.trigger(number)
            await done.wait()
        assert results == [(0, 1), (1, 1), (2, 1)]

    asyncio.run(scenario())


@pytest.mark.parametrize("endpoint", [TCP, "mem://pains"])
def test_callbacks_and_threads_may_publish_at_the_same_time(endpoint: str) -> None:
    each, threads = 300, 4
    with (
        ServerRouter(endpoint, credit=20_000) as server,
        ClientRouter(server.endpoints[0], credit=20_000) as one,
        ClientRouter(server.endpoints[0], credit=20_000) as two,
    ):
        pings = [router.add_sender(f"ping{index}", "ping").signal("ping") for index, router in enumerate((one, two))]
        pongs = [router.add_sender(f"pong{index}", "pong").signal("pong") for index, router in enumerate((one, two))]
        back = Heard()

        def answer(pong: sigcore.Signal[Any], _info: EventInfo, data: int) -> None:
            pong.trigger(data)

        for router, pong in zip((one, two), pongs, strict=True):
            router.add_listener(partial(answer, pong), event="ping")
        server.add_listener(back, event="pong")

        def trigger_each(signal: sigcore.Signal[Any]) -> None:
            for number in range(each):
                signal.trigger(number)

        publishers = [threading.Thread(target=trigger_each, args=(ping,)) for ping in pings * (threads // 2)]
        for publisher in publishers:
            publisher.start()
        for publisher in publishers:
            publisher.join(LIMIT_S)
        assert not any(publisher.is_alive() for publisher in publishers)
        assert sorted(back.wait(2 * threads * each)) == sorted(list(range(each)) * 2 * threads)  # each by both


# "Exceptions in callbacks are swallowed, or kill the thread"


class Bad(Exception):
    """What the callbacks of these tests raise."""


FAILURES = [
    pytest.param("blocking", Bad("boom"), id="blocking"),
    pytest.param("asyncio", Bad("boom"), id="asyncio"),
    # On a loop of the user's own these end the program, as in any callback of asyncio.
    pytest.param("blocking", SystemExit(1), id="blocking-SystemExit"),
    pytest.param("blocking", KeyboardInterrupt(), id="blocking-KeyboardInterrupt"),
]


@pytest.mark.parametrize(("form", "error"), FAILURES)
def test_an_exception_in_a_callback_is_told_and_kills_nothing(form: str, error: BaseException, tmp_path: Path) -> None:
    def fail(*_args: Any) -> None:
        raise error

    with a_house("tcp", form, tmp_path) as house:
        left, right = house.clients["left"], house.clients["right"]
        heard = Heard()
        for peer in (left, house.server):
            peer.add_listener(fail, "thermo")
            peer.add_listener(heard, "thermo")
            peer.add_listener(fail, "thermo", "#connect")
        thermo = right.add_sender("thermo", "reading", {"fail": fail, "echo": lambda params: params})
        for number in range(3):
            right.do(thermo.trigger, "reading", number)
        assert sorted(heard.wait(6)) == [0, 0, 1, 1, 2, 2]
        told = house.errors.wait(8)
        assert len(told) == 8
        assert {type(one) for one in told} == {sigcore.ListenerError}
        assert {one.__cause__ for one in told} == {error}
        for peer in (left, house.server):
            with pytest.raises(sigcore.RequestFailed, match=type(error).__name__):
                peer.request("thermo", "fail")
            assert peer.request("thermo", "echo", 1) == 1
        assert left.router.connected
        assert right.router.connected


# "The async callback runs one message at a time"


def test_async_callbacks_keep_their_order_and_run_side_by_side() -> None:
    async def scenario() -> None:
        running: defaultdict[str, int] = defaultdict(int)
        heard: defaultdict[str, list[int]] = defaultdict(list)
        together = asyncio.Barrier(2)
        done = asyncio.Event()

        async def hear(name: str, _info: EventInfo, number: int) -> None:
            running[name] += 1
            assert running[name] == 1  # one at a time for each listener
            await together.wait()  # and the other one must run meanwhile, or this never ends
            await asyncio.sleep(0.002 * (number % 3))
            heard[name].append(number)
            running[name] -= 1
            if len(heard["one"]) == len(heard["two"]) == 20:
                done.set()

        errors: list[Exception] = []
        async with (
            asyncio.timeout(LIMIT_S),
            sigcore.aio.ServerRouter(TCP) as server,
            sigcore.aio.ClientRouter(server.endpoints[0], on_error=errors.append) as client,
        ):
            for name in ("one", "two"):
                await client.add_listener(partial(hear, name), "thermo")
            reading = (await server.add_sender("thermo", "reading")).signal("reading")
            for number in range(20):
                reading.trigger(number)
            await done.wait()
        assert errors == []
        assert heard == {"one": list(range(20)), "two": list(range(20))}

    asyncio.run(scenario())


# "One slow subscriber delays or drops messages of the others"


LITTLE: dict[str, Any] = {"credit": 10_000, "event_queue": 20_000, "stall_budget": 0.2}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("policy", ["block", "drop_oldest", "drop_newest", "latest", "disconnect"])
def test_a_subscriber_that_stopped_neither_delays_nor_drops_the_events_of_others(
    policy: sigcore.Policy, form: str, tmp_path: Path
) -> None:
    number, text = 2_000, "x" * 100
    go_on = threading.Event()
    times: list[float] = []
    fast, fast_gaps, slow_gaps = Heard(), Gaps(), Gaps()

    def hear(info: EventInfo, data: list[Any]) -> None:
        times.append(time.monotonic())
        fast(info, data[0])

    with a_house("tcp", form, tmp_path, **LITTLE) as house, ExitStack() as stack:
        left, right = house.clients["left"], house.clients["right"]
        stack.callback(go_on.set)
        left.add_listener(lambda _info, _data: go_on.wait(LONG_S), "thermo", policy=policy, on_gap=slow_gaps)
        right.add_listener(hear, "thermo", on_gap=fast_gaps)
        reading = house.server.add_sender("thermo", "reading").signal("reading")
        for count in range(number):
            publish(house, reading, [count, text])
        assert fast.wait(number) == list(range(number))
        assert fast_gaps.data == []
        longest_s = max(later - earlier for earlier, later in itertools.pairwise(times))
        assert longest_s < LITTLE["stall_budget"] + 0.5  # once, and only by "block"
        go_on.set()
        slow_gaps.wait(1)


def publish(house: House, signal: Any, data: Any) -> None:
    """Trigger, and try again where there is no room; the blocking form waits by itself."""
    until = time.monotonic() + LIMIT_S
    while True:
        try:
            house.server.do(signal.trigger, data)
            return
        except sigcore.BufferFull:
            assert time.monotonic() < until
            time.sleep(0.005)


# "The first messages after connect are lost; a resubscription burst overflows the queue"


def test_whoever_has_just_subscribed_hears_the_very_next_event(place: tuple[str, str, Path]) -> None:
    carrier, form, directory = place
    with a_house(carrier, form, directory) as house:
        left, right = house.clients["left"], house.clients["right"]
        near = house.server.add_sender("near", "e")
        far = right.add_sender("far", "e")
        for number in range(20):
            heard = Heard()
            listener = left.add_listener(heard, event="e")
            house.server.do(near.trigger, "e", number)
            right.do(far.trigger, "e", number)
            assert heard.wait(2) == [number, number]
            left.do(listener.remove)


def test_the_first_events_of_whoever_has_just_connected_arrive(place: tuple[str, str, Path]) -> None:
    carrier, form, directory = place
    heard = Heard()
    with a_house(carrier, form, directory) as house:
        house.server.add_listener(heard, event="hello")
        house.clients["left"].add_listener(heard, event="hello")
        right = house.clients["right"]
        for number in range(10):
            brief = right.add_sender("brief", "hello")
            right.do(brief.trigger, "hello", number)
            right.do(brief.remove)
        assert sorted(heard.wait(20)) == sorted([*range(10), *range(10)])


def test_what_was_triggered_before_there_was_a_server_arrives_when_there_is_one() -> None:
    heard = Heard()
    with ClientRouter("mem://pains", connect_timeout=None) as early:
        hello = early.add_sender("early", "hello").signal("hello")
        for number in range(100):
            hello.trigger(number)
        server = ServerRouter("mem://pains")
        server.add_listener(heard, "early")
        with server:
            assert heard.wait(100) == list(range(100))


@pytest.mark.parametrize("form", FORMS)
def test_a_thousand_subscriptions_and_a_hundred_senders_come_back_at_once_and_nothing_overflows(
    form: str, tmp_path: Path
) -> None:
    senders, events = 100, 10
    with a_house("tcp", form, tmp_path) as house:
        left, right = house.clients["left"], house.clients["right"]
        heard = Heard()
        handles = []
        for sender in range(senders):
            handles.append(right.add_sender(f"sender{sender}", [f"event{event}" for event in range(events)]))
            for event in range(events):
                left.add_listener(heard, f"sender{sender}", f"event{event}")
        for life in range(3):
            for sender, handle in enumerate(handles):
                for event in range(events):
                    right.do(handle.trigger, f"event{event}", [life, sender, event])
            expected = [[life, sender, event] for sender in range(senders) for event in range(events)]
            assert heard.wait(senders * events, LONG_S) == expected
            heard.data.clear()
            assert [info.name for info in left.senders()] == sorted(f"sender{sender}" for sender in range(senders))
            assert house.server.router.counters == {}
            if life < 2:
                house.restart()
        assert house.errors.data == []
        assert not {"disconnected", "overflow"} & {*left.router.counters, *right.router.counters}


# "Slow consumer: messages dropped; want a callback and a counter"


@pytest.mark.parametrize("form", FORMS)
def test_a_slow_consumer_is_told_how_much_it_missed_and_so_is_whoever_looks_at_the_counters(
    form: str, tmp_path: Path
) -> None:
    number = 1_000
    go_on = threading.Event()
    told: list[Any] = []
    through = Heard()

    def slow(info: EventInfo, data: list[Any]) -> None:
        go_on.wait(LIMIT_S)
        told.append(data[0])
        if data[0] == number - 1:
            through(info, data)

    with a_house("tcp", form, tmp_path, **LITTLE) as house, ExitStack() as stack:
        stack.callback(go_on.set)
        left = house.clients["left"]
        left.add_listener(slow, "thermo", policy="drop_oldest", on_gap=lambda _info, gap: told.append(gap))
        reading = house.server.add_sender("thermo", "reading").signal("reading")
        for count in range(number):
            publish(house, reading, [count, "x" * 100])
        go_on.set()
        through.wait(1)
        gaps = [one for one in told if isinstance(one, Gap)]
        lost = sum(gap.count or 0 for gap in gaps)
        assert {gap.cause for gap in gaps} == {"overflow"}
        assert 0 < lost == number - (len(told) - len(gaps))
        expected = 0
        for one in told:  # and each gap stands where the events are missing
            if isinstance(one, Gap):
                assert one.count is not None
                expected += one.count
            else:
                assert one == expected
                expected += 1
        assert house.server.router.counters["overflow"] == lost
        by_peer = {peer.name: counters for peer, counters in house.server.router.counters_by_peer}
        assert by_peer["left"]["overflow"] == lost
        assert "overflow" not in by_peer.get("right", {})
        assert left.router.counters["gap_overflow"] == lost
