# SPDX-License-Identifier: MIT
"""Routers that come and go, however they go, leave a server as it was."""

from __future__ import annotations

import asyncio
import gc
import logging
import statistics
import threading
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sig_tcp  # noqa: F401  # tells that these tests need the package

from sigcore import ClientRouter, ServerRouter
from sigcore.testing import Faults

from ..conftest import descriptors
from ..waiting import Heard, wait_until
from .raw_peer import WELCOME, RawPeer, hello

ROUNDS, CLIENTS = 10, 32
"""How often is looked, and how many come and go before each look: 320 in all."""

BYTES_PER_CLIENT = 100
"""What a client that was there may leave in memory. One that leaves a session, a sender or a task leaves thousands."""


@pytest.fixture
def _no_records() -> Iterator[None]:
    """Log nothing: what a test logs is kept until it ends."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def _traced() -> Iterator[None]:
    tracemalloc.start()
    yield
    tracemalloc.stop()


class Crowd:
    """Clients that come to a server and go, each in another way."""

    def __init__(self, server: ServerRouter) -> None:
        self._server = server
        self._faults = Faults("churn")
        self._endpoint = f"fault+{server.endpoints[0]}?faults=churn"
        self._ways: list[Callable[[str], None]] = [self._closes, self._is_cut, self._comes_back, self._is_a_stranger]

    def come_and_go(self, number: int) -> None:
        for index in range(number):
            self._ways[index % len(self._ways)](f"client{index}")

    def _closes(self, name: str) -> None:
        with self._client(name) as client:
            client.deliver(client._senders[name].signal("said"), [1])
            # Without a deadline: a few dozen requests that have ended are known until theirs, which looks like growth.
            assert client.request("server", "echo", name, timeout=None) == name

    def _is_cut(self, name: str) -> None:
        with self._client(name) as client:
            wait_until(client._inner._is_all_sent, "there is nothing that it would wait for when it closes")
            self._faults.refuse()
            self._faults.cut()
            wait_until(lambda: not client.connected, "the client notices")
        self._faults.go_on()

    def _comes_back(self, name: str) -> None:
        with self._client(name) as client:
            made = self._faults.made
            self._faults.cut()
            client._senders[name].trigger("said", [2])
            wait_until(lambda: self._faults.made > made and client.connected, "it is back")

    def _is_a_stranger(self, name: str) -> None:
        with RawPeer(self._server.endpoints[0], hello(name=name)) as stranger:
            stranger.expect(WELCOME)

    def _client(self, name: str) -> ClientRouter:
        client = ClientRouter(self._endpoint, name=name, reconnect_delay=0.01)
        client.add_sender(name, ["said", "kept"], keep={"kept": 3}).trigger("kept", [0])
        client.add_listener(Heard(), event="said")
        client.add_listener(Heard(), "server")
        client.add_listener(Heard(), event="#connect")
        return client


@pytest.mark.usefixtures("_no_records", "_traced")
@pytest.mark.timeout(300)
def test_however_clients_come_and_go_nothing_of_them_is_left() -> None:
    options: dict[str, Any] = {"grace": 0.1, "session_timeout": 0.2}
    with ServerRouter("tcp://127.0.0.1:0", **options) as server, ClientRouter(server.endpoints[0]) as witness:
        said = server.add_sender("server", "said", {"echo": lambda params: params}).signal("said")
        for event in ("#connect", "#disconnect", "kept"):
            server.add_listener(lambda _info, _data: None, event=event)
            witness.add_listener(lambda _info, _data: None, event=event)
        crowd = Crowd(server)
        crowd.come_and_go(2 * CLIENTS)  # what is made once, and is found later, is made by now
        settle(server, witness)
        before = (things(), open_now(server))
        sizes = [memory()]
        for _ in range(ROUNDS):
            crowd.come_and_go(CLIENTS)
            said.trigger("to whoever is left")
            settle(server, witness)
            sizes.append(memory())
        wait_until(lambda: not things() - before[0], f"nothing of theirs is left; there is {things() - before[0]}")
        assert open_now(server) == before[1]
        slope = statistics.linear_regression(range(len(sizes)), sizes).slope / CLIENTS
        assert slope < BYTES_PER_CLIENT, sizes


def settle(server: ServerRouter, witness: ClientRouter) -> None:
    """Return when the server knows of nobody but the witness, and the witness of nobody but the server."""
    wait_until(lambda: len(server.counters_by_peer) == 1, "all sessions are over")
    wait_until(lambda: [info.name for info in server.senders()] == ["server"], "all senders are gone")
    wait_until(lambda: [info.name for info in witness.senders()] == ["server"], "the witness knows")
    wait_until(lambda: len(server.peers()) == 1 and not server._inner._ios.keys() - up(server), "all links are gone")


def up(server: ServerRouter) -> set[Any]:
    """Return the links that carry a session."""
    return {session.link for session in list(server._inner._hub.sessions.values())}


def things() -> Counter[str]:
    """Return how many objects of sigcore's there are, by class."""
    gc.collect()
    kinds = (type(thing) for thing in gc.get_objects())
    return Counter(kind.__qualname__ for kind in kinds if kind.__module__.partition(".")[0] == "sigcore")


def open_now(server: ServerRouter) -> tuple[int, int, int]:
    """Return how many descriptors are open, threads run, and tasks of the server's."""
    loop = server._inner._loop
    assert loop is not None
    return len(descriptors()), threading.active_count(), len(asyncio.all_tasks(loop))


def memory() -> int:
    """Return how many bytes are in use."""
    gc.collect()
    return tracemalloc.get_traced_memory()[0]
