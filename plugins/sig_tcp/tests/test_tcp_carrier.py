# SPDX-License-Identifier: MIT
"""``tcp://``: where it listens and connects, over real sockets."""

from __future__ import annotations

import asyncio
import errno
import re
import socket
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sig_tcp import TcpCarrier

from sigcore import Endpoint, EndpointError, InsecureEndpoint, Listening, ServerRouter, load_carrier
from sigcore.testing import check_carrier

LIMIT_S = 5.0


def has_address(host: str) -> bool:
    try:
        socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not has_address("::1"), reason="IPv6 is switched off here")


def at(text: str) -> Endpoint:
    return Endpoint.parse(text)


class Goodbye(asyncio.Protocol):
    """Ends every link that comes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


class Visit(asyncio.Protocol):
    """Knows its peer, and waits for the end of its link."""

    def __init__(self) -> None:
        self.over = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.peer = transport.get_extra_info("peername")

    def connection_lost(self, exc: Exception | None) -> None:
        self.over.set_result(exc)


async def listen(text: str) -> Listening:
    return await TcpCarrier().listen(at(text), Goodbye)


async def visit(listening: Listening, host: str) -> str:
    """Connect to ``host`` at the port bound, and return the peer's address when the server has ended the link."""
    _, protocol = await TcpCarrier().connect(replace(listening.endpoint, host=host), Visit)
    assert isinstance(protocol, Visit)
    async with asyncio.timeout(LIMIT_S):
        await protocol.over
    return str(protocol.peer[0])


async def failure(work: Any) -> OSError:
    """Return the OSError that ``work`` raises."""
    with pytest.raises(OSError) as caught:  # noqa: PT011  # the caller looks at its number and text
        async with asyncio.timeout(LIMIT_S):
            await work
    assert caught.value.__cause__ is not None
    return caught.value


async def free_port() -> int:
    listening = await listen("tcp://127.0.0.1:0")
    listening.close()
    assert listening.endpoint.port
    return listening.endpoint.port


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", pytest.param("[::1]", marks=needs_ipv6)])
def test_tcp_keeps_every_rule_for_carriers(host: str) -> None:
    check_carrier(load_carrier("tcp"), f"tcp://{host}:0")


def test_without_a_host_every_interface_is_listened_at() -> None:
    async def scenario() -> None:
        listening = await listen("tcp://:0")
        for host in filter(has_address, ("127.0.0.1", "127.0.0.2", "::1")):
            assert await visit(listening, host) == host
        listening.close()

    asyncio.run(scenario())


@needs_ipv6
def test_every_address_of_a_name_is_listened_at_on_one_port(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, "both.localhost", ["127.0.0.1", "::1"])

    async def scenario() -> None:
        listening = await listen("tcp://both.localhost:0")
        assert listening.endpoint.host == "both.localhost"
        for host in ("127.0.0.1", "::1"):
            assert await visit(listening, host) == host
        listening.close()
        for host in ("127.0.0.1", "::1"):
            refused = await failure(TcpCarrier().connect(replace(listening.endpoint, host=host), asyncio.Protocol))
            assert refused.errno == errno.ECONNREFUSED

    asyncio.run(scenario())


def test_an_address_of_a_name_that_this_machine_lacks_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, "gateway.example", ["192.0.2.1", "127.0.0.1"])

    async def scenario() -> None:
        listening = await listen("tcp://gateway.example:0")
        assert await visit(listening, "127.0.0.1") == "127.0.0.1"
        listening.close()

    asyncio.run(scenario())


def test_a_name_that_should_be_this_machine_but_is_another_is_not_listened_at(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, "evil.localhost", ["127.0.0.1", "0.0.0.0"])

    async def scenario() -> None:
        with pytest.raises(
            EndpointError, match=r"evil\.localhost must be this machine alone, but resolves to 0\.0\.0\.0"
        ):
            await listen("tcp://evil.localhost:0")

    asyncio.run(scenario())


def test_a_client_finds_the_address_of_a_name_that_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, "gateway.example", ["127.0.0.2", "127.0.0.1"])

    async def scenario() -> None:
        listening = await listen("tcp://127.0.0.1:0")
        assert await visit(listening, "gateway.example") == "127.0.0.1"
        listening.close()

    asyncio.run(scenario())


def test_a_port_in_use_is_told_with_what_to_do() -> None:
    async def scenario() -> None:
        listening = await listen("tcp://127.0.0.1:0")
        error = await failure(TcpCarrier().listen(listening.endpoint, asyncio.Protocol))
        assert error.errno == errno.EADDRINUSE
        assert f"cannot listen at {listening.endpoint}: the port is in use; stop what listens there, or choose" in str(
            error
        )
        listening.close()

    asyncio.run(scenario())


def test_a_refused_connection_is_told_with_what_to_do() -> None:
    async def scenario() -> None:
        port = await free_port()
        for host in ("127.0.0.1", "localhost"):
            error = await failure(TcpCarrier().connect(at(f"tcp://{host}:{port}"), asyncio.Protocol))
            assert isinstance(error, ConnectionRefusedError)
            assert f"cannot connect to tcp://{host}:{port}: nobody listens there; start the server" in str(error)

    asyncio.run(scenario())


def test_a_name_whose_addresses_all_refuse_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, "gateway.example", ["127.0.0.1", "127.0.0.2"])

    async def scenario() -> None:
        endpoint = at(f"tcp://gateway.example:{await free_port()}")
        assert isinstance(await failure(TcpCarrier().connect(endpoint, asyncio.Protocol)), ConnectionRefusedError)

    asyncio.run(scenario())


def test_a_name_that_does_not_resolve_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        for work in (TcpCarrier().connect, TcpCarrier().listen):
            error = await failure(work(at("tcp://gateway.invalid:3000"), asyncio.Protocol))
            assert isinstance(error, socket.gaierror)
            assert "tcp://gateway.invalid:3000: the name does not resolve" in str(error)

    asyncio.run(scenario())


def test_an_address_of_another_machine_cannot_be_listened_at() -> None:
    async def scenario() -> None:
        error = await failure(TcpCarrier().listen(at("tcp://192.0.2.1:0"), asyncio.Protocol))
        assert error.errno == errno.EADDRNOTAVAIL
        assert "this machine has no such address; name one of its own, or leave the host out" in str(error)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("tcp://127.0.0.1", "has no port; write it as tcp://127.0.0.1:3000"),
        ("tcp://127.0.0.1:3000/path", "has a path, /path"),
        ("tcp:///3000", "has a path, /3000"),
        ("tcp://a..b:3000", "'a..b' is no host name"),
        (f"tcp://{'a' * 64}.example:3000", "is no host name"),
        ("tcp://joe:hunter2@127.0.0.1:3000", "tcp://joe:***@127.0.0.1:3000 names a user or a password"),
        ("tcp://joe@127.0.0.1:3000", "for which nobody would ask"),
        ("tcp://127.0.0.1:3000?keepalive=0s", "keepalive must be from 1s"),
        ("tcp://127.0.0.1:3000?user_timeout=24h", "user_timeout must be from 1s to 32767s"),
        ("tcp://127.0.0.1:3000?backlog=0", "backlog must be from 1"),
        ("tcp://127.0.0.1:3000?keepalive=30", "a time with its unit"),
        ("tcp://127.0.0.1:3000?keep_alive=30s", "did you mean 'keepalive'?"),
    ],
)
def test_an_endpoint_that_makes_no_sense_is_refused_both_ways(text: str, reason: str) -> None:
    async def scenario() -> None:
        for work in (TcpCarrier().connect, TcpCarrier().listen):
            with pytest.raises(EndpointError, match=re.escape(reason)):
                await work(at(text), asyncio.Protocol)

    asyncio.run(scenario())


@pytest.mark.parametrize("text", ["tcp://:3000", "tcp://127.0.0.1:0"])
def test_a_client_needs_a_host_and_a_port_to_connect_to(text: str) -> None:
    async def scenario() -> None:
        with pytest.raises(EndpointError, match="does not say where to connect"):
            await TcpCarrier().connect(at(text), asyncio.Protocol)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("host", "is_local"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("[::1]", True),
        ("[::ffff:127.0.0.1]", True),
        ("localhost", True),
        ("LocalHost", True),
        ("localhost.", True),
        ("gateway.localhost", True),
        ("", False),
        ("0.0.0.0", False),
        ("[::]", False),
        ("192.168.1.5", False),
        ("[::ffff:192.168.1.5]", False),
        ("localhost.example.org", False),
        ("notlocalhost", False),
        ("127.0.0.1.example.org", False),
    ],
)
def test_only_loopback_addresses_and_localhost_names_are_local(host: str, is_local: bool) -> None:
    assert TcpCarrier().is_local(at(f"tcp://{host}:3000")) is is_local


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("tcp:///3000", "has a path"),
        ("tcp://192.168.1.5:3000/path", "has a path"),
        ("tcp://192.168.1.5", "has no port"),
        ("tcp://joe:pw@192.168.1.5:3000", "for which nobody would ask"),
    ],
)
def test_what_is_no_address_is_not_called_open_to_other_machines(text: str, reason: str) -> None:
    with pytest.raises(EndpointError, match=reason) as caught:
        ServerRouter(text).open()
    assert not isinstance(caught.value, InsecureEndpoint)


def test_both_ends_of_a_link_send_at_once_and_notice_a_peer_that_is_gone() -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        came: asyncio.Future[asyncio.Transport] = loop.create_future()
        options = "keepalive=7s&user_timeout=9s"
        listening = await TcpCarrier().listen(at(f"tcp://127.0.0.1:0?{options}"), lambda: Tell(came.set_result))
        near, _ = await TcpCarrier().connect(listening.endpoint, asyncio.Protocol)
        async with asyncio.timeout(LIMIT_S):
            far = await came
        for end in (near, far):
            sock = end.get_extra_info("socket")
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            for name, value in (
                ("TCP_KEEPIDLE", 7),
                ("TCP_KEEPINTVL", 5),
                ("TCP_KEEPCNT", 3),
                ("TCP_USER_TIMEOUT", 9000),
            ):
                if hasattr(socket, name):
                    assert sock.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) == value, name
            end.close()
        listening.close()

    asyncio.run(scenario())


class Tell(asyncio.Protocol):
    """Passes its transport on."""

    def __init__(self, tell: Callable[[Any], None]) -> None:
        self._tell = tell

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._tell(transport)


def pretend(monkeypatch: pytest.MonkeyPatch, name: str, addresses: list[str]) -> None:
    """Have the resolver answer with ``addresses`` when asked for ``name``: no real name has just these."""
    loop = asyncio.new_event_loop()
    loop.close()
    if not isinstance(loop, asyncio.BaseEventLoop):
        pytest.skip("such a loop resolves names without Python's socket module")
    real = socket.getaddrinfo

    def resolve(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        if host != name:
            return real(host, port, *args, **kwargs)
        return [answer for address in addresses for answer in real(address, port, *args, **kwargs)]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
