# SPDX-License-Identifier: MIT
"""``sig plugins``: what is installed, and whether it works."""

from __future__ import annotations

from dataclasses import dataclass

import click

import sigcore

from ._options import examples, takes_output
from ._output import Output
from ._text import printable


@dataclass(frozen=True, slots=True)
class _Row:
    info: sigcore.PluginInfo
    problem: str | None

    def record(self) -> dict[str, object]:
        return {
            "kind": self.info.kind,
            "name": self.info.name,
            "distribution": self.info.distribution,
            "version": self.info.version,
            "module": self.info.module,
            "state": "broken" if self.problem else "ok",
            "problem": self.problem,
        }


@click.command(
    short_help="List the carriers, codecs and other plug-ins.",
    epilog=examples("sig plugins", "sig plugins --json | jq 'select(.state != \"ok\")'"),
)
@takes_output
def command(*, out: Output) -> None:
    """List the installed carriers, codecs and other plug-ins.

    Each is loaded to see whether it works. A broken one is shown with the reason, and is no failure of this command.
    """
    rows = [_Row(info, sigcore.check_plugin(info)) for info in sigcore.list_plugins()]
    if out.as_json:
        for row in rows:
            out.record(row.record())
    else:
        _show(out, rows)


def _show(out: Output, rows: list[_Row]) -> None:
    paint = out.paint
    out.table(
        ("KIND", "NAME", "PACKAGE", "VERSION", "STATE"),
        [
            (
                row.info.kind,
                paint.sender(printable(row.info.name)),
                printable(row.info.distribution),
                printable(row.info.version),
                paint.bad("broken") if row.problem else paint.good("ok"),
            )
            for row in rows
        ],
    )
    problems = [f"{paint.bad('broken:')} {printable(row.problem)}" for row in rows if row.problem]
    if problems:
        out.lines(["", *problems])
