# SPDX-License-Identifier: MIT
"""A serial line that takes its time and may be bad, between two pseudo-terminals."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from ._direction import Direction
from ._joined_ports import JoinedPorts
from ._pty import PtyPort

_IDLE_LOOK_S = 0.02
"""How soon a line at rest sees that its faults were changed."""


class SimulatedLine(JoinedPorts):
    """A line between two serial ports that carries bytes at its baud rate and treats them as badly as it is told.

    The ports are pseudo-terminals behind paths that stay the same. Each direction takes bytes from its sender no faster
    than it carries them, so that a program which writes more has to wait, and gives them on when their time on the line
    is over. Bytes for a port at which nobody reads are lost when its buffer of some KiB is full, unless there is flow
    control. A pseudo-terminal knows no parity, break or modem lines. Use it in a ``with`` block.

    Args:
        directory: Where to make the two paths; a temporary directory by default.
        baudrate: Of both directions; ten bits make a byte.
        faults: Called with no arguments for each direction: what is bad about it, as
            ``partial(LineFaults, 7, ber=1e-4)``. Each direction has faults of its own.
        flow_control: Whether bytes wait where nobody reads (RTS/CTS); else they are lost.
        step_s: How often bytes are moved, in seconds. Larger costs less of a processor, and makes the line as coarse
            as a USB adapter, which collects bytes for 1 to 16 ms.

    Attributes:
        left: The path of one port.
        right: The path of the other.
        to_left: What goes to ``left``: its faults, and counters of its bytes.
        to_right: What goes to ``right``.

    Raises:
        ValueError: The baud rate or the step is not above 0.
    """

    def __init__(
        self,
        directory: str | None = None,
        *,
        baudrate: int = 115_200,
        faults: Callable[[], Callable[[bytes], bytes]] | None = None,
        flow_control: bool = False,
        step_s: float = 0.001,
    ) -> None:
        for name, value in (("baudrate", baudrate), ("step_s", step_s)):
            if not value > 0:
                raise ValueError(f"{name} must be above 0; it is {value!r}")
        super().__init__(directory, "serial-line")
        self.to_left = Direction(self._right, self._left, baudrate, has_flow_control=flow_control)
        self.to_right = Direction(self._left, self._right, baudrate, has_flow_control=flow_control)
        self._directions = (self.to_left, self.to_right)
        for direction in self._directions:
            direction.faults = faults() if faults else None
        self._step_s = step_s
        self._next_s = 0.0
        self._start()

    def say(self, path: str, text: bytes) -> None:
        """Send ``text`` as if the device at ``path`` had: a boot loader's banner, a ``printf`` amid its packets.

        It goes before what the program at ``path`` has written and the line has not taken yet, at the line's pace.
        """
        [end] = self._chosen(path)
        self._worker.do(partial(self._from(end).say, text))

    # On the line's thread.

    def _turn(self) -> None:
        now_s = time.monotonic()
        if now_s >= self._next_s:
            for direction in self._directions:
                direction.step(now_s)
            is_busy = any(direction.is_busy for direction in self._directions)
            self._next_s = now_s + (self._step_s if is_busy else _IDLE_LOOK_S)
        watched = {source: way for way in self._directions if (source := way.source_to_watch) is not None}
        ready = self._worker.wait(watched, timeout_s=max(0.0, self._next_s - time.monotonic()))
        if ready:
            now_s = time.monotonic()
            for source in ready:
                watched[source].begin(now_s)
            self._next_s = min(self._next_s, now_s + self._step_s)

    def _take_away(self, end: PtyPort) -> None:
        end.unplug()
        for direction in self._directions:
            direction.forget()

    def _from(self, end: PtyPort) -> Direction:
        return self.to_right if end is self._left else self.to_left
