# SPDX-License-Identifier: MIT
"""With what a command proves who it is; secrets are read where the options say, and never stand on the command line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

import click

_PLACES = ("env:", "file:", "credential:")
"""As ``sigcore.Secret.read`` has them."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a command shows the server, as for ``ClientRouter``.

    Attributes:
        identity: Who it is.
        secret: Where its secret is.
        token: Where its token is.
    """

    identity: str | None = None
    secret: str | None = None
    token: str | None = None


def takes_credentials(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options ``--identity``, ``--secret`` and ``--token``, as ``credentials=``."""

    @click.option("--identity", metavar="IDENTITY", help="Who this is; goes with --secret.")
    @click.option(
        "--secret", type=_place, metavar="WHERE", help="Where the secret is: env:NAME, file:PATH, credential:NAME."
    )
    @click.option("--token", type=_place, metavar="WHERE", help="Where a token is, to be sent over tls:// or unix://.")
    @wraps(function)
    def command(*, identity: str | None, secret: str | None, token: str | None, **rest: Any) -> None:
        if token is not None and (identity is not None or secret is not None):
            raise click.UsageError("A token says itself whose it is: give --token, or --identity and --secret.")
        if (identity is None) != (secret is None):
            raise click.UsageError("--identity and --secret go together: give both, or --token alone.")
        function(credentials=Credentials(identity, secret, token), **rest)

    return command


def _place(text: str) -> str:
    """Return where a secret is; what may be the secret itself is refused, and not repeated."""
    if not text.startswith(_PLACES):
        raise click.BadParameter(
            "a secret itself must not stand here, where every process on this machine can read it and the shell "
            "remembers it. Say where it is: env:NAME, file:PATH or credential:NAME; 'sig secret new --out PATH' makes "
            "one."
        )
    return text
