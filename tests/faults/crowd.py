# SPDX-License-Identifier: MIT
"""A crowd of clients in one process, written byte by byte by docs/protocol.md: many more than routers would fit.

It is told what to be as JSON in its first argument, and ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import json
import random
import socket
import struct
import sys
import time
from collections.abc import Callable, Coroutine
from typing import Any

PREFACE = b"\x93SIG\n\x01"
HELLO, WELCOME, PING, PONG, ACK, BYE = range(1, 7)
ADD_SENDER, LISTEN, OK, EVENT = 0x10, 0x11, 0x14, 0x21

AT_A_TIME = 50
"""How many connect at the same time: a server lets no more than 100 be in their handshakes."""

NAMES = 2_000
"""Names of visitors; a name comes again when nobody can have it any more."""


def frame(kind: int, id_: int = 0, fields: dict[str, Any] | None = None) -> bytes:
    body = b"" if fields is None else json.dumps(fields).encode()
    return struct.pack(">IBI", len(body), kind, id_) + body


def hello(name: str) -> bytes:
    limits = {"frame": 1_048_576, "credit": 1_048_576}
    return PREFACE + frame(
        HELLO, 0, {"versions": [1], "codecs": ["json"], "name": name, "limits": limits, "features": []}
    )


class Client(asyncio.Protocol):
    """One client: says what it is given, answers every PING, and has ``took`` called with every frame."""

    def __init__(self, first: bytes, took: Callable[[int, bytes], None]) -> None:
        self._first = first
        self._took = took
        self._buffer = b""
        self._skip = len(PREFACE)
        self.transport: asyncio.Transport
        self.answers: asyncio.Queue[int] = asyncio.Queue()
        self.gone = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(self._first)

    def data_received(self, data: bytes) -> None:
        data = self._buffer + data
        at = 0
        if self._skip and len(data) >= self._skip:
            at, self._skip = self._skip, 0
        while not self._skip and len(data) >= at + 9:
            length, kind, id_ = struct.unpack_from(">IBI", data, at)
            if len(data) < at + 9 + length:
                break
            self._frame(kind, id_, data[at + 9 : at + 9 + length])
            at += 9 + length
        self._buffer = data[at:]

    def _frame(self, kind: int, id_: int, body: bytes) -> None:
        if kind == PING:
            self.transport.write(frame(PONG, id_))
        elif kind in (WELCOME, OK):
            self.answers.put_nowait(kind)
        self._took(kind, body)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.gone.done():
            self.gone.set_result(None)


async def be_idle(endpoint: str, number: int) -> None:
    """Be many clients that listen to one event, and do nothing more; say when pings came, and how old events were."""
    pings: list[float] = []
    delays: list[float] = []

    def took(kind: int, body: bytes) -> None:
        if kind == PING:
            pings.append(time.monotonic())
        elif kind == EVENT:
            delays.append(time.monotonic() - json.loads(body))

    first = hello("idle") + frame(LISTEN, 1, {"sender": "tick", "event": "event"})
    clients = []
    for start in range(0, number, AT_A_TIME):
        count = min(AT_A_TIME, number - start)
        more = await asyncio.gather(*(connect(endpoint, lambda: Client(first, took)) for _ in range(count)))
        for client in more:
            assert [await client.answers.get() for _ in range(2)] == [WELCOME, OK]
        clients += more
    say({"ready": number})
    while await asyncio.to_thread(sys.stdin.readline):
        up = sum(not client.gone.done() for client in clients)
        say({"up": up, "pings": pings, "delays": delays})
        pings.clear()
        delays.clear()


async def come_and_go(endpoint: str, rate: float, seed: int) -> None:
    """Be clients that come, have a sender and a listener, and leave: in good order, without a word, or with a reset.

    Of every answer, says how many came, how long their handshakes took and how many could not come.
    """
    dice = random.Random(seed)
    took_s: list[float] = []
    failed: list[str] = []
    ended = asyncio.Event()
    visits: set[asyncio.Task[None]] = set()

    async def visit(number: int) -> None:
        name = f"visitor{number % NAMES}"
        try:
            took_s.append(await come_and_leave(endpoint, name, dice.choice(["bye", "end", "reset"])))
        except (OSError, TimeoutError) as error:
            failed.append(repr(error))

    async def let_them_come() -> None:
        began_s = time.monotonic()
        number = 0
        while not ended.is_set():
            task = asyncio.create_task(visit(number))
            visits.add(task)
            task.add_done_callback(visits.discard)
            number += 1
            await asyncio.sleep(max(0.0, began_s + number / rate - time.monotonic()))
            while len(visits) > 50:  # a slow machine gets fewer
                await asyncio.wait(visits, return_when=asyncio.FIRST_COMPLETED)

    coming = asyncio.create_task(let_them_come())
    say({"ready": rate})
    while (line := await asyncio.to_thread(sys.stdin.readline)) and not ended.is_set():
        if json.loads(line)["do"] == "end":
            ended.set()
            await coming
            await asyncio.gather(*visits)
        say({"came": len(took_s), "failed": failed[:3], "handshakes_s": sorted(took_s)})


async def come_and_leave(endpoint: str, name: str, how: str) -> float:
    """Connect, register a sender and a listener, leave; return how long the handshake took."""
    began_s = time.monotonic()
    adding = frame(ADD_SENDER, 1, {"sender": name, "events": ["event"], "requests": [], "fallback": False})
    first = hello(name) + adding + frame(LISTEN, 2, {"sender": "tick", "event": "event"})
    async with asyncio.timeout(30):
        client = await connect(endpoint, lambda: Client(first, lambda _kind, _body: None))
        await client.answers.get()
        took_s = time.monotonic() - began_s
        for _ in range(2):
            await client.answers.get()
        if how == "bye":
            client.transport.write(frame(BYE, 0, {"code": "closing", "message": ""}))
        if how == "reset":
            client.transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
            client.transport.abort()
        else:
            client.transport.close()
        await client.gone
    return took_s


async def connect(endpoint: str, make: Callable[[], Client]) -> Client:
    port = int(endpoint.rsplit(":", 1)[1])
    _transport, client = await asyncio.get_running_loop().create_connection(make, "127.0.0.1", port)
    return client


def say(what: Any) -> None:
    print(json.dumps(what), flush=True)


def allow_many_descriptors() -> None:
    """Allow as many as the system lets this process have."""
    import resource

    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    allow_many_descriptors()
    part = json.loads(sys.argv[1])
    parts: dict[str, Callable[..., Coroutine[None, None, None]]] = {"idle": be_idle, "come and go": come_and_go}
    asyncio.run(parts[part.pop("part")](**part))
