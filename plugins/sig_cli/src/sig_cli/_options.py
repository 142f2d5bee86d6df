# SPDX-License-Identifier: MIT
"""What several commands take: the server to connect to, how to print, what to log."""

from __future__ import annotations

import logging
import math
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

import sigcore

from ._credentials import Credentials, takes_credentials
from ._exits import exit_code
from ._output import Output

if TYPE_CHECKING:
    from sigcore.aio import ClientRouter

Function = Callable[..., None]

DEFAULT_CONNECT_TIMEOUT_S = 5.0
"""Shorter than the library's own: somebody waits for the prompt to come back."""

LOG_LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)
"""What is logged without ``-v``, with one and with two."""


def seconds(text: str) -> float:
    """Return an option's text as a time in seconds, more than 0."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise click.BadParameter(f"{text!r} is no time in seconds, such as 2 or 0.5.")
    return value


def duration(text: str) -> float:
    """Return an option's text as a time in seconds, more than 0; it may have a unit, as in an endpoint: ``90s``.

    >>> duration("90s"), duration("1.5min"), duration("250ms"), duration("2")
    (90.0, 90.0, 0.25, 2.0)
    """
    found = _DURATION.fullmatch(text)
    value = float(found["number"]) * _SECONDS_IN[found["unit"]] if found else 0.0
    if not 0 < value < math.inf:
        raise click.BadParameter(f"{text!r} is no time, such as 5s, 250ms, 2min or 1h.")
    return value


_SECONDS_IN = {"ms": 0.001, "": 1.0, "s": 1.0, "min": 60.0, "h": 3600.0}
_DURATION = re.compile(rf"(?P<number>\d+(?:\.\d+)?)(?P<unit>{'|'.join(_SECONDS_IN)})")


@dataclass(frozen=True, slots=True)
class Server:
    """The server that a command connects to.

    Attributes:
        url: Its endpoint.
        codec: The codec to ask for; ``None`` leaves it to the endpoint and to sigcore's default.
        name: What to call ourselves; ``None`` for host name and process number.
        connect_timeout_s: How long to try.
        credentials: With what to prove who we are.
    """

    url: str
    codec: str | None
    name: str | None
    connect_timeout_s: float
    credentials: Credentials

    def client(self, on_error: Callable[[Exception], object] | None = None) -> ClientRouter:
        """Return a router for it, not yet open."""
        from sigcore.aio import ClientRouter

        return ClientRouter(
            self.url,
            codec=self.codec,
            name=self.name,
            connect_timeout=self.connect_timeout_s,
            on_error=on_error,
            identity=self.credentials.identity,
            secret=self.credentials.secret,
            token=self.credentials.token,
        )


def examples(*lines: str) -> str:
    """Return the end of a command's help, which click is not to wrap."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def any_or(name: str | None) -> str | None:
    """Return a name from the command line; ``*`` and none at all stand for any."""
    return None if name == "*" else name


def takes_server(function: Function) -> Function:
    """Give a command the argument URL and the options of a connection, as ``server=``."""

    @click.argument("url")
    @takes_credentials
    @click.option("--codec", metavar="NAME", help="Codec to speak: json, cbor, ...  [default: json]")
    @click.option("--name", metavar="NAME", help="What to call this end.  [default: host name and process number]")
    @click.option(
        "--connect-timeout",
        type=seconds,
        metavar="SECONDS",
        default=DEFAULT_CONNECT_TIMEOUT_S,
        show_default=True,
        help="How long to try to connect.",
    )
    @wraps(function)
    def command(
        *,
        url: str,
        codec: str | None,
        name: str | None,
        connect_timeout: float,
        credentials: Credentials,
        **rest: Any,
    ) -> None:
        function(server=Server(url, codec, name, connect_timeout, credentials), **rest)

    return command


def takes_timeout(function: Function) -> Function:
    """Give a command that waits for an answer the option ``timeout=``, in seconds."""
    option = click.option(
        "--timeout",
        type=seconds,
        metavar="SECONDS",
        default=10.0,
        show_default=True,
        help="How long to wait for the answer.",
    )
    return option(function)


def takes_output(function: Function) -> Function:
    """Give a command ``--json`` and ``-v``, as ``out=``, and turn its errors into messages and exit codes."""

    @click.option("--json", "as_json", is_flag=True, help="One JSON object per line, for pipes.")
    @takes_verbosity
    @wraps(function)
    def command(*, as_json: bool, verbose: int, **rest: Any) -> None:
        log(LOG_LEVELS[min(verbose, len(LOG_LEVELS) - 1)])
        out = Output(as_json=as_json)
        with reported(out):
            function(out=out, **rest)

    return command


def takes_verbosity(function: Function) -> Function:
    """Give a command ``-v``, as ``verbose=``: how often it was given."""
    return click.option("-v", "--verbose", count=True, help="Log to standard error; twice for more.")(function)


def log(level: int) -> None:
    """Send sigcore's log to standard error, from ``level`` on; and who is told of a lost link is told of its return."""
    logger = sigcore.SimpleLogger(level=logging.NOTSET)
    logger.addFilter(_LevelAndReturns(level))
    sigcore.setup_logger(logger)


class _LevelAndReturns(logging.Filter):
    """Passes records from a level on, and below it the one that says that a client's link is back.

    Args:
        level: The level.
    """

    def __init__(self, level: int) -> None:
        super().__init__()
        self._level = level
        self._told_of_loss = False

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether ``record`` is printed."""
        is_of_client = record.name == "sigcore.client"
        if record.levelno >= self._level:
            self._told_of_loss |= is_of_client
            return True
        is_return = self._told_of_loss and is_of_client and record.getMessage().startswith("connected to ")
        self._told_of_loss &= not is_return
        return is_return


@contextmanager
def reported(out: Output) -> Iterator[None]:
    """Turn the errors of a command into messages and exit codes."""
    try:
        yield
    except BrokenPipeError:
        # The reader has all that it wanted. Python would complain about the rest at exit, so that goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (sigcore.SigError, OSError) as error:
        out.failure(error)
        raise click.exceptions.Exit(exit_code(error)) from error
