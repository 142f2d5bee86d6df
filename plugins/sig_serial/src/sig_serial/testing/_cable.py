# SPDX-License-Identifier: MIT
"""A null-modem cable that takes no time."""

from __future__ import annotations

from collections.abc import Callable

from ._joined_ports import JoinedPorts
from ._pty import PtyPort

Fault = Callable[[str, bytes], bytes]
"""What the cable does to bytes: called with the path that they go to, and the bytes; gives those that arrive."""

_PIECE_BYTES = 4096


class PtyCable(JoinedPorts):
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
        super().__init__(directory, "pty-cable")
        self.fault = fault
        self._arriving = {self._left: bytearray(), self._right: bytearray()}
        self._start()

    # On the cable's thread.

    def _take_away(self, end: PtyPort) -> None:
        end.unplug()
        self._arriving[end].clear()

    def _turn(self) -> None:
        to_read = [end.master for end, other in self._pairs() if end.is_plugged and not self._arriving[other]]
        to_write = [end.master for end, arriving in self._arriving.items() if arriving and end.is_plugged]
        self._worker.wait(to_read, to_write)
        for end, other in self._pairs():
            self._carry_from(end, other)

    def _pairs(self) -> tuple[tuple[PtyPort, PtyPort], tuple[PtyPort, PtyPort]]:
        left, right = self._left, self._right
        return (left, right), (right, left)

    def _carry_from(self, end: PtyPort, other: PtyPort) -> None:
        arriving = self._arriving[other]
        if end.is_plugged and not arriving and (data := end.read(_PIECE_BYTES)):
            arriving += data if self.fault is None else self.fault(other.path, data)
        if not other.is_plugged:
            arriving.clear()
        elif arriving:
            del arriving[: other.write(arriving)]
