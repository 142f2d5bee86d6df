# SPDX-License-Identifier: MIT
"""A null-modem cable that takes no time."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Self

from ._ends import Ends
from ._pty import PtyPort
from ._worker import Worker

Fault = Callable[[str, bytes], bytes]
"""What the cable does to bytes: called with the path that they go to, and the bytes; gives those that arrive."""

_PIECE_BYTES = 4096


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
        self._ends = Ends(directory)
        self.left, self.right = self._ends.left.path, self._ends.right.path
        self._arriving = {self._ends.left: bytearray(), self._ends.right: bytearray()}
        self._is_open = True
        for end in self._ends.chosen(None):
            end.plug()
        self._worker = Worker("pty-cable", self._carry)
        self._worker.start()

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
        self._ends.remove()

    def unplug(self, path: str | None = None) -> None:
        """Take away the device at ``path``, both where none is given; whoever has it open loses it.

        Bytes on their way to it are lost, as are those sent to it until it is plugged in again.
        """
        for end in self._ends.chosen(path):
            self._worker.do(partial(self._take_away, end))

    def replug(self, path: str | None = None) -> None:
        """Bring the device back at the same path; in truth it is another, as after a real replug."""
        for end in self._ends.chosen(path):
            self._worker.do(end.plug)

    # On the cable's thread.

    def _take_away(self, end: PtyPort) -> None:
        end.unplug()
        self._arriving[end].clear()

    def _carry(self) -> None:
        to_read = [end.master for end, other in self._pairs() if end.is_plugged and not self._arriving[other]]
        to_write = [end.master for end, arriving in self._arriving.items() if arriving and end.is_plugged]
        self._worker.wait(to_read, to_write)
        for end, other in self._pairs():
            self._carry_from(end, other)

    def _pairs(self) -> tuple[tuple[PtyPort, PtyPort], tuple[PtyPort, PtyPort]]:
        left, right = self._ends.left, self._ends.right
        return (left, right), (right, left)

    def _carry_from(self, end: PtyPort, other: PtyPort) -> None:
        arriving = self._arriving[other]
        if end.is_plugged and not arriving and (data := end.read(_PIECE_BYTES)):
            arriving += data if self.fault is None else self.fault(other.path, data)
        if not other.is_plugged:
            arriving.clear()
        elif arriving:
            del arriving[: other.write(arriving)]
