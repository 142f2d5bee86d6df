# SPDX-License-Identifier: MIT
"""Whoever may have nothing cannot have the server look for it all the time: to look costs tokens, too."""

from __future__ import annotations

import pytest

from sigcore import Rule
from sigcore.protocol.frames import Kind, frame
from tests.protocol.access_world import EVENT, OWNER, AccessServer
from tests.protocol.loopback import control

SENDERS = 1_500
FEW = {"registrations": 10, "max_senders": 10, "max_listeners": 10}

ASKING = {
    "kept events": control(Kind.LISTEN, 1, replay=1),
    "kept events of a channel": control(Kind.LISTEN, 1, event=EVENT, replay=1),
    "who comes": control(Kind.LISTEN, 1, event="#connect"),
    "who is there": control(Kind.QUERY, 1, what="senders"),
    "who is connected": control(Kind.QUERY, 1, what="peers"),
}


def crowd(*rules: Rule) -> AccessServer:
    """Return a server with many senders, each of which has an event that is kept."""
    server = AccessServer()
    server.rule(OWNER, *rules)
    owner = server.come("owner", max_senders=2 * SENDERS, registrations=100 * SENDERS)
    for number in range(SENDERS):
        (topic,) = owner.add_sender(f"thermo-{number}", [EVENT], keep={EVENT: 1})
        owner.say(frame(Kind.EVENT, topic, b"1"))
    return server


@pytest.fixture(scope="module")
def server() -> AccessServer:
    return crowd(Rule("allow", "reader", ["listen", "see"], "door"))


@pytest.mark.parametrize("what", ASKING)
def test_to_look_through_what_is_hidden_costs_whoever_asks(server: AccessServer, what: str) -> None:
    before = server.drops.counts().get("held_back", 0)
    reader = server.come("reader", **FEW)
    reader.say(ASKING[what])
    assert server.drops.counts().get("held_back", 0) > before


def test_what_is_asked_by_name_costs_no_look(server: AccessServer) -> None:
    before = server.drops.counts().get("held_back", 0)
    reader = server.come("reader", **FEW)
    reader.say(control(Kind.LISTEN, 1, sender="door", event=EVENT, replay=1))
    reader.say(control(Kind.LISTEN, 2, sender="thermo-1", event=EVENT, replay=1))
    assert server.drops.counts().get("held_back", 0) == before


def test_a_listener_that_leaves_open_what_it_asks_for_costs_by_the_rules_there_are() -> None:
    server = AccessServer()
    server.rule(*(Rule("allow", "reader", "listen", f"s{number}*", f"e{number}*") for number in range(3_000)))
    reader = server.come("reader", **FEW)
    reader.say(control(Kind.LISTEN, 1, event="nothing"))
    assert server.drops.counts()["held_back"] > 0
