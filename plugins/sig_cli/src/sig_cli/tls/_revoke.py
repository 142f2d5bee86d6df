# SPDX-License-Identifier: MIT
"""``sig tls revoke``: what was issued counts no more."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .._options import examples, takes_output
from .._output import Output
from .._text import printable
from ._arguments import takes_clients, takes_folder, takes_servers
from ._package import certificates_package
from ._subjects import Subject

if TYPE_CHECKING:
    from cryptography import x509


@click.command(
    epilog=examples(
        "sig tls revoke --client pi-7                   all that were issued to it",
        "sig tls revoke --certificate tls/pi-7.crt  this one alone",
    ),
)
@takes_folder
@takes_servers("All certificates of a server, by one of its names; repeatable.")
@takes_clients("All certificates of a client; repeatable.")
@click.option(
    "--certificate",
    "files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="This certificate; repeatable.",
)
@takes_output
def revoke(
    *,
    folder: Path,
    servers: tuple[Subject, ...],
    clients: tuple[Subject, ...],
    files: tuple[Path, ...],
    out: Output,
) -> None:
    """Add certificates to the list of those that count no more, ca.crl in DIR (tls, unless given).

    A server whose endpoint says crl=DIR/ca.crl reads it within seconds, and lets nobody in with one of these from then
    on; links that are there go on until they end. A list elsewhere must be copied anew.
    """
    if not (servers or clients or files):
        raise click.UsageError("Say which: --client IDENTITY, --server NAME or --certificate FILE.")
    with certificates_package():
        from ._folder import Folder
    made = Folder.at(folder)
    revoked = made.revoke([*servers, *clients], files)
    if out.as_json:
        for one in revoked:
            out.record({"what": "revoked", **_record(one), "crl": str(made.revoked)})
    else:
        _tell(revoked, made.revoked, out)


def _record(certificate: x509.Certificate) -> dict[str, object]:
    from ._reading import names_of

    return {"names": [name for _, name in names_of(certificate)], "serial": f"{certificate.serial_number:x}"}


def _tell(revoked: list[x509.Certificate], path: Path, out: Output) -> None:
    from ._reading import names_of

    rows = [
        (
            out.paint.sender(printable(", ".join(name for _, name in names_of(one)))),
            f"{one.not_valid_before_utc:%Y-%m-%d}",
            f"{one.serial_number:x}",
        )
        for one in revoked
    ]
    out.table(("REVOKED", "ISSUED", "NUMBER"), rows)
    out.lines([f"A server with crl={printable(str(path))} knows it within seconds; elsewhere, copy that file there."])
