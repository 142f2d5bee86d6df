# SPDX-License-Identifier: MIT
"""Two ports that are joined: their paths, what unplugs and replugs them, and the thread that moves the bytes."""

from __future__ import annotations

import os
import shutil
import tempfile
from abc import ABC, abstractmethod
from functools import partial
from typing import Self

from ._pty import PtyPort
from ._worker import Worker


class JoinedPorts(ABC):
    """Two ports, each a pseudo-terminal behind a path that stays the same; a subclass says how bytes get across.

    Args:
        directory: Where to make the two paths; a temporary directory that goes with them where it is ``None``.
        thread: The name of the thread.

    Attributes:
        left: The path of one port.
        right: The path of the other.
    """

    def __init__(self, directory: str | None, thread: str) -> None:
        self._is_own = directory is None
        self._directory = tempfile.mkdtemp(prefix="sig-serial-") if directory is None else directory
        self._left = PtyPort(os.path.join(self._directory, "left"))
        self._right = PtyPort(os.path.join(self._directory, "right"))
        self.left, self.right = self._left.path, self._right.path
        self._is_open = True
        self._worker = Worker(thread, self._turn)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Unplug both ends and remove their paths; may be called twice."""
        if not self._is_open:
            return
        self._is_open = False
        self.unplug()
        self._worker.stop()
        if self._is_own:
            shutil.rmtree(self._directory, ignore_errors=True)

    def unplug(self, path: str | None = None) -> None:
        """Take away the device at ``path``, both where none is given; whoever has it open loses it.

        Bytes on their way are lost, as are those sent to it until it is plugged in again.

        Raises:
            ValueError: No port is at ``path``.
        """
        for end in self._chosen(path):
            self._worker.do(partial(self._take_away, end))

    def replug(self, path: str | None = None) -> None:
        """Bring the device back at the same path; in truth it is another, as after a real replug.

        Raises:
            ValueError: No port is at ``path``.
        """
        for end in self._chosen(path):
            self._worker.do(end.plug)

    def _start(self) -> None:
        """Plug both in and begin; a subclass calls it when all that ``_turn`` needs is there."""
        for end in self._chosen(None):
            end.plug()
        self._worker.start()

    def _chosen(self, path: str | None) -> list[PtyPort]:
        chosen = [end for end in (self._left, self._right) if path in (None, end.path)]
        if not chosen:
            raise ValueError(f"{path} is no end of this cable; they are {self.left} and {self.right}")
        return chosen

    # On the thread.

    @abstractmethod
    def _turn(self) -> None:
        """Move what there is to move, or wait for it."""

    @abstractmethod
    def _take_away(self, end: PtyPort) -> None:
        """Unplug ``end``, with what was on its way."""
