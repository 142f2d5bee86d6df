# SPDX-License-Identifier: MIT
"""The carrier ``unix:///path``. Its links are asyncio's own transports, which keep the contract as they are."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from sigcore import Endpoint, EndpointError, MediumIdentity

from ._acceptor import Acceptor
from ._admission import Straight
from ._credentials import refuse_credentials
from ._explain import CONNECTING_TO_FILE, LISTENING_AT_FILE, explained
from ._listening import SocketListening
from ._options import UnixOptions
from ._peer_credentials import tells_users, user_of
from ._socket_file import SocketFile
from ._socket_folder import check_folder


class UnixCarrier:
    """Makes links over stream sockets in the file system."""

    def is_local(self, endpoint: Endpoint) -> bool:
        """Return ``True``: only this machine can reach a Unix socket."""
        return True

    def is_confidential(self, endpoint: Endpoint) -> bool:
        """Return ``True``: what is said does not leave this machine."""
        return True

    def authenticates(self, endpoint: Endpoint) -> bool:
        """Tell whether the system says which user is at the other end, as Linux and macOS do."""
        return tells_users()

    def identify(self, transport: asyncio.BaseTransport) -> MediumIdentity | None:
        """Return the user at the other end, as ``uid:1000``; ``None`` where the system does not tell."""
        sock = transport.get_extra_info("socket")
        user = None if sock is None else user_of(sock)
        return None if user is None else MediumIdentity(f"uid:{user}", "peer_credentials")

    async def connect(
        self, endpoint: Endpoint, protocol_factory: Callable[[], asyncio.Protocol]
    ) -> tuple[asyncio.Transport, asyncio.Protocol]:
        """Make a link to whoever listens at the endpoint's path.

        Raises:
            EndpointError: There is no path, or more than a path, or this system has no Unix sockets.
            OSError: There is no such socket, nobody listens there, or connecting is not permitted.
        """
        endpoint.options(UnixOptions)
        path = _path_of(endpoint)
        try:
            sock = await _connected(path)
        except OSError as error:
            raise explained(error, f"connect to {endpoint}", CONNECTING_TO_FILE) from error
        return await asyncio.get_running_loop().create_unix_connection(protocol_factory, sock=sock)

    async def listen(self, endpoint: Endpoint, protocol_factory: Callable[[], asyncio.Protocol]) -> SocketListening:
        """Take links at the endpoint's path; a socket file that nobody listens at is replaced.

        Raises:
            EndpointError: There is no path, or more than a path, or this system has no Unix sockets.
            OSError: Somebody listens there, something else has that name, the directory does not exist, ...
        """
        options = endpoint.options(UnixOptions)
        path = _path_of(endpoint)
        try:
            check_folder(path)
            file = SocketFile(path, mode=int(options.mode, 8), group=options.group, backlog=options.backlog)
        except OSError as error:
            raise explained(error, f"listen at {endpoint}", LISTENING_AT_FILE) from error
        except LookupError as error:
            raise EndpointError(f"cannot listen at {endpoint}: {error.args[0]}") from error
        try:
            acceptor = Acceptor(file.sock, protocol_factory, Straight, tells=True, where=str(endpoint))
            await acceptor.start()
        except BaseException:
            file.remove()
            file.sock.close()
            raise
        return SocketListening(endpoint, [acceptor], clean_up=file.remove)


async def _connected(path: str) -> socket.socket:
    """Return a socket that is connected; by Python's own sockets, since uvloop cuts off a path that is too long."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(sock, path)
    except BaseException:
        sock.close()
        raise
    return sock


def _path_of(endpoint: Endpoint) -> str:
    if not hasattr(socket, "AF_UNIX"):
        raise EndpointError(f"{endpoint}: this system has no Unix sockets for Python; use tcp://127.0.0.1:PORT")
    refuse_credentials(endpoint)
    if endpoint.host or endpoint.port is not None:
        raise EndpointError(f"{endpoint} has a host; write it with three slashes, as in unix:///run/gateway/sig.sock")
    if not endpoint.path.strip("/"):
        raise EndpointError(f"{endpoint} has no path; write it as unix:///run/gateway/sig.sock")
    return endpoint.path
