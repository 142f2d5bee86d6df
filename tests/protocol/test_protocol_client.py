# SPDX-License-Identifier: MIT
"""The client's end: what it registers, what it makes of what the server says, and what is left when the link ends."""

from __future__ import annotations

from typing import Any

import pytest

from sigcore._errors import LinkError, NotSent, SenderExists
from sigcore.protocol.bodies import write_request
from sigcore.protocol.frames import Kind, frame
from sigcore.protocol.link import State

from .loopback import UPPER, ClientProcess, Server, Wire, control


def joined(server: Server, name: str = "client", **limits: Any) -> tuple[ClientProcess, Wire]:
    """Return a client and the wire to its server."""
    client = ClientProcess(name, server.now_s, **limits)
    return client, Wire(server, client)


def test_events_reach_the_other_client_s_listeners() -> None:
    server = Server()
    sensor, sensor_wire = joined(server, "sensor")
    panel, panel_wire = joined(server, "panel")
    panel.add_listener("thermo", "reading")
    panel_wire.run()
    thermo = sensor.add_sender("thermo", ["reading"])
    for n in range(100):
        thermo.trigger("reading", n)
    sensor_wire.run()
    panel_wire.run()
    assert panel.heard == [("thermo", "reading", n) for n in range(100)]
    assert (sensor.answers, panel.answers) == ([None], [None])


def test_events_that_were_triggered_before_the_server_answered_follow_its_answer() -> None:
    server = Server()
    client = ClientProcess("sensor")
    thermo = client.add_sender("thermo", ["reading"])
    thermo.trigger("reading", 1)
    server.local.hears = True
    Wire(server, client)
    assert client.answers == [None]
    assert server.local.heard == [("reading", b"1")]


def test_a_refused_sender_drops_its_events_and_counts_them_and_holds_nobody_up() -> None:
    server = Server()
    server.connect("first").add_sender("thermo")
    client, wire = joined(server)
    thermo, other = client.add_sender("thermo", ["reading"]), client.add_sender("other", ["reading"])
    server.local.hears = True
    thermo.trigger("reading", 1)
    other.trigger("reading", 2)
    wire.run()
    wire.run()
    assert [type(answer) for answer in client.answers] == [SenderExists, type(None)]
    assert server.local.heard == [("reading", b"2")]
    assert client.router._drops.counts() == {"sender_unknown": 1}


def test_a_sender_that_is_removed_and_added_again_is_known_by_its_new_self() -> None:
    server = Server()
    server.local.hears = True
    client, wire = joined(server)
    for n in range(2):
        thermo = client.add_sender("thermo", ["reading"])
        thermo.trigger("reading", n)
        if n == 0:
            thermo.remove()
    for _ in range(10):
        wire.run()
    assert server.local.heard == [("reading", b"0"), ("reading", b"1")]
    assert server.local.present == ["thermo"]
    assert client.answers == [None, None]


def test_a_sender_that_is_removed_while_it_waits_for_its_predecessor_to_go_is_never_registered() -> None:
    server = Server()
    client, wire = joined(server)
    client.add_sender("thermo").remove()
    client.add_sender("thermo").remove()
    for _ in range(5):
        wire.run()
    assert server.local.present == []
    assert client.answers == [None, None]


def test_every_answer_comes_also_when_the_link_ends() -> None:
    client, _wire = joined(Server())
    client.add_sender("thermo").remove()
    client.add_sender("thermo")  # waits for the removal
    client.add_sender("other")
    client.add_listener("thermo")
    client.request("thermo", "turn", 1)
    session = client.up
    client.link.lose(OSError("unplugged"))
    assert client.answers == []  # the session may go on
    session.end(LinkError("that was it"))
    assert len(client.answers) == 5
    assert all(isinstance(answer, LinkError) for answer in client.answers)
    assert [type(answer) for answer in client.answers].count(NotSent) == 1  # the request
    session.add_listener(client.add_listener("late"), client.answers.append)
    assert isinstance(client.answers[-1], LinkError)


@pytest.mark.parametrize("body", [b"{}", b'{"topics":{}}', b'{"topics":{"reading":0}}', b'{"topics":5}', b"["])
def test_an_answer_that_cannot_be_read_ends_the_link_and_still_reaches_who_waits(body: bytes) -> None:
    client, _wire = joined(Server())
    client.add_sender("thermo", ["reading"])
    client.said()
    client.link.receive(frame(Kind.OK, 1, body), 100.0)
    assert getattr(client.link.error, "code", None) == "malformed_body"
    assert [type(answer).__name__ for answer in client.answers] == ["RemoteProtocolError"]


def test_answers_that_nobody_waits_for_are_skipped() -> None:
    client, _wire = joined(Server())
    for kind in (Kind.OK, Kind.REPLY, Kind.ERROR, Kind.NOTICE, Kind.CANCEL):
        client.link.receive(frame(kind, 99, b'{"code":"busy"}'), 100.0)
    assert client.link.state is State.UP
    assert client.answers == []


@pytest.mark.parametrize(
    ("code", "expected"),
    [("sender_exists", "SenderExists"), ("limit_reached", "LimitReached"), ("from_the_future", "RequestFailed")],
)
def test_an_error_is_the_exception_that_its_code_stands_for(code: str, expected: str) -> None:
    client, _wire = joined(Server())
    client.add_sender("thermo")
    client.link.receive(control(Kind.ERROR, 1, code=code, message="so it is"), 100.0)
    (answer,) = client.answers
    assert type(answer).__name__ == expected
    assert "so it is" in str(answer)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("busy", "Busy"),
        ("request_timeout", "RequestTimeout"),
        ("codec_error", "CodecError"),  # of the parameters: it did not run
        ("sender_exists", "RequestFailed"),
        ("limit_reached", "RequestFailed"),
        ("invalid_name", "RequestFailed"),
        ("closing", "RequestFailed"),
        ("from_the_future", "RequestFailed"),
    ],
)
def test_the_answer_to_a_request_is_an_outcome_of_requests_whatever_its_code(code: str, expected: str) -> None:
    client, _wire = joined(Server())
    client.request("thermo", "turn", 1)
    client.link.receive(control(Kind.ERROR, 1, code=code, message="so it is"), 100.0)
    (answer,) = client.answers
    assert type(answer).__name__ == expected
    assert str(answer) in ("so it is", f"so it is ({code})")
    assert client.link.state is State.UP


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        (frame(Kind.EVENT, 5, b"1"), "unknown_topic"),
        (2 * control(Kind.TOPIC, 5, sender="a", event="b"), "malformed_body"),
        (control(Kind.TOPIC, 5, sender="a*", event="b"), "invalid_name"),
        (control(Kind.PRESENCE, 0, sender="#a", connected=True), "invalid_name"),
        (control(Kind.PRESENCE, 0, sender="a", connected="yes"), "malformed_body"),
        (control(Kind.REMOVE_SENDER, 0), "invalid_name"),
        (frame(Kind.REQUEST, 1, b""), "malformed_body"),
    ],
    ids=["unknown topic", "topic twice", "topic's name", "presence's name", "presence", "removal", "request"],
)
def test_a_server_that_breaks_the_rules_is_left(frames: bytes, code: str) -> None:
    client, _wire = joined(Server())
    client.link.receive(frames, 100.0)
    assert getattr(client.link.error, "code", None) == code


def test_topics_are_over_with_their_sender_and_their_numbers_unknown_again() -> None:
    client, wire = joined(Server())
    client.add_listener("thermo")
    wire.run()
    client.link.receive(
        control(Kind.TOPIC, 5, sender="thermo", event="a")
        + control(Kind.TOPIC, 6, sender="thermo", event="b")
        + frame(Kind.EVENT, 5, b"1")
        + frame(Kind.EVENT, 6, b"2")
        + control(Kind.REMOVE_SENDER, 0, sender="thermo"),
        100.0,
    )
    assert client.heard == [("thermo", "a", 1), ("thermo", "b", 2)]
    client.link.receive(frame(Kind.EVENT, 5, b"3"), 100.0)
    assert getattr(client.link.error, "code", None) == "unknown_topic"


def test_an_event_that_cannot_be_read_costs_its_listener_an_error_and_nothing_else() -> None:
    client, wire = joined(Server())
    client.add_listener("thermo")
    wire.run()
    client.link.receive(
        control(Kind.TOPIC, 5, sender="thermo", event="a")
        + frame(Kind.EVENT, 5, b"{")
        + frame(Kind.EVENT_META, 5, b"\0\0\0\xff")
        + frame(Kind.EVENT, 5, b"1"),
        100.0,
    )
    assert client.link.state is State.UP
    assert client.heard == [("thermo", "a", 1)]
    assert len(client.errors) == 2


def test_a_client_that_consumes_late_grants_late() -> None:
    server = Server()
    client, wire = joined(server, credit=1000)
    client.consumes = False
    client.add_listener("thermo")
    wire.run()
    publisher = server.connect("publisher")
    (topic,) = publisher.add_sender("thermo", ["a"])
    publisher.say(*[frame(Kind.EVENT, topic, b'"' + b"x" * 89 + b'"')] * 30)
    wire.run()
    wire.run()
    assert len(client.heard) == 10
    client.up.consumed(400, 100.0)
    wire.run()
    assert len(client.heard) == 14


def test_a_reply_that_is_too_long_for_the_server_becomes_an_error() -> None:
    server = Server()
    client = ClientProcess("valve")
    wire = Wire(server, client, max_frame=1000)
    client.add_sender("valve", requests=["turn"])
    wire.run()
    asker = server.connect("asker")
    asker.say(frame(Kind.REQUEST, 1, write_request("valve", "turn", "", 2000, b"1")))
    wire.run()
    client.up.reply(client.asked_for[0][0], b"1" * 1001)
    wire.run()
    ((_kind, _id, fields),) = asker.hear_fields()
    assert fields["code"] == "request_failed"  # it ran


def test_clients_with_different_codecs_understand_each_other() -> None:
    server = Server()
    sensor, sensor_wire = joined(server, "sensor", codec=UPPER)
    panel, panel_wire = joined(server, "panel")
    panel.add_listener("thermo")
    panel_wire.run()
    thermo = sensor.add_sender("thermo", ["reading"])
    thermo.trigger("reading", "warm")
    sensor_wire.run()
    panel_wire.run()
    assert panel.heard == [("thermo", "reading", "warm")]
