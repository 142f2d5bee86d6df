# SPDX-License-Identifier: MIT
"""Joins two transports: what comes from one goes to the other, no faster than that takes it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

Connect = Callable[[Callable[[], asyncio.Protocol]], Awaitable[Any]]
"""Makes the second link, with a protocol of ours."""


class Bridge(asyncio.Protocol):
    """One bank of a bridge; the protocol of one of the two transports.

    Args:
        connect: For the first bank: makes the link to the second, once its own is up.
        over: The other bank, where there is one already.
    """

    def __init__(self, connect: Connect | None = None, over: Bridge | None = None) -> None:
        self._connect = connect
        self._over = over
        self._transport: asyncio.Transport | None = None
        self._building: asyncio.Task[None] | None = None
        self._early: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Build the bridge, if this is its first bank."""
        self._transport = cast(asyncio.Transport, transport)
        if self._connect is not None:
            self._transport.pause_reading()
            self._building = asyncio.get_running_loop().create_task(self._build(self._connect), name="bridge")

    def data_received(self, data: bytes) -> None:
        """Carry bytes over, at once or when there is another bank."""
        if self._over is not None and self._over._transport is not None:
            self._over._transport.write(data)
        else:
            self._early.append(data)

    def pause_writing(self) -> None:
        """Hold up the other bank."""
        if self._over is not None and self._over._transport is not None:
            self._over._transport.pause_reading()

    def resume_writing(self) -> None:
        """Let the other bank go on."""
        if self._over is not None and self._over._transport is not None:
            self._over._transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """End the other link as well."""
        over, self._over, self._transport = self._over, None, None
        if self._building is not None:
            self._building.cancel()
        if over is not None and over._transport is not None:
            over._transport.close()

    async def _build(self, connect: Connect) -> None:
        self._over = Bridge(over=self)
        try:
            await connect(lambda: cast(asyncio.Protocol, self._over))
        except OSError:  # nobody is there, so there is nothing to carry
            if self._transport is not None:
                self._transport.abort()
            return
        for data in self._early:
            self.data_received(data)
        self._early.clear()
        if self._transport is not None:
            self._transport.resume_reading()
