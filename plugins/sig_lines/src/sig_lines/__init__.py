# SPDX-License-Identifier: MIT
"""Devices that speak lines of text, as senders: ``lines+serial:///dev/ttyUSB0``, ``lines+tcp://host:port``."""

from __future__ import annotations

from ._carrier import LinesCarrier
from ._errors import BadParameters, BadReply, DeviceBusy, DeviceError, DeviceGone, DeviceRefused, DeviceSilent
from ._options import LinesOptions

__all__ = [
    "BadParameters",
    "BadReply",
    "DeviceBusy",
    "DeviceError",
    "DeviceGone",
    "DeviceRefused",
    "DeviceSilent",
    "LinesCarrier",
    "LinesOptions",
]
