# SPDX-License-Identifier: MIT
"""What the state machine has found, each as small as it got."""

from __future__ import annotations

import pytest

import sigcore

from .world import World

SMALL = {"max_frame": 2048, "credit": 600, "event_queue": 900}


def test_presence_does_not_tell_of_an_own_sender_whose_removal_is_on_its_way() -> None:
    world = World()
    client = world.add_client("a")
    speaker = client.add_sender("s")
    world.run()
    client.cut(0, 0, client_hears=True, server_hears=True)
    client.remove_sender(speaker)  # goes with the events, which LISTEN overtakes
    watcher = client.watch(None)
    world.advance(1.0)
    assert client.router.connected
    assert (watcher.present, watcher.wrong) == (set(), [])


def test_an_own_sender_that_is_removed_uncovers_the_one_that_has_its_name_elsewhere() -> None:
    world = World()
    client = world.add_client("a")
    watcher = client.watch(None)
    world.server.add_sender("s")
    world.run()
    client.may_not_connect = True
    client.cut(0, 0, client_hears=True, server_hears=True)
    mine = client.add_sender("s")  # it is not known to be refused before there is a link
    client.remove_sender(mine)
    client.may_not_connect = False
    world.advance(5.0)
    assert (watcher.present, watcher.wrong) == ({"s"}, [])


def test_a_delivery_that_uses_up_the_credit_is_answered_when_there_is_more() -> None:
    world = World(client_options=SMALL, server_options=SMALL)
    client = world.add_client("a")
    speaker = client.add_sender("s")
    ear = world.server.listen("s", None).ear
    world.run()
    client.trigger(speaker, "x", 300)
    task = client.deliver(speaker, "x", 400)  # begins within the credit, and its SYNC would not
    world.run()
    assert task.result() == 1
    assert (len(ear.log), ear.wrong, client.router.counters) == (2, [], {})


def test_a_delivery_whose_question_was_not_written_yet_is_unknown_when_the_session_is_lost() -> None:
    world = World(client_options=SMALL, server_options=SMALL)
    client = world.add_client("a")
    speaker = client.add_sender("s")
    world.run()
    client.holds_down = True
    client.trigger(speaker, "x", 300)
    task = client.deliver(speaker, "x", 400)
    world.run()
    world.restart_server()
    client.holds_down = False
    world.advance(1.0)
    with pytest.raises(sigcore.DeliveryUnknown):
        task.result()


def test_events_of_a_sender_that_is_refused_for_a_while_are_told_as_a_gap_when_it_is_not() -> None:
    world = World()
    client = world.add_client("a")
    ear = world.server.listen("s", "x").ear
    world.run()
    client.may_not_connect = True
    client.cut(0, 0, client_hears=True, server_hears=True)
    mine = client.add_sender("s")
    other = world.server.add_sender("s")
    client.may_not_connect = False
    world.advance(1.0)
    for _ in range(3):
        client.trigger(mine, "x")
    world.server.remove_sender(other)
    world.advance(60.0)
    client.trigger(mine, "x")
    world.run()
    assert ear.log == ["gap s.x 3 disconnected", "s.x 0:4"]


def test_a_removal_is_not_among_what_gives_way_while_there_is_no_link() -> None:
    world = World(client_options=SMALL, server_options=SMALL)
    client = world.add_client("a")
    leaving, staying = client.add_sender("s"), client.add_sender("t")
    watcher = world.server.watch(None)
    ear = world.server.listen("t", "x").ear
    world.run()
    client.cut(0, 0, client_hears=True, server_hears=True)
    client.remove_sender(leaving)
    for _ in range(10):
        client.trigger(staying, "x", 300)
    world.advance(1.0)
    assert watcher.present == {"t"}
    assert ear.log[0] == "gap t.x 7 disconnected"
    assert ear.wrong == []


def test_an_event_too_long_for_the_server_that_came_meanwhile_is_told_in_its_place() -> None:
    world = World()
    client = world.add_client("a")
    ear = world.server.listen("s", "x").ear
    world.run()
    speaker = client.add_sender("s")
    world.run()
    world.server_options = {"max_frame": 1024}
    client.may_not_connect = True
    world.restart_server()
    for pad in (0, 2000, 0):
        client.trigger(speaker, "x", pad)
    ear = world.server.listen("s", "x").ear
    client.may_not_connect = False
    world.advance(1.0)
    assert ear.log == ["s.x 0:1", "gap s.x 1 too_large", "s.x 0:3"]


def test_a_gap_that_a_full_listener_of_the_server_loses_counts_for_all_that_it_told_of() -> None:
    world = World(client_options=SMALL, server_options=SMALL)
    client = world.add_client("a")
    speaker = client.add_sender("s")
    post = world.server.stream("s", "x", "block", 1)
    world.run()
    for _ in range(6):  # more than may wait at the server
        client.trigger(speaker, "x", 400)
        world.run()
    world.advance(3.0)  # the stream's stall budget is spent: what comes now is lost
    client.cut(0, 0, client_hears=True, server_hears=True)
    for _ in range(5):
        client.trigger(speaker, "x", 300)
    world.advance(1.0)
    while world.server.read(post, 10):
        world.run()
    assert any(line.startswith("gap s.x") for line in post.ear.log)
    post.ear.check_end()
    assert post.ear.wrong == []


def test_events_that_were_on_their_way_as_the_name_was_lost_are_told_when_it_is_back() -> None:
    world = World()
    publisher, rival = world.add_client("a"), world.add_client("b")
    mine = publisher.add_sender("s")
    ear = world.server.listen("s", "x").ear
    world.run()
    publisher.trigger(mine, "x")
    world.run()
    publisher.may_not_connect = True
    publisher.cut(0, 0, client_hears=False, server_hears=True)  # the publisher does not know yet
    world.advance(3.0)  # beyond its grace time
    publisher.trigger(mine, "x")
    other = rival.add_sender("s")
    world.run()
    assert publisher.cable is not None
    publisher.cable.client.lose()
    publisher.may_not_connect = False
    world.advance(1.0)
    rival.remove_sender(other)
    world.advance(60.0)
    publisher.trigger(mine, "x")
    world.run()
    assert ear.log == ["s.x 0:1", "gap s.x None disconnected", "s.x 0:3"]
    (session,) = (each for each in world.server.hub.sessions.values() if each.peer.name == "a")
    assert len(session._owned) == 2  # and not those that it had before
