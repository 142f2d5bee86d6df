# SPDX-License-Identifier: MIT
"""The private way from a device's own router to the server, within this process.

A device's router is an ordinary client. It connects to ``lines://NAME``, an endpoint that exists only here: connecting
waits, for as long as it takes, until the device is there. So there is nothing to try again while it is not.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Callable
from weakref import WeakValueDictionary

import sigcore

from ._server_end import ServerEnd

Factory = Callable[[], asyncio.Protocol]

OUR_OWN = sigcore.MediumIdentity("local:lines", "process")
"""Of a device that was connected to, so that its medium proves nothing: it is this very process that speaks for it."""

_numbers = itertools.count(1)
_by_name: WeakValueDictionary[str, Inside] = WeakValueDictionary()
_by_meeting: WeakValueDictionary[str, Inside] = WeakValueDictionary()


class Inside:
    """One device's way to the server.

    Args:
        name: The device's name, for the endpoint.
        server: Makes the server's protocol for a link.
        ready: Set when the server takes links.

    Attributes:
        endpoint: Where the device's router connects.
        identity: Who the device is, as far as its medium proves it.
    """

    def __init__(self, name: str, server: Factory, ready: asyncio.Event) -> None:
        token = f"{re.sub('[^A-Za-z0-9_.-]', '-', name)}.{next(_numbers)}"
        self.endpoint = f"lines://{token}"
        self.identity = OUR_OWN
        self._memory = sigcore.load_carrier("mem")
        self._meeting = sigcore.Endpoint("mem", host=f"sig-lines-{token}")
        self._listening: sigcore.Listening | None = None
        self._server = server
        self._ready = ready
        self._is_open = asyncio.Event()
        self._loss: Exception | None = None
        self._end: ServerEnd | None = None
        _by_name[token] = self
        _by_meeting[str(self._meeting)] = self

    @property
    def is_linked(self) -> bool:
        """Whether there is a link."""
        return self._end is not None

    async def open(self) -> None:
        """Let links through: the device is there."""
        await self._ready.wait()
        self._loss = None
        if self._listening is None:
            self._listening = await self._memory.listen(self._meeting, self._make_end)
        self._is_open.set()

    def shut(self, loss: Exception) -> None:
        """End the link, as if it were the device's own and lost, and let none through until ``open``."""
        self._is_open.clear()
        self._loss = loss
        if self._end is not None:
            self._end.abort()

    def close(self) -> None:
        """Free the name."""
        if self._listening is not None:
            self._listening.close()

    async def connect(self, protocol_factory: Factory) -> tuple[asyncio.Transport, asyncio.Protocol]:
        """Make a link for the device's router, once the device is there."""
        await self._is_open.wait()
        return await self._memory.connect(self._meeting, protocol_factory)

    def _make_end(self) -> asyncio.Protocol:
        self._end = ServerEnd(self._server(), lambda: self._loss, self._link_ended)
        return self._end

    def _link_ended(self, end: ServerEnd) -> None:
        if end is self._end:
            self._end = None


def inside_at(endpoint: sigcore.Endpoint) -> Inside | None:
    """Return the way that a private endpoint names; ``None`` when it names none."""
    return _by_name.get(endpoint.host) if endpoint.scheme == "lines" else None


def inside_of(transport: asyncio.BaseTransport) -> Inside | None:
    """Return the way that a transport of the server's end belongs to."""
    return _by_meeting.get(transport.get_extra_info("peername") or "")
