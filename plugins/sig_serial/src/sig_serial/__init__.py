# SPDX-License-Identifier: MIT
"""Serial ports as a carrier for sigcore: ``serial:///dev/ttyUSB0?baudrate=115200``."""

from __future__ import annotations

from ._carrier import SerialCarrier
from ._devices import PortInfo, list_ports
from ._holders import Holder
from ._options import SerialOptions

__all__ = ["Holder", "PortInfo", "SerialCarrier", "SerialOptions", "list_ports"]
