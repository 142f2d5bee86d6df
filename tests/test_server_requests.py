# SPDX-License-Identifier: MIT
"""``#server``: a server answers for the ports of its endpoints, to clients and to its own process."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

import sigcore
import sigcore.aio
from sigcore import ClientRouter, RequestFailed, ServerRouter

from .port_carrier import PORT, PortCarrier
from .waiting import LIMIT_S, Errors, wait_until

URL = "mem://ports"

pytestmark = pytest.mark.usefixtures("nothing_left")


@pytest.fixture(params=["client", "server"])
def asking(request: pytest.FixtureRequest, nothing_left: None, medium: PortCarrier) -> Any:
    """Whoever asks the server: a client, or its own process."""
    with ServerRouter(URL, name="gateway") as server, ClientRouter(URL) as client:
        yield client if request.param == "client" else server


def test_a_port_is_lent_and_taken_back_and_its_state_can_be_asked_for(asking: Any, medium: PortCarrier) -> None:
    assert asking.request("#server", "ports") == [{"endpoint": URL, "port": PORT, "lent": False}]
    assert asking.request("#server", "lend", {"port": PORT, "seconds": 90}) == {"port": PORT, "lent": True}
    assert medium.listening[0].lent_s == 90.0
    assert asking.request("#server", "ports")[0]["lent"] is True
    assert asking.request("#server", "take_back", {"port": PORT}) == {"port": PORT, "lent": False}


def test_a_port_that_the_server_does_not_have_is_said_with_those_it_has(asking: Any) -> None:
    for method in ("lend", "take_back"):
        with pytest.raises(RequestFailed, match=f"^this server has no port '/dev/ttyS9'; its ports are: {PORT}"):
            asking.request("#server", method, {"port": "/dev/ttyS9", "seconds": 1})


@pytest.mark.parametrize(
    "params",
    [
        None,
        {},
        {"port": PORT},
        {"port": PORT, "seconds": 0},
        {"port": PORT, "seconds": "9"},
        {"port": PORT, "seconds": 10**400},
        {"port": 5, "seconds": 1},
    ],
)
def test_parameters_that_are_wrong_are_said_with_the_right_ones(asking: Any, params: Any) -> None:
    with pytest.raises(RequestFailed, match=r'lend takes \{"port": "/dev/ttyUSB0", "seconds": 90\}'):
        asking.request("#server", "lend", params)


def test_a_method_that_it_does_not_have_is_said_with_those_it_has(asking: Any) -> None:
    with pytest.raises(sigcore.MethodNotFound, match="lend, take_back, ports"):
        asking.request("#server", "reboot")


def test_a_server_without_ports_says_so() -> None:
    with ServerRouter(URL) as server, ClientRouter(URL) as client:
        for router in (server, client):
            assert router.request("#server", "ports") == []
            with pytest.raises(RequestFailed, match="no endpoint of this server has ports that can be lent"):
                router.request("#server", "lend", {"port": PORT, "seconds": 1})


def test_the_server_is_no_sender_that_others_see_or_could_be(asking: Any) -> None:
    assert asking.senders() == []
    with pytest.raises(sigcore.InvalidName):
        asking.add_sender("#server")


def test_a_router_of_one_process_has_no_server() -> None:
    with pytest.raises(sigcore.SenderNotFound):
        sigcore.Router().request("#server", "ports")


def test_the_ports_of_a_carrier_inside_another_can_be_lent(medium: PortCarrier) -> None:
    with ServerRouter("fault+mem://ports") as server:
        assert server.request("#server", "lend", {"port": PORT, "seconds": 1})["lent"] is True


def test_the_asyncio_form_asks_in_the_same_way(medium: PortCarrier) -> None:
    async def scenario() -> None:
        async with sigcore.aio.ServerRouter(URL) as server, sigcore.aio.ClientRouter(URL) as client:
            for router in (server, client):
                assert (await router.request("#server", "lend", {"port": PORT, "seconds": 1}))["port"] == PORT

    asyncio.run(scenario())


def test_a_server_that_closes_waits_for_no_port_and_whoever_asked_hears_so(medium: PortCarrier) -> None:
    errors = Errors()

    def ask(router: ServerRouter | ClientRouter) -> None:
        try:
            router.request("#server", "lend", {"port": PORT, "seconds": 1}, timeout=None)
        except sigcore.SigError as error:
            errors(error)

    with ClientRouter(URL, connect_timeout=None) as client:
        server = ServerRouter(URL)
        server.open()
        wait_until(lambda: client.connected, "the client connects")
        medium.listening[0].is_slow = True
        threads = [threading.Thread(target=ask, args=[router]) for router in (server, client)]
        for thread in threads:
            thread.start()
        wait_until(lambda: len(server._inner._hub.requests) == 2, "both ask")
        server.close()
        for thread in threads:
            thread.join(LIMIT_S)
        assert all(isinstance(error, sigcore.SenderLost) for error in errors.wait(2))
