# SPDX-License-Identifier: MIT
"""The blocking form: what listeners and handlers may do, in which threads, and how it ends."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from importlib.util import find_spec
from typing import Any

import pytest

import sigcore
from sigcore import ClientRouter, EventInfo, ServerRouter

from .waiting import LIMIT_S, Errors, Heard, wait_until

URL = "mem://blocking"
NO_DEADLOCK_S = 3.0
"""Far below every time-out in the library, all of which are 5 s or more where something waits."""

MANY = 10_000
"""Events, ten times as many as a client takes before it lets its loop write, or counts their bytes."""

pytestmark = pytest.mark.usefixtures("nothing_left")


@pytest.fixture
def server(nothing_left: None) -> Iterator[ServerRouter]:
    with ServerRouter(URL, name="server") as router:
        yield router


def in_time(work: Any, *args: Any) -> Any:
    """Return what ``work`` returns; fail if that takes as long as a deadlock would."""
    began = time.monotonic()
    result = work(*args)
    assert time.monotonic() - began < NO_DEADLOCK_S
    return result


# no deadlock, whoever calls what from where


def test_a_client_that_listens_to_its_own_sender_does_not_wait_for_itself(server: ServerRouter) -> None:
    with ClientRouter(URL) as client:
        heard = Heard()
        client.add_listener(heard, "thermo", "reading")
        thermo = client.add_sender("thermo", "reading")
        for number in range(100):
            in_time(thermo.trigger, "reading", number)
        assert heard.data == list(range(100))  # there and then, and not once more by way of the server


def test_a_client_that_asks_its_own_sender_does_not_wait_for_itself(server: ServerRouter) -> None:
    with ClientRouter(URL) as client:
        client.add_sender("thermo", requests={"unit": lambda _params: threading.get_ident()})
        assert in_time(client.request, "thermo", "unit") == threading.get_ident()


def test_a_listener_may_do_everything_while_it_is_called_by_a_link(server: ServerRouter) -> None:
    with ClientRouter(URL) as client, ClientRouter(URL) as other:
        other.add_sender("valve", requests={"open": lambda _params: "opened"})
        heard = Heard()

        def use(_info: EventInfo, _data: Any) -> None:
            done: list[Any] = [client.request("valve", "open")]
            with client.add_sender("echo", "echoed") as echo:
                echo.trigger("echoed", "hello")
                done.append([info.name for info in client.senders()])
            with client.add_listener(heard, "valve"), client.listen("valve"):
                done.append(len(client.peers()))
            client.drain()
            listener.remove()
            heard(EventInfo("", ""), done)

        listener = client.add_listener(use, "thermo", "reading")
        server.add_sender("thermo", "reading").trigger("reading")
        assert heard.wait(1, NO_DEADLOCK_S) == [["opened", ["echo", "thermo", "valve"], 2]]


def test_a_handler_may_ask_whoever_asks_it(server: ServerRouter) -> None:
    with ClientRouter(URL) as one, ClientRouter(URL) as other:
        one.add_sender("one", requests={"f": lambda depth: other_side(one, "other", depth)})
        other.add_sender("other", requests={"f": lambda depth: other_side(other, "one", depth)})
        assert in_time(server.request, "one", "f", 3) == "done"


def other_side(router: ClientRouter, sender: str, depth: int) -> Any:
    return router.request(sender, "f", depth - 1) if depth else "done"


def test_a_server_s_own_listener_may_ask_the_client_whose_event_it_hears(server: ServerRouter) -> None:
    heard = Heard()
    server.add_listener(lambda info, _data: heard(info, server.request(info.sender, "unit")), "thermo", "reading")
    with ClientRouter(URL) as client:
        client.add_sender("thermo", "reading", {"unit": lambda _params: "C"}).trigger("reading")
        assert heard.wait(1, NO_DEADLOCK_S) == ["C"]


def test_a_presence_listener_may_ask_the_sender_that_came(server: ServerRouter) -> None:
    heard = Heard()
    with ClientRouter(URL) as client, ClientRouter(URL) as other:
        client.add_listener(lambda info, _data: heard(info, client.request(info.sender, "unit")), event="#connect")
        other.add_sender("thermo", requests={"unit": lambda _params: "C"})
        assert heard.wait(1, NO_DEADLOCK_S) == ["C"]


def test_on_error_may_use_the_router_and_may_block_without_holding_up_the_link(server: ServerRouter) -> None:
    options: dict[str, Any] = {"heartbeat": 0.1, "dead_after": 0.3}
    blocked, go_on = threading.Event(), threading.Event()
    used: list[int] = []

    def on_error(_error: Exception) -> None:
        used.append(len(client.peers()))
        blocked.set()
        go_on.wait(LIMIT_S)

    with ClientRouter(URL, on_error=on_error, **options) as client:
        client.add_listener(lambda _info, _data: None, "thermo", "temperature")
        server.add_sender("thermo", "reading")
        assert blocked.wait(LIMIT_S)
        time.sleep(2 * options["dead_after"])  # long enough for a link that is not looked after to die
        assert client.connected
        assert len(client.senders()) == 1
        go_on.set()
    assert used == [1]


def test_a_server_s_on_error_runs_where_listeners_do() -> None:
    threads: list[str] = []
    with ServerRouter(URL, on_error=lambda _error: threads.append(threading.current_thread().name)) as server:
        server.add_listener(lambda _info, _data: None, "thermo", "temperature")
        with ClientRouter(URL) as client:
            client.add_sender("thermo", "reading")
            server.add_listener(lambda _info, _data: None, "thermo", "moisture")
            wait_until(lambda: len(threads) == 2, "both warnings")
    assert not [name for name in threads if "loop" in name]


# async def in the blocking form


def test_handlers_may_be_async_and_are_cancelled_by_the_timeout(server: ServerRouter) -> None:
    cancelled = threading.Event()

    async def double(params: int) -> int:
        await asyncio.sleep(0)
        return params * 2

    async def wait(_params: Any) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    server.add_sender("math", requests={"double": double, "wait": wait})
    with ClientRouter(URL) as client:
        for router in (server, client):  # in the same process, and over the link
            assert router.request("math", "double", 21) == 42
            with pytest.raises(sigcore.RequestTimeout):
                router.request("math", "wait", timeout=0.05)
            assert cancelled.wait(LIMIT_S)
            cancelled.clear()


def test_a_blocking_call_in_an_async_handler_says_that_it_would_wait_for_itself(server: ServerRouter) -> None:
    async def ask(_params: Any) -> Any:
        return client.request("other", "x")

    with ClientRouter(URL) as client:
        client.add_sender("thermo", requests={"ask": ask})
        with pytest.raises(sigcore.RequestFailed, match=r"WrongThread.*sigcore\.aio"):
            in_time(server.request, "thermo", "ask")


# threads


def test_listeners_of_links_run_in_one_thread_and_handlers_in_others(server: ServerRouter) -> None:
    names: list[str] = []

    def note(*_args: Any) -> None:
        names.append(threading.current_thread().name)

    with ClientRouter(URL) as client:
        client.add_listener(note, "thermo")
        client.add_sender("valve", requests={"open": note})
        thermo = server.add_sender("thermo", "reading")
        server.request("valve", "open")
        thermo.trigger("reading")
        wait_until(lambda: len(names) == 2, "both")
    assert len(set(names)) == 2
    assert threading.current_thread().name not in names
    assert not [name for name in names if "loop" in name]


def test_a_listener_that_blocks_holds_up_events_and_neither_heartbeats_nor_requests() -> None:
    options: dict[str, Any] = {"heartbeat": 0.2, "dead_after": 0.6}
    go_on, blocked = threading.Event(), threading.Event()
    heard = Heard()

    def block(info: EventInfo, data: Any) -> None:
        blocked.set()
        go_on.wait(LIMIT_S)
        heard(info, data)

    with ServerRouter(URL, **options) as server, ClientRouter(URL, **options) as client:
        client.add_listener(block, "thermo")
        client.add_sender("alive", requests={"ping": lambda _params: "pong"})
        server.add_listener(block, "valve")
        valve = client.add_sender("valve", "moved")
        thermo = server.add_sender("thermo", "reading", {"ping": lambda _params: "pong"})
        for number in range(3):
            thermo.trigger("reading", number)
            valve.trigger("moved", number)
        assert blocked.wait(LIMIT_S)
        time.sleep(1.5)  # in silence, so that heartbeats alone keep the link
        assert client.connected
        assert server.request("alive", "ping", timeout=1.0) == "pong"
        assert client.request("thermo", "ping", timeout=1.0) == "pong"
        go_on.set()
        heard.wait(6)
        assert server.counters == client.counters == {}


def test_a_listener_that_would_end_the_program_does_not_end_the_events_of_others(
    server: ServerRouter, caplog: pytest.LogCaptureFixture
) -> None:
    def leave(_info: EventInfo, _data: Any) -> None:
        raise SystemExit(1)

    heard = Heard()
    with ClientRouter(URL) as client:
        client.add_listener(leave, "thermo", "reading")
        client.add_listener(heard, "valve")
        server.add_sender("thermo", "reading").trigger("reading")
        server.add_sender("valve", "moved").trigger("moved", 1)
        assert heard.wait(1) == [1]
    assert "SystemExit" in caplog.text


def test_a_removed_listener_hears_nothing_of_what_still_waits(server: ServerRouter) -> None:
    blocked, go_on = threading.Event(), threading.Event()
    heard, after = Heard(), Heard()

    def block(_info: EventInfo, _data: Any) -> None:
        blocked.set()
        go_on.wait(LIMIT_S)

    with ClientRouter(URL) as client:
        client.add_listener(block, "other")
        listener = client.add_listener(heard, "thermo")
        client.add_listener(after, "last")
        server.add_sender("other", "event").trigger("event")
        assert blocked.wait(LIMIT_S)
        thermo = server.add_sender("thermo", "reading")
        for number in range(10):
            thermo.trigger("reading", number)
        thermo.remove()
        server.add_sender("last", "event").trigger("event")
        client.senders()  # all of that has reached the client by now
        listener.remove()
        go_on.set()
        after.wait(1)
    assert heard.data == []


@pytest.mark.parametrize("when", ["before", "while"])
def test_slow_news_of_a_sender_elsewhere_do_not_hide_our_own_of_that_name(server: ServerRouter, when: str) -> None:
    blocked, go_on = threading.Event(), threading.Event()
    heard = Heard()

    def block(_info: EventInfo, _data: Any) -> None:
        blocked.set()
        go_on.wait(LIMIT_S)

    with ClientRouter(URL) as client:
        client.add_listener(heard, "thermo", "#connect")
        client.add_listener(block, "other")
        if when == "before":
            elsewhere = server.add_sender("thermo")
            heard.wait(1)
        server.add_sender("other", "event").trigger("event")
        assert blocked.wait(LIMIT_S)
        if when == "while":
            elsewhere = server.add_sender("thermo")
        elsewhere.remove()
        wait_until(lambda: [info.name for info in client.senders()] == ["other"], "the sender leaves")
        client.add_sender("thermo", "mine")
        after = Heard()
        client.add_listener(after, "last", "#connect")
        go_on.set()
        server.add_sender("last")
        after.wait(1)  # all the news have been told by now
        assert (heard.data[-1].events, heard.data[-1].peer) == (("mine",), None)
        late = Heard()
        client.add_listener(late, "thermo", "#connect")
        assert [info.events for info in late.data] == [("mine",)]


# how it begins and ends


def test_leaving_with_sends_everything_that_was_accepted(server: ServerRouter) -> None:
    heard = Heard()
    server.add_listener(heard, "thermo", "reading")
    with ClientRouter(URL) as client:
        reading = client.add_sender("thermo", "reading").signal("reading")
        for number in range(10_000):
            reading.trigger(number)
    assert heard.wait(10_000) == list(range(10_000))


def test_a_server_that_is_left_sends_everything_that_was_accepted() -> None:
    heard = Heard()
    with ExitStack() as stack:
        with ServerRouter(URL) as server:
            client = stack.enter_context(ClientRouter(URL))
            client.add_listener(heard, "thermo", "reading")
            reading = server.add_sender("thermo", "reading").signal("reading")
            for number in range(10_000):
                reading.trigger(number)
        assert heard.wait(10_000) == list(range(10_000))


def test_a_closed_router_says_so(server: ServerRouter) -> None:
    client = ClientRouter(URL)
    with client:
        thermo = client.add_sender("thermo", "reading")
        assert not client.wait_closed(0)
    assert client.wait_closed(0)
    client.close()  # a second time does no harm
    for attempt in (lambda: thermo.trigger("reading"), client.open, lambda: client.request("other", "x")):
        with pytest.raises(sigcore.RouterClosed):
            attempt()


def test_a_router_that_is_not_open_says_so() -> None:
    with pytest.raises(sigcore.RouterClosed, match="open"):
        ClientRouter(URL).request("thermo", "x")
    server = ServerRouter(URL)
    with pytest.raises(sigcore.RouterClosed, match="open"):
        server.request("thermo", "x")
    server.close()


def test_what_was_registered_before_open_works_after_it() -> None:
    heard = Heard()
    server, client = ServerRouter(URL), ClientRouter(URL)
    thermo = server.add_sender("thermo", "reading", {"unit": lambda _params: "C"})
    client.add_listener(heard, "thermo")
    client.add_sender("valve", requests={"open": lambda _params: "opened"})
    with server, client:
        thermo.trigger("reading", 1)
        assert heard.wait(1) == [1]
        assert server.request("valve", "open") == "opened"
        assert client.request("thermo", "unit") == "C"


@pytest.mark.parametrize("how", ["in a listener", "in a handler"])
def test_a_router_may_be_closed_from_inside(server: ServerRouter, how: str) -> None:
    client = ClientRouter(URL)
    client.open()
    client.add_listener(lambda _info, _data: client.close(), "thermo")
    client.add_sender("valve", requests={"close": lambda _params: client.close()})
    if how == "in a listener":
        server.add_sender("thermo", "reading").trigger("reading")
    else:
        with pytest.raises(sigcore.SenderLost):
            server.request("valve", "close")
    assert client.wait_closed(LIMIT_S)


def test_closing_ends_streams_and_whoever_waits_for_a_reply(server: ServerRouter) -> None:
    errors = Errors()
    client = ClientRouter(URL)
    client.open()

    async def never(_params: Any) -> None:
        begun.release()
        await asyncio.Event().wait()

    begun, go_on = threading.Semaphore(0), threading.Event()

    def wait(_params: Any) -> None:
        begun.release()
        go_on.wait(LIMIT_S)

    client.add_sender("mine", requests={"never": never})
    server.add_sender("thermo", requests={"wait": wait})
    stream = client.listen("thermo")

    def ask(sender: str, method: str) -> None:
        try:
            client.request(sender, method, timeout=None)
        except sigcore.SigError as error:
            errors(error)

    asking = [threading.Thread(target=ask, args=args) for args in (("mine", "never"), ("thermo", "wait"))]
    asking.append(threading.Thread(target=lambda: list(stream)))
    for thread in asking:
        thread.start()
    assert begun.acquire(timeout=LIMIT_S)
    assert begun.acquire(timeout=LIMIT_S)
    client.close()
    for thread in asking:
        thread.join(NO_DEADLOCK_S)
    assert not [thread for thread in asking if thread.is_alive()]
    assert sorted(type(error).__name__ for error in errors.data) == ["RouterClosed", "SenderLost"]
    go_on.set()


def test_a_body_that_raises_ends_the_router_and_is_not_hidden(server: ServerRouter) -> None:
    class Mine(Exception):
        pass

    client = ClientRouter(URL)
    with pytest.raises(Mine), client:
        raise Mine
    assert client.wait_closed(0)


# many events, and the loop that writes them


def trigger_many(signal: sigcore.Signal[Any]) -> None:
    for number in range(MANY):
        signal.trigger(number)


def test_an_own_loop_is_uvloops_where_that_is_installed(server: ServerRouter) -> None:
    async def kind(_params: Any) -> str:
        return type(asyncio.get_running_loop()).__module__.split(".")[0]

    with ClientRouter(URL) as client, ClientRouter(URL) as other:
        client.add_sender("thermo", requests={"loop": kind})
        assert other.request("thermo", "loop") == ("uvloop" if find_spec("uvloop") else "asyncio")


def test_threads_that_trigger_without_a_pause_lose_nothing_and_keep_their_order(server: ServerRouter) -> None:
    heard = Heard()
    server.add_listener(heard)
    with ClientRouter(URL) as client, ThreadPoolExecutor(2) as threads:
        for name in ("thermo", "valve"):
            threads.submit(trigger_many, client.add_sender(name, "reading").signal("reading"))
        heard.wait(2 * MANY)
    for name in ("thermo", "valve"):
        numbers = [data for info, data in zip(heard.infos, heard.data, strict=True) if info.sender == name]
        assert numbers == list(range(MANY))


def test_a_thread_goes_on_triggering_while_the_server_takes_nothing() -> None:
    heard, go_on = Heard(), threading.Event()

    def listen(info: EventInfo, data: Any) -> None:
        go_on.wait(LIMIT_S)
        heard(info, data)

    with ServerRouter(URL, credit=4096) as server, ClientRouter(URL) as client:
        server.add_listener(listen, "thermo")
        in_time(trigger_many, client.add_sender("thermo", "reading").signal("reading"))
        assert heard.data == []
        go_on.set()
        assert heard.wait(MANY) == list(range(MANY))


def test_a_handler_on_the_loop_itself_triggers_without_waiting_for_it(server: ServerRouter) -> None:
    async def send(_params: Any) -> None:
        trigger_many(thermo.signal("reading"))

    heard = Heard()
    server.add_listener(heard, "thermo")
    with ClientRouter(URL) as client:
        thermo = client.add_sender("thermo", "reading", {"send": send})
        in_time(server.request, "thermo", "send")
        assert heard.wait(MANY) == list(range(MANY))
