# SPDX-License-Identifier: MIT
"""What dispatch libraries often get wrong once there is a wire, and must stay right here."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import pytest
import sig_tcp  # noqa: F401  # tells that these tests need the package

from sigcore import ClientRouter, EventInfo, ServerRouter

from ..waiting import LIMIT_S, Heard, wait_until
from .raw_peer import ADD_SENDER, BYE, EVENT, LISTEN, OK, PREFACE, REMOVE_SENDER, WELCOME, RawPeer, frame, hello

TCP = "tcp://127.0.0.1:0"


def test_many_events_in_one_segment_and_one_event_in_many_segments_arrive_the_same() -> None:
    heard = Heard()
    with ServerRouter(TCP) as server, RawPeer(server.endpoints[0]) as peer:
        server.add_listener(heard, "mine")
        adding = frame(ADD_SENDER, 1, {"sender": "mine", "events": ["e"], "requests": [], "fallback": False})
        for byte in hello() + adding:
            peer.send(bytes([byte]))
        topic = json.loads(peer.expect(OK)[1])["topics"]["e"]
        numbers = b"".join(frame(EVENT, topic, b"%d" % number) for number in range(1_000))
        peer.send(numbers)
        large = frame(EVENT, topic, b'"' + b"x" * 100_000 + b'"')
        for start in range(0, len(large), 10_000):
            peer.send(large[start : start + 10_000])
        peer.send(numbers[:5])
        time.sleep(0.02)  # so that the frame really comes in two
        peer.send(numbers[5:])
        assert heard.wait(2_001) == [*range(1_000), "x" * 100_000, *range(1_000)]


def test_a_trigger_does_not_wait_for_listeners_in_other_processes() -> None:
    go_on = threading.Event()
    with ServerRouter(TCP) as server, ClientRouter(server.endpoints[0]) as client:
        for _ in range(5):
            client.add_listener(lambda _info, _data: go_on.wait(LIMIT_S), "thermo")
        signal = server.add_sender("thermo", "reading").signal("reading")
        began_s = time.monotonic()
        for number in range(1_000):
            signal.trigger(number)
        assert time.monotonic() - began_s < LIMIT_S  # what one listener alone would take
        go_on.set()


def test_a_client_that_died_without_a_word_stalls_nobody_and_is_noticed() -> None:
    heard = Heard()
    options: dict[str, Any] = {"heartbeat": 0.2, "dead_after": 0.6}
    with (
        ServerRouter(TCP, **options) as server,
        ClientRouter(server.endpoints[0]) as client,
        RawPeer(server.endpoints[0], hello() + frame(LISTEN, 1, {"sender": "thermo"})) as dead,
    ):
        dead.expect(OK)  # and never says anything again
        client.add_listener(heard, "thermo")
        signal = server.add_sender("thermo", "reading").signal("reading")
        for number in range(1_000):
            signal.trigger(number)
        assert heard.wait(1_000) == list(range(1_000))
        wait_until(lambda: len(server.peers()) == 1, "it is noticed")
        assert server.counters == {"link_dead": 1}


def test_numbers_on_the_wire_are_counted_and_tell_nothing_of_a_process_s_memory() -> None:
    with ServerRouter(TCP) as server, RawPeer(server.endpoints[0], hello()) as peer:
        welcome = json.loads(peer.expect(WELCOME)[1])
        assert len(welcome["server"]) == len(welcome["epoch"]) == 32
        topics = []
        for number in range(5):
            sender = {"sender": f"s{number}", "events": ["a", "b"], "requests": [], "fallback": False}
            peer.send(frame(ADD_SENDER, number + 1, sender))
            topics += json.loads(peer.expect(OK)[1])["topics"].values()
        assert sorted(set(topics)) == sorted(topics)
        assert max(topics) < 100


def test_a_topic_s_number_is_never_used_for_another_topic() -> None:
    with ServerRouter(TCP) as server, RawPeer(server.endpoints[0], hello()) as peer:
        peer.expect(WELCOME)
        seen: list[int] = []
        for number in range(20):
            peer.send(
                frame(ADD_SENDER, number + 1, {"sender": "s", "events": ["e"], "requests": [], "fallback": False})
            )
            seen += json.loads(peer.expect(OK)[1])["topics"].values()
            peer.send(frame(REMOVE_SENDER, 0, {"sender": "s"}))
        assert len(set(seen)) == 20


def test_each_start_of_a_server_is_told_apart() -> None:
    epochs = set()
    for _ in range(3):
        with ServerRouter(TCP) as server, RawPeer(server.endpoints[0], hello()) as peer:
            epochs.add(json.loads(peer.expect(WELCOME)[1])["epoch"])
    assert len(epochs) == 3


@pytest.mark.parametrize("result", [None, {}, [], "", 0, False])
def test_an_empty_result_is_no_other_empty_result(result: Any) -> None:
    with ServerRouter(TCP) as server, ClientRouter(server.endpoints[0]) as client:
        client.add_sender("thermo", requests={"get": lambda params: params})
        got = server.request("thermo", "get", result)
        assert got == result
        assert type(got) is type(result)


def test_nobody_can_speak_for_the_sender_of_another_link() -> None:
    heard = Heard()
    with ServerRouter(TCP) as server, ClientRouter(server.endpoints[0], name="owner") as owner:
        server.add_listener(heard, "thermo")
        thermo = owner.add_sender("thermo", "reading")
        thermo.trigger("reading", "true")
        heard.wait(1)
        for topic in range(1, 10):
            with RawPeer(server.endpoints[0], hello() + frame(EVENT, topic, b'"a lie"')) as liar:
                liar.rest()
        thermo.trigger("reading", "true again")
        assert heard.wait(2) == ["true", "true again"]


def test_the_preface_names_the_version_and_the_server_answers_with_its_own() -> None:
    with ServerRouter(TCP) as server, RawPeer(server.endpoints[0], PREFACE[:-1] + b"\x02") as newer:
        ((kind, body),) = newer.rest()
        assert kind == BYE
        said = json.loads(body)
        assert said["code"] == "version"
        assert "version 2" in said["message"]
        assert "version 1" in said["message"]


def test_order_holds_for_each_sender_and_listener_while_requests_go_both_ways() -> None:
    heard = Heard()
    with (
        ServerRouter(TCP) as server,
        ClientRouter(server.endpoints[0]) as one,
        ClientRouter(server.endpoints[0]) as two,
    ):
        replies: list[int] = []

        def ask_now_and_then(info: EventInfo, data: int) -> None:
            heard(info, data)
            if data % 50 == 0:
                replies.append(two.request("thermo", "echo", data))

        two.add_listener(ask_now_and_then, "thermo", "reading")
        signal = one.add_sender("thermo", "reading", {"echo": lambda params: params}).signal("reading")
        for number in range(1_000):
            signal.trigger(number)
        assert heard.wait(1_000) == list(range(1_000))
        wait_until(lambda: len(replies) == 20, "all replies")
        assert replies == list(range(0, 1_000, 50))
