# SPDX-License-Identifier: MIT
"""``sig serial``: what a serial line is worth."""

from __future__ import annotations

import click

from ._serial_check import check


@click.group(short_help="Find out what a serial line is worth.")
def command() -> None:
    """Find out what a serial line is worth."""


command.add_command(check)
