# SPDX-License-Identifier: MIT
"""Losses as lines of their own, in their place between the events."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

import sigcore

from ._event_lines import local_time
from ._output import Output
from ._paint import Paint
from ._printer import Printer
from ._text import json_line, printable

GapForm = Callable[[sigcore.EventInfo, sigcore.Gap], str]


class Gaps:
    """Prints losses at once, or while nobody reads, as soon as somebody does: those of one kind added up until then.

    Args:
        printer: Prints the lines.
        out: In which form.
    """

    def __init__(self, printer: Printer, out: Output) -> None:
        self._printer = printer
        self._form: GapForm = gap_json if out.as_json else partial(gap_words, out.paint)
        self._untold: dict[tuple[str, str, str], tuple[sigcore.EventInfo, sigcore.Gap]] = {}

    def lost(self, info: sigcore.EventInfo, gap: sigcore.Gap) -> None:
        """Take a loss; the ``on_gap`` of a stream."""
        if not self._untold:
            if self._printer.offer(self._form(info, gap)):
                return
            self._printer.when_room(self._tell_more)  # not with the next event: there may be none
        key = (info.sender, info.event, gap.cause)
        _, before = self._untold.get(key, (info, sigcore.Gap(0, gap.cause)))
        self._untold[key] = (info, added(before, gap))

    async def told(self) -> None:
        """Return once all that was lost until now is printed: events that come later have their place behind it."""
        while self._untold:
            await self._printer.room()

    def _tell_more(self) -> None:
        while self._untold:
            key, (info, gap) = next(iter(self._untold.items()))
            if not self._printer.offer(self._form(info, gap)):
                self._printer.when_room(self._tell_more)
                return
            del self._untold[key]


def added(one: sigcore.Gap, other: sigcore.Gap) -> sigcore.Gap:
    """Return two losses of one cause as one."""
    count = None if one.count is None or other.count is None else one.count + other.count
    return sigcore.Gap(count, one.cause)


def gap_json(info: sigcore.EventInfo, gap: sigcore.Gap) -> str:
    """Return a loss as a JSON object, which ``what`` tells from events; the count is null where nobody knows it."""
    place = {"sender": info.sender, "event": info.event, "peer": info.peer.name if info.peer else None}
    return json_line({"what": "gap", "time": datetime.now(UTC), **place, "count": gap.count, "cause": gap.cause})


def gap_words(paint: Paint, info: sigcore.EventInfo, gap: sigcore.Gap) -> str:
    """Return a loss as a line for people."""
    if gap.count is None:
        some, were = "events", "may be"
    else:
        some, were = ("1 event", "was") if gap.count == 1 else (f"{gap.count} events", "were")
    words = f"-- {some} of {info.sender} {info.event} {were} lost ({gap.cause})"
    return f"{paint.dim(local_time())}  {paint.bad(printable(words))}"
