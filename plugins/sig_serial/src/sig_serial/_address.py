# SPDX-License-Identifier: MIT
"""What a serial endpoint names: a device's path, a USB identity, a pattern of either, or a port on the network.

Pure: an address is checked and taken apart here; which devices are there is told from outside, as ``PortInfo``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from ipaddress import ip_address
from typing import TYPE_CHECKING

from sigcore import EndpointError

if TYPE_CHECKING:
    from sigcore import Endpoint

    from ._devices import PortInfo

_FORMS = (
    "write serial:///dev/ttyUSB0, serial://COM3 on Windows, serial+usb://1a86:7523/SERIAL, "
    "or serial+rfc2217://host:port"
)
_USB_FORM = "write serial+usb://1a86:7523/SERIAL: vendor and product in four hexadecimal digits each, '*' is any"
_WILD = re.compile(r"[*\[]")
_HEX_PATTERN = re.compile(r"[0-9a-f]{4}|(?=.*\*)[0-9a-f*]{1,4}")


@dataclass(frozen=True, slots=True)
class PathAddress:
    """One device by its path, ``/dev/ttyUSB0`` or ``COM3``."""

    path: str
    is_pattern = False

    def __str__(self) -> str:
        return self.path


@dataclass(frozen=True, slots=True)
class PatternAddress:
    """Every device whose path matches, as they come and go; ``/dev/ttyACM*``."""

    pattern: str
    is_pattern = True

    def __str__(self) -> str:
        return self.pattern

    def matching(self, ports: Iterable[PortInfo]) -> list[str]:
        """Return the names of those of ``ports`` that match; for systems whose ports are no files."""
        return [port.device for port in ports if fnmatchcase(port.device.lower(), self.pattern.lower())]


@dataclass(frozen=True, slots=True)
class UsbAddress:
    """A USB device by what it tells of itself, wherever it is plugged in.

    Attributes:
        ids: Vendor and product as ``1a86:7523``, or a pattern of that.
        serial_number: The device's serial number, a pattern, or ``None`` for any one device.
    """

    ids: str
    serial_number: str | None = None

    @property
    def is_pattern(self) -> bool:
        """Whether all devices that match are meant, not one."""
        return bool(_WILD.search(self.ids + (self.serial_number or "")))

    def __str__(self) -> str:
        return f"USB {self.ids}" + (f" with the serial number {self.serial_number}" if self.serial_number else "")

    def matching(self, ports: Iterable[PortInfo]) -> list[str]:
        """Return the device names of those of ``ports`` that match, in their order."""
        return [port.device for port in ports if self._matches(port)]

    def _matches(self, port: PortInfo) -> bool:
        if port.usb_ids is None or not fnmatchcase(port.usb_ids, self.ids):
            return False
        return self.serial_number is None or fnmatchcase(port.serial_number or "", self.serial_number)


@dataclass(frozen=True, slots=True)
class NetworkAddress:
    """A serial port behind a TCP socket, with ``rfc2217`` to set it or as a bare ``socket``."""

    kind: str
    host: str
    port: int
    is_pattern = False

    @property
    def is_local(self) -> bool:
        """Whether the bridge is on this machine."""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.kind}://{host}:{self.port}"


Address = PathAddress | PatternAddress | UsbAddress | NetworkAddress


def read_address(endpoint: Endpoint) -> Address:
    """Return what ``endpoint`` names.

    Raises:
        EndpointError: It names nothing, is malformed, or has a part that a serial port cannot have.

    >>> from sigcore import Endpoint
    >>> str(read_address(Endpoint.parse("serial:///dev/ttyUSB0?baudrate=9600")))
    '/dev/ttyUSB0'
    """
    if endpoint.user is not None or endpoint.password is not None:
        raise EndpointError(f"{endpoint}: a serial port has no user; {_FORMS}")
    kind = endpoint.scheme.rpartition("+")[2]
    if kind == "usb":
        return _usb_address(endpoint)
    if kind in ("rfc2217", "socket"):
        return _network_address(endpoint, kind)
    return _path_address(endpoint)


def endpoint_at(path: str, pattern: Endpoint) -> Endpoint:
    """Return the endpoint of the one port at ``path``, with the options of the pattern that it matches.

    >>> from sigcore import Endpoint
    >>> str(endpoint_at("/dev/ttyUSB1", Endpoint.parse("serial+usb://1a86:*?baudrate=9600")))
    'serial:///dev/ttyUSB1?baudrate=9600'
    """
    scheme = pattern.scheme.removesuffix("+usb")
    host, path = ("", path) if path.startswith("/") else (path, "")
    return replace(pattern, scheme=scheme, host=host, path=path)


def _path_address(endpoint: Endpoint) -> PathAddress | PatternAddress:
    if endpoint.port is not None:
        raise EndpointError(f"{endpoint}: a serial port has no TCP port, unless it is behind one; {_FORMS}")
    if endpoint.host and endpoint.path:
        raise EndpointError(f"{endpoint}: a device path needs three slashes, as in serial:///dev/ttyUSB0")
    device = endpoint.host or endpoint.path
    if device in ("", "/"):
        raise EndpointError(f"{endpoint}: no device is named; {_FORMS}")
    return PatternAddress(device) if _WILD.search(device) else PathAddress(device)


def _usb_address(endpoint: Endpoint) -> UsbAddress:
    vendor, colon, product = endpoint.host.lower().partition(":")
    if not (colon and _HEX_PATTERN.fullmatch(vendor) and _HEX_PATTERN.fullmatch(product)):
        raise EndpointError(f"{endpoint}: {endpoint.host or 'nothing'} is no USB identity; {_USB_FORM}")
    serial_number = endpoint.path.removeprefix("/")
    if "/" in serial_number:
        raise EndpointError(f"{endpoint}: after the identity comes the serial number alone; {_USB_FORM}")
    return UsbAddress(f"{vendor}:{product}", serial_number or None)


def _network_address(endpoint: Endpoint, kind: str) -> NetworkAddress:
    if endpoint.path.strip("/"):
        raise EndpointError(f"{endpoint}: a port on the network has no path; write serial+{kind}://host:port")
    if not endpoint.host or not endpoint.port:
        raise EndpointError(f"{endpoint}: a port on the network needs host and port, as in serial+{kind}://host:4000")
    return NetworkAddress(kind, endpoint.host, endpoint.port)
