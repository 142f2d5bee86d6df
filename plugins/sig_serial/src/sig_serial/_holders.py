# SPDX-License-Identifier: MIT
"""Who has a serial port open: from /proc on Linux; elsewhere only how to find out."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

_PROC = "/proc"
_PTY_MASTERS = ("/dev/ptmx", "/dev/pts/ptmx")


@dataclass(frozen=True, slots=True)
class Holder:
    """A program that has a port open.

    Attributes:
        pid: Its process.
        command: The program's name.
    """

    pid: int
    command: str

    def __str__(self) -> str:
        return "this very program" if self.pid == os.getpid() else f"{self.command} (process {self.pid})"


def find_holder(path: str) -> Holder | None:
    """Return a program that has the device at ``path`` open, another than this one where there is such.

    A user sees his own processes and, of those of others, only the ones that locked the port; root sees all.

    Returns:
        ``None`` where nobody has it open, where that cannot be seen, and on other systems than Linux.
    """
    if not os.path.isdir(f"{_PROC}/self/fd"):
        return None
    own = os.getpid()
    pids = [*_opened_by(os.path.realpath(path)), *_locked_by(path)]
    pid = next((pid for pid in pids if pid != own), own if own in pids else None)
    return None if pid is None else Holder(pid, _command(pid))


def other_holder(path: str) -> Holder | None:
    """Return a program other than this one that has the device at ``path`` open, as far as that can be seen."""
    holder = find_holder(path)
    return None if holder is None or holder.pid == os.getpid() else holder


def how_to_find_out(path: str) -> str:
    """Return the advice for a user who has to find out who has the port at ``path`` open."""
    if sys.platform == "win32":
        return "'handle.exe' of Sysinternals, or the Resource Monitor, names it"
    if sys.platform == "darwin":
        return f"'lsof {path}' names it"
    return f"'sudo fuser -v {path}' names it"


def _opened_by(device: str) -> Iterator[int]:
    for name in os.listdir(_PROC):
        if name.isdecimal() and device in (opened := _open_files(name)) and not opened.intersection(_PTY_MASTERS):
            # Whoever has the master as well has made this pseudo-terminal, and holds it open as long as it lives.
            yield int(name)


def _open_files(pid: str) -> set[str]:
    opened: set[str] = set()
    with suppress(OSError):  # ended meanwhile, or another user's
        for fd in os.scandir(f"{_PROC}/{pid}/fd"):
            with suppress(OSError):
                opened.add(os.readlink(fd.path))
    return opened


def _locked_by(path: str) -> list[int]:
    """Look through the locks, which everybody may read."""
    pids: list[int] = []
    if sys.platform == "linux":
        with suppress(OSError):
            found = os.stat(path)
            inode = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
            with open(f"{_PROC}/locks", encoding="utf-8") as locks:
                for line in locks:  # 1: FLOCK  ADVISORY  WRITE 4242 00:06:131 0 EOF
                    fields = line.split()
                    if inode in fields and fields[4].isdecimal():
                        pids.append(int(fields[4]))
    return pids


def _command(pid: int) -> str:
    try:
        with open(f"{_PROC}/{pid}/comm", encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return "a program"
