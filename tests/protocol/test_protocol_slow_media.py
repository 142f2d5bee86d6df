# SPDX-License-Identifier: MIT
"""``ack_delay`` and ``write_size``: a slow line is not spent on acknowledgements, and what is urgent does not wait."""

from __future__ import annotations

import pytest

from sigcore.protocol.bodies import write_request
from sigcore.protocol.frames import HEADER_BYTES, Kind, frame

from .loopback import Server, frames_in

ACK_BYTES = 25
LINE_BYTES_PER_S = 11_520  # 115 200 baud


def event(topic: int, size: int) -> bytes:
    """Return an event frame of ``size`` bytes, header included."""
    return frame(Kind.EVENT, topic, b"x" * (size - HEADER_BYTES))


def test_an_acknowledgement_waits_as_long_as_the_medium_says() -> None:
    server = Server()
    peer = server.connect(our_credit=16_384, ack_delay=0.25)
    (topic,) = peer.add_sender("thermo", ["reading"])
    server.tick(1.0)
    peer.hear()
    before = len(peer.acks)
    peer.say(event(topic, 100))
    assert peer.link.deadline_s() == pytest.approx(server.now_s + 0.25)
    server.tick(0.24)
    peer.hear()
    assert len(peer.acks) == before
    server.tick(0.02)
    peer.hear()
    assert len(peer.acks) == before + 1


@pytest.mark.parametrize("size", [29, 209])
def test_a_busy_serial_line_spends_a_hundredth_on_acknowledgements(size: int) -> None:
    server = Server()
    peer = server.connect(our_credit=16_384, ack_delay=0.25)
    (topic,) = peer.add_sender("thermo", ["reading"])
    peer.hear()
    before, sent = len(peer.acks), 0
    while sent < 20 * LINE_BYTES_PER_S:
        peer.say(event(topic, size))
        sent += size
        server.tick(size / LINE_BYTES_PER_S)
        peer.hear()
    spent = (len(peer.acks) - before) * ACK_BYTES / sent
    assert 0.001 < spent < 0.012


def test_ping_has_what_is_new_acknowledged_at_once_and_nothing_else() -> None:
    server = Server()
    peer = server.connect(ack_delay=0.25)
    (topic,) = peer.add_sender("thermo", ["reading"])
    server.tick(1.0)
    peer.hear()
    before = len(peer.acks)
    peer.say(event(topic, 100), frame(Kind.PING, 7))
    assert peer.hear() == [(Kind.PONG, 7, b"")]
    assert peer.acks[before:] == [(peer.session.received, peer.acks[before][1])]
    peer.say(frame(Kind.PING, 8))
    assert peer.hear() == [(Kind.PONG, 8, b"")]
    assert len(peer.acks) == before + 1


def test_a_side_asks_for_an_acknowledgement_once_and_only_behind_all_that_it_wrote() -> None:
    server = Server()
    reader, publisher = server.connect("reader"), server.connect("publisher")
    reader.listen(1)
    (topic,) = publisher.add_sender("thermo", ["reading"])
    publisher.say(event(topic, 100))
    reader.link.ask_for_ack()
    assert Kind.PING not in [kind for kind, _id, _body in reader.hear()]
    for _ in range(2):
        reader.link.ask_for_ack()
    assert [kind for kind, _id, _body in reader.hear()] == [Kind.PING]


@pytest.mark.parametrize("in_one_run", [True, False])
def test_events_are_written_so_many_bytes_at_a_time_and_what_is_urgent_overtakes_the_rest(in_one_run: bool) -> None:
    server = Server()
    reader, publisher = server.connect("reader", write_size=512), server.connect("publisher")
    reader.listen(1)
    (topic,) = publisher.add_sender("thermo", ["reading"])
    events = [event(topic, 100)] * 100
    for run in [b"".join(events)] if in_one_run else events:
        publisher.say(run)
    first = reader.link.data_to_send(server.now_s)
    reader.say(frame(Kind.PING, 7), frame(Kind.REQUEST, 9, write_request("nobody", "ask", "", 1000, b"null")))
    second = reader.link.data_to_send(server.now_s)
    kinds = [kind for kind, _id, _body in frames_in(second)]
    assert kinds[:3] in ([Kind.PONG, Kind.ACK, Kind.ERROR], [Kind.ACK, Kind.PONG, Kind.ERROR])
    sizes = [len(first)]
    while data := reader.link.data_to_send(server.now_s):
        sizes.append(len(data))
    assert max(sizes) <= 512 + 100
    assert sum(sizes) + len(second) >= 100 * 100


def test_what_is_written_again_to_a_new_link_comes_in_the_same_pieces() -> None:
    server = Server()
    reader, publisher = server.connect("reader", write_size=512), server.connect("publisher")
    reader.listen(1)
    reader.add_sender("valve", requests=["open"])
    (topic,) = publisher.add_sender("thermo", ["reading"])
    reader.hear()
    publisher.say(*[event(topic, 100)] * 50)
    publisher.say(frame(Kind.REQUEST, 9, write_request("valve", "open", "", 1000, b"null")))
    while reader.link.data_to_send(server.now_s):
        pass  # it is lost on its way
    reader.lose()
    server.tick(0.1)
    assert reader.resume()["resumed"] is True
    found = [*reader.kept]
    reader.kept = []
    while data := reader.link.data_to_send(server.now_s):
        assert len(data) <= 512 + 100 + HEADER_BYTES + 50
        found += frames_in(data)
    assert [kind for kind, _id, _body in found].count(Kind.EVENT) == 50
    (request,) = [body for kind, _id, body in found if kind == Kind.REQUEST]
    assert request[:4] == (900).to_bytes(4, "big")
