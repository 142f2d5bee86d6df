# SPDX-License-Identifier: MIT
"""A program that runs on our terminal, in our place."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import Process
from contextlib import suppress

_BY_ITSELF_S = 1.0
"""How long a program may take to end by itself: Ctrl-C on the terminal reaches it as well, and it may tidy up."""

_LAST_WORDS_S = 2.0
"""How long a program that is told to end may take; then it is killed."""


async def until_it_ends(process: Process) -> int:
    """Return the exit code of a process, once it has ended; cancelled, end it first."""
    try:
        return await process.wait()
    except asyncio.CancelledError:
        await _end(process)
        raise


async def _end(process: Process) -> None:
    """Have a process end: by itself, asked to as whoever ended us would, or killed."""
    if await _ends_within(_BY_ITSELF_S, process):
        return
    with suppress(ProcessLookupError):
        process.terminate()
    if not await _ends_within(_LAST_WORDS_S, process):
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _ends_within(seconds: float, process: Process) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await process.wait()
    except TimeoutError:
        return False
    return True
