# SPDX-License-Identifier: MIT
"""The rules change while many wait to be written to: nobody is written what the new rules forbid, not even once."""

from __future__ import annotations

import pytest

from sigcore import AccessRules, Rule
from sigcore.protocol.frames import Kind
from tests.protocol.access_world import EVENT, OWNER, SENDER, AccessServer, ask_to_listen, own, signal
from tests.protocol.loopback import RawPeer, frames_in, hello

READER = Rule("allow", "reader", ("listen", "see"))
SECRET = b"22222"
LARGE = SECRET * 20_000
"""So long that it is written by itself."""


@pytest.fixture(autouse=True)
def _one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server looks at one session in each turn: as if there were very many."""
    monkeypatch.setattr("sigcore.protocol.access_change.LOOKED_AT", 1)


@pytest.fixture
def server() -> AccessServer:
    server = AccessServer()
    server.rule(OWNER, READER)
    return server


def reading(server: AccessServer) -> RawPeer:
    """Return a reader that listens to everything, and has read all that there was."""
    reader = server.come("reader")
    assert ask_to_listen(reader, 1) is None
    reader.hear()
    return reader


def written_to(reader: RawPeer) -> bytes:
    """Return what is written to a reader although the server has had no turn since."""
    data = b""
    while more := reader.link.data_to_send(reader.server.now_s):
        data += more
    return data


def test_no_byte_of_it_is_taken_for_writing_however_many_wait(server: AccessServer) -> None:
    owner, topic = own(server)
    readers = [reading(server) for _ in range(20)]
    signal(owner, topic, SECRET)
    server.hub.set_rules(AccessRules([OWNER]))
    assert not [reader for reader in readers if SECRET in written_to(reader)]


def test_what_is_still_allowed_is_written_without_waiting_for_a_turn(server: AccessServer) -> None:
    owner = server.come("owner")
    secret, public = owner.add_sender(SENDER, ["secret", EVENT])
    readers = [reading(server) for _ in range(3)]
    signal(owner, secret, SECRET)
    signal(owner, public, b"1")
    server.hub.set_rules(AccessRules([OWNER, READER, Rule("deny", "reader", "listen", "*", "secret")]))
    for reader in readers:
        found = [(kind, id_, body) for kind, id_, body in frames_in(written_to(reader)) if kind != Kind.TOPIC]
        assert [(kind, id_) for kind, id_, _body in found] == [(Kind.GAP, secret), (Kind.EVENT, public)]


def test_what_was_to_be_written_again_is_not(server: AccessServer) -> None:
    owner, topic = own(server)
    reader = reading(server)
    received = reader.received
    signal(owner, topic, SECRET)
    assert SECRET in written_to(reader)
    reader.lose()
    reader.link = server.new_link(**reader.ours)
    reader.say(
        hello("reader", session={"id": reader.session.id, "secret": reader.session.secret, "received": received})
    )
    server.hub.set_rules(AccessRules([OWNER]))
    assert SECRET not in written_to(reader)
    assert reader.link.has_ended
    assert not reader.resume(received=received)["resumed"]


@pytest.mark.parametrize("may_still_hear", [True, False])
def test_what_waits_for_the_line_in_pieces_is_taken_back(server: AccessServer, may_still_hear: bool) -> None:
    owner, topic = own(server)
    reader = reading(server)
    for _ in range(3):
        signal(owner, topic, LARGE)
    first = reader.link.data_to_send(server.now_s)
    server.rule(OWNER, *([READER] if may_still_hear else []), Rule("deny", "reader", "listen", "door"))
    rest = written_to(reader)
    assert (first + rest).count(LARGE) == (3 if may_still_hear else first.count(LARGE))
    assert reader.link.has_ended is not may_still_hear


def test_a_reader_that_has_what_was_written_keeps_its_link(server: AccessServer) -> None:
    owner, topic = own(server)
    reader = reading(server)
    signal(owner, topic, SECRET)
    assert SECRET in written_to(reader)
    server.rule(OWNER)
    assert not reader.link.has_ended
