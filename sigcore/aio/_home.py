# SPDX-License-Identifier: MIT
"""The way to a router's event loop from wherever an event is triggered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVarTuple

Ts = TypeVarTuple("Ts")


class Home:
    """The loop on which a router's streams and ``async def`` listeners live: the first that it is used on.

    Events come from other threads too: a plain request handler runs on one, and may trigger.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self, function: Callable[[*Ts], object], *args: *Ts) -> None:
        """Call ``function`` on the loop: at once where this is it, else soon.

        Raises:
            RuntimeError: The loop is closed, or none was used yet and none is running here.
        """
        try:
            here: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            here = None
        if self._loop is None:
            self._loop = here
        if self._loop is None:
            raise RuntimeError("an 'async def' listener or a stream of sigcore.aio needs a running event loop")
        if here is self._loop:
            function(*args)
        else:
            self._loop.call_soon_threadsafe(function, *args)

    def settle_here(self) -> None:
        """Take the loop that is running, if one is and none was taken."""
        if self._loop is None:
            try:
                self._loop = asyncio.get_running_loop()
            except RuntimeError:
                return


def has_running_loop() -> bool:
    """Whether the calling thread runs an event loop, which would stand still while the thread waits."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


class Nudge:
    """Has a function called on the loop: once, however often that is asked for until it runs.

    Args:
        home: The way to the loop.
        function: What to call.
    """

    def __init__(self, home: Home, function: Callable[[], object]) -> None:
        self._home = home
        self._function = function
        self._is_on_its_way = False

    def __call__(self) -> None:
        """Ask for a call, from any thread; the errors are those of ``Home.run``."""
        if self._is_on_its_way:
            return
        self._is_on_its_way = True
        try:
            self._home.run(self._run)
        except BaseException:
            self._is_on_its_way = False
            raise

    def _run(self) -> None:
        self._is_on_its_way = False
        self._function()
