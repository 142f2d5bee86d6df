# SPDX-License-Identifier: MIT
"""An event as a line: JSON, or columns for people."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import sigcore

from ._output import Output
from ._paint import Paint, padded, width
from ._text import json_line, printable, spaced_json

Form = Callable[[sigcore.EventInfo, Any], str]


def event_form(out: Output) -> Form:
    """Return what makes a line of an event, by what was asked for."""
    return event_json if out.as_json else EventColumns(out.paint)


def event_json(info: sigcore.EventInfo, data: Any) -> str:
    """Return an event as a JSON object; data without a form in JSON are null, and ``problem`` says why."""
    record = {
        "time": datetime.now(UTC),
        "sender": info.sender,
        "event": info.event,
        "peer": info.peer.name if info.peer else None,
        "identity": (info.peer.identity or None) if info.peer else None,
        "meta": dict(info.meta),
        "data": data,
    }
    try:
        return json_line(record)
    except sigcore.CodecError as error:
        return json_line({**record, "data": None, "problem": str(error)})


class EventColumns:
    """Time, sender, event and data, one below the other; a column is as wide as its widest name so far."""

    def __init__(self, paint: Paint) -> None:
        self._paint = paint
        self._sender_columns = 0
        self._event_columns = 0

    def __call__(self, info: sigcore.EventInfo, data: Any) -> str:
        """Return an event as a line."""
        sender, event = printable(info.sender), printable(info.event)
        self._sender_columns = max(self._sender_columns, width(sender))
        self._event_columns = max(self._event_columns, width(event))
        cells = [
            self._paint.dim(local_time()),
            padded(self._paint.sender(sender), self._sender_columns),
            padded(self._paint.event(event), self._event_columns),
            self._data(data),
        ]
        return "  ".join(cells) + self._meta(info)

    def _data(self, data: Any) -> str:
        if not isinstance(data, sigcore.SenderInfo):
            return self._paint.json(spaced_json(data))
        return (self._paint.good if data.connected else self._paint.bad)(described(data))

    def _meta(self, info: sigcore.EventInfo) -> str:
        return "  " + self._paint.dim(spaced_json(dict(info.meta))) if info.meta else ""


def described(info: sigcore.SenderInfo) -> str:
    """Return what a sender offers and who holds it, in words; of one that has left, first why."""
    held = f"held by {holder(info)}" if info.peer else "held by the server"
    return "; ".join(filter(None, [printable(info.cause), offered(info), printable(held)]))


def holder(info: sigcore.SenderInfo) -> str:
    """Return who holds a sender: its router's name, and who that is where it is known; empty for the server itself."""
    if info.peer is None:
        return ""
    return f"{info.peer.name} ({info.peer.identity})" if info.peer.identity else info.peer.name


def offered(info: sigcore.SenderInfo) -> str:
    """Return what a sender offers, in words."""
    kinds = (("events", info.events), ("requests", info.requests))
    return printable("; ".join(f"{kind} {', '.join(names)}" for kind, names in kinds if names))


def local_time(moment: datetime | None = None) -> str:
    """Return the time of day of ``moment``, or of now, to the millisecond."""
    return (moment or datetime.now(UTC)).astimezone().strftime("%H:%M:%S.%f")[:-3]
