# SPDX-License-Identifier: MIT
"""Processes that come, are killed, held still and restarted."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import sig_tcp  # noqa: F401  # tells that these tests need the package

from sigcore import ClientRouter, ServerRouter

from ..waiting import Heard, wait_until
from .processes import Process

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot stop a process and go on")

MEMBERS, EVENTS = 20, 20

Start = Callable[..., Process]


@pytest.fixture
def start(_nothing_left: None) -> Iterator[Start]:
    """Starts processes, of which none outlives the test."""
    with ExitStack() as stack:

        def start_one(role: str, *arguments: object) -> Process:
            process = Process(role, *arguments)
            stack.callback(process.clean_up)
            return process

        yield start_one


def test_two_servers_and_forty_clients_in_processes_of_their_own_all_hear_each_other(start: Start) -> None:
    servers = [start("serve", "tcp://127.0.0.1:0") for _ in range(2)]
    places = [server.line()["endpoints"][0] for server in servers]
    names = [f"member{number:02}" for number in range(MEMBERS)]
    senders = MEMBERS + 2  # with the server's own, and the test's
    clients = [start("join", place, name, senders, EVENTS) for place in places for name in names]
    with ExitStack() as stack:
        for place in places:  # the last member of each is the test itself
            heard = Heard()
            client = stack.enter_context(ClientRouter(place, name="test"))
            client.add_listener(heard, event="said")
            sender = client.add_sender("test", "said", {"who": lambda _params: "test"})
            wait_until(lambda client=client: len(client.senders()) == senders, "all are there", 60)  # type: ignore[misc]
            for number in range(EVENTS):
                sender.trigger("said", number)
            heard.wait((MEMBERS + 1) * EVENTS, 60)
        for client_process in clients:
            said = client_process.line(60)
            assert said["senders"] == MEMBERS + 1
            assert said["in_order"]
            assert said["asked"] == ["member00", "member01", "member02"]
            assert said["counters"] == {}
    assert [process.end() for process in (*clients, *servers)] == [0] * (2 * MEMBERS + 2)


def test_clients_come_back_by_themselves_when_the_server_was_killed_and_restarted(start: Start) -> None:
    first = start("serve", "tcp://127.0.0.1:0")
    place = first.line()["endpoints"][0]
    clients = {name: start("return", place, name) for name in ("one", "two", "three")}
    for name, process in clients.items():
        assert process.line() == {"ready": name}
    with ClientRouter(place, name="test") as test:
        news = test.add_sender("news", "item")
        for client in clients.values():
            client.line_with(event="#connect")
        news.trigger("item", 1)
        for client in clients.values():
            assert client.line_with(heard=1)
        first.kill()
        for client in clients.values():
            assert client.line_with(event="#disconnect")
        wait_until(lambda: not test.connected, "the link is lost")
        news.trigger("item", 2)  # kept until there is a link again
        start("serve", place).line()
        wait_until(lambda: test.connected, "the link is back", 30)
        for name, client in clients.items():
            client.line_with(event="#connect")
            wait_until(lambda name=name: name in [info.name for info in test.senders()], f"{name} is back", 30)  # type: ignore[misc]
            assert test.request(name, "who") == name
        assert test.request("server", "ping", 5) == 5
        news.trigger("item", 3)
        for client in clients.values():
            assert client.line_with(heard=3)
        assert [info.name for info in test.senders()] == ["news", "one", "server", "three", "two"]


def test_a_client_killed_while_it_publishes_leaves_whole_events_and_a_free_name(start: Start) -> None:
    with ServerRouter("tcp://127.0.0.1:0") as server, ClientRouter(server.endpoints[0]) as client:
        counts = {router: Heard() for router in (server, client)}
        presence = {router: Heard() for router in (server, client)}
        for router in (server, client):
            router.add_listener(counts[router], "counter", "count")
            for event in ("#disconnect", "#connect"):
                router.add_listener(presence[router], "counter", event)
        for life in range(2):
            process = start("publish", server.endpoints[0], "counter")
            process.line()
            for heard in counts.values():
                heard.wait(1_000)
            process.kill()
            for router in (server, client):
                assert [info.connected for info in presence[router].wait(2 * life + 2)] == [True, False] * (life + 1)
                numbers = counts[router].data
                assert numbers == list(range(len(numbers)))
                numbers.clear()
        assert server.senders() == []
        assert [peer.name for peer in server.peers()] == [peer.name for peer in client.peers()]
        assert len(server.peers()) == 1


def test_a_reader_that_is_held_still_gives_way_is_told_what_it_missed_and_the_others_lose_nothing(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    options: dict[str, Any] = {"event_queue": 100_000, "stall_budget": 1.0}
    with ServerRouter("tcp://127.0.0.1:0", **options) as server, ClientRouter(server.endpoints[0]) as publisher:
        good = Heard()
        server.add_listener(good, "counter")
        count = publisher.add_sender("counter", "count").signal("count")
        reader = start("read", server.endpoints[0], "counter")
        reader.line()
        for number in range(100):
            count.trigger(number)
        assert reader.line() == {"last": 99, "heard": 100, "lost": 0}
        reader.stop()
        longest_s = 0.0
        most = 0
        number = 100
        while "overflow" not in server.counters:
            began_s = time.monotonic()
            count.trigger(number)
            longest_s = max(longest_s, time.monotonic() - began_s)
            number += 1
            sessions = list(server._inner._hub.sessions.values())
            most = max([most, *(session.events.size for session in sessions)])
            assert number < 2_000_000
        for _ in range(1_000 - number % 100):  # it says something at every hundredth
            count.trigger(number)
            number += 1
        assert good.wait(number, 30) == list(range(number))
        assert longest_s < 3.0
        assert most < 2 * 1_048_576  # its limit, and what was under way
        assert "slow reader" in caplog.text
        reader.go_on()
        said = reader.line_with(last=number - 1)  # the same link, as if nothing had been
        assert said["lost"] == server.counters["overflow"] > 0
        assert said["heard"] + said["lost"] == number
        assert [peer.name for peer in server.peers()].count("reader") == 1


def test_a_fast_publisher_waits_for_a_slow_reader_in_another_process_and_loses_nothing(start: Start) -> None:
    heard = Heard()
    held = threading.Event()
    options: dict[str, Any] = {"event_queue": 50_000, "credit": 20_000, "stall_budget": 10.0}
    with ServerRouter("tcp://127.0.0.1:0", **options) as server, ClientRouter(server.endpoints[0], **options) as client:

        def slow(info: Any, data: Any) -> None:
            if data % 1_000 == 0:
                held.wait(0.05)
            heard(info, data)

        client.add_listener(slow, "counter")
        process = start("publish", server.endpoints[0], "counter")
        process.line()
        heard.wait(20_000, 60)
        process.kill()
        wait_until(lambda: "counter" not in [info.name for info in server.senders()], "it is gone")
    assert heard.data == list(range(len(heard.data)))
