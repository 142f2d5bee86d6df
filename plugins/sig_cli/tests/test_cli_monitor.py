# SPDX-License-Identifier: MIT
"""``sig monitor`` at a real port: a device at the other end talks as to its server, and all of it is shown."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

if sys.platform == "win32":
    pytest.skip("pseudo-terminals are POSIX", allow_module_level=True)

from sig_serial.testing import PtyCable, SimulatedLine

import sigcore

Sig = Any
"""What the fixture ``sig`` gives; it cannot be imported from conftest.py."""

DONE, FAILED, USAGE = 0, 1, 2

Record = dict[str, Any]


@pytest.fixture
def cable() -> Iterator[PtyCable]:
    with PtyCable() as cable:
        yield cable


@contextmanager
def device(port: str, codec: str = "json") -> Iterator[sigcore.Sender]:
    """A client at a port with a sender."""
    with sigcore.ClientRouter(f"serial://{port}", codec=codec, name="device") as client:
        yield client.add_sender("thermo", events=["reading"], requests={"echo": lambda params: params})


def until(monitor: Any, wanted: Callable[[Record], bool]) -> list[Record]:
    """Return the records up to the one that is wanted."""
    records: list[Record] = []
    while not records or not wanted(records[-1]):
        records.append(monitor.record())
    return records


def is_event(record: Record) -> bool:
    return record.get("kind") == "EVENT"


@pytest.mark.parametrize("codec", ["json", "cbor"])
def test_an_event_of_a_device_is_shown_with_its_data_whatever_the_codec(sig: Sig, cable: PtyCable, codec: str) -> None:
    with sig.running("monitor", "--json", cable.left) as monitor, device(cable.right, codec) as thermo:
        thermo.trigger("reading", {"celsius": 21.5})
        event = until(monitor, is_event)[-1]
    assert event["direction"] == "in"
    assert event["fields"] == {"sender": "thermo", "event": "reading", "data": {"celsius": 21.5}}


def test_packets_and_frames_of_both_directions_are_shown_in_their_order(sig: Sig, cable: PtyCable) -> None:
    with sig.running("monitor", "--json", cable.left) as monitor, device(cable.right) as thermo:
        thermo.trigger("reading", 1)
        records = until(monitor, is_event)
    packets = [(record["direction"], record["type"]) for record in records if record["what"] == "packet"]
    kinds = [(record["direction"], record["kind"]) for record in records if record["what"] == "frame"]
    assert packets.index(("in", "RESET")) < packets.index(("out", "RESET_ACK")) < packets.index(("in", "DATA"))
    for earlier, later in [(("in", "HELLO"), ("out", "WELCOME")), (("in", "ADD_SENDER"), ("out", "OK"))]:
        assert kinds.index(earlier) < kinds.index(later)
    offsets = [record["offset"] for record in records if record.get("type") == "DATA" and record["direction"] == "in"]
    assert offsets[0] == 0
    assert not [record for record in records if record["what"] in ("noise", "missed")]


def test_people_read_a_line_for_each_thing(sig: Sig, cable: PtyCable) -> None:
    with sig.running("monitor", "--no-packets", cable.left) as monitor, device(cable.right) as thermo:
        thermo.trigger("reading", {"celsius": 21.5})
        lines = [monitor.line()]
        while "EVENT" not in lines[-1]:
            lines.append(monitor.line())
    assert lines[-1].split("  ", 1)[1].split() == ["<", "EVENT", "#1", "thermo", "reading", '{"celsius":', "21.5}"]
    assert not [line for line in lines if "DATA" in line]


def test_text_beside_the_packets_is_shown_escaped_and_noise_is_counted(sig: Sig) -> None:
    with SimulatedLine() as line, sig.running("monitor", "--json", "--passive", line.left) as monitor:
        monitor.record()
        line.say(line.right, b"boot: \x1b[31mready\r\n")
        text = monitor.line()
        line.say(line.right, b"login: ")
        assert monitor.record()["line"] == "login: "
        line.say(line.right, b"\xff\xfe\x80\x81\x82\x00")
        noise = until(monitor, lambda record: record["what"] == "noise")[-1]
    assert "\x1b" not in text
    assert json.loads(text)["line"] == "boot: \x1b[31mready"
    assert noise["bytes"] > 0


def test_a_passive_monitor_sends_nothing_and_shows_who_asks_for_a_link(sig: Sig, cable: PtyCable) -> None:
    sent: list[bytes] = []

    def watch(path: str, data: bytes) -> bytes:
        if path == cable.right:
            sent.append(data)
        return data

    cable.fault = watch
    with sig.running("monitor", "--json", "--passive", cable.left) as monitor:
        monitor.record()
        with sig.running("senders", f"serial://{cable.right}", "--connect-timeout", "60"):
            asked = until(monitor, lambda record: record.get("type") == "RESET")[-1]
    assert (asked["direction"], asked["version"]) == ("in", 1)
    assert sent == []


def test_a_device_that_is_unplugged_is_told_and_waited_for(sig: Sig, cable: PtyCable) -> None:
    with sig.running("monitor", "--json", "--no-packets", cable.left) as monitor, device(cable.right) as thermo:
        thermo.trigger("reading", 1)
        until(monitor, is_event)
        cable.unplug(cable.left)
        gone = until(monitor, lambda record: record["what"] == "port")[-1]
        cable.replug(cable.left)
        until(monitor, lambda record: record["what"] == "port")
        thermo.trigger("reading", 2)
        assert until(monitor, is_event)[-1]["fields"]["data"] == 2
    assert "gone" in gone["text"]


def test_the_end_is_told_to_the_device_and_is_no_failure(sig: Sig, cable: PtyCable) -> None:
    with sig.running("monitor", "--json", "--no-packets", cable.left) as monitor, device(cable.right) as thermo:
        thermo.trigger("reading", 1)
        until(monitor, is_event)
        assert monitor.ended_by(signal.SIGINT) == DONE
        said = monitor.process.stdout.read().splitlines()
    assert [record["kind"] for record in map(json.loads, said) if record.get("kind") == "BYE"] == ["BYE"]


def test_it_ends_after_the_time_that_is_asked_for(sig: Sig, cable: PtyCable) -> None:
    done = sig("monitor", "--for", "1s", "--json", cable.left)
    assert done.returncode == DONE
    assert [json.loads(line)["what"] for line in done.stdout.splitlines()] == ["port"]


def test_a_port_without_packets_is_wrong_usage(sig: Sig, cable: PtyCable) -> None:
    done = sig("monitor", f"serial://{cable.left}?framing=none")
    assert done.returncode == USAGE
    assert "framing=none" in done.stderr


def test_a_port_that_is_absent_is_a_failure(sig: Sig) -> None:
    done = sig("monitor", "/dev/ttyNONE")
    assert done.returncode == FAILED
    assert "/dev/ttyNONE does not exist" in done.stderr
