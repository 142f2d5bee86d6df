# SPDX-License-Identifier: MIT
"""Readers that are slow, in simulated time: who is waited for, for how long, and who loses what."""

from __future__ import annotations

from typing import Any

import pytest

from .ledger import Ear
from .world import PLENTY, Client, Process, Speaker, World

QUEUE_BYTES = 40_000
OPTIONS: dict[str, Any] = {
    "credit": 8_000,
    "event_queue": QUEUE_BYTES,
    "unacknowledged": 32_000,
    "stall_budget": 1.0,
    "dead_after": 1000.0,
    "heartbeat": 500.0,
}
FAIR_BYTES_PER_S = QUEUE_BYTES / 10
EVENT_BYTES = 400
STEP_S = 0.02


class Theatre:
    """A publisher that triggers whenever there is room, and readers, each with a pace of its own."""

    def __init__(self, *paces: float | None) -> None:
        self.world = World(OPTIONS, OPTIONS)
        self.publisher = self.world.add_client("publisher")
        self.readers = [self.world.add_client(f"r{number}") for number in range(len(paces))]
        self.world.run()
        self.speaker: Speaker = self.publisher.add_sender("s")
        self.ears = [reader.listen("s", "x").ear for reader in self.readers]
        self.world.run()
        self.paces = list(paces)
        self.may_read = [0.0] * len(paces)  # bytes that it may have read by now and has not
        self.waited_s = 0.0  # how long the publisher could trigger nothing, in all
        for reader, pace in zip(self.readers, paces, strict=True):
            reader.holds_down = pace is not None

    def play(self, seconds: float) -> None:
        """Let time pass: everybody triggers and reads as they may."""
        for _ in range(round(seconds / STEP_S)):
            self.trigger(self.publisher)
            self.world.advance(STEP_S)
            for number, reader in enumerate(self.readers):
                self.read(number, reader)
            self.world.run()

    def trigger(self, process: Process) -> None:
        """Trigger as much as there is room for, 200 kB in a second at most."""
        for number in range(10):
            if not process.trigger(self.speaker, "x", EVENT_BYTES - 50):
                self.waited_s += STEP_S if number == 0 else 0.0
                return

    def read(self, number: int, reader: Client) -> None:
        """Let a reader have what its pace allows."""
        pace = self.paces[number]
        if pace is not None:
            assert reader.cable is not None
            self.may_read[number] = min(self.may_read[number] + pace * STEP_S, 4096.0)
            before = len(reader.cable.server.in_flight)
            reader.carry(PLENTY, int(self.may_read[number]), PLENTY)
            self.may_read[number] -= max(0, before - len(reader.cable.server.in_flight))

    def finish(self) -> None:
        """Let everything arrive."""
        for reader in self.readers:
            reader.holds_down = False
        self.world.advance(40.0)  # more than a client waits before it connects again

    @property
    def heard(self) -> list[int]:
        """How many events each reader has heard."""
        return [number_heard(ear) for ear in self.ears]


def number_heard(ear: Ear) -> int:
    return sum(not line.startswith("gap") for line in ear.log)


def lost_by(ear: Ear) -> int:
    """How many events a listener was told that it lost; nothing else is missing."""
    ear.check_end()
    assert ear.wrong == []
    return sum(int(line.split()[2]) for line in ear.log if line.startswith("gap"))


def test_a_reader_that_stops_is_waited_for_as_long_as_its_budget_lasts() -> None:
    play = Theatre(0.0, None)
    play.play(0.2)  # its queue fills
    while play.waited_s == 0.0:
        play.play(STEP_S)
    began = play.heard[1]
    play.play(0.9)
    assert play.heard[1] == began  # the other has nothing to read
    play.play(0.4)
    assert play.heard[1] > began
    play.play(5.0)
    assert play.waited_s <= 1.0 + 0.2
    play.finish()
    assert lost_by(play.ears[1]) == 0
    assert lost_by(play.ears[0]) > 0


def test_a_reader_that_stops_again_and_again_is_waited_for_a_hundredth_of_the_time() -> None:
    play = Theatre(0.0, None)
    play.play(10.0)
    play.waited_s = 0.0
    for _ in range(10):
        play.paces[0] = 1e6
        play.play(1.0)
        play.paces[0] = 0.0
        play.play(5.0)
    assert play.waited_s <= 60.0 / 100 + 10 * 0.12  # it is looked at whom somebody waits for every 0.1 s
    play.finish()
    assert lost_by(play.ears[1]) == 0


def test_a_reader_without_a_link_holds_up_nobody() -> None:
    play = Theatre(0.0, None)
    play.play(0.2)
    play.readers[0].may_not_connect = True
    play.readers[0].cut(0, 0, client_hears=True, server_hears=True)
    play.play(10.0)
    assert play.waited_s == 0.0
    play.readers[0].may_not_connect = False
    play.finish()
    assert [lost_by(ear) > 0 for ear in play.ears] == [True, False]


def test_a_publisher_goes_on_at_once_when_there_is_room_again() -> None:
    play = Theatre(0.0)
    while play.waited_s == 0.0:
        play.play(STEP_S)
    play.readers[0].holds_down = False
    play.world.run()  # and no time passes
    assert play.heard[0] == play.speaker.life.triggered["x"]


def test_who_reads_alone_at_a_fair_pace_slows_down_its_publisher_and_loses_nothing() -> None:
    play = Theatre(1.25 * FAIR_BYTES_PER_S)
    play.play(60.0)
    assert play.waited_s > 30.0
    assert play.heard[0] >= 1.25 * FAIR_BYTES_PER_S * 60 * 0.9 / EVENT_BYTES
    play.finish()
    assert lost_by(play.ears[0]) == 0


def test_who_reads_alone_at_less_than_a_fair_pace_loses_the_oldest() -> None:
    play = Theatre(0.5 * FAIR_BYTES_PER_S)
    play.play(30.0)
    play.finish()
    assert lost_by(play.ears[0]) > 0
    assert play.waited_s < 10.0


def test_a_slow_reader_among_fast_ones_is_blamed_and_does_not_slow_them_down() -> None:
    alone = Theatre(None, None)
    alone.play(20.0)
    play = Theatre(2.0 * FAIR_BYTES_PER_S, None, None)
    play.play(20.0)
    assert min(play.heard[1:]) >= 0.9 * alone.heard[0]
    play.finish()
    assert [lost_by(ear) > 0 for ear in play.ears] == [True, False, False]


@pytest.mark.parametrize("times", [1.25, 4.0])
def test_eight_readers_that_are_equally_slow_lose_nothing(times: float) -> None:
    play = Theatre(*[times * FAIR_BYTES_PER_S] * 8)
    play.play(30.0)
    assert play.waited_s > 10.0
    play.finish()
    assert [lost_by(ear) for ear in play.ears] == [0] * 8
    assert len(set(play.heard)) == 1


def test_a_publisher_on_the_server_waits_for_its_readers_in_the_same_way() -> None:
    play = Theatre(1.25 * FAIR_BYTES_PER_S)
    play.publisher.remove_sender(play.speaker)
    play.world.run()
    play.speaker = play.world.server.add_sender("s")
    play.publisher = play.world.server  # type: ignore[assignment]  # it plays the part of a client
    play.play(30.0)
    assert play.waited_s > 10.0
    play.finish()
    assert lost_by(play.ears[0]) == 0


# the server's own process as a reader


def test_a_stream_of_the_server_that_is_read_at_a_fair_pace_loses_nothing() -> None:
    play = Theatre()
    post = play.world.server.stream("s", "x", "block", 5)
    play.world.run()
    for step in range(round(30.0 / STEP_S)):
        play.trigger(play.publisher)
        play.world.advance(STEP_S)
        if step % 4 == 0:  # 400 bytes in 80 ms: 5 000 bytes in a second
            play.world.server.read(post, 1)
            play.world.run()
    assert play.waited_s > 10.0
    while play.world.server.read(post, 100):
        play.world.run()
    assert lost_by(post.ear) == 0


def test_a_stream_of_the_server_that_nobody_reads_is_waited_for_as_long_as_its_budget_lasts() -> None:
    play = Theatre(None)
    post = play.world.server.stream("s", "x", "block", 5)
    play.world.run()
    play.play(10.0)
    assert 0.9 <= play.waited_s <= 1.2
    assert play.heard[0] * EVENT_BYTES > 200_000
    while play.world.server.read(post, 100):
        play.world.run()
    assert lost_by(post.ear) > 0
    assert lost_by(play.ears[0]) == 0
