# SPDX-License-Identifier: MIT
"""One device that is listened to: opened, used, lent, and opened again, until it is gone.

What happens to it, from the top: it is opened, which may take several attempts; it is used until it is lost; then it
is opened again, unless it is not there any more. A loan may come at any point: the port is closed, and stays so until
the time is over, or it is taken back, and whoever borrowed it has let it go.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import sigcore
from sigcore import LinkError

from ._device_file import is_fresh, may_come, node_of
from ._finding import key_of
from ._opening import open_in_thread
from ._port_errors import absent, text_of

if TYPE_CHECKING:
    from ._finding import Device
    from ._options import SerialOptions
    from ._port import Port
    from ._port_line import PortLine
    from ._totals import Totals

logger = sigcore.get_logger("sigcore.serial")

FIRST_DELAY_S = 0.25
"""Before the first attempt to open a lost port again; doubled each time."""

LAST_DELAY_S = 0.75
"""The longest time between two attempts: a device that was plugged in again is in use within a second."""

LAST_REFUSED_S = 3.0
"""The same for a port that is there and is refused: it may be for ever, and each look at who has it takes some ms."""

_SETTLED_S = 2.0
"""A port that was open for less had not really come back: the delay goes on from where it was."""


def absence(port: str, totals: Totals) -> dict[str, Any]:
    """Return how a port is doing that is not there; its entries are those of every port, in their order."""
    return {
        "port": port,
        "state": "absent",
        "up_s": None,
        **totals.status(None),
        "identity": port,
        "lent_s": None,
        "problem": None,
    }


class Berth:
    """A device's place with a listening.

    Args:
        device: The device.
        options: How its port is set.
        start: Makes a line over an open port.
        is_there: Tells whether the device is there; another may have got its name since it was lost.
        totals: Adds up the counters of the port, which outlast this.
        port: The device's port, where that is open already.

    Attributes:
        device: As the argument.
    """

    def __init__(
        self,
        device: Device,
        options: SerialOptions,
        start: Callable[[Port], PortLine],
        is_there: Callable[[], Awaitable[bool]],
        totals: Totals,
        port: Port | None = None,
    ) -> None:
        self.device = device
        self._is_there = is_there
        self._totals = totals
        self._key = key_of(device)
        self._port = port
        self._options = options
        self._start = start
        self._loop = asyncio.get_running_loop()
        self._line: PortLine | None = None
        self._identity = str(device)
        self._node: tuple[int, int] | None = None
        self._problem = ""
        self._told = ""
        self._lent_until_s: float | None = None
        self._is_closing = False
        self._news = asyncio.Event()
        self._is_free = asyncio.Event()  # the port is neither open nor being opened
        self._is_tried = asyncio.Event()  # an opening has come to its end since a loan was ended
        self._is_expected = port is not None  # nobody had to wait for it: no words about that
        self._is_gone = False
        if port is None:
            self._is_free.set()

    @property
    def is_lent(self) -> bool:
        """Whether the port is somebody else's for now."""
        return self._lent_until_s is not None

    async def keep(self) -> None:
        """Use the device until it is gone, or until the end of the last link after ``close``."""
        delay_s = FIRST_DELAY_S
        port, self._port = self._port, None
        try:
            while port := port or await self._open(delay_s):
                began_s = self._loop.time()
                await self._use(port)
                port = None
                delay_s = FIRST_DELAY_S if self._loop.time() - began_s > _SETTLED_S else 2 * delay_s
                await self._wait(min(delay_s, LAST_DELAY_S))
        finally:
            self._is_gone = True
            if self._line is not None:
                self._line.abort()
            self._is_free.set()
            self._is_tried.set()

    def close(self) -> None:
        """Take no new links; a link that is up goes on, and keeps the port open until its end."""
        self._is_closing = True
        self._news.set()
        if self._line is not None:
            self._line.finish()

    def abort(self) -> None:
        """Close the port now."""
        self.close()
        if self._line is not None:
            self._line.abort()

    def check(self) -> None:
        """Let go of a device whose file is gone: its driver need not have said so to who does not read."""
        if self._line is not None and self._node not in (None, node_of(self._key)):
            self._line.release(
                LinkError(f"serial port {self._identity} is gone: its file was removed", cause="unplugged")
            )

    async def lend(self, seconds: float) -> None:
        """Close the port, so that another program can open it; return when it can. Lent again, the new time counts."""
        self._lent_until_s = self._loop.time() + seconds
        self._news.set()
        logger.info("serial port %s is lent for %g s", self._identity, seconds)
        self._release_if_lent()
        await self._is_free.wait()

    async def take_back(self) -> None:
        """End a loan; return after the first attempt to open the port again."""
        if self.is_lent and not self._is_gone:
            self._lent_until_s = self._loop.time()
            self._is_tried.clear()
            self._news.set()
            await self._is_tried.wait()

    def status(self) -> dict[str, Any]:
        """Return how the device is doing, in plain values."""
        left_s = None if self._lent_until_s is None else max(0.0, round(self._lent_until_s - self._loop.time(), 1))
        return {
            **absence(str(self.device), self._totals),
            "state": self._state(),
            **(self._line_status(self._line) if self._line is not None else {}),
            "identity": self._identity,
            "lent_s": left_s,
            "problem": self._problem or None,
        }

    def _line_status(self, line: PortLine) -> dict[str, Any]:
        return {**line.status(), **self._totals.status(line.counters)}

    def _state(self) -> str:
        if self._is_gone:
            return "absent"
        return "lent" if self.is_lent else "refused" if self._problem else "opening"

    # Opening.

    async def _open(self, delay_s: float) -> Port | None:
        """Return the port, after as many attempts as it takes; ``None`` when the device is gone or after ``close``."""
        while not self._is_closing:
            if self.is_lent:
                await self._wait_for_the_end_of_the_loan()
                continue
            try:
                port = await self._attempt()
            except FileNotFoundError:
                return None
            except OSError as exc:
                self._refused(exc)
                last_s = LAST_DELAY_S if may_come(exc, self.device) else LAST_REFUSED_S
            else:
                if port is not None:
                    return port
                continue
            await self._wait(delay_s)
            delay_s = min(2 * delay_s, last_s)
        return None

    async def _wait_for_the_end_of_the_loan(self) -> None:
        assert self._lent_until_s is not None
        left_s = self._lent_until_s - self._loop.time()
        if left_s > 0:
            await self._wait(left_s)
        else:
            self._lent_until_s = None

    async def _attempt(self) -> Port | None:
        """Open the port once; ``None`` where it was to be lent or closed meanwhile."""
        self._is_free.clear()
        try:
            if not await self._is_there():
                raise absent(str(self.device))
            port = await open_in_thread(self.device, self._options)
            if not (self.is_lent or self._is_closing):
                return port
            await self._loop.run_in_executor(None, port.close, 0.0)
        except BaseException:
            self._is_free.set()
            raise
        self._is_free.set()
        return None

    def _refused(self, exc: OSError) -> None:
        """Say why the port could not be opened: once, and not what udev will have mended in a moment."""
        self._problem = text_of(exc)
        self._is_tried.set()
        if isinstance(exc, PermissionError) and is_fresh(self.device):
            logger.debug("%s; it has only just come, and is tried again", self._problem)
        elif self._problem != self._told:
            self._told = self._problem
            logger.warning("%s; it is tried again", self._problem)

    # Using.

    async def _use(self, port: Port) -> None:
        self._is_free.clear()
        self._problem = self._told = ""
        self._identity = port.identity
        self._node = node_of(self._key)
        logger.log(logging.DEBUG if self._is_expected else logging.INFO, "serial port %s is open", port.identity)
        self._is_expected = False
        try:
            self._line = self._start(port)
        except BaseException:
            port.close(0.0)
            raise
        counters = self._line.counters
        self._totals.begin(counters)
        self._is_tried.set()
        if self._is_closing:
            self._line.finish()
        self._release_if_lent()
        loss = await asyncio.shield(self._line.closed)
        self._totals.end(counters)
        self._line = None
        self._is_free.set()
        if loss is not None and not self.is_lent:
            logger.warning("%s; it is opened again as soon as it is back", loss)

    def _release_if_lent(self) -> None:
        if self.is_lent and self._line is not None:
            self._line.release(LinkError(f"serial port {self._identity} is lent to another program", cause="lent"))

    async def _wait(self, seconds: float) -> None:
        """Wait, until ``close``, ``lend`` or ``take_back`` at most."""
        self._news.clear()
        if not self._is_closing:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._news.wait()
