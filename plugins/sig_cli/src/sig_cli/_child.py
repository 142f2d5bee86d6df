# SPDX-License-Identifier: MIT
"""A program that runs on our terminal, in our place."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import Process
from contextlib import suppress

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
    """Ask a process to end, as whoever ended us would; kill it where it does not."""
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(_LAST_WORDS_S):
            await process.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
