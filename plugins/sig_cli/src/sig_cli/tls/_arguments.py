# SPDX-License-Identifier: MIT
"""What several commands of ``sig tls`` take."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from ._subjects import MOST_DAYS, client_subject, server_subject

Function = Callable[..., None]


def takes_folder(function: Function) -> Function:
    """Give a command the argument DIR, as ``folder=``."""
    return click.argument("folder", metavar="[DIR]", default="tls", type=click.Path(file_okay=False, path_type=Path))(
        function
    )


def takes_servers(text: str) -> Callable[[Function], Function]:
    """Give a command the option ``--server``, as ``servers=``.

    Args:
        text: What it means there.
    """
    return click.option("--server", "servers", multiple=True, type=server_subject, metavar="NAME[,ADDR...]", help=text)


def takes_clients(text: str) -> Callable[[Function], Function]:
    """Give a command the option ``--client``, as ``clients=``.

    Args:
        text: What it means there.
    """
    return click.option("--client", "clients", multiple=True, type=client_subject, metavar="IDENTITY", help=text)


def takes_days(function: Function) -> Function:
    """Give a command the option ``--days``: how long certificates are valid."""
    option = click.option(
        "--days",
        type=click.IntRange(min=1, max=MOST_DAYS),
        metavar="N",
        default=MOST_DAYS,
        show_default=True,
        help=f"How long the certificates are valid, {MOST_DAYS} at most.",
    )
    return option(function)
