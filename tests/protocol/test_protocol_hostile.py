# SPDX-License-Identifier: MIT
"""Peers that mean harm, or are broken: nothing raises, nobody else notices, and nothing is left of them."""

from __future__ import annotations

import gc
import json
import time
import weakref
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sigcore._terms import POLICIES
from sigcore.protocol.bodies import write_ack, write_gap, write_request
from sigcore.protocol.frames import Kind, frame
from sigcore.protocol.hub import Hub
from sigcore.protocol.link import State

from .loopback import ClientProcess, RawPeer, Server, Wire, control, hello

# Whatever a peer may say: names that others use too, numbers that are in use, bodies that nearly fit.
NAMES = ["thermo", "reading", "evil", "#connect", "#disconnect", "", "*", "a" * 255, "\ud800", "é" * 200, None, 5]
CODES = ["busy", "sender_lost", "x" * 5000, "", "\ud83d"]
names = st.sampled_from(NAMES)
lists = st.lists(names, max_size=4) | st.sampled_from([None, "text", [f"e{n}" for n in range(1001)]])
ids = st.integers(0, 6) | st.sampled_from([2**31, 2**32 - 1])
fields = st.fixed_dictionaries(
    {},
    optional={
        "sender": names,
        "event": names,
        "events": lists,
        "requests": lists,
        "fallback": st.booleans() | st.integers(),
        "what": st.sampled_from(["senders", "peers", "\udfff", 3]),
        "after": names,
        "skip": st.integers(-1, 3),
        "code": st.sampled_from(CODES),
        "message": st.text(max_size=20) | st.sampled_from(CODES),
        "topics": st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
        "policy": st.sampled_from([*POLICIES, "fifo", None, 7]),
        "replay": st.sampled_from([0, 2, -1, 2**63, "all", None, True]),
        "keep": st.sampled_from([{}, {"reading": 2}, {"reading": 0}, {"": 1}, {"reading": "2"}, [], None, 5]),
        "deep": st.just([[[[[[[[[[]]]]]]]]]]),
    },
)
json_bodies = fields.map(lambda found: json.dumps(found).encode())
heads = st.builds(
    lambda sender, method, left: write_request(sender, method, "", left, b'"x"'),
    st.sampled_from(["thermo", "evil", "nobody"]),
    st.sampled_from(["turn", "x"]),
    st.sampled_from([0, 1, 5000, 2**32 - 1]),
)
gap_bodies = st.sampled_from([write_gap(3, "overflow"), write_gap(None, "x" * 500), b"", b"{", b'{"count":-1}'])
acks = st.builds(write_ack, st.integers(0, 300), st.integers(0, 2**21) | st.just(2**64 - 1))
bodies = json_bodies | heads | acks | st.binary(max_size=30) | st.just(b"")
kinds = st.sampled_from(list(Kind)) | st.integers(0, 255)
likely = st.sampled_from([Kind.ADD_SENDER, Kind.LISTEN, Kind.REMOVE_SENDER, Kind.EVENT, Kind.REQUEST, Kind.REPLY])
good_frames = st.one_of(
    st.builds(lambda id_: control(Kind.ADD_SENDER, id_, sender="evil", events=["reading"], requests=["x"]), ids),
    st.builds(lambda id_, event: control(Kind.LISTEN, id_, event=event), ids, st.sampled_from([None, "#connect"])),
    st.builds(
        lambda id_, policy, replay: control(Kind.LISTEN, id_, policy=policy, replay=replay),
        ids,
        st.sampled_from(POLICIES),
        st.integers(0, 3),
    ),
    st.builds(lambda id_: control(Kind.ADD_SENDER, id_, sender="evil", events=["reading"], keep={"reading": 2}), ids),
    st.builds(lambda id_, body: frame(Kind.GAP, id_, body), st.integers(1, 4), gap_bodies),
    st.builds(lambda id_: frame(Kind.SYNC, id_), ids),
    st.builds(lambda body: frame(Kind.PAD, 0, body), st.binary(max_size=20)),
    st.builds(lambda id_: frame(Kind.UNLISTEN, id_), ids),
    st.builds(lambda id_: frame(Kind.EVENT, id_, b'"x"'), st.integers(1, 4)),
    st.builds(lambda id_, body: frame(Kind.REQUEST, id_, body), ids, heads),
    st.builds(lambda id_: frame(Kind.REPLY, id_, b'"x"'), ids),
    st.builds(lambda id_: frame(Kind.CANCEL, id_), ids),
    st.just(control(Kind.REMOVE_SENDER, 0, sender="evil")),
    st.builds(lambda id_, what: control(Kind.QUERY, id_, what=what), ids, st.sampled_from(["senders", "peers"])),
)
frames = st.one_of(
    good_frames, good_frames, st.builds(frame, kinds, ids, bodies), st.builds(frame, likely, ids, bodies)
)
noise = st.binary(min_size=1, max_size=20)
doings = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.one_of(frames, frames, frames, noise, st.sampled_from(["read", "tick", "go", "come back"])),
    ),
    max_size=40,
)


PARTS = {
    "sigcore.protocol.interest",
    "sigcore.protocol.calls",
    "sigcore.protocol.routes",
    "sigcore.protocol.holdups",
    "sigcore.protocol.history",
    "sigcore._index",
}
KEPT = {
    "_topics_ever",
    "_places",
    "_names",
    "_all_present",
    "_departed",
}  # counters that never go back, what is made when needed, and a bounded memory of who has left


def tables(hub: Hub) -> dict[str, Any]:
    """Return how much each table of a hub holds, and what it counts; nothing waits to be written or expires."""
    hub.take_dirty()
    hub.requests.expire(1e12)
    parts = [vars(hub), *(vars(part) for part in vars(hub).values() if type(part).__module__ in PARTS)]
    return {
        name: value if isinstance(value, int) else len(value)
        for part in parts
        for name, value in part.items()
        if name not in KEPT and (isinstance(value, int) or hasattr(value, "__len__"))
    }


def honest_pair(server: Server) -> tuple[RawPeer, RawPeer, int]:
    publisher, reader = server.connect("publisher"), server.connect("reader")
    (topic,) = publisher.add_sender("thermo", ["reading"], ["turn"])
    reader.listen(1, "thermo", "reading")
    reader.listen(2, None, "#connect")
    publisher.say(frame(Kind.EVENT, topic, b'"first"'))
    assert reader.hear_events() == [("thermo", "reading", b'"first"')]
    return publisher, reader, topic


@settings(max_examples=300)
@given(doings, st.booleans())
def test_whatever_peers_say_the_others_go_on_and_nothing_is_left_of_them(
    doings: list[tuple[int, bytes | str]], other_codec: bool
) -> None:
    server = Server()
    publisher, reader, topic = honest_pair(server)
    before = tables(server.hub)
    evil = [server.connect("evil", event_queue=200, control_queue=2000), server.connect("twin", codec="upper")]
    everything: list[RawPeer] = [*evil]
    for n, doing in doings:
        peer = evil[n]
        if doing == "tick":
            server.tick(0.3)
            for honest in (publisher, reader):
                honest.say(frame(Kind.PONG, 0))
        elif doing == "read":
            peer.hear()
            if peer.link.state is State.UP:
                peer.acknowledge()
        elif doing == "go":
            peer.lose()
        elif doing == "come back":
            peer.resume()
        elif isinstance(doing, bytes):
            peer.say(doing)
        if peer.link.has_ended and doing != "go":
            evil[n] = server.connect("again", codec="upper" if other_codec else "json")
            everything.append(evil[n])
        publisher.hear()
    publisher.say(frame(Kind.EVENT, topic, b'"still"'))
    for _ in range(13):  # one that does not read holds it up for so long, and no longer
        server.tick(0.1)
    assert [body for sender, _event, body in reader.hear_events() if sender == "thermo"] == [b'"still"']
    for peer in everything:
        assert peer.error_code != "internal_error"
        peer.lose()
    for _ in range(2):
        server.tick(70.0)  # longer than any session is kept
        for honest in (publisher, reader):
            assert honest.link.has_ended
            honest.resume()
    publisher.say(frame(Kind.EVENT, topic, b'"and still"'))
    assert reader.hear_events()[-1:] == [("thermo", "reading", b'"and still"')]
    publisher.hear()
    assert (publisher.link.state, reader.link.state) == (State.UP, State.UP)
    assert tables(server.hub) == before


@settings(max_examples=200)
@given(st.lists(st.one_of(st.builds(frame, kinds, ids, bodies), frames), max_size=30))
def test_whatever_a_server_says_a_client_does_not_raise(said: list[bytes]) -> None:
    client = ClientProcess("client")
    wire = Wire(Server(), client)
    client.add_listener("thermo")
    client.add_sender("evil", ["reading"], ["x"])
    client.request("thermo", "turn", 1)
    wire.run()
    for data in said:
        client.link.receive(data, 100.0)
        client.said()
    assert getattr(client.link.error, "code", None) != "internal_error"
    client.link.end("too_slow")
    assert client.session is None
    assert len(client.answers) >= 3


def test_nothing_is_left_of_links_that_came_and_went() -> None:
    server = Server()
    fresh = tables(server.hub)
    for n in range(300):
        holder, asker = server.connect(f"holder{n}"), server.connect(f"asker{n}")
        (topic,) = holder.add_sender("thermo", ["reading"], ["turn"])
        for number, key in enumerate([("thermo", "reading"), (None, None), (None, "#connect"), ("thermo", "nothing")]):
            asker.listen(number, *key)
        asker.say(frame(Kind.REQUEST, 1, write_request("thermo", "turn", "", 2000, b"1")))
        holder.say(frame(Kind.EVENT, topic, b"1"), control(Kind.QUERY, 5, what="senders"))
        first, second = (holder, asker) if n % 2 else (asker, holder)
        first.vanish()
        second.say(control(Kind.BYE, 0, code="closing"))
    assert tables(server.hub) == fresh
    assert server.local.present == []


def test_a_topic_that_lives_on_does_not_keep_the_sessions_that_were_told_of_it() -> None:
    server = Server()
    publisher, _reader, topic = honest_pair(server)
    passer_by = server.connect("passer-by")
    passer_by.listen(1, "thermo")
    publisher.say(frame(Kind.EVENT, topic, b"1"))
    passer_by.vanish()
    server.hub.take_dirty()
    publisher.say(frame(Kind.EVENT, topic, b"2"))
    session, link = weakref.ref(passer_by.session), weakref.ref(passer_by.link)
    del passer_by
    gc.collect()
    assert (session(), link()) == (None, None)


FLOODS = {
    "ping": frame(Kind.PING, 1),
    "pong": frame(Kind.PONG, 1),
    "ack": frame(Kind.ACK, 0, write_ack(0, 1 << 20)),
    "extension": frame(0x99, 1, b"x" * 20),
    "unlisten": frame(Kind.UNLISTEN, 9),
    "cancel": frame(Kind.CANCEL, 9),
    "reply": frame(Kind.REPLY, 9, b"1"),
    "listen and unlisten": control(Kind.LISTEN, 5, event="#connect") + frame(Kind.UNLISTEN, 5),
    "sender comes and goes": control(Kind.ADD_SENDER, 5, sender="evil", events=["a", "b"])
    + control(Kind.REMOVE_SENDER, 0, sender="evil"),
    "query": control(Kind.QUERY, 5, what="senders"),
    "sync": frame(Kind.SYNC, 5),
    "pad": frame(Kind.PAD, 5, b"x" * 20),
    "request": frame(Kind.REQUEST, 5, write_request("thermo", "turn", "", 2000, b"1")) + frame(Kind.CANCEL, 5),
}


@pytest.mark.parametrize("flood", FLOODS)
@pytest.mark.parametrize("reads", [True, False], ids=["reads", "does not read"])
def test_a_flood_is_bounded_and_hurts_nobody_else(flood: str, reads: bool) -> None:
    server = Server()
    publisher, reader, topic = honest_pair(server)
    evil = server.connect("evil", control_queue=20_000, event_queue=20_000)
    for _ in range(30):
        evil.say(FLOODS[flood] * 100)
        if reads and not evil.link.has_ended:
            evil.hear()
            evil.acknowledge()
        assert evil.session._control_size < 25_000
        assert evil.session.events.size < 100_000
    publisher.say(frame(Kind.EVENT, topic, b'"still"'))
    assert [body for _sender, _event, body in reader.hear_events()] == [b'"still"']
    assert publisher.link.state is State.UP


@pytest.mark.parametrize(
    "body",
    [
        b'{"events":[' + b"[],".ljust(3) * 40_000 + b"[]]}",
        b'{"events":' + b'{"a":' * 20_000,
        b'{"events":["' + b'","'.join(b"%d" % n for n in range(20_000)) + b'"]}',
        b'{"x":' + b"9" * 100_000 + b"}",
    ],
    ids=["many lists", "deep", "many names", "many digits"],
)
def test_a_body_made_to_cost_much_is_refused_soon(body: bytes) -> None:
    peer = Server().connect()
    began_s = time.thread_time()
    peer.say(frame(Kind.ADD_SENDER, 1, body))
    assert time.thread_time() - began_s < 0.5
    assert peer.error_code in ("malformed_body", "invalid_name")


def test_names_that_would_break_somebody_s_log_or_decoder_do_not_get_past_the_edge() -> None:
    server = Server()
    _publisher, reader, _topic = honest_pair(server)
    for body in (b'{"sender":"\\ud800"}', b'{"sender":"\xff"}', b'{"sender":"a\\nb"}', b'{"sender":"#connect"}'):
        evil = server.connect("evil")
        evil.say(frame(Kind.ADD_SENDER, 1, body))
        assert evil.error_code in ("malformed_body", "invalid_name")
    assert reader.hear() == []


@pytest.mark.parametrize("kind", [Kind.PRESENCE, Kind.TOPIC, Kind.START, Kind.NOTICE, Kind.OK, Kind.WELCOME, Kind.KEPT])
def test_what_only_a_server_may_say_is_not_taken_from_a_client(kind: Kind) -> None:
    server = Server()
    _publisher, reader, _topic = honest_pair(server)
    evil = server.connect("evil")
    evil.say(control(kind, 1, sender="forged", connected=True, event="reading"))
    assert evil.error_code == "unexpected_kind"
    assert reader.hear() == []


def test_a_peer_without_a_handshake_costs_nobody_anything() -> None:
    server = Server()
    before = tables(server.hub)
    for said in (b"", hello()[:3], hello()[:20], b"GET / HTTP/1.1\r\n"):
        link = server.new_link()
        link.receive(said, 100.0)
        link.tick(105.0)
        assert link.has_ended
        server.settle()
        assert tables(server.hub) == before


def test_a_fault_of_ours_ends_one_link_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server()
    publisher, reader, topic = honest_pair(server)
    unlucky = server.connect("unlucky")

    def fail(*_args: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(server.hub.requests, "cancel", fail)
        unlucky.say(frame(Kind.CANCEL, 1))
    assert unlucky.hear_fields()[-1][2]["code"] == "internal_error"
    publisher.say(frame(Kind.EVENT, topic, b'"still"'))
    assert len(reader.hear_events()) == 1
