# SPDX-License-Identifier: MIT
"""Where the text goes that comes between the packets: boot banners, ``printf``, panic dumps."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import sigcore

logger = sigcore.get_logger("sigcore.serial.console")


class Console:
    """Tells lines of text to the protocol factory where that takes them, else to the log at debug level.

    Args:
        source: What to call the place that the lines come from: the port's path, or a name that the user chose.
        protocol_factory: What was given to ``Carrier.listen`` or ``connect``; its method ``console(source, line)``,
            where it has one, is called for each line.
    """

    def __init__(self, source: str, protocol_factory: Callable[[], asyncio.Protocol]) -> None:
        self._source = source
        self._loop = asyncio.get_running_loop()
        self._tell: Callable[[str, str], object] = getattr(protocol_factory, "console", self._log)

    def tell(self, line: str) -> None:
        """Tell one line; what its receiver raises is reported, and costs nobody a link."""
        try:
            self._tell(self._source, line)
        except Exception as exc:  # noqa: BLE001  # a fault in who listens must not stop the line
            context = {"message": f"{self._source}: a line of console text could not be told", "exception": exc}
            self._loop.call_exception_handler(context)

    def _log(self, source: str, line: str) -> None:
        logger.debug("%s: %s", source, line)
