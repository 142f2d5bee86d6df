# SPDX-License-Identifier: MIT
"""One conversation with everything in it, whose link is cut after every single byte, in either direction."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from .cable import Cable
from .world import PLENTY, Client, Speaker, World

QUICK = {"reconnect_delay": 0.01}


@dataclass
class Outcome:
    """What is left to be seen of a conversation."""

    heard: list[str]
    present: set[str]
    wrong: list[str]
    asked: str
    executed: int
    accepted: int


def talk(up: int, down: int, *, client_hears: bool = True, server_hears: bool = True) -> tuple[Outcome, list[int]]:
    """Let a client say and hear everything there is, on a link of which so many bytes get through before it is cut.

    Returns:
        What came of it, and how many bytes were written to the server, and by it, before the cut.
    """
    world = World(QUICK)
    client, other = world.add_client("a"), world.add_client("b")
    theirs = other.add_sender("t", keep=2)
    world.run()
    other.trigger(theirs, "x")
    written = [0, 0]

    def count(who: Client, _cable: Cable, up: bool, data: bytes) -> None:
        if who is client:
            written[not up] += len(data)

    world.look_on = count
    client.passes_up, client.passes_down = up, down
    mine = client.add_sender("s")
    watcher, post = client.watch("t"), client.listen("t", "x", replay=2)
    far = other.listen("s", "x")
    world.run()
    speak(world, client, mine)
    question = client.ask("t", 5.0)
    other.trigger(theirs, "x")
    world.advance(0.1)
    before = list(written)
    client.passes_up = client.passes_down = PLENTY
    client.cut(0, 0, client_hears=client_hears, server_hears=server_hears)
    speak(world, client, mine)
    other.trigger(theirs, "x")
    if not client_hears:
        client.cut(0, 0, client_hears=True, server_hears=False)
    world.advance(0.2)
    other.answer()
    world.run()
    delivery = client.deliver(mine, "x")
    world.advance(1.0)
    for each in (post, far):
        each.ear.check_end()
    wrong = [*post.ear.wrong, *far.ear.wrong, *watcher.wrong]
    heard = [*post.ear.log, *far.ear.log]
    world.close()
    return Outcome(heard, watcher.present, wrong, question.outcome, question.executed, delivery.result()), before


def speak(world: World, client: Client, speaker: Speaker) -> None:
    if speaker.sender is not None:
        client.trigger(speaker, "x")
    world.run()


@pytest.mark.parametrize(("client_hears", "server_hears"), [(True, True), (True, False), (False, True)])
def test_a_cut_after_any_byte_loses_nothing_and_repeats_nothing(client_hears: bool, server_hears: bool) -> None:
    _whole, (up, down) = talk(PLENTY, PLENTY)
    cuts = [*((position, PLENTY) for position in range(up)), *((PLENTY, position) for position in range(down))]
    for cut in cuts:
        outcome, _written = talk(*cut, client_hears=client_hears, server_hears=server_hears)
        assert outcome.wrong == [], cut
        assert (outcome.present, outcome.asked, outcome.executed) == ({"t"}, "ok", 1), cut
        assert outcome.accepted == 1, cut
        assert not any("gap" in line for line in outcome.heard), (cut, outcome)


PADS = (0, 0, 40_000, 10, 33_000, 33_000, 0, 2_000, 0)
"""What is added to events; from 32 KiB on one is written by itself, up to 2 KiB it is taken on trust."""


def tell_large(up: int, down: int) -> tuple[list[str], list[int]]:
    """Let a client tell another small and large events at once, on links of which so many bytes get through."""
    world = World(QUICK)
    client, other = world.add_client("a"), world.add_client("b")
    mine = client.add_sender("s")
    far = other.listen("s", "x")
    world.run()
    written = [0, 0]

    def count(who: Client, _cable: Cable, is_up: bool, data: bytes) -> None:
        if who is (client if is_up else other):
            written[not is_up] += len(data)

    world.look_on = count
    client.passes_up, other.passes_down = up, down
    for pad in PADS:
        client.trigger(mine, "x", pad)
    world.advance(0.1)
    before = list(written)
    client.passes_up = other.passes_down = PLENTY
    for each in (client, other):
        each.cut(0, 0, client_hears=True, server_hears=True)
    client.trigger(mine, "x")
    world.advance(1.0)
    far.ear.check_end()
    assert far.ear.wrong == []
    world.close()
    return far.ear.log, before


def test_large_events_among_small_ones_outlive_a_cut_anywhere() -> None:
    whole, (up, down) = tell_large(PLENTY, PLENTY)
    assert min(up, down) > sum(PADS)
    cuts = [*((position, PLENTY) for position in range(0, up, 1511)), *((PLENTY, at) for at in range(0, down, 1511))]
    for cut in cuts:
        assert tell_large(*cut)[0] == whole, cut
