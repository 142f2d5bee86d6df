# SPDX-License-Identifier: MIT
"""The way to other routers as the tables see it, without any."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sigcore import BufferFull, EventInfo, Listener, Sender, Signal


class Ways:
    """Takes what would go to other routers (see ``sigcore._router.Network``).

    Attributes:
        full: Whether there is no room.
        sent: The data of the events that were taken.
    """

    def __init__(self) -> None:
        self.full = False
        self.sent: list[Any] = []

    def outlet(self, _signal: Signal[Any]) -> Callable[[EventInfo, Any], object]:
        return self._send

    def _send(self, _info: EventInfo, data: Any) -> None:
        if self.full:
            raise BufferFull("no room")
        self.sent.append(data)

    def sender_removed(self, sender: Sender) -> None:
        """Nobody is told."""

    def listener_removed(self, listener: Listener) -> None:
        """Nobody is told."""

    def disconnect(self, text: str) -> None:
        """There is no link."""
