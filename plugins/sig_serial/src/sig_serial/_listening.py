# SPDX-License-Identifier: MIT
"""A port that is listened to: opened again, as often as it takes, after its device was lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

import sigcore

from ._line import LISTENER_PATIENCE_S, Line
from ._link import Role
from ._opening import open_in_thread

if TYPE_CHECKING:
    from sigcore import Endpoint

    from ._options import SerialOptions
    from ._port import Port

logger = sigcore.get_logger("sigcore.serial")

FIRST_DELAY_S = 0.25
"""Before the first attempt to open a lost port again; doubled each time."""

LAST_DELAY_S = 1.0
"""The longest time between two attempts: so soon is a device back that was plugged in again."""

_SETTLED_S = 2.0
"""A port that was open for less had not really come back: the delay goes on from where it was."""


class SerialListening:
    """What ``SerialCarrier.listen`` gives; a ``sigcore.Listening``.

    Attributes:
        endpoint: The endpoint that is listened to.
    """

    def __init__(
        self, endpoint: Endpoint, options: SerialOptions, port: Port, protocol_factory: Callable[[], asyncio.Protocol]
    ) -> None:
        self.endpoint = endpoint
        self._options = options
        self._path = port.path
        self._protocol_factory = protocol_factory
        self._line = Line(port, Role.LISTENER, protocol_factory, patience_s=LISTENER_PATIENCE_S)
        self._is_closing = asyncio.Event()
        self._task = asyncio.get_running_loop().create_task(self._keep_open(), name=f"sig-serial {port.path}")

    def close(self) -> None:
        """Take no new links. A link that is up goes on, and keeps the port open until its end."""
        self._is_closing.set()
        self._line.finish()

    async def wait_closed(self) -> None:
        """Return when the port is closed: after ``close`` and the end of the present link."""
        await asyncio.wait([self._task])

    async def _keep_open(self) -> None:
        delay_s = FIRST_DELAY_S
        try:
            while True:
                opened_s = asyncio.get_running_loop().time()
                loss = await asyncio.shield(self._line.closed)
                if self._is_closing.is_set():
                    return
                if asyncio.get_running_loop().time() - opened_s > _SETTLED_S:
                    delay_s = FIRST_DELAY_S
                logger.warning("%s; it is opened again as soon as it is back", loss)
                port, delay_s = await self._open_again(delay_s)
                if port is None:
                    return
                logger.info("serial port %s is back", self._path)
                self._line = Line(port, Role.LISTENER, self._protocol_factory, patience_s=LISTENER_PATIENCE_S)
        finally:
            self._line.abort()

    async def _open_again(self, delay_s: float) -> tuple[Port | None, float]:
        """Return the port when it is back, and the delay to go on from; no port when the listening was closed."""
        told = ""
        while not await self._closes_within(delay_s):
            delay_s = min(2 * delay_s, LAST_DELAY_S)
            try:
                port = await open_in_thread(self._path, self._options)
            except OSError as exc:
                if str(exc) != told and not isinstance(exc, FileNotFoundError):
                    logger.warning("%s; it is tried again", exc)
                told = str(exc)
            else:
                if not self._is_closing.is_set():
                    return port, delay_s
                port.close(0.0)
        return None, delay_s

    async def _closes_within(self, delay_s: float) -> bool:
        try:
            async with asyncio.timeout(delay_s):
                return await self._is_closing.wait()
        except TimeoutError:
            return False
