# SPDX-License-Identifier: MIT
"""``sig port``: what a running server does with its serial ports."""

from __future__ import annotations

import click

from ._port_lend import lend, take_back


@click.group(short_help="Borrow a serial port of a running server, and give it back.")
def command() -> None:
    """Borrow a serial port of a running server, and give it back."""


command.add_command(lend)
command.add_command(take_back)
