# SPDX-License-Identifier: MIT
"""``sig serial check``: the quality of a line, in figures and in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

import sigcore

from ._check_report import report_lines, report_record
from ._exits import Exit
from ._options import duration, examples, takes_output
from ._output import Output
from ._running import run
from ._serial_package import serial_endpoint, serial_package
from ._taken_port import taken_port_explained

if TYPE_CHECKING:
    from sig_serial.tools import Verdict


@click.command(
    epilog=examples(
        "sig serial check /dev/ttyUSB0",
        "sig serial check 'serial:///dev/ttyUSB0?baudrate=921600' --for 30s",
        "sig serial check /dev/ttyUSB0 --scan",
        "sig serial check /dev/ttyUSB1 --answer     the other end, for another check",
    ),
)
@click.argument("endpoint")
@click.option(
    "--for", "for_s", type=duration, metavar="TIME", default="5s", show_default=True, help="How long to measure."
)
@click.option("--scan", is_flag=True, help="Where nobody answers, try the usual baud rates.")
@click.option("--answer", is_flag=True, help="Do not measure: be the other end, until Ctrl-C.")
@takes_output
def check(*, endpoint: str, for_s: float, scan: bool, answer: bool, out: Output) -> None:
    """Measure the line at ENDPOINT: errors each way, round trip, throughput; and say what to do about it.

    ENDPOINT is a serial port, as for 'sig serve'; it must be free. At the other end anything that speaks the serial
    link of sigcore may have its port open: a server, a device, or this command with --answer. No link is made.

    Where only garbage comes, the usual baud rates are tried, as with --scan.

    The exit code is 0 for a line that is good or usable, 1 for a bad one, 5 where nobody answers.
    """
    if answer and scan:
        raise click.UsageError("--answer measures nothing, so it cannot --scan.")
    _, port = serial_endpoint(endpoint).take_given(
        sigcore.LinkOptions
    )  # what is for a server's links is no matter here
    if answer:
        run(_answer(port, out), until_told=True)
    else:
        run(_check(port, for_s, scan, out))


async def _check(port: sigcore.Endpoint, for_s: float, scan: bool, out: Output) -> None:
    with serial_package():
        from sig_serial.tools import check_line, verdict
    with taken_port_explained(port):
        out.note(f"measuring {port} for {for_s:g} s")
        found = await check_line(port, seconds=for_s)
        said = verdict(found)
        rate = await _answering_rate(port, out) if found.answered == 0 and (scan or found.is_garbage) else None
    if out.as_json:
        out.record(report_record(port, found, said, rate))
    else:
        out.lines(report_lines(port, found, said, rate, out.paint))
    if code := _exit_of(said):
        raise click.exceptions.Exit(code)


async def _answering_rate(port: sigcore.Endpoint, out: Output) -> int | None:
    """Return the baud rate at which somebody answers, if any."""
    from sig_serial.tools import find_baudrate

    return await find_baudrate(port, tried=lambda baudrate: out.note(f"trying {baudrate} baud"))


def _exit_of(said: Verdict) -> Exit:
    return {"bad": Exit.FAILED, "no answer": Exit.NOBODY}.get(said.grade.value, Exit.DONE)


async def _answer(port: sigcore.Endpoint, out: Output) -> None:
    import asyncio

    with serial_package():
        from sig_serial.tools import answer_probes
    with taken_port_explained(port):
        async with answer_probes(port) as answering:
            if out.as_json:
                out.record({"what": "answering", "port": str(port)})
            else:
                out.lines([f"answering at {port}; Ctrl-C ends"])
            raise await asyncio.shield(answering.lost)
