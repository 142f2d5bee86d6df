# SPDX-License-Identifier: MIT
"""Opens a port without blocking the loop."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from ._options import SerialOptions
from ._port import Port, open_port


async def open_in_thread(path: str, options: SerialOptions) -> Port:
    """Open the port at ``path`` on a worker thread.

    Cancelled meanwhile, it waits until the port is closed again, so that whoever tries anew finds it free.

    Raises:
        OSError: As ``open_port``.
    """
    opening = asyncio.get_running_loop().run_in_executor(None, open_port, path, options)
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        await asyncio.shield(_close_again(opening))
        raise


async def _close_again(opening: asyncio.Future[Port]) -> None:
    with suppress(OSError):  # it was not opened: all the better
        port = await opening
        await asyncio.get_running_loop().run_in_executor(None, port.close, 0.0)
