# SPDX-License-Identifier: MIT
"""Devices without hardware: a GPS receiver and a multimeter, behind a TCP port or at the end of a serial cable.

>>> from sig_lines.testing import Multimeter, OverTcp
>>> with OverTcp(Multimeter(volts=4.2)) as device:
...     device.endpoint.startswith("tcp://127.0.0.1:")
True
"""

from __future__ import annotations

from ._devices import GpsReceiver, Multimeter, SimulatedDevice
from ._over_pty import OverPty
from ._over_tcp import OverTcp

__all__ = ["GpsReceiver", "Multimeter", "OverPty", "OverTcp", "SimulatedDevice"]
