# SPDX-License-Identifier: MIT
"""The two ports at the ends of a cable or a line, and where their paths are."""

from __future__ import annotations

import os
import shutil
import tempfile

from ._pty import PtyPort


class Ends:
    """Two ports, ``left`` and ``right``, in ``directory``, or in a new one that goes with them."""

    def __init__(self, directory: str | None) -> None:
        self._is_own = directory is None
        self._directory = tempfile.mkdtemp(prefix="sig-serial-") if directory is None else directory
        self.left = PtyPort(os.path.join(self._directory, "left"))
        self.right = PtyPort(os.path.join(self._directory, "right"))

    def chosen(self, path: str | None) -> list[PtyPort]:
        """Return the port at ``path``, both where none is given.

        Raises:
            ValueError: No port is there.
        """
        chosen = [end for end in (self.left, self.right) if path in (None, end.path)]
        if not chosen:
            raise ValueError(f"{path} is no end of this cable; they are {self.left.path} and {self.right.path}")
        return chosen

    def remove(self) -> None:
        """Remove the directory, if it was made here."""
        if self._is_own:
            shutil.rmtree(self._directory, ignore_errors=True)
