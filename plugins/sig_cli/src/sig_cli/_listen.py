# SPDX-License-Identifier: MIT
"""``sig listen``: prints events as they come."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import click

from ._event_lines import event_form
from ._options import Server, any_or, examples, seconds, takes_output, takes_server
from ._output import Output
from ._running import run

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from typing import Any

    import sigcore
    from sigcore.aio import Stream


@click.command(
    short_help="Print events as they come.",
    epilog=examples(
        "sig listen tcp://127.0.0.1:3000                 every event of every sender",
        "sig listen tcp://127.0.0.1:3000 thermo reading  one event of one sender",
        "sig listen tcp://127.0.0.1:3000 '*' alarm       one event of any sender",
        "sig listen tcp://127.0.0.1:3000 '#connect'      who is there, and who comes",
        "sig listen tcp://127.0.0.1:3000 thermo --count 1 --json | jq .data",
    ),
)
@takes_server
@click.argument("sender", required=False)
@click.argument("event", required=False)
@click.option("--count", type=click.IntRange(min=1), metavar="N", help="End after N events.")
@click.option(
    "--timeout", type=seconds, metavar="SECONDS", help="Give up, with exit code 3, after so long without one."
)
@takes_output
def command(
    *, server: Server, sender: str | None, event: str | None, count: int | None, timeout: float | None, out: Output
) -> None:
    """Print the events of SENDER that are named EVENT, from the server at URL.

    '*' stands for any, and so does leaving it out. '#connect' and '#disconnect' tell which senders come and go. A lost
    link is made again; Ctrl-C ends.
    """
    if event is None and sender is not None and sender.startswith("#"):
        sender, event = None, sender
    run(_listen(server, any_or(sender), any_or(event), count, timeout, out), until_told=True)


async def _listen(
    server: Server, sender: str | None, event: str | None, count: int | None, timeout_s: float | None, out: Output
) -> None:
    from ._printer import Printer

    refusal: deque[Exception] = deque(maxlen=1)
    client = server.client(on_error=refusal.append)
    form = event_form(out)
    # The client comes last, so that it registers the stream while it opens, and says so if the server refuses it.
    async with Printer() as printer, client.listen(sender, event) as stream, client:
        if refusal:
            raise refusal[0]
        out.note(f"listening to {sender or '*'} {event or '*'} at {server.url}; Ctrl-C ends")
        async for info, data in _first(stream, count, timeout_s):
            await printer.line(form(info, data))


async def _first(
    stream: Stream[Any], count: int | None, timeout_s: float | None
) -> AsyncIterator[tuple[sigcore.EventInfo, Any]]:
    """Give the first ``count`` events of a stream, or all; none of them may take longer than ``timeout_s`` to come."""
    seen = 0
    while count is None or seen < count:
        yield await stream.get(timeout_s)
        seen += 1
