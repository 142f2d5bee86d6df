# SPDX-License-Identifier: MIT
"""Opens a port without blocking the loop."""

from __future__ import annotations

import asyncio

from ._options import SerialOptions
from ._port import Port, open_port


async def open_in_thread(path: str, options: SerialOptions) -> Port:
    """Open the port at ``path`` on a worker thread; cancelled meanwhile, it is closed as soon as it is open.

    Raises:
        OSError: As ``open_port``.
    """
    opening = asyncio.get_running_loop().run_in_executor(None, open_port, path, options)
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        opening.add_done_callback(_close_again)
        raise


def _close_again(opening: asyncio.Future[Port]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close(0.0)
