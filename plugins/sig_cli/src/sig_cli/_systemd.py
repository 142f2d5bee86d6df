# SPDX-License-Identifier: MIT
"""What systemd wants to hear of a service of ``Type=notify``: that it is ready, alive, stopping (``man sd_notify``).

Elsewhere, and on Windows, there is no ``NOTIFY_SOCKET``, and nothing is said.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import sigcore

from ._text import printable

_log = sigcore.get_logger("sigcore.systemd")


class Systemd:
    """Tells systemd how this service is doing.

    Args:
        env: The environment, which says where systemd listens and how often it wants to hear of us.
    """

    def __init__(self, env: Mapping[str, str] = os.environ) -> None:
        path = env.get("NOTIFY_SOCKET", "") if hasattr(socket, "AF_UNIX") else ""
        self._address = f"\0{path[1:]}" if path.startswith("@") else path
        self._beat_s = _half_of_the_watchdog_s(env)

    def ready(self, status: str) -> None:
        """Say that the service does its work now, and how it stands."""
        self._tell("READY=1", f"STATUS={printable(status)}")

    def status(self, text: str) -> None:
        """Say how the service stands, in words that ``systemctl status`` shows."""
        self._tell(f"STATUS={printable(text)}")

    def reloading(self) -> None:
        """Say that the service begins to read its configuration again; ``ready`` ends that (``Type=notify-reload``)."""
        # CLOCK_MONOTONIC, by which systemd tells this answer from an earlier one.
        self._tell("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self, status: str) -> None:
        """Say that the service begins to end."""
        self._tell("STOPPING=1", f"STATUS={printable(status)}")

    @asynccontextmanager
    async def watchdog(self) -> AsyncIterator[None]:
        """Within the ``async with`` block, show that the loop still turns, twice in the time that systemd allows."""
        beating = asyncio.create_task(self._beat(), name="sig watchdog")
        try:
            yield
        finally:
            beating.cancel()
            await asyncio.wait([beating])

    async def _beat(self) -> None:
        while self._beat_s is not None:
            self._tell("WATCHDOG=1")
            await asyncio.sleep(self._beat_s)

    def _tell(self, *lines: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.setblocking(False)
                sender.sendto("\n".join(lines).encode(), self._address)
        except OSError as error:
            _log.warning("systemd was not told %s: %s", " ".join(lines), error)


def _half_of_the_watchdog_s(env: Mapping[str, str]) -> float | None:
    """Return how often the watchdog wants to hear of this process, in seconds; ``None`` for not at all."""
    allowed_us = env.get("WATCHDOG_USEC", "")
    is_ours = env.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    return int(allowed_us) / 2e6 if is_ours and allowed_us.isdecimal() and int(allowed_us) else None
