# SPDX-License-Identifier: MIT
"""A device that is connected to, such as one behind a terminal server: again and again, for as long as it takes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

import sigcore

from ._warning import log
from ._wire import Wire

FIRST_DELAY_S = 0.25
LAST_DELAY_S = 2.0
"""Between two attempts at most; as many devices may come back at a time, each waits a little more or less."""

_SETTLED_S = 2.0
"""A connection that lasted for less does not begin the delays anew."""

_EARLY_S = 0.25
"""So long the first attempt may take to find out that the endpoint itself is wrong; that asks nobody."""


class Calling:
    """Keeps one connection to a device; a ``sigcore.Listening``, since the device comes and goes.

    Args:
        carrier: Makes the connection.
        endpoint: Where the device is.
        make_wire: Makes the protocol of a connection.

    Attributes:
        endpoint: As the argument.
    """

    def __init__(self, carrier: sigcore.Carrier, endpoint: sigcore.Endpoint, make_wire: Callable[[], Wire]) -> None:
        self.endpoint = endpoint
        self._carrier = carrier
        self._make_wire = make_wire
        self._is_up = False
        self._is_closing = False
        self._was_tried = asyncio.Event()
        self._task = asyncio.get_running_loop().create_task(self._keep_connected(), name=f"sig-lines {endpoint}")

    async def check(self) -> None:
        """Return soon; raise what no later attempt would mend.

        Raises:
            EndpointError: The carrier cannot do with the endpoint.
        """
        tried = asyncio.ensure_future(self._was_tried.wait())
        await asyncio.wait([self._task, tried], timeout=_EARLY_S, return_when=asyncio.FIRST_COMPLETED)
        tried.cancel()
        if self._task.done():
            self._task.result()

    def close(self) -> None:
        """Connect no more; a connection that is there goes on until its device is left."""
        self._is_closing = True
        if not self._is_up:
            self._task.cancel()

    async def wait_closed(self) -> None:
        """Return when there is no connection and will be none."""
        await asyncio.wait([self._task])

    def status(self) -> list[dict[str, Any]]:
        """Return one row: where the device is, and whether it is connected to."""
        return [{"port": str(self.endpoint), "state": "up" if self._is_up else "absent"}]

    async def _keep_connected(self) -> None:
        delay_s, told = FIRST_DELAY_S, ""
        while not self._is_closing:
            began_s = asyncio.get_running_loop().time()
            try:
                _, wire = await self._carrier.connect(self.endpoint, self._make_wire)
            except sigcore.EndpointError:
                raise
            except (OSError, sigcore.SigError) as error:
                if str(error) != told:
                    log.warning("%s; it is tried again", error)
                told = str(error)
                self._was_tried.set()
            else:
                assert isinstance(wire, Wire)
                log.info("connected to the device at %s", self.endpoint)
                told = await self._until_lost(wire)
            if asyncio.get_running_loop().time() - began_s > _SETTLED_S:
                delay_s = FIRST_DELAY_S
            await asyncio.sleep(0 if self._is_closing else delay_s * random.uniform(0.75, 1.0))  # noqa: S311  # no secret
            delay_s = min(2 * delay_s, LAST_DELAY_S)

    async def _until_lost(self, wire: Wire) -> str:
        self._is_up = True
        self._was_tried.set()
        try:
            cause = await wire.lost
        finally:
            self._is_up = False
        if not self._is_closing:
            log.info("%s; it is tried again", cause)  # the loss itself is the server's to tell
        return ""
