# SPDX-License-Identifier: MIT
"""A protocol that notes what a carrier calls, and every rule of the contract that those calls break."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar, cast

T = TypeVar("T")


class WaitedInVain(AssertionError):
    """Something that must come did not."""


class Watch:
    """What the recorders of one rule share: the faults found so far, and waits that end.

    Attributes:
        patience_s: How long a wait may see nothing new before it is given up.
        inside_write: Whether some recorder is just calling ``write``.
    """

    def __init__(self, patience_s: float) -> None:
        self.patience_s = patience_s
        self.inside_write = False
        self.loop = asyncio.get_running_loop()
        self._faults: list[str] = []
        self._news = asyncio.Event()

    def news(self) -> None:
        """Have ``until`` look again; from any thread, since a faulty carrier calls from any."""
        self.loop.call_soon_threadsafe(self._news.set)

    def fault(self, text: str) -> None:
        """Note a broken rule; raising here would only end up in the carrier's own error handling."""
        self._faults.append(text)
        self.news()

    def raise_faults(self) -> None:
        """Raise the first fault noted, if any."""
        if self._faults:
            raise AssertionError(self._faults[0])

    async def until(self, reached: Callable[[], bool], awaited: str) -> None:
        """Return when ``reached()``; fail when nothing new comes for ``patience_s``, or a fault does."""
        while not reached():
            self.raise_faults()
            self._news.clear()
            await self.within_patience(self._news.wait(), awaited)
        self.raise_faults()

    async def within_patience(self, work: Awaitable[T], awaited: str) -> T:
        """Return the result of ``work``, which is called ``awaited`` when it takes too long."""
        limit = asyncio.timeout(self.patience_s)
        try:
            async with limit:
                return await work
        except TimeoutError:
            if not limit.expired():
                raise  # the carrier's own
            raise WaitedInVain(f"waited {self.patience_s:g} s in vain for {awaited}") from None


class Recorder(asyncio.Protocol):
    """One end of a link.

    Attributes:
        transport: What ``connection_made`` gave.
        received: Every byte so far.
        is_lost: Whether ``connection_lost`` came.
        cause: What ``connection_lost`` gave.
        writing_paused: Whether ``pause_writing`` came last, and not ``resume_writing``.
    """

    transport: asyncio.Transport

    def __init__(self, name: str, watch: Watch) -> None:
        self.name = name
        self.watch = watch
        self.is_made = False
        self.is_lost = False
        self.cause: Exception | None = None
        self.received = bytearray()
        self.writing_paused = False
        self._reading_paused = False

    # What the carrier calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self.is_made:
            self._fault("connection_made came twice")
        self.is_made = True
        self.transport = cast(asyncio.Transport, transport)
        self._called("connection_made")

    def data_received(self, data: bytes) -> None:
        self._called("data_received")
        if self.watch.inside_write:
            self._fault("data_received came from inside write()")
        if self._reading_paused:
            self._fault("data_received came between pause_reading() and resume_reading()")
        if not isinstance(data, bytes):
            self._fault(f"data_received got a {type(data).__name__}; it must be bytes, in a buffer that is not reused")
        if not data:
            self._fault("data_received got no bytes")
        self.received += data

    def pause_writing(self) -> None:
        self._called("pause_writing")
        if self.writing_paused:
            self._fault("pause_writing came twice, without resume_writing between")
        self.writing_paused = True

    def resume_writing(self) -> None:
        self._called("resume_writing")
        if not self.writing_paused:
            self._fault("resume_writing came without pause_writing before it")
        self.writing_paused = False

    def connection_lost(self, exc: Exception | None) -> None:
        self._called("connection_lost")
        if self.is_made and not self.transport.is_closing():
            self._fault("is_closing() is false in connection_lost")
        self.is_lost = True
        self.cause = exc

    def _called(self, call: str) -> None:
        if not self.is_made:
            self._fault(f"{call} came before connection_made")
        if self.is_lost:
            self._fault(
                "connection_lost came twice" if call == "connection_lost" else f"{call} came after connection_lost"
            )
        if _running_loop() is not self.watch.loop:
            self._fault(f"{call} came in another thread than the event loop's")
        self.watch.news()

    def _fault(self, text: str) -> None:
        self.watch.fault(f"{self.name}: {text}")

    # What a rule does.

    def write(self, data: bytes) -> None:
        """Write, and have every recorder notice data that comes meanwhile."""
        self.watch.inside_write = True
        try:
            self.transport.write(data)
        finally:
            self.watch.inside_write = False

    def pause_reading(self) -> None:
        """Take no data, and notice it if some comes."""
        self.transport.pause_reading()
        self._reading_paused = True

    def resume_reading(self) -> None:
        """Take data again."""
        self._reading_paused = False
        self.transport.resume_reading()

    async def has_room(self) -> None:
        """Return when writing is not, or no longer, paused."""
        await self.watch.until(lambda: not self.writing_paused, f"resume_writing on {self.name}")

    async def has_received(self, expected: bytes) -> None:
        """Return when ``expected`` is here, byte for byte and nothing else."""
        size = len(expected)
        try:
            await self.watch.until(
                lambda: len(self.received) >= size or self.is_lost, f"the last of {size} bytes on {self.name}"
            )
        except WaitedInVain as error:
            raise WaitedInVain(f"{error}; {len(self.received)} came") from None
        if self.received != expected:
            raise AssertionError(f"{self.name}: {_difference(bytes(self.received), expected)}")

    async def has_ended(self) -> None:
        """Return when ``connection_lost`` came."""
        await self.watch.until(lambda: self.is_lost, f"connection_lost on {self.name}")

    async def has_ended_cleanly(self) -> None:
        """Return when ``connection_lost(None)`` came."""
        await self.has_ended()
        if self.cause is not None:
            raise AssertionError(f"{self.name}: connection_lost got {self.cause!r}; after a clean end it must be None")


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _difference(received: bytes, expected: bytes) -> str:
    same = next((i for i, (a, b) in enumerate(zip(received, expected, strict=False)) if a != b), None)
    if same is not None:
        return f"byte {same} of {len(expected)} is not what was written there"
    if len(received) < len(expected):
        return f"the link ended after {len(received)} of {len(expected)} bytes"
    return f"{len(received)} bytes came where {len(expected)} were written"
