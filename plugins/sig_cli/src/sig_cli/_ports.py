# SPDX-License-Identifier: MIT
"""``sig ports``: the serial ports of this machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from ._options import examples, takes_output
from ._output import Output
from ._port_rows import port_lines, port_record
from ._running import run
from ._serial_package import serial_package

if TYPE_CHECKING:
    from sig_serial import PortInfo

_NONE = (
    "no serial port is here. Is the cable plugged in, and is it one that carries data? Does the system see the device "
    "(Linux: dmesg)? In a container: was the device passed in (docker run --device=/dev/ttyUSB0)?"
)


@click.command(
    short_help="List the serial ports of this machine, and who has them open.",
    epilog=examples(
        "sig ports",
        "sig ports --watch                        then plug the device in",
        "sig ports --json | jq -r .endpoint",
        'sig serve "$(sig ports --json | jq -r \'select(.vid == "1a86").endpoint\')"',
    ),
)
@click.option("--watch", is_flag=True, help="Go on, and tell which come and go.")
@takes_output
def command(*, watch: bool, out: Output) -> None:
    """List the serial ports of this machine: what they are, who has them open, and what to call them.

    The endpoint can be pasted into 'sig serve'. With a USB identity it stays with the device, whatever the system
    calls it the next time.

    Who has a port open can be told of this user's own programs, and by root of all.
    """
    with serial_package():
        from sig_serial import list_ports
    if watch:
        run(_watch(out), until_told=True)
    else:
        show(list_ports(), out)


def show(ports: Sequence[PortInfo], out: Output) -> None:
    """Print ports, or what to check where there is none."""
    if not ports:
        out.warning(_NONE)
    elif out.as_json:
        for port in ports:
            out.record(port_record(port, ports))
    else:
        out.lines(port_lines(ports, out.paint))


async def _watch(out: Output) -> None:
    from ._ports_watch import watch

    await watch(out)
