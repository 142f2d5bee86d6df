# SPDX-License-Identifier: MIT
"""A sender as a row of a table, and as a JSON object."""

from __future__ import annotations

import sigcore

from ._event_lines import holder
from ._paint import Paint
from ._text import printable

SENDER_COLUMNS = ("SENDER", "EVENTS", "REQUESTS", "HELD BY")


def sender_row(info: sigcore.SenderInfo, paint: Paint) -> tuple[str, str, str, str]:
    """Return the cells below ``SENDER_COLUMNS``."""
    return (
        paint.sender(printable(info.name)),
        paint.event(printable(", ".join(info.events)) or "-"),
        paint.event(printable(", ".join(info.requests)) or "-"),
        printable(holder(info)) or "-",
    )


def sender_record(info: sigcore.SenderInfo) -> dict[str, object]:
    """Return what is known of a sender; of one that has left, also why."""
    return {
        "name": info.name,
        "events": info.events,
        "requests": info.requests,
        "peer": info.peer.name if info.peer else None,
        "identity": (info.peer.identity or None) if info.peer else None,
        **({} if info.connected else {"cause": info.cause}),
    }
