# SPDX-License-Identifier: MIT
"""Runs a command's coroutine, and ends it in an orderly way when the user or the system asks for that.

asyncio is imported where it is used, so that ``--help`` does not wait for it.
"""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from types import FrameType
from typing import Any

import click

_ENDING = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)]
"""The OS signals that ask a program to end; some exist on one system only."""


def run(main: Coroutine[Any, Any, None], *, until_told: bool = False) -> None:
    """Run ``main``; Ctrl-C or SIGTERM cancels it, so that links are closed well, and a second of them ends it at once.

    Args:
        main: What to run.
        until_told: Whether being told to end is how this command ends: then that is no failure. Otherwise the
            exit code is 128 and the OS signal's number, as shells have it.
    """
    import asyncio

    from sigcore.aio import new_event_loop

    told: list[int] = []
    try:
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(_cancelled_when_told(main, told))
    except asyncio.CancelledError:
        if not told:
            raise
    if told and not until_told:
        raise click.exceptions.Exit(128 + told[0])


async def _cancelled_when_told(main: Coroutine[Any, Any, None], told: list[int]) -> None:
    import asyncio

    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    assert task is not None

    def tell(number: int, _frame: FrameType | None) -> None:
        told.append(number)
        for each in handled:
            signal.signal(each, signal.SIG_DFL)
        loop.call_soon_threadsafe(task.cancel)

    # Not loop.add_signal_handler, which Windows lacks. What is ignored stays so: nohup, and jobs in the background.
    handled = [number for number in _ENDING if signal.getsignal(number) is not signal.SIG_IGN]
    before = [signal.signal(number, tell) for number in handled]
    try:
        await main
    finally:
        for number, handler in zip(handled, before, strict=True):
            signal.signal(number, handler)


@asynccontextmanager
async def in_time(timeout_s: float, what: str) -> AsyncIterator[None]:
    """Limit what is done in the ``async with`` block.

    Raises:
        TimeoutError: It took longer; the message says ``what`` did not happen.
    """
    import asyncio

    try:
        async with asyncio.timeout(timeout_s):
            yield
    except TimeoutError as error:
        raise TimeoutError(f"{what} within {timeout_s:g} s") from error
