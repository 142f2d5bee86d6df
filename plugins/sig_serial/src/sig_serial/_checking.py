# SPDX-License-Identifier: MIT
"""Checks a line through a port of this machine: opens it, asks or answers, closes it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ._bare_line import BareLine
from ._line_check import Answerer, Asker
from ._opening import open_endpoint
from ._options import SerialOptions

if TYPE_CHECKING:
    from sigcore import Endpoint

    from ._quality import LineQuality

USUAL_BAUDRATES = (
    115_200,
    9_600,
    57_600,
    921_600,
    230_400,
    460_800,
    38_400,
    19_200,
    1_000_000,
    500_000,
    250_000,
    1_500_000,
    2_000_000,
    4_800,
    2_400,
)
"""Baud rates that devices are set to, the most usual first."""

_SCAN_S = 0.4
"""How long a baud rate is tried, beyond the time that the bytes of a round trip take."""

_SCAN_BYTES = 120
"""A small probe and its reply, with what may be cut off at the beginning."""

_BACKLOG_BYTES = 1024
"""With more than this waiting for the wire, which somebody holds up, no further probe is sent."""

_HELD_UP_S = 0.05
"""How soon a wire that is held up is looked at again."""


async def check_line(endpoint: Endpoint, *, seconds: float = 5.0) -> LineQuality:
    """Find out what a line is worth, with probes that every side answers that has its port open.

    No link is made. The port must be free: a server that has it can lend it.

    Args:
        endpoint: The port, as for the carrier.
        seconds: How long to ask.

    Raises:
        sigcore.EndpointError: The endpoint names no device, or has an unknown or impossible option.
        sigcore.LinkError: The device was lost meanwhile.
        OSError: The port cannot be opened; the message says what to do.
    """
    return await _ask(endpoint, endpoint.options(SerialOptions), seconds)


async def find_baudrate(
    endpoint: Endpoint,
    *,
    among: Sequence[int] = USUAL_BAUDRATES,
    tried: Callable[[int], object] = lambda baudrate: None,
) -> int | None:
    """Return the baud rate at which the other side of a line answers probes; ``None`` where it does at none.

    Args:
        endpoint: The port, as for the carrier; its own baud rate is tried first.
        among: The baud rates to try. Those that the port cannot have are left out.
        tried: Told of each before it is tried.

    Raises:
        sigcore.EndpointError: The endpoint names no device, or has an unknown or impossible option.
        sigcore.LinkError: The device was lost meanwhile.
        OSError: The port cannot be opened even at its own baud rate; the message says what to do.
    """
    own = endpoint.options(SerialOptions)
    for baudrate in dict.fromkeys([own.baudrate, *among]):
        options = replace(own, baudrate=baudrate)
        tried(baudrate)
        try:
            found = await _ask(endpoint, options, _SCAN_S + _SCAN_BYTES * options.byte_s, until_answered=True)
        except OSError:
            if baudrate == own.baudrate:
                raise
            continue
        if found.answered:
            return baudrate
    return None


@dataclass(slots=True)
class Answering:
    """A port that answers probes.

    Attributes:
        lost: Done when the device is gone; its result is the error that says so.
    """

    lost: asyncio.Future[OSError]
    _answerer: Answerer

    @property
    def answered(self) -> int:
        """How many probes were answered."""
        return self._answerer.answered


@asynccontextmanager
async def answer_probes(endpoint: Endpoint) -> AsyncIterator[Answering]:
    """Be the other side of a check for the ``async with`` block: answer probes, and do nothing else.

    Raises:
        sigcore.EndpointError: The endpoint names no device, or has an unknown or impossible option.
        OSError: The port cannot be opened; the message says what to do.
    """
    answerer = Answerer()

    def heard(data: bytes) -> None:
        if reply := answerer.receive(data):
            line.write(reply)

    port = await open_endpoint(endpoint, endpoint.options(SerialOptions))
    line = BareLine(port, heard)
    try:
        yield Answering(line.lost, answerer)
    finally:
        await line.close()


async def _ask(
    endpoint: Endpoint, options: SerialOptions, seconds: float, *, until_answered: bool = False
) -> LineQuality:
    """Check a line; with ``until_answered`` only until the first answer."""
    loop = asyncio.get_running_loop()
    news = asyncio.Event()

    def heard(data: bytes) -> None:
        asker.receive(data, loop.time())
        news.set()

    port = await open_endpoint(endpoint, options)
    asker = Asker(loop.time(), byte_s=options.byte_s, seconds=seconds)
    line = BareLine(port, heard)
    line.lost.add_done_callback(lambda _: news.set())
    try:
        while not asker.is_done(now_s := loop.time()):
            if line.lost.done():
                raise line.lost.result()
            if until_answered and asker.has_answer:
                break
            while line.backlog <= _BACKLOG_BYTES and (data := asker.data_to_send(now_s)):
                line.write(data)
            await _wait(news, until_s=max(asker.deadline_s, now_s + _HELD_UP_S * (line.backlog > _BACKLOG_BYTES)))
        return asker.result(loop.time())
    finally:
        await line.close()


async def _wait(news: asyncio.Event, *, until_s: float) -> None:
    """Wait for news, or until a point of time."""
    with suppress(TimeoutError):
        async with asyncio.timeout_at(until_s):
            await news.wait()
    news.clear()
