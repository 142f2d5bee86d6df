# SPDX-License-Identifier: MIT
"""The carrier of ``serial://``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

from sigcore import Endpoint, MediumIdentity

from ._address import NetworkAddress, endpoint_at, read_address
from ._defaults import link_defaults
from ._devices import find_ports
from ._line import LISTENER_PATIENCE_S
from ._lines import start_line
from ._link import Role
from ._listening import SerialListening
from ._opening import open_endpoint
from ._options import SerialOptions
from ._port_identity import name_for_identity, port_identity

if TYPE_CHECKING:
    from ._finding import ListPorts
    from ._port import Port
    from ._port_line import PortLine


class SerialCarrier:
    """Makes links over serial ports; a ``sigcore.Carrier``.

    The server's side listens, the other side connects. One port has one link at a time.

    Args:
        list_ports: Tells which ports there are, for endpoints by USB identity. Tests without hardware give a function
            of their own here: ``lambda: [sig_serial.PortInfo("/dev/pts/7", vid=0x1A86, pid=0x7523)]``.
    """

    raw_options: ClassVar[Mapping[str, str]] = MappingProxyType({"framing": "none"})
    """The query options with which a link is the port's bare bytes."""

    def __init__(self, list_ports: ListPorts = find_ports) -> None:
        self._list_ports = list_ports

    def link_defaults(self, endpoint: Endpoint) -> Mapping[str, object]:
        """Return what the session above has for options by default, at the endpoint's baud rate.

        Raises:
            sigcore.EndpointError: An option of the port is impossible.
        """
        options, _ = endpoint.take_options(SerialOptions)
        return link_defaults(options.byte_s)

    def is_local(self, endpoint: Endpoint) -> bool:
        """Whether only this machine can reach the port: any but those behind a bridge elsewhere on the network."""
        address = read_address(endpoint)
        return not isinstance(address, NetworkAddress) or address.is_local

    def is_confidential(self, endpoint: Endpoint) -> bool:
        """Whether nobody else can read what is said: at any port but those behind a bridge on the network."""
        return not isinstance(read_address(endpoint), NetworkAddress)

    def authenticates(self, endpoint: Endpoint) -> bool:
        """Whether the port says who is there: any but those behind a bridge, which tells nothing of what is behind."""
        return self.is_confidential(endpoint)

    def identify(self, transport: asyncio.BaseTransport) -> MediumIdentity | None:
        """Return what is at the other end, as ``port:`` and the port's name, or the USB identity that was asked for."""
        name: str = transport.get_extra_info("known_as") or ""
        return MediumIdentity(port_identity(name), "port") if name else None

    async def connect(
        self, endpoint: Endpoint, protocol_factory: Callable[[], asyncio.Protocol]
    ) -> tuple[asyncio.Transport, asyncio.Protocol]:
        """Open the port and wait until the other side answers; with ``framing=none``, nobody needs to.

        Raises:
            sigcore.EndpointError: The endpoint names no device, or has an unknown or impossible option.
            sigcore.ConnectTimeout: No answer came within the option ``answer_timeout``.
            OSError: The port cannot be opened, is lost, or the other side connects as well; the message says what
                to do.
        """
        options = endpoint.options(SerialOptions)
        port = await open_endpoint(endpoint, options, self._list_ports)
        line = start_line(port, Role.CONNECTOR, protocol_factory, options, patience_s=options.answer_timeout)
        try:
            return await asyncio.shield(line.up)
        except asyncio.CancelledError:
            line.abort()
            await asyncio.shield(line.closed)  # so that whoever tries anew finds the port free
            raise

    async def listen(self, endpoint: Endpoint, protocol_factory: Callable[[], asyncio.Protocol]) -> SerialListening:
        """Take links from the other side, one after the other, on the port or the ports that ``endpoint`` names.

        A device that is not there is awaited; one that is lost is taken again when it is back, also under another name
        where the endpoint is a USB identity.

        Raises:
            sigcore.EndpointError: The endpoint names no device, or has an unknown or impossible option.
            OSError: The device is there and cannot be opened; the message says what to do.
        """
        options, address = endpoint.options(SerialOptions), read_address(endpoint)

        def start(port: Port) -> PortLine:
            line = start_line(port, Role.LISTENER, protocol_factory, options, patience_s=LISTENER_PATIENCE_S)
            if address.is_pattern:
                line.endpoint = str(endpoint_at(port.path, endpoint))
            else:
                line.cable = str(address)  # a device that reboots may come back by another path
                line.known_as = name_for_identity(address)
            return line

        listening = SerialListening(endpoint, address, options, start, self._list_ports)
        await listening.open()
        return listening
