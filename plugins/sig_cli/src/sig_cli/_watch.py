# SPDX-License-Identifier: MIT
"""``sig senders --watch``: who comes and goes, as a table that is drawn anew, or a line for each change."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import sigcore
from sigcore.aio import ClientRouter

from ._event_lines import described, local_time
from ._options import Server
from ._output import Output
from ._paint import aligned, can_draw
from ._printer import Printer
from ._running import in_time
from ._sender_rows import SENDER_COLUMNS, sender_record, sender_row
from ._text import json_line, printable

_CHANGES_AHEAD = 1_000
"""Changes that may wait for a slow reader of lines; then the oldest are left out."""

_GONE_SHOWN = 20
"""Senders that have left and still stand in the table."""

_DRAW_EVERY_S = 1.0
"""The table is drawn at least so often, to show that it is alive, and the state of the link."""

_REST_S = 0.1
"""The table is drawn at most once in so long."""

# xterm's control sequences: a screen of its own, no cursor, long lines are cut and not wrapped; and back.
_BEGIN_SCREEN = "\x1b[?1049h\x1b[?25l\x1b[?7l"
_END_SCREEN = "\x1b[?7h\x1b[?25h\x1b[?1049l"
_HOME, _END_OF_LINE, _BELOW = "\x1b[H", "\x1b[K", "\x1b[J"


async def watch(server: Server, timeout_s: float, out: Output) -> None:
    """Show who comes and goes until cancelled.

    Args:
        server: Where.
        timeout_s: How long the first list may take.
        out: In which form: a table on a terminal, else lines.
    """
    refusal: deque[Exception] = deque(maxlen=1)
    client = server.client(on_error=refusal.append)
    board = _Board()
    for event in (sigcore.EVENT_CONNECT, sigcore.EVENT_DISCONNECT):
        await client.add_listener(board.changed, event=event)
    async with client:
        if refusal:
            raise refusal[0]
        async with in_time(timeout_s, "the server did not list its senders"):
            board.begin(await client.senders())
        if can_draw(sys.stdout) and not out.as_json:
            await _draw_for_ever(board, client, server, out)
        else:
            await _print_for_ever(board, out)


@dataclass(frozen=True, slots=True)
class _Place:
    """A sender, and since when it is here or gone; ``None`` for one that was here before us."""

    info: sigcore.SenderInfo
    since: datetime | None


class _Board:
    """Who is here, who has left of late, and what changed."""

    def __init__(self) -> None:
        self._places: dict[str, _Place] = {}
        self._waiting: deque[_Place] = deque()
        self._left_out = 0
        self._has_begun = False
        self.news = asyncio.Event()

    @property
    def places(self) -> list[_Place]:
        """All of them, by name."""
        return [self._places[name] for name in sorted(self._places)]

    def begin(self, senders: Iterable[sigcore.SenderInfo]) -> None:
        """Take down who is here at first."""
        for sender in senders:
            self._put(sender, None)
        self._has_begun = True

    def changed(self, _info: sigcore.EventInfo, sender: sigcore.SenderInfo) -> None:
        """A sender came or left."""
        self._put(sender, datetime.now(UTC) if self._has_begun else None)

    def _put(self, sender: sigcore.SenderInfo, since: datetime | None) -> None:
        known = self._places.pop(sender.name, None)
        place = known if known and known.info == sender else _Place(sender, since)
        self._places[sender.name] = place
        if place is known:
            return  # the first list and the first #connects tell of the same senders
        self._forget_the_oldest()
        self._waiting.append(place)
        if len(self._waiting) > _CHANGES_AHEAD:
            self._waiting.popleft()
            self._left_out += 1
        self.news.set()

    def take(self) -> tuple[list[_Place], int]:
        """Return what changed since the last call, and how many changes before it were left out."""
        taken, left_out = list(self._waiting), self._left_out
        self._waiting.clear()
        self._left_out = 0
        self.news.clear()
        return taken, left_out

    def _forget_the_oldest(self) -> None:
        gone = [name for name, place in self._places.items() if not place.info.connected]
        for name in gone[:-_GONE_SHOWN]:
            del self._places[name]


async def _print_for_ever(board: _Board, out: Output) -> None:
    async with Printer() as printer:
        while True:
            await board.news.wait()
            places, left_out = board.take()
            if left_out:
                out.warning(f"{left_out} changes are left out, because nobody reads so fast")
            for place in places:
                await printer.line(_line(place, out))


def _line(place: _Place, out: Output) -> str:
    info, time, paint = place.info, place.since or datetime.now(UTC), out.paint
    if out.as_json:
        what = "sender came" if info.connected else "sender left"
        return json_line({"time": time, "what": what, **sender_record(info)})
    sign = paint.good("+") if info.connected else paint.bad("-")
    words = described(info) if info.connected else printable(info.cause)
    return f"{paint.dim(local_time(time))}  {sign}  {paint.sender(printable(info.name))}  {words}".rstrip()


async def _draw_for_ever(board: _Board, client: ClientRouter, server: Server, out: Output) -> None:
    with _screen():
        async with Printer() as printer:
            while True:
                board.take()
                printer.offer(_picture(_table(board, client.connected, server, out)))
                await asyncio.sleep(_REST_S)
                with suppress(TimeoutError):
                    await asyncio.wait_for(board.news.wait(), _DRAW_EVERY_S)


@contextmanager
def _screen() -> Iterator[None]:
    """Give the terminal an empty screen within the block, and what was there before after it."""
    sys.stdout.write(_BEGIN_SCREEN)
    sys.stdout.flush()
    try:
        yield
    finally:
        sys.stdout.write(_END_SCREEN)
        sys.stdout.flush()


def _picture(lines: list[str]) -> str:
    """Return what puts lines onto the screen in place of what is there."""
    return _HOME + f"{_END_OF_LINE}\n".join(lines) + _BELOW


def _table(board: _Board, is_connected: bool, server: Server, out: Output) -> list[str]:
    """Return the table, as much as the terminal has room for."""
    paint, places = out.paint, board.places
    here = sum(place.info.connected for place in places)
    link = paint.good("connected") if is_connected else paint.bad("no link")
    head = f"{paint.url(printable(server.url))}  {link}  {here} here  {paint.dim(f'{local_time()[:8]}; Ctrl-C ends')}"
    columns = [paint.dim(name) for name in (*SENDER_COLUMNS, "STATE")]
    rows = [[*sender_row(place.info, paint), _state(place, out)] for place in places]
    lines = [head, "", *aligned([columns, *rows])]
    room = shutil.get_terminal_size().lines - 1
    if len(lines) <= room:
        return lines
    return [*lines[: room - 1], paint.dim(f"... and {len(lines) - room + 1} more")]


def _state(place: _Place, out: Output) -> str:
    when = local_time(place.since)[:8] if place.since else ""
    if not place.info.connected:
        return out.paint.bad(f"left {when}  {printable(place.info.cause)}".rstrip())
    return out.paint.good(f"came {when}" if when else "here")
