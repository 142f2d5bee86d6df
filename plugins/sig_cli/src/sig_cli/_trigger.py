# SPDX-License-Identifier: MIT
"""``sig trigger``: one event from the shell."""

from __future__ import annotations

from typing import Any

import click

import sigcore

from ._options import Server, examples, takes_output, takes_server, takes_timeout
from ._output import Output
from ._running import in_time, run
from ._text import printable, read_json, spaced_json


@click.command(
    short_help="Trigger one event.",
    epilog=examples(
        "sig trigger tcp://127.0.0.1:3000 backup finished",
        "sig trigger tcp://127.0.0.1:3000 thermo reading '{\"celsius\": 21.5}'",
        "date | jq -R . | sig trigger tcp://127.0.0.1:3000 clock date -",
    ),
)
@takes_server
@click.argument("sender")
@click.argument("event")
@click.argument("data", required=False)
@takes_timeout
@takes_output
def command(*, server: Server, sender: str, event: str, data: str | None, timeout: float, out: Output) -> None:
    """Trigger EVENT as SENDER at the server at URL, and leave.

    DATA is JSON text; without it the data are null. '-' reads it from standard input; a negative number stands after
    '--'. For a moment there is a sender of this name, so the name must not be taken.
    """
    run(_trigger(server, sender, event, read_json(data, "DATA"), timeout, out))


async def _trigger(server: Server, name: str, event: str, data: Any, timeout_s: float, out: Output) -> None:
    async with server.client() as client:
        async with in_time(timeout_s, f"the server did not take sender {name!r}"):
            sender = await client.add_sender(name, events=[event])
        sender.trigger(event, data)
    # Leaving the client waits until the server has the event; had it to be dropped, that was counted.
    if client.counters:
        raise sigcore.LinkError(f"the event was not sent to {server.url}: {', '.join(client.counters)}")
    if out.as_json:
        out.record({"sender": name, "event": event, "data": data})
    else:
        paint = out.paint
        out.lines([f"{paint.sender(printable(name))} {paint.event(printable(event))} {paint.json(spaced_json(data))}"])
