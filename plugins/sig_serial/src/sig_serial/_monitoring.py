# SPDX-License-Identifier: MIT
"""A port whose traffic is told, with links over it as a server has them, or only heard."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

from ._bare_line import BareLine
from ._lines import start_line
from ._opening import open_endpoint
from ._options import SerialOptions
from ._tables import Role
from ._tapped_port import Seen, TappedPort

if TYPE_CHECKING:
    from sigcore import Endpoint

    from ._port import Port

_END_S = 1.0
"""How long a link that is ending may take to do so in good order."""

_PATIENCE_S = 5.0
"""How long no link may come up before the log says what to check."""


@asynccontextmanager
async def tapped(
    endpoint: Endpoint, seen: Seen, protocol_factory: Callable[[], asyncio.Protocol] | None = None
) -> AsyncIterator[asyncio.Future[Any]]:
    """Have a port open for the ``async with`` block, and tell of every byte that goes over it.

    Args:
        endpoint: The port, as for the carrier.
        seen: Told of the bytes, on the loop: ``"in"`` or ``"out"``, and they themselves.
        protocol_factory: Called for each link that the other side makes, as for ``Carrier.listen``. Without it the port
            is only heard, and nothing is sent.

    Yields:
        Done when the device is gone; its result is the error that says so.

    Raises:
        sigcore.EndpointError: The endpoint names no device, or has an unknown or impossible option.
        OSError: The port cannot be opened; the message says what to do.
    """
    options = endpoint.options(SerialOptions)
    port = await open_endpoint(endpoint, options)
    if protocol_factory is None:
        bare = BareLine(port, lambda data: seen("in", data))
        try:
            yield bare.lost
        finally:
            await bare.close()
        return
    tap = cast("Port", TappedPort(port, seen))
    line = start_line(tap, Role.LISTENER, protocol_factory, options, patience_s=_PATIENCE_S)
    try:
        yield line.closed
    finally:
        line.finish()
        await asyncio.wait([line.closed], timeout=_END_S)
        line.abort()
        await asyncio.shield(line.closed)
