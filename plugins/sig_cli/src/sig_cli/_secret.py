# SPDX-License-Identifier: MIT
"""``sig secret``: secrets that two sides share."""

from __future__ import annotations

import secrets
from pathlib import Path

import click

from ._new_files import PRIVATE, write_new
from ._options import examples, takes_output
from ._output import Output

_BYTES = 32
"""As many as the hash has that proves it."""


@click.group(short_help="Make secrets that two sides share.")
def command() -> None:
    """Make secrets that two sides share."""


@command.command(
    epilog=examples(
        "sig secret new --out thermo-7.secret",
        "sig listen URL --identity thermo-7 --secret file:thermo-7.secret",
    ),
)
@click.option(
    "--out",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write it to a new file that only you can read.  [default: print it]",
)
@takes_output
def new(*, path: Path | None, out: Output) -> None:
    """Make a random secret, or token, of 32 bytes, as 64 hexadecimal digits.

    Give it to the server, which knows it as that of an identity, and to whoever has that identity.
    """
    secret = secrets.token_hex(_BYTES)
    if path is not None:
        write_new(path, f"{secret}\n".encode(), PRIVATE)
        _tell_of_file(path, out)
    elif out.as_json:
        out.record({"secret": secret})
    else:
        out.lines([secret])


def _tell_of_file(path: Path, out: Output) -> None:
    if out.as_json:
        out.record({"file": str(path)})
    else:
        out.note(f"{path} has it; name it as file:{path}")
