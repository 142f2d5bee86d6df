# SPDX-License-Identifier: MIT
"""``sig monitor``: what goes over a serial line, live."""

from __future__ import annotations

import click

from ._options import duration, examples, takes_output
from ._output import Output
from ._running import run
from ._serial_package import serial_endpoint, serial_package


@click.command(
    short_help="Show what goes over a serial line: packets, frames, text.",
    epilog=examples(
        "sig monitor /dev/ttyUSB0",
        "sig monitor 'serial:///dev/ttyUSB0?baudrate=921600' --no-packets",
        "sig monitor /dev/ttyUSB0 --passive          send nothing",
        "sig monitor /dev/ttyUSB0 --json | jq -c 'select(.kind == \"EVENT\").fields'",
    ),
)
@click.argument("endpoint")
@click.option("--passive", is_flag=True, help="Only listen: send nothing, so that nobody is answered.")
@click.option("--no-packets", is_flag=True, help="Leave out the packets of the link; show frames, text and noise.")
@click.option("--for", "for_s", type=duration, metavar="TIME", help="End after so long.  [default: with Ctrl-C]")
@takes_output
def command(*, endpoint: str, passive: bool, no_packets: bool, for_s: float | None, out: Output) -> None:
    """Show what goes over the serial line at ENDPOINT, decoded, a line for each thing.

    The port is opened in place of a server, which answers, so that a device at the other end talks as it would
    otherwise. Nobody else hears it. A device that is unplugged is waited for.

    '<' marks what comes from the other side, '>' what goes there: packets of the link with the offset of their bytes in
    the stream, the frames in them, lines of text that come between packets, and noise.

    With --passive nothing is sent. That is for a port that is wired to hear others; of a device that talks to nobody it
    shows how it asks for a link.
    """
    with serial_package():
        from ._monitoring import monitor
    run(
        monitor(serial_endpoint(endpoint), out, is_passive=passive, has_packets=not no_packets, for_s=for_s),
        until_told=True,
    )
