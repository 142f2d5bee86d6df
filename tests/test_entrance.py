# SPDX-License-Identifier: MIT
"""Who may come in: how many links, how many handshakes, from whom, and for how long."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Any

import pytest

import sigcore
from sigcore._drops import Drops
from sigcore._limits import LinkOptions, ServerLimits
from sigcore.aio._entrance import Entrance, most_connections
from sigcore.protocol.crowd import PATIENCE_S, Crowd, Place
from sigcore.protocol.frames import PREFACE

from .waiting import wait_until


def crowd(**limits: int) -> Crowd:
    return Crowd(ServerLimits(**limits))


def refusal(enter: Callable[[], object]) -> str:
    """Return the code with which somebody is turned away."""
    with pytest.raises(sigcore.RemoteProtocolError) as caught:
        enter()
    return caught.value.code


def test_there_are_as_many_handshakes_as_may_be_and_no_more() -> None:
    few = crowd(max_pending=3)
    places = [few.enter(f"10.0.0.{n}", 1.0) for n in range(3)]
    assert few.pending == few.connections == 3
    assert refusal(lambda: few.enter("10.0.0.9", 1.0)) == "too_many_pending"
    places[0].known()
    assert few.enter("10.0.0.9", 1.0).source == "10.0.0.9"
    assert (few.pending, few.connections) == (3, 4)


def test_one_address_has_only_its_share_of_the_handshakes() -> None:
    few = crowd(max_pending_per_source=2)
    first, second = few.enter("10.0.0.1", 1.0), few.enter("10.0.0.1", 1.0)
    assert refusal(lambda: few.enter("10.0.0.1", 1.0)) == "too_many_pending"
    few.enter("10.0.0.2", 1.0)
    first.known()
    few.enter("10.0.0.1", 1.0)
    second.leave()
    few.enter("10.0.0.1", 1.0)


@pytest.mark.parametrize("source", ["", "127.0.0.1", "127.8.0.1", "::1", "::ffff:127.0.0.1"])
def test_those_of_this_machine_are_counted_all_together_alone(source: str) -> None:
    few = crowd(max_pending_per_source=1, max_pending=3)
    for _ in range(3):
        few.enter(source, 1.0)
    assert refusal(lambda: few.enter(source, 1.0)) == "too_many_pending"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2001:db8:1:2::5", "2001:db8:1:2:ffff::9"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("fe80::1%eth0", "fe80::2%eth1"),
    ],
)
def test_addresses_that_one_customer_has_are_one_source(one: str, other: str) -> None:
    few = crowd(max_pending_per_source=1)
    few.enter(one, 1.0)
    assert refusal(lambda: few.enter(other, 1.0)) == "too_many_pending"
    few.enter("2001:db8:1:3::5", 1.0)


def test_who_takes_long_gives_way_to_who_comes() -> None:
    few = crowd(max_pending_per_source=2)
    gone: list[int] = []
    for n in range(2):
        few.enter("10.0.0.1", float(n), lambda n=n: gone.append(n))  # type: ignore[misc]  # bound in its turn
    few.enter("10.0.0.1", 1.0 + PATIENCE_S / 2, lambda: gone.append(2))
    assert gone == [0]
    assert refusal(lambda: few.enter("10.0.0.1", 1.0 + PATIENCE_S / 2)) == "too_many_pending"
    few.enter("10.0.0.1", 1.0 + PATIENCE_S)
    assert gone == [0, 1]
    assert few.pending == 2
    assert few.connections == 4  # they are gone when their connections are


def test_when_all_places_are_taken_one_gives_way_of_those_who_have_most() -> None:
    few = crowd(max_pending=3)
    gone: list[str] = []
    for source in ("10.0.0.1", "10.0.0.2", "10.0.0.2"):
        few.enter(source, 1.0, lambda source=source: gone.append(source))  # type: ignore[misc]  # as above
    few.enter("10.0.0.3", 9.0)
    assert gone == ["10.0.0.2"]


def test_who_cannot_be_ended_keeps_its_place() -> None:
    few = crowd(max_pending=1)
    few.enter("10.0.0.1", 1.0)
    assert refusal(lambda: few.enter("10.0.0.2", 9.0)) == "too_many_pending"


def test_there_are_as_many_links_as_may_be_and_no_more() -> None:
    few = crowd(max_links=2)
    places = [few.enter("10.0.0.1", 1.0) for _ in range(2)]
    for place in places:
        place.known()
    assert refusal(lambda: few.enter("10.0.0.2", 1.0)) == "too_many_links"
    places[0].leave()
    few.enter("10.0.0.2", 1.0)


def test_to_leave_twice_counts_once() -> None:
    few = crowd()
    place = few.enter("10.0.0.1", 1.0)
    few.enter("10.0.0.1", 1.0)
    for _ in range(2):
        place.known()
        place.leave()
    assert (few.pending, few.connections) == (1, 1)


@pytest.mark.parametrize("name", ["max_links", "max_links_per_identity", "max_pending", "max_pending_per_source"])
def test_a_limit_of_0_is_an_error(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be more than 0"):
        ServerLimits(**{name: 0})
    zero: Any = {name: 0}
    for router in (sigcore.ServerRouter, sigcore.aio.ServerRouter):
        with pytest.raises(ValueError, match=f"{name} must be more than 0"):
            router("mem://a", **zero)


def test_64_files_are_left_for_other_things_than_links() -> None:
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))
        assert most_connections(10_000) == 512 - 64
        assert most_connections(100) == 100
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


# what a carrier is given


class Made:
    """Stands for the protocol of a link; keeps the place that it was made with."""

    def __init__(self, _endpoint: str, place: Place | None) -> None:
        self.place = place


def entrance(crowd: Crowd, drops: Drops, handshake_timeout: float = 5.0) -> Entrance:
    make: Any = Made
    options = LinkOptions(handshake_timeout=handshake_timeout)
    return Entrance("tcp://here:1", options, crowd, drops, make, lambda _port, _line: None)


def test_the_time_for_the_handshake_is_counted_from_the_admission() -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        admission = entrance(crowd(), Drops(), handshake_timeout=5.0).admit("10.0.0.1")
        assert not isinstance(admission, sigcore.Refusal)
        assert 4.5 < admission.left_s <= 5.0
        made: Any = admission()
        assert loop.time() - 0.5 < made.place.since_s <= loop.time()
        made.place.since_s -= 6.0
        assert admission.left_s == 0.0

    asyncio.run(scenario())


def test_who_is_turned_away_is_told_why_counted_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        drops = Drops()
        there = entrance(crowd(max_pending_per_source=1), drops)
        admission = there.admit("10.0.0.1")
        for _ in range(100):
            refused = there.admit("10.0.0.1")
            assert isinstance(refused, sigcore.Refusal)
            assert refused.farewell.startswith(PREFACE)
            assert json.loads(refused.farewell[len(PREFACE) + 9 :])["code"] == "too_many_pending"
        assert drops.counts() == {"link_too_many_pending": 100}
        assert not isinstance(admission, sigcore.Refusal)
        admission.withdraw()
        assert not isinstance(there.admit("10.0.0.1"), sigcore.Refusal)

    asyncio.run(scenario())
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "10.0.0.1" in record.getMessage()


def test_a_carrier_around_another_has_its_own_protocol_admitted() -> None:
    async def scenario() -> None:
        people = crowd()
        there: Any = entrance(people, Drops())
        inner: Any = sigcore.like_factory(lambda: ("inner", there()), there)  # type: ignore[arg-type,return-value]
        outer: Any = sigcore.like_factory(lambda: ("outer", inner()), inner)  # type: ignore[arg-type,return-value]
        admission = outer.admit("10.0.0.1")
        assert admission.left_s > 4.0
        name, (inside, made) = admission()
        assert (name, inside, made.place.source) == ("outer", "inner", "10.0.0.1")
        assert (people.connections, there().place) == (1, None)
        other = outer.admit("10.0.0.1")
        other.withdraw()
        assert people.connections == 1

    asyncio.run(scenario())


def test_a_carrier_whose_connection_carries_no_link_takes_no_place() -> None:
    async def scenario() -> None:
        people = crowd()
        factory: Any = sigcore.like_factory(asyncio.Protocol, entrance(people, Drops()))
        factory.admit("10.0.0.1")()
        assert people.connections == 0

    asyncio.run(scenario())


def test_a_factory_that_admits_nobody_has_no_admission() -> None:
    assert not hasattr(sigcore.like_factory(asyncio.Protocol, asyncio.Protocol), "admit")


# in a server


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_a_server_takes_as_many_links_as_it_may_and_says_why_no_more(limit: int) -> None:
    with sigcore.ServerRouter("mem://few", max_links=limit) as server:
        clients = [sigcore.ClientRouter("mem://few") for _ in range(limit)]
        late = sigcore.ClientRouter("mem://few", connect_timeout=2, reconnect_delay=0.05)
        try:
            for client in clients:
                client.open()
            with pytest.raises(sigcore.ConnectTimeout, match="max_links"):
                late.open()
            assert server.counters["link_too_many_links"] >= 1
            assert all(client.connected for client in clients)
        finally:
            for client in clients:
                client.close()


def test_a_client_that_found_no_room_comes_in_when_there_is_some() -> None:
    with sigcore.ServerRouter("mem://few", max_links=1) as server:
        first = sigcore.ClientRouter("mem://few")
        first.open()
        late = sigcore.ClientRouter("mem://few", connect_timeout=None, reconnect_delay=0.05)
        with late:
            wait_until(lambda: "link_too_many_links" in server.counters, "it was turned away")
            first.close()
            wait_until(lambda: late.connected, "it comes in")
