# SPDX-License-Identifier: MIT
"""The server's end of the link to a device's own router."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast


class ServerEnd(asyncio.Protocol):
    """Stands before the server's protocol, so that this hears of the device's loss and not of a link's in memory.

    Args:
        protocol: The server's.
        loss: Returns why the device was lost; ``None`` while it is there.
        ended: Called when the link has ended.
    """

    def __init__(
        self, protocol: asyncio.Protocol, loss: Callable[[], Exception | None], ended: Callable[[ServerEnd], None]
    ) -> None:
        self._protocol = protocol
        self._loss = loss
        self._ended = ended
        self._transport: asyncio.Transport | None = None
        self.data_received = protocol.data_received  # type: ignore[method-assign]  # no call more on the way of events
        self.pause_writing = protocol.pause_writing  # type: ignore[method-assign]  # as above
        self.resume_writing = protocol.resume_writing  # type: ignore[method-assign]  # as above

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The device's router connected."""
        self._transport = cast(asyncio.Transport, transport)
        self._protocol.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """The link ended, by the device's loss or otherwise."""
        self._protocol.connection_lost(self._loss() or exc)
        self._ended(self)

    def abort(self) -> None:
        """End the link, because the device is lost."""
        if self._transport is not None:
            self._transport.abort()
