# SPDX-License-Identifier: MIT
"""``sig request``: calls a method of a sender."""

from __future__ import annotations

import sys
from typing import Any

import click

from ._options import Server, examples, takes_output, takes_server, takes_timeout
from ._output import Output
from ._running import run
from ._text import read_json, spaced_json


@click.command(
    short_help="Call a method of a sender.",
    epilog=examples(
        "sig request tcp://127.0.0.1:3000 valve set '{\"percent\": 40}'",
        "sig request tcp://127.0.0.1:3000 valve state --timeout 2",
        "echo '[1, 2]' | sig request tcp://127.0.0.1:3000 calculator add -",
    ),
)
@takes_server
@click.argument("sender")
@click.argument("method")
@click.argument("params", required=False)
@takes_timeout
@takes_output
def command(*, server: Server, sender: str, method: str, params: str | None, timeout: float, out: Output) -> None:
    """Call METHOD of SENDER at the server at URL, and print the result.

    PARAMS is JSON text; without it the method gets null. '-' reads it from standard input; a negative number stands
    after '--'.
    """
    run(_request(server, sender, method, read_json(params, "PARAMS"), timeout, out))


async def _request(server: Server, sender: str, method: str, params: Any, timeout_s: float, out: Output) -> None:
    async with server.client() as client:
        result = await client.request(sender, method, params, timeout=timeout_s)
    if out.as_json:
        out.record({"sender": sender, "method": method, "result": result})
    else:
        out.lines([out.paint.json(spaced_json(result, indent=2 if sys.stdout.isatty() else None))])
