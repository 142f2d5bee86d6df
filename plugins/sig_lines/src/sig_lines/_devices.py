# SPDX-License-Identifier: MIT
"""The devices of one endpoint, as the inner carrier brings them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, cast

import sigcore

from ._device import Console, Device
from ._inside import OUR_OWN, Factory, Inside
from ._warning import Warnings
from ._wire import Wire

if TYPE_CHECKING:
    from ._description import Description

Identify = Callable[[asyncio.BaseTransport], sigcore.MediumIdentity | None]


class Devices:
    """Knows the devices of an endpoint, those that are there and those that were.

    A device that comes back is the same as before. Which it is tells the name of its sender.

    Args:
        endpoint: The inner carrier's.
        description: What the devices are like.
        protocol_factory: Makes the server's protocol for a device's link.
        identify: Tells who is at the other end of a wire, where the inner carrier can.
    """

    def __init__(
        self,
        endpoint: sigcore.Endpoint,
        description: Description,
        protocol_factory: Factory,
        identify: Identify | None = None,
    ) -> None:
        self._identify = identify
        self._endpoint = endpoint
        self._description = description
        self._protocol_factory = protocol_factory
        self._by_name: dict[str, Device] = {}
        self._warnings = Warnings(str(endpoint))
        self._is_ready = asyncio.Event()
        self._is_closing = False

    def make_wire(self) -> Wire:
        """Make the protocol for a device that comes: what the inner carrier has for a ``protocol_factory``."""
        return Wire(self._device_at)

    def __iter__(self) -> Iterator[Device]:
        return iter(self._by_name.values())

    def begin(self) -> None:
        """Let devices through to the server, which will have the listening in the next turn of the loop."""
        asyncio.get_running_loop().call_soon(self._is_ready.set)

    def close(self) -> None:
        """Leave them all, and take no more."""
        self._is_closing = True
        for device in self:
            device.close()

    async def wait_closed(self) -> None:
        """Return when nothing of them is left."""
        for device in self:
            await device.wait_closed()

    def _device_at(self, wire: asyncio.Transport) -> tuple[Device, str] | None:
        if self._is_closing:
            return None
        port = self._port_of(wire)
        name = self._description.sender_at(short_name(port))
        device = self._by_name.get(name)
        if device is None:
            device = self._by_name[name] = self._new_device(name)
        elif device.is_there:
            text = f"{port} is left alone: sender {name!r} is the device at {device.port}; put {{port}} into sender="
            self._warnings.warn("taken", text, asyncio.get_running_loop().time())
            return None
        device.is_known_as((self._identify(wire) if self._identify is not None else None) or OUR_OWN)
        return device, port

    def _port_of(self, wire: asyncio.Transport) -> str:
        """Return the port's path, where the inner carrier tells it; a socket's address is no name for a device."""
        peer = wire.get_extra_info("peername")
        return peer if isinstance(peer, str) and peer else str(self._endpoint)

    def _new_device(self, name: str) -> Device:
        console = cast("Console | None", getattr(self._protocol_factory, "console", None))
        return Device(name, self._description, Inside(name, self._protocol_factory, self._is_ready), console)


def short_name(port: str) -> str:
    """Return the name of a port's device: what stands last in its path, or the host and port of an address.

    >>> short_name("/dev/ttyUSB0"), short_name("tcp://10.0.0.7:4001?keepalive=5s")
    ('ttyUSB0', '10.0.0.7-4001')
    """
    if "://" not in port:
        return port.rstrip("/").rpartition("/")[2] or port
    endpoint = sigcore.Endpoint.parse(port)
    if endpoint.path:
        return endpoint.path.rstrip("/").rpartition("/")[2]
    return endpoint.host if endpoint.port is None else f"{endpoint.host}-{endpoint.port}"
