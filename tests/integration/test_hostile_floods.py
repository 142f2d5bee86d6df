# SPDX-License-Identifier: MIT
"""One client floods the server: others are served meanwhile, nothing of theirs is lost, and memory stays bounded."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import sig_tcp  # noqa: F401  # tells that these tests need the package

from sigcore.aio import ClientRouter
from sigcore.protocol.bodies import write_ack, write_request

from ..waiting import LIMIT_S
from .hostile import Site, Stranger, a_site
from .raw_peer import (
    ACK,
    ADD_SENDER,
    BYE,
    CANCEL,
    ERROR,
    LISTEN,
    OK,
    PAD,
    PING,
    PONG,
    QUERY,
    REMOVE_SENDER,
    REPLY,
    REQUEST,
    SYNC,
    UNLISTEN,
    WELCOME,
    frame,
    hello,
)

CLIENTS = 10
EVENTS = 20
ALL_CREDIT = 2**63 - 1


def numbers(make: Callable[[int], bytes]) -> bytes:
    return b"".join(make(n) for n in range(1, 300))


FLOODS = {
    "ping": frame(PING, 1) * 3_000,
    "empty": frame(PAD) * 3_000,
    "large": frame(PAD, 0, bytes(1 << 20)),
    "ack": frame(ACK, 0, write_ack(0, ALL_CREDIT)) * 3_000,
    "extension": frame(0x99) * 10_000,
    "flapping listeners": numbers(lambda n: frame(LISTEN, n, {}) + frame(UNLISTEN, n)),
    "flapping presence": numbers(lambda n: frame(LISTEN, n, {"event": "#connect"}) + frame(UNLISTEN, n)),
    "replay": numbers(lambda n: frame(LISTEN, n, {"replay": 1_000}) + frame(UNLISTEN, n)),
    "flapping sender": frame(ADD_SENDER, 5, {"sender": "evil", "events": [f"e{n}" for n in range(200)]})
    + frame(REMOVE_SENDER, 0, {"sender": "evil"}),
    "query": frame(QUERY, 5, {"what": "senders"}) * 500,
    "request, cancel": (frame(REQUEST, 5, write_request("s1", "echo", "", 2_000, b"1")) + frame(CANCEL, 5)) * 500,
    "request to nobody": frame(REQUEST, 5, write_request("nobody", "x", "", 2_000, b"1")) * 500,
    "reply to nobody": frame(REPLY, 9, b"1") * 1_000,
    "sync": frame(SYNC, 5) * 1_000,
}


@pytest.mark.parametrize("flood", FLOODS)
def test_others_are_served_while_one_floods(flood: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with a_site("tcp", tmp_path, grace=0.05) as site, AsyncExitStack() as stack:
            heard: list[Any] = []
            clients = [await stack.enter_async_context(ClientRouter(str(site.endpoint))) for _ in range(CLIENTS)]
            senders = [
                await client.add_sender(f"s{n}", "tick", {"echo": lambda params: params}, keep=5)
                for n, client in enumerate(clients)
            ]
            for n, client in enumerate(clients):
                await client.add_listener(
                    lambda info, data: heard.append((info.sender, data)), f"s{(n + 1) % CLIENTS}", "tick"
                )
            flooding = asyncio.ensure_future(write_for_ever(site, FLOODS[flood]))
            for number in range(EVENTS):
                for sender in senders:
                    sender.trigger("tick", number)
                assert await clients[0].request("s1", "echo", number, timeout=LIMIT_S) == number
            await until(lambda: len(heard) == CLIENTS * EVENTS)
            assert sorted(heard) == sorted((f"s{n}", number) for n in range(CLIENTS) for number in range(EVENTS))
            await site.is_well()
            assert all(client.connected for client in clients)
            flooding.cancel()
            await asyncio.gather(flooding, return_exceptions=True)

    asyncio.run(scenario())


async def write_for_ever(site: Site, data: bytes) -> None:
    """Write the same again and again, by another connection when one was ended."""
    while True:
        stranger = await site.come(hello())
        try:
            await stranger.expect(WELCOME)
            while not stranger.gone.done():
                if stranger.transport.get_write_buffer_size() < 1 << 20:
                    stranger.send(data)
                stranger.data = b""
                await asyncio.sleep(0)
        finally:
            stranger.transport.abort()


async def until(fact: Callable[[], object]) -> None:
    async with asyncio.timeout(LIMIT_S):
        while not fact():  # noqa: ASYNC110  # a listener tells nobody else
            await asyncio.sleep(0.005)


async def evil(site: Site) -> Stranger:
    stranger = await site.come(hello())
    await stranger.expect(WELCOME)
    return stranger


def test_who_registers_too_fast_is_held_back_and_loses_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with a_site("tcp", tmp_path, registrations=2_000, max_listeners=10, max_senders=10) as site:
            stranger = await evil(site)
            stranger.send(b"".join(frame(LISTEN, n, {}) + frame(UNLISTEN, n) for n in range(1, 2_500)) + frame(PING, 7))
            assert await stranger.expect(PONG, 7) == b""
            assert len([1 for kind, _id, _body in stranger.frames() if kind == OK]) == 2_499
            assert site.server.counters["held_back"] >= 1
            stranger.transport.abort()

    asyncio.run(scenario())


@pytest.mark.parametrize("number", [9, 10, 11])
def test_as_many_listeners_as_a_link_may_have_and_no_more(number: int, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with a_site("mem", tmp_path, max_listeners=10) as site:
            stranger = await evil(site)
            stranger.send(b"".join(frame(LISTEN, n, {}) for n in range(1, number + 1)) + frame(PING, 1))
            await stranger.expect(PONG, 1)
            refused = [json.loads(body)["code"] for kind, _id, body in stranger.frames() if kind == ERROR]
            assert refused == ["limit_reached"] * (number - 10)
            stranger.transport.abort()

    asyncio.run(scenario())


def test_more_listeners_than_a_link_may_have_are_refused_and_the_others_are_cleared_away(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with a_site("mem", tmp_path, registrations=100_000, control_queue=64 << 20) as site:
            strangers = [await evil(site) for _ in range(3)]
            for stranger in strangers:
                for first in range(1, 3_001, 1_000):
                    names = range(first, first + 1_000)
                    stranger.send(b"".join(frame(LISTEN, n, {"sender": f"s{n}", "event": "e"}) for n in names))
                stranger.send(frame(PING, 1))
            for stranger in strangers:
                await stranger.expect(PONG, 1)
            assert site.server._hub.listeners >= 3_000
            for stranger in strangers:
                stranger.send(frame(BYE, 0, {"code": "closing"}))
            await until(lambda: site.server._hub.listeners <= 2)
            await site.is_well()

    asyncio.run(scenario())


def test_a_name_is_free_while_what_its_session_had_is_still_cleared_away(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with a_site("mem", tmp_path) as site:
            first, other = await evil(site), await evil(site)
            names = [f"n{n}" for n in range(500)]
            events = [f"e{n}" for n in range(20)]
            first.send(
                b"".join(frame(ADD_SENDER, n, {"sender": name, "events": events}) for n, name in enumerate(names, 1))
            )
            await first.expect(OK, 500)
            first.send(frame(BYE, 0, {"code": "closing"}))
            await first.end()
            other.send(frame(ADD_SENDER, 1, {"sender": names[-1], "events": events}))
            await other.expect(OK, 1)
            other.send(frame(BYE, 0, {"code": "closing"}))
            await other.end()
            await until(lambda: not [name for name in names if site.server._hub.sender(name) is not None])

    asyncio.run(scenario())


NASTY = ["\r\nFAKE LINE", "\x1b[31mred", "\u202eright to left", "\u2028line", "x" * 4_000, "\x00", "%s %d {} \\"]


@pytest.mark.parametrize("nasty", NASTY)
def test_what_a_stranger_calls_itself_is_one_short_line_of_the_log(
    nasty: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        async with a_site("tcp", tmp_path, grace=0.05) as site:
            for _ in range(20):
                said = {"sender": nasty, "event": nasty, "what": nasty, "code": nasty, "message": nasty}
                for kind in (LISTEN, ADD_SENDER, QUERY, REMOVE_SENDER, ERROR, BYE, 0x70):
                    stranger = await site.come(hello(name=nasty) + frame(kind, 1, said))
                    stranger.send(frame(PING, 1))
                    await asyncio.sleep(0)
                    stranger.transport.close()
                    await stranger.end()
                stranger = await site.come(hello(codecs=[nasty]))
                await stranger.end()

    with caplog.at_level(logging.INFO, "sigcore"):
        asyncio.run(scenario())
    lines = [record.getMessage() for record in caplog.records]
    assert lines
    assert [line for line in lines if not line.isprintable() or len(line) > 1_000] == []
    warnings = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(warnings) < 20, "each cause has one line"
