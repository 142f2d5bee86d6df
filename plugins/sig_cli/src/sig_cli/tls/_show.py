# SPDX-License-Identifier: MIT
"""``sig tls show``: what a certificate gives its owner, how long it lasts, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .._exits import Exit
from .._options import examples, takes_output
from .._output import Output
from ._package import certificates_package

if TYPE_CHECKING:
    from ._seen import Seen


@click.command(
    epilog=examples(
        "sig tls show tls/dashboard.crt",
        "sig tls show tls                           all in that folder",
        "sig tls show /etc/ssl/gw.pem --ca ca.crt",
        "sig tls show tls --json | jq 'select(.days_left < 30)'",
    ),
)
@click.argument("paths", nargs=-1, required=True, metavar="FILE...", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--ca",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Who has to have signed it.  [default: ca.crt in the same folder]",
)
@takes_output
def show(*, paths: tuple[Path, ...], ca: Path | None, out: Output) -> None:
    """Show what each certificate is for, whose it is, how long it is valid, and what is wrong with it for sigcore.

    FILE is a certificate in PEM form, or a folder with some. Beside it ca.crt, ca.crl and the key of the same name are
    looked at as well, where they are.

    The exit code is 1 if anything is wrong.
    """
    with certificates_package():
        from ._seen import report_lines, report_record, seen_at
    seen = [one for path in paths for one in seen_at(path, ca)]
    if out.as_json:
        for one in seen:
            out.record(report_record(one))
    else:
        out.lines([line for one in seen for line in report_lines(one, out.paint)])
    _end_as_found(seen)


def _end_as_found(seen: list[Seen]) -> None:
    if any(one.problems for one in seen):
        raise click.exceptions.Exit(Exit.FAILED)
