# SPDX-License-Identifier: MIT
"""The serial ports that this machine has."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from serial.tools import list_ports as _library

from ._holders import Holder, find_holder

BY_ID_DIRECTORY = "/dev/serial/by-id"
"""Where Linux keeps a name for each USB port that stays with the device."""

_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class PortInfo:
    """A serial port of this machine.

    Attributes:
        device: Its name for now, such as ``/dev/ttyUSB0`` or ``COM3``.
        description: What it says it is, or ``""``.
        vid: The USB vendor's number, ``None`` for what is not USB.
        pid: The vendor's number for the product, ``None`` for what is not USB.
        serial_number: What the device says its serial number is, ``None`` where it has none.
        by_id: Its paths in ``/dev/serial/by-id/``, which stay with the device (Linux).
        holder: The program that has it open, as far as this user may know (Linux).
    """

    device: str
    description: str = ""
    vid: int | None = None
    pid: int | None = None
    serial_number: str | None = None
    by_id: tuple[str, ...] = ()
    holder: Holder | None = None

    @property
    def usb_ids(self) -> str | None:
        """Vendor and product as ``1a86:7523``; ``None`` for what is not USB."""
        return None if self.vid is None or self.pid is None else f"{self.vid:04x}:{self.pid:04x}"


def find_ports(
    comports: Callable[[], Iterable[Any]] = _library.comports, *, by_id_directory: str = BY_ID_DIRECTORY
) -> list[PortInfo]:
    """Return the ports in the order of their names, without asking who has them open.

    Args:
        comports: Tells which ports there are, as ``serial.tools.list_ports.comports`` does. Tests without hardware
            give a table of their own.
        by_id_directory: Where the names are that stay with a device.
    """
    names = _names_by_device(by_id_directory)
    return [
        PortInfo(
            device=found.device,
            description="" if found.description in (None, "n/a") else found.description,
            vid=found.vid,
            pid=found.pid,
            serial_number=found.serial_number,
            by_id=tuple(names.get(os.path.realpath(found.device), ())),
        )
        for found in sorted(_listed(comports))
    ]


def list_ports() -> list[PortInfo]:
    """Return the serial ports of this machine, with who has each open.

    It looks through the processes of this machine: not for a loop that must not wait.
    """
    return [replace(port, holder=find_holder(port.device)) for port in find_ports()]


def _listed(comports: Callable[[], Iterable[Any]]) -> list[Any]:
    for _ in range(_ATTEMPTS - 1):
        with suppress(OSError, TypeError, ValueError):  # the library stumbles over a device that goes meanwhile
            return list(comports())
    return list(comports())


def _names_by_device(directory: str) -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    try:
        links = sorted(os.listdir(directory))
    except OSError:  # no such device, or another system
        return names
    for link in links:
        path = os.path.join(directory, link)
        names.setdefault(os.path.realpath(path), []).append(path)
    return names
