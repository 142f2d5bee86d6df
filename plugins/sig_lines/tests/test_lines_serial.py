# SPDX-License-Identifier: MIT
"""What the serial carrier can do beside carrying bytes is there for lines too: patterns, loans, the console."""

from __future__ import annotations

import logging
import sys
import time
from pathlib import Path
from urllib.parse import quote

import pytest

import sigcore

if sys.platform == "win32":
    pytest.skip("there are no pseudo-terminals", allow_module_level=True)

from sig_lines.testing import Multimeter, OverPty, SimulatedDevice
from sig_serial.testing import PtyCable

PATIENCE_S = 15.0


class Board(SimulatedDevice):
    """Prints what boards print, and readings between."""

    def lines(self) -> list[str]:
        return ["I (312) wifi: connected", "t=21.5"]


def test_each_device_at_a_pattern_is_a_sender_of_its_own() -> None:
    with PtyCable() as cable:
        pattern = str(Path(cable.left).parent / "*")
        url = f"lines+serial://{pattern}?sender=node-{{port}}&hello=hello&skip_first=0"
        with sigcore.ServerRouter(url) as server, server.listen(event="line") as lines:
            # Each hears the greeting of the other, once both are there.
            heard = {lines.get(timeout=PATIENCE_S)[0].sender}
            names = {f"node-{Path(path).name}" for path in (cable.left, cable.right)}
            until = time.monotonic() + PATIENCE_S
            while {info.name for info in server.senders()} < names and time.monotonic() < until:
                time.sleep(0.01)
            assert {info.name for info in server.senders()} == names
            assert heard <= names


def test_a_lent_port_is_left_and_taken_again_and_the_sender_is_the_same() -> None:
    with OverPty(Multimeter(volts=4.2)) as place:
        requests = quote('{"voltage": {"send": "MEAS:VOLT?", "reply": ".+"}}')
        url = f"lines+{place.endpoint}?sender=meter&grace=100ms&requests={requests}"
        with (
            sigcore.ServerRouter(url) as server,
            server.listen("meter", sigcore.EVENT_CONNECT) as came,
            server.listen("meter", sigcore.EVENT_DISCONNECT) as left,
        ):
            came.get(timeout=PATIENCE_S)
            (row,) = server.request("#server", "ports", None, timeout=PATIENCE_S)
            assert (row["port"], row["sender"], row["unmatched"]) == (place.path, "meter", 0)
            server.request("#server", "lend", {"port": place.path, "seconds": 60}, timeout=PATIENCE_S)
            assert left.get(timeout=PATIENCE_S)[1].cause == "lent"
            server.request("#server", "take_back", {"port": place.path}, timeout=PATIENCE_S)
            came.get(timeout=PATIENCE_S)
            assert server.request("meter", "voltage", timeout=PATIENCE_S) == 4.2


def test_a_loose_contact_does_not_make_the_waits_longer(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "sigcore.client")
    with (
        OverPty(Board(period_s=0.02)) as place,
        sigcore.ServerRouter(f"lines+{place.endpoint}?sender=board&grace=60s"),
    ):
        for lost in range(1, 5):
            wait_for_texts(caplog, "connected to", lost)
            place.unplug()
            wait_for_texts(caplog, "next try in", lost)
            place.replug()
    waits_s = [float(text.split()[-2]) for text in wait_for_texts(caplog, "next try in", 4)]
    assert max(waits_s) <= 0.25


def wait_for_texts(caplog: pytest.LogCaptureFixture, part: str, number: int) -> list[str]:
    """Return the log lines with ``part`` in them, once there are so many."""
    until = time.monotonic() + PATIENCE_S
    while len(found := [text for text in caplog.messages if part in text]) < number:
        assert time.monotonic() < until
        time.sleep(0.01)
    return found


def test_a_device_on_the_network_cannot_be_lent() -> None:
    with sigcore.ServerRouter("lines+tcp://127.0.0.1:9?sender=meter") as server:
        (row,) = server.request("#server", "ports", None, timeout=PATIENCE_S)
        assert row["state"] == "absent"
        with pytest.raises(sigcore.RequestFailed, match="no port that could be lent; serial ports can"):
            server.request("#server", "lend", {"port": row["port"], "seconds": 60}, timeout=PATIENCE_S)


def test_lines_that_are_no_events_may_go_to_the_console() -> None:
    with OverPty(Board(period_s=0.02)) as place:
        url = f"lines+{place.endpoint}?sender=board&parse=keyvalue&unmatched=console"
        with (
            sigcore.ServerRouter(url) as server,
            server.listen(place.path, sigcore.EVENT_CONSOLE) as console,
            server.listen("board", "line") as readings,
        ):
            assert console.get(timeout=PATIENCE_S)[1] == "I (312) wifi: connected"
            assert readings.get(timeout=PATIENCE_S)[1] == {"t": 21.5}


def test_an_option_that_would_spoil_the_bytes_is_refused() -> None:
    with pytest.raises(sigcore.EndpointError, match="needs framing=none, and says framing=packets"):
        sigcore.ServerRouter("lines+serial:///dev/ttyUSB0?framing=packets").open()
