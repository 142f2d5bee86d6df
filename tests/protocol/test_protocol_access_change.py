# SPDX-License-Identifier: MIT
"""The rules change under what is connected: what waits is dropped and told, and nothing goes where it may not."""

from __future__ import annotations

import json

import pytest

from sigcore import AccessRules, Rule
from sigcore.protocol.bodies import write_request
from sigcore.protocol.frames import Kind, frame
from tests.protocol.access_world import (
    EVENT,
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

READER = Rule("allow", "reader", ("listen", "see", "request"))
GAP = '{{"count":{},"cause":"not_allowed"}}'

KEYS: list[dict[str, str]] = [{}, {"sender": SENDER}, {"event": EVENT}, {"sender": SENDER, "event": EVENT}]


def reading(server: AccessServer, key: dict[str, str], policy: str = "block") -> RawPeer:
    """Return a reader whose listener asks for ``key``, and which has heard one event."""
    reader = server.come("reader")
    assert ask_to_listen(reader, 1, policy=policy, **key) is None
    return reader


@pytest.mark.parametrize("policy", ["block", "drop_oldest", "drop_newest", "latest", "disconnect"])
@pytest.mark.parametrize("key", KEYS)
def test_what_waits_for_a_listener_is_dropped_and_told(key: dict[str, str], policy: str) -> None:
    server = AccessServer()
    server.rule(OWNER, READER)
    owner, topic = own(server)
    reader = reading(server, key, policy)
    signal(owner, topic, b"1")
    assert reader.hear_events() == [(SENDER, EVENT, b"1")]
    signal(owner, topic, b"2")
    server.rule(OWNER, Rule("allow", "reader", "see"))
    signal(owner, topic, b"3")
    assert reader.hear_events() == [(SENDER, EVENT, b"GAP " + GAP.format(1).encode())]
    assert reader.session.counters == {"not_allowed": 1}
    server.rule(OWNER, READER)
    signal(owner, topic, b"4")
    assert reader.hear_events() == [(SENDER, EVENT, b"4")]


def test_what_waits_of_others_stays_in_its_place() -> None:
    server = AccessServer()
    server.rule(OWNER, READER)
    owner = server.come("owner")
    secret, public = owner.add_sender(SENDER, ["secret", "public"])
    reader = reading(server, {})
    for topic, data in [(secret, b"1"), (public, b"2"), (secret, b"3"), (secret, b"4"), (public, b"5")]:
        signal(owner, topic, data)
    server.rule(OWNER, READER, Rule("deny", "reader", "listen", "*", "secret"))
    heard = reader.hear_events()
    assert [data for _sender, event, data in heard if event == "public"] == [b"2", b"5"]
    told = [data for _sender, event, data in heard if event == "secret"]
    assert all(data.startswith(b"GAP ") for data in told)
    assert sum(json.loads(data[4:])["count"] for data in told) == 3


def test_kept_events_that_wait_for_a_listener_are_dropped() -> None:
    server = AccessServer()
    server.rule(OWNER, READER)
    owner, topic = own(server, keep=3)
    signal(owner, topic, b"1234567")
    reader = server.come("reader")
    reader.say(control(Kind.LISTEN, 1, sender=SENDER, event=EVENT, replay=3))
    server.rule(OWNER)
    assert not [body for kind, _id, body in reader.hear() if b"1234567" in body]


def test_a_session_without_a_link_has_nothing_that_the_new_rules_deny_when_it_comes_back() -> None:
    server = AccessServer()
    server.rule(OWNER, READER)
    owner, topic = own(server)
    reader = reading(server, {})
    signal(owner, topic, b"11111")
    reader.hear()
    reader.acknowledge()
    reader.lose()
    signal(owner, topic, b"22222")
    server.rule(OWNER)
    assert reader.resume()["resumed"] is True
    assert not [body for _kind, _id, body in reader.hear() if b"22222" in body]


def test_what_was_written_before_is_not_written_again_under_the_new_rules() -> None:
    server = AccessServer()
    server.rule(OWNER, READER)
    owner, topic = own(server)
    reader = reading(server, {})
    received = reader.received
    signal(owner, topic, b"22222")
    assert reader.link.data_to_send(server.now_s)  # and it is lost on the way
    reader.lose()
    server.rule(OWNER)
    assert reader.resume(received=received)["resumed"] is False
    assert not [body for _kind, _id, body in reader.hear() if b"22222" in body]


def test_a_change_that_takes_nothing_away_costs_no_session() -> None:
    server = AccessServer()
    server.rule(OWNER, READER)
    owner, topic = own(server)
    reader = reading(server, {})
    received = reader.received
    signal(owner, topic, b"22222")
    assert reader.link.data_to_send(server.now_s)
    reader.lose()
    server.rule(OWNER, READER, Rule("deny", "other", "listen"))
    assert reader.resume(received=received)["resumed"] is True
    assert [body for _kind, _id, body in reader.hear() if b"22222" in body]


def test_the_owner_of_a_listener_is_told_that_nothing_can_come_any_more() -> None:
    server = AccessServer()
    server.rule(OWNER, READER)
    reader = reading(server, {"sender": SENDER})
    reader.hear()
    server.rule(OWNER)
    ((kind, id_, fields),) = reader.hear_fields()
    assert (kind, id_, fields["code"]) == (Kind.NOTICE, 1, "not_allowed")


def test_a_sender_whose_right_is_taken_away_is_removed_and_its_events_go_nowhere() -> None:
    server = AccessServer()
    server.rule(OWNER, READER)
    owner, topic = own(server)
    reader = reading(server, {})
    ask_to_listen(reader, 2, event="#disconnect")
    reader.hear()
    server.rule(READER)
    signal(owner, topic)
    assert owner.error_code is None
    told = [(kind, fields.get("code"), fields.get("sender")) for kind, _id, fields in owner.hear_fields()]
    assert told == [(Kind.NOTICE, "not_allowed", SENDER)]
    (gone,) = [json.loads(body) for kind, _id, body in reader.hear() if kind == Kind.PRESENCE]
    assert (gone["connected"], gone["cause"]) == (False, "not_allowed")
    assert server.hub.sender(SENDER) is None
    owner.say(control(Kind.ADD_SENDER, 5, sender=SENDER, events=[EVENT]))
    assert [code_in(item) for item in owner.hear()] == ["not_allowed"]
    server.rule(OWNER, READER)
    owner.add_sender(SENDER, [EVENT])


def test_one_who_lost_a_sender_by_the_rules_may_have_one_of_that_name_again_later() -> None:
    server = AccessServer()
    server.rule(OWNER, READER)
    owner, old = own(server)
    server.rule(READER)
    owner.hear()
    server.rule(OWNER, READER)
    reader = reading(server, {})
    (new,) = owner.add_sender(SENDER, [EVENT])
    signal(owner, new, b"2")
    assert reader.hear_events() == [(SENDER, EVENT, b"2")]
    assert new != old


def test_a_request_under_way_ends_when_the_right_to_it_is_taken_away() -> None:
    server = AccessServer()
    server.rule(OWNER, READER)
    owner, _topic = own(server)
    reader = server.come("reader")
    reader.say(frame(Kind.REQUEST, 9, write_request(SENDER, METHOD, "", 1000, b"1")))
    ((_kind, call, _body),) = owner.hear()
    server.rule(OWNER, Rule("allow", "reader", ("listen", "see")))
    assert [(id_, code_in((kind, id_, body))) for kind, id_, body in reader.hear()] == [(9, "not_allowed")]
    assert [kind for kind, _id, _body in owner.hear()] == [Kind.CANCEL]
    owner.say(frame(Kind.REPLY, call, b"42"))
    assert reader.hear() == []


def test_the_caller_of_a_sender_that_is_taken_away_is_told_at_once() -> None:
    server = AccessServer()
    server.rule(OWNER, READER)
    owner, _topic = own(server)
    reader = server.come("reader")
    reader.say(frame(Kind.REQUEST, 9, write_request(SENDER, METHOD, "", 1000, b"1")))
    owner.hear()
    server.rule(READER)
    assert [code_in(item) for item in reader.hear()] == ["sender_lost"]


def test_presence_follows_the_rules_both_ways() -> None:
    server = AccessServer()
    server.rule(OWNER, READER)
    own(server)
    reader = server.come("reader")
    ask_to_listen(reader, 1, event="#connect")
    assert talk_of(reader.hear(), SENDER) == [Kind.PRESENCE]
    server.rule(OWNER, Rule("allow", "reader", "listen"))
    assert [json.loads(body)["connected"] for kind, _id, body in reader.hear() if kind == Kind.PRESENCE] == [False]
    server.rule(OWNER, READER)
    assert [json.loads(body)["connected"] for kind, _id, body in reader.hear() if kind == Kind.PRESENCE] == [True]


def test_the_news_of_a_sender_that_waits_is_dropped_with_the_right_to_it() -> None:
    server = AccessServer()
    server.rule(OWNER, READER)
    reader = server.come("reader")
    ask_to_listen(reader, 1, event="#connect")
    reader.hear()
    own(server)
    server.rule(OWNER)
    assert talk_of(reader.hear(), SENDER) == []


def test_a_group_may_gain_and_lose_somebody() -> None:
    server = AccessServer()
    rules = [OWNER, Rule("allow", "group:readers", "listen")]
    server.rule(*rules, groups={"reader": ["readers"]})
    owner, topic = own(server)
    reader = reading(server, {})
    server.rule(*rules, groups={})
    signal(owner, topic, b"1")
    assert reader.hear_events() == []
    server.rule(*rules, groups={"reader": ["readers"]})
    signal(owner, topic, b"2")
    assert reader.hear_events() == [(SENDER, EVENT, b"2")]


def test_a_topic_that_is_taken_away_and_given_again_is_announced_again() -> None:
    server = AccessServer()
    server.rule(OWNER, READER)
    owner, topic = own(server)
    reader = reading(server, {})
    signal(owner, topic, b"1")
    assert talk_of(reader.hear(), SENDER) == [Kind.TOPIC]
    server.rule(OWNER)
    assert Kind.REMOVE_SENDER in [kind for kind, _id, _body in reader.hear()]
    server.rule(OWNER, READER)
    signal(owner, topic, b"2")
    assert [kind for kind, _id, _body in reader.hear()] == [Kind.TOPIC, Kind.EVENT]


def test_a_change_looks_through_some_sessions_at_a_time_and_through_all_in_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sigcore.protocol.access_change.LOOKED_AT", 1)
    server = AccessServer()
    server.rule(OWNER, READER)
    owner, topic = own(server)
    readers = [reading(server, {}) for _ in range(5)]
    signal(owner, topic, b"22222")
    server.rule(OWNER)
    assert not [body for reader in readers for _kind, _id, body in reader.hear() if b"22222" in body]


def leave(owner: RawPeer) -> None:
    owner.say(control(Kind.REMOVE_SENDER, 0, sender=SENDER))


@pytest.mark.parametrize("has_link", [True, False])
@pytest.mark.parametrize("policy", ["block", "drop_oldest", "drop_newest", "latest", "disconnect"])
def test_what_waits_of_a_sender_that_has_left_is_dropped_too(policy: str, has_link: bool) -> None:
    server = AccessServer()
    server.rule(OWNER, READER)
    owner, topic = own(server)
    reader = reading(server, {}, policy)
    if not has_link:
        reader.lose()
    signal(owner, topic, b"1")
    leave(owner)
    server.rule(OWNER)
    if not has_link:
        assert reader.resume()["resumed"]
    assert reader.hear_events() == [(SENDER, EVENT, b"GAP " + GAP.format(1).encode())]


def test_what_waits_of_a_sender_that_has_left_stays_for_whoever_may_still_hear_it() -> None:
    server = AccessServer()
    server.rule(OWNER, READER)
    owner, topic = own(server)
    reader = reading(server, {})
    signal(owner, topic, b"1")
    leave(owner)
    server.rule(OWNER, READER, Rule("deny", "reader", "listen", "door"))
    assert reader.hear_events() == [(SENDER, EVENT, b"1")]


def test_what_waits_of_a_sender_of_which_nobody_knows_any_more_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sigcore.protocol.hub.MAX_DEPARTED", 1)
    server = AccessServer()
    server.rule(OWNER, READER)
    owner = server.come("owner")
    reader = reading(server, {})
    for name in ("one", "two"):
        (topic,) = owner.add_sender(name, [EVENT])
        signal(owner, topic, b"1")
        owner.say(control(Kind.REMOVE_SENDER, 0, sender=name))
    server.rule(OWNER, READER, Rule("deny", "reader", "see", "door"))
    assert [(sender, data[:3]) for sender, _event, data in reader.hear_events()] == [("one", b"GAP"), ("two", b"1")]


@pytest.mark.parametrize("is_kept", [True, False])
def test_what_was_written_of_a_sender_that_has_left_is_not_written_again(is_kept: bool) -> None:
    server = AccessServer()
    server.rule(OWNER, READER)
    owner, topic = own(server, keep=1)
    if is_kept:
        signal(owner, topic, b"1")
        reader = server.come("reader")
        reader.say(control(Kind.LISTEN, 1, replay=1))
    else:
        reader = reading(server, {})
        signal(owner, topic, b"1")
    reader.link.data_to_send(server.now_s)
    reader.lose()
    leave(owner)
    server.rule(OWNER)
    assert not reader.resume()["resumed"]


def presence_heard(reader: RawPeer) -> list[bool]:
    return [json.loads(body)["connected"] for kind, _id, body in reader.hear() if kind == Kind.PRESENCE]


def test_the_news_of_a_sender_that_came_and_went_is_dropped_with_the_right_to_it() -> None:
    server = AccessServer()
    server.rule(OWNER, READER)
    reader = server.come("reader")
    ask_to_listen(reader, 1, event="#connect")
    reader.hear()
    owner, _topic = own(server)
    leave(owner)
    server.rule(OWNER)
    assert presence_heard(reader) == []


@pytest.mark.parametrize("asks_again", [True, False])
@pytest.mark.parametrize("comes_again", [True, False])
def test_whoever_knew_of_a_sender_hears_once_that_it_is_gone(comes_again: bool, asks_again: bool) -> None:
    server = AccessServer()
    server.rule(OWNER, READER)
    owner, _topic = own(server)
    reader = server.come("reader")
    ask_to_listen(reader, 1, event="#connect")
    assert presence_heard(reader) == [True]
    if asks_again:
        reader.say(control(Kind.LISTEN, 2, event="#connect"))
    leave(owner)
    if comes_again:
        owner.add_sender(SENDER, [EVENT], [METHOD])
    server.rule(OWNER)
    assert presence_heard(reader) == [False]


def test_news_that_was_written_of_a_sender_that_went_is_not_written_again() -> None:
    server = AccessServer()
    server.rule(OWNER, READER)
    reader = server.come("reader")
    ask_to_listen(reader, 1, event="#connect")
    reader.hear()
    owner, _topic = own(server)
    reader.link.data_to_send(server.now_s)
    reader.lose()
    leave(owner)
    server.rule(OWNER)
    assert not reader.resume()["resumed"]


def test_a_session_that_comes_back_before_it_was_looked_at_is_looked_at_first() -> None:
    server = AccessServer()
    server.rule(OWNER, READER)
    owner, topic = own(server)
    waiting, written = reading(server, {}), reading(server, {})
    for reader in (waiting, written):
        signal(owner, topic, b"22222")
        if reader is written:
            reader.link.data_to_send(server.now_s)
        reader.lose()
    server.hub.set_rules(AccessRules([OWNER]))
    assert waiting.resume()["resumed"]
    assert [data[:3] for _sender, _event, data in waiting.hear_events()] == [b"GAP"]
    assert not written.resume()["resumed"]


def test_nothing_is_written_to_a_session_before_it_was_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sigcore.protocol.access_change.LOOKED_AT", 1)
    server = AccessServer()
    server.rule(OWNER, READER)
    owner, topic = own(server)
    readers = [reading(server, {}) for _ in range(5)]
    signal(owner, topic)
    sessions = {reader.session for reader in readers}
    server.hub.take_dirty()
    for reader in readers:
        server.hub.mark(reader.session)
    server.hub.set_rules(AccessRules([OWNER]))
    assert sessions.isdisjoint(server.hub.take_dirty())
    server.hub.settle()
    assert len(sessions.intersection(server.hub.take_dirty())) == 1
    server.settle()
    assert len(sessions.intersection(server.hub.take_dirty())) == 4
