# SPDX-License-Identifier: MIT
"""Whatever a peer sends: a clear reason in the log, at most its own link closed, and everybody else goes on."""

from __future__ import annotations

import json
import logging
import random
import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
import sig_tcp  # noqa: F401  # tells that these tests need the package

import sigcore
from sigcore import ClientRouter, ServerRouter

from ..waiting import LIMIT_S, Errors, Heard, wait_until
from .raw_peer import (
    ACK,
    ADD_SENDER,
    BYE,
    CANCEL,
    ERROR,
    EVENT,
    EVENT_META,
    LISTEN,
    OK,
    PING,
    PONG,
    PREFACE,
    QUERY,
    REMOVE_SENDER,
    REPLY,
    REQUEST,
    TOPIC,
    WELCOME,
    RawPeer,
    frame,
    hello,
)


@dataclass
class Place:
    """A server with two clients that get along, whatever else connects."""

    server: ServerRouter
    errors: Errors
    canary: sigcore.Signal[Any]
    heard: Heard

    @property
    def endpoint(self) -> str:
        return self.server.endpoints[0]

    def is_well(self) -> None:
        """Fail unless the two clients still reach each other, over the links that they had."""
        self.heard.data.clear()
        self.canary.trigger("still here")
        assert self.heard.wait(1) == ["still here"]


@pytest.fixture
def place(_nothing_left: None) -> Iterator[Place]:
    with ExitStack() as stack:
        errors = Errors()
        server = ServerRouter("tcp://127.0.0.1:0", handshake_timeout=0.4, on_error=errors)
        stack.enter_context(server)
        one, other = (stack.enter_context(ClientRouter(server.endpoints[0])) for _ in range(2))
        heard = Heard()
        other.add_listener(heard, "canary", "song")
        canary = one.add_sender("canary", "song", {"sing": lambda params: params}).signal("song")
        made = Place(server, errors, canary, heard)
        made.is_well()
        yield made
        made.is_well()  # in every test
        assert one.connected
        assert other.connected


def client_hello() -> bytes:
    """Return how a TLS client begins."""
    sent = ssl.MemoryBIO()
    tls = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), sent, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return sent.read()


def reason(frames: list[tuple[int, bytes]]) -> str | None:
    """Return the code of the BYE that came last; ``None`` where there was no word at all."""
    if not frames:
        return None
    kind, body = frames[-1]
    assert kind == BYE
    said = json.loads(body)
    assert said["message"]
    code = said["code"]
    assert isinstance(code, str)
    return code


def check_told(place: Place, caplog: pytest.LogCaptureFixture, code: str, text: str) -> None:
    """Fail unless the end of one link was counted, and logged once with what tells a user why."""
    wait_until(lambda: place.server.counters == {f"link_{code}": 1}, "the end of the link is counted")
    (record,) = (record for record in caplog.records if record.levelno >= logging.WARNING)
    assert place.endpoint in record.getMessage()
    assert text in record.getMessage()


# before the handshake is done

STRANGERS = [
    pytest.param(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "not_sigcore", "HTTP", id="HTTP"),
    pytest.param(client_hello(), "not_sigcore", "TLS", id="TLS"),
    pytest.param(b"SSH-2.0-OpenSSH_9.6\r\n", "not_sigcore", "SSH", id="SSH"),
    pytest.param(random.Random(1).randbytes(10_000), "not_sigcore", "does not speak sigcore", id="noise"),
    pytest.param(PREFACE[:3] + b"x", "not_sigcore", "does not speak sigcore", id="almost"),
    pytest.param(PREFACE[:-1] + b"\x09", "version", "version 9", id="another version"),
    pytest.param(hello(versions=[7, 8]), "version", "[7, 8]", id="no version in common"),
    pytest.param(hello(codecs=["morse"]), "codec", "morse", id="no codec in common"),
    pytest.param(hello(name=5), "malformed_body", "'name' must be text", id="HELLO with a wrong field"),
    pytest.param(hello(name="\ud800"), "malformed_body", "HELLO", id="HELLO with a lone surrogate"),
    pytest.param(hello(limits={"frame": 1, "credit": 1}), "malformed_body", "frame", id="HELLO with tiny limits"),
    pytest.param(PREFACE + frame(1, 0, b"{}}"), "malformed_body", "JSON", id="HELLO that is no JSON"),
    pytest.param(
        PREFACE + frame(1, 0, b"[" * 4_000), "malformed_body", "deeper than 8 levels", id="HELLO nested deeply"
    ),
    pytest.param(PREFACE + struct.pack(">IBI", 5_000, 1, 0), "frame_too_large", "5000 bytes", id="HELLO too long"),
    pytest.param(PREFACE + frame(EVENT, 1, b"1"), "unexpected_kind", "EVENT", id="an event before HELLO"),
    pytest.param(b"", "handshake_timeout", "0.4 s", id="silence"),
    pytest.param(hello()[:40], "handshake_timeout", "0.4 s", id="half a HELLO"),
]


@pytest.mark.parametrize(("data", "code", "text"), STRANGERS)
def test_a_stranger_is_closed_with_a_reason_and_nobody_else_notices(
    place: Place, caplog: pytest.LogCaptureFixture, data: bytes, code: str, text: str
) -> None:
    with RawPeer(place.endpoint, data) as stranger:
        said = reason(stranger.rest())
    assert said in (None, code)
    check_told(place, caplog, code, text)


# after it

SENDER = frame(ADD_SENDER, 1, {"sender": "mine", "events": ["e"], "requests": [], "fallback": False})

RULE_BREAKERS = [
    pytest.param(frame(0x70), "unknown_kind", "0x70", id="unknown kind"),
    pytest.param(struct.pack(">IBI", 2**31, EVENT, 1), "frame_too_large", "2147483648 bytes", id="oversized length"),
    pytest.param(frame(EVENT, 1, b"1"), "topic_not_owned", "topic 1", id="the canary's topic"),
    pytest.param(frame(EVENT, 4_000_000, b"1"), "topic_not_owned", "topic 4000000", id="nobody's topic"),
    pytest.param(frame(WELCOME, 0, {}), "unexpected_kind", "WELCOME", id="a server's frame"),
    pytest.param(frame(TOPIC, 9, {"sender": "a", "event": "b"}), "unexpected_kind", "TOPIC", id="TOPIC by a client"),
    pytest.param(frame(LISTEN, 1, b"{"), "malformed_body", "LISTEN", id="no JSON"),
    pytest.param(frame(LISTEN, 1, b'{"a":1,"a":2}'), "malformed_body", "twice", id="a key twice"),
    pytest.param(frame(LISTEN, 1, {}) * 2, "malformed_body", "number 1", id="a number twice"),
    pytest.param(frame(LISTEN, 1, {"event": "#no"}), "invalid_name", "#no", id="an event of sigcore's that is none"),
    pytest.param(frame(ADD_SENDER, 1, {"sender": "a*"}), "invalid_name", "a*", id="a pattern as a name"),
    pytest.param(frame(ADD_SENDER, 1, {"sender": "a", "events": [5]}), "invalid_name", "5", id="a number as a name"),
    pytest.param(frame(REQUEST, 1, b"\0\0"), "malformed_body", "REQUEST", id="REQUEST cut short"),
    pytest.param(frame(ACK, 0, struct.pack(">QQ", 10**6, 10**7)), "bad_ack", "1000000", id="ACK ahead"),
    pytest.param(frame(ACK, 0, struct.pack(">QQ", 0, 0)), "bad_ack", "credit", id="ACK that takes credit back"),
    pytest.param(frame(ACK, 0, b"1"), "malformed_body", "ACK", id="ACK cut short"),
]


@pytest.mark.parametrize(("data", "code", "text"), RULE_BREAKERS)
def test_a_peer_that_breaks_the_rules_is_closed_with_a_reason_and_nobody_else_notices(
    place: Place, caplog: pytest.LogCaptureFixture, data: bytes, code: str, text: str
) -> None:
    with RawPeer(place.endpoint, hello()) as peer:
        peer.expect(WELCOME)
        peer.send(data)
        assert reason(peer.rest()) == code
    check_told(place, caplog, code, text)


def test_events_beyond_the_credit_close_the_link_that_sent_them(caplog: pytest.LogCaptureFixture) -> None:
    go_on = threading.Event()
    with ServerRouter("tcp://127.0.0.1:0", credit=2_000, event_queue=2_000, stall_budget=30.0) as server:
        server.add_listener(lambda _info, _data: go_on.wait(LIMIT_S), "mine")
        with RawPeer(server.endpoints[0], hello() + SENDER) as peer:
            peer.expect(WELCOME)
            topic = json.loads(peer.expect(OK)[1])["topics"]["e"]
            peer.send(frame(EVENT, topic, b'"' + b"x" * 100 + b'"') * 100)
            assert reason(peer.rest()) == "credit_exceeded"
        go_on.set()
        wait_until(lambda: "link_credit_exceeded" in server.counters, "it is counted")


def test_a_frame_cut_short_by_the_end_of_the_connection_is_no_event(place: Place) -> None:
    heard = Heard()
    place.server.add_listener(heard, "mine")
    with RawPeer(place.endpoint, hello() + SENDER) as peer:
        topic = json.loads(peer.expect(OK)[1])["topics"]["e"]
        peer.send(frame(EVENT, topic, b"1") + frame(EVENT, topic, b"[1,2,3]")[:-1])
        assert heard.wait(1) == [1]
    wait_until(lambda: [info.name for info in place.server.senders()] == ["canary"], "its sender leaves with it")
    assert heard.data == [1]


def test_a_peer_that_falls_silent_within_a_frame_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    with (
        ServerRouter("tcp://127.0.0.1:0", heartbeat=0.1, dead_after=0.4) as server,
        RawPeer(server.endpoints[0], hello()) as peer,
    ):
        peer.expect(WELCOME)
        peer.send(frame(LISTEN, 1, {})[:-1])
        frames = peer.rest()
        assert PING in [kind for kind, _body in frames]
        assert reason(frames) == "dead"
        wait_until(lambda: server.counters == {"link_dead": 1}, "it is counted")
    assert "no sign of life for 0.4 s" in caplog.text


# what costs no link


def test_a_body_that_cannot_be_decoded_costs_its_listener_an_error_and_no_link(place: Place) -> None:
    heard = Heard()
    listener = place.server.add_listener(heard, "mine", "e")
    with RawPeer(place.endpoint, hello() + SENDER) as peer:
        topic = json.loads(peer.expect(OK)[1])["topics"]["e"]
        bad_meta = struct.pack(">I", 1) + b"5" + b"1"
        peer.send(
            frame(EVENT, topic, b"{no json")
            + frame(EVENT, topic, b"")
            + frame(EVENT_META, topic, struct.pack(">I", 100) + b"{}")
            + frame(EVENT_META, topic, bad_meta)
            + frame(EVENT, topic, b"1")
        )
        assert heard.wait(1) == [1]
        errors = place.errors.wait(4)
        assert len(errors) == 4
        for error in errors:
            assert isinstance(error, sigcore.ListenerError)
            assert error.listener is listener
            assert (error.info.sender, error.info.event) == ("mine", "e")
        assert isinstance(errors[0].__cause__, sigcore.CodecError)


def test_a_body_that_cannot_be_translated_is_left_out_for_that_link_alone(place: Place) -> None:
    pytest.importorskip("sig_cbor")
    json_heard, cbor_heard = Heard(), Heard()
    with (
        ClientRouter(place.endpoint, on_error=place.errors) as json_client,
        ClientRouter(place.endpoint, codec="cbor") as cbor_client,
        RawPeer(place.endpoint, hello() + SENDER) as peer,
    ):
        json_client.add_listener(json_heard, "mine")
        cbor_client.add_listener(cbor_heard, "mine")
        topic = json.loads(peer.expect(OK)[1])["topics"]["e"]
        peer.send(frame(EVENT, topic, b"{no json") + frame(EVENT, topic, b"1"))
        assert json_heard.wait(1) == cbor_heard.wait(1) == [1]
        assert place.server.counters == {"untranslatable": 1}
        place.errors.wait(1)  # the JSON listener's, who got the bytes as they were
        assert json_client.connected
        assert cbor_client.connected


def test_what_a_peer_may_get_wrong_without_losing_its_link(place: Place) -> None:
    with RawPeer(place.endpoint, hello()) as peer:
        peer.expect(WELCOME)
        peer.send(frame(0x80, 5, b"an extension") + frame(0xFF) + frame(PING, 77))
        assert peer.expect(PONG)[0] == 77
        peer.send(frame(ADD_SENDER, 2, {"sender": "canary", "events": []}))
        number, body = peer.expect(ERROR)
        assert (number, json.loads(body)["code"]) == (2, "sender_exists")
        peer.send(frame(REMOVE_SENDER, 0, {"sender": "canary"}) + frame(REPLY, 4_711, b"1") + frame(CANCEL, 4_711))
        peer.send(frame(QUERY, 3, {"what": "weather"}))
        assert peer.expect(ERROR)[0] == 3
        peer.send(frame(REQUEST, 4, request("nobody", "x", b"1")))
        number, body = peer.expect(ERROR)
        assert (number, json.loads(body)["code"]) == (4, "sender_not_found")
        peer.send(frame(REQUEST, 5, request("canary", "sing", b"{no json")))
        number, body = peer.expect(ERROR)
        assert (number, json.loads(body)["code"]) == (5, "codec_error")
        peer.send(frame(REQUEST, 6, request("canary", "sing", b"[1]")))
        assert peer.expect(REPLY) == (6, b"[1]")
        assert place.server.counters == {"late_reply": 1}
        assert [info.name for info in place.server.senders()] == ["canary"]


def request(sender: str, method: str, params: bytes) -> bytes:
    names = b"".join(bytes([len(name)]) + name.encode() for name in (sender, method, ""))
    return struct.pack(">I", 10_000) + names + params


def test_a_reply_is_taken_only_from_the_link_that_was_asked(place: Place) -> None:
    go_on, asked = threading.Event(), threading.Event()

    def slow(_params: Any) -> str:
        asked.set()
        go_on.wait(LIMIT_S)
        return "the true answer"

    with ClientRouter(place.endpoint) as client, RawPeer(place.endpoint, hello()) as stranger:
        client.add_sender("thermo", requests={"slow": slow})
        stranger.expect(WELCOME)
        answers: list[Any] = []
        asking = threading.Thread(target=lambda: answers.append(place.server.request("thermo", "slow")))
        asking.start()
        assert asked.wait(LIMIT_S)
        stranger.send(b"".join(frame(REPLY, number, b'"a lie"') for number in range(1, 50)) + frame(PING, 1))
        stranger.expect(PONG)
        go_on.set()
        asking.join(LIMIT_S)
        assert answers == ["the true answer"]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (REPLY, b"{no json"),
        (REPLY, b""),
        (ERROR, {"code": "from_the_future", "message": "no water"}),
        (ERROR, {"code": "sender_exists", "message": "no water"}),
    ],
    ids=["no JSON", "no bytes", "unknown code", "code of another matter"],
)
@pytest.mark.parametrize("codec", ["json", "cbor", ""], ids=["json", "cbor", "the server itself"])
def test_whatever_a_peer_answers_to_a_request_is_an_outcome_of_requests(
    place: Place, kind: int, body: Any, codec: str
) -> None:
    if codec == "cbor":
        pytest.importorskip("sig_cbor")
    with ExitStack() as stack:
        asker = stack.enter_context(ClientRouter(place.endpoint, codec=codec)) if codec else place.server
        peer = stack.enter_context(RawPeer(place.endpoint, hello()))
        peer.expect(WELCOME)
        peer.send(frame(ADD_SENDER, 1, {"sender": "mine", "events": [], "requests": ["work"]}))
        peer.expect(OK)

        def answer() -> None:
            number, _body = peer.expect(REQUEST)
            peer.send(frame(kind, number, body))

        answering = threading.Thread(target=answer)
        answering.start()
        with pytest.raises(sigcore.RequestFailed, match="no water" if kind == ERROR else "the handler ran"):
            asker.request("mine", "work")
        answering.join(LIMIT_S)


def test_many_strangers_at_once_are_all_closed(place: Place) -> None:
    with ExitStack() as stack:
        strangers = [stack.enter_context(RawPeer(place.endpoint, b"GET / HTTP/1.1\r\n\r\n")) for _ in range(50)]
        for stranger in strangers:
            stranger.rest()
    wait_until(lambda: place.server.counters == {"link_not_sigcore": 50}, "all are counted")
    assert len(place.server.peers()) == 2


# a server that is none


@pytest.mark.parametrize(
    ("greeting", "code", "text"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "not_sigcore", "HTTP"),
        (b"\x16\x03\x01\x02\x00\x01", "not_sigcore", "TLS"),
        (PREFACE[:-1] + b"\x09", "version", "version 9"),
    ],
)
def test_a_client_that_reaches_something_else_says_so_at_once(greeting: bytes, code: str, text: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def greet() -> None:
            connection = listening.accept()[0]
            with connection:
                connection.sendall(greeting)
                connection.settimeout(LIMIT_S)
                while connection.recv(1_000):
                    pass

        greeting_thread = threading.Thread(target=greet)
        greeting_thread.start()
        began = time.monotonic()
        with pytest.raises(sigcore.RemoteProtocolError, match=text) as caught:
            ClientRouter(f"tcp://127.0.0.1:{listening.getsockname()[1]}").open()
        assert caught.value.code == code
        assert time.monotonic() - began < 5.0
        greeting_thread.join(LIMIT_S)


def test_a_client_that_gives_up_closes_its_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        client = ClientRouter(f"tcp://127.0.0.1:{listening.getsockname()[1]}", connect_timeout=0.2)
        with pytest.raises(sigcore.ConnectTimeout, match="took the connection and has not answered yet"):
            client.open()
        connection = listening.accept()[0]
        with connection:
            connection.settimeout(LIMIT_S)
            while connection.recv(1_000):
                pass


def test_a_client_whose_server_answers_the_handshake_alone_says_so() -> None:
    limits = {"frame": 65_536, "credit": 65_536}
    fields = {"version": 1, "codec": "json", "limits": limits, "session": {"id": "", "secret": "", "resumed": False}}
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def welcome() -> None:
            connection = listening.accept()[0]
            with connection:
                connection.settimeout(LIMIT_S)
                connection.sendall(PREFACE + frame(WELCOME, 0, fields))
                while connection.recv(1_000):
                    pass

        welcoming = threading.Thread(target=welcome)
        welcoming.start()
        client = ClientRouter(f"tcp://127.0.0.1:{listening.getsockname()[1]}", connect_timeout=0.5)
        client.add_sender("thermo")
        with pytest.raises(sigcore.ConnectTimeout, match="it is connected, and has not yet answered"):
            client.open()
        welcoming.join(LIMIT_S)
