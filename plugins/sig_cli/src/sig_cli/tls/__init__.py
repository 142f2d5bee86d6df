# SPDX-License-Identifier: MIT
"""``sig tls``: certificates for a deployment of one's own."""

from __future__ import annotations

import click

from ._init import init
from ._issue import issue
from ._revoke import revoke
from ._show import show

__all__ = ["command"]


@click.group(short_help="Make certificates for servers and clients, and look at them.")
def command() -> None:
    """Make certificates for servers and clients, and look at them."""


for each in (init, issue, revoke, show):
    command.add_command(each)
