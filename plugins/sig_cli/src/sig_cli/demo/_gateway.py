# SPDX-License-Identifier: MIT
"""The demonstration's own machine: a server with its endpoints, a cable, and the device at its other end."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sigcore.aio import ServerRouter

if TYPE_CHECKING:
    from sig_serial.testing import PtyCable

_TCP = "tcp://127.0.0.1:3000"
_TCP_ANY_PORT = "tcp://127.0.0.1:0"

DEVICE_NAME = "device"
"""What the device's end of the link calls itself."""

_DEVICE_END_S = 3.0
"""How long the device may take to end; then it is killed."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """What runs.

    Attributes:
        server: The server, with a TCP endpoint first.
        cable: The serial cable between server and device; ``None`` where there are no pseudo-terminals.
    """

    server: ServerRouter
    cable: PtyCable | None

    @property
    def tcp(self) -> str:
        """The TCP endpoint."""
        return self.server.endpoints[0]

    @asynccontextmanager
    async def device(self, interval_s: float, verbose: int) -> AsyncIterator[int]:
        """Run the simulated device as a process of its own; give its number.

        Args:
            interval_s: Time between two readings.
            verbose: More than 0 has it log.
        """
        url = f"serial://{self.cable.right}" if self.cable else self.tcp
        args = ["-m", "sig_cli.demo._device", url, DEVICE_NAME, str(interval_s), *["-v"][:verbose]]
        pipe, none = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *args,
            stdin=pipe,
            stdout=none,
            start_new_session=os.name == "posix",  # Ctrl-C is for us, and would meet the device while it still imports
        )
        try:
            yield process.pid
        finally:
            await _end(process)


@asynccontextmanager
async def gateway() -> AsyncIterator[Gateway]:
    """Run a server with a TCP endpoint, a Unix socket and a serial port, as far as this system has them."""
    async with AsyncExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="sig-demo-"))
        cable = _cable(directory)
        local = [f"unix://{directory}/sig.sock"] if hasattr(socket, "AF_UNIX") else []
        if cable is not None:
            stack.enter_context(cable)
            local.append(f"serial://{cable.left}")
        server = await _opened([_TCP, *local], [_TCP_ANY_PORT, *local])
        stack.push_async_callback(server.close)
        yield Gateway(server, cable)


async def _opened(*choices: list[str]) -> ServerRouter:
    """Return a server at the first choice of endpoints that can be had."""
    *others, last = choices
    for endpoints in others:
        server = ServerRouter(endpoints, name="gateway")
        try:
            await server.open()
        except OSError:  # such as a port in use
            continue
        return server
    server = ServerRouter(last, name="gateway")
    await server.open()
    return server


def _cable(directory: str) -> PtyCable | None:
    try:
        from sig_serial.testing import PtyCable
    except ImportError:  # Windows has no pseudo-terminals
        return None
    return PtyCable(directory)


async def _end(process: asyncio.subprocess.Process) -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        async with asyncio.timeout(_DEVICE_END_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
