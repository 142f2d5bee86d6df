# SPDX-License-Identifier: MIT
"""``sig tls init``: an authority, a certificate for a server and some for its clients, and what to do with them."""

from __future__ import annotations

from pathlib import Path

import click

from .._options import examples, takes_output
from .._output import Output
from ._arguments import takes_clients, takes_days, takes_folder
from ._package import certificates_package
from ._subjects import Subject, server_subject


@click.command(
    epilog=examples(
        "sig tls init --client dashboard               to try it on this machine",
        "sig tls init --server gw.lan,192.168.1.5 --client dashboard --client pi-7",
        "sig tls init /etc/sigcore/tls --server gateway.lan --client dashboard",
    ),
)
@takes_folder
@click.option(
    "--server",
    type=server_subject,
    metavar="NAME[,ADDR...]",
    default="localhost,127.0.0.1,::1",
    show_default=True,
    help="What clients call the server: its names and addresses.",
)
@takes_clients("Who a client is to the server; repeatable.")
@takes_days
@takes_output
def init(*, folder: Path, server: Subject, clients: tuple[Subject, ...], days: int, out: Output) -> None:
    """Make a certificate authority in DIR (tls, unless given), with certificates for a server and for its clients.

    Clients check that the server is the one of that NAME; the server knows each client by its IDENTITY. Only you can
    read the keys. DIR must be new, or empty: nothing is overwritten.

    The commands that are printed are ready to be run.
    """
    with certificates_package():
        from ._folder import Folder
        from ._made import tell_of_all
    made = Folder.new(folder)
    own, *others = made.issue([(server, "server"), *((client, made.stem_for(client)) for client in clients)], days)
    tell_of_all(made, own, others, out)
