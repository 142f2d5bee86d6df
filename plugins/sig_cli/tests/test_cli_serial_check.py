# SPDX-License-Identifier: MIT
"""``sig serial check`` at real ports with a simulated line between them."""

from __future__ import annotations

import json
import os
import select
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

if sys.platform == "win32":
    pytest.skip("pseudo-terminals are POSIX", allow_module_level=True)

import termios

from sig_serial._line_check import Answerer
from sig_serial.testing import LineFaults, PtyCable, SimulatedLine, as_heard_at

Sig = Any
"""What the fixture ``sig`` gives; it cannot be imported from conftest.py."""

DONE, FAILED, USAGE, NOBODY = 0, 1, 2, 5

BAUD = 115_200

FRAMING_BYTES = 3
"""Delimiters and stuffing of a packet below 254 bytes."""


RATES = {getattr(termios, f"B{rate}"): rate for rate in (2_400, 4_800, 9_600, 19_200, 38_400, 57_600, 115_200, 230_400)}


@contextmanager
def line_of(baudrate: int) -> Iterator[PtyCable]:
    """A line whose right end is set to a baud rate: all that the left end says and hears at another one is garbage."""
    with PtyCable() as cable:
        left = os.open(cable.left, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)

        def fault(path: str, data: bytes) -> bytes:
            left_rate = RATES.get(termios.tcgetattr(left)[5], 1_000_000)
            sent, heard = (baudrate, left_rate) if path == cable.left else (left_rate, baudrate)
            return data if sent == heard else as_heard_at(data, sent, heard)

        cable.fault = fault
        try:
            yield cable
        finally:
            os.close(left)


@pytest.fixture
def line() -> Iterator[SimulatedLine]:
    with SimulatedLine(baudrate=BAUD) as line:
        yield line


def check(sig: Sig, port: str, *options: str) -> tuple[int, Any]:
    done = sig("serial", "check", port, "--json", "--for", "1.5s", *options)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def answering(sig: Sig, port: str) -> Any:
    return sig.running("serial", "check", "--answer", "--json", port)


def test_a_clean_line_is_good_by_all_figures(sig: Sig, line: SimulatedLine) -> None:
    with answering(sig, line.right) as other:
        other.record()
        code, found = check(sig, line.left)
    assert (code, found["verdict"]) == (DONE, "good")
    assert (found["to"]["lost"], found["from"]["lost"], found["noise_bytes"]) == (0, 0, 0)
    assert found["byte_rate"] == BAUD / 10
    assert found["to"]["goodput"] > 0.5 * found["byte_rate"]
    assert found["round_trip_on_wire"] <= found["round_trip"]["min"] <= found["round_trip"]["median"]


def test_people_read_the_figures_and_the_verdict_in_words(sig: Sig, line: SimulatedLine) -> None:
    with answering(sig, line.right) as other:
        other.record()
        done = sig("serial", "check", line.left, "--for", "1s")
    labels = [text.split("  ")[0] for text in done.stdout.splitlines()]
    assert labels == ["line", "probes", "to it", "from it", "round trip", "verdict"]
    assert done.stdout.splitlines()[-1].split()[1] == "good"


@contextmanager
def small_device(path: str) -> Iterator[None]:
    """Answer probes at a port, but for those whose replies are longer than 79 bytes, as a small device does."""
    answerer, ended = Answerer(), threading.Event()
    port = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)

    def answer() -> None:
        while not ended.is_set():
            if select.select([port], [], [], 0.05)[0]:
                for byte in os.read(port, 4096):
                    reply = answerer.receive(bytes([byte]))
                    if len(reply) <= 79 + FRAMING_BYTES:
                        os.write(port, reply)

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        os.close(port)


def test_a_device_that_skips_long_packets_is_measured_with_short_ones(sig: Sig, line: SimulatedLine) -> None:
    with small_device(line.right):
        code, found = check(sig, line.left, "--for", "3s")
        done = sig("serial", "check", line.left, "--for", "2s")
    assert (code, found["verdict"]) == (DONE, "good")
    assert (found["packet_bytes"], found["skipped_packet_bytes"]) == (79, 143)
    assert found["from"]["goodput"] > 0.2 * found["byte_rate"]
    assert "skipped as too long" in done.stdout
    assert "takes packets of 79 bytes, and none of 143" in done.stdout


def test_an_absent_port_is_told_with_the_command_that_lists_ports(sig: Sig, tmp_path: Path) -> None:
    done = sig("serial", "check", str(tmp_path / "ttyUSB9"))
    assert done.returncode != DONE
    assert "'sig ports'" in done.stderr


def test_an_endpoint_of_a_server_may_be_given_with_all_its_options(sig: Sig, line: SimulatedLine) -> None:
    code, found = check(sig, f"serial://{line.left}?max_frame=8KiB&rtscts=0", "--for", "200ms")
    assert (code, found["endpoint"]) == (NOBODY, f"serial://{line.left}?rtscts=0")


def test_a_server_at_the_other_end_answers_without_a_link(sig: Sig, line: SimulatedLine) -> None:
    with sig.running("serve", "--json", f"serial://{line.right}") as server:
        server.record()
        code, found = check(sig, line.left)
    assert (code, found["verdict"]) == (DONE, "good")


def test_a_client_at_the_other_end_answers_while_it_looks_for_its_server(sig: Sig, line: SimulatedLine) -> None:
    with sig.running("senders", f"serial://{line.right}?answer_timeout=60s", "--connect-timeout", "60"):
        code, found = check(sig, line.left)
    assert (code, found["verdict"]) == (DONE, "good")


def test_damage_is_told_for_the_way_on_which_it_happens(sig: Sig, line: SimulatedLine) -> None:
    line.to_left.faults = LineFaults(seed=7, ber=5e-5)
    with answering(sig, line.right) as other:
        other.record()
        code, found = check(sig, line.left, "--for", "4s")
    assert (code, found["verdict"]) == (DONE, "usable")
    assert found["to"]["lost"] == 0
    assert 0.02 < found["from"]["error_rate"] < 0.25


def test_a_line_of_which_little_is_left_is_bad_and_a_failure(sig: Sig, line: SimulatedLine) -> None:
    line.to_right.faults = LineFaults(seed=7, ber=5e-4)
    with answering(sig, line.right) as other:
        other.record()
        code, found = check(sig, line.left, "--for", "3s")
    assert (code, found["verdict"]) == (FAILED, "bad")


def test_no_answer_ends_with_5_and_says_what_to_check(sig: Sig, line: SimulatedLine) -> None:
    code, found = check(sig, line.left)
    assert (code, found["verdict"]) == (NOBODY, "no answer")
    assert "TX to RX" in found["text"]


def test_a_wrong_baud_rate_is_found_with_scan(sig: Sig) -> None:
    """The line carries bytes of 57 600 baud, and makes garbage of all others."""
    with line_of(57_600) as line, answering(sig, f"serial://{line.right}?baudrate=57600") as other:
        other.record()
        code, found = check(sig, line.left, "--scan")
    assert (code, found["answering_baudrate"]) == (NOBODY, 57_600)


def test_a_port_that_a_server_has_is_said_to_be_so_with_how_to_borrow_it(sig: Sig, line: SimulatedLine) -> None:
    with sig.running("serve", "--json", f"serial://{line.left}") as server:
        server.record()
        done = sig("serial", "check", line.left)
    assert done.returncode == FAILED
    assert f"That is a server of sigcore, which lends it: sig port lend {line.left}" in done.stderr


def test_a_port_that_is_absent_is_said_to_be_so(sig: Sig) -> None:
    done = sig("serial", "check", "/dev/ttyNONE")
    assert done.returncode == FAILED
    assert "/dev/ttyNONE does not exist" in done.stderr


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["serial", "check", "tcp://127.0.0.1:1"], "serial"),
        (["serial", "check", "/dev/ttyUSB0?colour=red"], "colour"),
        (["serial", "check", "/dev/ttyUSB0", "--for", "soon"], "no time"),
        (["serial", "check", "/dev/ttyUSB0", "--scan", "--answer"], "--answer"),
    ],
)
def test_a_wrong_command_line_ends_with_2(sig: Sig, args: list[str], says: str) -> None:
    done = sig(*args)
    assert done.returncode == USAGE
    assert says in done.stderr
