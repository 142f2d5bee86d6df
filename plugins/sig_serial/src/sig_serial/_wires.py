# SPDX-License-Identifier: MIT
"""Which of the two ways to use a port this port and this event loop allow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._loop_wire import LoopWire
from ._thread_wire import ThreadWire

if TYPE_CHECKING:
    import asyncio

    from ._port import Port
    from ._wire import Wire, WireUser


def start_wire(loop: asyncio.AbstractEventLoop, port: Port, user: WireUser) -> Wire:
    """Return a wire over ``port``, watched by ``loop`` where both can do that, else by threads."""
    if port.fileno() < 0:
        return ThreadWire(loop, port, user)
    try:
        return LoopWire(loop, port, user)
    except NotImplementedError:
        return ThreadWire(loop, port, user)
