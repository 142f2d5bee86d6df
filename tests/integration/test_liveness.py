# SPDX-License-Identifier: MIT
"""Who is there, while cables are pulled: short cuts show nothing, long ones are told once, and names come back."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sig_serial  # noqa: F401  # tells that these tests need the package
import sig_tcp  # noqa: F401  # likewise

import sigcore
from sigcore import ClientRouter, ServerRouter

from ..waiting import LIMIT_S, Errors, Heard, wait_until
from .forms import FORMS, Peer
from .outages import CARRIERS, a_house
from .raw_peer import ADD_SENDER, BYE, PING, PONG, WELCOME, RawPeer, frame, hello

TCP = "tcp://127.0.0.1:0"

LONG_S = 30.0
"""A time that no test waits for."""


@pytest.fixture(params=[(carrier, form) for carrier in CARRIERS for form in FORMS], ids="-".join)
def place(request: pytest.FixtureRequest, tmp_path: Path, _nothing_left: None) -> tuple[str, str, Path]:
    """A carrier and a form, and where files go."""
    carrier, form = request.param
    return carrier, form, tmp_path


def watch(peer: Peer, name: str | None = None) -> Heard:
    """Return what a router is told of a sender's coming and going, or of everybody's."""
    presence = Heard()
    for event in ("#disconnect", "#connect"):
        peer.add_listener(presence, name, event)
    return presence


def changes(presence: Heard) -> list[tuple[str, bool, str]]:
    """Return what was told, as (name, whether it is there, cause)."""
    return [(info.name, info.connected, info.cause) for info in presence.data]


class Counting:
    """A sender that triggers numbers, one after the other, from a thread of its own."""

    def __init__(self, peer: Peer, name: str) -> None:
        self.count = 0
        self._peer = peer
        self.sender = peer.add_sender(name, "count", {"double": lambda params: 2 * params})
        self._signal = self.sender.signal("count")

    def on(self, number: int) -> None:
        """Trigger so many more."""
        for _ in range(number):
            self._peer.do(self._signal.trigger, self.count)
            self.count += 1


def test_a_cut_shorter_than_the_grace_time_is_seen_by_nobody_and_nothing_is_lost(
    place: tuple[str, str, Path],
) -> None:
    carrier, form, directory = place
    with a_house(carrier, form, directory, grace=LONG_S) as house:
        left, right = house.clients["left"], house.clients["right"]
        counters = [Counting(peer, name) for peer, name in ((left, "l"), (right, "r"), (house.server, "s"))]
        watched = [watch(peer) for peer in (left, right, house.server)]
        for presence in watched:
            presence.wait(3)
        before = [changes(presence) for presence in watched]
        heard = {(peer, name): Heard() for peer in (left, right, house.server) for name in "lrs"}
        gaps = Heard()
        for (peer, name), one in heard.items():
            peer.add_listener(one, name, on_gap=gaps)
        for counter in counters:
            counter.on(20)
        house.cables["left"].pull()
        wait_until(lambda: not left.router.connected, "the client notices")
        for counter in counters:
            counter.on(20)
        house.cables["left"].plug()
        for counter in counters:
            counter.on(20)
        for one in heard.values():
            assert one.wait(60) == list(range(60))  # and behind any presence that there was
        assert [changes(presence) for presence in watched] == before
        assert gaps.data == []
        assert house.errors.data == []
        assert left.router.connected


def test_a_cut_longer_than_the_grace_time_is_told_once_and_in_time_and_the_name_comes_back(
    place: tuple[str, str, Path],
) -> None:
    carrier, form, directory = place
    cause = "unplugged" if carrier == "serial" else "link_lost"  # a network cannot tell why
    grace_s = 1.0
    with a_house(carrier, form, directory, grace=grace_s) as house:
        left, right = house.clients["left"], house.clients["right"]
        thermo, valve = Counting(left, "thermo"), Counting(right, "valve")
        watched = {
            "there": watch(right, "thermo"),
            "server": watch(house.server, "thermo"),
            "cut": watch(left, "valve"),
        }
        heard, back = Heard(), Heard()
        right.add_listener(heard, "thermo")
        left.add_listener(back, "valve")
        for presence in watched.values():
            presence.wait(1)
        house.cables["left"].pull()
        began_s = time.monotonic()
        thermo.on(5)
        valve.on(5)
        for presence in watched.values():
            presence.wait(2)
        assert grace_s - 0.1 < time.monotonic() - began_s < 1.5 * grace_s
        with pytest.raises(sigcore.SenderNotFound):
            right.request("thermo", "double", 1)
        with pytest.raises(sigcore.NotSent):
            left.request("valve", "double", 1)
        assert "thermo" not in [info.name for info in right.senders()]
        house.cables["left"].plug()
        for where, presence in watched.items():
            name = "valve" if where == "cut" else "thermo"
            presence.wait(3)
            assert changes(presence) == [(name, True, ""), (name, False, cause), (name, True, "")]
        thermo.on(5)
        assert heard.wait(10) == list(range(10))  # what was triggered meanwhile, too
        assert back.wait(5) == list(range(5))
        assert right.request("thermo", "double", 21) == 42
        assert left.request("valve", "double", 21) == 42
        assert [len(presence.data) for presence in watched.values()] == [3, 3, 3]
        assert house.errors.data == []


@pytest.mark.parametrize("form", FORMS)
def test_a_name_that_somebody_took_meanwhile_is_told_once_and_claimed_again_when_it_is_free(
    form: str, tmp_path: Path
) -> None:
    with a_house("tcp", form, tmp_path, grace=0.2) as house:
        left, right = house.clients["left"], house.clients["right"]
        left.add_sender("thermo", requests={"who": lambda _params: "left"})
        presence = watch(house.server, "thermo")
        house.cables["left"].pull()
        presence.wait(2)
        usurper = right.add_sender("thermo", requests={"who": lambda _params: "right"})
        house.cables["left"].plug()
        (error,) = house.errors.wait(1)
        assert isinstance(error, sigcore.SenderExists)
        assert "thermo" in str(error)
        wait_until(lambda: left.router.connected, "everything else is as before")
        assert house.server.request("thermo", "who") == "right"
        right.do(usurper.remove)
        presence.wait(5)
        assert changes(presence) == [
            ("thermo", True, ""),
            ("thermo", False, "link_lost"),
            ("thermo", True, ""),
            ("thermo", False, "removed"),
            ("thermo", True, ""),
        ]
        assert house.server.request("thermo", "who") == "left"
        assert len(house.errors.data) == 1


# half-open links


@pytest.mark.parametrize("form", FORMS)
def test_a_client_finds_a_half_open_link_and_goes_on_while_the_server_still_believes_in_the_old_one(
    form: str, tmp_path: Path
) -> None:
    lease_s = 0.8
    with a_house("tcp", form, tmp_path, client={"heartbeat": 0.2, "dead_after": lease_s}) as house:
        left, right = house.clients["left"], house.clients["right"]
        counters = [Counting(left, "l"), Counting(right, "r")]
        presence = watch(right, "l")
        heard = {name: Heard() for name in "lr"}
        right.add_listener(heard["l"], "l")
        left.add_listener(heard["r"], "r")
        for counter in counters:
            counter.on(10)
        faults = house.cables["left"].faults
        faults.silence()
        began_s = time.monotonic()
        for counter in counters:
            counter.on(10)
        wait_until(lambda: faults.made == 2, "the client has another link")
        assert time.monotonic() - began_s < 1.5 * lease_s
        for counter in counters:
            counter.on(10)
        for one in heard.values():
            assert one.wait(30) == list(range(30))
        assert changes(presence) == [("l", True, "")]
        assert [peer.name for peer in house.server.peers()].count("left") == 1
        assert house.server.request("l", "double", 2) == 4


@pytest.mark.parametrize("form", FORMS)
def test_a_server_finds_a_half_open_link_and_tells_that_its_senders_left(form: str, tmp_path: Path) -> None:
    lease_s, grace_s = 0.8, 0.2
    quick: dict[str, Any] = {"heartbeat": 0.2, "dead_after": lease_s, "grace": grace_s}
    with a_house("tcp", form, tmp_path, client={"heartbeat": 10.0, "dead_after": 30.0}, **quick) as house:
        left, right = house.clients["left"], house.clients["right"]
        left.add_sender("thermo")
        presence = watch(right, "thermo")
        presence.wait(1)
        house.cables["left"].faults.silence()
        began_s = time.monotonic()
        presence.wait(2)
        assert time.monotonic() - began_s < 1.5 * (lease_s + grace_s)
        assert changes(presence) == [("thermo", True, ""), ("thermo", False, "silent")]
        wait_until(lambda: house.server.router.counters == {"link_dead": 1}, "its end is counted")
        assert right.router.connected


@pytest.mark.parametrize("form", FORMS)
def test_a_serial_line_on_which_nothing_arrives_any_more_is_found_and_taken_up_again(form: str, tmp_path: Path) -> None:
    lease_s = 1.0
    quick: dict[str, Any] = {"heartbeat": 0.25, "dead_after": lease_s}
    with a_house("serial", form, tmp_path, ["left"], grace=LONG_S, **quick) as house:
        left = house.clients["left"]
        counters = [Counting(left, "l"), Counting(house.server, "s")]
        heard = {"l": Heard(), "s": Heard()}
        presence = watch(house.server, "l")
        house.server.add_listener(heard["l"], "l")
        left.add_listener(heard["s"], "s")
        for counter in counters:
            counter.on(10)
        line = house.cables["left"].line
        line.fault = lambda _path, _data: b""  # both ports are there, and stay open
        began_s = time.monotonic()
        for counter in counters:
            counter.on(10)
        wait_until(lambda: not left.router.connected, "it is found")
        assert time.monotonic() - began_s < 1.5 * lease_s
        line.fault = None
        for counter in counters:
            counter.on(10)
        for one in heard.values():
            assert one.wait(30) == list(range(30))
        assert changes(presence) == [("l", True, "")]


@pytest.mark.parametrize("form", FORMS)
def test_what_an_old_link_still_brings_changes_nothing(form: str, tmp_path: Path) -> None:
    with a_house("tcp", form, tmp_path, client={"heartbeat": 0.1, "dead_after": 0.3}) as house:
        left, right = house.clients["left"], house.clients["right"]
        thermo = Counting(left, "thermo")
        presence, heard, back = watch(right, "thermo"), Heard(), Heard()
        right.add_listener(heard, "thermo")
        valve = Counting(right, "valve")
        left.add_listener(back, "valve")
        faults = house.cables["left"].faults
        for life in (1, 2):
            old = faults.links
            for link in old:
                link.stall()  # what comes waits there, and so does what the client has not read
                link.stop_writing()
            thermo.on(10)
            valve.on(10)
            wait_until(lambda life=life: faults.made == life + 1, "the client has another link")  # type: ignore[misc]
            heard.wait(10 * life)
            for link in old:
                link.go_on()  # and now all that comes, and its end with it
            thermo.on(10)
            valve.on(10)
            wait_until(lambda: len(faults.links) == 1, "the old link is gone")
        assert heard.wait(40) == back.wait(40) == list(range(40))
        assert changes(presence) == [("thermo", True, "")]
        assert [peer.name for peer in house.server.peers()].count("left") == 1
        assert left.router.connected


def test_a_link_whose_session_goes_on_by_another_is_told_so_and_closed_and_is_heard_no_more() -> None:
    adding = frame(ADD_SENDER, 1, {"sender": "late", "events": []})
    with ServerRouter(TCP) as server, RawPeer(server.endpoints[0], hello()) as old:
        session = json.loads(old.expect(WELCOME)[1])["session"]
        shown = {"id": session["id"], "secret": session["secret"], "received": 0}
        with RawPeer(server.endpoints[0], hello(session=shown)) as new:
            assert json.loads(new.expect(WELCOME)[1])["session"]["resumed"] is True
            with suppress(ConnectionError):  # it may be closed by now
                old.send(adding)
            kind, body = old.rest()[-1]
            assert (kind, json.loads(body)["code"]) == (BYE, "replaced")
            new.send(frame(PING, 7))
            assert new.expect(PONG)[0] == 7
            assert server.senders() == []
            assert [peer.name for peer in server.peers()] == ["stranger"]


# requests


def test_a_request_to_a_sender_whose_link_is_cut_is_answered_when_it_is_back(place: tuple[str, str, Path]) -> None:
    carrier, form, directory = place
    with a_house(carrier, form, directory, grace=LONG_S) as house, ThreadPoolExecutor(2) as pool:
        left, right = house.clients["left"], house.clients["right"]
        begun, go_on = threading.Event(), threading.Event()
        asked: list[Any] = []

        def answer(params: Any) -> Any:
            asked.append(params)
            begun.set()
            go_on.wait(LIMIT_S)
            return params

        left.add_sender("thermo", requests={"echo": answer})
        early = pool.submit(right.request, "thermo", "echo", "early", timeout=LONG_S)
        assert begun.wait(LIMIT_S)
        house.cables["left"].pull()
        wait_until(lambda: not left.router.connected, "the client notices")
        go_on.set()
        late = pool.submit(house.server.request, "thermo", "echo", "late", timeout=LONG_S)
        with pytest.raises(sigcore.RequestTimeout):
            right.request("thermo", "echo", "too late", timeout=0.1)
        house.cables["left"].plug()
        assert early.result(LIMIT_S) == "early"
        assert late.result(LIMIT_S) == "late"
        assert right.request("thermo", "echo", "last") == "last"
        assert asked == ["early", "late", "last"]  # each once, and none whose time was over


@pytest.mark.parametrize("form", FORMS)
def test_who_asks_while_its_own_link_is_cut_is_answered_when_it_is_back(form: str, tmp_path: Path) -> None:
    with a_house("tcp", form, tmp_path, grace=LONG_S) as house, ThreadPoolExecutor(1) as pool:
        left = house.clients["left"]
        asked: list[Any] = []
        house.server.add_sender("thermo", requests={"note": asked.append})
        house.cables["left"].pull()
        wait_until(lambda: not left.router.connected, "the client notices")
        with pytest.raises(sigcore.RequestTimeout):
            left.request("thermo", "note", "too late", timeout=0.1)
        asking = pool.submit(left.request, "thermo", "note", "in time", timeout=LONG_S)
        house.cables["left"].plug()
        assert asking.result(LIMIT_S) is None
        assert asked == ["in time"]


# several with one name


def alternates(presence: Heard) -> bool:
    """Whether a sender was there, gone, there, ... in turn: never twice at a time."""
    there = [info.connected for info in presence.data]
    return there == [number % 2 == 0 for number in range(len(there))]


def name_of(client: ClientRouter, _params: object = None) -> str:
    """Return what a client calls itself."""
    return client._inner._name


@pytest.mark.parametrize("number", [2, 50])
def test_of_many_that_claim_a_name_at_once_one_has_it_at_any_time_and_none_is_thrown_out(number: int) -> None:
    refusals = Errors()
    with ServerRouter(TCP) as server, ExitStack() as stack:
        presence = Heard()
        for event in ("#disconnect", "#connect"):
            server.add_listener(presence, "thermo", event)
        clients = [
            ClientRouter(server.endpoints[0], name=f"client{index}", connect_timeout=None, on_error=refusals)
            for index in range(number)
        ]
        for client in clients:  # each claims it as it connects, and goes on claiming it
            client.add_sender("thermo", requests={"who": partial(name_of, client)})
            stack.callback(client.close)
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(ClientRouter.open, clients))
        refusals.wait(number - 1)
        owners = []
        for turn in range(2 if number == 2 else 4):
            (info,) = presence.wait(2 * turn + 1)[2 * turn :]
            owner = server.request("thermo", "who")
            assert info.peer.name == owner
            owners.append(owner)
            (winner,) = (client for client in clients if name_of(client) == owner)
            winner.close()  # and the next who tries gets it
            clients.remove(winner)
            presence.wait(2 * turn + 2)
        assert len(set(owners)) == len(owners)
        assert alternates(presence)
        assert {type(error) for error in refusals.data} == {sigcore.SenderExists}
        assert len(refusals.data) == number - 1  # told once each, however often they tried
        assert server.counters == {}  # no link was ended for it
