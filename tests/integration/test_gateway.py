# SPDX-License-Identifier: MIT
"""The main job: one server, several carriers, several codecs, at the same time."""

from __future__ import annotations

import datetime as dt
import math
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sig_cbor  # noqa: F401  # tells that these tests need the package
import sig_tcp  # noqa: F401  # likewise
from sig_serial.testing import PtyCable

import sigcore
from sigcore import ClientRouter, ServerRouter

from ..waiting import LIMIT_S, Heard, wait_until


@dataclass
class Gateway:
    """A server at four carriers, and a client at each; half of them speak JSON, half CBOR."""

    server: ServerRouter
    clients: dict[str, ClientRouter]
    cable: PtyCable


@pytest.fixture
def gateway(tmp_path: Path, _nothing_left: None) -> Iterator[Gateway]:
    with ExitStack() as stack:
        cable = stack.enter_context(PtyCable())
        urls = ["mem://gateway", "tcp://127.0.0.1:0", "tcp://[::1]:0", f"unix://{tmp_path}/s", f"serial://{cable.left}"]
        server = stack.enter_context(ServerRouter(urls, name="gateway"))
        mem, tcp, tcp6, unix, _serial = server.endpoints
        clients = {
            name: stack.enter_context(ClientRouter(url, codec=codec, name=name))
            for name, url, codec in (
                ("mem", mem, "json"),
                ("tcp", tcp, "json"),
                ("tcp6", tcp6, "cbor"),
                ("unix", unix, "cbor"),
                ("serial", f"serial://{cable.right}", "cbor"),
            )
        }
        yield Gateway(server, clients, cable)


def test_everybody_reaches_everybody_whatever_they_are_plugged_into(gateway: Gateway) -> None:
    everybody: dict[str, Any] = {**gateway.clients, "server": gateway.server}
    heard = {name: Heard() for name in everybody}
    for name, router in everybody.items():
        router.add_listener(heard[name], event="greeting")
    for name, router in everybody.items():
        sender = router.add_sender(name, "greeting", {"echo": lambda params: params})
        for number in range(20):
            sender.trigger("greeting", {"from": name, "number": number})
    for one in heard.values():
        one.wait(20 * len(everybody))
        for name in everybody:
            assert [data["number"] for data in one.data if data["from"] == name] == list(range(20))
    for asking in everybody.values():
        for name in everybody:
            assert asking.request(name, "echo", [name, 1.5, None]) == [name, 1.5, None]
    assert sorted(peer.name for peer in gateway.server.peers()) == sorted(gateway.clients)
    where = {peer.name: peer.endpoint for peer in gateway.server.peers()}
    assert [where[name] for name in gateway.clients] == gateway.server.endpoints


ID = uuid.UUID("12345678-1234-5678-1234-567812345678")
MOMENT = dt.datetime(2026, 8, 1, 12, 30, 0, 250_000, tzinfo=dt.UTC)

FROM_CBOR = {
    # what a CBOR client sends: what a CBOR listener gets, what a JSON listener gets (docs/codecs.md)
    "bytes": (b"\x00\xff\x10", b"\x00\xff\x10", "AP8Q"),
    "moment": (MOMENT, MOMENT, "2026-08-01T12:30:00.250000Z"),
    "uuid": (ID, ID, "12345678-1234-5678-1234-567812345678"),
    "infinity": (math.inf, math.inf, None),
    "large": (2**100, 2**100, 2**100),
    "nested": ({"raw": [b"\x01"]}, {"raw": [b"\x01"]}, {"raw": ["AQ=="]}),
    "tuple": ((1, 2), [1, 2], [1, 2]),
}


@pytest.mark.parametrize("what", FROM_CBOR)
def test_what_json_cannot_carry_arrives_as_the_page_says(gateway: Gateway, what: str) -> None:
    sent, as_cbor, as_json = FROM_CBOR[what]
    expected = {"unix": as_cbor, "tcp": as_json, "server": as_cbor}
    routers: dict[str, Any] = {**gateway.clients, "server": gateway.server}
    heard = {name: Heard() for name in expected}
    for name, one in heard.items():
        routers[name].add_listener(one, "device")
    device = gateway.clients["serial"].add_sender("device", "data", {"get": lambda _params: sent})
    device.trigger("data", sent)
    for name, value in expected.items():
        assert heard[name].wait(1) == [value]
        result = routers[name].request("device", "get")
        assert result == value
        assert type(result) is type(value)


def test_typed_bytes_and_moments_are_the_same_whichever_way_they_came(gateway: Gateway) -> None:
    pytest.importorskip("msgspec")
    heard = {name: Heard() for name in ("tcp", "unix")}
    for name, one in heard.items():
        gateway.clients[name].add_listener(one, "device", "sample", type=Sample)
    signal = gateway.clients["serial"].add_sender("device", "sample").signal("sample", type=Sample)
    signal.trigger(Sample(b"\x00\xff", MOMENT))
    for one in heard.values():
        assert one.wait(1) == [Sample(b"\x00\xff", MOMENT)]


@dataclass
class Sample:
    raw: bytes
    at: dt.datetime


def test_a_device_that_is_unplugged_leaves_and_comes_back_and_nobody_else_notices(gateway: Gateway) -> None:
    serial, listening = gateway.clients["serial"], gateway.clients["tcp"]
    presence, readings = Heard(), Heard()
    for event in ("#disconnect", "#connect"):
        listening.add_listener(presence, "thermo", event)
    listening.add_listener(readings, "thermo", "reading")
    thermo = serial.add_sender("thermo", "reading", {"unit": lambda _params: "C"})
    thermo.trigger("reading", 1)
    readings.wait(1)
    gateway.cable.unplug()
    presence.wait(2)
    wait_until(lambda: not serial.connected, "the device notices")
    with pytest.raises(sigcore.SenderNotFound):
        listening.request("thermo", "unit")
    thermo.trigger("reading", 2)  # kept at the device
    gateway.cable.replug()
    assert [info.connected for info in presence.wait_for(lambda data: len(data) >= 3, 30.0)] == [True, False, True]
    assert readings.wait(2) == [1, 2]
    assert listening.request("thermo", "unit") == "C"
    assert all(client.connected for client in gateway.clients.values())


def test_an_event_too_large_for_the_serial_line_is_left_out_there_alone(gateway: Gateway) -> None:
    heard = {name: Heard() for name in ("tcp", "serial")}
    for name, one in heard.items():
        gateway.clients[name].add_listener(one, "camera")
    camera = gateway.server.add_sender("camera", "picture")
    for picture in ("small", "x" * 10_000, "last"):
        camera.trigger("picture", picture)
    assert heard["tcp"].wait(3) == ["small", "x" * 10_000, "last"]
    assert heard["serial"].wait(2) == ["small", "last"]
    assert gateway.server.counters == {"untranslatable": 1}


def test_streams_of_two_carriers_meet_in_one(gateway: Gateway) -> None:
    senders = [gateway.clients[name].add_sender(name, "count") for name in ("serial", "mem")]
    with gateway.clients["unix"].listen(event="count") as counts:
        for number in range(10):
            for sender in senders:
                sender.trigger("count", number)
        got = [counts.get(timeout=LIMIT_S) for _ in range(20)]
    for name in ("serial", "mem"):
        assert [data for info, data in got if info.sender == name] == list(range(10))


def test_closing_the_server_is_told_to_every_client(gateway: Gateway) -> None:
    gateway.server.add_sender("thermo", "reading")
    heard = {name: Heard() for name in gateway.clients}
    for name, client in gateway.clients.items():
        client.add_listener(heard[name], "thermo", "#disconnect")
        client.add_listener(heard[name], "thermo", "#connect")
    for one in heard.values():
        one.wait(1)
    gateway.server.close()
    for one in heard.values():
        assert [info.connected for info in one.wait(2)] == [True, False]
    wait_until(lambda: not any(client.connected for client in gateway.clients.values()), "all have noticed")
