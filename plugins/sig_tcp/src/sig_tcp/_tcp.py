# SPDX-License-Identifier: MIT
"""The carrier ``tcp://host:port``.

Its links are asyncio's own transports, which keep the contract as they are; asyncio also sets TCP_NODELAY on each.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from typing import TypedDict, TypeVar

from sigcore import Endpoint, EndpointError, MediumIdentity

from ._acceptor import Acceptor, Ways
from ._addresses import addresses_of, is_literal, is_loopback, listen_at_all
from ._admission import Factory, Straight
from ._credentials import refuse_credentials
from ._explain import CONNECTING, LISTENING, explained
from ._listening import SocketListening
from ._options import TcpOptions

_HEAD_START_S = 0.25  # of one address of a name before the next is tried as well; RFC 8305, section 5

_PROBE_INTERVAL_S = 5  # between questions to a silent peer
_PROBES = 3  # unanswered, after which the link is lost


P = TypeVar("P", bound=asyncio.Protocol)


class TcpCarrier:
    """Makes links over TCP, IPv4 and IPv6."""

    def is_local(self, endpoint: Endpoint) -> bool:
        """Tell whether only this machine can reach ``endpoint``: a loopback address, or a name for one.

        Raises:
            EndpointError: It is no TCP address, which says more than that it is not local.
        """
        port_of(endpoint)
        return is_loopback(endpoint.host)

    def is_confidential(self, endpoint: Endpoint) -> bool:
        """Return ``False``: everybody between the two ends can read what is said."""
        return False

    def authenticates(self, endpoint: Endpoint) -> bool:
        """Return ``False``: TCP proves nothing of who is at the other end."""
        return False

    def identify(self, transport: asyncio.BaseTransport) -> MediumIdentity | None:
        """Return ``None``: TCP proves nothing of who is at the other end."""
        return None

    async def connect(
        self, endpoint: Endpoint, protocol_factory: Callable[[], asyncio.Protocol]
    ) -> tuple[asyncio.Transport, asyncio.Protocol]:
        """Make a link to ``endpoint``; of several addresses, the first that answers.

        Raises:
            EndpointError: There is no host or no port, or something that is no part of a TCP address.
            OSError: Nobody listens there, the name does not resolve, no way leads there, ...
        """
        options = endpoint.options(TcpOptions)
        port_of(endpoint)
        return await connect_tcp(endpoint, protocol_factory, options)

    async def listen(self, endpoint: Endpoint, protocol_factory: Callable[[], asyncio.Protocol]) -> SocketListening:
        """Take links at every address of ``endpoint``; without a host, at every interface.

        Raises:
            EndpointError: There is no port, or something that is no part of a TCP address.
            OSError: The port is in use, the address is not this machine's, the name does not resolve, ...
        """
        options = endpoint.options(TcpOptions)
        port_of(endpoint)
        return SocketListening(*await listen_tcp(endpoint, protocol_factory, options, ways=Straight, tells=True))


async def connect_tcp(
    endpoint: Endpoint, protocol_factory: Callable[[], P], options: TcpOptions
) -> tuple[asyncio.Transport, P]:
    """Make a connection to ``endpoint``; what can go wrong is told as ``TcpCarrier.connect`` says."""
    port = port_of(endpoint)
    if not endpoint.host or port == 0:
        raise EndpointError(f"{endpoint} does not say where to connect; write it as {endpoint.scheme}://127.0.0.1:3000")
    try:
        transport, protocol = await asyncio.get_running_loop().create_connection(
            protocol_factory, endpoint.host, port, **_race(endpoint.host)
        )
    except OSError as error:
        raise explained(error, f"connect to {endpoint}", CONNECTING) from error
    _keep_alive(transport.get_extra_info("socket"), options)
    return transport, protocol


async def listen_tcp(
    endpoint: Endpoint, protocol_factory: Factory, options: TcpOptions, *, ways: Ways, tells: bool
) -> tuple[Endpoint, list[Acceptor]]:
    """Take connections at ``endpoint``; what can go wrong is told as ``TcpCarrier.listen`` says.

    Args:
        endpoint: Where.
        protocol_factory: What ``listen`` was given.
        options: For the sockets.
        ways: Gives the way in of each connection, by the address of its peer.
        tells: Whether a peer that is refused can be told why in plain bytes.

    Returns:
        The endpoint really bound, and what takes the connections.
    """
    try:
        addresses = await addresses_of(endpoint.host, port_of(endpoint))
        sockets = listen_at_all(addresses, options.backlog)
    except OSError as error:
        raise explained(error, f"listen at {endpoint}", LISTENING) from error
    bound = replace(endpoint, port=sockets[0].getsockname()[1])
    acceptors = []
    with ExitStack() as undo:
        for sock in sockets:
            undo.callback(sock.close)
        for sock in sockets:
            _keep_alive(sock, options)  # the sockets of the links that come inherit it
            acceptors.append(Acceptor(sock, protocol_factory, ways, tells=tells, where=str(bound)))
            undo.callback(acceptors[-1].close)
            await acceptors[-1].start()
        undo.pop_all()
    return bound, acceptors


def _keep_alive(sock: socket.socket, options: TcpOptions) -> None:
    """Have the kernel find out that the other side is gone, as far as the platform can."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", options.keepalive),
        ("TCP_KEEPALIVE", options.keepalive),  # macOS's name for the same
        ("TCP_KEEPINTVL", _PROBE_INTERVAL_S),
        ("TCP_KEEPCNT", _PROBES),
        ("TCP_USER_TIMEOUT", options.user_timeout * 1000),
    ):
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), round(value))


def port_of(endpoint: Endpoint) -> int:
    """Return the port of ``endpoint``.

    Raises:
        EndpointError: It is no TCP address.
    """
    refuse_credentials(endpoint)
    if endpoint.path:
        raise EndpointError(f"{endpoint} has a path, {endpoint.path}; a TCP address is a host and a port")
    if endpoint.port is None:
        example = f"{endpoint.scheme}://{endpoint.host or '127.0.0.1'}:3000"
        raise EndpointError(f"{endpoint} has no port; write it as {example}")
    _check_host(endpoint)
    return endpoint.port


def _check_host(endpoint: Endpoint) -> None:
    try:
        endpoint.host.encode("idna")  # as the system's look-up will, which names neither the endpoint nor a remedy
    except UnicodeError as error:
        raise EndpointError(
            f"{endpoint}: {endpoint.host!r} is no host name ({error}); check how it is written"
        ) from error


class _Race(TypedDict, total=False):
    happy_eyeballs_delay: float


def _race(host: str) -> _Race:
    """Return what has the addresses of a name raced with each other; a literal address has no second one.

    The race of CPython 3.11 leaves a socket to the garbage collector when it is cancelled; this keeps it for names.
    Other loops (uvloop) know no race, and try the addresses in turn.
    """
    may_race = isinstance(asyncio.get_running_loop(), asyncio.BaseEventLoop) and not is_literal(host)
    return {"happy_eyeballs_delay": _HEAD_START_S} if may_race else {}
