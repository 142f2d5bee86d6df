# SPDX-License-Identifier: MIT
"""``senders=`` of an endpoint: who connects there may take these names and no others."""

from __future__ import annotations

import asyncio
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sigcore.aio
from sigcore import ClientRouter, Endpoint, EndpointError, NotAllowed, ServerRouter
from sigcore._names import is_like

from .port_carrier import PortCarrier
from .waiting import Errors, Heard, wait_until

URL = "mem://allowed"
SERVER = "mem://allowed?senders=thermo-*,gps"

pytestmark = pytest.mark.usefixtures("nothing_left")


@given(st.text("ab*", max_size=6), st.text("ab", max_size=8))
def test_a_pattern_stands_for_what_the_same_regular_expression_would(pattern: str, name: str) -> None:
    expected = re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), name) is not None
    assert is_like(name, pattern) is expected


@pytest.mark.parametrize("name", ["thermo-1", "thermo-", "gps"])
def test_a_name_that_the_endpoint_takes_is_registered(name: str) -> None:
    with ServerRouter(SERVER) as server, ClientRouter(URL) as client:
        client.add_sender(name)
        assert [info.name for info in server.senders()] == [name]


@pytest.mark.parametrize("name", ["thermo", "gps2", "Gps", "valve"])
def test_any_other_name_is_refused_with_the_endpoint_and_the_names_that_it_takes(name: str) -> None:
    with ServerRouter(SERVER) as server, ClientRouter(URL) as client:
        with pytest.raises(NotAllowed, match=rf"'{name}' at mem://allowed.*thermo-\*, gps") as caught:
            client.add_sender(name)
        assert isinstance(caught.value, PermissionError)
        assert server.senders() == []
        client.add_sender("gps")


def test_it_belongs_to_an_endpoint_and_is_no_keyword() -> None:
    with pytest.raises(TypeError, match="an option of one endpoint"):
        ServerRouter(URL, senders="gps")  # type: ignore[call-arg]


def test_the_asyncio_form_is_refused_too() -> None:
    async def scenario() -> None:
        async with sigcore.aio.ServerRouter(SERVER), sigcore.aio.ClientRouter(URL) as client:
            with pytest.raises(NotAllowed):
                await client.add_sender("valve")

    asyncio.run(scenario())


def test_what_is_refused_when_the_link_comes_up_goes_to_on_error_once() -> None:
    errors = Errors()
    with ClientRouter(URL, connect_timeout=None, on_error=errors) as client:
        client.add_sender("valve")
        client.add_sender("gps")
        with ServerRouter(SERVER) as server:
            (error,) = errors.wait(1)
            assert isinstance(error, NotAllowed)
            wait_until(lambda: [info.name for info in server.senders()] == ["gps"], "the other is registered")


def test_a_session_cannot_take_its_names_to_another_endpoint(medium: PortCarrier) -> None:
    errors = Errors()
    gone = Heard()
    with (
        ServerRouter([URL, "mem://strict?senders=gps"], grace=0.1) as server,
        ClientRouter(URL, on_error=errors) as client,
    ):
        server.add_listener(gone, "thermo", "#disconnect")
        client.add_sender("thermo")
        client._inner._endpoint = Endpoint.parse("mem://strict")
        medium.came[0].lose("unplugged")
        (error,) = errors.wait(1)
        assert isinstance(error, NotAllowed)
        gone.wait(1)
        assert server.senders() == []


def test_listeners_requests_and_the_server_s_own_senders_are_not_limited() -> None:
    heard = Heard()
    with ServerRouter(SERVER) as server, ClientRouter(URL) as client:
        valve = server.add_sender("valve", "moved", {"open": lambda _params: True})
        client.add_listener(heard, "valve")
        valve.trigger("moved", 1)
        assert heard.wait(1) == [1]
        assert client.request("valve", "open") is True


def test_it_is_an_option_of_a_server_s_endpoint_alone() -> None:
    with pytest.raises(EndpointError, match=r"senders is for the endpoint of a server.*leave it out"):
        ClientRouter("mem://allowed?senders=gps")
    with pytest.raises(TypeError, match="senders"):
        ServerRouter(URL, senders="gps")  # type: ignore[call-arg]  # that is the point


@pytest.mark.parametrize("patterns", ["%23server", "a,,b", ",", "%23*"])
def test_what_can_be_no_name_is_no_pattern(patterns: str) -> None:
    with pytest.raises(EndpointError, match=r"'senders' cannot be.*names of senders with commas between"):
        ServerRouter(f"{URL}?senders={patterns}").open()
