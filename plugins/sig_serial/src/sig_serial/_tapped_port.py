# SPDX-License-Identifier: MIT
"""A port that tells which bytes go in and out, for who wants to see them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from ._port import Port

Way = Literal["in", "out"]
"""From the device, or to it."""

Seen = Callable[[Way, bytes], None]
"""Told of bytes, on the loop, in their order."""


class TappedPort:
    """Does what an open port does, and tells of the bytes.

    Args:
        port: The port.
        seen: Whom to tell.
    """

    def __init__(self, port: Port, seen: Seen) -> None:
        self._port = port
        self._seen = seen
        self._loop = asyncio.get_running_loop()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._port, name)

    def read(self) -> bytes:
        """Read as the port does."""
        data = self._port.read()
        self._seen("in", data)
        return data

    def write(self, data: bytes | bytearray) -> int:
        """Write as the port does."""
        count = self._port.write(data)
        self._seen("out", bytes(data[:count]))
        return count

    # These two run on threads.

    def read_waiting(self) -> bytes:
        """Read as the port does."""
        data = self._port.read_waiting()
        if data:
            self._tell("in", data)
        return data

    def write_waiting(self, data: bytes) -> None:
        """Write as the port does."""
        self._tell("out", data)
        self._port.write_waiting(data)

    def _tell(self, way: Way, data: bytes) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody is there to be told
            self._loop.call_soon_threadsafe(self._seen, way, data)
