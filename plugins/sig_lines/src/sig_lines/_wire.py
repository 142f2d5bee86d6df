# SPDX-License-Identifier: MIT
"""The protocol that the inner carrier has: the bytes of one device, for as long as it is there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

import sigcore

if TYPE_CHECKING:
    from ._device import Device


class Wire(asyncio.Protocol):
    """Takes the bytes of a device to what translates them.

    Args:
        find: Returns the device at a transport, and where it is in words; ``None`` when that one is there already.

    Attributes:
        lost: Settled when the device is gone.
    """

    def __init__(self, find: Callable[[asyncio.Transport], tuple[Device, str] | None]) -> None:
        self.lost: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()
        self._find = find
        self._device: Device | None = None
        self._port = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The device is there."""
        wire = cast(asyncio.Transport, transport)
        found = self._find(wire)
        if found is None:
            wire.abort()
            return
        self._device, self._port = found
        self._device.appeared(wire, self._port)

    def data_received(self, data: bytes) -> None:
        """It said something."""
        if self._device is not None:
            self._device.received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """The device is gone."""
        cause = self._cause(exc)
        if self._device is not None:
            self._device.lost(cause)
        if not self.lost.done():
            self.lost.set_result(cause)

    def pause_writing(self) -> None:
        """The device takes no more for now."""
        if self._device is not None:
            self._device.hold()

    def resume_writing(self) -> None:
        """The device takes more."""
        if self._device is not None:
            self._device.go_on()

    def _cause(self, exc: Exception | None) -> Exception:
        """Return what the server hears; a carrier's own ``LinkError`` says it best."""
        if exc is None:
            return sigcore.LinkError(f"the device at {self._port} closed the connection")
        if isinstance(exc, sigcore.LinkError):
            return exc
        cause = sigcore.LinkError(f"the connection to the device at {self._port} was lost: {exc}")
        cause.__cause__ = exc
        return cause
