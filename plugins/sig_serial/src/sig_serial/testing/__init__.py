# SPDX-License-Identifier: MIT
r"""Serial ports and what is between them, without hardware: for tests and demonstrations (POSIX only).

A cable carries everything at once and unharmed::

    with PtyCable() as cable:
        server = sigcore.ServerRouter(f"serial://{cable.left}")
        device = sigcore.ClientRouter(f"serial://{cable.right}")
        ...
        cable.unplug()
        cable.replug()

A simulated line takes the time that a line takes, and may be as bad as real ones::

    with SimulatedLine(baudrate=115_200) as line:
        line.to_right.faults = LineFaults(seed=7, ber=1e-4)
        ...
        line.say(line.right, b"boot: cold start\r\n")

``python -m sig_serial.testing`` does the same from a shell.
"""

from __future__ import annotations

import sys

if sys.platform == "win32":
    raise ImportError(
        "sig_serial.testing needs pseudo-terminals, which Windows does not have; use a pair of com0com ports"
    )

from .._line_faults import LineFaults
from ._cable import Fault, PtyCable
from ._direction import Direction
from ._line import SimulatedLine
from ._wrong_baud import as_heard_at

__all__ = ["Direction", "Fault", "LineFaults", "PtyCable", "SimulatedLine", "as_heard_at"]
