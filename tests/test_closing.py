# SPDX-License-Identifier: MIT
"""Closing: from anywhere, by several at once, while something else is under way, and with handlers that never end."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from typing import Any

import pytest

import sigcore.aio
from sigcore import ClientRouter, ServerRouter

from .waiting import LIMIT_S, Heard

URL = "mem://closing"

pytestmark = pytest.mark.usefixtures("nothing_left")

STUCK = """
import logging, threading, sigcore
logging.getLogger("asyncio").setLevel(logging.ERROR)  # its debug mode warns of a machine that is busy
begun = threading.Event()

def stuck(params):
    begun.set()
    threading.Event().wait()

with sigcore.ServerRouter("mem://stuck") as server, sigcore.ClientRouter("mem://stuck") as client:
    client.add_sender("valve", requests={"open": stuck})
    try:
        server.request("valve", "open", timeout=1.0)
    except sigcore.RequestTimeout:
        begun.wait()
print("left")
"""


def test_of_several_threads_that_close_a_client_none_returns_early_and_nothing_is_lost() -> None:
    heard = Heard()
    with ServerRouter(URL) as server:
        server.add_listener(heard, "thermo")
        client = ClientRouter(URL)
        client.open()
        thermo = client.add_sender("thermo", "reading")
        for number in range(3_000):
            thermo.trigger("reading", number)
        failed: list[BaseException] = []

        def close() -> None:
            try:
                client.close()
                assert client.wait_closed(0)
            except BaseException as error:  # noqa: BLE001  # it is the main thread's to tell
                failed.append(error)

        threads = [threading.Thread(target=close) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LIMIT_S)
        assert failed == []
        assert heard.wait(3_000) == list(range(3_000))


def test_an_async_handler_may_close_its_own_router() -> None:
    async def scenario() -> None:
        async with asyncio.timeout(LIMIT_S), sigcore.aio.ServerRouter(URL) as server:
            client = sigcore.aio.ClientRouter(URL)
            await client.open()

            async def leave(_params: Any) -> None:
                await client.close()

            await client.add_sender("valve", requests={"leave": leave})
            stream = client.listen("thermo")
            with pytest.raises(sigcore.SenderLost):
                await server.request("valve", "leave")
            await client.wait_closed()
            with pytest.raises(sigcore.StreamClosed):
                await stream.get()

    asyncio.run(scenario())


def test_a_router_that_is_closed_while_it_opens_says_so_to_whoever_opens_it() -> None:
    async def scenario() -> None:
        client = sigcore.aio.ClientRouter(URL)  # nobody listens there
        opening = asyncio.create_task(client.open())
        await asyncio.sleep(0.01)
        await client.close()
        with pytest.raises(sigcore.RouterClosed, match="while it was opening"):
            await opening

    asyncio.run(scenario())


def test_a_second_close_returns_when_the_first_is_through() -> None:
    async def scenario() -> None:
        async with asyncio.timeout(LIMIT_S), sigcore.aio.ServerRouter(URL) as server:
            client = sigcore.aio.ClientRouter(URL)
            await client.open()
            first = asyncio.create_task(client.close())
            await asyncio.sleep(0)  # it has begun
            await client.close()
            await first
            assert await server.peers() == []

    asyncio.run(scenario())


def test_a_close_that_was_cancelled_is_finished_by_the_next() -> None:
    async def scenario() -> None:
        async with asyncio.timeout(LIMIT_S), sigcore.aio.ServerRouter(URL):
            client = sigcore.aio.ClientRouter(URL)
            await client.open()
            closing = asyncio.create_task(client.close())
            await asyncio.sleep(0)
            closing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await closing
            await client.close()
            await client.wait_closed()

    asyncio.run(scenario())


def test_a_program_ends_although_a_handler_of_its_own_never_does() -> None:
    ended = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", STUCK],
        capture_output=True,
        text=True,
        timeout=3 * LIMIT_S,
        check=False,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "left\n", "")


@pytest.mark.parametrize("closes_first", ["client", "server"])
def test_closing_does_not_wait_for_acknowledgements_that_the_medium_delays(closes_first: str) -> None:
    here, there = Heard(), Heard()
    server, client = ServerRouter(URL, ack_delay=60.0), ClientRouter(URL, ack_delay=60.0)
    routers = {"server": server, "client": client}
    with server, client:
        server.add_listener(here, "c")
        client.add_listener(there, "s")
        for router, name in ((server, "s"), (client, "c")):
            sender = router.add_sender(name, "number")
            for number in range(1_000):
                sender.trigger("number", number)
        began_s = time.monotonic()
        routers[closes_first].close()
        assert time.monotonic() - began_s < 2.0  # 5 s, where it waits
        assert "not_sent" not in client.counters
        assert here.wait(1_000) == list(range(1_000))
        if closes_first == "server":
            assert there.wait(1_000) == list(range(1_000))
