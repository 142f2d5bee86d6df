# SPDX-License-Identifier: MIT
"""``sig ports --watch``: a line for each serial port that comes or goes."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from sig_serial import PortInfo, list_ports

from ._event_lines import local_time
from ._output import Output
from ._port_rows import endpoint_of, port_record
from ._printer import Printer
from ._text import json_line, printable

_LOOK_EVERY_S = 0.5
"""A look reads some small files of the system; a port that is away for less is not told."""


async def watch(out: Output) -> None:
    """Print which ports are there, and which come and go, until cancelled."""
    known: dict[str, PortInfo] = {}
    out.note("plug a device in or out; Ctrl-C ends")
    async with Printer() as printer:
        while True:
            ports = await asyncio.to_thread(list_ports)
            present = {port.device: port for port in ports}
            for port in missing(known, present):
                await printer.line(_line(port, list(known.values()), out, came=False))
            for port in missing(present, known):
                await printer.line(_line(port, ports, out, came=True))
            known = present
            await asyncio.sleep(_LOOK_EVERY_S)


def missing(these: dict[str, PortInfo], those: dict[str, PortInfo]) -> list[PortInfo]:
    """Return those ports of ``these`` that are not in ``those``, or are of another device there."""
    return [port for name, port in these.items() if name not in those or _device(port) != _device(those[name])]


def _device(port: PortInfo) -> tuple[int | None, int | None, str | None]:
    return port.vid, port.pid, port.serial_number


def _line(port: PortInfo, ports: list[PortInfo], out: Output, *, came: bool) -> str:
    if out.as_json:
        what = "port came" if came else "port left"
        return json_line({"time": datetime.now(UTC), "what": what, **port_record(port, ports)})
    paint = out.paint
    cells = [
        paint.dim(local_time()),
        paint.good("+") if came else paint.bad("-"),
        paint.sender(printable(port.device)),
        printable(port.description),
        paint.url(printable(endpoint_of(port, ports))),
    ]
    return "  ".join(cells)
