# SPDX-License-Identifier: MIT
"""Every request ends, on time, with an error that tells what became of it; and its handler learns of that too."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, ExitStack
from contextvars import ContextVar
from typing import Any

import pytest

import sigcore
import sigcore.aio
from sigcore import Router
from sigcore._open_request import OpenRequest
from sigcore.aio._answering import HANDLER_THREADS, MAX_AWAITED, MAX_WAITING, Answering
from sigcore.aio._question import Question
from sigcore.aio._router import AsyncCore

from .waiting import LIMIT_S, wait_until

SOON_S = 0.05
JSON = sigcore.load_codec("json")

pytestmark = pytest.mark.usefixtures("nothing_left")


async def until(predicate: Callable[[], object], what: str) -> None:
    """Return once ``predicate`` holds; fail with ``what`` when the time is over."""
    async with asyncio.timeout(LIMIT_S):
        while not predicate():  # noqa: ASYNC110  # what is waited for is set from other threads too
            await asyncio.sleep(0.002)
    assert predicate(), what


def work_until_cancelled(_params: Any = None) -> str:
    """Be a plain handler that looks whether anybody still waits for it."""
    wait_until(sigcore.cancelled, "the handler is told that nobody waits")
    return "stopped"


# what a handler may ask, in one process


def test_a_handler_sees_its_time_run_out() -> None:
    router = Router()
    seen: list[float | None] = []

    def handler(_params: Any) -> None:
        seen.append(sigcore.time_left())
        wait_until(lambda: sigcore.time_left() != seen[0], "time passes")
        seen.append(sigcore.time_left())

    router.add_sender("thermo", requests={"look": handler})
    router.request("thermo", "look", timeout=5.0)
    before, after = seen
    assert before is not None
    assert after is not None
    assert 5.0 >= before > after > 0.0


@pytest.mark.parametrize("timeout", [None, 5.0])
def test_a_request_without_a_limit_has_no_time_left_to_tell(timeout: float | None) -> None:
    router = Router()
    router.add_sender("thermo", requests={"look": lambda _params: sigcore.time_left()})
    assert (router.request("thermo", "look", timeout=timeout) is None) == (timeout is None)


def test_outside_of_a_handler_nothing_is_cancelled_and_no_time_runs() -> None:
    assert sigcore.cancelled() is False
    assert sigcore.time_left() is None
    router = Router()
    router.add_sender("thermo", requests={"look": lambda _params: None})
    router.request("thermo", "look", timeout=SOON_S)
    assert sigcore.time_left() is None


def test_a_plain_handler_in_the_caller_s_thread_learns_that_its_time_is_over() -> None:
    router = Router()
    router.add_sender("thermo", requests={"work": work_until_cancelled})
    assert router.request("thermo", "work", timeout=SOON_S) == "stopped"


def test_the_time_left_may_be_handed_on_to_the_next_request() -> None:
    router = Router()
    router.add_sender("valve", requests={"open": lambda _params: sigcore.time_left()})
    router.add_sender(
        "thermo", requests={"open": lambda _params: router.request("valve", "open", timeout=sigcore.time_left())}
    )
    assert 0.0 < router.request("thermo", "open", timeout=3.0) <= 3.0


def test_a_handler_that_asks_in_turn_gets_its_own_request_back() -> None:
    router = Router()
    router.add_sender("valve", requests={"open": lambda _params: sigcore.time_left()})

    def open_the_valve(_params: Any) -> float | None:
        router.request("valve", "open", timeout=None)
        return sigcore.time_left()

    router.add_sender("thermo", requests={"open": open_the_valve})
    assert 0.0 < router.request("thermo", "open", timeout=3.0) <= 3.0


@pytest.mark.parametrize("timeout", [0, -1.0])
def test_a_request_without_any_time_is_never_executed(timeout: float) -> None:
    begun: list[Any] = []
    router = Router()
    router.add_sender("thermo", requests={"work": begun.append})
    with pytest.raises(sigcore.RequestTimeout, match="not called"):
        router.request("thermo", "work", timeout=timeout)

    async def scenario() -> None:
        router = sigcore.aio.Router()
        await router.add_sender("thermo", requests={"work": begun.append})
        with pytest.raises(sigcore.RequestTimeout, match="not called"):
            await router.request("thermo", "work", timeout=timeout)

    asyncio.run(scenario())
    assert begun == []


class Sleeper:
    """An ``async def`` handler that sleeps until it is cancelled, and a thread of its own that looks too."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.ended: list[str] = []
        self.thread: asyncio.Future[str]

    async def __call__(self, _params: Any) -> None:
        self.thread = asyncio.ensure_future(asyncio.to_thread(work_until_cancelled))
        self.begun.set()
        try:
            await asyncio.shield(self.thread)
        except asyncio.CancelledError:
            self.ended.append("cancelled")
            raise


def test_a_request_that_is_cancelled_cancels_its_async_handler_and_tells_its_threads() -> None:
    async def scenario() -> None:
        handler = Sleeper()
        router = sigcore.aio.Router()
        await router.add_sender("thermo", requests={"sleep": handler})
        asking = asyncio.create_task(router.request("thermo", "sleep"))
        await handler.begun.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert handler.ended == ["cancelled"]
        assert await handler.thread == "stopped"

    asyncio.run(scenario())


def test_an_async_handler_in_one_process_is_cancelled_when_its_time_is_over() -> None:
    async def scenario() -> None:
        handler = Sleeper()
        router = sigcore.aio.Router()
        await router.add_sender("thermo", requests={"sleep": handler})
        with pytest.raises(sigcore.RequestTimeout):
            await router.request("thermo", "sleep", timeout=SOON_S)
        assert handler.ended == ["cancelled"]
        assert await handler.thread == "stopped"

    asyncio.run(scenario())


def test_what_a_handler_leaves_running_is_not_told_that_time_is_over_once_it_was_answered() -> None:
    async def scenario() -> None:
        looks: list[asyncio.Task[bool]] = []
        answered = asyncio.Event()

        async def look_later() -> bool:
            await answered.wait()
            await asyncio.sleep(2 * SOON_S)  # beyond the time of the request
            return sigcore.cancelled()

        async def handler(_params: Any) -> None:
            looks.append(asyncio.create_task(look_later()))

        router = sigcore.aio.Router()
        await router.add_sender("thermo", requests={"work": handler})
        await router.request("thermo", "work", timeout=SOON_S)
        answered.set()
        assert await looks[0] is False

    asyncio.run(scenario())


# on the side that answers


class Desk:
    """What answers the requests of links, with a sender ``thermo``, and what it answered to each."""

    def __init__(self, **requests: Callable[[Any], Any]) -> None:
        self._core = AsyncCore()
        self._core.add_sender("thermo", requests=requests)
        self._numbers = itertools.count()
        self.answering = Answering(self._core._senders.get, lambda: None, self._core._drops)
        self.answers: dict[Question, Any] = {}

    def ask(self, method: str, params: Any = None, timeout: float | None = None) -> Question:
        """Bring in a request; return it."""
        deadline_s = None if timeout is None else asyncio.get_running_loop().time() + timeout
        request = OpenRequest(None, timeout)
        question = Question(self, next(self._numbers), "thermo", method, JSON, JSON.encode(params), request, deadline_s)
        self.answering.answer(question)
        return question

    def reply(self, question: Question, result: bytes) -> None:
        self._take(question, JSON.decode(result))

    def refuse(self, question: Question, code: str, message: str) -> None:
        self._take(question, code)

    async def answer_to(self, call: Question) -> Any:
        await until(lambda: call in self.answers, f"request {call} is answered")
        return self.answers[call]

    def expired(self) -> int:
        """Return how many requests were counted that expired before they could begin."""
        return self._core._drops.counts().get("request_expired", 0)

    def _take(self, call: Question, answer: Any) -> None:
        assert call not in self.answers, "a request is answered once"
        self.answers[call] = answer


class Gate:
    """A plain handler that waits until it is opened, and counts who came in."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.begun: list[Any] = []

    def __call__(self, params: Any) -> Any:
        self.begun.append(params)
        assert self.open.wait(LIMIT_S)
        return params


def run_with_gate(scenario: Callable[[Desk, Gate], Awaitable[None]]) -> None:
    """Run a scenario with a desk whose method ``wait`` waits at a gate."""

    async def run() -> None:
        gate = Gate()
        desk = Desk(wait=gate, work=work_until_cancelled)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(desk.answering.close, set())
            stack.callback(gate.open.set)
            await scenario(desk, gate)

    asyncio.run(run())


async def fill_threads(desk: Desk, gate: Gate) -> list[Question]:
    """Have every thread wait at the gate; return the requests."""
    calls = [desk.ask("wait", "first") for _thread in range(HANDLER_THREADS)]
    await until(lambda: len(gate.begun) == HANDLER_THREADS, "every thread has something to do")
    return calls


def test_a_request_that_comes_too_late_is_refused_counted_and_never_executed() -> None:
    async def scenario(desk: Desk, gate: Gate) -> None:
        assert await desk.answer_to(desk.ask("wait", timeout=-1.0)) == "request_timeout"
        assert desk.expired() == 1
        assert gate.begun == []

    run_with_gate(scenario)


def test_a_request_whose_time_passes_while_it_waits_for_a_thread_is_refused_then_and_never_executed() -> None:
    async def scenario(desk: Desk, gate: Gate) -> None:
        calls = await fill_threads(desk, gate)
        late = desk.ask("wait", "late", timeout=SOON_S)
        in_time = desk.ask("wait", "in time", timeout=LIMIT_S)
        assert await desk.answer_to(late) == "request_timeout"
        assert not gate.open.is_set()  # it was told before a thread was free
        assert desk.expired() == 1
        gate.open.set()
        assert await desk.answer_to(in_time) == "in time"
        assert [await desk.answer_to(call) for call in calls] == ["first"] * HANDLER_THREADS
        assert "late" not in gate.begun

    run_with_gate(scenario)


def test_a_request_withdrawn_while_it_waits_for_a_thread_is_never_executed_nor_answered() -> None:
    async def scenario(desk: Desk, gate: Gate) -> None:
        await fill_threads(desk, gate)
        withdrawn = desk.ask("wait", "withdrawn")
        last = desk.ask("wait", "last")
        await asyncio.sleep(0)  # both wait now
        desk.answering.withdraw(withdrawn)
        gate.open.set()
        assert await desk.answer_to(last) == "last"
        assert "withdrawn" not in gate.begun
        assert withdrawn not in desk.answers

    run_with_gate(scenario)


def test_a_request_withdrawn_before_anything_happened_is_never_executed() -> None:
    async def scenario(desk: Desk, gate: Gate) -> None:
        desk.answering.withdraw(desk.ask("wait", "withdrawn"))
        gate.open.set()
        assert await desk.answer_to(desk.ask("wait", "next")) == "next"
        assert gate.begun == ["next"]

    run_with_gate(scenario)


def test_a_plain_handler_is_told_at_once_when_its_request_is_withdrawn() -> None:
    async def scenario() -> None:
        told: list[bool] = []
        begun = threading.Event()

        def work(_params: Any) -> None:
            begun.set()
            work_until_cancelled()
            told.append(sigcore.cancelled())

        desk = Desk(work=work)
        call = desk.ask("work")
        await until(begun.is_set, "the handler has begun")
        desk.answering.withdraw(call)
        await until(lambda: told, "the handler ends")
        assert told == [True]
        assert desk.answers == {}
        await desk.answering.close(set())

    asyncio.run(scenario())


def test_a_plain_handler_that_runs_over_its_time_is_told_and_so_is_the_one_who_asked() -> None:
    async def scenario(desk: Desk, _gate: Gate) -> None:
        assert await desk.answer_to(desk.ask("work", timeout=SOON_S)) == "request_timeout"
        assert desk.expired() == 0  # it was executed

    run_with_gate(scenario)


def test_an_async_handler_is_cancelled_at_the_deadline_and_when_withdrawn() -> None:
    async def scenario() -> None:
        handler = Sleeper()
        desk = Desk(sleep=handler)
        assert await desk.answer_to(desk.ask("sleep", timeout=SOON_S)) == "request_timeout"
        assert handler.ended == ["cancelled"]
        assert await handler.thread == "stopped"
        handler.begun.clear()
        call = desk.ask("sleep")
        await handler.begun.wait()
        desk.answering.withdraw(call)
        assert await handler.thread == "stopped"
        assert handler.ended == ["cancelled", "cancelled"]
        assert call not in desk.answers
        assert desk.expired() == 0

    asyncio.run(scenario())


def test_an_async_handler_that_does_not_let_itself_be_cancelled_answers_too_late_all_the_same() -> None:
    async def scenario() -> None:
        async def stubborn(_params: Any) -> str:
            try:
                await asyncio.sleep(LIMIT_S)
            except asyncio.CancelledError:
                return "done"
            return "slept"

        desk = Desk(sleep=stubborn)
        assert await desk.answer_to(desk.ask("sleep", timeout=SOON_S)) == "request_timeout"

    asyncio.run(scenario())


def test_an_async_handler_that_cancels_its_own_task_has_failed() -> None:
    async def scenario() -> None:
        async def cancel_itself(_params: Any) -> None:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            await asyncio.sleep(LIMIT_S)

        desk = Desk(cancel=cancel_itself)
        assert await desk.answer_to(desk.ask("cancel")) == "request_failed"

    asyncio.run(scenario())


def test_an_async_handler_that_waits_holds_up_none_that_came_with_it() -> None:
    async def scenario() -> None:
        gate = asyncio.Event()

        async def wait(params: Any) -> Any:
            await gate.wait()
            return params

        async def same(params: Any) -> Any:
            return params

        desk = Desk(wait=wait, same=same)
        waiting = [desk.ask("wait", "late") for _request in range(3)]
        others = [desk.ask("same", number) for number in range(3)]
        assert [await desk.answer_to(call) for call in others] == [0, 1, 2]
        assert not any(call in desk.answers for call in waiting)
        gate.set()
        assert [await desk.answer_to(call) for call in waiting] == ["late"] * 3
        await desk.answering.close(set())

    asyncio.run(scenario())


def test_async_handlers_of_one_turn_do_not_see_each_other_s_context() -> None:
    seen: ContextVar[str] = ContextVar("seen", default="nothing")

    async def scenario() -> None:
        async def look(params: str) -> list[Any]:
            before = seen.get()
            seen.set(params)
            if params == "waits":
                await asyncio.sleep(0)
            return [before, seen.get(), sigcore.time_left()]

        desk = Desk(look=look)
        calls = [desk.ask("look", params) for params in ("first", "waits", "last")]
        assert [await desk.answer_to(call) for call in calls] == [
            ["nothing", "first", None],
            ["nothing", "waits", None],
            ["nothing", "last", None],
        ]
        assert seen.get() == "nothing"
        assert sigcore.caller() is None
        await desk.answering.close(set())

    asyncio.run(scenario())


def test_an_async_handler_has_a_task_from_its_first_step_on() -> None:
    async def scenario() -> None:
        async def limit(_params: Any) -> str:
            try:
                async with asyncio.timeout(SOON_S):
                    await asyncio.sleep(LIMIT_S)
            except TimeoutError:
                return "its own time was over"
            return "slept"

        desk = Desk(limit=limit)
        assert await desk.answer_to(desk.ask("limit", timeout=LIMIT_S)) == "its own time was over"
        await desk.answering.close(set())

    asyncio.run(scenario())


def test_an_async_handler_that_cancels_its_own_task_and_returns_holds_up_none_behind_it() -> None:
    async def scenario() -> None:
        async def cancel_itself(_params: Any) -> None:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()

        async def same(params: Any) -> Any:
            await asyncio.sleep(0)
            return params

        desk = Desk(cancel=cancel_itself, same=same)
        desk.ask("cancel")
        assert await desk.answer_to(desk.ask("same", "behind it")) == "behind it"
        await desk.answering.close(set())

    asyncio.run(scenario())


@pytest.mark.parametrize("before", [-1, 0, 1])
def test_so_many_requests_may_run_or_wait_for_a_thread_and_the_next_is_told_busy_at_once(before: int) -> None:
    async def scenario(desk: Desk, gate: Gate) -> None:
        most = HANDLER_THREADS + MAX_WAITING
        for _request in range(most + before):
            desk.ask("wait")
        await asyncio.sleep(0)
        last = desk.ask("wait", "last")
        await asyncio.sleep(0)
        expected = {-1: 0, 0: 1, 1: 2}[before]  # beyond the limit, the one before the last is told too
        await until(lambda: len(desk.answers) == expected, "who is too many is told")
        assert (last in desk.answers) == (before >= 0)
        assert list(desk.answers.values()) == ["busy"] * expected
        gate.open.set()
        await until(lambda: len(desk.answers) == most + before + 1, "the others are answered")

    run_with_gate(scenario)


def test_requests_that_expired_or_were_withdrawn_leave_their_places_to_others() -> None:
    async def scenario(desk: Desk, gate: Gate) -> None:
        await fill_threads(desk, gate)
        expiring = [desk.ask("wait", timeout=SOON_S) for _request in range(MAX_WAITING // 2)]
        withdrawn = [desk.ask("wait") for _request in range(MAX_WAITING // 2)]
        await asyncio.sleep(0)
        for call in withdrawn:
            desk.answering.withdraw(call)
        for call in expiring:
            await desk.answer_to(call)
        again = [desk.ask("wait", "again") for _request in range(MAX_WAITING)]
        await asyncio.sleep(0)
        assert await desk.answer_to(desk.ask("wait")) == "busy"
        gate.open.set()
        assert {await desk.answer_to(call) for call in again} == {"again"}

    run_with_gate(scenario)


@pytest.mark.parametrize("before", [-1, 0, 1])
def test_so_many_async_handlers_may_run_and_the_next_request_is_told_busy_at_once(before: int) -> None:
    async def scenario() -> None:
        gate = asyncio.Event()

        async def wait(params: Any) -> Any:
            await gate.wait()
            return params

        desk = Desk(wait=wait)
        for _request in range(MAX_AWAITED + before):
            desk.ask("wait")
        last = desk.ask("wait", "last")
        expected = {-1: 0, 0: 1, 1: 2}[before]
        await until(lambda: len(desk.answers) == expected, "who is too many is told")
        assert (last in desk.answers) == (before >= 0)
        gate.set()
        await until(lambda: len(desk.answers) == MAX_AWAITED + before + 1, "the others are answered")
        assert await desk.answer_to(desk.ask("wait", "later")) == "later"  # and there is room again

    asyncio.run(scenario())


def test_closing_gives_up_what_runs() -> None:
    async def scenario() -> None:
        handler = Sleeper()
        begun, ended = threading.Event(), threading.Event()

        def work(_params: Any) -> None:
            begun.set()
            work_until_cancelled()
            ended.set()

        desk = Desk(sleep=handler, work=work)
        desk.ask("sleep")
        desk.ask("work")
        await handler.begun.wait()
        await until(begun.is_set, "the plain handler runs")
        await desk.answering.close(set())
        assert handler.ended == ["cancelled"]
        assert await handler.thread == "stopped"
        await until(ended.is_set, "the plain handler is told")

    asyncio.run(scenario())


# over links


class World:
    """A server, a client that answers as ``thermo``, and one that asks; all of the blocking form."""

    def __init__(self, endpoint: str, **requests: Callable[[Any], Any]) -> None:
        self._stack = ExitStack()
        self.server = self._stack.enter_context(sigcore.ServerRouter(endpoint))
        self.answerer = self._stack.enter_context(sigcore.ClientRouter(endpoint, name="answerer"))
        self.asker = self._stack.enter_context(sigcore.ClientRouter(endpoint, name="asker"))
        self.thermo = self.answerer.add_sender("thermo", requests=requests)

    def __enter__(self) -> World:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.__exit__(None, None, None)


def test_over_links_what_became_of_a_request_is_told_apart() -> None:
    gate = Gate()

    def fail(_params: Any) -> None:
        raise ValueError("too hot")

    with World("mem://outcomes", wait=gate, fail=fail) as world:
        for name, method in (("nobody", "wait"), ("thermo", "nothing")):
            with pytest.raises(sigcore.RequestRefused):
                world.asker.request(name, method)
        with pytest.raises(sigcore.RequestFailed, match="too hot"):
            world.asker.request("thermo", "fail")
        with pytest.raises(sigcore.RequestTimeout):
            world.asker.request("thermo", "wait", timeout=SOON_S)

        def leave() -> None:
            wait_until(lambda: len(gate.begun) == 2, "the handler runs")
            world.thermo.remove()

        leaving = threading.Thread(target=leave)
        leaving.start()
        with pytest.raises(sigcore.SenderLost):
            world.asker.request("thermo", "wait")
        leaving.join(LIMIT_S)
        gate.open.set()


@pytest.mark.parametrize("result", [object(), "x" * 2**21], ids=["no form", "too long"])
@pytest.mark.parametrize("is_async", [False, True], ids=["plain", "async"])
def test_over_links_a_result_that_cannot_be_sent_is_a_request_that_failed(result: Any, is_async: bool) -> None:
    async def give_later(_params: Any) -> Any:
        return result

    give = give_later if is_async else lambda _params: result
    with World("mem://unsendable", give=give) as world:
        world.server.add_sender("hall", requests={"give": give})
        for asker, sender in ((world.asker, "thermo"), (world.server, "thermo"), (world.asker, "hall")):
            with pytest.raises(sigcore.RequestFailed, match="the handler ran"):
                asker.request(sender, "give")


def test_over_links_parameters_that_cannot_be_sent_are_a_fault_of_the_call_and_nothing_runs() -> None:
    begun: list[Any] = []
    with World("mem://unsendable", take=begun.append) as world:
        for params, error in ((object(), sigcore.CodecError), ("x" * 2**21, sigcore.FrameTooLarge)):
            with pytest.raises(error) as caught:
                world.asker.request("thermo", "take", params)
            assert not isinstance(caught.value, sigcore.RequestError)
        with pytest.raises(sigcore.CodecError):
            world.server.request("thermo", "take", object())
    assert begun == []


def test_over_links_a_request_without_a_link_was_not_sent() -> None:
    with sigcore.ClientRouter("mem://nobody_listens", connect_timeout=None) as client:
        with pytest.raises(sigcore.NotSent) as caught:
            client.request("thermo", "work")
        assert isinstance(caught.value, sigcore.NotConnected)


def test_over_links_a_handler_learns_who_asks_and_that_the_time_is_over() -> None:
    seen: list[Any] = []

    def work(_params: Any) -> None:
        caller = sigcore.caller()
        work_until_cancelled()
        seen.append(caller.name if caller else None)

    with World("mem://time_over", work=work) as world:
        with pytest.raises(sigcore.RequestTimeout):
            world.asker.request("thermo", "work", timeout=SOON_S)
        wait_until(lambda: seen, "the handler ends")
        assert seen == ["asker"]


def test_over_links_a_handler_learns_that_whoever_asked_is_gone() -> None:
    gate = threading.Event()
    ended: list[str] = []

    def work(_params: Any) -> None:
        gate.set()
        ended.append(work_until_cancelled())

    with World("mem://gone", work=work) as world:

        def ask() -> None:
            with pytest.raises((sigcore.RouterClosed, sigcore.RequestError)):
                world.asker.request("thermo", "work", timeout=None)

        asking = threading.Thread(target=ask)
        asking.start()
        assert gate.wait(LIMIT_S)
        world.asker.close()
        asking.join(LIMIT_S)
        wait_until(lambda: ended, "the handler ends")


def test_over_links_cancelling_a_request_cancels_its_async_handler() -> None:
    async def scenario() -> None:
        handler = Sleeper()
        async with (
            sigcore.aio.ServerRouter("mem://cancelling") as server,
            sigcore.aio.ClientRouter("mem://cancelling") as client,
        ):
            await client.add_sender("thermo", requests={"sleep": handler})
            asking = asyncio.create_task(server.request("thermo", "sleep"))
            await handler.begun.wait()
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            assert await handler.thread == "stopped"
            await until(lambda: handler.ended, "the handler is cancelled")

    asyncio.run(scenario())


def test_over_links_an_async_handler_of_a_blocking_router_is_cancelled_when_its_time_is_over() -> None:
    ended: list[str] = []

    async def sleep(_params: Any) -> None:
        try:
            await asyncio.sleep(LIMIT_S)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    with World("mem://async_in_blocking", sleep=sleep) as world:
        for router in (world.asker, world.answerer):  # over links, and in the process that answers
            with pytest.raises(sigcore.RequestTimeout):
                router.request("thermo", "sleep", timeout=SOON_S)
        wait_until(lambda: len(ended) == 2, "both are cancelled")
