# SPDX-License-Identifier: MIT
"""The commands of ``sig``, each in a module that is imported when it is asked for."""

from __future__ import annotations

import sys
from difflib import get_close_matches
from importlib import import_module
from typing import NoReturn

import click

from ._exits import Exit

_MODULE_OF = {
    "acl": "._acl",
    "demo": ".demo",
    "listen": "._listen",
    "monitor": "._monitor",
    "plugins": "._plugins",
    "port": "._port",
    "ports": "._ports",
    "reply": "._reply",
    "request": "._request",
    "secret": "._secret",
    "senders": "._senders",
    "serial": "._serial",
    "serve": "._serve",
    "tls": ".tls",
    "trigger": "._trigger",
}


class _Commands(click.Group):
    """Finds each command in its module, as ``command``."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_MODULE_OF)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _MODULE_OF:
            return None
        command: click.Command = import_module(_MODULE_OF[cmd_name], __package__).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in _MODULE_OF and (near := get_close_matches(args[0], _MODULE_OF, 1)):
            ctx.fail(f"No such command {args[0]!r}; did you mean {near[0]!r}?")
        return super().resolve_command(ctx, args)


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""\b
Begin with:
  sig demo                                          all of it, on its own
  sig serve tcp://127.0.0.1:3000                    a server
  sig listen tcp://127.0.0.1:3000                   in another: every event
  sig trigger tcp://127.0.0.1:3000 me hello '"hi"'  in a third: an event

\b
Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 timed out,
4 not reachable, 5 nobody there.
""",
)
@click.version_option(package_name="sigcore-cli", prog_name="sig", message="%(prog)s %(version)s")
def app() -> None:
    """Carry events and requests between named senders and listeners."""


def main() -> NoReturn:
    """Run the command that ``sys.argv`` names, and exit with its code."""
    try:
        code = app.main(prog_name="sig", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        if isinstance(error, click.NoSuchOption) and error.option_name[1:].isdigit():
            click.echo("A negative number stands after '--', as in '-- -5'.", err=True)
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        code = Exit.INTERRUPTED
    sys.exit(code or Exit.DONE)
