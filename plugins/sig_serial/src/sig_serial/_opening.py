# SPDX-License-Identifier: MIT
"""Opens a port without blocking the loop."""

from __future__ import annotations

import asyncio
import errno
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from sigcore import EndpointError

from ._address import Address, read_address
from ._devices import find_ports
from ._finding import Device, ListPorts, find_devices
from ._port import Port, open_port
from ._port_errors import absent

if TYPE_CHECKING:
    from sigcore import Endpoint

    from ._options import SerialOptions

CHOOSE = "add the serial number, or name one by its path in /dev/serial/by-id/"
"""What to do where an identity fits several ports: like devices, or the ports of one adapter that has several."""


async def open_endpoint(endpoint: Endpoint, options: SerialOptions, list_ports: ListPorts = find_ports) -> Port:
    """Open the one port that ``endpoint`` names.

    Args:
        endpoint: The port, as for the carrier.
        options: How the port is set.
        list_ports: Tells which ports there are, for an endpoint by USB identity.

    Raises:
        sigcore.EndpointError: The endpoint names no port, or several by a pattern.
        OSError: As ``open_port``.
    """
    address = read_address(endpoint)
    if address.is_pattern:
        raise EndpointError(f"{endpoint}: a pattern may match several ports; only a server that listens can take them")
    return await open_in_thread(await _only_device(address, list_ports), options)


async def open_in_thread(device: Device, options: SerialOptions) -> Port:
    """Open ``device`` on a thread of its own: a driver that hangs, or a bridge that is off, holds up nobody else.

    Cancelled meanwhile, it waits until the port is closed again, so that whoever tries anew finds it free.

    Raises:
        OSError: As ``open_port``.
    """
    opening = _begin_to_open(device, options)
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        await asyncio.shield(_close_again(opening))
        raise


async def _only_device(address: Address, list_ports: ListPorts) -> Device:
    found = await asyncio.get_running_loop().run_in_executor(None, find_devices, address, list_ports)
    if not found:
        raise absent(str(address))
    if len(found) > 1:
        raise OSError(
            errno.EINVAL,
            f"{address} is what {len(found)} ports are: {', '.join(map(str, found))}; {CHOOSE}",
        )
    return found[0]


def _begin_to_open(device: Device, options: SerialOptions) -> asyncio.Future[Port]:
    loop = asyncio.get_running_loop()
    opening: asyncio.Future[Port] = loop.create_future()

    def open_it() -> None:
        tell: Callable[[], None]
        try:
            tell = partial(opening.set_result, open_port(device, options))
        except Exception as exc:  # noqa: BLE001  # whatever it is, it belongs to the loop
            tell = partial(opening.set_exception, exc)
        with suppress(RuntimeError):  # the loop is closed: nobody is there to be told
            loop.call_soon_threadsafe(tell)

    threading.Thread(target=open_it, name=f"sig-serial-open {device}", daemon=True).start()
    return opening


async def _close_again(opening: asyncio.Future[Port]) -> None:
    with suppress(OSError):  # it was not opened: all the better
        port = await opening
        await asyncio.get_running_loop().run_in_executor(None, port.close, 0.0)
