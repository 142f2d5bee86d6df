# SPDX-License-Identifier: MIT
"""No way to hear, ask or see is without the rules: every kind of it, by every combination of rules."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

import sigcore
from sigcore import Rule
from sigcore.protocol.bodies import write_request
from sigcore.protocol.frames import Kind, frame
from tests.protocol.access_world import (
    EVENT,
    EVERYTHING,
    METHOD,
    OWNER,
    SENDER,
    AccessServer,
    ask_to_listen,
    code_in,
    own,
    signal,
    talk_of,
)
from tests.protocol.loopback import RawPeer, control

SHAPES = {"exact": (SENDER, (EVENT, METHOD)), "pattern": ("ther*-7", ("rea*", "cal*")), "root": ("*", ("*",))}
EFFECTS = {"allow": ("allow",), "deny": ("deny",), "allow+deny": ("allow", "deny"), "deny+allow": ("deny", "allow")}
IS_ALLOWED = {"allow": True, "deny": False, "allow+deny": False, "deny+allow": False}


def hears(server: AccessServer, reader: RawPeer, **key: str) -> bool:
    """Whether a listener hears an event, whoever is there first."""
    ask_to_listen(reader, 1, **key)
    owner, topic = own(server)
    signal(owner, topic)
    return bool(talk_of(reader.hear(), SENDER, EVENT))


def hears_specific(server: AccessServer, reader: RawPeer) -> bool:
    return hears(server, reader, sender=SENDER, event=EVENT)


def hears_sender_broadcast(server: AccessServer, reader: RawPeer) -> bool:
    return hears(server, reader, sender=SENDER)


def hears_channel(server: AccessServer, reader: RawPeer) -> bool:
    return hears(server, reader, event=EVENT)


def hears_router_broadcast(server: AccessServer, reader: RawPeer) -> bool:
    return hears(server, reader)


def gets_kept_events(server: AccessServer, reader: RawPeer) -> bool:
    owner, topic = own(server, keep=3)
    signal(owner, topic)
    for number, key in enumerate([{}, {"sender": SENDER}, {"event": EVENT}, {"sender": SENDER, "event": EVENT}], 1):
        ask_to_listen(reader, number, replay=3, **key)
    heard = talk_of(reader.hear(), SENDER, EVENT)
    assert len(heard) in (0, 1)  # TOPIC, once
    return bool(heard)


def asks(server: AccessServer, reader: RawPeer) -> bool:
    owner, _topic = own(server)
    reader.say(frame(Kind.REQUEST, 9, write_request(SENDER, METHOD, "", 1000, b"1")))
    asked = [item for item in owner.hear() if item[0] == Kind.REQUEST]
    refused = [code_in(item) for item in reader.hear() if item[0] == Kind.ERROR]
    assert refused == ([] if asked else ["not_allowed"])
    return bool(asked)


def gets_reply(server: AccessServer, reader: RawPeer) -> bool:
    owner, _topic = own(server)
    reader.say(frame(Kind.REQUEST, 9, write_request(SENDER, METHOD, "", 1000, b"1")))
    for kind, call, _body in owner.hear():
        if kind == Kind.REQUEST:
            owner.say(frame(Kind.REPLY, call, b"42"))
    return (Kind.REPLY, 9, b"42") in reader.hear()


def sees_who_is_there(server: AccessServer, reader: RawPeer) -> bool:
    own(server)
    ask_to_listen(reader, 1, event="#connect")
    at_first = bool(talk_of(reader.hear(), SENDER))
    reader.say(control(Kind.QUERY, 2, what="senders"))
    assert bool(talk_of(reader.hear(), SENDER)) == at_first
    reader.say(control(Kind.QUERY, 3, what="peers"))
    assert bool(talk_of(reader.hear(), "owner")) == at_first
    return at_first


def sees_who_comes_and_goes(server: AccessServer, reader: RawPeer) -> bool:
    ask_to_listen(reader, 1, event="#connect")
    ask_to_listen(reader, 2, event="#disconnect", sender=SENDER)
    owner, _topic = own(server)
    came = bool(talk_of(reader.hear(), SENDER))
    owner.vanish()
    assert bool(talk_of(reader.hear(), SENDER)) == came
    return came


WAYS: dict[str, tuple[str, Callable[[AccessServer, RawPeer], bool]]] = {
    "specific": ("listen", hears_specific),
    "sender broadcast": ("listen", hears_sender_broadcast),
    "channel": ("listen", hears_channel),
    "router broadcast": ("listen", hears_router_broadcast),
    "replay": ("listen", gets_kept_events),
    "request": ("request", asks),
    "reply": ("request", gets_reply),
    "presence at first": ("see", sees_who_is_there),
    "presence later": ("see", sees_who_comes_and_goes),
}


@pytest.mark.parametrize("who", ["reader", "group:readers", "*"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("effects", EFFECTS)
@pytest.mark.parametrize("way", WAYS)
def test_the_rules_hold_on_every_way(way: str, effects: str, shape: str, who: str) -> None:
    verb, happens = WAYS[way]
    server = AccessServer()
    senders, names = SHAPES[shape]
    rules = [Rule(effect, who, verb, senders, names) for effect in EFFECTS[effects]]
    server.rule(OWNER, *rules, groups={"reader": ["readers"]})
    assert happens(server, server.come("reader")) is IS_ALLOWED[effects]


@pytest.mark.parametrize("way", WAYS)
def test_what_no_rule_allows_is_denied(way: str) -> None:
    server = AccessServer()
    server.rule(OWNER)
    assert WAYS[way][1](server, server.come("reader")) is False


@pytest.mark.parametrize("way", WAYS)
def test_the_anonymous_are_somebody_to_rules(way: str) -> None:
    verb, happens = WAYS[way]
    server = AccessServer()
    server.rule(OWNER, Rule("allow", "anonymous", verb))
    assert happens(server, server.come("")) is True


@pytest.mark.parametrize("way", WAYS)
def test_without_rules_everybody_may_do_everything(way: str) -> None:
    server = AccessServer()
    assert WAYS[way][1](server, server.come("reader")) is True


@pytest.mark.parametrize("way", WAYS)
def test_an_audit_lets_pass_and_counts_what_would_be_denied(way: str) -> None:
    server = AccessServer()
    server.rule(OWNER, audit=True)
    assert WAYS[way][1](server, server.come("reader")) is True
    assert server.drops.counts()["would_be_denied"] > 0


@pytest.mark.parametrize("way", WAYS)
def test_a_right_to_one_sender_is_none_to_another(way: str) -> None:
    verb, happens = WAYS[way]
    server = AccessServer()
    server.rule(OWNER, Rule("allow", "reader", verb, "thermo-8"))
    assert happens(server, server.come("reader")) is False


@pytest.mark.parametrize(
    ("events", "methods"), [(["reading", "secret"], []), (["reading"], ["reset"]), ([], ["reset"]), (["secret"], [])]
)
def test_a_sender_needs_the_right_to_each_of_its_events_and_methods(events: list[str], methods: list[str]) -> None:
    server = AccessServer()
    server.rule(Rule("allow", "owner", "send", "thermo-*", ["reading", "calibrate"]))
    owner = server.come("owner")
    owner.say(control(Kind.ADD_SENDER, 1, sender=SENDER, events=events, requests=methods))
    assert [code_in(item) for item in owner.hear()] == ["not_allowed"]
    assert server.hub.sender(SENDER) is None
    owner.add_sender(SENDER, ["reading"], ["calibrate"])


def test_a_sender_of_nothing_needs_a_right_to_its_name() -> None:
    server = AccessServer()
    server.rule(Rule("allow", "owner", "send", "thermo-*"))
    owner = server.come("owner")
    owner.say(control(Kind.ADD_SENDER, 1, sender="door"))
    assert [code_in(item) for item in owner.hear()] == ["not_allowed"]
    owner.add_sender(SENDER)


def test_whoever_may_not_have_a_name_does_not_learn_that_it_is_taken() -> None:
    server = AccessServer()
    server.rule(OWNER)
    other = server.come("other")

    def refusal() -> bytes:
        other.say(control(Kind.ADD_SENDER, 1, sender=SENDER, events=[EVENT]))
        ((_kind, _id, body),) = other.hear()
        return body

    before = refusal()
    own(server)
    assert refusal() == before


def test_whoever_may_not_see_the_holder_of_a_name_is_not_told_who_it_is() -> None:
    server = AccessServer()
    server.rule(OWNER, Rule("allow", "other", "send"))
    own(server)
    other = server.come("other")
    other.say(control(Kind.ADD_SENDER, 1, sender=SENDER, events=[EVENT]))
    ((kind, _id, body),) = other.hear()
    assert (kind, json.loads(body)["code"]) == (Kind.ERROR, "sender_exists")
    assert b"owner" not in body


def test_a_refused_request_does_not_tell_whether_anybody_is_there() -> None:
    server = AccessServer()
    server.rule(OWNER)
    reader = server.come("reader")

    def refusal(method: str) -> bytes:
        reader.say(frame(Kind.REQUEST, 9, write_request(SENDER, method, "", 1000, b"1")))
        ((_kind, _id, body),) = reader.hear()
        return body.replace(method.encode(), b"")

    absent = refusal(METHOD)
    own(server)
    assert refusal(METHOD) == refusal("nothing") == absent


@pytest.mark.parametrize("sees", [False, True])
def test_methods_are_named_to_those_alone_who_see_the_sender(sees: bool) -> None:
    server = AccessServer()
    server.rule(OWNER, Rule("allow", "reader", ["request", "see"] if sees else "request"))
    own(server)
    reader = server.come("reader")
    reader.say(frame(Kind.REQUEST, 9, write_request(SENDER, "nothing", "", 1000, b"1")))
    ((_kind, _id, body),) = reader.hear()
    assert json.loads(body)["code"] == "method_not_found"
    assert (METHOD.encode() in body) is sees


@pytest.mark.parametrize("sees", [False, True])
@pytest.mark.parametrize("first", ["listener", "sender"])
def test_events_are_named_to_those_alone_who_see_the_sender(first: str, sees: bool) -> None:
    server = AccessServer()
    server.rule(OWNER, Rule("allow", "reader", ["listen", "see"] if sees else "listen"))
    reader = server.come("reader")
    if first == "sender":
        own(server)
    ask_to_listen(reader, 1, sender=SENDER, event="raeding")
    if first == "listener":
        own(server)
    assert (Kind.NOTICE in talk_of(reader.hear(), EVENT)) is sees


def test_whoever_answers_by_fallback_needs_the_right_to_that_method() -> None:
    server = AccessServer()
    server.rule(
        Rule("allow", "owner", "send", SENDER, ["reading", "status"]), Rule("allow", "reader", "request", SENDER)
    )
    owner = server.come("owner")
    owner.add_sender(SENDER, ["reading"], fallback=True)
    reader = server.come("reader")
    for number, method in enumerate(["status", "reset"]):
        reader.say(frame(Kind.REQUEST, number, write_request(SENDER, method, "", 1000, b"1")))
    assert [b"status" in body for kind, _id, body in owner.hear() if kind == Kind.REQUEST] == [True]
    assert [(id_, code_in((kind, id_, body))) for kind, id_, body in reader.hear()] == [(1, "method_not_found")]


def test_the_server_itself_is_asked_only_by_those_who_may_by_name() -> None:
    server = AccessServer()
    server.hub.answer_as_server(("ports",))
    server.rule(Rule("allow", "reader", "request", "*"), Rule("allow", "keeper", "request", "#server", "ports"))
    reader, keeper = server.come("reader"), server.come("keeper")
    for peer in (reader, keeper):
        peer.say(frame(Kind.REQUEST, 1, write_request("#server", "ports", "", 1000, b"1")))
    assert [code_in(item) for item in reader.hear()] == ["not_allowed"]
    assert [method for _call, _sender, method, _params in server.local.asked] == ["ports"]


def test_a_rule_that_denies_everything_denies_the_server_too() -> None:
    server = AccessServer()
    server.hub.answer_as_server(("ports",))
    server.rule(Rule("allow", "reader", "request", "#server"), Rule("deny", "reader", "request", "*"))
    reader = server.come("reader")
    reader.say(frame(Kind.REQUEST, 1, write_request("#server", "ports", "", 1000, b"1")))
    assert [code_in(item) for item in reader.hear()] == ["not_allowed"]


@pytest.mark.parametrize("names", ["*", "#console"])
def test_the_text_of_ports_is_heard_only_by_those_who_may_by_name(names: str) -> None:
    server = AccessServer()
    server.rule(Rule("allow", "reader", "listen", "/dev/tty*", names))
    reader = server.come("reader")
    code = ask_to_listen(reader, 1, event="#console")
    topic = server.hub.add_console("/dev/ttyUSB0")
    server.settle()
    route = server.hub.route(topic)
    assert (code, [session.peer.name for session, _policy in route.readers]) == (
        (None, ["reader"]) if names == "#console" else ("not_allowed", [])
    )


def test_a_listener_for_which_nothing_could_come_is_refused() -> None:
    server = AccessServer()
    server.rule(
        Rule("allow", "reader", "listen", "thermo-*", ["reading", "state*"]),
        Rule("deny", "reader", "listen", "thermo-9"),
        Rule("deny", "reader", "listen", "*", "state*"),
    )
    reader = server.come("reader")
    keys = [
        {},
        {"sender": SENDER},
        {"event": "reading"},
        {"event": "state-1"},
        {"event": "other"},
        {"sender": "thermo-9"},
        {"sender": "door"},
        {"event": "#connect"},
        {"sender": SENDER, "event": "reading"},
        {"sender": SENDER, "event": "state-1"},
    ]
    codes = [ask_to_listen(reader, number, **key) for number, key in enumerate(keys, 1)]
    no = "not_allowed"
    assert codes == [None, None, None, no, no, no, no, no, None, no]


def test_the_server_s_own_process_is_restricted_by_nothing() -> None:
    server = AccessServer()
    server.rule(Rule("deny", "*", EVERYTHING), OWNER)
    server.rule(OWNER)
    server.local.hears = True
    owner, topic = own(server)
    signal(owner, topic)
    assert server.local.heard == [(EVENT, b"1")]
    server.hub.requests.request(server.local, 1, SENDER, METHOD, 1000, server.local.codec, b"1", None)
    assert [kind for kind, _id, _body in owner.hear()].count(Kind.REQUEST) == 1
    server.hub.add_sender(sigcore.SenderInfo("inner", ("x",)), False, None, {})


@pytest.mark.parametrize(("denied", "expected"), [("thermo-8", {"owner"}), (SENDER, set()), ("thermo-*", set())])
def test_whoever_sees_all_but_some_senders_does_not_see_who_has_only_those(denied: str, expected: set[str]) -> None:
    server = AccessServer()
    server.rule(OWNER, Rule("allow", "reader", "see"), Rule("deny", "reader", "see", denied))
    own(server)
    server.come("listener")
    reader = server.come("reader")
    reader.say(control(Kind.QUERY, 1, what="peers"))
    ((_kind, _id, body),) = reader.hear()
    assert {peer["name"] for peer in json.loads(body)["peers"]} == {"reader", "listener"} | expected


def test_an_audit_writes_each_thing_once_in_ten_seconds_also_when_rules_change(
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = AccessServer()
    server.rule(OWNER, audit=True)
    reader = server.come("reader")
    for seconds in (0, 5, 6):
        server.tick(seconds)
        server.rule(OWNER, audit=True)
        for number in range(3):
            reader.say(frame(Kind.REQUEST, number, write_request("door", "open", "", 1000, b"1")))
    lines = [record.getMessage() for record in caplog.records if record.name == "sigcore.audit"]
    assert len(lines) == 2, lines
    assert "no rule allows 'reader' to request 'open' of 'door'" in lines[0]


@pytest.mark.parametrize("verdict", [True, False, None])
def test_a_plug_in_has_a_say_and_one_that_denies_wins(verdict: bool | None) -> None:
    asked: list[tuple[str, str, str, str]] = []

    def authorize(identity: str, verb: str, sender: str, name: str) -> bool | None:
        asked.append((identity, verb, sender, name))
        return verdict if identity == "reader" else None

    server = AccessServer()
    server.rule(OWNER, Rule("allow", "reader", "listen", "*", "other"), authorize=[authorize])
    reader = server.come("reader")
    assert hears_specific(server, reader) is (verdict is True)
    assert ("reader", "listen", SENDER, EVENT) in asked


def test_a_plug_in_that_raises_denies_and_harms_nobody_else() -> None:
    def authorize(identity: str, *_rest: str) -> bool | None:
        if identity == "reader":
            raise ZeroDivisionError
        return None

    server = AccessServer()
    server.rule(OWNER, Rule("allow", "*", "listen"), authorize=[authorize])
    other = server.come("other")
    ask_to_listen(other, 1)
    assert hears_specific(server, server.come("reader")) is False
    assert other.hear_events() == [(SENDER, EVENT, b"1")]
