# SPDX-License-Identifier: MIT
"""What docs/callbacks.md promises: one test for each sentence in its lists, named after it."""

from __future__ import annotations

import asyncio
import logging
import re
import statistics
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

import sigcore
import sigcore.aio
from sigcore import EventInfo, Router
from sigcore.aio._answering import HANDLER_THREADS

from .waiting import LIMIT_S, Errors, Heard, wait_until

URL = "mem://callbacks"
HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "callbacks.md"

pytestmark = pytest.mark.usefixtures("nothing_left")


def test_each_sentence_of_the_page_has_its_test_and_each_test_its_sentence() -> None:
    sentences = re.findall(r"^- (.*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    said = {"test_" + re.sub(r"\W+", "_", sentence.lower()).strip("_") for sentence in sentences}
    tested, elsewhere = names_in("test_callback_contract.py"), names_in("test_request_outcomes.py")
    assert said - tested - elsewhere == set()
    assert tested - said == {"test_each_sentence_of_the_page_has_its_test_and_each_test_its_sentence"}


def names_in(file: str) -> set[str]:
    """Return the names of the tests of a file."""
    return set(re.findall(r"^def (test_\w+)\(", (HERE / file).read_text(encoding="utf-8"), re.MULTILINE))


# what the scenarios need


class Notes(Heard):
    """A listener or handler that notes in which thread it is called, beside what it is called with."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: list[str] = []

    def __call__(self, info: Any, data: Any = None) -> None:
        self.threads.append(threading.current_thread().name)
        super().__call__(info, data)


class Gate:
    """A listener or handler that waits until it is opened."""

    def __init__(self) -> None:
        self.came = threading.Semaphore(0)
        self.opened = threading.Event()
        self.threads: list[str] = []

    def __call__(self, *_args: Any) -> None:
        self.threads.append(threading.current_thread().name)
        self.came.release()
        assert self.opened.wait(LIMIT_S)

    def wait_for(self, number: int = 1) -> None:
        """Return once so many more have come."""
        for _ in range(number):
            assert self.came.acquire(timeout=LIMIT_S), "nobody came to the gate"


@contextmanager
def blocking_world(**options: Any) -> Iterator[tuple[sigcore.ServerRouter, sigcore.ClientRouter]]:
    """Open a server and a client of the blocking form."""
    with sigcore.ServerRouter(URL, **options) as server, sigcore.ClientRouter(URL, **options) as client:
        yield server, client


def in_asyncio_world(
    scenario: Callable[[sigcore.aio.ServerRouter, sigcore.aio.ClientRouter], Awaitable[None]], **options: Any
) -> None:
    """Run ``scenario`` with a server and a client of the asyncio form on one loop."""

    async def run() -> None:
        async with (
            asyncio.timeout(LIMIT_S),
            sigcore.aio.ServerRouter(URL, **options) as server,
            sigcore.aio.ClientRouter(URL, **options) as client,
        ):
            await scenario(server, client)

    asyncio.run(run())


async def until(predicate: Callable[[], object], what: str) -> None:
    """Return once ``predicate`` holds; fail with ``what`` when the time is over."""
    until_s = time.monotonic() + LIMIT_S
    while not predicate():
        assert time.monotonic() < until_s, what
        await asyncio.sleep(0.002)


def in_thread(function: Callable[[], object]) -> None:
    """Run ``function`` in a thread; fail if it hangs or raises."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            function()
        except BaseException as error:
            failed.append(error)
            raise

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(LIMIT_S)
    assert not thread.is_alive(), "it hangs"
    assert failed == []


def asking_threads(number: int, router: sigcore.Router, method: str) -> list[threading.Thread]:
    """Start so many threads that each ask ``thermo``, without a limit."""
    threads = [threading.Thread(target=lambda: router.request("thermo", method, timeout=None)) for _ in range(number)]
    for thread in threads:
        thread.start()
    return threads


def triggering_once(signal: sigcore.Signal[str]) -> Callable[[EventInfo, str], None]:
    """Return a listener that triggers ``signal`` with "inner" when it hears "outer"."""

    def trigger(_info: EventInfo, data: str) -> None:
        if data == "outer":
            signal.trigger("inner")

    return trigger


def fail(_info: Any, _data: Any = None) -> None:
    raise ValueError("as it must")


# where they run


def test_in_one_process_a_listener_runs_in_the_thread_that_triggers() -> None:
    router, notes = Router(), Notes()
    router.add_listener(notes, "thermo")
    thermo = router.add_sender("thermo", "reading")
    thermo.trigger("reading")
    in_thread(lambda: thermo.trigger("reading"))
    assert notes.threads[0] == threading.current_thread().name != notes.threads[1]


def test_in_one_process_a_handler_runs_in_the_thread_that_asks() -> None:
    router, notes = Router(), Notes()
    router.add_sender("thermo", requests={"unit": notes})
    router.request("thermo", "unit")
    in_thread(lambda: router.request("thermo", "unit"))
    assert notes.threads[0] == threading.current_thread().name != notes.threads[1]


def test_a_blocking_router_calls_listeners_for_other_routers_events_in_one_thread_of_its_own() -> None:
    with blocking_world() as (server, client):
        for here, there in ((server, client), (client, server)):
            notes = Notes()
            here.add_listener(notes, "one")
            here.add_listener(notes, "two")
            with there.add_sender("one", "reading") as one, there.add_sender("two", "reading") as two:
                one.trigger("reading")
                two.trigger("reading")
                notes.wait(2)
            (name,) = set(notes.threads)
            assert name not in (threading.current_thread().name, "sigcore-loop")


def test_a_blocking_router_calls_listeners_for_its_own_events_in_the_thread_that_triggers() -> None:
    with blocking_world() as routers:
        for router in routers:
            notes = Notes()
            router.add_listener(notes, "thermo")
            with router.add_sender("thermo", "reading") as thermo:
                thermo.trigger("reading")
            assert notes.threads == [threading.current_thread().name]


def test_a_blocking_router_calls_plain_handlers_for_other_routers_in_threads_of_its_own_eight_at_a_time() -> None:
    with blocking_world() as (server, client):
        gate = Gate()
        client.add_sender("thermo", requests={"wait": gate})
        asking = asking_threads(HANDLER_THREADS + 1, server, "wait")
        gate.wait_for(HANDLER_THREADS)
        assert not gate.came.acquire(timeout=0.05)  # the ninth waits
        assert len(set(gate.threads)) == HANDLER_THREADS == 8
        assert "sigcore-loop" not in gate.threads
        gate.opened.set()
        for thread in asking:
            thread.join(LIMIT_S)


def test_a_blocking_router_awaits_async_def_handlers_on_a_loop_of_its_own() -> None:
    async def where(_params: Any) -> str:
        asyncio.get_running_loop()
        return threading.current_thread().name

    with blocking_world() as (server, client):
        client.add_sender("thermo", requests={"where": where})
        for router in (server, client):
            assert router.request("thermo", "where") == "sigcore-loop"


def test_an_asyncio_router_calls_plain_listeners_on_its_loop() -> None:
    async def scenario(server: sigcore.aio.ServerRouter, client: sigcore.aio.ClientRouter) -> None:
        notes = Notes()
        await client.add_listener(notes, event="reading")
        (await client.add_sender("own", "reading")).trigger("reading")
        assert len(notes.threads) == 1  # at once
        (await server.add_sender("thermo", "reading")).trigger("reading")
        await until(lambda: len(notes.threads) == 2, "the other router's event comes")
        assert set(notes.threads) == {threading.current_thread().name}

    in_asyncio_world(scenario)


def test_an_asyncio_router_awaits_an_async_def_listener_in_a_task_on_its_loop() -> None:
    async def scenario(server: sigcore.aio.ServerRouter, client: sigcore.aio.ClientRouter) -> None:
        here = asyncio.current_task()
        tasks: asyncio.Queue[Any] = asyncio.Queue()

        async def hear(_info: EventInfo, _data: Any) -> None:
            await tasks.put(asyncio.current_task())

        await client.add_listener(hear, event="reading")
        for router in (client, server):
            (await router.add_sender(f"of {type(router).__name__}", "reading")).trigger("reading")
            task = await tasks.get()
            assert task not in (None, here)

    in_asyncio_world(scenario)


def test_an_asyncio_router_calls_plain_handlers_for_other_routers_in_threads_and_awaits_others_on_its_loop() -> None:
    def plain(_params: Any) -> str:
        return threading.current_thread().name

    async def other(_params: Any) -> str:
        return threading.current_thread().name

    async def scenario(server: sigcore.aio.ServerRouter, client: sigcore.aio.ClientRouter) -> None:
        here = threading.current_thread().name
        await client.add_sender("thermo", requests={"plain": plain, "other": other})
        assert await server.request("thermo", "plain") != here
        assert await server.request("thermo", "other") == here
        assert await client.request("thermo", "plain") == here

    in_asyncio_world(scenario)


def test_on_error_is_called_where_the_listener_failed() -> None:
    threads: list[list[str]] = []

    def note_and_fail(*_args: Any) -> None:
        threads.append([threading.current_thread().name])
        raise ValueError("as it must")

    def on_error(_error: Exception) -> None:
        threads[-1].append(threading.current_thread().name)

    with ExitStack() as stack:
        server = stack.enter_context(sigcore.ServerRouter(URL))
        client = stack.enter_context(sigcore.ClientRouter(URL, on_error=on_error))
        client.add_listener(note_and_fail, event="reading")
        client.add_sender("own", "reading").trigger("reading")
        server.add_sender("thermo", "reading").trigger("reading")
        wait_until(lambda: len(threads) == 2 and len(threads[1]) == 2, "both fail")
    for failed_in, told_in in threads:
        assert failed_in == told_in


def test_on_gap_is_called_where_the_listener_is_between_the_events_where_the_gap_is() -> None:
    async def scenario() -> None:
        router = sigcore.aio.Router()
        thermo = (await router.add_sender("thermo", "reading")).signal("reading")
        heard: list[Any] = []
        full = asyncio.Event()

        async def hear(_info: EventInfo, data: int) -> None:
            heard.append(data)
            await full.wait()

        def lost(info: EventInfo, gap: sigcore.Gap) -> None:
            asyncio.get_running_loop()  # raises in any other thread
            heard.append((info.event, gap))

        await router.add_listener(hear, "thermo", on_gap=lost)
        thermo.trigger(0)
        await until(lambda: heard, "the first is under way")
        for number in range(1, 1_002):  # one more than has room
            thermo.trigger(number)
        full.set()
        await until(lambda: len(heard) == 1_002, "the others come")
        assert heard[:3] == [0, ("reading", sigcore.Gap(1, "overflow")), 2]

    asyncio.run(scenario())


# order


def test_the_events_of_one_sender_reach_each_listener_in_the_order_in_which_they_were_triggered() -> None:
    with blocking_world() as (server, client):
        listeners = [Heard(), Heard()]
        for router, heard in zip((server, client), listeners, strict=True):
            router.add_listener(heard, "thermo")
        thermo = client.add_sender("thermo", ["up", "down"])
        for number in range(500):
            thermo.trigger("up" if number % 3 else "down", number)
        for heard in listeners:
            assert heard.wait(500) == list(range(500))


def test_an_async_def_listener_gets_one_event_after_the_other() -> None:
    async def scenario() -> None:
        router = sigcore.aio.Router()
        thermo = await router.add_sender("thermo", "reading")
        steps: list[tuple[str, int]] = []

        async def hear(_info: EventInfo, data: int) -> None:
            steps.append(("begins", data))
            await asyncio.sleep(0)
            steps.append(("ends", data))

        await router.add_listener(hear, "thermo")
        for number in range(3):
            thermo.trigger("reading", number)
        await until(lambda: len(steps) == 6, "all are heard")
        assert steps == [(what, number) for number in range(3) for what in ("begins", "ends")]

    asyncio.run(scenario())


def test_several_async_def_listeners_run_side_by_side() -> None:
    async def scenario() -> None:
        router = sigcore.aio.Router()
        together = asyncio.Barrier(3)
        met: list[int] = []

        async def meet(_info: EventInfo, _data: Any) -> None:
            met.append(await together.wait())

        for _ in range(3):
            await router.add_listener(meet, "thermo")
        (await router.add_sender("thermo", "reading")).trigger("reading")
        await until(lambda: len(met) == 3, "they meet")

    asyncio.run(scenario())


def test_several_requests_to_async_def_handlers_run_side_by_side() -> None:
    async def scenario(server: sigcore.aio.ServerRouter, client: sigcore.aio.ClientRouter) -> None:
        together = asyncio.Barrier(20)

        async def meet(_params: Any) -> None:
            await together.wait()

        await client.add_sender("thermo", requests={"meet": meet})
        await asyncio.gather(*[server.request("thermo", "meet") for _ in range(20)])

    in_asyncio_world(scenario)


def test_one_listener_is_called_by_several_threads_at_once_where_several_threads_trigger() -> None:
    router = Router()
    together = threading.Barrier(2)
    router.add_listener(lambda _info, _data: together.wait(LIMIT_S), "thermo")
    thermo = router.add_sender("thermo", "reading")
    threads = [threading.Thread(target=thermo.trigger, args=("reading",)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT_S)
    assert not together.broken


# what they may call


def test_a_listener_may_ask_the_very_sender_that_it_hears_and_wait_for_the_reply() -> None:
    with blocking_world() as (server, client):
        for here, there in ((server, client), (client, server)):
            replies = Heard()

            def ask_back(info: EventInfo, data: int, here: sigcore.Router = here, replies: Heard = replies) -> None:
                replies(info, here.request(info.sender, "double", data))

            here.add_listener(ask_back, "thermo")
            with there.add_sender("thermo", "reading", {"double": lambda params: params * 2}) as thermo:
                for number in range(5):
                    thermo.trigger("reading", number)
                assert replies.wait(5) == [0, 2, 4, 6, 8]


def test_a_listener_may_deliver_an_event_and_wait_until_it_is_accepted() -> None:
    with blocking_world() as (server, client):
        for here, there in ((server, client), (client, server)):
            accepted, heard = Heard(), Heard()
            sender = here.add_sender("echo", "tick")
            echo = sender.signal("tick")

            def deliver(
                info: EventInfo,
                data: int,
                here: sigcore.Router = here,
                echo: sigcore.Signal[int] = echo,
                accepted: Heard = accepted,
            ) -> None:
                accepted(info, here.deliver(echo, data))

            with (
                there.add_sender("thermo", "reading") as thermo,
                there.add_listener(heard, "echo"),
                here.add_listener(deliver, "thermo"),
            ):
                thermo.trigger("reading", 7)
                assert accepted.wait(1) == [1]
                assert heard.wait(1) == [7]
            sender.remove()


def test_a_listener_may_trigger_while_another_thread_triggers() -> None:
    number = 300
    with blocking_world() as (server, client):
        echoes, ticks = Heard(), Heard()
        echo = client.add_sender("echo", "tick").signal("tick")
        client.add_listener(lambda _info, data: echo.trigger(data), "thermo")
        server.add_listener(echoes, "echo")
        server.add_listener(ticks, "clock")
        thermo = server.add_sender("thermo", "reading").signal("reading")
        clock = client.add_sender("clock", "tick").signal("tick")

        def tick() -> None:
            for data in range(number):
                clock.trigger(data)

        ticking = threading.Thread(target=tick)
        ticking.start()
        for data in range(number):
            thermo.trigger(data)
        ticking.join(LIMIT_S)
        assert echoes.wait(number) == ticks.wait(number) == list(range(number))


def test_a_listener_may_add_and_remove_listeners_and_senders() -> None:
    with blocking_world() as (server, client):
        done = Heard()

        def change(info: EventInfo, _data: Any) -> None:
            with client.add_sender("echo", "tick"), client.add_listener(lambda _info, _data: None, "thermo"):
                done(info, [sender.name for sender in client.senders()])

        client.add_listener(change, "thermo")
        server.add_sender("thermo", "reading").trigger("reading")
        assert done.wait(1) == [["echo", "thermo"]]


def test_a_handler_may_ask_whoever_asks_it() -> None:
    with blocking_world() as (server, client):
        server.add_sender("clock", requests={"now": lambda _params: 12})
        client.add_sender("thermo", requests={"when": lambda _params: client.request("clock", "now")})
        assert server.request("thermo", "when") == 12


def test_a_plain_listener_of_an_asyncio_router_may_start_a_task_that_asks() -> None:
    async def scenario(server: sigcore.aio.ServerRouter, client: sigcore.aio.ClientRouter) -> None:
        tasks: list[asyncio.Task[Any]] = []

        def ask(info: EventInfo, _data: Any) -> None:
            tasks.append(asyncio.create_task(client.request(info.sender, "unit")))

        await client.add_listener(ask, "thermo")
        (await server.add_sender("thermo", "reading", {"unit": lambda _params: "C"})).trigger("reading")
        await until(lambda: tasks, "the event comes")
        assert await tasks[0] == "C"

    in_asyncio_world(scenario)


def test_a_listener_and_a_handler_may_close_their_router() -> None:
    for use in ("listener", "handler"):
        with blocking_world() as (server, client):
            client.add_listener(lambda _info, _data: client.close(), "thermo")
            client.add_sender("valve", requests={"close": lambda _params: client.close()})
            if use == "listener":
                server.add_sender("thermo", "reading").trigger("reading")
            else:
                with pytest.raises(sigcore.RequestError):
                    server.request("valve", "close", timeout=LIMIT_S)
            assert client.wait_closed(LIMIT_S)

    async def scenario(server: sigcore.aio.ServerRouter, client: sigcore.aio.ClientRouter) -> None:
        async def close(_info: EventInfo, _data: Any) -> None:
            await client.close()

        await client.add_listener(close, "thermo")
        (await server.add_sender("thermo", "reading")).trigger("reading")
        await client.wait_closed()

    in_asyncio_world(scenario)


def test_an_async_def_handler_of_a_blocking_router_gets_wrongthread_from_a_call_that_would_wait() -> None:
    with blocking_world() as (server, client):

        async def ask(_params: Any) -> None:
            client.request("clock", "now")

        client.add_sender("thermo", requests={"ask": ask})
        with pytest.raises(sigcore.RequestFailed, match="WrongThread"):
            server.request("thermo", "ask")


# when one raises


def test_a_listener_that_raises_stops_neither_the_other_listeners_nor_the_trigger() -> None:
    with blocking_world() as (server, client):
        heard = Heard()
        for callback in (fail, heard, fail, heard):
            client.add_listener(callback, "thermo")
            server.add_listener(callback, "thermo")
        server.add_sender("thermo", "reading").trigger("reading")
        heard.wait(4)


def test_what_a_listener_raises_is_given_to_on_error_and_logged_with_its_traceback_once_in_ten_seconds_for_each_type(
    caplog: pytest.LogCaptureFixture,
) -> None:
    errors = Errors()
    with sigcore.ServerRouter(URL) as server, sigcore.ClientRouter(URL, on_error=errors) as client:
        listener = client.add_listener(fail, "thermo", "reading")
        thermo = server.add_sender("thermo", "reading")
        thermo.trigger("reading")
        thermo.trigger("reading")
        error, _again = errors.wait(2)
    assert isinstance(error, sigcore.ListenerError)
    assert (error.listener, error.info.sender, error.info.event) == (listener, "thermo", "reading")
    assert isinstance(error.__cause__, ValueError)
    (record,) = [record for record in caplog.records if record.exc_info]
    assert record.exc_info is not None
    assert record.exc_info[1] is error.__cause__
    assert "fail" in record.getMessage()
    assert "'thermo'" in record.getMessage()


def test_a_listener_that_raises_cancellederror_has_failed_like_any_other() -> None:
    def cancel(_info: EventInfo, _data: Any) -> None:
        raise asyncio.CancelledError

    async def cancel_later(_info: EventInfo, _data: Any) -> None:
        raise asyncio.CancelledError

    async def scenario() -> None:
        errors = Errors()
        heard = Heard()
        router = sigcore.aio.Router(on_error=errors)
        for callback in (cancel, cancel_later, heard):
            await router.add_listener(callback, "thermo")
        (await router.add_sender("thermo", "reading")).trigger("reading", 1)
        await until(lambda: len(errors.data) == 2, "both have failed")
        assert heard.data == [1]

    asyncio.run(scenario())


def test_an_async_def_listener_that_raises_gets_the_next_event_all_the_same() -> None:
    async def scenario(server: sigcore.aio.ServerRouter, client: sigcore.aio.ClientRouter) -> None:
        heard: list[int] = []

        async def fail_on_even(_info: EventInfo, data: int) -> None:
            heard.append(data)
            if data % 2 == 0:
                raise ValueError("as it must")

        await client.add_listener(fail_on_even, "thermo")
        thermo = await server.add_sender("thermo", "reading")
        for number in range(4):
            thermo.trigger("reading", number)
        await until(lambda: heard == [0, 1, 2, 3], "all are heard")

    in_asyncio_world(scenario)


def test_an_async_def_listener_that_cancels_its_own_task_gets_the_next_event_all_the_same() -> None:
    async def scenario(server: sigcore.aio.ServerRouter, client: sigcore.aio.ClientRouter) -> None:
        heard: list[int] = []

        async def cancel_itself(_info: EventInfo, data: int) -> None:
            heard.append(data)
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            await asyncio.sleep(LIMIT_S)

        await client.add_listener(cancel_itself, "thermo")
        thermo = await server.add_sender("thermo", "reading")
        for number in range(3):
            thermo.trigger("reading", number)
            await until(lambda: heard and heard[-1] == number, "it is heard")  # noqa: B023  # called before the next
        assert heard == [0, 1, 2]

    in_asyncio_world(scenario)


def test_in_the_main_thread_keyboardinterrupt_and_systemexit_reach_whoever_triggers() -> None:
    for ending in (KeyboardInterrupt, SystemExit):

        def end(_info: EventInfo, _data: Any, ending: type[BaseException] = ending) -> None:
            raise ending

        router = Router()
        router.add_listener(end, "thermo")
        thermo = router.add_sender("thermo", "reading")
        with pytest.raises(ending):
            thermo.trigger("reading")


def test_in_another_thread_they_end_no_program_and_are_a_listener_s_failure_like_any_other() -> None:
    def end(_info: EventInfo, data: type[BaseException]) -> None:
        raise data

    errors, heard = Errors(), Heard()
    router = Router(on_error=errors)
    router.add_listener(end, "thermo")
    router.add_listener(heard, "thermo")
    thermo = router.add_sender("thermo", "reading")
    for ending in (KeyboardInterrupt, SystemExit):
        in_thread(lambda: thermo.trigger("reading", ending))  # noqa: B023  # called before the next
    assert heard.data == [type(error.__cause__) for error in errors.data] == [KeyboardInterrupt, SystemExit]


def test_nothing_that_a_listener_raises_on_a_thread_of_a_blocking_router_keeps_another_from_an_event(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def raise_it(_info: EventInfo, data: int) -> None:
        raise raised[data]

    class Broken(Exception):
        def __str__(self) -> str:
            raise ValueError("not even its text can be had")

    raised = [SystemExit(), KeyboardInterrupt(), GeneratorExit(), asyncio.CancelledError(), Broken(), BaseException()]
    with blocking_world() as (server, client):
        for here, there in ((server, client), (client, server)):
            before, behind = Heard(), Heard()
            here.add_listener(before, "thermo")
            with here.add_listener(raise_it, "thermo") as listener, there.add_sender("thermo", "reading") as thermo:
                here.add_listener(behind, "thermo")
                for number in range(len(raised)):
                    thermo.trigger("reading", number)
                for heard in (before, behind):
                    assert heard.wait(len(raised)) == list(range(len(raised)))
                assert not listener.removed
    for error in raised:
        assert type(error).__name__ in caplog.text


def test_whatever_a_handler_raises_reaches_the_router_that_asks_as_requestfailed() -> None:
    raised = [ValueError("x"), SystemExit(), KeyboardInterrupt(), asyncio.CancelledError(), sigcore.SenderLost("x")]

    def plain(params: int) -> None:
        raise raised[params]

    async def other(params: int) -> None:
        raise raised[params]

    with blocking_world() as (server, client):
        client.add_sender("thermo", requests={"plain": plain, "other": other})
        for number, error in enumerate(raised):
            for method in ("plain", "other"):
                with pytest.raises(sigcore.RequestFailed, match=type(error).__name__):
                    server.request("thermo", method, number)


def test_a_requestfailed_that_a_handler_raises_itself_reaches_the_router_that_asks_in_its_own_words() -> None:
    def plain(_params: None) -> None:
        raise sigcore.RequestFailed("the valve is stuck")

    async def other(_params: None) -> None:
        raise sigcore.RequestFailed("the valve is stuck")

    with blocking_world() as (server, client):
        client.add_sender("thermo", requests={"plain": plain, "other": other})
        for router in (server, client):
            for method in ("plain", "other"):
                with pytest.raises(sigcore.RequestFailed) as caught:
                    router.request("thermo", method)
                assert str(caught.value) == "the valve is stuck"


def test_an_on_error_that_raises_is_logged_and_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    def worse(_error: Exception) -> None:
        raise RuntimeError("on_error is broken")

    heard = Heard()
    with sigcore.ServerRouter(URL) as server, sigcore.ClientRouter(URL, on_error=worse) as client:
        client.add_listener(fail, "thermo")
        client.add_listener(heard, "thermo")
        thermo = server.add_sender("thermo", "reading")
        for number in range(3):
            thermo.trigger("reading", number)
        assert heard.wait(3) == [0, 1, 2]
    assert "on_error is broken" in caplog.text


# when one takes long


def test_a_listener_of_a_blocking_router_that_blocks_delays_that_router_s_events_and_nothing_else() -> None:
    with blocking_world(heartbeat=0.1, dead_after=0.4) as (server, client), sigcore.ClientRouter(URL) as other:
        gate, delayed, elsewhere = Gate(), Heard(), Heard()
        client.add_listener(gate, "thermo")
        client.add_listener(delayed, "clock")
        other.add_listener(elsewhere, "clock")
        client.add_sender("valve", requests={"open": lambda _params: "opened"})
        server.add_sender("thermo", "reading", {"unit": lambda _params: "C"}).trigger("reading")
        gate.wait_for()
        clock = server.add_sender("clock", "tick")
        round_trips: list[float] = []
        until_s = time.monotonic() + 1.0  # far longer than a link lives without signs of life
        while time.monotonic() < until_s:
            clock.trigger("tick", len(round_trips))
            began_s = time.monotonic()
            assert server.request("valve", "open") == "opened"
            assert client.request("thermo", "unit") == "C"
            assert other.request("thermo", "unit") == "C"
            round_trips.append(time.monotonic() - began_s)
        assert statistics.median(round_trips) < 0.05
        assert elsewhere.wait(len(round_trips)) == list(range(len(round_trips)))
        assert delayed.data == []
        assert client.connected
        gate.opened.set()
        assert delayed.wait(len(round_trips)) == list(range(len(round_trips)))
        assert client.counters == server.counters == {}


def test_a_listener_that_never_returns_does_not_keep_its_blocking_router_from_closing() -> None:
    gate = Gate()
    with blocking_world() as (server, client):
        client.add_listener(gate, "thermo")
        server.add_sender("thermo", "reading").trigger("reading")
        gate.wait_for()
        in_thread(client.close)
        in_thread(server.close)
        gate.opened.set()


def test_a_handler_that_never_returns_holds_one_thread_of_eight_and_no_other_request() -> None:
    gate = Gate()
    with blocking_world() as (server, client):
        client.add_sender("thermo", requests={"hang": gate, "unit": lambda _params: "C"})
        asking = asking_threads(HANDLER_THREADS - 1, server, "hang")
        gate.wait_for(HANDLER_THREADS - 1)
        assert server.request("thermo", "unit") == "C"
        gate.opened.set()
        for thread in asking:
            thread.join(LIMIT_S)


def test_an_async_def_listener_that_never_returns_delays_its_own_events_and_nobody_else_s() -> None:
    async def scenario(server: sigcore.aio.ServerRouter, client: sigcore.aio.ClientRouter) -> None:
        never, heard, begun = asyncio.Event(), Heard(), Heard()

        async def hang(info: EventInfo, data: Any) -> None:
            begun(info, data)
            await never.wait()

        await client.add_listener(hang, "thermo")
        await client.add_listener(heard, "thermo")
        thermo = await server.add_sender("thermo", "reading", {"unit": lambda _params: "C"})
        for number in range(100):
            thermo.trigger("reading", number)
        await until(lambda: heard.data == list(range(100)), "the other hears all")
        assert await client.request("thermo", "unit") == "C"
        assert begun.data == [0]

    in_asyncio_world(scenario)


def test_an_async_def_listener_whose_queue_is_full_holds_up_its_router_unless_its_policy_drops_events() -> None:
    async def scenario(server: sigcore.aio.ServerRouter, client: sigcore.aio.ClientRouter) -> None:
        never, heard = asyncio.Event(), Heard()

        async def hang(_info: EventInfo, _data: Any) -> None:
            await never.wait()

        thermo = await server.add_sender("thermo", "reading", {"unit": lambda _params: "C"})
        hygro = await server.add_sender("hygro", "reading")
        await client.add_listener(heard, "hygro")
        with await client.add_listener(hang, "thermo", policy="drop_newest", on_gap=lambda _info, _gap: None):
            for number in range(2_000):
                thermo.trigger("reading", number)
            hygro.trigger("reading", "while events are dropped")
            await until(lambda: heard.data, "the other hears all")
        beside = Heard()
        with await client.add_listener(hang, "thermo"), await client.add_listener(beside, "thermo"):
            for number in range(2_000):
                thermo.trigger("reading", number)
            hygro.trigger("reading", "while everything waits")
            await until(lambda: len(beside.data) == 1_000, "the queue is full")
            assert await client.request("thermo", "unit") == "C"
            assert heard.data == ["while events are dropped"]
            never.set()
            await until(lambda: len(heard.data) == 2, "the other hears all")
            assert len(beside.data) == 2_000

    in_asyncio_world(scenario)


def test_a_plain_listener_of_an_asyncio_router_that_blocks_holds_up_its_loop() -> None:
    async def scenario(server: sigcore.aio.ServerRouter, client: sigcore.aio.ClientRouter) -> None:
        turns: list[str] = []

        def block(_info: EventInfo, _data: Any) -> None:
            asyncio.get_running_loop().call_soon(turns.append, "the loop")
            time.sleep(0.05)
            turns.append("the listener")

        await client.add_listener(block, "thermo")
        (await server.add_sender("thermo", "reading")).trigger("reading")
        await until(lambda: len(turns) == 2, "both had their turn")
        assert turns == ["the listener", "the loop"]

    in_asyncio_world(scenario)


def test_a_call_that_holds_a_loop_is_logged_while_it_does_with_its_stack(caplog: pytest.LogCaptureFixture) -> None:
    def records() -> list[logging.LogRecord]:
        return [record for record in caplog.records if record.name == "sigcore.watchdog"]

    def hold_the_loop(_info: EventInfo, _data: Any) -> None:
        wait_until(records, "it is logged while the listener runs")

    async def scenario(server: sigcore.aio.ServerRouter, client: sigcore.aio.ClientRouter) -> None:
        await client.add_listener(hold_the_loop, "thermo")
        (await server.add_sender("thermo", "reading")).trigger("reading")
        await until(records, "the listener is called")

    in_asyncio_world(scenario, slow_callback=0.1)
    assert "in hold_the_loop" in str(records()[0].stack_info)


def test_a_listener_that_holds_the_thread_of_a_blocking_router_is_logged_while_it_does_with_its_stack(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def records() -> list[logging.LogRecord]:
        return [record for record in caplog.records if record.name == "sigcore.watchdog"]

    done = Heard()

    def hold_the_thread(info: EventInfo, data: Any) -> None:
        wait_until(records, "it is logged while the listener runs")
        done(info, data)

    monkeypatch.setattr("sigcore._loop_thread.SLOW_LISTENER_S", 0.1)
    with blocking_world() as (server, client):
        client.add_listener(hold_the_thread, "thermo")
        server.add_sender("thermo", "reading").trigger("reading")
        done.wait(1)
    (record,) = records()
    assert "in hold_the_thread" in str(record.stack_info)


# when one changes what is under way


def test_a_listener_may_remove_itself_and_hears_nothing_more() -> None:
    with blocking_world() as (server, client):
        heard, last = Heard(), Heard()

        def once(info: EventInfo, data: int) -> None:
            heard(info, data)
            listener.remove()

        listener = client.add_listener(once, "thermo")
        client.add_listener(last, "thermo")
        thermo = server.add_sender("thermo", "reading")
        for number in range(3):
            thermo.trigger("reading", number)
        last.wait(3)
        assert heard.data == [0]


def test_a_listener_removed_while_an_event_is_on_its_way_may_hear_that_one_and_no_later_one() -> None:
    with blocking_world() as (server, client):
        heard, last = Heard(), Heard()

        def remove(_info: EventInfo, data: int) -> None:
            if data == 1:
                listener.remove()

        client.add_listener(remove, "thermo")
        listener = client.add_listener(heard, "thermo")
        client.add_listener(last, "thermo")
        thermo = server.add_sender("thermo", "reading")
        for number in range(4):
            thermo.trigger("reading", number)
        last.wait(4)
        assert heard.data in ([0], [0, 1])


def test_a_listener_added_while_an_event_is_on_its_way_hears_from_the_next_one_on() -> None:
    router = Router()
    heard = Heard()
    thermo = router.add_sender("thermo", "reading")
    router.add_listener(lambda _info, data: data == 1 and router.add_listener(heard, "thermo"), "thermo")
    for number in range(4):
        thermo.trigger("reading", number)
    assert heard.data == [2, 3]


def test_a_listener_may_trigger_the_event_that_it_hears() -> None:
    with blocking_world() as (server, client):
        heard = Heard()
        thermo = client.add_sender("thermo", "reading").signal("reading")

        def count_down(_info: EventInfo, data: int) -> None:
            if data:
                thermo.trigger(data - 1)

        client.add_listener(count_down, "thermo")
        server.add_listener(heard, "thermo")
        thermo.trigger(50)
        assert heard.wait(51) == list(range(50, -1, -1))


def test_what_a_listener_triggers_reaches_the_listeners_after_it_before_the_event_that_it_hears_does() -> None:
    router = Router()
    heard = Heard()
    thermo = router.add_sender("thermo", "reading").signal("reading")
    router.add_listener(triggering_once(thermo), "thermo")
    router.add_listener(heard, "thermo")
    thermo.trigger("outer")
    assert heard.data == ["inner", "outer"]


def test_other_routers_get_the_two_in_the_order_in_which_they_were_triggered() -> None:
    with blocking_world() as (server, client):
        heard = Heard()
        server.add_listener(heard, "thermo")
        thermo = client.add_sender("thermo", "reading").signal("reading")
        client.add_listener(triggering_once(thermo), "thermo")
        thermo.trigger("outer")
        assert heard.wait(2) == ["outer", "inner"]


def test_a_listener_that_triggers_itself_without_end_fails_with_a_recursionerror_and_nothing_else_does() -> None:
    errors = Errors()
    router = Router(on_error=errors)
    heard = Heard()
    thermo = router.add_sender("thermo", ["reading", "other"])
    router.add_listener(lambda _info, _data: thermo.trigger("reading"), "thermo", "reading")
    router.add_listener(heard, "thermo", "other")
    thermo.trigger("reading")
    assert errors.data
    assert {type(error.__cause__) for error in errors.data} == {RecursionError}
    thermo.trigger("other", 1)
    assert heard.data == [1]
