# SPDX-License-Identifier: MIT
"""``sig port lend`` and ``sig port take-back``: a server leaves a serial port to another program for a while."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

import sigcore

from ._credentials import Credentials, takes_credentials
from ._options import Server, duration, examples, seconds, takes_output
from ._output import Output
from ._running import run
from ._serial_package import port_name

if TYPE_CHECKING:
    from sigcore.aio import ClientRouter

_SERVER = "#server"
"""The name under which a server itself answers requests."""

_DEFAULT_URL = "tcp://127.0.0.1:3000"


def _takes_port(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the argument PORT as the server knows it, and where the server is."""

    @click.argument("port")
    @click.option(
        "--server", "url", metavar="URL", default=_DEFAULT_URL, show_default=True, help="The server that has the port."
    )
    @click.option(
        "--timeout",
        type=seconds,
        metavar="SECONDS",
        default=5.0,
        show_default=True,
        help="How long the server may take to connect and to answer.",
    )
    @takes_credentials
    @takes_output
    @wraps(function)
    def command(*, port: str, url: str, timeout: float, credentials: Credentials, out: Output, **rest: Any) -> None:
        server = Server(url, codec=None, name=None, connect_timeout_s=timeout, credentials=credentials)
        function(borrowing=_Borrowing(server, port_name(port), timeout, out), **rest)

    return command


class _Borrowing:
    """Asks a server for a port, and gives it back."""

    def __init__(self, server: Server, port: str, timeout_s: float, out: Output) -> None:
        self.port = port
        self.server = server
        self.out = out
        self._timeout_s = timeout_s

    async def lend(self, client: ClientRouter, for_s: float) -> datetime:
        """Have the server close the port; return when it takes it back by itself."""
        await client.request(_SERVER, "lend", {"port": self.port, "seconds": for_s}, timeout=self._timeout_s)
        return datetime.now(UTC) + timedelta(seconds=for_s)

    async def take_back(self, client: ClientRouter) -> dict[str, Any]:
        """Have the server open the port again; return how the port is doing then."""
        status: dict[str, Any] = await client.request(
            _SERVER, "take_back", {"port": self.port}, timeout=self._timeout_s
        )
        return status


@click.command(
    epilog=examples(
        "sig port lend /dev/ttyUSB0 --for 5min",
        "sig port lend /dev/ttyUSB0 -- esptool -p /dev/ttyUSB0 write_flash 0 a.bin",
        "sig port lend /dev/ttyACM0 --server unix:///run/sig.sock --for 1h -- bash",
    ),
)
@click.option(
    "--for",
    "for_s",
    type=duration,
    metavar="TIME",
    default="2min",
    show_default=True,
    help="When the server takes the port back by itself: 90s, 5min, ...",
)
@_takes_port
@click.argument("program", nargs=-1, type=click.UNPROCESSED, metavar="[-- PROGRAM...]")
def lend(*, borrowing: _Borrowing, for_s: float, program: tuple[str, ...]) -> None:
    """Have a running server leave PORT to other programs for a while, such as one that flashes the device.

    PORT is the name of the device, or the endpoint that the server was given. The senders at the other side leave with
    cause 'lent', and are back when the server has the port again.

    With a PROGRAM, that is run, and the port goes back when it ends; the exit code is the program's.
    """
    run(_run_with_port(borrowing, for_s, program) if program else _lend(borrowing, for_s))


@click.command(epilog=examples("sig port take-back /dev/ttyUSB0"))
@_takes_port
def take_back(*, borrowing: _Borrowing) -> None:
    """Have a running server take PORT back that it has lent, before the time is over."""
    run(_take_back(borrowing))


async def _lend(borrowing: _Borrowing, for_s: float) -> None:
    async with borrowing.server.client() as client:
        until = await borrowing.lend(client, for_s)
    port, out = borrowing.port, borrowing.out
    if out.as_json:
        out.record({"what": "lent", "port": port, "until": until})
        return
    elsewhere = "" if borrowing.server.url == _DEFAULT_URL else f" --server {borrowing.server.url}"
    out.lines(
        [
            f"{port} is free until {until.astimezone():%H:%M:%S}, then the server takes it back",
            f"earlier: sig port take-back {port}{elsewhere}",
        ]
    )


async def _take_back(borrowing: _Borrowing) -> None:
    async with borrowing.server.client() as client:
        status = await borrowing.take_back(client)
    if borrowing.out.as_json:
        borrowing.out.record({"what": "taken back", "port": borrowing.port, "status": status})
    else:
        borrowing.out.lines([_said_of(borrowing.port, status)])


def _said_of(port: str, status: dict[str, Any]) -> str:
    """Say whether a server has a port again."""
    if status.get("problem"):
        return f"the server takes {port} as soon as it can; now {status['problem']}"
    if status.get("state") == "absent":
        return f"the server takes {port} as soon as it is there"
    return f"the server has {port} again"


async def _run_with_port(borrowing: _Borrowing, for_s: float, program: Sequence[str]) -> None:
    async with borrowing.server.client() as client, _lent(borrowing, client, for_s):
        code = await _run(program, borrowing, for_s)
    if code:
        raise click.exceptions.Exit(code if code > 0 else 128 - code)


@asynccontextmanager
async def _lent(borrowing: _Borrowing, client: ClientRouter, for_s: float) -> AsyncIterator[None]:
    """Have the port for the block; the server takes it back also when the user ends the block."""
    import asyncio

    await borrowing.lend(client, for_s)
    borrowing.out.note(f"{borrowing.port} is free")
    try:
        yield
    finally:
        try:
            status = await asyncio.shield(borrowing.take_back(client))
            borrowing.out.note(_said_of(borrowing.port, status))
        except sigcore.SigError as error:  # how the program ended is what counts
            borrowing.out.warning(f"the server does not take {borrowing.port} back now: {error}")


async def _run(program: Sequence[str], borrowing: _Borrowing, for_s: float) -> int:
    """Run a program to its end, on this terminal; return its exit code, negative for an OS signal."""
    import asyncio

    from ._child import until_it_ends

    try:
        process = await asyncio.create_subprocess_exec(*program)
    except OSError as error:
        raise OSError(error.errno, f"{program[0]} cannot be run: {error.strerror}") from error
    over = asyncio.get_running_loop().call_later(
        for_s,
        borrowing.out.warning,
        f"{for_s:g} s are over, and {program[0]} still runs: the server wants {borrowing.port} back; give more --for",
    )
    try:
        return await until_it_ends(process)
    finally:
        over.cancel()
