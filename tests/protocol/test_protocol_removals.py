# SPDX-License-Identifier: MIT
"""Senders that leave while events of theirs are on their way."""

from __future__ import annotations

import time
from typing import cast

import pytest

from sigcore.protocol.frames import Kind, frame
from sigcore.protocol.outbox import Outlet

from .loopback import ClientProcess, Server, Wire, frames_in


def test_what_comes_behind_a_removal_goes_nowhere_and_harms_no_link() -> None:
    client = ClientProcess("sensor")
    wire = Wire(Server(), client)
    thermo = client.add_sender("thermo", ["reading"])
    wire.run()
    late = cast(Outlet, thermo.outlets()[0])
    info = thermo.signal("reading").info
    client.trigger("thermo", "reading", 1)
    client.remove_sender("thermo")
    late(info, 2)  # a thread was in the middle of it
    assert [kind for kind, _id, _body in frames_in(client.said())] == [Kind.EVENT, Kind.REMOVE_SENDER]
    late(info, 3)
    assert client.said() == b""
    assert client.router._drops.counts() == {"sender_unknown": 2}


def test_events_of_others_follow_a_removal() -> None:
    client = ClientProcess("sensor")
    wire = Wire(Server(), client)
    client.add_sender("thermo", ["reading"])
    client.add_sender("hygro", ["reading"])
    wire.run()
    for name in ("thermo", "hygro"):
        client.remove_sender(name)
        client.add_sender(name, ["reading"])
        client.trigger(name, "reading", 1)
    wire.run()
    assert sorted(info.name for info in wire.server.hub.senders()) == ["hygro", "thermo"]
    assert client.outbox.is_empty


@pytest.mark.parametrize("others", [0, 1])
def test_the_gap_of_a_removed_sender_does_not_outlive_its_session(others: int) -> None:
    client = ClientProcess("sensor", event_queue=2_000)
    wire = Wire(Server(), client)
    client.add_sender("thermo", ["reading"])
    client.add_sender("hygro", ["reading"])
    wire.run()
    wire.cut()
    client.trigger("thermo", "reading", "lost")
    client.remove_sender("thermo")
    for _ in range(30):
        client.trigger("hygro", "reading", "x" * 100)
    wire.server = Server()  # it was restarted, and numbers its topics anew
    panel = ClientProcess("panel")
    panel_wire = Wire(wire.server, panel)
    for number in range(others):
        panel.add_sender(f"other {number}", ["reading"])
    panel.add_listener()
    panel_wire.run()
    wire.mend()
    panel_wire.run()
    assert wire.link.error is None
    assert {sender for sender, _event, _gap in panel.gaps} == {"hygro"}
    (count,) = [gap.count for _sender, _event, gap in panel.gaps if gap.cause == "disconnected"]
    assert count == 30 - len(panel.heard)


def test_a_publisher_gets_credit_for_what_was_passed_on_as_its_grace_time_ended() -> None:
    server = Server()
    sensor, panel = server.connect("sensor"), server.connect("panel", event_queue=2_000, credit=1)
    (reading,) = sensor.add_sender("thermo", ["reading"])
    panel.listen(1, "thermo", "reading")
    event = frame(Kind.EVENT, reading, b'"' + b"x" * 400 + b'"')
    for _ in range(20):
        sensor.say(event)
    assert sensor.session._inbox  # the panel reads nothing
    sensor.lose()
    server.tick(2.5)  # longer than the grace time
    assert sensor.resume()["resumed"]
    sensor.hear()
    sensor.say(event)
    server.tick(0.1)
    sensor.hear()
    assert max(credit for _received, credit in sensor.acks) >= (1 << 20) + 20 * len(event)


def test_giving_up_many_requests_at_once_costs_no_more_for_each() -> None:
    client = ClientProcess("panel", control_queue=8 << 20)
    wire = Wire(Server(), client)
    numbers = [client.request("valve", "turn", number) for number in range(20_000)]
    began_s = time.process_time()
    for number in numbers:
        client.cancel(number)
    assert time.process_time() - began_s < 2.0  # half a minute, if each looked at all others
    assert frames_in(client.said()) == []
    wire.run()
