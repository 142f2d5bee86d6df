# SPDX-License-Identifier: MIT
"""What ``listen()`` gives, for every kind of socket."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sigcore import Endpoint

from ._acceptor import Acceptor


class SocketListening:
    """One or more sockets that take links.

    Attributes:
        endpoint: The endpoint really bound.
    """

    def __init__(
        self, endpoint: Endpoint, acceptors: Iterable[Acceptor], clean_up: Callable[[], None] | None = None
    ) -> None:
        self.endpoint = endpoint
        self._acceptors = tuple(acceptors)
        self._clean_up = clean_up
        self._is_closed = False

    def close(self) -> None:
        """Stop taking links, at once; links that exist go on."""
        if self._is_closed:
            return
        self._is_closed = True
        if self._clean_up is not None:
            self._clean_up()
        for acceptor in self._acceptors:
            acceptor.close()

    async def wait_closed(self) -> None:
        """Return when the address is free, which ``close()`` itself sees to, and nobody is just coming in."""
        for acceptor in self._acceptors:
            await acceptor.wait_closed()
