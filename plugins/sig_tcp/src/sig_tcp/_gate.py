# SPDX-License-Identifier: MIT
"""Asks for admission where connections come as transports already: on loops that have no ``add_reader``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from ._admission import Admission, Factory, ask


class Gate(asyncio.Protocol):
    """The first protocol of a connection; gives way to the link's own as soon as it may come in.

    Args:
        factory: The protocol factory that ``listen`` was given.
        wrap: Makes the protocol factory of a connection from its admission and the peer's address.
        tells: Whether a peer that is refused can be told why in plain bytes.
    """

    def __init__(self, factory: Factory, wrap: Callable[[Admission, str], Factory], *, tells: bool) -> None:
        self._factory = factory
        self._wrap = wrap
        self._tells = tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let the peer in, or turn it away."""
        link = cast(asyncio.Transport, transport)
        address = link.get_extra_info("peername")
        source = str(address[0]) if isinstance(address, tuple) else ""
        answer = ask(self._factory, source)
        if isinstance(answer, bytes):
            if self._tells:
                link.write(answer)
            link.close()
            return
        protocol = self._wrap(answer, source)()
        link.set_protocol(protocol)
        protocol.connection_made(link)
