# SPDX-License-Identifier: MIT
"""The carrier ``mem://name``: links within one process, between event loops in any threads.

Who listens where is one table for the process, under a lock. The links themselves need none: see ``_mem_link``.
"""

from __future__ import annotations

import asyncio
import errno
import threading
from collections.abc import Callable
from dataclasses import dataclass

from ._endpoint import Endpoint
from ._errors import EndpointError
from ._identity import MediumIdentity
from ._mem_link import MemTransport

_places: dict[str, MemListening] = {}
_places_lock = threading.Lock()


@dataclass(frozen=True)
class _NoOptions:
    """This carrier takes no option."""


class MemCarrier:
    """Makes links between routers of one process; a name lasts as long as somebody listens there."""

    def is_local(self, endpoint: Endpoint) -> bool:
        """Return ``True``: nothing outside this process can reach any name."""
        return True

    def is_confidential(self, endpoint: Endpoint) -> bool:
        """Return ``True``: what is said does not leave the process."""
        return True

    def authenticates(self, endpoint: Endpoint) -> bool:
        """Return ``True``: whoever connects is in this very process."""
        return True

    def identify(self, transport: asyncio.BaseTransport) -> MediumIdentity:
        """Return ``local:mem``: whoever is in this process can do all that it can."""
        return MediumIdentity("local:mem", "process")

    async def connect(
        self, endpoint: Endpoint, protocol_factory: Callable[[], asyncio.Protocol]
    ) -> tuple[asyncio.Transport, asyncio.Protocol]:
        """Make a link to whoever listens at ``endpoint``.

        Raises:
            EndpointError: The endpoint has no name, or has more than a name.
            ConnectionRefusedError: Nobody in this process listens there.
        """
        with _places_lock:
            place = _places.get(_name_of(endpoint))
        protocol = protocol_factory()
        near = MemTransport(asyncio.get_running_loop(), endpoint)
        if place is None or not place.offer(near):
            raise ConnectionRefusedError(
                errno.ECONNREFUSED,
                f"nobody in this process listens at {endpoint}; start the server first, or check the name",
            )
        near.start(protocol)
        return near, protocol

    async def listen(self, endpoint: Endpoint, protocol_factory: Callable[[], asyncio.Protocol]) -> MemListening:
        """Take links at ``endpoint``, on the running loop.

        Raises:
            EndpointError: The endpoint has no name, or has more than a name.
            OSError: With ``errno.EADDRINUSE``, when somebody listens there already.
        """
        listening = MemListening(endpoint, _name_of(endpoint), protocol_factory)
        if not listening.claim_name():
            raise OSError(
                errno.EADDRINUSE, f"somebody in this process listens at {endpoint} already; choose another name"
            )
        return listening


class MemListening:
    """A name that takes links, until ``close()``.

    Attributes:
        endpoint: The endpoint as asked for.
    """

    def __init__(self, endpoint: Endpoint, name: str, protocol_factory: Callable[[], asyncio.Protocol]) -> None:
        self.endpoint = endpoint
        self._name = name
        self._protocol_factory = protocol_factory
        self._loop = asyncio.get_running_loop()
        self._closed = asyncio.Event()

    def claim_name(self) -> bool:
        """Take the name, unless somebody has it whose loop still lives."""
        with _places_lock:
            holder = _places.get(self._name)
            if holder is not None and not holder._loop.is_closed():
                return False
            _places[self._name] = self
            return True

    def close(self) -> None:
        """Free the name, at once; links that exist go on."""
        with _places_lock:
            if _places.get(self._name) is self:
                del _places[self._name]
        self._closed.set()

    async def wait_closed(self) -> None:
        """Return when the name is free."""
        await self._closed.wait()

    def offer(self, near: MemTransport) -> bool:
        """Make the other end for ``near``, from any thread; ``False`` when the loop here is closed."""
        far = MemTransport(self._loop, self.endpoint)
        near.join(far)
        return near.tell(self._take, far)

    def _take(self, far: MemTransport) -> None:
        if self._closed.is_set():
            far.abort()
            return
        try:
            far.start(self._protocol_factory())
        except BaseException:
            far.abort()
            raise


def _name_of(endpoint: Endpoint) -> str:
    endpoint.options(_NoOptions)
    if not endpoint.host or endpoint.port is not None or endpoint.path or endpoint.user is not None:
        raise EndpointError(f"{endpoint} must have a name and nothing else, as in {endpoint.scheme}://gateway")
    return endpoint.host
