# SPDX-License-Identifier: MIT
"""Simulated serial lines for programs that run beside: ``python -m sig_serial.testing``."""

from __future__ import annotations

import argparse
import os
import signal
import stat
import sys
from contextlib import ExitStack

from ._line import SimulatedLine
from ._orders import FAULTS, HELP, Orders


def main() -> None:
    """Make the lines that the command line asks for, print their paths, and do what is typed."""
    options = _parser().parse_args()
    with ExitStack() as stack:
        lines = [stack.enter_context(_line(options, number)) for number in range(options.lines)]
        orders = Orders(lines, options.seed)
        orders.set([f"{name}={value}" for name in FAULTS if (value := getattr(options, name)) is not None])
        for line in lines:
            _tell(f"{line.left} {line.right}")
        try:
            _obey(orders)
            if not stat.S_ISFIFO(os.fstat(0).st_mode):  # a program that had ordered by a pipe is gone
                signal.pause()
        except KeyboardInterrupt:
            pass


def _obey(orders: Orders) -> None:
    for text in sys.stdin:
        try:
            _tell(orders.do(text))
        except ValueError as exc:
            _tell(f"error: {exc}")


def _tell(text: str) -> None:
    print(text, flush=True)  # noqa: T201  # what the program is for


def _line(options: argparse.Namespace, number: int) -> SimulatedLine:
    directory = options.directory
    if directory is not None:
        directory = os.path.join(directory, str(number + 1)) if options.lines > 1 else directory
        os.makedirs(directory, exist_ok=True)
    return SimulatedLine(
        directory, baudrate=options.baudrate, flow_control=options.flow_control, step_s=options.step_ms / 1000
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sig_serial.testing",
        description="Serial lines without hardware. Prints the two paths of each, then takes the orders below, "
        "each to all lines.",
        epilog=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--baudrate", type=int, default=115_200, help="of both directions (115200)")
    parser.add_argument("--lines", type=int, default=1, help="how many (1); each order is done to all of them")
    parser.add_argument("--directory", help="where to make the paths left and right (a temporary directory)")
    parser.add_argument("--flow-control", action="store_true", help="bytes wait where nobody reads, as with RTS/CTS")
    parser.add_argument("--step-ms", type=float, default=1.0, help="how often bytes are moved, in milliseconds (1)")
    parser.add_argument("--seed", type=int, default=0, help="same seed, same faults (0)")
    for name in FAULTS:
        parser.add_argument(f"--{name.replace('_', '-')}", metavar="N", help="as in LineFaults")
    return parser


if __name__ == "__main__":
    main()
