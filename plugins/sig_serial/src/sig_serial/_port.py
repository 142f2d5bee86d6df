# SPDX-License-Identifier: MIT
"""Opens a serial port, for this program alone, and says what to do where that fails.

The only file that knows the serial library. Nothing here knows asyncio: ``read`` and ``write`` never wait (POSIX),
``read_waiting`` and ``write_waiting`` do (for threads, everywhere).
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

if sys.platform != "win32":
    import fcntl
    import grp
    import termios

    _FAULTS: tuple[type[Exception], ...] = (OSError, termios.error)
else:
    _FAULTS = (OSError,)

if TYPE_CHECKING:
    from ._options import SerialOptions

READ_BYTES = 4096
"""Most bytes in one read: what a POSIX line discipline keeps."""

_DRAIN_STEP_S = 0.002
"""Between two looks at the output queue while closing: 23 bytes at 115 200 baud."""


_CANCEL_CHECK_S = 0.02
"""How often a thread that waits for room looks whether it is cancelled."""


def open_port(path: str, options: SerialOptions) -> Port:
    """Open the device at ``path``, following symbolic links as they are now, and throw away what it had received.

    May take a while with a device that does not respond: call it from a thread.

    Raises:
        FileNotFoundError: There is no such device.
        PermissionError: This user may not open it.
        OSError: Another program has it open, it is no serial port, or it cannot have these settings.
    """
    _check_path(path)
    try:
        device = serial.Serial(
            path,
            baudrate=options.baudrate,
            bytesize=options.bytesize,
            parity=options.parity,
            stopbits=options.stopbits,
            rtscts=options.rtscts,
            exclusive=True,
        )
    except (ValueError, OverflowError) as exc:  # what the driver, or the library, makes of a strange baud rate
        raise OSError(errno.EINVAL, f"serial port {path} cannot be set to {options}: {exc}") from exc
    except _FAULTS as exc:
        raise _explained(path, exc) from exc
    try:
        return Port(path, device)
    except _FAULTS as exc:
        device.close()
        raise _explained(path, exc) from exc


class Port:
    """An open serial port."""

    def __init__(self, path: str, device: serial.Serial) -> None:
        self.path = path
        self.device = device
        self._fd = -1
        self._write_is_cancelled = False
        if sys.platform != "win32":
            self._fd = device.fileno()
            # flock keeps away those who ask; this keeps away those who do not (a terminal program, a modem manager).
            fcntl.ioctl(self._fd, termios.TIOCEXCL)
            # An empty read means that the device is gone, never that nothing has come; the library leaves VMIN at 0.
            settings = termios.tcgetattr(self._fd)
            settings[0] &= ~termios.BRKINT  # a break on the line is noise, not an interrupt
            settings[6][termios.VMIN] = 1
            termios.tcsetattr(self._fd, termios.TCSANOW, settings)

    def fileno(self) -> int:
        """Return the file descriptor, which does not block (POSIX)."""
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
    if os.name != "posix":
        return
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        raise FileNotFoundError(errno.ENOENT, _absent(path)) from None
    except OSError as exc:
        raise OSError(exc.errno, f"serial port {path} cannot be opened: {exc.strerror}") from exc
    if not stat.S_ISCHR(mode):
        raise _not_a_tty(path)


def _explained(path: str, exc: Exception) -> OSError:
    """Return the error that tells a user what is the matter, in place of the library's ``exc``."""
    match _errno(exc):
        case errno.ENOENT | errno.ENODEV | errno.ENXIO as number:
            return OSError(number, _absent(path))
        case errno.EBUSY | errno.EAGAIN:
            return OSError(
                errno.EBUSY,
                f"serial port {path} is in use by another program (another server, minicom, screen, "
                f"ModemManager); close it first. On Linux 'fuser -v {path}' names it",
            )
        case errno.EACCES | errno.EPERM as number:
            return PermissionError(number, _forbidden(path))
        case errno.ENOTTY:
            return _not_a_tty(path)
        case number:
            return OSError(number or errno.EIO, f"serial port {path} cannot be opened: {exc}")


def _errno(exc: Exception) -> int | None:
    """Return the number behind ``exc``, which the library does not always pass on."""
    for error in (exc, exc.__context__):
        if error is not None and error.args and isinstance(error.args[0], int):
            return error.args[0]
    # On Windows the library quotes the system's error in its text. A port that is open elsewhere is refused.
    text = str(exc)
    if "FileNotFoundError" in text:
        return errno.ENOENT
    return errno.EBUSY if "PermissionError" in text else None


def _absent(path: str) -> str:
    return (
        f"serial port {path} does not exist: is the device plugged in? "
        "'python -m serial.tools.list_ports -v' shows the ports there are; /dev/serial/by-id/... keeps its name"
    )


def _forbidden(path: str) -> str:
    group = "dialout"
    if sys.platform != "win32":
        with suppress(OSError, KeyError):
            group = grp.getgrgid(os.stat(path).st_gid).gr_name
    return (
        f"serial port {path}: permission denied; it belongs to the group {group!r}. "
        f"Join it with 'sudo usermod -aG {group} $USER' (usually dialout), then log in anew"
    )


def _not_a_tty(path: str) -> OSError:
    return OSError(errno.ENOTTY, f"{path} is no serial port (not a tty); write serial:///dev/ttyUSB0 or the like")
