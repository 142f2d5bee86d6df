# SPDX-License-Identifier: MIT
"""``sig monitor``: opens the port, answers as a server does, and prints what goes over the line."""

from __future__ import annotations

import asyncio
import errno
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from sig_serial import SerialCarrier, SerialOptions
from sig_serial.tools import tapped

import sigcore
from sigcore.aio import ServerRouter

from ._bridge import Bridge
from ._event_lines import local_time
from ._monitor_lines import MonitorLines, Way
from ._output import Output
from ._printer import Printer
from ._taken_port import taken_port_explained
from ._text import json_line, printable

_LINES_AHEAD = 10_000
"""Lines that may wait for a slow reader; then the oldest are left out."""

_PROMPT_S = 0.5
"""Text that no line feed ends is shown when nothing has come for so long."""

_LOOK_EVERY_S = 0.5
"""How often a device that is gone is looked for."""

_SERVER = sigcore.Endpoint.parse("mem://sig-monitor")
"""Where the server is that answers: in this process, at the other end of a bridge."""

_GONE = frozenset({errno.ENOENT, errno.ENODEV, errno.ENXIO, errno.EIO})
"""What opening a device says that is not there, or no more."""


async def monitor(
    endpoint: sigcore.Endpoint, out: Output, *, is_passive: bool, has_packets: bool, for_s: float | None
) -> None:
    """Print what goes over a line until cancelled.

    Args:
        endpoint: The port.
        out: In which form.
        is_passive: Whether to send nothing.
        has_packets: Whether the packets of the link are shown.
        for_s: How long, in seconds; ``None`` for ever.

    Raises:
        sigcore.EndpointError: The endpoint names no device, or has an unknown or impossible option.
        OSError: The port cannot be opened.
    """
    given, port = endpoint.take_given(sigcore.LinkOptions)
    if port.options(SerialOptions).framing != "packets":
        raise sigcore.EndpointError(f"{endpoint}: the monitor reads packets, and with framing=none there are none")
    try:
        async with asyncio.timeout(for_s) as limit, Printer() as printer, _screen(printer, out, has_packets) as screen:
            if is_passive:
                await _listen(port, screen)
            else:
                await _answer(port, given, screen)
    except TimeoutError:
        if not limit.expired():
            raise


async def _listen(port: sigcore.Endpoint, screen: _Screen) -> None:
    """Show what comes, for ever."""
    while True:
        with taken_port_explained(port):
            async with tapped(port, screen.seen) as lost:
                screen.say(f"listening at {port}")
                loss = await asyncio.shield(lost)
        await _until_back(port, screen, loss)


async def _answer(port: sigcore.Endpoint, given: dict[str, Any], screen: _Screen) -> None:
    """Answer as a server, and show what comes and goes, for ever."""
    given.pop("codec", None)
    defaults: dict[str, Any] = dict(SerialCarrier().link_defaults(port))
    server = ServerRouter(str(_SERVER), name="sig monitor", **{**defaults, **given})
    async with server:
        while True:
            with taken_port_explained(port):
                async with tapped(port, screen.seen, lambda: Bridge(_to_server)) as lost:
                    screen.say(f"answering at {port}")
                    try:
                        loss = await asyncio.shield(lost)
                    except asyncio.CancelledError:
                        await server.close()  # while there is a port to say so to the other side
                        raise
            await _until_back(port, screen, loss)


async def _to_server(protocol_factory: Callable[[], asyncio.Protocol]) -> None:
    await sigcore.load_carrier(_SERVER.scheme).connect(_SERVER, protocol_factory)


async def _until_back(port: sigcore.Endpoint, screen: _Screen, loss: OSError | None) -> None:
    """Wait until a device that was lost can be opened again."""
    screen.say(str(loss))
    while True:
        await asyncio.sleep(_LOOK_EVERY_S)
        try:
            async with tapped(port, lambda way, data: None):
                return
        except OSError as error:
            if error.errno not in _GONE:
                raise


@asynccontextmanager
async def _screen(printer: Printer, out: Output, has_packets: bool) -> AsyncIterator[_Screen]:
    screen = _Screen(out, has_packets=has_packets)
    printing = asyncio.create_task(screen.print_for_ever(printer), name="sig monitor prints")
    try:
        yield screen
    finally:
        printing.cancel()
        await asyncio.wait([printing])
        screen.print_rest(printer)


class _Screen:
    """Lines on their way to the printer, bounded; what came when a reader was too slow is left out and counted."""

    def __init__(self, out: Output, *, has_packets: bool) -> None:
        self._out = out
        self._lines = MonitorLines(out, has_packets=has_packets)
        self._waiting: deque[str] = deque(maxlen=_LINES_AHEAD)
        self._left_out = 0
        self._news = asyncio.Event()
        self._quiet = asyncio.get_running_loop().call_later(_PROMPT_S, self._show_unfinished)

    def seen(self, way: Way, data: bytes) -> None:
        """Take bytes that went over the line."""
        for line in self._lines.of(way, data):
            self._put(line)
        if way == "in":
            self._quiet.cancel()
            self._quiet = asyncio.get_running_loop().call_later(_PROMPT_S, self._show_unfinished)

    def say(self, words: str) -> None:
        """Tell of the port itself."""
        if self._out.as_json:
            self._put(json_line({"time": datetime.now(UTC), "what": "port", "text": words}))
        else:
            self._put(f"{self._out.paint.dim(local_time())}  -  {printable(words)}")

    async def print_for_ever(self, printer: Printer) -> None:
        """Print the lines as they come."""
        while True:
            await self._news.wait()
            self._news.clear()
            while self._waiting:
                await printer.line(self._waiting[0])
                self._waiting.popleft()
            if self._left_out:
                self._out.warning(f"{self._left_out} lines are left out, because nobody reads so fast")
                self._left_out = 0

    def print_rest(self, printer: Printer) -> None:
        """Print what need not wait."""
        self._quiet.cancel()
        self._show_unfinished()
        while self._waiting and printer.offer(self._waiting[0]):
            self._waiting.popleft()

    def _show_unfinished(self) -> None:
        for line in self._lines.of_unfinished():
            self._put(line)

    def _put(self, line: str) -> None:
        self._left_out += len(self._waiting) == _LINES_AHEAD
        self._waiting.append(line)
        self._news.set()
