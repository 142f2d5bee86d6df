# SPDX-License-Identifier: MIT
"""A serial port as lines of a table, and as a JSON object."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

from ._paint import Paint, aligned
from ._text import printable

if TYPE_CHECKING:
    from sig_serial import PortInfo

_COLUMNS = ("DEVICE", "WHAT", "USB", "OPEN BY")

_NO_NUMBER = frozenset("/*[")
"""What no serial number in an endpoint can have: there it is a separator or a pattern."""


def port_lines(ports: Sequence[PortInfo], paint: Paint) -> list[str]:
    """Return a table of ports; below the row of each, what is too long for a column."""
    head, *rows = aligned([[paint.dim(name) for name in _COLUMNS], *(_row(port, paint) for port in ports)])
    return [head, *(line for row, port in zip(rows, ports, strict=True) for line in (row, *_below(port, ports, paint)))]


def port_record(port: PortInfo, ports: Sequence[PortInfo]) -> dict[str, object]:
    """Return what is known of a port that is one of ``ports``; the USB identity as four hexadecimal digits each."""
    return {
        "device": port.device,
        "description": port.description,
        "vid": None if port.vid is None else f"{port.vid:04x}",
        "pid": None if port.pid is None else f"{port.pid:04x}",
        "serial_number": port.serial_number,
        "by_id": port.by_id,
        "holder": {"pid": port.holder.pid, "command": port.holder.command} if port.holder else None,
        "endpoint": endpoint_of(port, ports),
    }


def endpoint_of(port: PortInfo, ports: Sequence[PortInfo]) -> str:
    """Return the endpoint by which a port, one of ``ports``, is found again, wherever it is plugged in next."""
    number = port.serial_number or ""
    if port.usb_ids and not _NO_NUMBER.intersection(number) and sum(_is_like(port, other) for other in ports) == 1:
        return f"serial+usb://{port.usb_ids}" + (f"/{quote(number, safe='')}" if number else "")
    path = port.by_id[0] if port.by_id else port.device
    return f"serial://{quote(path)}"


def _is_like(port: PortInfo, other: PortInfo) -> bool:
    """Tell whether what ``port`` says of itself fits ``other``: any serial number does where ``port`` has none."""
    return port.usb_ids == other.usb_ids and port.serial_number in (None, "", other.serial_number)


def _row(port: PortInfo, paint: Paint) -> tuple[str, str, str, str]:
    usb = f"{port.usb_ids or ''} {port.serial_number or ''}"
    holder = f"{port.holder.pid} {port.holder.command}" if port.holder else ""
    return (
        paint.sender(printable(port.device)),
        printable(port.description) or "-",
        printable(usb.strip()) or "-",
        paint.bad(printable(holder)) or "-",
    )


def _below(port: PortInfo, ports: Sequence[PortInfo], paint: Paint) -> list[str]:
    links = [f"  {paint.dim('also')}      {printable(link)}" for link in port.by_id]
    return [*links, f"  {paint.dim('endpoint')}  {paint.url(printable(endpoint_of(port, ports)))}"]
