# SPDX-License-Identifier: MIT
"""Where the rules for carriers are tried: places that listen, and links with a recorder at either end."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from .._carrier import Carrier, Listening
from .._endpoint import Endpoint
from ._recorder import Recorder, Watch

_MOST_BEFORE_PAUSE_BYTES = 64 * 1024 * 1024  # far above what a kernel buffers on a loopback link (about 10 MiB)
_PIECE_BYTES = 64 * 1024


@dataclass(frozen=True)
class Bench:
    """The carrier under test, and how to test it; the arguments of ``check_carrier``, and one rule's ``watch``."""

    carrier: Carrier
    listen_at: Endpoint
    connect_at: Endpoint | None
    links: int
    largest: int
    watch: Watch

    @asynccontextmanager
    async def place(self, endpoint: Endpoint | None = None) -> AsyncIterator[Place]:
        """Listen, and stop listening afterwards; the place is closed when the block ends."""
        place = Place(self)
        await place.open(endpoint or self.listen_at)
        try:
            yield place
        except BaseException:
            place.listening.close()
            raise
        await place.close()

    async def refuses(self, work: Coroutine[Any, Any, object], error: type[Exception], what: str) -> None:
        """Check that ``work``, called ``what``, raises ``error``."""
        try:
            await self.watch.within_patience(work, f"{what} to fail")
        except error:
            return
        except AssertionError:
            raise
        except Exception as other:  # whatever the carrier raised is the finding
            raise AssertionError(f"{what} raised {other!r}; it must raise {error.__name__}") from other
        raise AssertionError(f"{what} did not fail; it must raise {error.__name__}")

    def noise(self, size: int) -> bytes:
        """Return ``size`` bytes, the same in every run."""
        return random.Random(size).randbytes(size)  # noqa: S311  # test data, no secret

    def cuts(self, size: int) -> list[int]:
        """Return the sizes of writes that make up ``size`` bytes: one byte, the largest, and much between."""
        dice = random.Random(size)  # noqa: S311  # test data, no secret
        sizes = [1, min(self.largest, size - 1)]
        while (left := size - sum(sizes)) > 0:
            sizes.append(min(left, int(self.largest ** dice.random())))
        dice.shuffle(sizes)
        return sizes


class Place:
    """Something that listens, and the links that come in there."""

    listening: Listening

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._watch = bench.watch
        self._came: list[Recorder] = []

    async def open(self, endpoint: Endpoint) -> None:
        """Listen at ``endpoint``."""
        work = self._bench.carrier.listen(endpoint, self._take)
        self.listening = await self._watch.within_patience(work, "listen()")

    async def close(self) -> None:
        """Stop listening, and wait until the address is free."""
        self.listening.close()
        self.listening.close()  # once more does no harm
        await self._watch.within_patience(self.listening.wait_closed(), "wait_closed()")

    @property
    def address(self) -> Endpoint:
        """Where to connect."""
        return self._bench.connect_at or self.listening.endpoint

    @property
    def links_that_came(self) -> int:
        """How often the protocol factory was called."""
        return len(self._came)

    @asynccontextmanager
    async def link(self) -> AsyncIterator[tuple[Recorder, Recorder]]:
        """Make a link, give its connecting and its listening end, and close what is left of it afterwards."""
        ends = await self._connect()
        try:
            yield ends
        except BaseException:
            for end in ends:
                end.transport.abort()
            raise
        for end in ends:
            end.transport.close()
        for end in ends:
            await end.has_ended()

    async def _connect(self) -> tuple[Recorder, Recorder]:
        before = len(self._came)
        near = Recorder("the connecting end", self._watch)
        calls: list[Recorder] = []

        def factory() -> Recorder:
            calls.append(near)
            return near

        work = self._bench.carrier.connect(self.address, factory)
        transport, protocol = await self._watch.within_patience(work, "connect()")
        require(calls == [near] and protocol is near, "connect() must call the factory once, and return that protocol")
        require(near.is_made, "connect() returned before connection_made")
        require(transport is near.transport, "connect() returned another transport than connection_made got")
        await self._watch.until(lambda: len(self._came) > before, "a new protocol on the listening end")
        far = self._came[-1]
        await self._watch.until(lambda: far.is_made, "connection_made on the listening end")
        return near, far

    def _take(self) -> Recorder:
        far = Recorder("the listening end", self._watch)
        self._came.append(far)
        self._watch.news()
        return far


def require(fact: bool, fault: str) -> None:
    """Raise ``AssertionError(fault)`` unless ``fact``; as ``assert``, but under ``python -O`` too."""
    if not fact:
        raise AssertionError(fault)


async def send(end: Recorder, data: bytes, cuts: list[int]) -> None:
    """Write ``data`` in pieces of these sizes, and wait wherever writing is paused."""
    at = 0
    for size in cuts:
        await end.has_room()
        end.write(data[at : at + size])
        at += size
        await asyncio.sleep(0)


async def fill(end: Recorder, largest: int) -> bytes:
    """Write until ``pause_writing`` comes, and return what was written."""
    piece = random.Random(largest).randbytes(min(largest, _PIECE_BYTES))  # noqa: S311  # test data, no secret
    written = bytearray()
    while not end.writing_paused:
        end.watch.raise_faults()
        require(
            len(written) < _MOST_BEFORE_PAUSE_BYTES,
            f"{end.name}: no pause_writing after {len(written)} bytes that the other end does not read",
        )
        numbered = len(written).to_bytes(8, "big") + piece
        end.write(numbered)
        written += numbered
        await asyncio.sleep(0)
    return bytes(written)
