# SPDX-License-Identifier: MIT
"""Whatever the rules are: no kind of listener hears what a specific one may not, as rules read naively say."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from sigcore import AccessRules, Rule
from sigcore.protocol.bodies import read_body
from sigcore.protocol.frames import Kind
from tests.protocol.access_world import AccessServer, ask_to_listen, signal
from tests.protocol.loopback import RawPeer

SENDERS = ("a", "ab", "b")
EVENTS = ("x", "xy", "y")
GROUPS = {"reader": ("readers",), "other": ("others", "readers")}
PATTERNS = ("*", "a*", "*b", "a*b", "x*", "*y", "**", *SENDERS, *EVENTS)

patterns = st.lists(st.sampled_from(PATTERNS), min_size=1, max_size=2)
rules = st.lists(
    st.builds(
        Rule,
        st.sampled_from(["allow", "deny"]),
        st.lists(st.sampled_from(["reader", "other", "group:readers", "group:others", "*", "anonymous"]), min_size=1),
        st.lists(st.sampled_from(["listen", "see"]), min_size=1),
        patterns,
        patterns,
    ),
    min_size=1,
    max_size=6,
)
keys = st.tuples(st.sampled_from((None, *SENDERS)), st.sampled_from((None, *EVENTS)))
OWNER = Rule("allow", "owner", "send")


def naive(rules: list[Rule], identity: str, verb: str, sender: str, name: str) -> bool:
    """Read the rules one by one, as the page says it."""

    def is_like(text: str, pattern: str) -> bool:
        return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text, re.DOTALL) is not None

    def concerns(rule: Rule) -> bool:
        who = {identity or "anonymous", "*", *(f"group:{group}" for group in GROUPS.get(identity, ()))}
        return (
            bool(who & set(rule.who))
            and verb in rule.verbs
            and any(is_like(sender, pattern) for pattern in rule.senders)
            and (verb == "see" or any(is_like(name, pattern) for pattern in rule.names))
        )

    effects = [rule.effect for rule in rules if concerns(rule)]
    return "deny" not in effects and "allow" in effects


who = st.sampled_from(["reader", "other", ""])


@given(rules, who, st.sampled_from(["listen", "see"]), st.sampled_from(SENDERS), st.sampled_from(EVENTS))
def test_a_decision_is_what_the_rules_say(found: list[Rule], identity: str, verb: str, sender: str, name: str) -> None:
    decision = AccessRules(found, GROUPS).decide(identity, verb, sender, name)
    assert decision.allowed is naive(found, identity, verb, sender, name)
    if decision.rule is not None:
        assert decision.rule.effect == ("allow" if decision.allowed else "deny")
    elif decision.allowed:
        raise AssertionError("it is allowed by no rule")


@given(rules, who, keys)
def test_what_could_not_be_is_never_allowed(
    found: list[Rule], identity: str, key: tuple[str | None, str | None]
) -> None:
    made = AccessRules(found, GROUPS)
    if not made.could(identity, "listen", *key):
        meant = [
            (sender, event)
            for sender in SENDERS
            for event in EVENTS
            if key[0] in (None, sender) and key[1] in (None, event)
        ]
        assert not any(naive(found, identity, "listen", *each) for each in meant)


@settings(max_examples=60, deadline=None)
@given(rules, rules, who, st.lists(keys, min_size=1, max_size=3), st.booleans())
def test_every_kind_of_listener_hears_just_what_a_specific_one_may(
    before: list[Rule],
    after: list[Rule],
    identity: str,
    asked: list[tuple[str | None, str | None]],
    senders_first: bool,
) -> None:
    server = AccessServer()
    server.rule(OWNER, *before, groups=GROUPS)
    owner, reader = server.come("owner"), server.come(identity)
    topics = add_senders(owner) if senders_first else {}
    listening = []
    for number, (sender, event) in enumerate(asked, 1):
        if ask_to_listen(reader, number, sender=sender, event=event, replay=1) is None:
            listening.append((sender, event))
    assert kept_events(reader) <= {each for each in topics if naive(before, identity, "listen", *each)}
    topics = topics or add_senders(owner)
    reader.hear_events()
    for now in (before, after):
        server.rule(OWNER, *now, groups=GROUPS)
        for topic in topics.values():
            signal(owner, topic, b"1")
        heard = {(sender, event) for sender, event, data in reader.hear_events() if data == b"1"}
        wanted = {
            (s, e) for s, e in topics if any(sender in (None, s) and event in (None, e) for sender, event in listening)
        }
        assert heard == {each for each in wanted if naive(now, identity, "listen", *each)}


def add_senders(owner: RawPeer) -> dict[tuple[str, str], int]:
    """Register every sender, each with every event of which one is kept; return their topics."""
    topics = {}
    for sender in SENDERS:
        numbers = owner.add_sender(sender, EVENTS, keep=dict.fromkeys(EVENTS, 1))
        topics.update({(sender, event): number for event, number in zip(EVENTS, numbers, strict=True)})
    for topic in topics.values():
        signal(owner, topic, b"0")
    return topics


def kept_events(reader: RawPeer) -> set[tuple[str, str]]:
    """Return whose kept events came; what came stays to be heard."""
    reader.kept = reader.hear()
    for kind, id_, body in reader.kept:
        if kind == Kind.TOPIC:
            fields = read_body("TOPIC", body)
            reader.names[id_] = (fields.text("sender"), fields.text("event"))
    return {reader.names[id_] for kind, id_, _body in reader.kept if kind == Kind.KEPT}
