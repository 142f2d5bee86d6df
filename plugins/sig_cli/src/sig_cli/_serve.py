# SPDX-License-Identifier: MIT
"""``sig serve``: a server, of arguments or of a configuration file."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

import sigcore

from ._event_lines import described, local_time
from ._options import examples, log, takes_output
from ._output import Output
from ._paint import aligned
from ._running import run
from ._text import json_line, printable

if TYPE_CHECKING:
    from sigcore.aio import ServerRouter

    from ._printer import Printer
    from ._systemd import Systemd

_LOOK_AT_PEERS_EVERY_S = 0.25
"""A peer that comes and goes within this time is not shown; its senders are."""


@click.command(
    short_help="Run a server.",
    epilog=examples(
        "sig serve tcp://127.0.0.1:3000",
        "sig serve tcp://127.0.0.1:3000 unix:///run/user/1000/sig.sock /dev/ttyUSB0",
        "sig serve 'serial:///dev/ttyACM0?baudrate=1000000' --codec cbor",
        "sig serve tcp://0.0.0.0:3000 --insecure    on a network that you trust",
        "sig serve --config sigcore.toml",
    ),
)
@click.argument("endpoints", nargs=-1, metavar="[ENDPOINT...]")
@click.option(
    "--config",
    "path",
    type=click.Path(exists=True, dir_okay=False, readable=True),
    metavar="FILE",
    help="Take the endpoints, and all else, from a TOML file.",
)
@click.option("--codec", "codecs", multiple=True, metavar="NAME", help="Codec to take; repeatable.  [default: all]")
@click.option("--name", metavar="NAME", help="What to call this server.  [default: host name and process number]")
@click.option("--insecure", is_flag=True, help="Listen where other machines can connect without authentication.")
@click.option("--audit", is_flag=True, help="Only log and count what the rules of the file deny; stop nobody.")
@takes_output
def command(
    *,
    endpoints: tuple[str, ...],
    path: str | None,
    codecs: tuple[str, ...],
    name: str | None,
    insecure: bool,
    audit: bool,
    out: Output,
) -> None:
    """Run a server at each ENDPOINT, or as a file says, and tell who comes and goes.

    Where other machines can connect, everybody has to say who they are, by a certificate or a secret, unless
    --insecure. Port 0 picks a free one. An option may say what the file leaves out, and nothing else.

    Rules of the file that change hold within a second, on SIGHUP at once; all else that it says, from the next start.

    Ctrl-C or SIGTERM ends: nobody new is let in, what was accepted is sent, within 10 s. A second one ends at once.
    """
    given = sigcore.ServerConfig(endpoints, codecs or None, name, insecure, audit=audit)
    make = _of_file(path, given) if path else _of_arguments(given)
    try:
        run(_serve(make, out, has_file=path is not None), until_told=True)
    except sigcore.InsecureEndpoint as error:
        raise sigcore.InsecureEndpoint(_as_options(str(error))) from error


def _as_options(text: str) -> str:
    """Return what sigcore says about arguments as it is said about options."""
    ways = "let clients show certificates ('sig tls init'), or secrets ([identities] in the file of --config)"
    return text.replace("give identities= with a secret each", ways).replace("insecure=True", "--insecure")


_Make = Callable[[], "ServerRouter"]


def _of_arguments(given: sigcore.ServerConfig) -> _Make:
    """Return what makes the server of a command line."""
    if not given.endpoints:
        raise click.UsageError("Give at least one ENDPOINT, such as tcp://127.0.0.1:3000, or --config FILE.")
    if given.audit:
        raise click.UsageError("--audit is for the rules of a file; give that with --config.")

    def make() -> ServerRouter:
        from sigcore.aio import ServerRouter

        return ServerRouter(**given.keywords())

    return make


def _of_file(path: str, given: sigcore.ServerConfig) -> _Make:
    """Return what makes the server of a file and what was given beside it; both must agree."""
    if given.endpoints:
        raise click.UsageError("The endpoints stand in the file of --config; give ENDPOINT or --config, not both.")
    config = sigcore.load_config(path)
    if config.log_level and not click.get_current_context().params["verbose"]:
        log(logging.getLevelNamesMapping()[config.log_level.upper()])
    for option, ours, theirs in (("--codec", given.codecs, config.codecs), ("--name", given.name, config.name)):
        if ours and theirs and ours != theirs:
            raise click.UsageError(f"{option} says {_shown(ours)}, {path} says {_shown(theirs)}; keep one of them.")
    said: dict[str, Any] = {
        "codecs": given.codecs,
        "name": given.name,
        "insecure": given.insecure,
        "audit": given.audit,
    }

    def make() -> ServerRouter:
        from sigcore.aio import ServerRouter

        return ServerRouter.from_config(path, **{name: value for name, value in said.items() if value})

    return make


def _shown(value: str | tuple[str, ...]) -> str:
    return printable(value if isinstance(value, str) else ", ".join(value))


async def _serve(make: _Make, out: Output, *, has_file: bool) -> None:
    import asyncio

    from ._printer import Printer
    from ._reload import reloads_on_hangup
    from ._systemd import Systemd

    systemd = Systemd()
    server = make()
    async with systemd.watchdog(), Printer() as printer, server:
        visitors = _Visitors(printer, out, systemd)
        with reloads_on_hangup(server, systemd, out, has_file=has_file):
            try:
                await visitors.welcome(server)
                for event in (sigcore.EVENT_CONNECT, sigcore.EVENT_DISCONNECT):
                    await server.add_listener(visitors.sender_changed, event=event)
                await visitors.watch_peers(server)
            except asyncio.CancelledError:  # the user, systemd or the shell said so
                await visitors.farewell()
                raise


class _Visitors:
    """Prints who comes and goes, and tells systemd how many are there."""

    def __init__(self, printer: Printer, out: Output, systemd: Systemd) -> None:
        self._printer = printer
        self._out = out
        self._systemd = systemd
        self._peers: Counter[sigcore.Peer] = Counter()

    async def welcome(self, server: ServerRouter) -> None:
        """Print where the server listens and what it speaks."""
        self._systemd.ready(f"listening at {', '.join(server.endpoints)}")
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
        details: dict[str, Any] = {
            "events": sender.events,
            "requests": sender.requests,
            "peer": sender.peer and sender.peer.name,
            "identity": sender.peer and (sender.peer.identity or None),
        }
        if not sender.connected:
            details["cause"] = sender.cause
        words = described(sender) if sender.connected else sender.cause
        await self._tell("sender", sender.name, words, details, came=sender.connected)

    async def watch_peers(self, server: ServerRouter) -> None:
        """Print which peers come and go, for ever."""
        import asyncio

        while True:
            now = Counter(await server.peers())
            for peer in (self._peers - now).elements():
                await self._tell_of_peer(peer, came=False)
            for peer in (now - self._peers).elements():
                await self._tell_of_peer(peer, came=True)
            if now != self._peers:
                self._systemd.status(f"{now.total()} connected, at {', '.join(server.endpoints)}")
            self._peers = now
            await asyncio.sleep(_LOOK_AT_PEERS_EVERY_S)

    async def _tell_of_peer(self, peer: sigcore.Peer, *, came: bool) -> None:
        words = f"{peer.identity} at {peer.endpoint}" if peer.identity else peer.endpoint
        details = {"identity": peer.identity or None, "endpoint": peer.endpoint}
        await self._tell("peer", peer.name, words, details, came=came)

    async def farewell(self) -> None:
        """Print that the server ends, and how."""
        words = "stopping: sends what was accepted, for 5 s at most; a second signal ends it at once"
        self._systemd.stopping(words)
        line = json_line({"what": "stopping"}) if self._out.as_json else f"{self._out.paint.dim(local_time())}  {words}"
        self._printer.offer(line)

    async def _tell(self, kind: str, name: str, words: str, details: dict[str, Any], *, came: bool) -> None:
        paint = self._out.paint
        if self._out.as_json:
            line = json_line({"what": f"{kind} {'came' if came else 'left'}", "name": name, **details})
        else:
            sign = paint.good("+") if came else paint.bad("-")
            line = f"{paint.dim(local_time())}  {sign} {kind:6}  {paint.sender(printable(name))}  {printable(words)}"
        await self._printer.line(line.rstrip())
