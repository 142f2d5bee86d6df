# SPDX-License-Identifier: MIT
"""The carrier ``portfile:///path``: a loopback port that clients find by the name of a file."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sigcore import Endpoint, EndpointError, Seconds

Factory = Callable[[], asyncio.Protocol]
Link = tuple[asyncio.Transport, asyncio.Protocol]


@dataclass(frozen=True, slots=True, kw_only=True)
class PortFileOptions:
    """Options of ``portfile://``; ``wait`` is how long a client waits for a server that is just starting."""

    wait: Seconds = 0.0


class PortFileCarrier:
    """Makes links over loopback TCP; the server takes any free port and writes its number to the file."""

    def is_local(self, endpoint: Endpoint) -> bool:
        """Return ``True``: only this machine reaches its loopback addresses."""
        return True

    async def connect(self, endpoint: Endpoint, protocol_factory: Factory) -> Link:
        """Make a link to the server that wrote the file."""
        path, options = _path_of(endpoint), endpoint.options(PortFileOptions)
        clock = asyncio.get_running_loop().time
        give_up_at = clock() + options.wait
        while (link := await _dial(path, protocol_factory)) is None:
            if clock() >= give_up_at:
                raise OSError(errno.ECONNREFUSED, f"no server at {endpoint}; start one, or check the path")
            await asyncio.sleep(0.05)
        return link

    async def listen(self, endpoint: Endpoint, protocol_factory: Factory) -> PortFileListening:
        """Take links at a free port, and write its number to the file unless another server has it."""
        path, _ = _path_of(endpoint), endpoint.options(PortFileOptions)
        if link := await _dial(path, asyncio.Protocol):
            link[0].abort()
            raise OSError(errno.EADDRINUSE, f"another server has {endpoint}; stop it, or choose another path")
        server = await asyncio.get_running_loop().create_server(protocol_factory, "127.0.0.1", 0)
        try:
            return PortFileListening(endpoint, path, server)
        except OSError:
            server.close()
            raise


class PortFileListening:
    """A port that takes links, and the file that names it."""

    def __init__(self, endpoint: Endpoint, path: Path, server: asyncio.Server) -> None:
        self.endpoint = endpoint
        self._path, self._server = path, server
        self._port = server.sockets[0].getsockname()[1]
        path.write_text(f"{self._port}\n")

    def close(self) -> None:
        """Stop taking links, and remove the file if it is still ours."""
        self._server.close()
        if _read_port(self._path) == self._port:
            self._path.unlink()

    async def wait_closed(self) -> None:
        """Return at once: ``close()`` has freed the port and the file."""


async def _dial(path: Path, factory: Factory) -> Link | None:
    port = _read_port(path)
    try:
        return await asyncio.get_running_loop().create_connection(factory, "127.0.0.1", port) if port else None
    except ConnectionRefusedError:  # a server that crashed has left its file
        return None


def _read_port(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except FileNotFoundError:
        return None
    except ValueError:
        raise FileExistsError(errno.EEXIST, f"{path} holds no port, so it is not ours to replace") from None


def _path_of(endpoint: Endpoint) -> Path:
    if endpoint.host or endpoint.port is not None or not endpoint.path:
        raise EndpointError(f"{endpoint} must be a path, as in portfile:///tmp/gateway.port")
    return Path(endpoint.path.removeprefix("/") if os.name == "nt" else endpoint.path)
