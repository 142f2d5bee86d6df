# SPDX-License-Identifier: MIT
"""Two serial ports and a cable between them, without hardware: for tests and demonstrations (POSIX only).

::

    with PtyCable() as cable:
        server = sigcore.ServerRouter(f"serial://{cable.left}")
        device = sigcore.ClientRouter(f"serial://{cable.right}")
        ...
        cable.unplug()
        cable.replug()
"""

from __future__ import annotations

import os
import select
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Self

from ._line_faults import LineFaults as LineFaults

if sys.platform == "win32":
    raise ImportError(
        "sig_serial.testing needs pseudo-terminals, which Windows does not have; use a pair of com0com ports"
    )

import tty

Fault = Callable[[str, bytes], bytes]
"""What the cable does to bytes: called with the path that they go to, and the bytes; gives those that arrive."""

_PIECE_BYTES = 4096

_LIFE_CHECK_S = 0.5
"""How often a caller who waits for the cable's thread looks whether it still lives."""


@dataclass(eq=False, slots=True)
class _End:
    """One end of the cable: a pseudo-terminal behind a symbolic link, or nothing while unplugged."""

    path: str
    master: int = -1
    slave: int = -1
    arriving: bytearray = field(default_factory=bytearray)

    def plug(self) -> None:
        if self.is_plugged:
            return
        self.master, self.slave = os.openpty()
        # Held open for as long as it is plugged: else the pair would tell the cable of every program that closes it.
        tty.setraw(self.slave)
        os.set_blocking(self.master, False)
        new = f"{self.path}.new"
        os.symlink(os.ttyname(self.slave), new)
        os.replace(new, self.path)

    def unplug(self) -> None:
        if not self.is_plugged:
            return
        with suppress(FileNotFoundError):
            os.unlink(self.path)
        for fd in (self.master, self.slave):
            os.close(fd)
        self.master = self.slave = -1
        self.arriving.clear()

    @property
    def is_plugged(self) -> bool:
        return self.master >= 0


class PtyCable:
    """A null-modem cable between two serial ports, each a pseudo-terminal behind a path that stays the same.

    Bytes come out at the other end in order and unharmed, and wait where nobody takes them, as on a line with
    hardware flow control. Use it in a ``with`` block.

    Args:
        directory: Where to make the two paths; a temporary directory by default.
        fault: Changes, drops or adds bytes; may be set at any time. It is called on the cable's own thread.

    Attributes:
        left: The path of one port.
        right: The path of the other.
        fault: As the argument; ``None`` for a clean cable.
    """

    def __init__(self, directory: str | None = None, *, fault: Fault | None = None) -> None:
        self.fault = fault
        self._own_directory = directory is None
        self._directory = tempfile.mkdtemp(prefix="sig-serial-") if directory is None else directory
        self.left = os.path.join(self._directory, "left")
        self.right = os.path.join(self._directory, "right")
        self._ends = (_End(self.left), _End(self.right))
        self._jobs: SimpleQueue[tuple[Callable[[], None], threading.Event]] = SimpleQueue()
        self._wake_out, self._wake_in = os.pipe()
        self._is_open = True
        for end in self._ends:
            end.plug()
        self._thread = threading.Thread(target=self._carry, name="pty-cable", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Unplug both ends and remove their paths; may be called twice."""
        if not self._is_open:
            return
        self.unplug()
        self._on_thread(self._stop)
        self._thread.join()
        os.close(self._wake_in)
        os.close(self._wake_out)
        if self._own_directory:
            shutil.rmtree(self._directory, ignore_errors=True)

    def unplug(self, path: str | None = None) -> None:
        """Take away the device at ``path``, both where none is given; whoever has it open loses it.

        Bytes on their way to it are lost, as are those sent to it until it is plugged in again.
        """
        for end in self._chosen(path):
            self._on_thread(end.unplug)

    def replug(self, path: str | None = None) -> None:
        """Bring the device back at the same path; in truth it is another, as after a real replug."""
        for end in self._chosen(path):
            self._on_thread(end.plug)

    def _chosen(self, path: str | None) -> list[_End]:
        chosen = [end for end in self._ends if path in (None, end.path)]
        if not chosen:
            raise ValueError(f"{path} is no end of this cable; they are {self.left} and {self.right}")
        return chosen

    def _on_thread(self, job: Callable[[], None]) -> None:
        """Do ``job`` where the descriptors are used, so that none is closed under a running ``select``."""
        if threading.current_thread() is self._thread:  # from a fault
            job()
            return
        done = threading.Event()
        self._jobs.put((job, done))
        os.write(self._wake_in, b"!")
        while not done.wait(_LIFE_CHECK_S):
            if not self._thread.is_alive():
                raise RuntimeError("the cable's thread has ended, because its fault raised")

    # On the cable's thread.

    def _carry(self) -> None:
        while self._is_open:
            to_read = [end.master for end, other in self._pairs() if end.is_plugged and not other.arriving]
            to_write = [end.master for end in self._ends if end.arriving]
            readable, _, _ = select.select([self._wake_out, *to_read], to_write, [])
            if self._wake_out in readable:
                self._do_job()
            for end, other in self._pairs():
                self._carry_from(end, other)

    def _do_job(self) -> None:
        os.read(self._wake_out, 1)
        job, done = self._jobs.get()
        job()
        done.set()

    def _stop(self) -> None:
        self._is_open = False

    def _pairs(self) -> tuple[tuple[_End, _End], tuple[_End, _End]]:
        left, right = self._ends
        return (left, right), (right, left)

    def _carry_from(self, end: _End, other: _End) -> None:
        # Neither waits: what is not ready says so. OSError beside that: a program just hung up; nothing is lost by it.
        if end.is_plugged and not other.arriving:
            with suppress(OSError):
                self._arrive(other, os.read(end.master, _PIECE_BYTES))
        if other.arriving:
            with suppress(OSError):
                del other.arriving[: os.write(other.master, other.arriving)]

    def _arrive(self, end: _End, data: bytes) -> None:
        if self.fault is not None:
            data = self.fault(end.path, data)
        if end.is_plugged:
            end.arriving += data
