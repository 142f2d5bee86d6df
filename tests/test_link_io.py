# SPDX-License-Identifier: MIT
"""What comes in one read and is dealt with in several turns of the loop: nothing of it is lost, or late."""

from __future__ import annotations

import asyncio

import pytest

import sigcore.aio
from sigcore.aio._link_io import ITEMS_A_TURN, LinkIO
from sigcore.protocol.frames import Kind, frame

LIMIT_S = 5.0
URL = "mem://turns"
PINGS = frame(Kind.PING, 0) * (ITEMS_A_TURN + 10)


class Ear:
    """A client's listener, which ends the program at event 1 if it is told to."""

    def __init__(self, *, ends: bool) -> None:
        self._ends = ends
        self.heard: asyncio.Queue[int] = asyncio.Queue()

    def __call__(self, _info: sigcore.EventInfo, data: int) -> None:
        self.heard.put_nowait(data)
        if self._ends and data == 1:
            raise SystemExit


async def connected(server: sigcore.aio.ServerRouter, client: sigcore.aio.ClientRouter, ear: Ear) -> tuple[LinkIO, int]:
    """Have ``ear`` hear event 0 of the server's; return the client's connection, and the number of the topic."""
    await client.add_listener(ear, "thermo")
    thermo = await server.add_sender("thermo", "reading")
    thermo.trigger("reading", 0)
    assert await ear.heard.get() == 0
    assert client._connecting is not None
    assert client._session is not None
    (topic,) = client._session._signals
    return client._connecting, topic


def cut(io: LinkIO) -> None:
    """Lose the connection, which is told in the next turn."""
    assert io._transport is not None
    io._transport.abort()


def test_what_is_read_next_is_taken_where_a_listener_ended_the_program_in_between() -> None:
    async def scenario() -> None:
        ear = Ear(ends=True)
        async with (
            asyncio.timeout(LIMIT_S),
            sigcore.aio.ServerRouter(URL) as server,
            sigcore.aio.ClientRouter(URL) as client,
        ):
            io, topic = await connected(server, client, ear)
            with pytest.raises(SystemExit):
                io.data_received(frame(Kind.EVENT, topic, b"1") + PINGS)
            io.data_received(frame(Kind.EVENT, topic, b"2"))
            assert [await ear.heard.get(), await ear.heard.get()] == [1, 2]
            cut(io)  # the server has never written these

    asyncio.run(scenario())


def test_events_that_came_just_before_the_connection_was_lost_are_heard_at_once() -> None:
    async def scenario() -> None:
        ear = Ear(ends=False)
        async with (
            asyncio.timeout(LIMIT_S),
            sigcore.aio.ServerRouter(URL) as server,
            sigcore.aio.ClientRouter(URL, grace=60.0, reconnect_delay=1.0) as client,
        ):
            io, topic = await connected(server, client, ear)
            cut(io)
            io.data_received(PINGS + frame(Kind.EVENT, topic, b"1"))
            assert ear.heard.empty()
            await io.lost
            assert ear.heard.get_nowait() == 1

    asyncio.run(scenario())
