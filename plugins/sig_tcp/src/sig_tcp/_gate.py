# SPDX-License-Identifier: MIT
"""Asks for admission where connections come as transports already: on loops that have no ``add_reader``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from ._admission import Factory, Way, ask


class Gate(asyncio.Protocol):
    """The first protocol of a connection; gives way to the link's own as soon as it may come in.

    Args:
        factory: The protocol factory that ``listen`` was given.
        ways: Gives the way in of each connection, by the address of its peer.
        tells: Whether a peer that is refused can be told why in plain bytes.
    """

    def __init__(self, factory: Factory, ways: Callable[[str], Way], *, tells: bool) -> None:
        self._factory = factory
        self._ways = ways
        self._tells = tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let the peer in, or turn it away."""
        link = cast(asyncio.Transport, transport)
        address = link.get_extra_info("peername")
        source = str(address[0]) if isinstance(address, tuple) else ""
        way = self._ways(source)
        answer = ask(self._factory, source, way)
        if isinstance(answer, bytes):
            if self._tells:
                link.write(answer)
            link.close()
            return
        protocol = way.in_by(answer)()
        link.set_protocol(protocol)
        protocol.connection_made(link)
