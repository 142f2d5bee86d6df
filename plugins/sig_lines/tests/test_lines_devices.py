# SPDX-License-Identifier: MIT
"""Devices that speak lines are senders: simulated ones, behind real TCP ports and at real pseudo-terminals."""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from sig_lines.testing import GpsReceiver, Multimeter, OverPty, OverTcp, SimulatedDevice

import sigcore

PATIENCE_S = 15.0

MEDIA = ["tcp", pytest.param("pty", marks=pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals"))]

METER = {
    "voltage": {"send": "MEAS:VOLT?", "reply": ".+"},
    "identity": {"send": "*IDN?", "reply": "^(?P<maker>[^,]+),(?P<model>[^,]+),"},
    "show": {"send": 'DISP:TEXT "{text}"', "params": {"text": "[a-z ]*"}},
    "nonsense": {"send": "FOO?", "reply": "^foo", "timeout": "100ms"},
}


class Served:
    """A simulated device on some medium, that can be taken away and brought back.

    Attributes:
        endpoint: Where it is, without what wraps that.
    """

    def __init__(self, device: SimulatedDevice, medium: str) -> None:
        self._place: OverTcp | OverPty = OverTcp(device) if medium == "tcp" else OverPty(device)
        self.endpoint = self._place.endpoint

    def __enter__(self) -> Served:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._place.__exit__()

    def take_away(self) -> None:
        if isinstance(self._place, OverTcp):
            self._place.stop()
        else:
            self._place.unplug()

    def bring_back(self) -> None:
        if isinstance(self._place, OverTcp):
            self._place.start()
        else:
            self._place.replug()


def url(endpoint: str, **options: Any) -> str:
    """Return the endpoint of a device that speaks lines."""
    query = {name: value if isinstance(value, str) else json.dumps(value) for name, value in options.items()}
    return f"lines+{endpoint}?" + "&".join(f"{name}={quote(value)}" for name, value in query.items())


@contextmanager
def dashboard(*endpoints: str, **keywords: Any) -> Iterator[sigcore.ClientRouter]:
    """Yield a client of a server that has these endpoints beside its own."""
    with (
        sigcore.ServerRouter(["mem://lines-test", *endpoints], **keywords),
        sigcore.ClientRouter("mem://lines-test", codec=keywords.get("codecs", ["json"])[0]) as client,
    ):
        yield client


def wait_for_sender(client: sigcore.ClientRouter, name: str) -> sigcore.SenderInfo:
    with client.listen(name, sigcore.EVENT_CONNECT, type=None) as there:
        info: sigcore.SenderInfo = there.get(timeout=PATIENCE_S)[1]
        return info


def wait_for_silence(lines: sigcore.Stream[Any]) -> None:
    with suppress(sigcore.StreamTimeout):
        while True:
            lines.get(timeout=0.3)


@pytest.mark.parametrize("medium", MEDIA)
def test_each_line_of_a_device_is_an_event(medium: str) -> None:
    with (
        Served(GpsReceiver(period_s=0.02), medium) as gps,
        dashboard(
            url(
                gps.endpoint,
                sender="gps",
                checksum="nmea",
                pattern=r"^\$GP(?P<event>GGA|RMC),(?P<utc>[^,]*),",
                event_names="GGA,RMC",
                types={"utc": "text"},
            )
        ) as client,
        client.listen("gps") as lines,
    ):
        heard = [lines.get(timeout=PATIENCE_S) for _ in range(4)]
        assert {info.event for info, _ in heard} == {"GGA", "RMC"}
        assert {info.peer.name for info, _ in heard if info.peer is not None} == {"gps"}
        assert all(len(data["utc"]) == len("120000.00") for _, data in heard)


@pytest.mark.parametrize("medium", MEDIA)
def test_a_device_answers_requests(medium: str) -> None:
    meter = Multimeter(volts=4.2)
    with (
        Served(meter, medium) as place,
        dashboard(url(place.endpoint, sender="meter", requests=METER)) as client,
    ):
        assert wait_for_sender(client, "meter").requests == tuple(METER)
        assert client.request("meter", "voltage", timeout=PATIENCE_S) == 4.2
        assert client.request("meter", "identity", timeout=PATIENCE_S) == {"maker": "SIGCORE", "model": "DM-1"}
        assert client.request("meter", "show", {"text": "hello there"}, timeout=PATIENCE_S) is None
        assert client.request("meter", "voltage", timeout=PATIENCE_S) == 4.2
        assert meter.display == "hello there"


@pytest.mark.parametrize("medium", MEDIA)
def test_a_silent_device_is_polled(medium: str) -> None:
    meter = Multimeter(volts=1.0)
    with (
        Served(meter, medium) as place,
        dashboard(url(place.endpoint, sender="meter", requests=METER, poll={"voltage": "20ms"})) as client,
        client.listen("meter", "voltage") as readings,
    ):
        assert readings.get(timeout=PATIENCE_S)[1] == 1.0
        meter.volts = 2.0
        values = [readings.get(timeout=PATIENCE_S)[1] for _ in range(10)]
        assert values[-1] == 2.0


@pytest.mark.parametrize("medium", MEDIA)
def test_a_request_that_fails_says_what_was_sent_and_what_came(medium: str) -> None:
    with (
        Served(Multimeter(), medium) as place,
        dashboard(url(place.endpoint, sender="meter", requests=METER)) as client,
    ):
        wait_for_sender(client, "meter")
        with pytest.raises(sigcore.RequestFailed, match=r"DeviceSilent: meter: sent 'FOO\?.n': .* within 0.1 s"):
            client.request("meter", "nonsense", timeout=PATIENCE_S)
        with pytest.raises(sigcore.RequestFailed, match=r"BadParameters: .* must match \[a-z \]\*"):
            client.request("meter", "show", {"text": '";*RST;"'}, timeout=PATIENCE_S)
        with pytest.raises(sigcore.RequestTimeout):
            client.request("meter", "nonsense", timeout=0.02)
        assert client.request("meter", "voltage", timeout=PATIENCE_S) == 5.0


@pytest.mark.parametrize("medium", MEDIA)
def test_a_device_that_is_gone_for_long_is_told_with_its_cause_and_comes_back_by_itself(medium: str) -> None:
    cause = {"tcp": "link_lost", "pty": "unplugged"}[medium]
    with (
        Served(GpsReceiver(period_s=0.02), medium) as gps,
        dashboard(url(gps.endpoint, sender="gps", grace="100ms", requests={"off": "OFF"})) as client,
        client.listen("gps", "line") as lines,
        client.listen("gps", sigcore.EVENT_DISCONNECT) as gone,
        client.listen("gps", sigcore.EVENT_CONNECT) as came,
    ):
        assert came.get(timeout=PATIENCE_S)[1].connected
        lines.get(timeout=PATIENCE_S)
        gps.take_away()
        assert gone.get(timeout=PATIENCE_S)[1].cause == cause
        with pytest.raises(sigcore.RequestError):
            client.request("gps", "off", timeout=0.2)
        gps.bring_back()
        assert came.get(timeout=PATIENCE_S)[1].connected
        lines.get(timeout=PATIENCE_S)


@pytest.mark.parametrize("medium", MEDIA)
def test_a_device_that_is_soon_back_was_never_away(medium: str) -> None:
    with (
        Served(GpsReceiver(period_s=0.02), medium) as gps,
        dashboard(url(gps.endpoint, sender="gps", grace="60s")) as client,
        client.listen("gps", "line") as lines,
        client.listen("gps", sigcore.EVENT_DISCONNECT) as gone,
    ):
        lines.get(timeout=PATIENCE_S)
        gps.take_away()
        wait_for_silence(lines)
        gps.bring_back()
        lines.get(timeout=PATIENCE_S)
        with pytest.raises(sigcore.StreamTimeout):
            gone.get(timeout=0.0)


@pytest.mark.parametrize("medium", MEDIA)
def test_a_server_starts_without_the_device_and_takes_it_when_it_appears(medium: str) -> None:
    with Served(GpsReceiver(period_s=0.02), medium) as gps:
        gps.take_away()
        with (
            dashboard(url(gps.endpoint, sender="gps")) as client,
            client.listen("gps", "line") as lines,
        ):
            assert client.senders() == []
            gps.bring_back()
            assert lines.get(timeout=PATIENCE_S)[1].startswith("$GP")


@pytest.mark.parametrize("medium", MEDIA)
def test_other_wrappers_may_stand_between(medium: str) -> None:
    meter = Multimeter(volts=4.2)
    with (
        Served(meter, medium) as place,
        dashboard(url(f"fault+{place.endpoint}", slice="1", sender="meter", requests=METER)) as client,
    ):
        wait_for_sender(client, "meter")
        assert client.request("meter", "voltage", timeout=PATIENCE_S) == 4.2


def test_a_device_has_no_other_name_than_its_endpoint_allows(caplog: pytest.LogCaptureFixture) -> None:
    with (
        OverTcp(GpsReceiver(period_s=0.02)) as gps,
        sigcore.ServerRouter(url(gps.endpoint, sender="gps", senders="thermo-*")) as server,
    ):
        until = time.monotonic() + PATIENCE_S
        while not [text for text in caplog.messages if "takes no sender 'gps'" in text]:
            assert time.monotonic() < until
            time.sleep(0.01)
        assert server.senders() == []


def test_a_server_without_the_default_codec_takes_devices_too() -> None:
    pytest.importorskip("sig_cbor")
    with (
        OverTcp(GpsReceiver(period_s=0.02)) as gps,
        dashboard(url(gps.endpoint, sender="gps"), codecs=["cbor"]) as client,
        client.listen("gps", "line") as lines,
    ):
        assert lines.get(timeout=PATIENCE_S)[1].startswith("$GP")


def test_without_a_name_the_sender_has_that_of_its_port() -> None:
    with OverTcp(Multimeter()) as meter, dashboard(url(meter.endpoint)) as client:
        port = meter.endpoint.rpartition(":")[2]
        assert wait_for_sender(client, f"127.0.0.1-{port}").events == ("line",)


def test_a_device_is_described_in_a_configuration_file(tmp_path: Path) -> None:
    with OverTcp(Multimeter(volts=3.5)) as meter:
        file = tmp_path / "sigcore.toml"
        file.write_text(
            f"""
            [[endpoints]]
            url = "lines+{meter.endpoint}"
            [endpoints.options]
            sender = "meter"
            hello = ["DISP:TEXT \\"sigcore\\""]
            [endpoints.options.requests.voltage]
            send = "MEAS:VOLT?"
            reply = '^([-+0-9.E]+)$'
            timeout = "5s"
            [endpoints.options.poll]
            voltage = "20ms"
            """,
            encoding="utf-8",
        )
        with sigcore.ServerRouter.from_config(file) as server, server.listen("meter", "voltage") as readings:
            assert readings.get(timeout=PATIENCE_S)[1] == 3.5
            assert server.request("meter", "voltage", timeout=PATIENCE_S) == 3.5


class Flood(SimulatedDevice):
    """Says a great many lines at once, as soon as it is asked, and numbers them."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._number = number

    def answer(self, command: str) -> str:
        return "".join(f"n={number}\r\n" for number in range(self._number)) + "done=1"


def test_a_device_that_floods_stops_nobody_and_loses_nothing_that_is_listened_to_in_time() -> None:
    number = 20_000
    with (
        OverTcp(Flood(number)) as device,
        dashboard(url(device.endpoint, sender="flood", parse="keyvalue", requests={"go": "go"})) as client,
    ):
        numbers: list[int] = []
        is_done = threading.Event()

        def hear(info: sigcore.EventInfo, data: dict[str, int]) -> None:
            if "n" in data:
                numbers.append(data["n"])
            else:
                is_done.set()

        client.add_listener(hear, "flood", "line")
        wait_for_sender(client, "flood")
        began_s = time.monotonic()
        client.request("flood", "go", timeout=PATIENCE_S)
        assert is_done.wait(PATIENCE_S)
        assert numbers == list(range(number))
        assert time.monotonic() - began_s < PATIENCE_S


class Chatterbox(SimulatedDevice):
    """Never stops."""

    def lines(self) -> list[str]:
        return ["blah"] * 100


@pytest.mark.parametrize("medium", MEDIA)
def test_a_server_closes_at_once_while_a_device_speaks(medium: str) -> None:
    with Served(Chatterbox(period_s=0.001), medium) as device:
        server = sigcore.ServerRouter(url(device.endpoint, sender="chatterbox"))
        server.open()
        with server.listen("chatterbox") as lines:
            lines.get(timeout=PATIENCE_S)
        began_s = time.monotonic()
        server.close()
        assert time.monotonic() - began_s < 2.0


class Wordy(SimulatedDevice):
    """Says more at once than any cable holds."""

    def __init__(self, period_s: float) -> None:
        super().__init__(period_s)
        self.speaks = threading.Event()

    def lines(self) -> list[str]:
        self.speaks.set()
        return ["blah"] * 100_000


@contextmanager
def deaf_device() -> Iterator[str]:
    """Yield the endpoint of a device that takes nothing of what it is sent."""
    with socket.create_server(("127.0.0.1", 0)) as acceptor:
        yield f"tcp://127.0.0.1:{acceptor.getsockname()[1]}"  # the backlog connects, and nobody reads


def ask_until_stuck(server: sigcore.ServerRouter, sender: str, method: str) -> None:
    with suppress(sigcore.RequestTimeout):
        while True:
            server.request(sender, method, timeout=0.2)


def test_a_server_closes_soon_while_a_device_takes_nothing() -> None:
    requests = {"say": {"send": "x" * 4000}}
    with deaf_device() as endpoint:
        server = sigcore.ServerRouter(url(endpoint, sender="deaf", requests=requests))
        server.open()
        with server.listen("deaf", sigcore.EVENT_CONNECT) as came:
            came.get(timeout=PATIENCE_S)
        ask_until_stuck(server, "deaf", "say")
        began_s = time.monotonic()
        server.close()
        assert time.monotonic() - began_s < 3.0


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_a_simulated_device_that_nobody_reads_can_be_taken_away() -> None:
    device = Wordy(period_s=0.0)
    with OverPty(device):
        assert device.speaks.wait(PATIENCE_S)


class Grumbler(SimulatedDevice):
    """Says what it should not, and then something good."""

    def lines(self) -> list[str]:
        return ["boot: cold start", "x" * 5000, "t=1"]


def test_wrong_lines_are_shown_and_end_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with (
        OverTcp(Grumbler(period_s=0.02)) as device,
        dashboard(url(device.endpoint, sender="grumbler", parse="keyvalue", unmatched="event")) as client,
        client.listen("grumbler", "line") as lines,
        client.listen("grumbler", "unmatched") as wrong,
    ):
        assert lines.get(timeout=PATIENCE_S)[1] == {"t": 1}
        assert wrong.get(timeout=PATIENCE_S)[1] in ("boot: cold start", "x" * 60)
        lines.get(timeout=PATIENCE_S)
    warnings = [record.getMessage() for record in caplog.records if record.name == "sigcore.lines"]
    assert next(text for text in warnings if "overlong" in text).startswith("grumbler: overlong line 'xxx")
    assert len([text for text in warnings if "unmatched" in text]) == 1
