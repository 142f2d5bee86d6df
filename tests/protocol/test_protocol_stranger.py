# SPDX-License-Identifier: MIT
"""A client that knows nothing but docs/protocol.md works with a real server over TCP."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest

import sigcore

from .raw_client import RawClient

pytest.importorskip("sig_tcp")


@pytest.fixture(name="server")
def _server() -> Iterator[sigcore.ServerRouter]:
    with sigcore.ServerRouter("tcp://127.0.0.1:0", name="hall") as server:
        yield server


@pytest.fixture(name="stranger")
def _stranger(server: sigcore.ServerRouter) -> Iterator[RawClient]:
    host, port = server.endpoints[0].removeprefix("tcp://").rsplit(":", 1)
    with closing(RawClient(host, int(port), "stranger")) as client:
        yield client


def test_a_stranger_is_welcome(server: sigcore.ServerRouter, stranger: RawClient) -> None:
    assert stranger.welcome["name"] == "hall"
    assert [peer.name for peer in server.peers()] == ["stranger"]


def test_a_stranger_hears_events(server: sigcore.ServerRouter, stranger: RawClient) -> None:
    clock = server.add_sender("clock", events=["tick"])
    stranger.listen("clock", None)
    for count in range(3):
        clock.trigger("tick", {"count": count})
    assert [stranger.hear() for _ in range(3)] == [("clock", "tick", {"count": count}) for count in range(3)]


def test_a_stranger_signals_events(server: sigcore.ServerRouter, stranger: RawClient) -> None:
    heard: queue.Queue[tuple[str, Any]] = queue.Queue()
    server.add_listener(lambda info, data: heard.put((info.sender, data)), event="reading")
    topics = stranger.add_sender("thermo", ["reading"], [])
    stranger.trigger(topics["reading"], {"celsius": 21.5})
    assert heard.get(timeout=10) == ("thermo", {"celsius": 21.5})


def test_a_stranger_answers_requests(server: sigcore.ServerRouter, stranger: RawClient) -> None:
    stranger.add_sender("math", [], ["double"])
    with ThreadPoolExecutor(1) as pool:
        result = pool.submit(server.request, "math", "double", 21, timeout=10)
        stranger.answer_request(lambda sender, method, caller, params: [sender, method, caller, 2 * params])
        assert result.result(10) == ["math", "double", "hall", 42]


def test_a_stranger_makes_requests(server: sigcore.ServerRouter, stranger: RawClient) -> None:
    server.add_sender("math", requests={"double": lambda params: 2 * params})
    assert stranger.request("math", "double", 21) == 42
    with pytest.raises(RuntimeError, match="sender_not_found"):
        stranger.request("nobody", "double", 21)


def test_a_stranger_goes_on_after_a_cut(server: sigcore.ServerRouter, stranger: RawClient) -> None:
    clock = server.add_sender("clock", events=["tick"])
    heard: queue.Queue[tuple[str, Any]] = queue.Queue()
    left: list[str] = []
    server.add_listener(lambda info, data: heard.put((info.sender, data)), event="reading")
    server.add_listener(lambda _info, who: left.append(who.name), event="#disconnect")
    stranger.listen("clock", None)
    topics = stranger.add_sender("thermo", ["reading"], ["double"])
    clock.trigger("tick", 0)
    stranger.trigger(topics["reading"], 0)
    assert stranger.hear() == ("clock", "tick", 0)
    for count in range(1, 4):
        stranger.cut()
        clock.trigger("tick", count)
        stranger.trigger(topics["reading"], count)
        assert stranger.resume()
    assert [stranger.hear() for _ in range(3)] == [("clock", "tick", count) for count in range(1, 4)]
    assert [heard.get(timeout=10) for _ in range(4)] == [("thermo", count) for count in range(4)]
    with ThreadPoolExecutor(1) as pool:
        result = pool.submit(server.request, "thermo", "double", 21, timeout=10)
        stranger.answer_request(lambda _sender, _method, _caller, params: 2 * params)
        assert result.result(10) == 42
    assert (left, heard.qsize()) == ([], 0)


def test_a_stranger_that_never_goes_on_gets_a_new_session_each_time(
    server: sigcore.ServerRouter, stranger: RawClient
) -> None:
    stranger.listen("clock", None)
    stranger.close()
    with closing(RawClient(*stranger.address, "stranger")) as again:
        assert again.id != stranger.id
        assert not again.welcome["session"]["resumed"]
        again.listen("clock", None)
        server.add_sender("clock", events=["tick"]).trigger("tick", 1)
        assert again.hear() == ("clock", "tick", 1)
