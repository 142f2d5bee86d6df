# SPDX-License-Identifier: MIT
"""Which devices an address means at the moment."""

from __future__ import annotations

import glob
import os
import stat
import sys
from collections.abc import Callable
from contextlib import suppress

from ._address import Address, NetworkAddress, PathAddress, PatternAddress
from ._devices import PortInfo, find_ports

Device = str | NetworkAddress
"""What can be opened: a device's path, or a port on the network."""

ListPorts = Callable[[], list[PortInfo]]
"""Tells which ports this machine has; ``find_ports``, or a table in tests without hardware."""

_CONSOLE_MAJORS = {4: 64, 5: 256}
"""Character devices that are no serial ports though ``/dev/tty*`` matches them: virtual consoles, /dev/tty; below these
minor numbers. Linux, Documentation/admin-guide/devices.txt."""


def find_devices(address: Address, list_ports: ListPorts = find_ports) -> list[Device]:
    """Return the devices that are there, in the order of their names; reads files, so a thread may be the place.

    What is not told by files, a port on the network or a COM port on Windows, is given as it is: opening it will tell.
    """
    match address:
        case NetworkAddress():
            return [address]
        case PathAddress(path):
            return [path] if os.name != "posix" or os.path.exists(path) else []
        case PatternAddress(pattern) if pattern.startswith("/"):
            return [path for path in sorted(glob.glob(pattern), key=_natural) if _may_be_port(path)]
        case _:
            return [*address.matching(list_ports())]


def key_of(device: Device) -> str:
    """Return what is the same for all names of a device."""
    if isinstance(device, str) and os.name == "posix":
        with suppress(ValueError):  # a path that cannot be, from a peer
            return os.path.realpath(device)
    return str(device)


def _natural(path: str) -> tuple[int, str]:
    return len(path), path  # ttyUSB2 before ttyUSB10


def _may_be_port(path: str) -> bool:
    if sys.platform != "win32":
        with suppress(OSError):
            found = os.stat(path)
            least_minor = _CONSOLE_MAJORS.get(os.major(found.st_rdev), 0)
            return stat.S_ISCHR(found.st_mode) and os.minor(found.st_rdev) >= least_minor
    return False
