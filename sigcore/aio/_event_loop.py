# SPDX-License-Identifier: MIT
"""The event loop of what sigcore runs itself: the blocking form and the command line."""

from __future__ import annotations

import asyncio


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Return a new event loop: uvloop's where that is installed, asyncio's own elsewhere.

    For a program that is to run on either: ``asyncio.Runner(loop_factory=sigcore.aio.new_event_loop)``.
    """
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
