# SPDX-License-Identifier: MIT
"""Which kind of line an endpoint's options ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._line import Line
from ._raw_line import RawLine

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from ._options import SerialOptions
    from ._port import Port
    from ._port_line import PortLine
    from ._tables import Role


def start_line(
    port: Port,
    role: Role,
    protocol_factory: Callable[[], asyncio.Protocol],
    options: SerialOptions,
    *,
    patience_s: float,
) -> PortLine:
    """Return the line over ``port``: links of checked packets, or, with ``framing=none``, the port's bare bytes."""
    if options.framing == "none":
        return RawLine(port, role, protocol_factory)
    return Line(
        port,
        role,
        protocol_factory,
        patience_s=patience_s,
        max_payload=options.max_payload,
        window=options.window,
        source=options.console or port.path,
    )
