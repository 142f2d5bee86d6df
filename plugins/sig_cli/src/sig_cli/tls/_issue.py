# SPDX-License-Identifier: MIT
"""``sig tls issue``: more certificates of an authority."""

from __future__ import annotations

from pathlib import Path

import click

from .._options import examples, takes_output
from .._output import Output
from ._arguments import takes_clients, takes_days, takes_folder, takes_servers
from ._package import certificates_package
from ._subjects import Subject


@click.command(
    epilog=examples(
        "sig tls issue --client pi-8",
        "sig tls issue /etc/sigcore/tls --server backup.lan,192.168.1.6",
        "sig tls issue --client dashboard --file dashboard-2  a new one in time",
    ),
)
@takes_folder
@takes_servers("A server, by what clients call it; repeatable.")
@takes_clients("A client, by who it is to the server; repeatable.")
@click.option("--file", "stem", metavar="NAME", help="What its files are called, without .crt.  [default: its name]")
@takes_days
@takes_output
def issue(
    *,
    folder: Path,
    servers: tuple[Subject, ...],
    clients: tuple[Subject, ...],
    stem: str | None,
    days: int,
    out: Output,
) -> None:
    """Make certificates, with keys, by the authority in DIR (tls, unless given).

    Whoever has an earlier one for the same name can go on with it until it ends, or is revoked. Nothing is overwritten.
    """
    subjects = [*servers, *clients]
    if not subjects:
        raise click.UsageError("Say for whom: --client IDENTITY or --server NAME.")
    if stem is not None:
        _check_stem(stem, subjects)
    with certificates_package():
        from ._folder import Folder
        from ._made import tell_of_pairs
    made = Folder.at(folder)
    pairs = made.issue([(subject, stem or made.stem_for(subject)) for subject in subjects], days)
    tell_of_pairs(made, pairs, out)


def _check_stem(stem: str, subjects: list[Subject]) -> None:
    if len(subjects) > 1:
        raise click.UsageError("--file names the files of one certificate; make these one by one.")
    if not stem or Path(stem).name != stem or stem.startswith("."):
        raise click.UsageError(
            f"--file {stem!r} is no name of a file in DIR; give one without a folder, and no suffix."
        )
