# SPDX-License-Identifier: MIT
"""Replies, senders and presence that somebody makes up: refused, counted, and nobody else is touched."""

from __future__ import annotations

import json

import pytest

from sigcore import Rule
from sigcore.protocol.bodies import write_error, write_request
from sigcore.protocol.frames import Kind, frame
from tests.protocol.access_world import EVENT, METHOD, SENDER, AccessServer, ask_to_listen, code_in, own, signal
from tests.protocol.loopback import RawPeer, control

REPLY = frame(Kind.REPLY, 9, b"42")


def asking(server: AccessServer) -> tuple[RawPeer, RawPeer, int]:
    """Return the owner, whoever asks it, and the number of the open request at the owner."""
    owner, _topic = own(server)
    reader = server.come("reader")
    reader.say(frame(Kind.REQUEST, 9, write_request(SENDER, METHOD, "", 1000, b"1")))
    ((kind, call, _body),) = owner.hear()
    assert kind == Kind.REQUEST
    return owner, reader, call


def late_replies(server: AccessServer) -> int:
    return server.drops.counts().get("late_reply", 0)


FORGED = {
    "a reply": lambda call: frame(Kind.REPLY, call, b"666"),
    "a refusal": lambda call: frame(Kind.ERROR, call, write_error("request_failed", "no", 4096)),
}


@pytest.mark.parametrize("what", FORGED)
def test_only_whoever_was_asked_can_answer(what: str) -> None:
    server = AccessServer()
    owner, reader, call = asking(server)
    third = server.come("third")
    third.say(FORGED[what](call))
    assert (reader.hear(), late_replies(server), third.error_code) == ([], 1, None)
    owner.say(frame(Kind.REPLY, call, b"42"))
    assert reader.hear() == [(Kind.REPLY, 9, b"42")]


@pytest.mark.parametrize("what", FORGED)
def test_whoever_asks_cannot_answer_itself(what: str) -> None:
    server = AccessServer()
    _owner, reader, call = asking(server)
    reader.say(FORGED[what](call))
    assert (reader.hear(), late_replies(server)) == ([], 1)


@pytest.mark.parametrize("what", FORGED)
def test_an_answer_counts_once(what: str) -> None:
    server = AccessServer()
    owner, reader, call = asking(server)
    owner.say(frame(Kind.REPLY, call, b"42"), FORGED[what](call))
    assert (reader.hear(), late_replies(server)) == ([(Kind.REPLY, 9, b"42")], 1)


def test_an_answer_after_the_time_is_over_is_dropped() -> None:
    server = AccessServer()
    owner, reader, call = asking(server)
    server.tick(1.5)
    assert [code_in(item) for item in reader.hear()] == ["request_timeout"]
    owner.say(frame(Kind.REPLY, call, b"42"))
    assert (reader.hear(), late_replies(server)) == ([], 1)


def test_an_answer_goes_by_the_number_at_whoever_was_asked_and_not_by_another_s() -> None:
    server = AccessServer()
    owner, reader, call = asking(server)
    other = server.come("other")
    other.say(frame(Kind.REQUEST, call, write_request(SENDER, METHOD, "", 1000, b"2")))
    owner.say(frame(Kind.REPLY, call, b"42"))
    assert (reader.hear(), other.hear()) == ([(Kind.REPLY, 9, b"42")], [])


def test_a_request_is_answered_by_nobody_but_the_one_sender_it_names() -> None:
    server = AccessServer()
    owner, reader, call = asking(server)
    second = server.come("second")
    second.add_sender("thermo-8", requests=[METHOD])
    assert second.hear() == []
    second.say(frame(Kind.REPLY, call, b"666"))
    assert reader.hear() == []
    owner.say(frame(Kind.REPLY, call, b"42"))
    assert reader.hear() == [(Kind.REPLY, 9, b"42")]


def test_an_answer_that_nobody_asked_for_is_dropped() -> None:
    server = AccessServer()
    third = server.come("third")
    third.say(REPLY)
    assert (third.hear(), third.error_code, late_replies(server)) == ([], None, 1)


@pytest.mark.parametrize("kind", [Kind.EVENT, Kind.EVENT_META, Kind.GAP])
def test_an_event_of_another_s_sender_ends_the_link_and_touches_nobody_else(kind: Kind) -> None:
    server = AccessServer()
    owner, topic = own(server)
    reader, forger = server.come("reader"), server.come("forger")
    ask_to_listen(reader, 1)
    forger.say(frame(kind, topic, b'{"count":1,"cause":"overflow"}'))
    assert forger.error_code == "topic_not_owned"
    signal(owner, topic, b"1")
    assert reader.hear_events() == [(SENDER, EVENT, b"1")]


def test_a_name_that_is_taken_stays_with_whoever_has_it() -> None:
    server = AccessServer()
    server.rule(Rule("allow", "*", ["send", "listen", "see"]))
    owner, topic = own(server)
    other = server.come("other")
    other.say(control(Kind.ADD_SENDER, 1, sender=SENDER, events=[EVENT]))
    assert [code_in(item) for item in other.hear()] == ["sender_exists"]
    reader = server.come("reader")
    ask_to_listen(reader, 1)
    signal(owner, topic, b"1")
    assert reader.hear_events() == [(SENDER, EVENT, b"1")]


def test_who_signals_is_told_by_the_server_and_not_by_whoever_signals() -> None:
    server = AccessServer()
    reader = server.come("reader")
    ask_to_listen(reader, 1, event="#connect")
    reader.hear()
    liar = server.come("liar")
    claims = {"peer": {"name": "owner", "identity": "owner"}, "identity": "owner"}
    liar.say(control(Kind.ADD_SENDER, 1, sender=SENDER, events=[EVENT], **claims))
    ((_kind, _id, body),) = [item for item in reader.hear() if item[0] == Kind.PRESENCE]
    assert json.loads(body)["peer"] == {"name": "liar", "identity": "liar"}


@pytest.mark.parametrize("kind", [Kind.PRESENCE, Kind.TOPIC, Kind.START, Kind.KEPT, Kind.OK, Kind.NOTICE])
def test_what_only_a_server_says_is_taken_from_no_client(kind: Kind) -> None:
    server = AccessServer()
    owner, topic = own(server)
    reader, forger = server.come("reader"), server.come("forger")
    ask_to_listen(reader, 1, event="#connect")
    ask_to_listen(reader, 2)
    reader.hear()
    forger.say(control(kind, topic, sender=SENDER, event=EVENT, connected=False))
    assert forger.error_code == "unexpected_kind"
    assert [item[0] for item in reader.hear()] == []
    signal(owner, topic, b"1")
    assert reader.hear_events() == [(SENDER, EVENT, b"1")]


@pytest.mark.parametrize(
    "fields",
    [
        {"sender": SENDER, "events": ["#connect"]},
        {"sender": SENDER, "events": ["#console"]},
        {"sender": "#server", "requests": ["ports"]},
        {"sender": "#other"},
        {"sender": "*"},
    ],
)
def test_no_client_can_be_a_sender_of_the_server_s_own_events(fields: dict[str, object]) -> None:
    server = AccessServer()
    reader, forger = server.come("reader"), server.come("forger")
    ask_to_listen(reader, 1, event="#connect")
    reader.hear()
    forger.say(control(Kind.ADD_SENDER, 1, **fields))
    assert forger.error_code == "invalid_name"
    assert reader.hear() == []


def test_no_client_can_take_back_the_sender_of_another() -> None:
    server = AccessServer()
    _owner, _topic = own(server)
    forger = server.come("forger")
    forger.say(control(Kind.REMOVE_SENDER, 0, sender=SENDER))
    assert server.hub.sender(SENDER) is not None


def test_a_session_of_another_identity_is_not_gone_on_with() -> None:
    server = AccessServer()
    _owner, topic = own(server)
    reader = server.come("reader")
    ask_to_listen(reader, 1)
    thief = server.come("thief")
    thief.session = reader.session
    thief.received = reader.received
    assert thief.resume()["resumed"] is False
    assert topic
    assert reader.error_code is None
