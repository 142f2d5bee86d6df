# SPDX-License-Identifier: MIT
"""``sig listen``: prints events as they come."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

import click

import sigcore

from ._event_lines import event_form
from ._options import Server, any_or, examples, seconds, takes_output, takes_server
from ._output import Output
from ._running import run

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from typing import Any

    from sigcore.aio import Stream


@click.command(
    short_help="Print events as they come.",
    epilog=examples(
        "sig listen tcp://127.0.0.1:3000                 every event of every sender",
        "sig listen tcp://127.0.0.1:3000 thermo reading  one event of one sender",
        "sig listen tcp://127.0.0.1:3000 '*' alarm       one event of any sender",
        "sig listen tcp://127.0.0.1:3000 '#connect'      who is there, and who comes",
        "sig listen tcp://127.0.0.1:3000 thermo --count 1 --json | jq .data",
        "sig listen tcp://127.0.0.1:3000 thermo reading --replay 1 --count 1",
        "sig listen tcp://127.0.0.1:3000 camera frame --policy latest",
    ),
)
@takes_server
@click.argument("sender", required=False)
@click.argument("event", required=False)
@click.option("--count", type=click.IntRange(min=1), metavar="N", help="End after N events.")
@click.option(
    "--timeout", type=seconds, metavar="SECONDS", help="Give up, with exit code 3, after so long without one."
)
@click.option(
    "--policy",
    type=click.Choice(get_args(sigcore.Policy)),
    default="block",
    show_default=True,
    help="What happens when events come faster than they are read.",
)
@click.option(
    "--replay", type=click.IntRange(min=0), default=0, metavar="N", help="Begin with at most N events that are kept."
)
@takes_output
def command(
    *,
    server: Server,
    sender: str | None,
    event: str | None,
    count: int | None,
    timeout: float | None,
    policy: sigcore.Policy,
    replay: int,
    out: Output,
) -> None:
    """Print the events of SENDER that are named EVENT, from the server at URL.

    '*' stands for any, and so does leaving it out. '#connect' and '#disconnect' tell which senders come and go. A lost
    link is made again; Ctrl-C ends.

    Events that were lost are told by a line in their place, with the cause. With --policy block the senders are slowed
    down for a moment first; drop_oldest and drop_newest drop events at once, latest all but the newest, and disconnect
    ends the link, which is then made again.
    """
    if event is None and sender is not None and sender.startswith("#"):
        sender, event = None, sender
    if event is not None and event.startswith("#") and (policy != "block" or replay):
        raise click.UsageError(f"--policy and --replay are not for {event}, which tells who is there first.")
    wanted = _Wanted(any_or(sender), any_or(event), policy, replay)
    run(_listen(server, wanted, count, timeout, out), until_told=True)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Which events, and on what terms; as for ``listen`` of a router."""

    sender: str | None
    event: str | None
    policy: sigcore.Policy
    replay: int

    def __str__(self) -> str:
        return f"{self.sender or '*'} {self.event or '*'}"


async def _listen(server: Server, wanted: _Wanted, count: int | None, timeout_s: float | None, out: Output) -> None:
    from ._gaps import Gaps
    from ._printer import Printer

    refusal: deque[Exception] = deque(maxlen=1)
    client = server.client(on_error=refusal.append)
    form = event_form(out)
    async with Printer() as printer:
        gaps = Gaps(printer, out)
        # The client comes last, so that it registers the stream while it opens, and says so if the server refuses it.
        stream = client.listen(
            wanted.sender, wanted.event, policy=wanted.policy, replay=wanted.replay, on_gap=gaps.lost
        )
        async with stream, client:
            if refusal:
                raise refusal[0]
            out.note(f"listening to {wanted} at {server.url}; Ctrl-C ends")
            async for info, data in _first(stream, count, timeout_s):
                await gaps.told()
                await printer.line(form(info, data))


async def _first(
    stream: Stream[Any], count: int | None, timeout_s: float | None
) -> AsyncIterator[tuple[sigcore.EventInfo, Any]]:
    """Give the first ``count`` events of a stream, or all; none of them may take longer than ``timeout_s`` to come."""
    seen = 0
    while count is None or seen < count:
        yield await stream.get(timeout_s)
        seen += 1
