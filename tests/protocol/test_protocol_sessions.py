# SPDX-License-Identifier: MIT
"""Sessions that outlive their links: what goes on, what begins anew, and who may ask for it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sigcore._errors import DeliveryUnknown, NotSent, SenderLost
from sigcore._info import Gap
from sigcore._limits import ServerLimits
from sigcore.protocol.bodies import read_body, read_request, write_ack, write_gap, write_kept, write_request
from sigcore.protocol.frames import PREFACE, Kind, frame
from sigcore.protocol.link import State
from sigcore.protocol.server_session import SESSION_BYTES

from .loopback import ClientProcess, RawPeer, Server, Wire, control, frames_in, hello

# two clients whose links are cut


def pair(server: Server, **limits: Any) -> tuple[ClientProcess, Wire, ClientProcess, Wire]:
    """Return a sensor with a sender and a panel that listens to everything, and their wires."""
    sensor, panel = ClientProcess("sensor", **limits), ClientProcess("panel", **limits)
    sensor_wire, panel_wire = Wire(server, sensor), Wire(server, panel)
    sensor.add_sender("thermo", ["reading"], ["calibrate"])
    panel.add_listener("thermo")
    for wire in (sensor_wire, panel_wire):
        wire.run()
    return sensor, sensor_wire, panel, panel_wire


def send(wire: Wire, up: int, down: int) -> None:
    """Let both sides write what they may; only so many bytes arrive."""
    said, answered = wire.client.said(), wire.link.data_to_send(wire.server.now_s)
    wire.link.receive(said[:up], wire.server.now_s)
    wire.client.link.receive(answered[:down], wire.client.now_s)
    wire.server.settle()


@settings(max_examples=200)
@given(st.lists(st.tuples(st.sampled_from(["sensor", "panel"]), st.integers(0, 80), st.integers(0, 80)), max_size=12))
def test_wherever_links_are_cut_every_event_arrives_once_and_in_order(cuts: list[tuple[str, int, int]]) -> None:
    server = Server()
    sensor, sensor_wire, panel, panel_wire = pair(server)
    wires = {"sensor": sensor_wire, "panel": panel_wire}
    sent = 0
    for who, up, down in cuts:
        for _ in range(3):
            sensor.trigger("thermo", "reading", sent)
            sent += 1
        sensor_wire.run()
        send(wires[who], up, down)
        wires[who].cut()
        sensor.trigger("thermo", "reading", sent)
        sent += 1
        wires[who].mend()
    for wire in wires.values():
        wire.run()
    assert panel.heard == [("thermo", "reading", n) for n in range(sent)]
    assert panel.gaps == []
    assert (panel.present, sensor.lost_senders, server.local.left) == ({}, [], [])


@given(st.integers(0, 400), st.integers(0, 400))
def test_registrations_survive_a_cut_wherever_it_is(up: int, down: int) -> None:
    server = Server()
    client = ClientProcess("client")
    wire = Wire(server, client)
    for n in range(5):
        client.add_sender(f"sender{n}", ["a"])
        client.add_listener(f"other{n}")
    send(wire, up, 0)
    send(wire, 0, down)
    wire.cut()
    wire.mend()
    assert client.answers == [None] * 10
    assert server.local.present == [f"sender{n}" for n in range(5)]
    assert server.hub.listeners == 5


def test_a_request_that_nobody_waits_for_any_more_is_written_again_as_nothing() -> None:
    server = Server()
    _sensor, _sensor_wire, panel, panel_wire = pair(server)
    for n in range(3):
        panel.request("thermo", "calibrate", n, timeout=5.0)
    lost = panel.said()
    panel_wire.cut()
    panel.cancel(3)
    panel.now_s = server.now_s = 101.0
    panel.connect()
    panel_wire.link = server.new_link()
    panel_wire.link.receive(panel.said(), 101.0)
    panel.link.receive(panel_wire.link.data_to_send(101.0), 101.0)
    again = [item for item in frames_in(panel.said()) if item[0] != Kind.ACK]
    assert [kind for kind, _id, _body in again] == [Kind.REQUEST, Kind.PAD, Kind.REQUEST, Kind.CANCEL]
    assert [len(body) for _kind, _id, body in again[:3]] == [len(body) for _kind, _id, body in frames_in(lost)]
    assert again[1][1:] == (0, bytes(len(again[1][2])))
    assert [read_request(again[n][2])[3] for n in (0, 2)] == [4000, 4000]


def test_a_request_is_executed_once_however_often_its_link_is_cut() -> None:
    server = Server()
    sensor, sensor_wire, panel, panel_wire = pair(server)
    panel.request("thermo", "calibrate", 1, timeout=60.0)
    for wire in (panel_wire, sensor_wire, panel_wire, sensor_wire):
        send(wire, 1000, 0)
        wire.cut()
        wire.mend()
    assert [params for *_rest, params in sensor.asked_for] == [b"1"]
    sensor.reply(sensor.asked_for[0][0], "done")
    send(sensor_wire, 1000, 0)
    sensor_wire.cut()
    sensor_wire.mend()
    panel_wire.run()
    assert panel.answers == [None, b'"done"']


def test_an_event_that_was_delivered_is_answered_over_a_cut() -> None:
    server = Server()
    sensor, sensor_wire, panel, panel_wire = pair(server)
    sensor.deliver("thermo", "reading", 1)
    send(sensor_wire, 1000, 0)
    sensor_wire.cut()
    sensor_wire.mend()
    panel_wire.run()
    assert sensor.answers == [None, b'{"accepted":1}']
    assert panel.heard == [("thermo", "reading", 1)]


# sessions that are new


def test_with_another_session_everything_is_registered_again_and_losses_are_told() -> None:
    server, later = Server(), Server()
    sensor, sensor_wire, panel, panel_wire = pair(server)
    panel.request("thermo", "calibrate", 1)
    sensor.deliver("thermo", "reading", "written")
    sensor.said(), panel.said()
    for wire in (sensor_wire, panel_wire):
        wire.cut()
    sensor.trigger("thermo", "reading", "not written")
    panel.request("thermo", "calibrate", 2)
    for wire in (panel_wire, sensor_wire, panel_wire):
        wire.server = later  # it was restarted
        wire.mend()
    assert [type(answer) for answer in panel.answers] == [type(None), SenderLost, NotSent, type(None)]
    assert [type(answer) for answer in sensor.answers] == [type(None), DeliveryUnknown, type(None)]
    assert panel.heard == [("thermo", "reading", "not written")]
    assert panel.gaps == [("thermo", "reading", Gap(None, "session_lost"))]


@pytest.mark.parametrize(
    "change",
    [
        {"id": "00" * 16},
        {"id": ""},
        {"secret": "00" * 16},
        {"secret": ""},
        {"received": 0},
        {"received": 10**6},
        {"received": 2**63 - 1},
    ],
    ids=str,
)
def test_whoever_does_not_know_a_session_gets_another_and_harms_nobody(change: dict[str, Any]) -> None:
    server = Server()
    victim, other = server.connect("victim"), server.connect("other")
    victim.listen(1)
    victim.acknowledge()
    (topic,) = other.add_sender("thermo", ["reading"])
    thief = RawPeer(server, "thief")
    asked = {"id": victim.session.id, "secret": victim.session.secret, "received": victim.received, **change}
    described = thief.connect(session=asked)
    assert described["resumed"] is False
    assert described["id"] not in (victim.session.id, other.session.id)
    assert thief.session is not victim.session
    other.say(frame(Kind.EVENT, topic, b"1"))
    assert victim.hear_events() == [("thermo", "reading", b"1")]
    assert thief.hear() == []
    assert victim.link.state is State.UP


def test_a_session_s_secret_is_told_once_and_is_no_other_s() -> None:
    server = Server()
    first, second = RawPeer(server), RawPeer(server)
    told = [first.connect(), second.connect()]
    assert len({fields[name] for fields in told for name in ("id", "secret")}) == 4
    first.lose()
    assert first.resume().keys() == {"id", "resumed", "received"}
    assert second.resume(id=first.session.id)["resumed"] is False  # with its own secret


@pytest.mark.parametrize(
    "session",
    [
        {},
        {"id": "x", "secret": "y"},
        {"id": 5, "secret": "y", "received": 0},
        {"id": "x", "secret": None, "received": 0},
        {"id": "x", "secret": "y", "received": -1},
        {"id": "x", "secret": "y", "received": True},
        {"id": "x", "secret": "y", "received": "0"},
        {"id": "x", "secret": "y", "received": 2**64},
        "x",
        [],
        7,
    ],
    ids=str,
)
def test_a_session_that_is_none_ends_the_link(session: object) -> None:
    server = Server()
    link = server.new_link()
    link.receive(hello(session=session), 100.0)
    assert getattr(link.error, "code", None) == "malformed_body"
    assert server.hub.sessions == {}


def test_no_session_may_be_asked_for_with_null() -> None:
    assert RawPeer(Server()).connect(session=None)["resumed"] is False


def test_received_must_be_where_a_frame_has_ended() -> None:
    server = Server()
    client, publisher = server.connect("client"), server.connect("publisher")
    client.listen(1)
    (topic,) = publisher.add_sender("thermo", ["reading"])
    ends = [client.received]
    for n in range(5):
        publisher.say(frame(Kind.EVENT, topic, b"%d" % n))
        for _kind, _id, body in client.hear():
            ends.append(ends[-1] + 9 + len(body))
    found = {offset for offset in range(ends[-1] + 2) if client.session.can_go_on_from(offset)}
    assert found == {0, 11, *ends}
    client.say(frame(Kind.ACK, 0, write_ack(ends[2], 1 << 20)))
    assert {offset for offset in range(ends[-1] + 2) if client.session.can_go_on_from(offset)} == {*ends[2:]}


@pytest.mark.parametrize("change", [{"codec": "upper"}, {"max_frame": 5000}, {"credit": 5000}], ids=str)
def test_what_a_session_fixes_cannot_change(change: dict[str, Any]) -> None:
    peer = Server().connect()
    peer.listen(1)
    peer.lose()
    peer.theirs = change
    assert peer.resume()["resumed"] is False


def test_at_an_endpoint_with_other_limits_the_session_is_new() -> None:
    peer = Server().connect()
    peer.listen(1)
    peer.lose()
    peer.ours = {"event_queue": 5000}
    assert peer.resume()["resumed"] is False


# who takes a session over


def test_a_session_that_is_asked_for_twice_goes_with_the_last_link() -> None:
    server = Server()
    peer, other = server.connect("peer"), server.connect("other")
    peer.listen(1)
    (topic,) = other.add_sender("thermo", ["reading"])
    links = [peer.link]
    for _ in range(3):
        assert peer.resume()["resumed"] is True
        links.append(peer.link)
    for link in links[:-1]:
        kind, _id, body = frames_in(link.data_to_send(100.0))[-1]
        assert kind == Kind.BYE
        assert read_body("BYE", body).text("code") == "replaced"
        assert (link.state, link.session) == (State.ENDED, None)
        link.receive(frame(Kind.PING, 1), 100.0)
        link.lose(None)
    assert peer.link.session is peer.session
    other.say(frame(Kind.EVENT, topic, b"1"))
    assert peer.hear_events() == [("thermo", "reading", b"1")]
    assert server.local.left == []


def test_a_client_that_is_replaced_goes_on_with_its_session() -> None:
    client = ClientProcess("client")
    wire = Wire(Server(), client)
    session = client.session
    client.link.receive(control(Kind.BYE, 0, code="replaced", message=""), 100.0)
    assert client.session is session
    wire.link.lose(None)
    wire.mend()
    assert client.session is session
    assert client.link.state is State.UP


def test_hello_comes_once() -> None:
    peer = Server().connect()
    peer.listen(1)
    peer.say(hello("again").removeprefix(PREFACE))
    assert peer.error_code == "unexpected_kind"
    assert peer.session.is_over


# what a client takes from a server


@pytest.mark.parametrize(
    ("described", "code"),
    [
        ({"id": "01" * 16, "resumed": True, "received": 10**6}, "bad_ack"),
        ({"id": "01" * 16, "resumed": True, "received": 1}, "bad_ack"),
        ({"id": "01" * 16, "resumed": True, "received": -1}, "malformed_body"),
        ({"id": "01" * 16, "resumed": True}, "malformed_body"),
        ({"id": "03" * 16, "resumed": True, "received": 0}, "malformed_body"),
        ({"id": "01" * 16, "resumed": 1}, "malformed_body"),
    ],
    ids=str,
)
def test_a_client_goes_on_only_with_what_it_wrote(described: dict[str, Any], code: str) -> None:
    client = ClientProcess("client")
    wire = Wire(Server(), client)
    client.add_sender("thermo", ["reading"])
    client.said()
    wire.cut()
    client.connect()
    limits = {"frame": 1 << 20, "credit": 1 << 20}
    welcome = control(Kind.WELCOME, 0, version=1, codec="json", name="hall", limits=limits, session=described)
    client.link.receive(PREFACE + welcome, 100.0)
    assert getattr(client.link.error, "code", None) == code
    assert client.link.has_ended


def test_a_session_that_a_client_never_asked_for_is_not_gone_on_with() -> None:
    client = ClientProcess("client")
    limits = {"frame": 1 << 20, "credit": 1 << 20}
    described = {"id": "01" * 16, "resumed": True, "received": 0}
    welcome = control(Kind.WELCOME, 0, version=1, codec="json", name="hall", limits=limits, session=described)
    client.link.receive(PREFACE + welcome, 100.0)
    assert getattr(client.link.error, "code", None) == "malformed_body"


# how long a session is kept


def test_a_session_is_kept_for_its_time_and_no_longer() -> None:
    for seconds, resumed in ((119.9, True), (120.0, False)):
        server = Server()
        peer = server.connect()
        peer.listen(1)
        peer.lose()
        server.tick(seconds)
        assert peer.resume()["resumed"] is resumed


def test_the_session_of_a_client_that_says_it_goes_on_with_none_ends_with_its_link() -> None:
    server = Server()
    small, other = RawPeer(server), server.connect("other")
    small.connect(features=["no_resume", "unheard_of"])
    small.add_sender("thermo")
    other.add_sender("valve")
    small.lose()
    other.lose()
    server.tick(0.0)
    assert server.local.left == [("thermo", "link_lost")]
    assert small.resume()["resumed"] is False
    small.add_sender("thermo")  # its name is free at once
    assert other.resume()["resumed"] is True


def test_a_session_ends_with_a_bye_and_not_with_a_link_that_is_dead() -> None:
    for code, resumed in (("closing", False), ("internal_error", False), ("dead", True)):
        server = Server()
        peer = server.connect()
        peer.listen(1)
        peer.say(control(Kind.BYE, 0, code=code, message=""))
        assert peer.resume()["resumed"] is resumed
    silent = Server().connect()
    silent.listen(1)
    silent.server.tick(10.0)
    silent.server.tick(20.0)
    assert silent.error_code == "dead"
    assert silent.resume()["resumed"] is True


def test_sessions_without_a_link_share_a_bound_and_the_oldest_goes_first() -> None:
    server = Server(limits=ServerLimits(session_memory=4 * SESSION_BYTES + 11_000))  # and 4 events for three of them
    publisher = server.connect("publisher")
    (topic,) = publisher.add_sender("thermo", ["reading"])
    peers = [server.connect(f"peer{n}") for n in range(4)]
    for peer in peers:
        peer.listen(1)
        peer.hear()
        server.tick(0.1)
        peer.lose()
    for _ in range(4):
        publisher.say(frame(Kind.EVENT, topic, bytes(1000)))
    server.tick(1.0)
    assert [peer.resume()["resumed"] for peer in peers] == [False, True, True, True]
    assert server.drops.counts() == {"session_evicted": 1}


def test_a_sender_has_its_name_and_its_topics_again_when_its_session_is_back() -> None:
    server = Server()
    holder, watcher = server.connect("holder"), server.connect("watcher")
    watcher.listen(1, event="#disconnect")
    watcher.listen(2, "thermo")
    (topic,) = holder.add_sender("thermo", ["reading"])
    watcher.hear()
    holder.lose()
    server.tick(2.0)
    ((_kind, _id, fields),) = watcher.hear_fields()
    assert (fields["connected"], fields["cause"]) == (False, "link_lost")
    assert holder.resume()["resumed"] is True
    holder.say(frame(Kind.EVENT, topic, b"1"))
    assert [kind for kind, _id, _body in watcher.hear()] == [Kind.PRESENCE, Kind.TOPIC, Kind.EVENT]


def test_who_lost_its_name_is_told_and_its_events_go_nowhere() -> None:
    server = Server()
    holder, other, reader = server.connect("holder"), server.connect("other"), server.connect("reader")
    reader.listen(1)
    (topic,) = holder.add_sender("thermo", ["reading"])
    holder.lose()
    server.tick(2.0)
    (its_topic,) = other.add_sender("thermo", ["reading"])
    holder.resume()
    ((kind, id_, fields),) = holder.hear_fields()
    assert (kind, id_, fields["code"], fields["sender"]) == (Kind.NOTICE, 0, "sender_exists", "thermo")
    holder.say(frame(Kind.EVENT, topic, b'"stale"'), frame(Kind.SYNC, 9))
    assert holder.hear_fields() == [(Kind.OK, 9, {"accepted": 0})]
    holder.say(control(Kind.REMOVE_SENDER, 0, sender="thermo"))  # it is not its own any more
    other.say(frame(Kind.EVENT, its_topic, b'"true"'))
    assert reader.hear_events() == [("thermo", "reading", b'"true"')]
    other.say(control(Kind.REMOVE_SENDER, 0, sender="thermo"))
    (new_topic,) = holder.add_sender("thermo", ["reading"])
    assert new_topic not in (topic, its_topic)


def test_a_client_hears_that_its_name_is_somebody_else_s() -> None:
    server = Server()
    sensor, sensor_wire, _panel, _panel_wire = pair(server)
    sensor_wire.cut()
    server.tick(2.0)
    server.connect("other").add_sender("thermo")
    sensor_wire.mend()
    assert sensor.lost_senders == ["thermo"]


# frames that came with sessions, and make no sense


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff" * 30, b'{"count":-5,"cause":7}', b'{"count":1,"cause":"' + b"x" * 900]
)
@pytest.mark.parametrize("reader_codec", ["json", "upper"])
def test_a_gap_that_makes_no_sense_ends_nobody_s_link(body: bytes, reader_codec: str) -> None:
    server = Server()
    sensor = server.connect("sensor")
    panel = ClientProcess("panel")
    wire = Wire(server, panel)
    small = server.connect("small", max_frame=512, codec=reader_codec)
    (topic,) = sensor.add_sender("thermo", ["reading"])
    panel.add_listener("thermo")
    wire.run()
    small.listen(1, policy="drop_oldest")
    sensor.say(frame(Kind.EVENT, topic, b'"1"'), frame(Kind.GAP, topic, body), frame(Kind.EVENT, topic, b'"2"'))
    wire.run()
    assert panel.heard == [("thermo", "reading", "1"), ("thermo", "reading", "2")]
    assert panel.gaps == [("thermo", "reading", Gap(None, "unknown"))]
    assert max(len(found) for _kind, _id, found in small.hear()) <= 512
    assert (sensor.error_code, small.error_code, panel.link.error) == (None, None, None)


def test_a_gap_on_somebody_else_s_topic_ends_the_link() -> None:
    server = Server()
    sensor, thief, reader = server.connect("sensor"), server.connect("thief"), server.connect("reader")
    (topic,) = sensor.add_sender("thermo", ["reading"])
    reader.listen(1)
    thief.say(frame(Kind.GAP, topic, write_gap(1, "overflow")))
    assert thief.error_code == "topic_not_owned"
    assert reader.hear() == []


def test_a_sync_is_answered_for_the_event_in_front_of_it_also_where_that_has_to_wait() -> None:
    server = Server()
    publisher, reader = server.connect("publisher"), server.connect("reader", event_queue=50, credit=1)
    (topic,) = publisher.add_sender("thermo", ["reading"])
    publisher.say(frame(Kind.SYNC, 7))
    assert publisher.hear_fields() == [(Kind.OK, 7, {"accepted": 0})]
    reader.listen(1)
    publisher.say(frame(Kind.EVENT, topic, bytes(60)))
    publisher.say(frame(Kind.EVENT, topic, bytes(60)), frame(Kind.SYNC, 8), frame(Kind.SYNC, 8))
    assert publisher.hear() == []
    for _ in range(6):
        reader.hear()
        reader.acknowledge()
    assert publisher.hear_fields() == [(Kind.OK, 8, {"accepted": 1})] * 2


def test_pads_of_any_kind_are_nothing() -> None:
    peer = Server().connect()
    peer.say(*[frame(Kind.PAD, id_, bytes(id_)) for id_ in range(50)])
    peer.server.tick(0.02)
    assert peer.hear() == []
    assert peer.acks == [(sum(9 + n for n in range(50)), 1 << 20)]


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        (frame(Kind.KEPT, 5, write_kept(1, Kind.EVENT, b"1")), "unknown_topic"),
        (control(Kind.TOPIC, 5, sender="a", event="b") + frame(Kind.KEPT, 5, b"1234"), "malformed_body"),
        (frame(Kind.GAP, 5, b"{}"), "unknown_topic"),
        (frame(Kind.SYNC, 5), "unexpected_kind"),
        (control(Kind.NOTICE, 0, code="sender_exists", sender="#a"), "invalid_name"),
    ],
    ids=["kept, unknown topic", "kept, short", "gap", "sync", "notice"],
)
def test_a_client_leaves_a_server_that_breaks_the_rules(frames: bytes, code: str) -> None:
    client = ClientProcess("client")
    Wire(Server(), client)
    client.link.receive(frames, 100.0)
    assert getattr(client.link.error, "code", None) == code


def test_kept_events_and_starts_for_nobody_are_skipped() -> None:
    client = ClientProcess("client")
    Wire(Server(), client)
    client.link.receive(
        control(Kind.TOPIC, 5, sender="a", event="b")
        + frame(Kind.KEPT, 5, write_kept(99, Kind.EVENT, b"1"))
        + frame(Kind.START, 99)
        + control(Kind.NOTICE, 0, code="sender_exists", sender="nobody"),
        100.0,
    )
    assert client.link.state is State.UP
    assert client.heard == []


def test_a_listener_hears_what_comes_behind_its_start() -> None:
    client = ClientProcess("client")
    wire = Wire(Server(), client)
    client.add_listener("a")
    wire.run()
    listener = client.add_listener("a", replay=5)
    client.said()
    number = client.up._listener_ids[listener]
    client.link.receive(
        control(Kind.TOPIC, 5, sender="a", event="b")
        + frame(Kind.EVENT, 5, b"1")
        + frame(Kind.OK, number, b"{}")
        + frame(Kind.KEPT, 5, write_kept(number, Kind.EVENT, b"0"))
        + frame(Kind.KEPT, 5, write_kept(number, Kind.EVENT, b"1"))
        + frame(Kind.START, number)
        + frame(Kind.EVENT, 5, b"2"),
        100.0,
    )
    assert [data for _sender, _event, data in client.heard] == [1, 0, 1, 2, 2]


@pytest.mark.parametrize(
    "fields",
    [
        {"policy": "fifo"},
        {"policy": None},
        {"policy": 1},
        {"replay": -1},
        {"replay": "all"},
        {"replay": True},
        {"replay": 2**63},
    ],
    ids=str,
)
def test_a_listener_on_terms_that_there_are_not_ends_the_link(fields: dict[str, Any]) -> None:
    peer = Server().connect()
    peer.say(control(Kind.LISTEN, 1, **fields))
    assert peer.error_code == "malformed_body"


@pytest.mark.parametrize(
    "keep", [[], "x", {"reading": 0}, {"reading": -1}, {"reading": "2"}, {"reading": True}], ids=str
)
def test_a_keep_that_is_none_ends_the_link(keep: object) -> None:
    peer = Server().connect()
    peer.say(control(Kind.ADD_SENDER, 1, sender="thermo", events=["reading"], keep=keep))
    assert peer.error_code == "malformed_body"


def test_a_request_that_was_never_written_did_not_run_and_one_that_was_may_have() -> None:
    server = Server()
    asker, holder = server.connect("asker"), server.connect("holder")
    holder.add_sender("valve", requests=["turn"])
    asker.say(frame(Kind.REQUEST, 1, write_request("valve", "turn", "", 60_000, b"1")))
    assert [kind for kind, _id, _body in holder.hear()] == [Kind.REQUEST]
    holder.lose()
    asker.say(frame(Kind.REQUEST, 2, write_request("valve", "turn", "", 60_000, b"2")))
    assert asker.hear() == []  # they wait for it
    server.tick(2.0)
    assert [(id_, fields["code"]) for _kind, id_, fields in asker.hear_fields()] == [
        (1, "sender_lost"),
        (2, "not_sent"),
    ]
