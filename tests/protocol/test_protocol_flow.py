# SPDX-License-Identifier: MIT
"""Acknowledgements, credit and what is bounded by them, with time passed in."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigcore._errors import Busy, RemoteProtocolError
from sigcore.protocol.bodies import write_ack, write_request
from sigcore.protocol.frames import PREFACE, Kind, frame
from sigcore.protocol.link import State

from .loopback import ClientProcess, RawPeer, Server, Wire, control, frames_in


def ack(received: int, credit: int) -> bytes:
    return frame(Kind.ACK, 0, write_ack(received, credit))


def event(topic: int, size: int = 31, fill: bytes = b"x") -> bytes:
    """Return an event frame of ``size`` bytes, header included."""
    return frame(Kind.EVENT, topic, fill * (size - 9))


# what an ACK may say


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (write_ack(10, 1000), "from 20 to"),
        (write_ack(10**6, 1000), "from 20 to"),
        (write_ack(20, 999), "takes credit back: 999 after 1000"),
        (b"", "16 bytes"),
        (bytes(17), "16 bytes"),
    ],
    ids=["backwards", "ahead", "credit taken back", "empty", "long"],
)
def test_an_ack_that_cannot_be_true_ends_the_link(body: bytes, text: str) -> None:
    peer = Server().connect(credit=1000)
    peer.listen(1)
    assert peer.received == 20
    peer.say(ack(20, 1000))
    assert peer.link.state is State.UP
    peer.say(frame(Kind.ACK, 0, body))
    assert peer.error_code in ("bad_ack", "malformed_body")
    assert text in str(peer.link.error)


def test_an_ack_may_say_the_same_again_and_grant_as_much_as_it_likes() -> None:
    peer = Server().connect(credit=1)
    peer.listen(1)
    peer.say(ack(20, 2**64 - 1), ack(20, 2**64 - 1))
    assert peer.link.state is State.UP


# what is read


def test_an_event_that_starts_within_the_credit_is_taken_however_long_it_is() -> None:
    peer = Server().connect(our_credit=100)
    (topic,) = peer.add_sender("thermo", ["reading"])
    peer.say(event(topic, 99), event(topic, 50_000))
    assert peer.link.state is State.UP


@pytest.mark.parametrize("kind", [Kind.EVENT, Kind.EVENT_META, Kind.REMOVE_SENDER])
def test_a_frame_of_the_event_lane_that_starts_beyond_the_credit_ends_the_link(kind: Kind) -> None:
    peer = Server().connect(our_credit=100)
    (topic,) = peer.add_sender("thermo", ["reading"])
    peer.say(event(topic, 50), event(topic, 50), frame(kind, topic, b'{"sender":"thermo"}'))
    assert peer.error_code == "credit_exceeded"
    assert "offset 100, beyond the credit of 100" in str(peer.link.error)


def test_credit_is_granted_as_events_are_consumed() -> None:
    peer = Server().connect(our_credit=1000)
    registration = control(Kind.ADD_SENDER, 1, sender="thermo", events=["reading"])
    peer.say(registration)
    for n in range(1, 5):
        peer.say(*[event(1, 50)] * 5)
        peer.hear()
        assert peer.acks[-1] == (len(registration) + n * 250, 1000 + n * 250)  # 250 is a quarter: told at once


def test_less_than_a_quarter_is_acknowledged_20_ms_later() -> None:
    peer = Server().connect(our_credit=1000)
    peer.listen(1)
    peer.hear()
    assert peer.acks == []
    assert peer.link.deadline_s() == 100.02
    peer.link.tick(100.019)
    assert peer.hear() == []
    peer.link.tick(100.02)
    assert peer.hear() == []
    assert peer.acks == [(len(control(Kind.LISTEN, 1, sender=None, event=None)), 1000)]
    assert peer.link.deadline_s() == 110.0


def test_frames_of_the_link_lane_and_extensions_are_not_counted() -> None:
    peer = Server().connect()
    peer.say(frame(Kind.PING, 1), frame(0x80, 1, bytes(500)), ack(0, 1 << 20))
    assert peer.link.deadline_s() == 110.0
    peer.say(frame(Kind.UNLISTEN, 1))
    peer.link.tick(101.0)
    peer.hear()
    assert peer.acks == [(9, 1 << 20)]


# what is written


def pair(**theirs: int) -> tuple[RawPeer, RawPeer, int]:
    """Return a publisher, a reader of everything with its own limits, and the publisher's topic."""
    server = Server()
    publisher, reader = server.connect("publisher"), server.connect("reader", **theirs)
    (topic,) = publisher.add_sender("thermo", ["reading"])
    reader.listen(1)
    reader.acknowledge()
    return publisher, reader, topic


@given(
    st.lists(st.lists(st.integers(9, 400), max_size=12), max_size=8),
    st.integers(1, 700),
    st.integers(1, 6),
)
def test_a_reader_gets_every_event_in_order_and_none_that_starts_beyond_its_credit(
    runs: list[list[int]], credit: int, patience: int
) -> None:
    publisher, reader, topic = pair(credit=credit)
    sizes: list[int] = []
    got: list[bytes] = []
    sent: list[bytes] = []
    granted = reader.events_received + credit

    def read() -> None:
        nonlocal granted
        offset = reader.events_received
        for _kind, _id, body in reader.hear():
            assert offset < granted
            offset += 9 + len(body)
            got.append(body)
        reader.acknowledge()
        granted = reader.events_received + credit

    for turn, run in enumerate(runs):
        sizes += run
        bodies = [bytes([len(sent) + n & 0xFF]) * (size - 9) for n, size in enumerate(run)]
        sent += bodies
        publisher.say(*(frame(Kind.EVENT, topic, body) for body in bodies))
        if turn % patience == 0:
            read()
    for _ in range(len(sent) + 3):
        read()
    assert [body for body in got if not body.startswith(b'{"sender"')] == sent


def test_events_wait_for_credit_and_control_does_not() -> None:
    publisher, reader, topic = pair(credit=200)
    publisher.say(*[event(topic, 100)] * 5)
    assert [kind for kind, _id, _body in reader.hear()] == [Kind.TOPIC, Kind.EVENT, Kind.EVENT]
    reader.say(frame(Kind.PING, 4), control(Kind.LISTEN, 2, sender="a"))
    assert [kind for kind, _id, _body in reader.hear()] == [Kind.PONG, Kind.OK]
    reader.acknowledge()
    assert [kind for kind, _id, _body in reader.hear()] == [Kind.EVENT, Kind.EVENT]
    reader.acknowledge()
    assert [kind for kind, _id, _body in reader.hear()] == [Kind.EVENT, Kind.START]


def test_events_stop_before_the_window_and_control_goes_up_to_it() -> None:
    server = Server()
    publisher, reader = server.connect("publisher"), server.connect("reader", unacknowledged=4000)
    (topic,) = publisher.add_sender("thermo", ["reading"])
    reader.listen(1)
    publisher.say(*[event(topic, 100)] * 60)
    reader.hear()
    assert 3000 <= reader.received < 3100  # a quarter of 4000 is kept for control
    for n in range(200):
        reader.say(control(Kind.LISTEN, 1000 + n, sender="a"))
    assert {kind for kind, _id, _body in reader.hear()} == {Kind.OK}
    assert 4000 <= reader.received < 4011
    reader.acknowledge()
    assert {kind for kind, _id, _body in reader.hear()} == {Kind.OK, Kind.EVENT}


def test_a_control_frame_longer_than_the_window_is_not_stuck() -> None:
    server = Server()
    holder, asker = server.connect("holder"), server.connect("asker", unacknowledged=1000)
    holder.add_sender("store", requests=["read"])
    asker.say(frame(Kind.REQUEST, 1, write_request("store", "read", "", 5000, b"")))
    ((_kind, call, _body),) = holder.hear()
    holder.say(frame(Kind.REPLY, call, bytes(50_000)))
    assert [(kind, len(body)) for kind, _id, body in asker.hear()] == [(Kind.REPLY, 50_000)]


def test_a_client_s_events_wait_for_the_server_s_credit() -> None:
    client = ClientProcess("sensor")
    link = client.link
    limits = {"frame": 1 << 20, "credit": 100}
    link.receive(PREFACE + control(Kind.WELCOME, 0, version=1, codec="json", name="hall", limits=limits), 100.0)
    thermo = client.add_sender("thermo", ["reading"])
    client.said()
    for _ in range(5):
        thermo.trigger("reading", "x" * 39)  # 50 bytes each
    assert client.said() == b""  # no number yet
    link.receive(control(Kind.OK, 1, topics={"reading": 9}), 100.0)
    assert [id_ for _kind, id_, _body in frames_in(client.said())] == [9, 9]
    assert not client.up.is_settled
    link.receive(ack(0, 101), 100.0)
    assert len(frames_in(client.said())) == 1
    link.receive(ack(0, 250), 100.0)
    assert len(frames_in(client.said())) == 2
    assert not client.up.is_settled
    link.receive(ack(0, 350), 100.0)
    assert client.up.is_settled


# what waits for a side that does not read


def test_too_much_control_for_a_side_that_does_not_read_ends_its_link() -> None:
    peer = Server().connect(control_queue=1000)
    for n in range(90):
        peer.say(control(Kind.LISTEN, n, sender="a"))
    assert peer.link.state is State.UP
    for n in range(90, 95):
        peer.say(control(Kind.LISTEN, n, sender="a"))
    assert peer.error_code == "control_overflow"
    assert "at most 1000 may" in str(peer.link.error)


def test_notices_are_left_out_where_much_control_waits() -> None:
    server = Server()
    victim, other = server.connect("victim", control_queue=4000), server.connect("other")
    for n in range(100):
        victim.say(control(Kind.LISTEN, n, sender="thermo", event=f"no{n}"))
        victim.hear()
    for _ in range(20):
        other.add_sender("thermo", ["reading"])
        other.say(control(Kind.REMOVE_SENDER, 0, sender="thermo"))
    assert victim.link.state is State.UP
    assert server.drops.counts()["notice"] > 1000
    assert {kind for kind, _id, _body in victim.hear()} == {Kind.NOTICE}


def test_requests_to_a_side_that_does_not_read_are_busy_and_its_link_stays() -> None:
    server = Server()
    holder, asker = server.connect("holder", control_queue=4000), server.connect("asker")
    holder.add_sender("valve", requests=["turn"])
    for n in range(10):
        asker.say(frame(Kind.REQUEST, n, write_request("valve", "turn", "", 5000, bytes(1000))))
    errors = asker.hear_fields()
    assert holder.link.state is State.UP
    assert [fields["code"] for _kind, _id, fields in errors] == ["busy"] * 8
    assert [kind for kind, _id, _body in holder.hear()] == [Kind.REQUEST] * 2


def test_presence_for_a_side_that_does_not_read_is_bounded() -> None:
    server = Server()
    victim, other = server.connect("victim", event_queue=2000), server.connect("other")
    victim.listen(1, event="#connect")
    for n in range(200):
        other.add_sender("thermo", ["reading"])
        other.say(control(Kind.REMOVE_SENDER, 0, sender="thermo"))
        assert victim.session.events.size < 5000, n
    assert victim.error_code == "too_slow"
    assert other.link.state is State.UP


# readers that are too slow


def slow_reader(credit: int = 1 << 20, **terms: str) -> tuple[Server, RawPeer, RawPeer, int]:
    """Return a publisher, and a reader with room for ten events of 100 bytes that was told of the topic."""
    server = Server()
    publisher = server.connect("publisher", our_credit=4000)
    reader = server.connect("reader", event_queue=1000, credit=credit)
    (topic,) = publisher.add_sender("thermo", ["reading"])
    reader.listen(1, **terms)
    publisher.say(event(topic, 100))
    assert len(reader.hear_events()) == 1
    reader.acknowledge()
    return server, publisher, reader, topic


def numbered(topic: int, numbers: Iterable[int]) -> list[bytes]:
    return [frame(Kind.EVENT, topic, b"%091d" % n) for n in numbers]


def told(reader: RawPeer) -> list[int | bytes]:
    """Return the numbers of the events that it gets, and the bodies of gaps."""
    return [body if body.startswith(b"GAP") else int(body) for _sender, _event, body in reader.hear_events()]


def test_who_reads_nothing_holds_up_its_publisher_for_its_stall_budget_and_then_loses_the_oldest() -> None:
    server, publisher, reader, topic = slow_reader()
    publisher.say(*numbered(topic, range(10)), *numbered(topic, range(10, 30)))
    publisher.say(*numbered(topic, range(30, 35)))
    held_up_s = 0.0
    while publisher.hear() == [] and publisher.acks[-1][1] < 4000 + 3600:
        server.tick(0.1)
        held_up_s += 0.1
        assert held_up_s < 2.0
    assert 1.0 <= held_up_s <= 1.3
    assert (reader.link.state, reader.error_code) == (State.UP, None)
    gap, *events = told(reader)
    assert events == list(range(35 - len(events), 35))
    assert gap == b'GAP {"count":%d,"cause":"overflow"}' % (35 - len(events))
    assert reader.session.counters == {"overflow": 35 - len(events)}


def test_a_spent_budget_holds_up_nobody_until_some_of_it_came_back() -> None:
    server, publisher, reader, topic = slow_reader()
    publisher.say(*numbered(topic, range(30)))
    publisher.say(*numbered(topic, range(30)))
    for _ in range(13):
        server.tick(0.1)
    told(reader)
    reader.acknowledge()
    publisher.say(*numbered(topic, range(30)))
    publisher.say(*numbered(topic, range(30)))
    server.tick(0.02)
    publisher.hear()
    assert publisher.acks[-1][1] == 4000 + 12_100  # nothing waits: the reader lost the oldest at once
    told(reader)
    reader.acknowledge()
    for _ in range(100):  # a hundredth of 10 s is a tenth of the budget: enough to begin with
        server.tick(0.1)
        for peer in (publisher, reader):
            peer.say(frame(Kind.PONG, 0))
    publisher.say(*numbered(topic, range(30)))
    told(reader)
    reader.acknowledge()
    publisher.say(*numbered(topic, range(12)))
    publisher.say(*numbered(topic, range(12, 20)))
    server.tick(0.02)
    assert told(reader) == list(range(20))


def test_who_reads_at_a_fair_pace_may_hold_up_its_publisher_for_ever_and_loses_nothing() -> None:
    server, publisher, reader, topic = slow_reader(credit=200)
    sent = 0
    got: list[int | bytes] = []
    for _ in range(60):
        publisher.hear()
        while sent * 100 < max([4000, *(credit for _received, credit in publisher.acks)]) - 100:
            publisher.say(*numbered(topic, [sent]))
            sent += 1
        got += told(reader)
        reader.acknowledge()
        assert reader.session.events.is_full
        server.tick(0.2)  # 200 bytes in 0.2 s: all that may wait would be read in 1 s
    assert got == list(range(len(got)))
    assert len(got) > 100


def test_a_reader_that_wants_the_newest_alone_holds_up_nobody() -> None:
    _server, publisher, reader, topic = slow_reader(policy="latest")
    reader.lose()
    publisher.say(*numbered(topic, range(30)))
    publisher.hear()
    reader.resume()
    assert told(reader) == [b'GAP {"count":29,"cause":"conflated"}', 29]


def test_a_reader_that_wants_to_be_disconnected_then_is() -> None:
    server, publisher, reader, topic = slow_reader(policy="disconnect")
    publisher.say(*numbered(topic, range(10)))
    assert reader.link.state is State.UP
    publisher.say(*numbered(topic, range(10)))
    assert reader.error_code == "too_slow"
    assert reader.session.is_over
    assert server.hub.sessions.keys() == {publisher.session.id}


@pytest.mark.parametrize(
    ("policy", "why"), [("drop_oldest", "as its policy says"), ("latest", "'latest'"), ("block", "stall_budget")]
)
def test_the_log_names_the_reader_that_is_too_slow_and_says_why_it_lost_events(
    policy: str, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    server, publisher, reader, topic = slow_reader(policy=policy)
    for _ in range(3):
        publisher.say(*numbered(topic, range(10)))
    for _ in range(13):
        server.tick(0.1)
    (line,) = (record.getMessage() for record in caplog.records if record.name == "sigcore.drops")
    assert line.startswith(f"'{reader.name}' at mem://test: ")
    assert why in line


def test_the_most_careful_of_a_link_s_policies_holds() -> None:
    _server, publisher, reader, topic = slow_reader(policy="latest")
    reader.listen(2, "thermo", policy="drop_oldest")
    reader.listen(3, "thermo", "reading", policy="drop_newest")
    publisher.say(*numbered(topic, range(8)))
    assert told(reader) == list(range(8))


def test_a_client_that_asks_for_more_than_may_wait_is_busy_and_its_link_stays() -> None:
    client = ClientProcess("asker", control_queue=4000)
    server = Server()
    wire = Wire(server, client)
    for _ in range(10):
        client.request("store", "read", "x" * 1000)
    assert [type(answer) for answer in client.answers] == [Busy] * 8
    wire.run()
    assert client.link.state is State.UP
    assert len(client.answers) == 10


def test_a_client_may_register_more_at_once_than_may_wait_of_requests() -> None:
    client = ClientProcess("panel", control_queue=500)
    wire = Wire(Server(), client)
    for n in range(100):
        client.add_listener("thermo", f"event{n}")
    wire.run()
    assert client.link.state is State.UP
    assert client.answers == [None] * 100


def test_the_end_of_a_link_is_an_error_of_the_protocol_with_its_code() -> None:
    peer = Server().connect()
    peer.say(frame(Kind.EVENT, 5))
    assert isinstance(peer.link.error, RemoteProtocolError)
    assert peer.link.error.code == "topic_not_owned"
