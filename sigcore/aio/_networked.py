# SPDX-License-Identifier: MIT
"""What the routers over carriers have in common: the loop that they live on, and the way to it from any thread."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVarTuple

from .._carrier import link_defaults
from .._errors import DeliveryTimeout, RouterClosed
from .._limits import LinkKeywords, link_options, read_keywords, warn_of_unlimited
from .._plugins import load_carrier
from ._answering import Answering
from ._delivery import InlineDelivery
from ._router import AsyncCore, Router
from ._watchdog import Watchdog

if TYPE_CHECKING:
    from .. import _router as core
    from .._carrier import Carrier
    from .._endpoint import Endpoint
    from .._limits import LinkOptions
    from .._listener import Listener
    from .._requests import Answerer
    from .._router import OnError
    from .._sender import Sender
    from .._signal import Signal
    from ..protocol.event_buffer import EventBuffer
    from ._delivery import Deliver

Ts = TypeVarTuple("Ts")

CLOSE_TIMEOUT_S = 5.0
"""How long ``close`` goes on sending what was accepted."""

LARGE_BLOCK_BYTES = 4 * 1024 * 1024
"""A block of that size is taken and given back once: from then on glibc's allocator, which goes by the largest block
given back (mallopt(3), M_MMAP_THRESHOLD), leaves twice as much to the process instead of returning it to the kernel
after every large read. Events of 64 KiB go through at 1.5 times the rate by that."""

TRIGGER_WAIT_S = 1.0
"""How long a trigger of the blocking form waits for room."""


@dataclass
class Host:
    """What differs between the two forms.

    Attributes:
        tables: The router whose tables are worked on.
        deliver: Takes events of links to their listeners.
        may_wait: Whether a trigger may wait for room, on a thread that is none of ``own_threads``.
        own_threads: The threads that must never wait for the loop, by ident.
    """

    tables: core.Router
    deliver: Deliver = field(default_factory=InlineDelivery)
    may_wait: bool = False
    own_threads: set[int] = field(default_factory=set)

    def may_wait_s(self) -> float:
        """Return how long the calling thread may wait for room in a buffer."""
        return TRIGGER_WAIT_S if self.may_wait and threading.get_ident() not in self.own_threads else 0.0

    def mark_thread(self) -> None:
        """The calling thread is one of the router's own."""
        self.own_threads.add(threading.get_ident())


class NetworkedRouter(Router):
    """A router over carriers, on one event loop; any thread may hand it things."""

    def __init__(
        self,
        name: str | None,
        on_error: OnError | None,
        slow_callback: float | None,
        host: Host | None,
        keywords: LinkKeywords,
    ) -> None:
        self._host = host or Host(AsyncCore(on_error=on_error))
        self._begin_with(self._host.tables)
        self._core._gates_remote = True
        self._name = name or f"{socket.gethostname()}-{os.getpid()}"
        self._keywords = read_keywords(keywords)
        warn_of_unlimited(f"{type(self).__name__} {self._name!r}", self._keywords)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._loop_thread = 0
        self._is_closed = False
        self._buffer: EventBuffer[Any]
        what = f"the event loop of {type(self).__name__} {self._name!r}"
        self._watchdog = None if slow_callback is None else Watchdog(slow_callback, what)
        self._drainers: list[asyncio.Future[None]] = []
        self._answering = Answering(self._answerer, self._host.mark_thread, self._core._drops)

    @property
    def counters(self) -> dict[str, int]:
        """How often something was dropped, refused or closed, by cause."""
        return self._core._drops.counts()

    @property
    def _the_loop(self) -> asyncio.AbstractEventLoop:
        """The loop, where the router is known to be open."""
        assert self._loop is not None
        return self._loop

    async def open(self) -> None:
        """Begin; ``async with`` does it.

        Raises:
            RouterClosed: It was closed, or is open already.
        """
        if self._is_closed or self._loop is not None:
            raise RouterClosed("a router is opened once; make another one")
        bytes(LARGE_BLOCK_BYTES)  # for what it does to the allocator, see there
        self._loop_thread = threading.get_ident()
        self._loop = asyncio.get_running_loop()
        self._host.mark_thread()
        if self._watchdog is not None:
            self._watchdog.start(self._loop)

    def _answerer(self, name: str) -> Answerer | None:
        """Return who answers the requests to ``name``, if that is here."""
        return self._core._senders.get(name)

    def _refuse_if_closed(self) -> None:
        if self._is_closed:
            raise RouterClosed("the router was closed; make another one")

    async def close(self) -> None:
        """Send what was accepted, for 5 s at most, and end. May be called twice, and by a listener or handler."""
        self._is_closed = True
        await super().close()

    async def _close_down(self) -> None:
        if self._watchdog is not None:
            self._watchdog.stop()
        await self._answering.close(self._closers)
        self._wake_drainers()
        await super()._close_down()

    async def _deliver(
        self, signal: Signal[Any], data: Any, meta: Mapping[str, str] | None, timeout: float | None
    ) -> int:
        return await self._accepted(signal, self._hand_over(signal, data, meta), timeout)

    async def _accepted(self, signal: Signal[Any], handed: asyncio.Future[int], timeout: float | None) -> int:
        try:
            async with asyncio.timeout(timeout) as limit:
                return await handed + int(signal.has_listeners)
        except TimeoutError as error:
            if not limit.expired():
                raise
            text = f"the server did not take an event of {signal!r} within {timeout} s; it still may, or has"
            raise DeliveryTimeout(text) from error

    def _hand_over(self, signal: Signal[Any], data: Any, meta: Mapping[str, str] | None) -> asyncio.Future[int]:
        """Trigger a signal, in any thread; return how many other routers take the event, once they have."""
        self._refuse_if_closed()
        if self._loop is None:
            raise RouterClosed("the router is not open; open() it, or use it with 'with'")
        return self._hand_to_others(signal, data, meta, self._loop.create_future())

    def _hand_to_others(
        self, signal: Signal[Any], data: Any, meta: Mapping[str, str] | None, taken: asyncio.Future[int]
    ) -> asyncio.Future[int]:
        raise NotImplementedError

    async def drain(self) -> None:
        """Return when there is room for events on their way to other routers."""
        while not self._buffer.has_room and not self._is_closed:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._drainers.append(waiter)
            await waiter

    def _waits_in(self, buffer: EventBuffer[Any], write: Callable[[], None]) -> None:
        """Events of this router's senders wait in ``buffer`` until ``write``, which runs on the loop, takes them."""
        self._buffer = buffer
        buffer.on_item = lambda: self._post(write)
        buffer.on_room = self._wake_drainers

    def _wake_drainers(self) -> None:
        while self._drainers:
            waiter = self._drainers.pop()
            if not waiter.done():
                waiter.set_result(None)

    def _post(self, function: Callable[[*Ts], object], *args: *Ts) -> None:
        """Have ``function`` run on the loop: at once where this is it, else soon; without a loop, nothing is to do."""
        loop = self._loop
        if loop is None or loop.is_closed():
            return
        if threading.get_ident() == self._loop_thread:
            function(*args)
            return
        try:
            loop.call_soon_threadsafe(function, *args)
        except RuntimeError:  # the loop was closed in this very moment
            return

    def _prepare(self, endpoint: Endpoint, codec: str | None = None) -> tuple[Carrier, LinkOptions, Endpoint]:
        """Return an endpoint's carrier, the options of its links, and the endpoint as the carrier wants it."""
        carrier = load_carrier(endpoint.scheme)
        keywords: dict[str, object] = {**self._keywords}
        if codec is not None:
            keywords["codec"] = codec
        return (carrier, *link_options(endpoint, link_defaults(carrier, endpoint), keywords))

    # what the tables tell (see sigcore._router.Network)

    def sender_removed(self, sender: Sender) -> None:
        """Take a local sender back."""
        self._post(self._sender_removed, sender)

    def listener_removed(self, listener: Listener) -> None:
        """Ask no longer for what a local listener wanted."""
        self._post(self._listener_removed, listener)

    def disconnect(self, text: str) -> None:
        """End the link because a listener here was too slow; a server has no link that is its own to end."""

    def _sender_removed(self, sender: Sender) -> None:
        raise NotImplementedError

    def _listener_removed(self, listener: Listener) -> None:
        raise NotImplementedError
