# SPDX-License-Identifier: MIT
"""``#console``: text that a carrier finds beside its links reaches those who ask for it by name, and nobody else."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from sigcore import EVENT_CONSOLE, ClientRouter, EventInfo, Gap, ServerRouter
from sigcore.aio._console import LINE_CHARACTERS, LINES_PER_S

from .port_carrier import PORT, PortCarrier
from .waiting import LIMIT_S, Heard, wait_until

URL = "mem://console"

pytestmark = pytest.mark.usefixtures("nothing_left")


class Gaps(Heard):
    """Hears events and gaps, in one list."""

    def gap(self, info: EventInfo, gap: Gap) -> None:
        self(info, gap)

    def wait_lines(self, number: int) -> None:
        """Return once so many lines came, or were told as lost."""
        self.wait_for(lambda data: sum(item.count or 0 if isinstance(item, Gap) else 1 for item in data) == number)


def test_a_line_reaches_who_listens_here_and_elsewhere_with_the_port_as_its_sender(medium: PortCarrier) -> None:
    with ServerRouter(URL) as server, ClientRouter(URL) as client:
        ears = [Heard() for _ in range(4)]
        for ear, (router, sender) in zip(ears, [(r, s) for r in (server, client) for s in (None, PORT)], strict=True):
            router.add_listener(ear, sender, EVENT_CONSOLE)
        medium.print("rst:0x1 (POWERON_RESET)", "boot: °C 21.5")
        for ear in ears:
            assert ear.wait(2) == ["rst:0x1 (POWERON_RESET)", "boot: °C 21.5"]
            assert {(info.sender, info.event) for info in ear.infos} == {(PORT, "#console")}


def test_who_does_not_name_it_is_not_told_and_presence_knows_nothing_of_it(medium: PortCarrier) -> None:
    with ServerRouter(URL) as server, ClientRouter(URL) as client:
        others, told = Heard(), Heard()
        for router in (server, client):
            for sender, event in ((None, None), (PORT, None), (None, "#connect"), ("/dev/ttyUSB1", EVENT_CONSOLE)):
                router.add_listener(others, sender, event)
            router.add_listener(told, event=EVENT_CONSOLE)
        medium.print("hello")
        told.wait(2)
        server.add_sender("last", "event").trigger("event")
        others.wait_for(lambda data: data.count(None) == 2)
        assert {info.sender for info in others.infos} == {"last"}
        assert [info.name for info in client.senders()] == ["last"]


def test_a_sender_of_the_same_name_comes_and_goes_beside_it(medium: PortCarrier) -> None:
    with ServerRouter(URL) as server, ClientRouter(URL) as client, ClientRouter(URL) as device:
        text, events = Heard(), Heard()
        client.add_listener(text, "thermo", EVENT_CONSOLE)
        client.add_listener(events, "thermo")
        for number in range(3):
            medium.print(f"boot {number}", source="thermo")
            text.wait(2 * number + 1)
            with device.add_sender("thermo", "reading") as thermo:
                thermo.trigger("reading", number)
                events.wait(number + 1)
                medium.print(f"measured {number}", source="thermo")
                text.wait(2 * number + 2)
        assert text.data == [f"{what} {number}" for number in range(3) for what in ("boot", "measured")]
        assert events.data == [0, 1, 2]
        assert not server.counters.keys() & {"link_unknown_topic", "listener"}
        assert client.connected


def test_a_source_that_floods_is_cut_and_every_listener_is_told_how_much_it_missed(medium: PortCarrier) -> None:
    with ServerRouter(URL) as server, ClientRouter(URL) as client:
        here, there = Gaps(), Gaps()
        for router, ear in ((server, here), (client, there)):
            router.add_listener(ear, event=EVENT_CONSOLE, on_gap=ear.gap)
        medium.print(*map(str, range(1_000)))
        for ear in (here, there):
            ear.wait_lines(1_000)
            lines = [item for item in ear.data if not isinstance(item, Gap)]
            assert lines[: int(LINES_PER_S)] == list(map(str, range(int(LINES_PER_S))))
            assert sorted(set(map(int, lines))) == list(map(int, lines))  # those that time has made room for since, too
            assert len(lines) < 1_000
            assert all(gap.cause == "overflow" for gap in ear.data if isinstance(gap, Gap))
        assert server.counters["console"] == 1_000 - len(lines)
        medium.print("quiet again", source="/dev/ttyUSB1")  # another source has its own measure
        here.wait_for(lambda data: data[-1] == "quiet again")


def test_a_listener_that_blocks_costs_the_others_nothing_and_memory_stays_bounded(medium: PortCarrier) -> None:
    go_on = threading.Event()
    there = Heard()
    here = Gaps()

    def block(info: EventInfo, data: Any) -> None:
        assert go_on.wait(LIMIT_S)
        here(info, data)

    with ServerRouter(URL, event_queue=4_096) as server, ClientRouter(URL) as client:
        try:
            server.add_listener(block, event=EVENT_CONSOLE, on_gap=here.gap)
            client.add_listener(there, event=EVENT_CONSOLE)
            medium.print(*map(str, range(100)))
            there.wait(100)
        finally:
            go_on.set()
        here.wait_lines(100)
        assert any(isinstance(item, Gap) for item in here.data)


def test_of_long_lines_no_more_wait_for_a_listener_that_blocks_than_of_events(medium: PortCarrier) -> None:
    go_on = threading.Event()
    here = Gaps()

    def block(info: EventInfo, data: Any) -> None:
        assert go_on.wait(LIMIT_S)
        here(info, data)

    with ServerRouter(URL, event_queue=65_536) as server:
        try:
            server.add_listener(block, event=EVENT_CONSOLE, on_gap=here.gap)
            medium.print(*["x" * LINE_CHARACTERS] * 100)
            wait_until(lambda: server.counters.get("console", 0) > 80, "most of them are lost")
        finally:
            go_on.set()
        here.wait_lines(100)


def test_it_goes_on_after_the_client_came_back_with_a_new_session(medium: PortCarrier) -> None:
    with ClientRouter(URL, connect_timeout=None, reconnect_delay=0.01) as client:
        heard = Heard()
        client.add_listener(heard, event=EVENT_CONSOLE)
        for number in range(2):
            with ServerRouter(URL):
                wait_until(lambda: client.connected, "the client connects")
                medium.print(str(number))
                heard.wait(number + 1)
        assert heard.data == ["0", "1"]


def test_it_passes_through_a_carrier_that_wraps_another(medium: PortCarrier) -> None:
    with ServerRouter("fault+mem://console") as server:
        heard = Heard()
        server.add_listener(heard, event=EVENT_CONSOLE)
        medium.print("boot")
        assert heard.wait(1) == ["boot"]


@pytest.mark.parametrize("source", ["", "#server", "a*", "x" * 256])
def test_a_source_that_can_be_no_name_is_counted(medium: PortCarrier, source: str) -> None:
    with ServerRouter(URL) as server:
        medium.print("text", source=source)
        wait_until(lambda: server.counters.get("console") == 1, "it is counted")


def test_a_long_line_is_cut(medium: PortCarrier) -> None:
    with ServerRouter(URL) as server:
        heard = Heard()
        server.add_listener(heard, event=EVENT_CONSOLE)
        medium.print("x" * 100_000)
        assert heard.wait(1) == ["x" * LINE_CHARACTERS]


def test_a_listener_of_it_has_a_policy_and_is_not_warned_that_nobody_declares_it(
    medium: PortCarrier, caplog: pytest.LogCaptureFixture
) -> None:
    with ServerRouter(URL) as server, ClientRouter(URL) as client:
        heard = Heard()
        for router in (server, client):
            router.add_listener(heard, "thermo", EVENT_CONSOLE, policy="latest")
        client.add_sender("thermo", "reading")
        server.add_listener(heard, "thermo", EVENT_CONSOLE)
        medium.print("boot", source="thermo")
        heard.wait(3)
        assert "does not declare" not in caplog.text
