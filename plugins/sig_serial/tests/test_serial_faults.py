# SPDX-License-Identifier: MIT
"""Routers at the two ends of bad lines: nothing is lost, nothing comes twice, and a mended line is used again.

S1 to S11 and T27, T28 are the names that docs/serial.md gives these faults. The short forms run always; with
``SIGCORE_LONG_TESTS=1`` each takes as many events and as much time as the bars of that page say.
"""

from __future__ import annotations

import logging
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from random import Random
from typing import Any

import pytest
from sig_serial.testing import LineFaults, PtyCable, SimulatedLine

import sigcore
from sigcore.testing import History

IS_LONG = os.environ.get("SIGCORE_LONG_TESTS") == "1"
LIMIT_S = 300.0 if IS_LONG else 60.0
"""How long what must come may take: bounds against a hang, no bars."""

BAUDRATE = 115_200 if IS_LONG else 921_600
"""Errors come by the bit, not by the second: short forms hurry."""

FILLER = "The quick brown fox jumps over the lazy dog."


def wait_until(reached: Callable[[], Any], what: str) -> None:
    until_s = time.monotonic() + LIMIT_S
    while not reached():
        assert time.monotonic() < until_s, f"not within {LIMIT_S:g} s: {what}"
        time.sleep(0.005)


class Pair:
    """A server at one end and a device at the other, which listen to each other, and all that they did."""

    def __init__(self, line: SimulatedLine | PtyCable, options: str = "") -> None:
        self.history = History()
        self.heard = {"server": 0, "device": 0}
        self.told: list[str] = []
        self._seqs = {"server": count(), "device": count()}
        self.server = sigcore.ServerRouter(f"serial://{line.left}?baudrate={BAUDRATE}{options}", name="server")
        self.device = sigcore.ClientRouter(
            f"serial://{line.right}?baudrate={BAUDRATE}{options}", name="device", connect_timeout=LIMIT_S
        )

    def __enter__(self) -> Pair:
        self.server.open()
        try:
            self.device.open()
            self._register()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        self.device.close()
        self.server.close()

    def trigger(self, events: int) -> None:
        """Trigger so many events of about 200 bytes in each direction, by turns."""
        for _ in range(events):
            for name, signal_ in self._signals.items():
                data = self.history.stamp(name, next(self._seqs[name]), FILLER)
                self.history.triggered("text", data)
                signal_.trigger(data)

    def exchange(self, events: int) -> None:
        """Do that, and wait until all have come at the other side."""
        expected = {name: heard + events for name, heard in self.heard.items()}
        self.trigger(events)
        self.wait_for(expected)

    def wait_for(self, expected: dict[str, int]) -> None:
        wait_until(lambda: all(self.heard[name] >= number for name, number in expected.items()), f"{expected}")

    def nothing_was_lost(self) -> None:
        self.history.check().assert_good(nothing_lost=True)

    def _register(self) -> None:
        routers: dict[str, sigcore.Router] = {"server": self.server, "device": self.device}
        self._signals = {
            name: router.add_sender(name, ["text"], requests={"echo": lambda params: params}).signal("text")
            for name, router in routers.items()
        }
        for name, other in (("server", "device"), ("device", "server")):
            gap = partial(self.history.gap, name)
            routers[name].add_listener(partial(self._hear, name), other, "text", on_gap=gap)
            self.history.listening(name, other, "text")
        for presence in (sigcore.EVENT_CONNECT, sigcore.EVENT_DISCONNECT):
            self.server.add_listener(lambda info, _data: self.told.append(info.event), "device", presence)
        wait_until(lambda: self.told, "the device is there")
        self.told.clear()

    def _hear(self, name: str, info: sigcore.EventInfo, data: Any) -> None:
        self.history.heard(name, info, data)
        self.heard[name] += 1


@contextmanager
def bad_line(seed: int, **chances: Any) -> Iterator[SimulatedLine]:
    seeds = count(2 * seed)
    with SimulatedLine(baudrate=BAUDRATE, faults=lambda: LineFaults(next(seeds), **chances)) as line:
        yield line


def exchanged_over(line: SimulatedLine | PtyCable) -> None:
    """Exchange what a short or a long form takes, in pieces that the queues of a serial link hold."""
    with Pair(line) as pair:
        for _ in range(10 if IS_LONG else 1):
            pair.exchange(100)
        pair.nothing_was_lost()


SEEDS = range(20 if IS_LONG else 1)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("ber", [1e-5, 1e-4, 1e-3])
def test_s1_flipped_bits_cost_no_event(ber: float, seed: int) -> None:
    with bad_line(seed, ber=ber) as line:
        exchanged_over(line)


@pytest.mark.parametrize("seed", SEEDS)
def test_s2_lost_bytes_cost_no_event(seed: int) -> None:
    with bad_line(seed, drop=1e-3) as line:
        exchanged_over(line)


@pytest.mark.parametrize("seed", SEEDS)
def test_s2_whole_writes_that_are_lost_cost_no_event(seed: int) -> None:
    ways = (LineFaults(2 * seed, lose_call=0.2), LineFaults(2 * seed + 1, lose_call=0.2))
    with PtyCable() as cable:
        cable.fault = lambda path, data: ways[path == cable.left](data)
        exchanged_over(cable)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("noise", [{"insert": 1e-3}, {"burst": 1e-4, "burst_bytes": 500}], ids=lambda noise: min(noise))
def test_s3_noise_between_and_inside_packets_costs_no_event(noise: dict[str, Any], seed: int) -> None:
    with bad_line(seed, **noise) as line:
        exchanged_over(line)


@pytest.mark.parametrize("seed", SEEDS)
def test_s10_bursts_that_a_driver_gives_twice_are_heard_once(seed: int) -> None:
    with bad_line(seed, duplicate=1e-4, duplicate_bytes=448) as line:
        exchanged_over(line)


RUBBISH: dict[str, Callable[[int], bytes]] = {
    "noise": Random(5).randbytes,
    "low": bytes,
    "high": lambda size: b"\xff" * size,
}


@pytest.mark.parametrize("kind", RUBBISH)
def test_s4_t28_rubbish_without_end_is_heard_as_nothing_and_ends_without_harm(kind: str) -> None:
    size = 1_000_000 if IS_LONG else 100_000
    with SimulatedLine(baudrate=BAUDRATE) as line, Pair(line) as pair:
        pair.exchange(5)
        line.to_left.instead = RUBBISH[kind]
        heard, memory_kib, answered = pair.heard["server"], peak_kib(), line.to_right.carried
        began_s, began = time.monotonic(), line.to_left.arrived
        wait_until(lambda: line.to_left.arrived - began >= size, "all the rubbish")
        seconds = time.monotonic() - began_s
        # What had been on its way, then a sign of life twice a second for some seconds, and ten refusals a second.
        assert line.to_right.carried - answered < 2000 + 500 * (1 + seconds)
        assert pair.heard["server"] == heard
        assert peak_kib() - memory_kib < 4096
        line.to_left.instead = None
        pair.exchange(5)
        pair.nothing_was_lost()


@pytest.mark.parametrize("side", ["left", "right", "both"])
def test_s5_a_device_that_was_away_goes_on_where_it_was(side: str) -> None:
    with SimulatedLine(baudrate=BAUDRATE) as line, Pair(line, "&grace=60s") as pair:
        pair.exchange(5)
        expected = {name: heard + 20 for name, heard in pair.heard.items()}
        line.unplug(None if side == "both" else getattr(line, side))
        pair.trigger(10)
        time.sleep(60 if IS_LONG else 0.5)  # not for a state: it is how long the device is away
        pair.trigger(10)
        line.replug()
        pair.wait_for(expected)
        pair.nothing_was_lost()
        assert pair.told == []  # within the time of grace nobody is told


def test_s5_a_device_that_is_away_for_longer_is_told_as_unplugged_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "sigcore")
    with SimulatedLine(baudrate=BAUDRATE) as line, Pair(line, "&grace=200ms") as pair:
        pair.exchange(5)
        line.unplug(line.left)
        wait_until(lambda: sigcore.EVENT_DISCONNECT in pair.told, "it is told that the device is away")
        line.replug()
        wait_until(lambda: sigcore.EVENT_CONNECT in pair.told, "it is told that it is back")
        pair.exchange(5)
        pair.nothing_was_lost()
        assert pair.told == [sigcore.EVENT_DISCONNECT, sigcore.EVENT_CONNECT]


def test_s5_a_server_that_waits_for_its_device_costs_nothing() -> None:
    with SimulatedLine(baudrate=BAUDRATE) as line, Pair(line) as pair:
        line.unplug()
        wait_until(lambda: not pair.device.connected, "the link is lost")
        began_s, began_cpu_s = time.monotonic(), time.process_time()
        time.sleep(10 if IS_LONG else 1.5)  # not for a state: it is the span that is measured
        share = (time.process_time() - began_cpu_s) / (time.monotonic() - began_s)
        assert share < 0.1  # of server, device and line together; a loop that spins takes all
        line.replug()
        pair.exchange(5)


DEVICE = """\
import sys, sigcore
with sigcore.ClientRouter(sys.argv[1], name="device", connect_timeout=60) as router:
    text = router.add_sender("device", ["text"]).signal("text")
    print("ready", flush=True)
    seq = 0
    while True:
        text.trigger([sys.argv[2], seq, "x" * 150])
        seq += 1
        router.drain()
"""


@contextmanager
def device_program(line: SimulatedLine, boot: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", DEVICE, f"serial://{line.right}?baudrate={BAUDRATE}", boot]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def test_s6_a_device_that_reboots_amid_a_packet_is_heard_anew_and_nothing_old_comes() -> None:
    heard: list[tuple[str, int]] = []
    console: list[str] = []
    with (
        SimulatedLine(baudrate=BAUDRATE) as line,
        sigcore.ServerRouter(f"serial://{line.left}?baudrate={BAUDRATE}") as server,
    ):
        server.add_listener(lambda _info, data: heard.append((data[0], data[1])), "device", "text")
        server.add_listener(lambda _info, data: console.append(data), None, sigcore.EVENT_CONSOLE)
        boots = [f"boot {number}" for number in range(20 if IS_LONG else 3)]
        for boot in boots:
            with device_program(line, boot) as device:
                wait_until(lambda: heard and heard[-1][0] == boot and heard[-1][1] > 20, f"events of {boot}")  # noqa: B023  # called at once
                device.send_signal(signal.SIGKILL)
                device.wait()
            line.unplug(line.right)  # what it had not yet sent is gone with its memory
            line.replug(line.right)
            line.say(line.right, f"\r\ncold start after {boot}\r\n".encode())
    for boot in boots:
        seqs = [seq for name, seq in heard if name == boot]
        assert seqs == list(range(len(seqs))), f"{boot}: in order, each once, from the first on"
    names = [name for name, _ in heard]
    assert names == sorted(names, key=boots.index), "nothing of an old boot came in a new one"
    banners = {f"cold start after {boot}" for boot in boots}
    assert set(console) <= {"", *banners}, "no packet was taken for text"
    for boot in boots[:-1]:  # the last may still be on its way
        assert console.count(f"cold start after {boot}") == 1


def test_s6_what_a_device_prints_between_its_packets_is_told_line_by_line() -> None:
    printed = ["boot: cold start, reset cause 4", "flash ok", "20.5 °C, 48 % r.h."]
    console: list[str] = []
    with SimulatedLine(baudrate=BAUDRATE) as line, Pair(line) as pair:
        pair.server.add_listener(lambda _info, text: console.append(text), line.left, sigcore.EVENT_CONSOLE)
        pair.exchange(5)
        for text in printed:
            line.say(line.right, f"{text}\r\n".encode())
        wait_until(lambda: len(console) >= len(printed), "what was printed")
        pair.exchange(5)
        pair.nothing_was_lost()
    assert console == printed


def test_s7_a_device_at_a_wrong_baud_rate_is_heard_as_soon_as_it_is_right() -> None:
    with SimulatedLine(baudrate=115_200) as line:
        ways = (line.to_left, line.to_right)
        for way in ways:
            way.baudrate, way.heard_at = 9600, 115_200
        server = sigcore.ServerRouter(f"serial://{line.left}")
        device = sigcore.ClientRouter(f"serial://{line.right}", name="device", connect_timeout=None)
        heard: list[int] = []
        with server, device:
            server.add_listener(lambda _info, data: heard.append(data), "device", "text")
            text = device.add_sender("device", ["text"]).signal("text")
            wait_until(lambda: line.to_left.arrived > (10_000 if IS_LONG else 300), "some garbage")
            assert not device.connected
            for way in ways:
                way.baudrate, way.heard_at = 115_200, None
            text.trigger(1)
            wait_until(lambda: heard == [1], "the event")


@pytest.mark.parametrize("dead", ["to_left", "to_right"])
def test_s8_a_link_with_one_dead_direction_is_not_taken_for_one_that_is_up(dead: str) -> None:
    with SimulatedLine(baudrate=BAUDRATE) as line, Pair(line, "&grace=60s") as pair:
        pair.exchange(5)
        getattr(line, dead).is_dead = True
        wait_until(lambda: not pair.device.connected, "the device sees that its link is dead")
        wait_until(lambda: not pair.server.peers(), "the server too")
        getattr(line, dead).is_dead = False
        pair.exchange(5)
        pair.nothing_was_lost()


def test_s9_a_line_that_is_held_stops_nobody_but_those_who_wait_for_it() -> None:
    with SimulatedLine(baudrate=BAUDRATE, flow_control=True) as line, Pair(line, "&grace=60s") as pair:
        pair.exchange(5)
        local: list[Any] = []
        pair.server.add_listener(lambda _info, data: local.append(data), "beside", "tick")
        tick = pair.server.add_sender("beside", ["tick"]).signal("tick")
        line.to_right.is_held = line.to_left.is_held = True
        expected = {name: heard + 100 for name, heard in pair.heard.items()}
        pair.trigger(100)
        for number in range(100):
            tick.trigger(number)
        assert local == list(range(100))
        assert pair.server.senders()  # its loop turns
        line.to_right.is_held = line.to_left.is_held = False
        pair.wait_for(expected)
        pair.nothing_was_lost()


def test_s11_t27_a_port_that_another_program_has_open_is_refused_with_a_word() -> None:
    with SimulatedLine(baudrate=BAUDRATE) as line, Pair(line) as pair:
        for path in (line.left, line.right):
            with pytest.raises(OSError, match="in use by"), sigcore.ServerRouter(f"serial://{path}"):
                pass
        pair.exchange(5)
        pair.nothing_was_lost()


def test_t28_packets_that_were_recorded_before_are_not_taken_again() -> None:
    recorded = bytearray()

    def record(data: bytes) -> bytes:
        recorded.extend(data)
        return data

    with SimulatedLine(baudrate=BAUDRATE) as line:
        line.to_left.faults = record
        with Pair(line) as pair:
            pair.exchange(20)
            line.to_left.faults = None
            line.say(line.right, b"\x00" + bytes(recorded) + b"\x00")
            pair.exchange(20)
            pair.nothing_was_lost()
        with Pair(line) as pair:
            line.say(line.right, b"\x00" + bytes(recorded) + b"\x00")
            pair.exchange(20)
            pair.nothing_was_lost()


def peak_kib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
