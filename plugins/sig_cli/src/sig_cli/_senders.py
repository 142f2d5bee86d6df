# SPDX-License-Identifier: MIT
"""``sig senders``: who is connected."""

from __future__ import annotations

import click

from ._options import Server, examples, takes_output, takes_server, takes_timeout
from ._output import Output
from ._running import in_time, run
from ._sender_rows import SENDER_COLUMNS, sender_record, sender_row


@click.command(
    short_help="List the senders that are connected.",
    epilog=examples(
        "sig senders tcp://127.0.0.1:3000",
        "sig senders tcp://127.0.0.1:3000 --json | jq -r .name",
        "sig senders tcp://127.0.0.1:3000 --watch",
        "sig senders tcp://127.0.0.1:3000 --watch --json > senders.jsonl",
    ),
)
@takes_server
@click.option("--watch", is_flag=True, help="Go on, and show who comes and goes.")
@takes_timeout
@takes_output
def command(*, server: Server, watch: bool, timeout: float, out: Output) -> None:
    """List the senders that are connected to the server at URL.

    When there are none, nothing is printed, and that is no failure.

    With --watch the list is drawn anew whenever it changes, on a terminal; elsewhere each change is a line, those who
    are there at first among them. A lost link is made again; Ctrl-C ends.
    """
    if watch:
        run(_watch(server, timeout, out), until_told=True)
    else:
        run(_senders(server, timeout, out))


async def _watch(server: Server, timeout_s: float, out: Output) -> None:
    from ._watch import watch

    await watch(server, timeout_s, out)


async def _senders(server: Server, timeout_s: float, out: Output) -> None:
    async with server.client() as client, in_time(timeout_s, "the server did not list its senders"):
        senders = await client.senders()
    if out.as_json:
        for info in senders:
            out.record(sender_record(info))
    elif senders:
        out.table(SENDER_COLUMNS, [sender_row(info, out.paint) for info in senders])
    else:
        out.note(f"no sender is connected to {server.url}")
