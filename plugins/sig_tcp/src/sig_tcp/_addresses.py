# SPDX-License-Identifier: MIT
"""Host names, the addresses behind them, and sockets that listen there."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from contextlib import ExitStack
from ipaddress import ip_address
from typing import Any

from sigcore import EndpointError

Address = tuple[socket.AddressFamily, tuple[Any, ...]]

_TRIES_FOR_A_PORT = 10

# An address of the name that this machine lacks, such as ::1 of "localhost" where IPv6 is switched off.
_ABSENT = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})


def is_loopback(host: str) -> bool:
    """Tell whether ``host`` is a loopback address, ``localhost``, or a name that ends in ``.localhost`` (RFC 6761)."""
    name = host.lower().removesuffix(".")
    return name == "localhost" or name.endswith(".localhost") or _is_loopback_address(host)


def is_literal(host: str) -> bool:
    """Tell whether ``host`` is an address itself and no name; an IPv6 one may have a zone."""
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


async def addresses_of(host: str, port: int) -> list[Address]:
    """Return the addresses to listen at; an empty ``host`` stands for every interface.

    Raises:
        EndpointError: ``host`` promises to be this machine alone, but leads to an address that others can reach.
        socket.gaierror: The name does not resolve.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    addresses: list[Address] = [(family, address) for family, _, _, _, address in dict.fromkeys(found)]
    if is_loopback(host):
        strange = [str(address[0]) for _, address in addresses if not _is_loopback_address(str(address[0]))]
        if strange:
            raise EndpointError(
                f"{host} must be this machine alone, but resolves to {', '.join(strange)}; name an address"
            )
    return addresses


def listen_at_all(addresses: list[Address], backlog: int) -> list[socket.socket]:
    """Return a listening socket for each of ``addresses``; where port 0 is asked for, all get the same free port.

    Addresses that this machine does not have are left out, unless none is left.

    Raises:
        OSError: An address is in use, none of them exists here, ...
    """
    for _ in range(_TRIES_FOR_A_PORT - 1):
        try:
            return _listen_once(addresses, backlog)
        except OSError as error:
            # The port that was free at the first address may be taken at the next one.
            if error.errno != errno.EADDRINUSE or addresses[0][1][1] != 0:
                raise
    return _listen_once(addresses, backlog)


def _listen_once(addresses: list[Address], backlog: int) -> list[socket.socket]:
    sockets: list[socket.socket] = []
    absent: OSError | None = None
    with ExitStack() as undo:
        for family, (host, port, *rest) in addresses:
            bound_port = sockets[0].getsockname()[1] if sockets else port
            try:
                sockets.append(undo.enter_context(_listen(family, (host, bound_port, *rest), backlog)))
            except OSError as error:
                if error.errno not in _ABSENT:
                    raise
                absent = error
        if absent is not None and not sockets:
            raise absent
        undo.pop_all()
    return sockets


def _listen(family: socket.AddressFamily, address: tuple[Any, ...], backlog: int) -> socket.socket:
    with ExitStack() as undo:
        # asyncio sets TCP_NODELAY only where the protocol is named.
        sock = undo.enter_context(socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP))
        if os.name == "posix":
            # A restarted server need not wait until old links are forgotten. On Windows the option has another
            # meaning: it would let a second program listen at the same port.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)  # IPv4 has sockets of its own
        sock.setblocking(False)
        sock.bind(address)
        sock.listen(backlog)
        undo.pop_all()
    return sock


def _is_loopback_address(host: str) -> bool:
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)
