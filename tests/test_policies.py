# SPDX-License-Identifier: MIT
"""What happens when a listener is too slow: each policy loses what it says, in its place and with its count."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sigcore
import sigcore.aio
from sigcore import EventInfo, Gap, Peer, Policy, Router, Signal, Stream
from sigcore._json import JsonCodec
from sigcore._loop_thread import Dispatcher
from sigcore.aio._delivery import Delivery, InlineDelivery
from sigcore.protocol.frames import HEADER_BYTES, Kind, frame

from .integration.forms import FORMS, make_peer
from .integration.forms import Peer as Form
from .waiting import LIMIT_S, wait_until

POLICIES = list(get_args(Policy))
ONE_EVENT = HEADER_BYTES + 4
"""How many bytes of a link an event counts whose data is a digit."""


class Told:
    """Keeps what a stream's reader gets: events as their data, gaps as such, in their order."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def gap(self, _info: EventInfo, gap: Gap) -> None:
        self.told.append(gap)

    def read(self, stream: Stream[Any]) -> list[Any]:
        """Return everything that can be read now."""
        while True:
            try:
                self.told.append(stream.get(timeout=0)[1])
            except sigcore.StreamTimeout:
                return self.told


def overflow(count: int) -> Gap:
    return Gap(count, "overflow")


# in one process


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        ("block", [overflow(3), 3, 4, 5]),
        ("drop_oldest", [overflow(3), 3, 4, 5]),
        ("drop_newest", [0, 1, 2, overflow(3)]),
        ("latest", [Gap(5, "conflated"), 5]),
        ("disconnect", [overflow(3), 3, 4, 5]),
    ],
)
def test_a_full_stream_loses_what_its_policy_says_and_the_trigger_never_waits(policy: Policy, told: list[Any]) -> None:
    router, reader = Router(), Told()
    signal = router.add_sender("thermo", "reading").signal("reading")
    with router.listen("thermo", size=3, policy=policy, on_gap=reader.gap) as stream:
        for value in range(6):
            signal.trigger(value)
        assert reader.read(stream) == told
        assert stream.dropped == sum(gap.count or 0 for gap in told if isinstance(gap, Gap))


def test_a_stream_without_a_size_loses_nothing() -> None:
    router = Router()
    signal = router.add_sender("thermo", "reading").signal("reading")
    with router.listen("thermo", size=None) as stream:
        for value in range(5_000):
            signal.trigger(value)
        assert Told().read(stream) == list(range(5_000))


@pytest.mark.parametrize("router", [Router, sigcore.aio.Router])
@pytest.mark.parametrize("size", [0, -1])
def test_no_size_means_unlimited_but_none(router: Any, size: int) -> None:
    with pytest.raises(ValueError, match=r"at least 1 .* None for any number"):
        router().listen(size=size)


def test_latest_keeps_the_newest_of_each_event_of_each_sender_in_the_order_of_these() -> None:
    router, reader = Router(), Told()
    for sender in ("attic", "cellar"):
        router.add_sender(sender, ["heat", "damp"])
    senders = router._senders
    with router.listen(policy="latest", on_gap=reader.gap) as stream:
        for number, (sender, event) in enumerate(
            [("attic", "heat"), ("cellar", "heat"), ("attic", "damp"), ("attic", "heat"), ("cellar", "heat")]
        ):
            senders[sender].trigger(event, number)
        assert reader.read(stream) == [2, Gap(1, "conflated"), 3, Gap(1, "conflated"), 4]


def test_presence_of_more_senders_than_a_stream_holds_loses_the_oldest_and_tells() -> None:
    router, reader = Router(), Told()
    with router.listen(event="#connect", size=2, on_gap=reader.gap) as stream:
        for name in "abc":
            router.add_sender(name)
        first, *connected = reader.read(stream)
    assert first == overflow(1)
    assert [info.name for info in connected] == ["b", "c"]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("trigger"), st.sampled_from(["heat", "damp", "light"])),
        st.tuples(st.just("lose"), st.sampled_from(["heat", "damp", "light"])),
        st.tuples(st.just("read"), st.integers(1, 3)),
    ),
    max_size=60,
)


@given(policy=st.sampled_from(POLICIES), size=st.integers(1, 4), steps=STEPS)
def test_of_each_event_what_is_read_and_what_is_told_as_lost_follow_each_other_without_a_hole(
    policy: Policy, size: int, steps: list[tuple[str, Any]]
) -> None:
    router = Router()
    thermo = router.add_sender("thermo", ["heat", "damp", "light"])
    triggered = dict.fromkeys(["heat", "damp", "light"], 0)
    heard = dict(triggered)

    def on_gap(info: EventInfo, gap: Gap) -> None:
        assert gap.count is not None
        heard[info.event] += gap.count

    def read(most: int | None = None) -> None:
        while most is None or most > 0:
            try:
                info, number = stream.get(timeout=0)
            except sigcore.StreamTimeout:
                return
            assert number == heard[info.event]
            heard[info.event] += 1
            most = None if most is None else most - 1

    with router.listen("thermo", size=size, policy=policy, on_gap=on_gap) as stream:
        for what, which in steps:
            if what == "read":
                read(which)
                continue
            if what == "trigger":
                thermo.trigger(which, triggered[which])
            else:
                thermo.signal(which).report_gap(Gap(1, "session_lost"))
            triggered[which] += 1
        read()
    assert heard == triggered


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        ("block", ["first", overflow(2), *range(2, 1_002)]),
        ("drop_oldest", ["first", overflow(2), *range(2, 1_002)]),
        ("drop_newest", ["first", *range(1_000), overflow(2)]),
        ("latest", ["first", Gap(1_001, "conflated"), 1_001]),
        ("disconnect", ["first", overflow(2), *range(2, 1_002)]),
    ],
)
def test_a_slow_async_listener_loses_what_its_policy_says_and_the_trigger_never_waits(
    policy: Policy, told: list[Any]
) -> None:
    async def scenario() -> list[Any]:
        reader, opened, through = Told(), asyncio.Event(), asyncio.Event()

        async def slow(_info: EventInfo, data: Any) -> None:
            await opened.wait()
            reader.told.append(data)
            if len(reader.told) == len(told):
                through.set()

        def on_gap(info: EventInfo, gap: Gap) -> None:
            reader.gap(info, gap)
            if len(reader.told) == len(told):
                through.set()

        async with asyncio.timeout(LIMIT_S), sigcore.aio.Router() as router:
            thermo = await router.add_sender("thermo", "reading")
            await router.add_listener(slow, "thermo", policy=policy, on_gap=on_gap)
            thermo.trigger("reading", "first")
            await asyncio.sleep(0)  # the first is being awaited and waits no more
            for value in range(1_002):
                thermo.trigger("reading", value)
            opened.set()
            await through.wait()
        return reader.told

    assert asyncio.run(scenario()) == told


def trigger_all(signal: Signal[Any], values: Iterable[Any]) -> None:
    for value in values:
        signal.trigger(value)


def test_triggers_of_another_thread_fill_a_queue_and_not_the_memory_while_the_loop_is_held() -> None:
    async def scenario() -> None:
        async with asyncio.timeout(LIMIT_S), sigcore.aio.Router() as router:
            thermo = await router.add_sender("thermo", "reading")
            stream = router.listen("thermo", size=10)
            thread = threading.Thread(target=trigger_all, args=[thermo.signal("reading"), range(100)])
            thread.start()
            thread.join()  # and the loop has done nothing meanwhile
            assert stream.dropped == 90
            assert [(await stream.get())[1] for _ in range(10)] == list(range(90, 100))

    asyncio.run(scenario())


# events of links, delivered to a router's listeners in either form


class LinkEvents:
    """Delivers what a link would bring, and keeps how much of it was told as done."""

    def __init__(self, router: Router, deliver: Callable[..., None]) -> None:
        self._signals: dict[str, Signal[Any]] = {}
        self._router = router
        self._deliver = deliver
        self.done: list[int] = []

    def bring(self, *values: int, event: str = "reading") -> None:
        """Deliver some events together."""
        run = b"".join(frame(Kind.EVENT, 1, b"%4d" % value) for value in values)
        deliveries: list[Delivery] = [({1: self.signal(event)}, JsonCodec(), run)]
        self._deliver(deliveries, len(run), self.done.append)

    def signal(self, event: str) -> Signal[Any]:
        if event not in self._signals:
            self._signals[event] = self._router._add_remote_signal("thermo", event, Peer("far"))
        return self._signals[event]

    @property
    def events_done(self) -> float:
        return sum(self.done) / ONE_EVENT


@pytest.fixture
def dispatcher() -> Iterator[Dispatcher]:
    dispatcher = Dispatcher(lambda: None, "the thread of this test")
    dispatcher.start()
    yield dispatcher
    dispatcher.stop()


def test_a_full_blocking_stream_stops_what_a_link_brings_until_half_of_it_is_read(dispatcher: Dispatcher) -> None:
    router, reader = Router(), Told()
    link = LinkEvents(router, dispatcher.put)
    with router.listen("thermo", size=4, on_gap=reader.gap) as stream:
        link.bring(*range(9))
        link.bring(9)
        wait_until(lambda: link.events_done == 4, "as many as the stream holds are dealt with")
        assert [stream.get(LIMIT_S)[1] for _ in range(2)] == [0, 1]
        wait_until(lambda: link.events_done == 6, "two more are dealt with")
        assert [stream.get(LIMIT_S)[1] for _ in range(8)] == list(range(2, 10))
        wait_until(lambda: link.events_done == 10, "all are dealt with")
    assert reader.told == []
    assert stream.dropped == 0


def test_a_stream_that_stops_a_link_never_stops_a_local_trigger(dispatcher: Dispatcher) -> None:
    router, reader = Router(), Told()
    local = router.add_sender("clock", "tick").signal("tick")
    link = LinkEvents(router, dispatcher.put)
    with router.listen(size=2, on_gap=reader.gap) as stream:
        link.bring(0, 1, 2, 3)
        wait_until(lambda: link.events_done == 2, "the stream is full")
        local.trigger("now")
        assert stream.get(timeout=0)[1] == 1
        assert reader.told == [overflow(1)]


@pytest.mark.parametrize("policy", [policy for policy in POLICIES if policy != "block"])
def test_a_full_stream_of_any_other_policy_stops_no_link(policy: Policy, dispatcher: Dispatcher) -> None:
    router = Router()
    link = LinkEvents(router, dispatcher.put)
    with router.listen("thermo", size=2, policy=policy) as stream:
        link.bring(*range(9))
        wait_until(lambda: link.events_done == 9, "all are dealt with")
        assert stream.dropped == (8 if policy == "latest" else 7)


def test_a_full_stream_stops_only_what_it_listens_to_and_what_is_behind_that(dispatcher: Dispatcher) -> None:
    router, heard = Router(), []
    link = LinkEvents(router, dispatcher.put)
    router.add_listener(lambda _info, data: heard.append(data), "thermo", "alarm")
    with router.listen("thermo", "reading", size=1) as stream:
        link.bring(1)
        link.bring(2, event="alarm")
        wait_until(lambda: heard == [2], "the alarm was heard past the full stream")
        link.bring(3)
        link.bring(4, event="alarm")
        wait_until(lambda: link.events_done == 2, "the second reading waits")
        assert heard == [2]
        assert stream.get(LIMIT_S)[1] == 1
        wait_until(lambda: heard == [2, 4], "what was behind it is heard too")


@pytest.mark.parametrize("release", ["close", "remove"])
def test_closing_a_full_stream_lets_the_events_behind_it_go_on(release: str, dispatcher: Dispatcher) -> None:
    router, heard = Router(), []
    link = LinkEvents(router, dispatcher.put)
    router.add_listener(lambda _info, data: heard.append(data), "thermo")
    stream = router.listen("thermo", size=1)
    link.bring(*range(5))
    wait_until(lambda: heard == [0], "the first was heard, and the second waits for the stream")
    if release == "close":
        stream.close()
    else:
        assert stream._queue.listener is not None
        stream._queue.listener.remove()
    wait_until(lambda: heard == list(range(5)), "all were heard")
    assert [data for _info, data in stream] == [0]


class Disconnected:
    """A network that takes down why its link was ended."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def disconnect(self, text: str) -> None:
        self.texts.append(text)

    def listener_removed(self, _listener: object) -> None:
        pass


def test_a_full_stream_with_the_policy_disconnect_ends_the_link_and_not_for_a_local_trigger(
    dispatcher: Dispatcher,
) -> None:
    router, network = Router(), Disconnected()
    local = router.add_sender("clock", "tick").signal("tick")
    router._attach(network)  # type: ignore[arg-type]  # what it has of a network is all that is called here
    link = LinkEvents(router, dispatcher.put)
    with router.listen(size=2, policy="disconnect") as stream:
        for value in range(3):
            local.trigger(value)
        assert (network.texts, stream.dropped) == ([], 1)
        link.bring(3)
        wait_until(lambda: link.events_done == 1, "the event was dealt with")
        assert stream.dropped == 2
    (text,) = network.texts
    assert "too slow" in text
    assert "'disconnect'" in text


Scenario = Callable[[sigcore.aio.Router, LinkEvents], Any]


def on_a_loop(scenario: Scenario) -> None:
    """Run a scenario with an asyncio router and what a link brings it."""

    async def bounded() -> None:
        async with asyncio.timeout(LIMIT_S), sigcore.aio.Router() as router:
            await scenario(router, LinkEvents(router._core, InlineDelivery()))

    asyncio.run(bounded())


def test_a_full_blocking_asyncio_stream_stops_what_a_link_brings_until_it_is_read() -> None:
    async def scenario(router: sigcore.aio.Router, link: LinkEvents) -> None:
        async with router.listen("thermo", size=4) as stream:
            link.bring(*range(9))
            link.bring(9)
            assert link.done == [4 * ONE_EVENT]
            assert [(await stream.get())[1] for _ in range(10)] == list(range(10))
            assert link.events_done == 10
            assert stream.dropped == 0

    on_a_loop(scenario)


def test_a_slow_async_listener_stops_what_a_link_brings_and_loses_nothing() -> None:
    async def scenario(router: sigcore.aio.Router, link: LinkEvents) -> None:
        heard: list[int] = []
        opened, through = asyncio.Event(), asyncio.Event()

        async def slow(_info: EventInfo, data: int) -> None:
            await opened.wait()
            heard.append(data)
            if data == 2_999:
                through.set()

        await router.add_listener(slow, "thermo")
        link.bring(*range(3_000))
        assert sum(link.done) < 3_000 * ONE_EVENT
        opened.set()
        await through.wait()
        assert heard == list(range(3_000))
        assert sum(link.done) == 3_000 * ONE_EVENT

    on_a_loop(scenario)


def test_an_async_listener_that_cancels_its_own_task_stops_no_link_for_good() -> None:
    async def scenario(router: sigcore.aio.Router, link: LinkEvents) -> None:
        heard: list[int] = []
        through = asyncio.Event()

        async def listener(_info: EventInfo, data: int) -> None:
            heard.append(data)
            if data == 0:
                task = asyncio.current_task()
                assert task is not None
                task.cancel()
            if data == 1_999:
                through.set()
            await asyncio.sleep(0)

        await router.add_listener(listener, "thermo")
        link.bring(*range(2_000))
        await through.wait()
        assert heard == list(range(2_000))

    on_a_loop(scenario)


@pytest.mark.parametrize("release", ["close", "remove from another thread"])
def test_closing_a_full_asyncio_stream_lets_the_events_behind_it_go_on(release: str) -> None:
    async def scenario(router: sigcore.aio.Router, link: LinkEvents) -> None:
        heard: list[int] = []
        through = asyncio.Event()

        def listener(_info: EventInfo, data: int) -> None:
            heard.append(data)
            if data == 4:
                through.set()

        await router.add_listener(listener, "thermo")
        stream = router.listen("thermo", size=1)
        link.bring(*range(5))
        assert heard == [0]
        if release == "close":
            stream.close()
        else:
            assert stream._queue.listener is not None
            await asyncio.to_thread(stream._queue.listener.remove)
        await through.wait()
        assert heard == list(range(5))
        assert [data async for _info, data in stream] == [0]

    on_a_loop(scenario)


def test_what_a_listener_has_delivered_comes_in_its_turn() -> None:
    async def scenario(router: sigcore.aio.Router, link: LinkEvents) -> None:
        heard: list[int] = []

        def more(_info: EventInfo, data: int) -> None:
            heard.append(data)
            if data == 0:
                link.bring(7)

        await router.add_listener(more, "thermo")
        link.bring(0, 1)
        assert heard == [0, 1, 7]

    on_a_loop(scenario)


def test_a_listener_that_ends_the_program_leaves_no_other_event_behind() -> None:
    async def scenario(router: sigcore.aio.Router, link: LinkEvents) -> None:
        heard: list[int] = []
        through = asyncio.Event()

        def leave(_info: EventInfo, data: int) -> None:
            heard.append(data)
            if data == 0:
                raise SystemExit
            through.set()

        await router.add_listener(leave, "thermo")
        with pytest.raises(SystemExit):
            link.bring(0, 1)
        await through.wait()
        assert heard == [0, 1]
        assert link.events_done == 2

    on_a_loop(scenario)


# over carriers

LITTLE: dict[str, Any] = {"credit": 2_000, "event_queue": 2_000, "stall_budget": 30.0}
TEXT = "x" * 100


@pytest.fixture(params=["mem://slow", "tcp://127.0.0.1:0"], ids=["mem", "tcp"])
def endpoint(request: pytest.FixtureRequest) -> str:
    if request.param.startswith("tcp:"):
        pytest.importorskip("sig_tcp")
    return str(request.param)


@pytest.fixture(params=FORMS)
def pair(request: pytest.FixtureRequest, endpoint: str) -> Iterator[tuple[Form, Form]]:
    """A server and a client of it, with little room for events between them."""
    with ExitStack() as stack:
        server = make_peer(request.param, "ServerRouter", endpoint, **LITTLE)
        stack.callback(server.close)
        client = make_peer(request.param, "ClientRouter", server.router.endpoints[0], **LITTLE)
        stack.callback(client.close)
        yield server, client


def fill(server: Form) -> int:
    """Trigger events at the server until there is no room for more; return how many went out."""
    signal = server.add_sender("thermo", "reading", {"ask": lambda params: params}).signal("reading")
    for number in range(1_000):
        try:
            server.do(signal.trigger, [number, TEXT])
        except sigcore.BufferFull:
            return number
    raise AssertionError("nothing ever stopped the publisher")


def test_a_blocking_stream_slows_its_publisher_down_and_loses_nothing(pair: tuple[Form, Form]) -> None:
    server, client = pair
    gaps = Told()
    stream = client.listen("thermo", size=3, on_gap=gaps.gap)
    number = fill(server)
    assert number < 100
    assert [client.do(stream.get, timeout=LIMIT_S)[1][0] for _ in range(number)] == list(range(number))
    assert gaps.told == []
    client.do(stream.close)


def test_replies_and_signs_of_life_pass_a_full_stream(pair: tuple[Form, Form]) -> None:
    server, client = pair
    stream = client.listen("thermo", size=1)
    fill(server)
    assert client.request("thermo", "ask", 42, timeout=LIMIT_S) == 42
    assert client.router.connected
    client.do(stream.close)


@pytest.mark.parametrize("reader", ["client", "server"])
def test_closing_a_router_waits_for_no_full_stream_of_its_own(pair: tuple[Form, Form], reader: str) -> None:
    listening, publishing = pair[::-1] if reader == "client" else pair
    stream = listening.listen("thermo", size=1)
    signal = publishing.add_sender("thermo", "reading").signal("reading")
    for number in range(5):
        publishing.do(signal.trigger, number)
    wait_until(lambda: stream._queue.is_full, "the stream is full")
    begun_s = time.monotonic()
    listening.close()
    assert time.monotonic() - begun_s < 3.0  # less than the 5 s of those who have something left to send


@pytest.mark.parametrize("policy", ["drop_oldest", "drop_newest", "latest"])
def test_other_policies_slow_nobody_down_and_tell_what_they_lose(pair: tuple[Form, Form], policy: Policy) -> None:
    server, client = pair
    signal = server.add_sender("thermo", "reading").signal("reading")
    heard: list[int] = []
    gaps = Told()
    stream = client.listen("thermo", size=3, policy=policy, on_gap=gaps.gap)
    client.add_listener(lambda _info, data: heard.append(data[0]), "thermo")
    for number in range(200):
        server.do(signal.trigger, [number, TEXT])
        wait_until(lambda: heard[-1:] == [number], "it was heard")  # noqa: B023  # called here and now
    kept = {"drop_oldest": [197, 198, 199], "drop_newest": [0, 1, 2], "latest": [199]}[policy]
    assert [client.do(stream.get, timeout=LIMIT_S)[1][0] for _ in kept] == kept
    with pytest.raises(sigcore.StreamTimeout):
        client.do(stream.get, timeout=0.01)
    assert gaps.told == [Gap(200 - len(kept), "conflated" if policy == "latest" else "overflow")]
    client.do(stream.close)
