# SPDX-License-Identifier: MIT
"""Clients and servers: what happens when one of them is not there, says no, or has had enough."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

import sigcore
import sigcore.aio
from sigcore import ClientRouter, Peer, ServerRouter

from .waiting import LIMIT_S, Errors, Heard, wait_until

URL = "mem://gateway"

pytestmark = pytest.mark.usefixtures("nothing_left")


@pytest.fixture
def server(nothing_left: None) -> Iterator[ServerRouter]:
    with ServerRouter(URL, name="server") as router:
        yield router


# a server that is not there


def test_a_client_that_finds_no_server_says_what_it_tried_and_what_went_wrong() -> None:
    with pytest.raises(sigcore.ConnectTimeout, match=r"mem://gateway within 0\.3 s.*nobody.*listens") as caught:
        ClientRouter(URL, connect_timeout=0.3).open()
    assert isinstance(caught.value, ConnectionError)
    assert isinstance(caught.value, TimeoutError)


def test_a_client_need_not_wait_and_registers_all_when_the_server_comes() -> None:
    heard, connects = Heard(), Heard()
    with ClientRouter(URL, connect_timeout=None) as client:
        assert not client.connected
        for call in (client.senders, client.peers, lambda: client.request("thermo", "unit")):
            with pytest.raises(sigcore.NotConnected, match="mem://gateway"):
                call()
        valve = client.add_sender("valve", "moved", {"open": lambda _params: "opened"})
        client.add_listener(heard, "thermo", "reading")
        client.add_listener(connects, event="#connect")
        valve.trigger("moved", "kept until the server is there")
        with ServerRouter(URL) as server:
            moved = Heard()
            server.add_listener(moved, "valve")
            thermo = server.add_sender("thermo", "reading")
            wait_until(lambda: client.connected, "the client connects")
            thermo.trigger("reading", 1)
            assert heard.wait(1) == [1]
            assert moved.wait(1) == ["kept until the server is there"]
            assert server.request("valve", "open") == "opened"
            assert [info.name for info in connects.wait(2)] == ["valve", "thermo"]


def test_a_sender_added_while_the_link_comes_up_is_registered_once() -> None:
    for _ in range(40):
        with ServerRouter(URL) as server, ClientRouter(URL, connect_timeout=None) as client:
            for number in range(10):
                client.add_sender(f"sender{number}", "event")
            wait_until(lambda: client.connected, "the client connects")
            assert len(server.senders()) == 10


def test_while_there_is_no_link_the_newest_events_are_kept_and_the_loss_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    heard = Heard()
    with ClientRouter(URL, connect_timeout=None, event_queue=10_000) as client:
        thermo = client.add_sender("thermo", "reading")
        for number in range(1_000):
            thermo.trigger("reading", f"{number:091}")  # 102 bytes with quotes and header
        dropped = client.counters["disconnected"]
        assert dropped == pytest.approx(1_000 - 10_000 / 102, abs=2)
        assert len([record for record in caplog.records if "oldest" in record.getMessage()]) == 1
        server = ServerRouter(URL)
        server.add_listener(heard, "thermo")
        with server:
            assert [int(data) for data in heard.wait(1_000 - dropped)] == list(range(dropped, 1_000))


def test_a_client_comes_back_by_itself_and_everything_works_as_before() -> None:
    heard, presence, moved = Heard(), Heard(), Heard()
    with ServerRouter(URL) as server, ClientRouter(URL) as client:
        server.add_sender("thermo", "reading").trigger("reading")
        client.add_listener(heard, "thermo", "reading")
        stream = client.listen("thermo", "reading")
        for event in ("#disconnect", "#connect"):
            client.add_listener(presence, "thermo", event)
        valve = client.add_sender("valve", "moved", {"open": lambda _params: "opened"})
        client.add_sender("gone").remove()
        client.add_listener(Heard(), "removed").remove()
        server.close()
        wait_until(lambda: not client.connected, "the client notices")
        presence.wait(2)
        valve.trigger("moved", "meanwhile")
        client.add_sender("later", requests={"is_there": lambda _params: True})
        second = ServerRouter(URL)
        second.add_listener(moved, "valve")
        thermo = second.add_sender("thermo", "reading")
        with second:
            wait_until(lambda: client.connected, "the client comes back")
            valve.trigger("moved", "again")
            thermo.trigger("reading", 1)
            assert moved.wait(2) == ["meanwhile", "again"]
            assert heard.wait(1) == [1]
            assert stream.get(timeout=LIMIT_S)[1] == 1
            assert second.request("valve", "open") == "opened"
            assert second.request("later", "is_there") is True
            assert [info.name for info in second.senders()] == ["later", "thermo", "valve"]
            assert [info.connected for info in presence.wait(3)] == [True, False, True]


def test_a_sender_that_is_refused_on_return_is_told_and_tried_until_its_name_is_free() -> None:
    errors = Errors()
    with ServerRouter(URL) as first, ClientRouter(URL, on_error=errors) as client:
        client.add_sender("thermo", "reading", {"who": lambda _params: "client"})
        first.close()
        second = ServerRouter(URL)
        held = second.add_sender("thermo", requests={"who": lambda _params: "server"})
        with second:
            (error,) = errors.wait(1)
            assert isinstance(error, sigcore.SenderExists)
            assert client.connected
            held.remove()
            wait_until(lambda: second.senders(), "the client's sender takes its name")
            assert second.request("thermo", "who") == "client"
        assert len(errors.data) == 1


def test_requests_that_are_open_when_the_link_is_lost_end_at_once_and_later_ones_say_why() -> None:
    asking = threading.Event()
    go_on = threading.Event()
    errors = Errors()

    def wait(_params: Any) -> None:
        asking.set()
        go_on.wait(LIMIT_S)

    with ServerRouter(URL) as server, ClientRouter(URL) as client:
        server.add_sender("thermo", requests={"wait": wait})

        def ask() -> None:
            try:
                client.request("thermo", "wait", timeout=60)
            except sigcore.SigError as error:
                errors(error)

        thread = threading.Thread(target=ask)
        thread.start()
        assert asking.wait(LIMIT_S)
        server.close()
        (error,) = errors.wait(1)
        assert type(error) is sigcore.SenderLost
        assert isinstance(error, ConnectionError)
        with pytest.raises(sigcore.NotConnected):
            client.request("thermo", "wait")
        go_on.set()
        thread.join(LIMIT_S)


# requests that take their time


def test_a_request_that_takes_too_long_ends_in_time_wherever_it_is_asked(server: ServerRouter) -> None:
    go_on = threading.Event()
    with ClientRouter(URL) as client, ClientRouter(URL) as other:
        client.add_sender("slow", requests={"wait": lambda _params: go_on.wait(LIMIT_S)})
        for router in (other, server):
            began = time.monotonic()
            with pytest.raises(sigcore.RequestTimeout, match="slow") as caught:
                router.request("slow", "wait", timeout=0.1)
            assert type(caught.value) is sigcore.RequestTimeout
            assert 0.09 < time.monotonic() - began < 2.0
        go_on.set()


def test_a_sender_that_leaves_before_it_replies_ends_the_request(server: ServerRouter) -> None:
    go_on = threading.Event()
    with ClientRouter(URL) as asking, ExitStack() as stack:
        for how in ("remove", "close"):
            client = stack.enter_context(ClientRouter(URL))
            called = threading.Event()

            def wait(_params: Any, called: threading.Event = called) -> None:
                called.set()
                go_on.wait(LIMIT_S)

            sender = client.add_sender("thermo", requests={"wait": wait})

            def leave(how: str = how, client: Any = client, sender: Any = sender, called: Any = called) -> None:
                called.wait(LIMIT_S)
                sender.remove() if how == "remove" else client.close()

            leaving = threading.Thread(target=leave)
            leaving.start()
            began = time.monotonic()
            with pytest.raises(sigcore.SenderLost, match="'thermo'") as caught:
                asking.request("thermo", "wait", timeout=60)
            assert type(caught.value) is sigcore.SenderLost
            assert time.monotonic() - began < 2.0
            leaving.join(LIMIT_S)
        go_on.set()


def test_more_open_requests_than_allowed_are_told_busy_at_once_and_the_others_go_on() -> None:
    go_on = threading.Event()
    running = threading.Semaphore(0)
    results = Heard()

    def wait(params: Any) -> Any:
        running.release()
        go_on.wait(LIMIT_S)
        return params

    with ServerRouter(URL, max_requests=2) as server, ClientRouter(URL) as client:
        server.add_sender("thermo", requests={"wait": wait})

        def ask(number: int) -> None:
            results(sigcore.EventInfo("", ""), client.request("thermo", "wait", number))

        threads = [threading.Thread(target=ask, args=[number]) for number in range(2)]
        for thread in threads:
            thread.start()
            assert running.acquire(timeout=LIMIT_S)
        with pytest.raises(sigcore.Busy) as caught:
            client.request("thermo", "wait", timeout=60)
        assert type(caught.value) is sigcore.Busy
        go_on.set()
        assert sorted(results.wait(2)) == [0, 1]
        assert client.request("thermo", "wait", 3) == 3
        for thread in threads:
            thread.join(LIMIT_S)


def test_a_reply_that_comes_too_late_is_no_answer_to_the_next_request(server: ServerRouter) -> None:
    go_on = threading.Event()
    with ClientRouter(URL) as client, ClientRouter(URL) as other:
        client.add_sender("thermo", requests={"wait": lambda _: go_on.wait(LIMIT_S), "quick": lambda params: params})
        with pytest.raises(sigcore.RequestTimeout):
            other.request("thermo", "wait", timeout=0.05)
        go_on.set()
        for number in range(20):
            assert other.request("thermo", "quick", number) == number


# what is too much, or cannot be


def test_a_name_that_is_taken_elsewhere_is_refused_and_the_refused_leaves_nothing(server: ServerRouter) -> None:
    with ClientRouter(URL, name="one") as one, ClientRouter(URL) as other:
        connects = Heard()
        other.add_listener(connects, "thermo", "#connect")
        thermo = one.add_sender("thermo", "reading")
        for router in (other, server):
            with pytest.raises(sigcore.SenderExists, match=r"'thermo'.*'one'"):
                router.add_sender("thermo", "other")
        connects.wait(1)
        thermo.remove()
        wait_until(lambda: not server.senders(), "the name is free")
        with other.add_sender("thermo", "other") as taken:
            taken.trigger("other")
            assert [info.events for info in connects.wait(2)] == [("reading",), ("other",)]


def test_presence_that_comes_while_the_same_name_is_being_refused_is_heard(server: ServerRouter) -> None:
    with ClientRouter(URL) as one, ClientRouter(URL) as other:
        heard = Heard()
        other.add_listener(heard, event="#connect")
        for number in range(30):
            one.add_sender(f"sender{number}")
            with pytest.raises(sigcore.SenderExists):
                other.add_sender(f"sender{number}")
        assert [info.name for info in heard.wait(30)] == [f"sender{number}" for number in range(30)]


def test_a_name_is_free_again_for_its_own_router_as_soon_as_remove_returned(server: ServerRouter) -> None:
    heard = Heard()
    server.add_listener(heard, "thermo")
    with ClientRouter(URL) as client:
        for number in range(100):
            with client.add_sender("thermo", "reading") as thermo:
                thermo.trigger("reading", number)
        assert heard.wait(100) == list(range(100))


def test_more_senders_or_listeners_than_the_server_takes_are_refused_and_the_others_work() -> None:
    heard = Heard()
    with ServerRouter(URL, max_senders=2, max_listeners=2) as server, ClientRouter(URL) as client:
        kept = [client.add_sender(f"sender{number}", "event") for number in range(2)]
        with pytest.raises(sigcore.LimitReached, match="2 a link"):
            client.add_sender("sender2")
        for _ in range(2):
            client.add_listener(heard, "thermo")
        with pytest.raises(sigcore.LimitReached, match="2 a link"):
            client.add_listener(Heard(), "valve")
        kept[0].remove()
        client.add_sender("sender2")
        server.add_sender("thermo", "reading").trigger("reading", 1)
        assert heard.wait(2) == [1, 1]


def test_an_event_too_large_for_the_server_is_refused_and_reaches_nobody() -> None:
    heard, here = Heard(), Heard()
    with ServerRouter(URL, max_frame=1_000) as server, ClientRouter(URL) as client:
        server.add_listener(heard, "thermo")
        client.add_listener(here, "thermo")
        thermo = client.add_sender("thermo", "reading")
        with pytest.raises(sigcore.FrameTooLarge, match="1000"):
            thermo.trigger("reading", "x" * 1_000)
        thermo.trigger("reading", "x" * 900)
        assert heard.wait(1) == here.data == ["x" * 900]


def test_an_event_too_large_for_one_reader_is_left_out_there_and_counted() -> None:
    large, small = Heard(), Heard()
    with ServerRouter(URL) as server, ClientRouter(URL) as client, ClientRouter(URL, max_frame=1_000) as tight:
        client.add_listener(large, "thermo")
        tight.add_listener(small, "thermo")
        thermo = server.add_sender("thermo", "reading")
        for data in ("a", "x" * 2_000, "b"):
            thermo.trigger("reading", data)
        assert large.wait(3) == ["a", "x" * 2_000, "b"]
        assert small.wait(2) == ["a", "b"]
        assert server.counters == {"untranslatable": 1}


def test_a_request_too_large_is_refused_here_and_costs_no_link() -> None:
    with ServerRouter(URL, max_frame=1_000) as server, ClientRouter(URL) as client:
        server.add_sender("thermo", requests={"echo": lambda params: params, "huge": lambda _params: "x" * 2_000_000})
        with pytest.raises(sigcore.FrameTooLarge):
            client.request("thermo", "echo", "x" * 1_000)
        with pytest.raises(sigcore.RequestFailed, match="2000002 bytes"):
            client.request("thermo", "huge")
        assert client.request("thermo", "echo", "x") == "x"
        assert server.counters == {}


def test_a_sender_with_many_events_harms_no_link_with_small_frames() -> None:
    events = [f"event number {number:030}" for number in range(300)]
    with (
        ServerRouter([URL, "mem://small?max_frame=4KiB"]) as server,
        ClientRouter(URL) as wide,
        ClientRouter("mem://small?max_frame=4KiB") as small,
    ):
        heard = Heard()
        small.add_listener(heard, event="#connect")
        small.add_listener(Heard(), "wide", "not declared")
        wide.add_sender("wide", events)
        assert [info.name for info in heard.wait(1)] == ["wide"]
        assert [info.name for info in small.senders()] == ["wide"]
        with pytest.raises(sigcore.FrameTooLarge, match="4096"):
            small.add_sender("mine", events)
        assert small.connected
        small.add_sender("mine", ["one"])
        assert [info.name for info in server.senders()] == ["mine", "wide"]


def test_data_without_a_form_in_the_codec_are_refused_and_reach_nobody(server: ServerRouter) -> None:
    here = Heard()
    with ClientRouter(URL) as client:
        client.add_listener(here, "thermo")
        thermo = client.add_sender("thermo", "reading")
        with pytest.raises(sigcore.CodecError, match="object"):
            thermo.trigger("reading", object())
        thermo.trigger("reading", 1)
        assert here.data == [1]


def test_a_server_without_the_client_s_codec_refuses_it_by_name() -> None:
    with ServerRouter(URL, codecs=[]) as server, pytest.raises(sigcore.LinkRefused, match="json") as caught:
        ClientRouter(URL).open()
    assert caught.value.code == "codec"
    assert server.codecs == []


# back-pressure


def fill(signal: sigcore.Signal[Any]) -> float:
    """Trigger until there is no room; return how long the last one waited for some."""
    while True:
        began_s = time.monotonic()
        try:
            signal.trigger("x" * 100)
        except sigcore.BufferFull:
            return time.monotonic() - began_s


def test_a_trigger_waits_for_a_slow_reader_and_nothing_is_lost() -> None:
    options: dict[str, Any] = {"event_queue": 20_000, "credit": 10_000}
    heard = Heard()

    def slow(info: sigcore.EventInfo, data: Any) -> None:
        time.sleep(0.0005)
        heard(info, data)

    with (
        ServerRouter(URL, **options) as server,
        ClientRouter(URL, **options) as fast,
        ClientRouter(URL, **options) as reader,
    ):
        reader.add_listener(slow, "thermo")
        signal = fast.add_sender("thermo", "reading").signal("reading")
        most = 0
        for number in range(1_500):
            signal.trigger(f"{number:0100}")
            most = max(most, fast._inner._outbox._size)
        assert most <= 20_200
        assert [int(data) for data in heard.wait(1_500)] == list(range(1_500))
        assert server.counters == {}


@pytest.mark.parametrize("where", ["client", "server"])
def test_a_listener_that_is_slow_but_goes_on_is_not_taken_for_one_that_is_stuck(where: str) -> None:
    options: dict[str, Any] = {"event_queue": 20_000, "credit": 20_000, "stall_budget": 0.3}
    heard = Heard()

    def slow(info: sigcore.EventInfo, data: Any) -> None:
        time.sleep(0.0005)
        heard(info, data)

    with ServerRouter(URL, **options) as server, ClientRouter(URL, **options) as client:
        reader, writer = (client, server) if where == "client" else (server, client)
        reader.add_listener(slow, "thermo")
        signal = writer.add_sender("thermo", "reading").signal("reading")
        for number in range(4_000):  # over 1 000 of them fit into the reader's credit
            signal.trigger(number)
        assert heard.wait(4_000) == list(range(4_000))
        assert server.counters == {}
        assert client.connected


def test_a_trigger_that_cannot_wait_says_buffer_full_and_drain_returns_when_there_is_room() -> None:
    async def scenario() -> None:
        options: dict[str, Any] = {"event_queue": 5_000, "credit": 5_000}
        heard: list[str] = []
        async with asyncio.timeout(LIMIT_S):
            async with sigcore.aio.ServerRouter(URL, **options) as server:
                async with sigcore.aio.ClientRouter(URL, **options) as client:
                    await server.add_listener(lambda _info, data: heard.append(data), "thermo")
                    thermo = await client.add_sender("thermo", "reading")
                    sent = refused = 0
                    while sent < 500:
                        try:
                            thermo.trigger("reading", f"{sent:0100}")
                            sent += 1
                        except sigcore.BufferFull:
                            refused += 1
                            await client.drain()
                            thermo.trigger("reading", f"{sent:0100}")  # there is room
                            sent += 1
                assert refused > 2
            assert [int(data) for data in heard] == list(range(500))

    asyncio.run(scenario())


def test_whoever_waits_for_room_goes_on_where_the_link_is_lost_and_events_are_kept() -> None:
    async def scenario() -> None:
        async with asyncio.timeout(LIMIT_S), sigcore.aio.ServerRouter(URL, credit=2_000, event_queue=2_000) as server:
            client = sigcore.aio.ClientRouter(URL, reconnect_delay=0.3)
            await client.open()
            async with server.listen("thermo", size=1):
                thermo = await client.add_sender("thermo", "reading")
                for _ in range(20):
                    thermo.trigger("reading", "x" * 3_000)
                    await asyncio.sleep(0)
                draining = asyncio.create_task(client.drain())
                while not client._drainers:  # noqa: ASYNC110  # it begins to wait, or the time is over
                    await asyncio.sleep(0)
                assert not draining.done()
                session = next(iter(server._hub.sessions.values()))
                assert session.link is not None
                session.link.end("replaced")
                server._flush_soon()
                await draining
                assert not client.connected
            await client.close()  # which has to connect again, to send what was accepted
            assert "not_sent" not in client.counters

    asyncio.run(scenario())


def test_a_blocking_trigger_waits_one_second_and_a_listener_s_trigger_not_at_all() -> None:
    go_on = threading.Event()
    options: dict[str, Any] = {"event_queue": 5_000, "credit": 5_000, "stall_budget": 30.0}
    took: list[float] = []

    with ServerRouter(URL, **options) as server, ClientRouter(URL, **options) as client:
        server.add_listener(lambda _info, _data: go_on.wait(LIMIT_S), "thermo")
        signal = client.add_sender("thermo", "reading").signal("reading")
        assert 0.9 < fill(signal) < 3.0
        client.add_listener(lambda _info, _data: took.append(fill(signal)), "valve")
        server.add_sender("valve", "moved").trigger("moved")
        wait_until(lambda: took, "the listener's trigger ends")
        assert took[0] < 0.5
        go_on.set()
        client.drain()


def test_whoever_reads_nothing_for_long_loses_events_is_told_and_the_others_go_on() -> None:
    go_on = threading.Event()
    options: dict[str, Any] = {"event_queue": 5_000, "credit": 5_000, "stall_budget": 0.3}
    heard, late = Heard(), Heard()
    gaps: list[sigcore.Gap] = []

    def get_stuck(info: sigcore.EventInfo, data: Any) -> None:
        go_on.wait(LIMIT_S)
        late(info, int(data))

    with (
        ServerRouter(URL, **options) as server,
        ClientRouter(URL, name="stuck", **options) as stuck,
        ClientRouter(URL, **options) as good,
    ):
        stuck.add_listener(get_stuck, "thermo", on_gap=lambda _info, gap: gaps.append(gap))
        good.add_listener(heard, "thermo")
        signal = server.add_sender("thermo", "reading").signal("reading")
        for number in range(500):
            signal.trigger(f"{number:0100}")
        assert [int(data) for data in heard.wait(500)] == list(range(500))
        go_on.set()
        wait_until(lambda: late.data and late.data[-1] == 499, "the stuck one hears the newest event")
        assert stuck.connected
        assert {gap.cause for gap in gaps} == {"overflow"}
        assert sum(gap.count or 0 for gap in gaps) == 500 - len(late.data) == server.counters["overflow"] > 0


def test_a_server_s_own_listener_that_gets_stuck_on_its_way_loses_events_and_holds_up_no_other() -> None:
    go_on = threading.Event()
    options: dict[str, Any] = {"event_queue": 5_000, "credit": 5_000, "stall_budget": 0.3}
    heard = Heard()

    def block_in_the_end(_info: sigcore.EventInfo, data: Any) -> None:
        time.sleep(0.001)  # slow enough to be at its limit
        if data.startswith("0200"):
            go_on.wait(LIMIT_S)

    with ServerRouter(URL, **options) as server, ClientRouter(URL) as good, ClientRouter(URL, **options) as client:
        server.add_listener(block_in_the_end, "thermo")
        good.add_listener(heard, "thermo")
        signal = client.add_sender("thermo", "reading").signal("reading")
        for number in range(1_000):
            signal.trigger(f"{number:04}".ljust(100))
        assert [int(data) for data in heard.wait(1_000)] == list(range(1_000))
        assert set(server.counters) == {"local_listener_stalled"}
        go_on.set()


def test_a_sender_added_again_behind_a_full_buffer_is_answered_when_the_link_is_lost() -> None:
    go_on = threading.Event()
    options: dict[str, Any] = {"event_queue": 2_000, "credit": 2_000, "stall_budget": 30.0}
    with ServerRouter(URL, **options) as server, ClientRouter(URL, **options) as client:
        server.add_listener(lambda _info, _data: go_on.wait(LIMIT_S), "thermo")
        thermo = client.add_sender("thermo", "reading")
        fill(thermo.signal("reading"))
        thermo.remove()  # is told behind the events that wait
        adding = threading.Thread(target=lambda: client.add_sender("thermo", "reading"))
        adding.start()
        adding.join(0.1)
        assert adding.is_alive()
        go_on.set()
        server.close()
        adding.join(LIMIT_S)
        assert not adding.is_alive()


def test_a_reader_that_is_held_up_while_the_server_closes_reads_all_that_came_before_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sigcore.aio._link_io.ITEMS_A_TURN", 1)  # one run at a time
    heard = Heard()
    up, held, go_on = threading.Event(), threading.Event(), threading.Event()

    def hold_up_at_first(info: sigcore.EventInfo, data: int) -> None:
        heard(info, data)
        if data == 0:
            held.set()
            go_on.wait(LIMIT_S)  # on its loop, where it also holds up the reading

    async def read() -> None:
        async with sigcore.aio.ClientRouter(URL) as client:
            await client.add_listener(hold_up_at_first, "thermo")
            up.set()
            while client.connected:  # noqa: ASYNC110  # there is nothing to await
                await asyncio.sleep(0.01)

    async def serve() -> None:
        async with sigcore.aio.ServerRouter(URL) as server:
            reading.start()
            await asyncio.to_thread(up.wait, LIMIT_S)
            thermo = await server.add_sender("thermo", ["even", "odd"])
            thermo.trigger("even", 0)
            await asyncio.to_thread(held.wait, LIMIT_S)
            for number in range(1, 10_000):  # one piece, and a run for each
                thermo.trigger("odd" if number % 2 else "even", number)
            asyncio.get_running_loop().call_later(1.5, go_on.set)

    reading = threading.Thread(target=lambda: asyncio.run(read()))
    asyncio.run(serve())
    reading.join(LIMIT_S)
    assert heard.data == list(range(10_000))


# a server's own process


def test_the_server_s_own_process_is_told_apart_from_its_clients(server: ServerRouter) -> None:
    heard = Heard()
    server.add_listener(heard, event="reading")
    server.add_sender("mine", "reading").trigger("reading")
    with ClientRouter(URL, name="client") as client:
        client.add_sender("theirs", "reading").trigger("reading")
        heard.wait(2)
        assert [info.peer for info in heard.infos] == [None, Peer("client", "local:mem", URL)]
        assert server.peers() == [Peer("client", "local:mem", URL)]


def test_a_link_is_where_the_server_says_and_its_options_come_from_the_url() -> None:
    with ServerRouter(f"{URL}?heartbeat=2s") as server:
        assert server.endpoints == [URL]
        assert "json" in server.codecs
    with pytest.raises(sigcore.EndpointError, match="heartbeat"):
        ClientRouter(f"{URL}?heartbeat=2s", heartbeat=3.0)
    with pytest.raises(sigcore.EndpointError, match="more than 0"):
        ClientRouter(URL, credit=0)
