# SPDX-License-Identifier: MIT
"""A server that strangers come to by any carrier, beside two clients that get along whatever else happens."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import sigcore
from sigcore import Endpoint
from sigcore.aio import ClientRouter, ServerRouter

from ..waiting import LIMIT_S
from .raw_peer import BYE, PREFACE
from .worlds import FAST

CARRIERS = ["mem", "tcp", "unix", "tls", "serial"]


class Stranger(asyncio.Protocol):
    """The other end of a connection: writes what it is told, and keeps what comes."""

    def __init__(self) -> None:
        self.data = b""
        self.gone = asyncio.get_running_loop().create_future()
        self.transport: asyncio.Transport
        self._news = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # every carrier gives a read-write one

    def data_received(self, data: bytes) -> None:
        self.data += data
        self._news.set()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.gone.done():
            self.gone.set_result(exc)
        self._news.set()

    def send(self, data: bytes) -> None:
        self.transport.write(data)

    def frames(self) -> list[tuple[int, int, bytes]]:
        """Return (kind, number, body) of what came."""
        found, pos = [], len(PREFACE)
        while pos + 9 <= len(self.data):
            length, kind, id_ = struct.unpack_from(">IBI", self.data, pos)
            found.append((kind, id_, self.data[pos + 9 : pos + 9 + length]))
            pos += 9 + length
        return found

    async def expect(self, kind: int, number: int | None = None) -> bytes:
        """Return the body of the first frame of a kind, once it is there."""
        async with asyncio.timeout(LIMIT_S):
            while True:
                for found, id_, body in self.frames():
                    if found == kind and number in (None, id_):
                        return body
                assert not self.gone.done(), f"the server ended the link: {self.reason()}"
                self._news.clear()
                await self._news.wait()

    async def end(self) -> str | None:
        """Wait until the server has closed the connection; return the code of its BYE, if it said one."""
        async with asyncio.timeout(LIMIT_S):
            await asyncio.shield(self.gone)
        return self.reason()

    def reason(self) -> str | None:
        """Return the code of the BYE that came last, if one did."""
        ends = [body for kind, _id, body in self.frames() if kind == BYE]
        return str(json.loads(ends[-1])["code"]) if ends else None


class Site:
    """A server and its two honest clients.

    Attributes:
        server: The server.
        endpoint: Where strangers come.
        unhandled: What the event loop was told of that nobody handled.
    """

    def __init__(self, server: ServerRouter, endpoint: Endpoint) -> None:
        self.server = server
        self.endpoint = endpoint
        self.unhandled: list[dict[str, Any]] = []
        self._heard: asyncio.Queue[Any] = asyncio.Queue()
        self._canary: sigcore.Signal[Any]
        self._clients: list[ClientRouter] = []
        self._sent = 0

    async def begin(self, one: ClientRouter, other: ClientRouter) -> None:
        """Have one client listen to the other."""
        sender = await one.add_sender("canary", "song", {"sing": lambda params: params})
        self._canary = sender.signal("song")
        await other.add_listener(lambda _info, data: self._heard.put_nowait(data), "canary", "song")
        self._clients = [one, other]

    async def is_well(self) -> None:
        """Fail unless the clients reach each other by the links that they had, and nothing went unhandled."""
        self._sent += 1
        self._canary.trigger(self._sent)
        async with asyncio.timeout(LIMIT_S):
            while await self._heard.get() != self._sent:
                pass
        assert all(client.connected for client in self._clients)
        assert self.unhandled == []

    async def come(self, data: bytes = b"") -> Stranger:
        """Return a stranger that has connected, and written this."""
        carrier = sigcore.load_carrier(self.endpoint.scheme)
        _transport, protocol = await carrier.connect(self.endpoint, Stranger)
        assert isinstance(protocol, Stranger)
        if data:
            protocol.send(data)
        return protocol


@asynccontextmanager
async def a_site(carrier: str, directory: Path, **options: Any) -> AsyncIterator[Site]:
    """Give a server that listens by ``carrier``, and check at the end that its clients never noticed anything."""
    async with AsyncExitStack() as stack:
        listen_at, connect_to = _places(carrier, directory, stack)
        server = ServerRouter([listen_at, "mem://honest"], **options)
        await stack.enter_async_context(server)
        site = Site(server, Endpoint.parse(connect_to or _reached(server.endpoints[0], directory)))
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, context: site.unhandled.append(context))
        one, other = [await stack.enter_async_context(ClientRouter("mem://honest")) for _ in range(2)]
        await site.begin(one, other)
        await site.is_well()
        yield site
        await site.is_well()
        async with asyncio.timeout(LIMIT_S):  # what strangers registered goes when their grace is over
            while [info.name for info in await server.senders()] != ["canary"]:  # noqa: ASYNC110  # as they do
                await asyncio.sleep(0.005)


def _places(carrier: str, directory: Path, stack: AsyncExitStack) -> tuple[str, str]:
    """Return where to listen, and where to connect; empty where the server knows best."""
    if carrier == "serial":
        from sig_serial.testing import PtyCable

        cable = stack.enter_context(PtyCable())
        return f"serial://{cable.left}{FAST}", f"serial://{cable.right}{FAST}"
    if carrier == "tls":
        _certify(directory)
        return f"tls://127.0.0.1:0?cert={directory}/server.pem", ""
    return {"mem": "mem://strangers", "tcp": "tcp://127.0.0.1:0", "unix": f"unix://{directory}/s"}[carrier], ""


def _reached(bound: str, directory: Path) -> str:
    """Return where a client connects to what a server bound."""
    endpoint = bound.partition("?")[0]
    return f"{endpoint}?ca={directory}/ca.pem" if endpoint.startswith("tls:") else endpoint


def _certify(directory: Path) -> None:
    import trustme

    authority = trustme.CA()
    authority.cert_pem.write_to_path(directory / "ca.pem")
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(directory / "server.pem")
