# SPDX-License-Identifier: MIT
"""Text that a carrier finds beside its links, such as what firmware prints, as events ``#console``.

Each source of text, a port, is a sender to those who listen for ``#console``, and to nobody else: it has no presence,
answers nothing, and a sender proper may have the same name. A source that floods is cut to ``LINES_PER_S``; what is
left out is told as a gap, in its place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from .._errors import InvalidName, SigError
from .._info import Gap
from .._names import EVENT_CONSOLE, check_name
from .._signal import Signal

if TYPE_CHECKING:
    from .. import _router as core
    from ._server_local import ServerLocal, ServerOutlet

LINES_PER_S = 200.0
"""How many lines a source may bring a second, over some time and at once."""

LINE_CHARACTERS = 4096
"""How long a line may be; what is longer is cut."""

MAX_SOURCES = 1_000
"""How many sources a server tells apart; lines of others are left out."""

GAP_DELAY_S = 0.25
"""How long a gap waits for the line that follows it; then it is told without."""


class Consoles:
    """The consoles of one server, on its loop.

    Args:
        tables: The router whose listeners hear them.
        local: The server's own process.
    """

    def __init__(self, tables: core.Router, local: ServerLocal) -> None:
        self._tables = tables
        self._local = local
        self._by_source: dict[str, _Console] = {}

    def take(self, source: str, line: str) -> None:
        """Tell of a line of text; never raises, and never waits.

        Args:
            source: Where it came from: the name of the sender that its events have.
            line: The text, without the end of the line.
        """
        console = self._by_source.get(source)
        if console is None:
            console = self._new(source)
        if console is not None:
            console.take(line[:LINE_CHARACTERS])

    def close(self) -> None:
        """Tell of nothing more."""
        for console in self._by_source.values():
            console.close()

    def _new(self, source: str) -> _Console | None:
        drops = self._tables._drops
        try:
            check_name(source, "sender")
        except InvalidName as error:
            drops.count("console", f"text beside a link was left out: {error}")
            return None
        if len(self._by_source) >= MAX_SOURCES:
            drops.count("console", f"text of {source!r} was left out: {MAX_SOURCES} others have brought some")
            return None
        signal: Signal[str] = Signal(source, EVENT_CONSOLE, self._tables._report)
        with self._tables._lock:
            self._tables._table.add_signal(signal)
        there = _There(signal, self._local.add_console(signal))
        here = _Here(signal, self._local)
        text = f"lines of {source!r} were left out: more than {LINES_PER_S:g} a second, or no room"
        left_out = partial(drops.count, "console", text)
        ways = (_Way(there.tell, there.tell_gap), _Way(here.tell, here.tell_gap))
        console = self._by_source[source] = _Console(left_out, ways)
        return console


class _Console:
    """One source: how much it may bring, and the ways that its lines take.

    Args:
        left_out: Called for each line that is lost for somebody.
        ways: The ways to those who listen.
    """

    def __init__(self, left_out: Callable[[], None], ways: Sequence[_Way]) -> None:
        self._left_out = left_out
        self._ways = ways
        self._loop = asyncio.get_running_loop()
        self._allowed = LINES_PER_S
        self._reckoned_s = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None

    def take(self, line: str) -> None:
        """Pass a line on, or take down that it was lost."""
        is_allowed = self._is_allowed()
        told = [way.tell(line) if is_allowed else way.miss() for way in self._ways]
        if not all(told):
            self._left_out()
            self._tell_gaps_soon()

    def close(self) -> None:
        """Tell nothing more."""
        if self._timer is not None:
            self._timer.cancel()

    def _is_allowed(self) -> bool:
        now_s = self._loop.time()
        self._allowed = min(LINES_PER_S, self._allowed + (now_s - self._reckoned_s) * LINES_PER_S)
        self._reckoned_s = now_s
        if self._allowed < 1:
            return False
        self._allowed -= 1
        return True

    def _tell_gaps_soon(self) -> None:
        if self._timer is None:
            self._timer = self._loop.call_later(GAP_DELAY_S, self._tell_gaps)

    def _tell_gaps(self) -> None:
        self._timer = None
        if not all([way.tell_gap() for way in self._ways]):
            self._tell_gaps_soon()


class _Way:
    """One of the ways to those who listen, and how many lines it has lost since it told of the last loss."""

    def __init__(self, tell: Callable[[str], bool], tell_gap: Callable[[Gap], bool]) -> None:
        self._tell = tell
        self._tell_gap = tell_gap
        self._lost = 0

    def tell(self, line: str) -> bool:
        """Pass a line on, behind the gap before it; return whether there was room."""
        return (self.tell_gap() and self._tell(line)) or self.miss()

    def tell_gap(self) -> bool:
        """Tell of what is lost, if anything is; return whether that is told."""
        if self._lost and self._tell_gap(Gap(self._lost, "overflow")):
            self._lost = 0
        return not self._lost

    def miss(self) -> bool:
        """Take down that a line is lost; return ``False``."""
        self._lost += 1
        return False


class _There:
    """The way to other routers."""

    def __init__(self, signal: Signal[Any], outlet: ServerOutlet) -> None:
        self._info = signal.info
        self._outlet = outlet

    def tell(self, line: str) -> bool:
        """Put a line on its way; return whether there was room."""
        try:
            self._outlet(self._info, line)
        except SigError:
            return False
        return True

    def tell_gap(self, gap: Gap) -> bool:
        """Put a gap on its way; return whether there was room."""
        try:
            self._outlet.put_gap(gap)
        except SigError:
            return False
        return True


class _Here:
    """The way to the listeners of the server's own process, in the order of what links bring them."""

    def __init__(self, signal: Signal[Any], local: ServerLocal) -> None:
        self._signal = signal
        self._local = local

    def tell(self, line: str) -> bool:
        """Have a line delivered; return whether there was room."""
        return self._put(partial(self._signal.trigger, line), len(line))

    def tell_gap(self, gap: Gap) -> bool:
        """Have a gap told; return whether there was room."""
        return self._put(partial(self._signal.report_gap, gap))

    def _put(self, work: Callable[[], None], size: int = 0) -> bool:
        if not self._signal.has_listeners:
            return True
        if self._local.waiting_size >= self._local.most_waiting:
            return False
        self._local.put(work, size)
        return True
