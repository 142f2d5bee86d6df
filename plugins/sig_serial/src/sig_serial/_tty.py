# SPDX-License-Identifier: MIT
"""A serial port of this machine, opened for this program alone.

Nothing here knows asyncio: ``read`` and ``write`` never wait (POSIX), ``read_waiting`` and ``write_waiting`` do (for
threads, everywhere).
"""

from __future__ import annotations

import errno
import os
import select
import stat
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import serial

from ._holders import other_holder
from ._low_latency import set_low_latency
from ._port_errors import absent, busy, explained, not_a_tty

if sys.platform != "win32":
    import fcntl
    import termios

    _FAULTS: tuple[type[Exception], ...] = (OSError, termios.error)
else:
    _FAULTS = (OSError,)

if TYPE_CHECKING:
    from ._options import SerialOptions

READ_BYTES = 4096
"""Most bytes in one read: what a POSIX line discipline keeps."""

_PTY_DIRECTORY = "/dev/pts/"
"""Where Linux has its pseudo-terminals. What is set there by a program that is killed stays as long as the other side
is open, so none of them is made exclusive: after a crash nobody but root could open it again."""

_DRAIN_STEP_S = 0.002
"""Between two looks at the output queue while closing: 23 bytes at 115 200 baud."""

_CANCEL_CHECK_S = 0.02
"""How often a thread that waits for room looks whether it is cancelled."""


def open_tty(path: str, options: SerialOptions) -> TtyPort:
    """Open the device at ``path``, following symbolic links as they are now, and throw away what it had received.

    Raises:
        FileNotFoundError: There is no such device.
        PermissionError: This user may not open it.
        OSError: Another program has it open, it is no serial port, or it cannot have these settings.
    """
    _check_path(path)
    if options.exclusive and (holder := other_holder(path)):
        # Before it is opened, which resets many a board. A program that locked nothing would lose bytes to us.
        raise busy(path, holder)
    try:
        device = serial.Serial(
            path,
            baudrate=options.baudrate,
            bytesize=options.bytesize,
            parity=options.parity,
            stopbits=options.stopbits,
            rtscts=options.rtscts,
            exclusive=True if options.exclusive else None,
        )
    except (ValueError, OverflowError) as exc:  # what the driver, or the library, makes of a strange baud rate
        raise OSError(errno.EINVAL, f"serial port {path} cannot be set to {options}: {exc}") from exc
    except _FAULTS as exc:
        raise explained(path, exc) from exc
    try:
        return TtyPort(path, device, options)
    except _FAULTS as exc:
        device.close()
        raise explained(path, exc) from exc


class TtyPort:
    """An open serial port; a ``Port``."""

    def __init__(self, path: str, device: serial.Serial, options: SerialOptions) -> None:
        self.path = path
        real_path = os.path.realpath(path) if os.name == "posix" else path
        self.identity = path if real_path == path else f"{path} ({real_path})"
        self.byte_s = options.byte_s
        self.device = device
        self.low_latency = False
        self._fd = -1
        self._write_is_cancelled = False
        if sys.platform != "win32":
            self._fd = device.fileno()
            if options.exclusive and not real_path.startswith(_PTY_DIRECTORY):
                # flock keeps away those who ask; this keeps away those who do not: a terminal program, ModemManager.
                fcntl.ioctl(self._fd, termios.TIOCEXCL)
            # An empty read means that the device is gone, never that nothing has come; the library leaves VMIN at 0.
            settings = termios.tcgetattr(self._fd)
            settings[0] &= ~termios.BRKINT  # a break on the line is noise, not an interrupt
            settings[6][termios.VMIN] = 1
            termios.tcsetattr(self._fd, termios.TCSANOW, settings)
            self.low_latency = options.low_latency and set_low_latency(path, self._fd, wanted=True)

    @property
    def out_waiting(self) -> int:
        """Bytes that the system has not sent yet."""
        with suppress(*_FAULTS):  # a device that is gone has nothing to send
            return int(self.device.out_waiting)
        return 0

    def fileno(self) -> int:
        """Return the file descriptor, which does not block (POSIX); -1 elsewhere."""
        return self._fd

    def read(self) -> bytes:
        """Return what has been received, at most ``READ_BYTES``; never waits (POSIX).

        Raises:
            BlockingIOError: Nothing has been received.
            OSError: The device is gone.
        """
        data = os.read(self._fd, READ_BYTES)
        if not data:
            raise OSError(errno.ENXIO, "the device has hung up", self.path)
        return data

    def write(self, data: bytes | bytearray) -> int:
        """Write what there is room for and return how much that was; never waits (POSIX).

        Raises:
            BlockingIOError: There is no room.
            OSError: The device is gone.
        """
        return os.write(self._fd, data)

    def read_waiting(self) -> bytes:
        """Wait for bytes and return them; ``b""`` after ``cancel_read``.

        Raises:
            OSError: The device is gone.
        """
        first = self.device.read(1)
        return first + self.device.read(min(self.device.in_waiting, READ_BYTES - 1)) if first else b""

    def write_waiting(self, data: bytes) -> None:
        """Write all of ``data``, waiting for room; part of it after ``cancel_write``.

        Raises:
            OSError: The device is gone.
        """
        if os.name != "posix":
            self.device.write(data)
            return
        # The library's own write spins where there is no room, and then does not see that it is cancelled.
        while data and not self._write_is_cancelled:
            _, has_room, _ = select.select([], [self._fd], [], _CANCEL_CHECK_S)
            if has_room and not self._write_is_cancelled:
                with suppress(BlockingIOError):
                    data = data[os.write(self._fd, data) :]

    def cancel_read(self) -> None:
        """Wake the thread that waits in ``read_waiting``."""
        with suppress(*_FAULTS):  # a device that is gone wakes it by itself
            self.device.cancel_read()

    def cancel_write(self) -> None:
        """Have the thread in ``write_waiting`` give up, until ``allow_write``."""
        self._write_is_cancelled = True
        if os.name != "posix":
            with suppress(*_FAULTS):
                self.device.cancel_write()

    def allow_write(self) -> None:
        """Make ``write_waiting`` of use again; call it when no thread is in there."""
        self._write_is_cancelled = False

    def discard_output(self) -> None:
        """Throw away what was written and has not gone out yet. Never fails."""
        with suppress(*_FAULTS):  # a device that is gone has nothing to send
            self.device.reset_output_buffer()

    def close(self, drain_s: float) -> None:
        """Let what was written go out, for ``drain_s`` seconds at most; then close. Never fails.

        Call it from a thread: some USB drivers take 0.3 s. What is left unsent is thrown away first, because the
        kernel would wait up to 30 s for it where the other side holds CTS.
        """
        with suppress(*_FAULTS):  # a device that is gone has nothing to send
            self._drain(time.monotonic() + drain_s)
        if self.low_latency:
            set_low_latency(self.path, self._fd, wanted=False)
        if sys.platform != "win32":
            with suppress(OSError):
                fcntl.ioctl(self._fd, termios.TIOCNXCL)  # it would stay in force while somebody else has it open
        with suppress(OSError):
            self.device.close()

    def _drain(self, deadline_s: float) -> None:
        while self.device.out_waiting:
            if time.monotonic() >= deadline_s:
                self.discard_output()
                return
            time.sleep(_DRAIN_STEP_S)


def _check_path(path: str) -> None:
    if sys.platform != "win32":
        try:
            found = os.stat(path)
        except FileNotFoundError:
            raise absent(path) from None
        except OSError as exc:
            raise OSError(exc.errno, f"serial port {path} cannot be opened: {exc.strerror}") from exc
        if not stat.S_ISCHR(found.st_mode) or _kind(found) not in ("tty", ""):
            raise not_a_tty(path)


def _kind(found: os.stat_result) -> str:
    """Return what Linux calls this kind of device, without opening it, which starts a watchdog; ``""``: unknown."""
    if sys.platform == "linux":
        subsystem = f"/sys/dev/char/{os.major(found.st_rdev)}:{os.minor(found.st_rdev)}/subsystem"
        return os.path.basename(os.path.realpath(subsystem)) if os.path.exists(subsystem) else ""
    return ""
