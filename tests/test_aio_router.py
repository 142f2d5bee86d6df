# SPDX-License-Identifier: MIT
"""The asyncio router of one process: as the plain one, and with listeners and handlers that are ``async def``."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

import sigcore
from sigcore import EventInfo
from sigcore.aio import Router

LIMIT_S = 5.0

pytestmark = pytest.mark.usefixtures("nothing_left")

Scenario = Callable[[Router], Awaitable[None]]


def run(scenario: Scenario, **options: Any) -> None:
    """Run a scenario with a router, bounded."""

    async def bounded() -> None:
        async with asyncio.timeout(LIMIT_S), Router(**options) as router:
            await scenario(router)

    asyncio.run(bounded())


class Gate:
    """An ``async def`` listener that is held until it is let through."""

    def __init__(self) -> None:
        self.heard: list[Any] = []
        self.opened = asyncio.Event()
        self._changed = asyncio.Event()

    async def __call__(self, _info: EventInfo, data: Any) -> None:
        await self.opened.wait()
        self.heard.append(data)
        self._changed.set()

    async def until(self, last: Any) -> None:
        """Wait until ``last`` was heard."""
        while last not in self.heard[-1:]:
            self._changed.clear()
            await self._changed.wait()


def test_plain_listeners_run_inline_and_async_ones_keep_their_order() -> None:
    async def scenario(router: Router) -> None:
        thermo = await router.add_sender("thermo", "reading")
        plain: list[int] = []
        gate = Gate()
        await router.add_listener(lambda _info, data: plain.append(data), "thermo", "reading")
        await router.add_listener(gate, "thermo", "reading")
        for number in range(100):
            thermo.trigger("reading", number)
        assert plain == list(range(100))
        assert gate.heard == []
        gate.opened.set()
        await gate.until(99)
        assert gate.heard == list(range(100))

    run(scenario)


def test_an_async_listener_that_is_slow_holds_up_no_other() -> None:
    async def scenario(router: Router) -> None:
        thermo = await router.add_sender("thermo", "reading")
        slow, quick = Gate(), Gate()
        quick.opened.set()
        for gate in (slow, quick):
            await router.add_listener(gate, "thermo")
        thermo.trigger("reading", 1)
        await quick.until(1)
        assert slow.heard == []

    run(scenario)


def test_a_slow_async_listener_keeps_a_thousand_events_and_the_loss_of_older_ones_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario(router: Router) -> None:
        thermo = await router.add_sender("thermo", "reading")
        gate = Gate()
        await router.add_listener(gate, "thermo")
        thermo.trigger("reading", "first")
        await asyncio.sleep(0)  # the first is being awaited and is not in the queue any more
        for number in range(1_500):
            thermo.trigger("reading", number)
        gate.opened.set()
        await gate.until(1_499)
        assert gate.heard == ["first", *range(500, 1_500)]

    run(scenario)
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "lost an event 'reading' of sender 'thermo' (overflow)" in record.getMessage()


def test_an_async_listener_that_raises_is_reported_and_goes_on() -> None:
    errors: list[Exception] = []

    async def scenario(router: Router) -> None:
        thermo = await router.add_sender("thermo", "reading")
        heard = asyncio.Event()

        async def hear(_info: EventInfo, data: Any) -> None:
            if data == 1:
                raise ValueError("cannot take 1")
            heard.set()

        listener = await router.add_listener(hear, "thermo", "reading")
        thermo.trigger("reading", 1)
        thermo.trigger("reading", 2)
        await heard.wait()
        (error,) = errors
        assert isinstance(error, sigcore.ListenerError)
        assert error.listener is listener
        assert isinstance(error.__cause__, ValueError)

    run(scenario, on_error=errors.append)


def test_an_async_listener_may_use_the_router_and_remove_itself() -> None:
    async def scenario(router: Router) -> None:
        thermo = await router.add_sender("thermo", "reading", {"unit": lambda _params: "C"})
        heard: list[Any] = []
        done = asyncio.Event()

        async def once(_info: EventInfo, _data: Any) -> None:
            heard.append(await router.request("thermo", "unit"))
            async with asyncio.timeout(1):
                await router.add_listener(lambda _info, data: heard.append(data), "thermo")
            listener.remove()
            thermo.trigger("reading", "again")
            done.set()

        listener = await router.add_listener(once, "thermo", "reading")
        thermo.trigger("reading", "first")
        thermo.trigger("reading", "waiting in the queue")
        await done.wait()
        assert heard == ["C", "again"]

    run(scenario)


def test_on_and_presence_take_async_functions_too() -> None:
    async def scenario(router: Router) -> None:
        came = asyncio.Event()

        @router.on(event="#connect")
        async def greet(_info: EventInfo, data: sigcore.SenderInfo) -> None:
            if data.name == "thermo":
                came.set()

        await router.add_sender("thermo")
        await came.wait()
        assert asyncio.iscoroutinefunction(greet)

    run(scenario)


def test_typed_async_listeners_get_objects() -> None:
    async def scenario(router: Router) -> None:
        thermo = await router.add_sender("thermo", "reading")
        heard: asyncio.Queue[int] = asyncio.Queue()

        async def hear(_info: EventInfo, data: int) -> None:
            heard.put_nowait(data)

        await router.add_listener(hear, "thermo", "reading", type=int)
        thermo.trigger("reading", "no number")
        thermo.trigger("reading", 5)
        assert await heard.get() == 5

    run(scenario)


# requests


def test_handlers_may_be_plain_or_async() -> None:
    async def later(params: int) -> int:
        await asyncio.sleep(0)
        return params + 1

    async def other(method: str, params: int) -> list[Any]:
        return [method, params]

    async def scenario(router: Router) -> None:
        await router.add_sender("math", requests={"later": later, "now": lambda params: params * 2}, fallback=other)
        assert await router.request("math", "later", 1) == 2
        assert await router.request("math", "now", 1) == 2
        assert await router.request("math", "else", 1) == ["else", 1]

    run(scenario)


def test_a_request_that_takes_too_long_ends_and_its_handler_is_cancelled() -> None:
    async def scenario(router: Router) -> None:
        cancelled = asyncio.Event()

        async def wait(_params: Any) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.set()

        await router.add_sender("thermo", requests={"wait": wait})
        with pytest.raises(sigcore.RequestTimeout, match=r"'wait' within 0\.01 s") as caught:
            await router.request("thermo", "wait", timeout=0.01)
        assert isinstance(caught.value, TimeoutError)
        assert cancelled.is_set()

    run(scenario)


def test_a_handler_s_own_timeout_is_its_failure_and_not_the_request_s() -> None:
    async def fail(_params: Any) -> None:
        raise TimeoutError("the sensor did not answer")

    async def scenario(router: Router) -> None:
        await router.add_sender("thermo", requests={"fail": fail})
        with pytest.raises(sigcore.RequestFailed, match="the sensor did not answer") as caught:
            await router.request("thermo", "fail")
        assert isinstance(caught.value.__cause__, TimeoutError)

    run(scenario)


def test_cancelling_whoever_asks_cancels_the_request() -> None:
    async def scenario(router: Router) -> None:
        begun, ended = asyncio.Event(), asyncio.Event()

        async def wait(_params: Any) -> None:
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

        await router.add_sender("thermo", requests={"wait": wait})
        asking = asyncio.create_task(router.request("thermo", "wait", timeout=None))
        await begun.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert ended.is_set()

    run(scenario)


def test_nobody_there_is_said_as_in_the_plain_router() -> None:
    async def scenario(router: Router) -> None:
        with pytest.raises(sigcore.SenderNotFound):
            await router.request("thermo", "x")
        await router.add_sender("thermo")
        with pytest.raises(sigcore.MethodNotFound):
            await router.request("thermo", "x")
        with pytest.raises(sigcore.SenderExists):
            await router.add_sender("thermo")

    run(scenario)


def test_in_one_process_the_caller_is_nobody_else() -> None:
    async def who(_params: Any) -> Any:
        return sigcore.caller()

    async def scenario(router: Router) -> None:
        await router.add_sender("thermo", requests={"who": who})
        assert await router.request("thermo", "who") is None

    run(scenario)


# streams


def test_a_stream_is_read_with_async_for_and_ends_when_it_is_closed() -> None:
    async def scenario(router: Router) -> None:
        thermo = await router.add_sender("thermo", "reading")
        async with router.listen("thermo", "reading") as readings:
            for number in range(3):
                thermo.trigger("reading", number)
            asyncio.get_running_loop().call_later(0.01, readings.close)
            got = [data async for _info, data in readings]
        assert got == [0, 1, 2]
        thermo.trigger("reading", 4)
        with pytest.raises(sigcore.StreamClosed):
            await readings.get()

    run(scenario)


def test_a_stream_that_is_full_drops_its_oldest_and_counts_them(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(router: Router) -> None:
        thermo = await router.add_sender("thermo", "reading")
        async with router.listen("thermo", size=2) as readings:
            for number in range(5):
                thermo.trigger("reading", number)
            assert readings.dropped == 3
            assert [(await readings.get())[1] for _ in range(2)] == [3, 4]
            with pytest.raises(sigcore.StreamTimeout):
                await readings.get(timeout=0.01)

    run(scenario)
    assert len(caplog.records) == 1


def test_a_reader_that_is_cancelled_takes_no_event_from_another() -> None:
    async def scenario(router: Router) -> None:
        thermo = await router.add_sender("thermo", "reading")
        stream = router.listen("thermo")
        first, second = (asyncio.create_task(stream.get()) for _ in range(2))
        await asyncio.sleep(0)
        await asyncio.sleep(0)  # both wait
        thermo.trigger("reading", 1)
        first.cancel()  # woken, and cancelled before it could read
        assert (await second)[1] == 1
        with pytest.raises(asyncio.CancelledError):
            await first

    run(scenario)


def test_a_reader_that_is_cancelled_just_before_an_event_comes_ends_as_cancelled() -> None:
    async def scenario(router: Router) -> None:
        thermo = await router.add_sender("thermo", "reading")
        stream = router.listen("thermo")
        reader = asyncio.create_task(stream.get())
        await asyncio.sleep(0)  # it waits
        reader.cancel()
        thermo.trigger("reading", 1)
        with pytest.raises(asyncio.CancelledError):
            await reader
        assert (await stream.get())[1] == 1

    run(scenario)


def test_closing_the_router_ends_its_streams_and_its_async_listeners() -> None:
    gates: list[Gate] = []

    async def scenario() -> None:
        async with asyncio.timeout(LIMIT_S):
            router = Router()
            async with router:
                thermo = await router.add_sender("thermo", "reading")
                gates.append(Gate())
                await router.add_listener(gates[0], "thermo")
                stream = router.listen("thermo")
                reading = asyncio.create_task(stream.get())
                await asyncio.sleep(0)
                closing = asyncio.create_task(router.wait_closed())
                thermo.trigger("reading", 1)
                await asyncio.sleep(0)
            assert (await reading)[1] == 1
            assert [item async for item in stream] == []
            await closing
            assert len(asyncio.all_tasks()) == 1

    asyncio.run(scenario())
    assert gates[0].heard == []


def test_an_async_listener_may_close_its_own_router() -> None:
    async def scenario() -> None:
        async with asyncio.timeout(LIMIT_S):
            router = Router()
            await router.open()
            thermo = await router.add_sender("thermo", "reading")

            async def close(_info: EventInfo, _data: Any) -> None:
                await router.close()

            await router.add_listener(close, "thermo")
            thermo.trigger("reading")
            await router.wait_closed()

    asyncio.run(scenario())
    gc.collect()
