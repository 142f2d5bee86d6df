# SPDX-License-Identifier: MIT
"""``sig senders``: who is connected."""

from __future__ import annotations

import click

import sigcore

from ._options import Server, examples, takes_output, takes_server, takes_timeout
from ._output import Output
from ._running import in_time, run
from ._text import printable


@click.command(
    short_help="List the senders that are connected.",
    epilog=examples("sig senders tcp://127.0.0.1:3000", "sig senders tcp://127.0.0.1:3000 --json | jq -r .name"),
)
@takes_server
@takes_timeout
@takes_output
def command(*, server: Server, timeout: float, out: Output) -> None:
    """List the senders that are connected to the server at URL.

    When there are none, nothing is printed, and that is no failure.
    """
    run(_senders(server, timeout, out))


async def _senders(server: Server, timeout_s: float, out: Output) -> None:
    async with server.client() as client, in_time(timeout_s, "the server did not list its senders"):
        senders = await client.senders()
    if out.as_json:
        for info in senders:
            out.record(_record(info))
    elif senders:
        out.table(("SENDER", "EVENTS", "REQUESTS", "HELD BY"), [_row(info, out) for info in senders])
    else:
        out.note(f"no sender is connected to {server.url}")


def _record(info: sigcore.SenderInfo) -> dict[str, object]:
    return {
        "name": info.name,
        "events": info.events,
        "requests": info.requests,
        "peer": info.peer.name if info.peer else None,
    }


def _row(info: sigcore.SenderInfo, out: Output) -> tuple[str, str, str, str]:
    paint = out.paint
    return (
        paint.sender(printable(info.name)),
        paint.event(printable(", ".join(info.events)) or "-"),
        paint.event(printable(", ".join(info.requests)) or "-"),
        printable(info.peer.name) if info.peer else "-",
    )
