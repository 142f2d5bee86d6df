# SPDX-License-Identifier: MIT
"""The driver's low-latency mode (Linux): bytes are given at once instead of in larger pieces.

An FTDI adapter, for example, collects bytes for 16 ms otherwise. The mode stays with the device until it is unplugged,
so it is set back for the program that comes next.
"""

from __future__ import annotations

import array
import sys

import sigcore

if sys.platform == "linux":
    import fcntl
    import termios

_ASYNC_LOW_LATENCY = 0x2000
_FLAGS_AT = 4
"""Where the flags are in the kernel's ``struct serial_struct``, in ints; <linux/serial.h>."""

logger = sigcore.get_logger("sigcore.serial")


def set_low_latency(path: str, fd: int, wanted: bool) -> bool:
    """Set the mode of an open device and return whether that changed it; never fails.

    Many drivers have no such mode, pseudo-terminals among them: that is logged at the level debug.
    """
    if sys.platform == "linux":
        settings = array.array("i", [0] * 32)
        try:
            fcntl.ioctl(fd, termios.TIOCGSERIAL, settings)
            if bool(settings[_FLAGS_AT] & _ASYNC_LOW_LATENCY) == wanted:
                return False
            settings[_FLAGS_AT] ^= _ASYNC_LOW_LATENCY
            fcntl.ioctl(fd, termios.TIOCSSERIAL, settings)
        except OSError as exc:
            logger.debug("serial port %s: its driver has no low-latency mode to set (%s)", path, exc)
        else:
            return True
    return False
