# SPDX-License-Identifier: MIT
"""Why a link ended: what the carrier says of it reaches the log, the counters and whoever listens to presence."""

from __future__ import annotations

import pickle

import pytest

import sigcore
from sigcore import ClientRouter, LinkError, ServerRouter
from sigcore.testing import Faults

from .port_carrier import PortCarrier
from .waiting import Heard, wait_until

URL = "mem://causes"
GRACE_S = 0.1

pytestmark = pytest.mark.usefixtures("nothing_left")


def watch(router: ServerRouter | ClientRouter) -> Heard:
    presence = Heard()
    for event in ("#disconnect", "#connect"):
        router.add_listener(presence, event=event)
    return presence


def changes(presence: Heard, number: int) -> list[tuple[str, bool, str]]:
    presence.wait(number)
    return [(info.name, info.connected, info.cause) for info in presence.data]


def test_a_link_error_has_a_cause_which_is_kept_when_it_is_pickled() -> None:
    assert LinkError("gone").cause == "link_lost"
    assert sigcore.NotConnected("no link").cause == "link_lost"
    assert sigcore.RemoteProtocolError("no sign of life", code="dead").cause == "silent"
    copy = pickle.loads(pickle.dumps(LinkError("gone", cause="unplugged")))  # our own
    assert (str(copy), copy.cause) == ("gone", "unplugged")


@pytest.mark.parametrize("cause", ["unplugged", "lent"])
def test_the_cause_that_a_carrier_gives_is_told_to_all_others_after_the_grace_time(
    medium: PortCarrier, cause: str, caplog: pytest.LogCaptureFixture
) -> None:
    with ServerRouter(URL, grace=GRACE_S) as server, ClientRouter(URL) as watcher, ClientRouter(URL) as device:
        here, elsewhere = watch(server), watch(watcher)
        device.add_sender("thermo")
        for presence in (here, elsewhere):
            presence.wait(1)
        medium.is_absent = True
        medium.came[1].lose(cause)
        told = [("thermo", True, ""), ("thermo", False, cause)]
        assert changes(here, 2) == changes(elsewhere, 2) == told
        assert server.counters[f"link_{cause}"] == 1
        assert f"the device is gone ({cause})" in caplog.text
        medium.is_absent = False
        assert changes(here, 3) == changes(elsewhere, 3) == [*told, ("thermo", True, "")]


def test_a_client_tells_its_own_listeners_why_nobody_can_be_reached(medium: PortCarrier) -> None:
    with ServerRouter(URL) as server, ClientRouter(URL, grace=GRACE_S) as client:
        server.add_sender("thermo")
        presence = watch(client)
        presence.wait(1)
        medium.is_absent = True
        medium.made[0].lose("unplugged")
        assert changes(presence, 2)[1:] == [("thermo", False, "unplugged")]


def test_a_session_that_is_given_up_before_its_grace_time_says_the_cause_too(medium: PortCarrier) -> None:
    with (
        ServerRouter(URL, grace=60.0, session_timeout=GRACE_S) as server,
        ClientRouter(URL, session_timeout=GRACE_S) as device,
    ):
        presence = watch(server)
        device.add_sender("thermo")
        presence.wait(1)
        medium.is_absent = True
        medium.came[0].lose("unplugged")
        assert changes(presence, 2)[1:] == [("thermo", False, "unplugged")]


def test_a_link_that_gives_no_sign_of_life_is_silent() -> None:
    faults = Faults("mute")
    with (
        ServerRouter(URL, heartbeat=0.05, dead_after=0.2, grace=GRACE_S) as server,
        ClientRouter("fault+mem://causes?faults=mute") as device,
    ):
        presence = watch(server)
        device.add_sender("thermo")
        presence.wait(1)
        faults.silence()
        assert changes(presence, 2)[1:] == [("thermo", False, "silent")]
        assert server.counters["link_dead"] == 1


def test_a_device_that_is_restarted_has_its_names_again_at_once(medium: PortCarrier) -> None:
    medium.cable = "/dev/ttyUSB0"
    with ServerRouter(URL, grace=60.0) as server:
        presence = watch(server)
        with ClientRouter(URL) as device:
            device.add_sender("thermo")
            presence.wait(1)
            medium.is_absent = True
            medium.came[0].lose("unplugged")
            wait_until(lambda: not server.peers(), "the server has lost the link")
        medium.is_absent = False  # only now: the device of before would come back
        with ClientRouter(URL) as restarted:
            restarted.add_sender("thermo")
            assert changes(presence, 3)[1:] == [("thermo", False, "restarted"), ("thermo", True, "")]


def test_it_has_them_also_where_the_carrier_did_not_yet_tell_that_the_link_of_before_is_lost(
    medium: PortCarrier,
) -> None:
    medium.cable = "/dev/ttyUSB0"
    with ServerRouter(URL, grace=60.0) as server, ClientRouter(URL) as device:
        presence = watch(server)
        device.add_sender("thermo")
        presence.wait(1)
        medium.most_links = 2  # or the device of before would come back
        with ClientRouter(URL) as restarted:
            restarted.add_sender("thermo")
            assert changes(presence, 3)[1:] == [("thermo", False, "restarted"), ("thermo", True, "")]


def test_a_session_that_goes_on_by_another_cable_is_not_given_up(medium: PortCarrier) -> None:
    medium.cable = "/dev/ttyUSB0"
    with ServerRouter(URL, grace=60.0) as server, ClientRouter(URL, reconnect_delay=0.01) as device:
        device.add_sender("thermo", requests={"ping": lambda _params: "pong"})
        medium.cable = "/dev/ttyUSB1"
        medium.came[0].lose("unplugged")
        wait_until(lambda: len(medium.came) == 2 and server.peers(), "it is back")
        medium.cable = "/dev/ttyUSB0"
        with ClientRouter(URL):
            assert server.request("thermo", "ping") == "pong"


def test_where_many_may_come_nobody_is_taken_for_the_one_before(medium: PortCarrier) -> None:
    with ServerRouter(URL, grace=60.0) as server, ClientRouter(URL, reconnect_delay=0.01) as device:
        device.add_sender("thermo")
        medium.is_absent = True
        medium.came[0].lose("unplugged")
        wait_until(lambda: not server.peers(), "the server has lost the link")
        medium.is_absent = False
        with ClientRouter(URL) as another, pytest.raises(sigcore.SenderExists):
            another.add_sender("thermo")
