# SPDX-License-Identifier: MIT
"""``sig trigger``: one event from the shell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import click

import sigcore

from ._exits import NobodyListens
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
        "sig trigger tcp://127.0.0.1:3000 fire alarm --require-listener || shout",
    ),
)
@takes_server
@click.argument("sender")
@click.argument("event")
@click.argument("data", required=False)
@click.option("--require-listener", is_flag=True, help="End with exit code 5 if nobody listens to it.")
@takes_timeout
@takes_output
def command(
    *,
    server: Server,
    sender: str,
    event: str,
    data: str | None,
    require_listener: bool,
    timeout: float,
    out: Output,
) -> None:
    """Trigger EVENT as SENDER at the server at URL, and leave.

    DATA is JSON text; without it the data are null. '-' reads it from standard input; a negative number stands after
    '--'. For a moment there is a sender of this name, so the name must not be taken.

    The command ends when the server has accepted the event for every router that listens to it. That nobody does is
    said, and is no failure; with -v it is always said how many they are.
    """
    one = _One(sender, event, read_json(data, "DATA"))
    run(_trigger(server, one, timeout, out, require_listener=require_listener))


@dataclass(frozen=True, slots=True)
class _One:
    """The event."""

    sender: str
    event: str
    data: Any


async def _trigger(server: Server, one: _One, timeout_s: float, out: Output, *, require_listener: bool) -> None:
    async with server.client() as client:
        async with in_time(timeout_s, f"the server did not take sender {one.sender!r}"):
            sender = await client.add_sender(one.sender, events=[one.event])
        try:
            accepted = await client.deliver(sender.signal(one.event), one.data, timeout=timeout_s)
        except sigcore.DeliveryTimeout as error:
            raise sigcore.DeliveryTimeout(f"the server did not accept the event within {timeout_s:g} s") from error
    if require_listener and not accepted:
        raise NobodyListens(f"nobody listens to {one.event!r} of sender {one.sender!r}")
    _tell(one, accepted, out)


def _tell(one: _One, accepted: int, out: Output) -> None:
    if out.as_json:
        out.record({"sender": one.sender, "event": one.event, "data": one.data, "accepted": accepted})
        return
    paint = out.paint
    words = [paint.sender(printable(one.sender)), paint.event(printable(one.event)), paint.json(spaced_json(one.data))]
    if not accepted:
        words.append(paint.bad(" accepted by 0: nobody listens"))
    elif click.get_current_context().params["verbose"]:
        words.append(paint.dim(f" accepted by {accepted}"))
    out.lines([" ".join(words)])
