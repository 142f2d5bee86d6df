# SPDX-License-Identifier: MIT
"""Whatever listeners and handlers raise, also what is no ``Exception`` or has no text, costs nobody else a thing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import sigcore
import sigcore.aio
from sigcore import ClientRouter, EventInfo, ServerRouter

from .waiting import LIMIT_S, Errors, Heard

URL = "mem://odd-ends"

pytestmark = pytest.mark.usefixtures("nothing_left")


class Unspeakable(Exception):
    """An error that has no text."""

    def __str__(self) -> str:
        raise ValueError("no text")


async def await_what_was_cancelled() -> None:
    future = asyncio.get_running_loop().create_future()
    future.cancel()
    await future


def run(scenario: Callable[[sigcore.aio.ServerRouter, sigcore.aio.ClientRouter], Any]) -> None:
    """Run a scenario with a server and a client of the asyncio form, bounded."""

    async def bounded() -> None:
        async with (
            asyncio.timeout(LIMIT_S),
            sigcore.aio.ServerRouter(URL) as server,
            sigcore.aio.ClientRouter(URL) as client,
        ):
            await scenario(server, client)

    asyncio.run(bounded())


@pytest.fixture
def server(nothing_left: None) -> Iterator[ServerRouter]:
    with ServerRouter(URL, name="server") as router:
        yield router


@pytest.mark.parametrize("error", [asyncio.CancelledError(), Unspeakable()], ids=["cancelled", "without a text"])
def test_whatever_a_listener_raises_its_link_and_the_later_events_stay(error: BaseException) -> None:
    async def scenario(server: sigcore.aio.ServerRouter, client: sigcore.aio.ClientRouter) -> None:
        plain: asyncio.Queue[Any] = asyncio.Queue()
        slow: asyncio.Queue[Any] = asyncio.Queue()

        def hear(_info: EventInfo, data: Any) -> None:
            plain.put_nowait(data)
            raise error

        async def hear_slowly(_info: EventInfo, data: Any) -> None:
            slow.put_nowait(data)
            raise error

        await client.add_listener(hear, "thermo", "reading")
        await client.add_listener(hear_slowly, "thermo", "reading")
        thermo = await server.add_sender("thermo", "reading")
        for number in range(5):
            thermo.trigger("reading", number)
        assert [await plain.get() for _ in range(5)] == list(range(5))
        assert [await slow.get() for _ in range(5)] == list(range(5))
        assert client.connected

    run(scenario)


def test_a_listener_that_is_cancelled_stops_neither_the_trigger_nor_the_others_and_is_reported() -> None:
    errors, heard = Errors(), Heard()
    router = sigcore.Router(on_error=errors)

    def cancelled(_info: EventInfo, _data: Any) -> None:
        raise asyncio.CancelledError

    router.add_listener(cancelled)
    router.add_listener(heard)
    router.add_sender("thermo", "reading").trigger("reading", 1)
    assert heard.data == [1]
    assert [type(error.__cause__) for error in errors.data] == [asyncio.CancelledError]


@pytest.mark.parametrize(
    "error",
    [asyncio.CancelledError(), KeyboardInterrupt(), SystemExit(3), Unspeakable(), ValueError("no name: \udcff")],
    ids=["cancelled", "interrupt", "exit", "without a text", "a text without a form"],
)
def test_whatever_a_plain_handler_raises_its_caller_is_told_and_the_router_goes_on(
    server: ServerRouter, error: BaseException
) -> None:
    def fail(_params: Any) -> None:
        raise error

    with ClientRouter(URL) as client:
        server.add_sender("valve", requests={"fail": fail, "open": lambda _params: "opened"})
        with pytest.raises(sigcore.RequestFailed, match=type(error).__name__):
            client.request("valve", "fail", timeout=None)
        assert client.request("valve", "open") == "opened"


def test_an_async_handler_that_meets_a_cancellation_of_its_own_fails_and_is_not_taken_for_cancelled() -> None:
    async def scenario(server: sigcore.aio.ServerRouter, client: sigcore.aio.ClientRouter) -> None:
        async def fail(_params: Any) -> None:
            await await_what_was_cancelled()

        await server.add_sender("valve", requests={"fail": fail})
        for router in (server, client):
            with pytest.raises(sigcore.RequestFailed, match="CancelledError"):
                await router.request("valve", "fail", timeout=None)

    run(scenario)


def test_a_plain_handler_may_trigger_what_async_listeners_and_streams_of_its_own_router_hear() -> None:
    async def scenario(server: sigcore.aio.ServerRouter, client: sigcore.aio.ClientRouter) -> None:
        heard: asyncio.Queue[Any] = asyncio.Queue()

        async def hear(_info: EventInfo, data: Any) -> None:
            heard.put_nowait(data)

        valve = await client.add_sender("valve", "moved", {"move": lambda to: valve.trigger("moved", to)})
        await client.add_listener(hear, "valve", "moved")
        async with client.listen("valve", "moved") as moves:
            for position in (1, 2):
                waiting = asyncio.create_task(moves.get())
                await server.request("valve", "move", position)  # its handler runs on a thread of its own
                assert (await waiting)[1] == await heard.get() == position

    run(scenario)


def test_many_long_replies_at_once_all_arrive() -> None:
    async def scenario(server: sigcore.aio.ServerRouter, client: sigcore.aio.ClientRouter) -> None:
        async def read(number: int) -> str:
            return f"{number}" + "x" * 200_000  # together far more than may wait for a link

        async with sigcore.aio.ClientRouter(URL) as holder:
            await holder.add_sender("log", requests={"read": read})
            replies = await asyncio.gather(*(client.request("log", "read", number) for number in range(32)))
            assert [len(reply) for reply in replies] == [len(str(number)) + 200_000 for number in range(32)]
            assert holder.connected

    run(scenario)
