# SPDX-License-Identifier: MIT
"""What a device's file tells: whether it is still the same device, and whether it has only just come."""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._finding import Device

_UDEV_S = 3.0
"""So long after a device came may it belong to nobody but root: udev sets group and rights a little later."""


def node_of(path: str) -> tuple[int, int] | None:
    """Return what tells the device's file from another of the same name; ``None`` where there is no file."""
    if sys.platform != "win32":
        with suppress(OSError):
            found = os.stat(path)
            return found.st_rdev, found.st_ino
    return None


def is_fresh(device: Device) -> bool:
    """Whether the device's file was made, or got its rights, so short ago that udev may not be done with it."""
    with suppress(OSError):
        return abs(time.time() - os.stat(str(device)).st_ctime) < _UDEV_S
    return False


def may_come(exc: OSError, device: Device) -> bool:
    """Whether the port that could not be opened for this reason may be there later, without anybody's help."""
    if isinstance(exc, PermissionError):
        return is_fresh(device)
    return isinstance(exc, FileNotFoundError | ConnectionError)
