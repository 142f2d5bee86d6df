# SPDX-License-Identifier: MIT
"""Events from standard input, one a line: the event's name, and its data as JSON."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Awaitable, Callable, Collection
from concurrent.futures import CancelledError
from contextlib import suppress
from typing import Any

import sigcore

Trigger = Callable[[str, Any], Awaitable[None]]


class BadLine(ValueError):
    """A line of the input is no event."""


def trigger_lines(events: Collection[str], trigger: Trigger, complain: Callable[[str], None]) -> None:
    """Have the event of every line triggered on the running loop; a line waits until the one before is through.

    A thread reads, since a terminal or a pipe may keep it waiting for ever; it ends with the process.

    Args:
        events: Those that may be named.
        trigger: Triggers an event, with its data.
        complain: Told of a line that is none, on the loop.
    """
    loop = asyncio.get_running_loop()

    async def take(number: int, line: str) -> None:
        try:
            await trigger(*event_of(line, events))
        except (BadLine, sigcore.SigError) as error:
            complain(f"line {number} of the input: {error}")

    def read() -> None:
        # A file of its own: at exit Python takes the lock of sys.stdin, which a stuck thread never gives back.
        with os.fdopen(os.dup(sys.stdin.fileno()), encoding="utf-8", errors="surrogateescape") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    asyncio.run_coroutine_threadsafe(take(number, line), loop).result()

    def read_to_the_end() -> None:
        with suppress(CancelledError, RuntimeError):  # the command ends before its input does
            read()

    threading.Thread(target=read_to_the_end, name="sig-events", daemon=True).start()


def event_of(line: str, events: Collection[str]) -> tuple[str, Any]:
    """Return the name and the data of the event in a line; where no JSON follows the name, the data are ``None``.

    Raises:
        BadLine: It begins with no event that is known, or goes on with what is no JSON.

    >>> event_of('reading {"celsius": 21.5}', ["reading"])
    ('reading', {'celsius': 21.5})
    """
    text = line.strip()
    # The longest first, since names may have spaces.
    for name in sorted(events, key=len, reverse=True):
        rest = text.removeprefix(name)
        if rest != text and (not rest or rest[0].isspace()):
            return name, _data_of(rest.strip())
    raise BadLine(f"it begins with none of the events declared: {', '.join(events)}")


def _data_of(text: str) -> Any:
    if not text:
        return None
    try:
        return sigcore.load_codec("json").decode(text.encode("utf-8", "surrogateescape"))
    except sigcore.CodecError as error:
        raise BadLine(f"what follows the name is {error}") from error
