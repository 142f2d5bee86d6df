# SPDX-License-Identifier: MIT
"""One direction of a simulated line: bytes that take their time, and may come to harm."""

from __future__ import annotations

from collections.abc import Callable

from ._pty import PtyPort
from ._wrong_baud import as_heard_at

_CHARACTER_BITS = 10
"""Start, eight of data, stop."""


class Direction:
    """What goes to one end of a line. Everything here may be changed while bytes go by.

    Attributes:
        baudrate: At which bytes go by; ten bits each.
        faults: Changes, drops or adds bytes, such as ``LineFaults(seed=7, ber=1e-4)``; ``None`` for none.
        heard_at: The baud rate of the side that hears, where it is not ``baudrate``; ``None`` where it is.
        is_dead: Nothing arrives, and the sender does not know: a broken wire.
        is_held: Nothing is taken from the sender, whose writes have to wait: the other side holds CTS.
        instead: Given a number, that many bytes which arrive in place of what is sent, also while nothing is:
            ``bytes`` for a wire that is stuck low, ``random.randbytes`` for noise. ``None`` for a line that works.
        has_flow_control: Bytes wait where the program that reads has no room for them. Else they are lost, as on a
            line with three wires.
        carried: How many bytes the line has taken from the sender, and dealt with.
        arrived: How many it has given to the side that hears, wrong ones and added ones as well.
        overrun: How many were lost because nobody read them in time.
    """

    def __init__(self, source: PtyPort, target: PtyPort, baudrate: int, *, has_flow_control: bool) -> None:
        self.baudrate = baudrate
        self.faults: Callable[[bytes], bytes] | None = None
        self.heard_at: int | None = None
        self.is_dead = self.is_held = False
        self.instead: Callable[[int], bytes] | None = None
        self.has_flow_control = has_flow_control
        self.carried = self.arrived = self.overrun = 0
        self._source, self._target = source, target
        self._said = bytearray()
        self._waiting = bytearray()
        self._since_s: float | None = None

    def say(self, text: bytes) -> None:
        """Have the line carry ``text`` before what its sender has written and is still on its way."""
        self._said += text

    # For the line's thread.

    @property
    def is_busy(self) -> bool:
        """Whether there may be something to carry, so that ``step`` has to be called at the line's own pace."""
        return self._since_s is not None

    @property
    def source_to_watch(self) -> int | None:
        """The descriptor to watch for the first byte after a pause, if that would be taken."""
        may_take = self._source.is_plugged and not (self.is_busy or self.is_held or self._waiting)
        return self._source.master if may_take else None

    def begin(self, now_s: float) -> None:
        """Carry from now on; nothing had been there before."""
        if self._since_s is None:
            self._since_s = now_s

    def step(self, now_s: float) -> None:
        """Carry the bytes whose time on the line is over."""
        if self._said or self.instead or self._waiting:
            self.begin(now_s)
        if self._since_s is None:
            return
        if self._waiting:
            self._give(b"")
        if self._waiting or self.is_held:
            self._since_s = now_s  # the line stands still; that time is lost to it
            return
        byte_s = _CHARACTER_BITS / self.baudrate
        due = int((now_s - self._since_s) / byte_s)
        if due <= 0:
            return
        data = self._taken(due)
        self._since_s = self._since_s + due * byte_s if len(data) == due else None
        if data:
            self._carry(data)
        self.carried += len(data)  # last: whoever waits for it finds the rest done

    def forget(self) -> None:
        """Lose what is on its way."""
        self._said.clear()
        self._waiting.clear()
        self._since_s = None

    def _taken(self, size: int) -> bytes:
        data = bytes(self._said[:size])
        del self._said[:size]
        # A read gives one piece of the system's buffer, so that less than was asked for does not mean that it is empty.
        while len(data) < size and self._source.is_plugged and (more := self._source.read(size - len(data))):
            data += more
        return data if self.instead is None else self.instead(size)

    def _carry(self, data: bytes) -> None:
        if self.heard_at not in (None, self.baudrate):
            data = as_heard_at(data, self.baudrate, self.heard_at)
        if self.faults is not None:
            data = self.faults(data)
        if self._target.is_plugged and not self.is_dead:
            self._give(data)

    def _give(self, data: bytes) -> None:
        self._waiting += data
        size = self._target.write(self._waiting) if self._target.is_plugged else len(self._waiting)
        self.arrived += size
        del self._waiting[:size]
        if not self.has_flow_control:
            self.overrun += len(self._waiting)
            self._waiting.clear()
