# SPDX-License-Identifier: MIT
"""What ``listen()`` gives, for every kind of socket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from sigcore import Endpoint


class SocketListening:
    """One or more sockets that take links.

    Attributes:
        endpoint: The endpoint really bound.
    """

    def __init__(
        self, endpoint: Endpoint, servers: Iterable[asyncio.Server], clean_up: Callable[[], None] | None = None
    ) -> None:
        self.endpoint = endpoint
        self._servers = tuple(servers)
        self._clean_up = clean_up
        self._closed = asyncio.Event()

    def close(self) -> None:
        """Stop taking links, at once; links that exist go on."""
        if self._closed.is_set():
            return
        if self._clean_up is not None:
            self._clean_up()
        for server in self._servers:
            server.close()
        self._closed.set()

    async def wait_closed(self) -> None:
        """Return when the address is free.

        The sockets are closed by ``close()`` itself. ``asyncio.Server.wait_closed`` waits for the links as well since
        Python 3.12, which says nothing of the address.
        """
        await self._closed.wait()
