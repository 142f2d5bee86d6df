# SPDX-License-Identifier: MIT
"""An open port without a link over it: what comes is told, what is written goes out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from sigcore import LinkError

from ._port_errors import text_of
from ._wires import start_wire

if TYPE_CHECKING:
    from ._port import Port

_CLOSE_DRAIN_S = 0.05
"""How long the end may take to let the last bytes out; nobody waits for those."""


class BareLine:
    """A port, and whoever hears it.

    Args:
        port: The open port, which this line owns from now on.
        heard: Called on the loop with the bytes that come.

    Attributes:
        lost: Done when the device is gone; its result is the error that says so.
    """

    def __init__(self, port: Port, heard: Callable[[bytes], None]) -> None:
        loop = asyncio.get_running_loop()
        self.lost: asyncio.Future[OSError] = loop.create_future()
        self._path = port.path
        self._closed: asyncio.Future[None] = loop.create_future()
        self._heard = heard
        self._wire = start_wire(loop, port, self)

    @property
    def backlog(self) -> int:
        """Bytes that the system did not take yet."""
        return self._wire.backlog

    def write(self, data: bytes) -> None:
        """Send bytes."""
        self._wire.write(data)

    async def close(self) -> None:
        """Close the port; return when others may open it."""
        if not self.lost.done():
            self._wire.discard_output()
        self._wire.close(_CLOSE_DRAIN_S)
        await asyncio.shield(self._closed)

    # What the wire tells.

    def bytes_received(self, data: bytes) -> None:
        """Pass on what came."""
        self._heard(data)

    def output_empty(self) -> None:
        """Nothing waits for that."""

    def port_lost(self, cause: OSError) -> None:
        """Tell who waits for it."""
        error = LinkError(f"serial port {self._path} is gone (unplugged, or its driver failed): {text_of(cause)}")
        self.lost.set_result(error)

    def port_closed(self) -> None:
        """Let ``close`` return."""
        self._closed.set_result(None)
