# SPDX-License-Identifier: MIT
"""``sig serve``: a server."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import click

import sigcore

from ._event_lines import described, local_time
from ._options import examples, takes_output
from ._output import Output
from ._paint import aligned
from ._running import run
from ._text import json_line, printable

if TYPE_CHECKING:
    from sigcore.aio import ServerRouter

    from ._printer import Printer

_LOOK_AT_PEERS_EVERY_S = 0.25
"""A peer that comes and goes within this time is not shown; its senders are."""


@click.command(
    short_help="Run a server.",
    epilog=examples(
        "sig serve tcp://127.0.0.1:3000",
        "sig serve tcp://127.0.0.1:3000 unix:///run/user/1000/sig.sock /dev/ttyUSB0",
        "sig serve 'serial:///dev/ttyACM0?baudrate=1000000' --codec cbor",
        "sig serve tcp://0.0.0.0:3000 --insecure    on a network that you trust",
    ),
)
@click.argument("endpoints", nargs=-1, required=True, metavar="ENDPOINT...")
@click.option("--codec", "codecs", multiple=True, metavar="NAME", help="Codec to take; repeatable.  [default: all]")
@click.option("--name", metavar="NAME", help="What to call this server.  [default: host name and process number]")
@click.option("--insecure", is_flag=True, help="Listen where other machines can connect without authentication.")
@takes_output
def command(
    *, endpoints: tuple[str, ...], codecs: tuple[str, ...], name: str | None, insecure: bool, out: Output
) -> None:
    """Run a server at each ENDPOINT, and tell who comes and goes.

    Loopback addresses, Unix sockets and serial ports only, unless --insecure. Port 0 picks a free one. Ctrl-C ends.
    """
    try:
        run(_serve(endpoints, codecs, name, insecure, out), until_told=True)
    except sigcore.InsecureEndpoint as error:
        raise sigcore.InsecureEndpoint(str(error).replace("insecure=True", "--insecure")) from error


async def _serve(
    endpoints: tuple[str, ...], codecs: tuple[str, ...], name: str | None, insecure: bool, out: Output
) -> None:
    from sigcore.aio import ServerRouter

    from ._printer import Printer

    server = ServerRouter(endpoints, codecs=codecs or None, name=name, insecure=insecure)
    async with Printer() as printer, server:
        visitors = _Visitors(printer, out)
        await visitors.welcome(server)
        for event in (sigcore.EVENT_CONNECT, sigcore.EVENT_DISCONNECT):
            await server.add_listener(visitors.sender_changed, event=event)
        await visitors.watch_peers(server)


class _Visitors:
    """Prints who comes and goes."""

    def __init__(self, printer: Printer, out: Output) -> None:
        self._printer = printer
        self._out = out
        self._peers: Counter[sigcore.Peer] = Counter()

    async def welcome(self, server: ServerRouter) -> None:
        """Print where the server listens and what it speaks."""
        if self._out.as_json:
            await self._printer.line(
                json_line({"what": "serving", "endpoints": server.endpoints, "codecs": server.codecs})
            )
            return
        paint = self._out.paint
        rows = [("listening", paint.url(printable(endpoint))) for endpoint in server.endpoints]
        rows.append(("codecs", printable(", ".join(server.codecs))))
        for line in aligned([(paint.dim(label), text) for label, text in rows]):
            await self._printer.line(line)
        self._out.note("Ctrl-C ends")

    async def sender_changed(self, _info: sigcore.EventInfo, sender: sigcore.SenderInfo) -> None:
        """Print that a sender came or went."""
        details = {"events": sender.events, "requests": sender.requests, "peer": sender.peer and sender.peer.name}
        words = described(sender) if sender.connected else ""
        await self._tell("sender", sender.name, words, details, came=sender.connected)

    async def watch_peers(self, server: ServerRouter) -> None:
        """Print which peers come and go, for ever."""
        import asyncio

        while True:
            now = Counter(await server.peers())
            for peer in (self._peers - now).elements():
                await self._tell("peer", peer.name, peer.endpoint, {"endpoint": peer.endpoint}, came=False)
            for peer in (now - self._peers).elements():
                await self._tell("peer", peer.name, peer.endpoint, {"endpoint": peer.endpoint}, came=True)
            self._peers = now
            await asyncio.sleep(_LOOK_AT_PEERS_EVERY_S)

    async def _tell(self, kind: str, name: str, words: str, details: dict[str, Any], *, came: bool) -> None:
        paint = self._out.paint
        if self._out.as_json:
            line = json_line({"what": f"{kind} {'came' if came else 'left'}", "name": name, **details})
        else:
            sign = paint.good("+") if came else paint.bad("-")
            line = f"{paint.dim(local_time())}  {sign} {kind:6}  {paint.sender(printable(name))}  {printable(words)}"
        await self._printer.line(line.rstrip())
