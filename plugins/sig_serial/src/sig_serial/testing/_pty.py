# SPDX-License-Identifier: MIT
"""One serial port without hardware: a pseudo-terminal behind a path that stays the same."""

from __future__ import annotations

import os
import tty
from contextlib import suppress


class PtyPort:
    """A device at ``path`` while it is plugged in, and nothing there while it is not.

    ``master`` is what the other side of the wire reads and writes; it never blocks. Used from one thread.
    """

    __slots__ = ("_slave", "master", "path")

    def __init__(self, path: str) -> None:
        self.path = path
        self.master = self._slave = -1

    @property
    def is_plugged(self) -> bool:
        """Whether the device is there."""
        return self.master >= 0

    def plug(self) -> None:
        """Bring the device; in truth a new one each time, as after a real replug."""
        if self.is_plugged:
            return
        self.master, self._slave = os.openpty()
        # Held open for as long as it is plugged: else the pair would tell the cable of every program that closes it.
        tty.setraw(self._slave)
        os.set_blocking(self.master, False)
        new = f"{self.path}.new"
        os.symlink(os.ttyname(self._slave), new)
        os.replace(new, self.path)

    def unplug(self) -> None:
        """Take the device away; whoever has it open loses it."""
        if not self.is_plugged:
            return
        with suppress(FileNotFoundError):
            os.unlink(self.path)
        for fd in (self.master, self._slave):
            os.close(fd)
        self.master = self._slave = -1

    def read(self, size: int) -> bytes:
        """Return what a program wrote to the device, at most ``size`` bytes; nothing where there is nothing."""
        # OSError beside "nothing yet": a program just hung up; nothing is lost by it.
        with suppress(OSError):
            return os.read(self.master, size)
        return b""

    def write(self, data: bytes | bytearray) -> int:
        """Give a program bytes to read, as far as there is room; return how many."""
        with suppress(OSError):
            return os.write(self.master, data)
        return 0
