# SPDX-License-Identifier: MIT
"""``sig ports``: the rows of the table, and what is said where there is no port."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
from sig_cli._output import Output
from sig_cli._paint import Paint
from sig_cli._port_rows import endpoint_of, port_lines, port_record
from sig_cli._ports import show
from sig_cli._ports_watch import missing
from sig_serial import Holder, PortInfo, list_ports

import sigcore

Sig = Any
"""What the fixture ``sig`` gives; it cannot be imported from conftest.py."""

DONE, USAGE = 0, 2

BY_ID = "/dev/serial/by-id/usb-1a86_USB_Serial-if00-port0"
ADAPTER = PortInfo("/dev/ttyUSB0", "USB Serial", 0x1A86, 0x7523, None, (BY_ID,), Holder(4242, "minicom"))
ONBOARD = PortInfo("/dev/ttyS0", "")


def test_a_table_has_a_row_for_each_port_and_below_it_what_is_long() -> None:
    assert port_lines([ADAPTER, ONBOARD], Paint(on=False)) == [
        "DEVICE        WHAT        USB        OPEN BY",
        "/dev/ttyUSB0  USB Serial  1a86:7523  4242 minicom",
        f"  also      {BY_ID}",
        "  endpoint  serial+usb://1a86:7523",
        "/dev/ttyS0    -           -          -",
        "  endpoint  serial:///dev/ttyS0",
    ]


def test_a_record_has_all_that_is_known_of_a_port() -> None:
    assert port_record(ADAPTER, [ADAPTER]) == {
        "device": "/dev/ttyUSB0",
        "description": "USB Serial",
        "vid": "1a86",
        "pid": "7523",
        "serial_number": None,
        "by_id": (BY_ID,),
        "holder": {"pid": 4242, "command": "minicom"},
        "endpoint": "serial+usb://1a86:7523",
    }


def test_an_endpoint_with_a_usb_identity_names_that_device_whatever_its_serial_number() -> None:
    board = PortInfo("/dev/ttyACM0", vid=1, pid=2, serial_number="E6 6#")
    endpoint = sigcore.Endpoint.parse(endpoint_of(board, [board]))
    assert (endpoint.scheme, endpoint.host, endpoint.path) == ("serial+usb", "0001:0002", "/E6 6#")


def test_two_devices_that_say_the_same_of_themselves_are_told_apart_by_their_names() -> None:
    twin = PortInfo("/dev/ttyUSB1", "USB Serial", 0x1A86, 0x7523)
    assert endpoint_of(ADAPTER, [ADAPTER, twin]) == f"serial://{BY_ID}"
    assert endpoint_of(twin, [ADAPTER, twin]) == "serial:///dev/ttyUSB1"


def test_a_device_without_a_serial_number_is_told_from_like_ones_that_have_one() -> None:
    numbered = PortInfo("/dev/ttyUSB1", vid=0x1A86, pid=0x7523, serial_number="A1")
    plain = PortInfo("/dev/ttyUSB2", vid=0x1A86, pid=0x7523)
    assert endpoint_of(plain, [numbered, plain]) == "serial:///dev/ttyUSB2"
    assert endpoint_of(numbered, [numbered, plain]) == "serial+usb://1a86:7523/A1"


@pytest.mark.parametrize("number", ["A/1", "A*", "[A]"])
def test_a_serial_number_that_no_endpoint_can_have_gives_the_path(number: str) -> None:
    odd = PortInfo("/dev/ttyUSB0", vid=1, pid=2, serial_number=number)
    assert endpoint_of(odd, [odd]) == "serial:///dev/ttyUSB0"


def test_what_a_device_says_of_itself_is_printed_escaped() -> None:
    evil = PortInfo("/dev/ttyUSB0", "\x1b[31m", 1, 2, "\x07")
    assert "\x1b" not in "".join(port_lines([evil], Paint(on=False)))


def test_the_command_lists_the_ports_that_there_are(sig: Sig) -> None:
    done = sig("ports", "--json")
    assert done.returncode == DONE
    assert [json.loads(line)["device"] for line in done.stdout.splitlines()] == [port.device for port in list_ports()]


def test_where_there_is_none_it_says_what_to_check(capsys: pytest.CaptureFixture[str]) -> None:
    show([], Output(as_json=False))
    said = capsys.readouterr()
    assert said.out == ""
    for word in ("cable", "container"):
        assert word in said.err


def test_a_port_is_new_where_another_device_has_its_name() -> None:
    other = replace(ADAPTER, pid=1)
    before, now = {ADAPTER.device: ADAPTER, ONBOARD.device: ONBOARD}, {other.device: other, ONBOARD.device: ONBOARD}
    assert (missing(before, now), missing(now, before)) == ([ADAPTER], [other])
    assert missing(before, {name: replace(port, holder=None) for name, port in before.items()}) == []


@pytest.mark.skipif(not list_ports(), reason="this machine has no serial port to begin with")
def test_watching_begins_with_the_ports_that_there_are_and_ends_without_failure(sig: Sig) -> None:
    with sig.running("ports", "--watch", "--json") as watching:
        first = watching.record()
        assert watching.ended_by(signal.SIGINT) == DONE
    assert (first["what"], first["device"]) == ("port came", list_ports()[0].device)


COMMANDS = [["ports"], ["monitor", "/dev/ttyUSB0"], ["serial", "check", "/dev/ttyUSB0"]]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_without_the_package_for_serial_ports_the_command_says_what_to_install(command: list[str]) -> None:
    script = "import sys; sys.modules['sig_serial'] = None; from sig_cli import main; main()"
    done = subprocess.run([sys.executable, "-c", script, *command], capture_output=True, encoding="utf-8", timeout=20)
    assert (done.returncode, done.stdout) == (USAGE, "")
    assert done.stderr.endswith("pip install sigcore-serial\n")
