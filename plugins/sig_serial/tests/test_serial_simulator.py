# SPDX-License-Identifier: MIT
"""The line that other tests and the figures of the documentation rely on: its pace, and what it does to bytes."""

from __future__ import annotations

import doctest
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sig_serial.testing import LineFaults, SimulatedLine, _wrong_baud, as_heard_at
from sig_serial.testing._direction import Direction

PATIENCE_S = 30.0
QUICK = 10_000_000
"""A baud rate at which nothing takes long."""


@contextmanager
def opened(*paths: str) -> Iterator[list[int]]:
    descriptors = [os.open(path, os.O_RDWR | os.O_NOCTTY) for path in paths]
    try:
        yield descriptors
    finally:
        for fd in descriptors:
            os.close(fd)


def read_within(fd: int, size: int) -> bytes:
    data = b""
    while len(data) < size:
        assert select.select([fd], [], [], PATIENCE_S)[0], f"only {data!r} came"
        data += os.read(fd, size - len(data))
    return data


def wait_for(fd: int, end: bytes) -> bytes:
    data = b""
    while not data.endswith(end):
        data += read_within(fd, 1)
    return data


def wait_until_carried(direction: Direction, size: int) -> None:
    """Return once that many bytes went by, and are counted; they can be read a moment earlier."""
    until_s = time.monotonic() + PATIENCE_S
    while direction.carried < size:
        assert time.monotonic() < until_s, f"{direction.carried} bytes went by, not {size}"
        time.sleep(0.001)


def test_all_bytes_come_out_unchanged_in_both_directions() -> None:
    everything = bytes(range(256)) * 4
    with SimulatedLine(baudrate=QUICK) as line, opened(line.left, line.right) as (left, right):
        os.write(left, everything)
        os.write(right, everything[::-1])
        assert read_within(right, len(everything)) == everything
        assert read_within(left, len(everything)) == everything[::-1]
        wait_until_carried(line.to_right, 1024)
        assert (line.to_right.carried, line.to_right.arrived, line.to_right.overrun) == (1024, 1024, 0)


def test_bytes_take_at_least_the_time_that_the_line_takes() -> None:
    with SimulatedLine(baudrate=9600) as line, opened(line.left, line.right) as (left, right):
        began_s = time.monotonic()
        os.write(left, bytes(192))
        read_within(right, 192)
        assert time.monotonic() - began_s >= 192 * 10 / 9600


def test_directions_do_not_wait_for_each_other() -> None:
    with SimulatedLine(baudrate=QUICK) as line, opened(line.left, line.right) as (left, right):
        line.to_left.is_held = True
        os.write(right, b"waits")
        os.write(left, b"passes")
        assert read_within(right, 6) == b"passes"
        assert line.to_left.carried == 0
        line.to_left.is_held = False
        assert read_within(left, 5) == b"waits"


def test_a_writer_has_to_wait_for_a_line_that_is_held() -> None:
    with SimulatedLine(baudrate=QUICK) as line, opened(line.left) as [left]:
        line.to_right.is_held = True
        os.set_blocking(left, False)
        written = 0
        while select.select([], [left], [], 0.1)[1]:
            written += os.write(left, bytes(1024))
            assert written < 1_000_000
        assert line.to_right.carried == 0


@pytest.mark.parametrize("flow_control", [False, True])
def test_what_nobody_reads_is_lost_unless_there_is_flow_control(flow_control: bool) -> None:
    sent = Random(2).randbytes(400_000)
    with (
        SimulatedLine(baudrate=100 * QUICK, flow_control=flow_control) as line,
        opened(line.left, line.right) as (left, right),
    ):
        os.set_blocking(left, False)
        at = 0
        while at < len(sent) and line.to_right.overrun == 0:
            # With flow control the writer is stopped some time; without, there is always room again.
            if not select.select([], [left], [], 0.3 if flow_control else PATIENCE_S)[1]:
                break
            at += os.write(left, sent[at : at + 4096])
        if flow_control:
            assert at < len(sent)  # the writer was stopped
            assert read_within(right, at) == sent[:at]
            assert line.to_right.overrun == 0
        else:
            assert line.to_right.overrun > 0


def test_faults_are_made_and_ended_while_bytes_go_by() -> None:
    with SimulatedLine(baudrate=QUICK) as line, opened(line.left, line.right) as (left, right):
        line.to_right.faults = LineFaults(1, ber=1)
        os.write(left, b"\x00\x55")
        assert read_within(right, 2) == b"\xff\xaa"
        line.to_right.faults = None
        os.write(left, b"clean")
        assert read_within(right, 5) == b"clean"


def test_each_direction_has_faults_of_its_own() -> None:
    seeds = iter((1, 2))
    with SimulatedLine(faults=lambda: LineFaults(next(seeds))) as line:
        assert isinstance(line.to_left.faults, LineFaults)
        assert line.to_left.faults is not line.to_right.faults


def test_on_a_dead_direction_bytes_vanish() -> None:
    with SimulatedLine(baudrate=QUICK) as line, opened(line.left, line.right) as (left, right):
        line.to_right.is_dead = True
        os.write(left, b"gone")
        os.write(right, b"back")
        assert read_within(left, 4) == b"back"
        wait_until_carried(line.to_right, 4)
        line.to_right.is_dead = False
        os.write(left, b"there")
        assert read_within(right, 5) == b"there"


def test_a_stuck_line_gives_the_same_over_and_over_at_its_own_rate() -> None:
    with SimulatedLine(baudrate=115_200) as line, opened(line.left, line.right) as (left, right):
        line.to_right.instead = bytes
        os.write(left, b"not heard")
        began_s = time.monotonic()
        assert read_within(right, 1152) == bytes(1152)
        assert time.monotonic() - began_s >= 0.09
        line.to_right.instead = None
        os.write(left, b"heard")
        assert wait_for(right, b"heard").strip(b"\x00") == b"heard"


def test_a_device_says_something_at_the_pace_of_the_line() -> None:
    with SimulatedLine(baudrate=QUICK) as line, opened(line.left) as [left]:
        line.say(line.right, b"boot: cold start\r\n")
        assert read_within(left, 18) == b"boot: cold start\r\n"


def test_unplugging_takes_what_is_on_its_way_and_replugging_brings_an_empty_line(tmp_path: Path) -> None:
    with SimulatedLine(str(tmp_path), baudrate=300) as line, opened(line.left) as [left]:
        os.write(left, b"on its way, for a second")
        line.unplug(line.right)
        assert not os.path.lexists(line.right)
        line.to_right.baudrate = QUICK
        wait_until_carried(line.to_right, 24)
        line.replug(line.right)
        with opened(line.right) as [right]:
            os.write(left, b"new")
            assert read_within(right, 3) == b"new"


def test_the_example_of_the_docstring_holds_for_a_wrong_baud_rate() -> None:
    assert doctest.testmod(_wrong_baud).failed == 0


@pytest.mark.parametrize("baudrate", [9600, 115_200])
def test_at_the_right_baud_rate_everything_is_heard_right(baudrate: int) -> None:
    everything = bytes(range(256))
    assert as_heard_at(everything, baudrate, baudrate) == everything


@pytest.mark.parametrize("error", [-0.03, 0.03])
def test_a_clock_that_is_wrong_by_three_in_a_hundred_does_no_harm(error: float) -> None:
    everything = bytes(range(256))
    assert as_heard_at(everything, 115_200, 115_200 * (1 + error)) == everything


def test_at_a_wrong_baud_rate_rubbish_is_heard() -> None:
    sent = bytes(range(256))
    quick = as_heard_at(sent, 9600, 115_200)
    assert len(quick) > len(sent)
    assert set(quick) <= {0x00, 0x80, 0xC0, 0xE0, 0xF0, 0xF8, 0xFC, 0xFE}  # a low line that rises once in a character
    assert 0 < len(as_heard_at(sent, 115_200, 9600)) < len(sent) / 4


def test_the_line_hears_at_the_rate_it_is_told() -> None:
    with SimulatedLine(baudrate=9600) as line, opened(line.left, line.right) as (left, right):
        line.to_right.heard_at = 115_200
        os.write(left, b"U")
        assert read_within(right, 5) == as_heard_at(b"U", 9600, 115_200)


@pytest.mark.parametrize("what", [{"baudrate": 0}, {"step_s": -1.0}])
def test_what_cannot_be_is_refused_by_name(what: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(what))} must be above 0"):
        SimulatedLine(None, **what)


def test_closing_twice_is_harmless_and_leaves_nothing() -> None:
    line = SimulatedLine()
    line.close()
    line.close()
    assert not os.path.exists(os.path.dirname(line.left))


def test_an_order_is_done_to_all_lines_and_the_help_says_so(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sig_serial.testing"]
    shown = subprocess.run([*command, "--help"], capture_output=True, text=True, check=True)
    assert "each to all lines" in " ".join(shown.stdout.split())
    with subprocess.Popen([*command, "--lines", "2", "--directory", str(tmp_path)], stdin=-1, stdout=-1) as process:
        assert process.stdin
        assert process.stdout
        lefts = [process.stdout.readline().split()[0] for _ in range(2)]
        assert all(map(os.path.lexists, lefts))
        process.stdin.write(b"unplug left\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"ok\n"
        assert not any(map(os.path.lexists, lefts))
        process.stdin.close()
        assert process.wait(PATIENCE_S) == 0


def test_the_command_makes_lines_and_takes_orders(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sig_serial.testing", "--directory", str(tmp_path), "--baudrate", str(QUICK)]
    with subprocess.Popen([*command, "--drop", "1"], stdin=-1, stdout=-1, text=True) as process:
        assert process.stdin
        assert process.stdout

        def told(order: str) -> str:
            assert process.stdin
            assert process.stdout
            process.stdin.write(order + "\n")
            process.stdin.flush()
            return process.stdout.readline().strip()

        left, right = process.stdout.readline().split()
        assert (left, right) == (str(tmp_path / "left"), str(tmp_path / "right"))
        with opened(left, right) as (near, far):
            assert told("set right drop=0") == "ok"
            os.write(near, b"passes")
            assert read_within(far, 6) == b"passes"
            assert told("set left drop=0") == "ok"
            assert told("say right hello there") == "ok"
            assert read_within(near, 12) == b"hello there\n"
            assert json.loads(told("count"))[0]["right"] == {"carried": 6, "arrived": 6, "overrun": 0}
        assert told("unplug left") == "ok"
        assert not os.path.lexists(left)
        assert told("set left colour=red").startswith("error: 'colour=red' cannot be set; it is NAME=VALUE")
        assert told("unplug middle") == "error: 'middle' is no side of a line; there are left and right"
        process.stdin.close()
        assert process.wait(PATIENCE_S) == 0
