# SPDX-License-Identifier: MIT
"""A program that answers requests: the parameters on its standard input, the result from its standard output."""

from __future__ import annotations

import asyncio
import os
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import sigcore

from ._text import printable

AT_A_TIME = 8
"""How many run at once; other requests wait."""

MOST_OUTPUT_BYTES = 1024 * 1024
"""As long as an event or a reply may be by default."""

_LAST_WORDS_BYTES = 4096
"""Of standard error only the end is kept, in which the last line is looked for."""


class ProgramFailed(Exception):
    """A program gave no answer; the message is for whoever asked."""


class Program:
    """Runs a command for each request.

    Args:
        command: The program and its arguments.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._room = asyncio.Semaphore(AT_A_TIME)

    async def answer(self, params: Any, **about: str) -> Any:
        """Return what the command prints: the value of JSON text, or the text itself; ``None`` for nothing.

        When this is cancelled, the command is killed, with all that it has started.

        Args:
            params: What the command reads, as JSON.
            about: Variables for the command's environment.

        Raises:
            ProgramFailed: Its exit code was not 0, or it printed too much.
            CodecError: The parameters have no form in JSON.
            OSError: It cannot be run.
        """
        given = sigcore.load_codec("json").encode(params) + b"\n"
        env = {**os.environ, **{name: printable(value) for name, value in about.items()}}
        async with self._room:
            process = await asyncio.create_subprocess_exec(
                *self._command, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=env, start_new_session=os.name == "posix"
            )
            try:
                printed, said = await _talk(process, given)
                code = await process.wait()
            finally:
                await _kill(process)
        if code:
            raise ProgramFailed(_last_line(said) or f"{self._command[0]} ended with exit code {code}")
        if len(printed) > MOST_OUTPUT_BYTES:
            raise ProgramFailed(f"{self._command[0]} printed more than {MOST_OUTPUT_BYTES} bytes")
        return _value_of(printed)


async def _talk(process: Process, given: bytes) -> tuple[bytes, bytes]:
    """Give a process its input; return the beginning of its output, and the end of what it says of errors."""
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    _, printed, said = await asyncio.gather(
        _feed(process.stdin, given), _beginning_of(process.stdout), _end_of(process.stderr)
    )
    return printed, said


async def _feed(stream: asyncio.StreamWriter, data: bytes) -> None:
    with suppress(ConnectionError):  # it need not read what it does not want to know
        stream.write(data)
        await stream.drain()
        stream.close()
        await stream.wait_closed()


async def _beginning_of(stream: asyncio.StreamReader) -> bytes:
    kept = bytearray()
    while part := await stream.read(65_536):
        kept += part[: MOST_OUTPUT_BYTES + 1 - len(kept)]
    return bytes(kept)


async def _end_of(stream: asyncio.StreamReader) -> bytes:
    kept = b""
    while part := await stream.read(65_536):
        kept = (kept + part)[-_LAST_WORDS_BYTES:]
    return kept


async def _kill(process: Process) -> None:
    """End a process that still runs; on POSIX with all that it has started, which are a group of their own."""
    if process.returncode is not None:
        return
    with suppress(ProcessLookupError):
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    await process.wait()


def _value_of(printed: bytes) -> Any:
    if not printed.strip():
        return None
    try:
        return sigcore.load_codec("json").decode(printed)
    except sigcore.CodecError:
        pass
    try:
        return printed.decode("utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        return printed


def _last_line(said: bytes) -> str:
    lines = said.decode("utf-8", "replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
