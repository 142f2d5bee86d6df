# SPDX-License-Identifier: MIT
"""The command ``sig demo``."""

from __future__ import annotations

import logging

import click

from .._options import LOG_LEVELS, examples, log, reported, seconds, takes_verbosity
from .._output import Output
from .._running import run


@click.command(
    short_help="See everything at work, without hardware.", epilog=examples("sig demo", "sig demo --seconds 20")
)
@click.option("--seconds", type=seconds, metavar="N", help="End after N seconds; the story is told faster if it must.")
@takes_verbosity
def command(*, seconds: float | None, verbose: int) -> None:
    """Show a server, a serial device and a listener at work, without hardware.

    A simulated thermometer and valve speak CBOR over a serial cable of pseudo-terminals; a listener hears them as JSON
    over TCP, sends the valve a request, and sees the cable being pulled. Then all stays up for you to try, until
    Ctrl-C.
    """
    # A lost link belongs to the story, so warnings are shown only to those who ask for the log.
    log(LOG_LEVELS[min(verbose, len(LOG_LEVELS) - 1)] if verbose else logging.ERROR)
    out = Output(as_json=False)
    with reported(out):
        from ._story import tell

        run(tell(out.paint, seconds, verbose), until_told=True)
