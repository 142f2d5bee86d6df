# SPDX-License-Identifier: MIT
"""Media with just two ends: a session that begins there ends the one of before, and no other."""

from __future__ import annotations

from sigcore.protocol.medium import Medium

from .loopback import RawPeer, Server

FIRST, SECOND, ANY = Medium("/dev/ttyUSB0"), Medium("/dev/ttyUSB1"), Medium()


def device(server: Server, name: str, medium: Medium) -> RawPeer:
    """Return a device with a sender of its own name."""
    peer = server.connect(name, medium=medium)
    peer.add_sender(name)
    return peer


def come_again(peer: RawPeer, medium: Medium) -> bool:
    """Have a device come by ``medium``, with its session; return whether it goes on."""
    peer.ours["medium"] = medium
    return bool(peer.resume()["resumed"])


def test_who_begins_anew_by_a_cable_ends_the_session_of_before_at_once() -> None:
    server = Server()
    before = device(server, "thermo", FIRST)
    before.lose()
    device(server, "thermo", FIRST)
    assert server.local.left == [("thermo", "restarted")]
    assert server.local.present == ["thermo"]
    assert len(server.hub.sessions) == 1
    assert before.resume()["resumed"] is False


def test_devices_that_come_back_by_each_other_s_port_go_on_as_if_they_had_never_been_away() -> None:
    server = Server()
    thermo, valve = device(server, "thermo", FIRST), device(server, "valve", SECOND)
    thermo.lose()
    valve.lose()
    server.tick(0.5)
    assert come_again(valve, FIRST)
    server.tick(0.5)
    assert come_again(thermo, SECOND)
    assert server.local.left == []


def test_one_that_went_on_by_another_medium_is_not_ended_where_it_was_before() -> None:
    for other in (SECOND, ANY):
        server = Server()
        moved = device(server, "thermo", FIRST)
        moved.lose()
        assert come_again(moved, other)
        moved.lose()
        device(server, "valve", FIRST)
        assert server.local.left == []
        assert come_again(moved, other)


def test_two_devices_in_turn_at_one_port_are_each_new_there() -> None:
    server = Server()
    for number in range(4):
        device(server, f"device-{number % 2}", FIRST).lose()
    assert server.local.left == [(f"device-{number % 2}", "restarted") for number in range(3)]
    assert len(server.hub.sessions) == 1
    server.tick(1_000.0)
    server.tick()
    assert not server.hub.sessions
    device(server, "last", FIRST)
    assert server.local.left[4:] == []
