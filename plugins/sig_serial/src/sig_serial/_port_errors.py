# SPDX-License-Identifier: MIT
"""The errors of a port that cannot be opened: what is the matter, and what to do."""

from __future__ import annotations

import errno
import os
import stat
import sys
from contextlib import suppress

from ._holders import Holder, find_holder, how_to_find_out

if sys.platform != "win32":
    import grp

_MODEM_MANAGER = (
    'ModemManager looks for a modem on every new port; a udev rule with ENV{ID_MM_DEVICE_IGNORE}="1" keeps it off'
)


def explained(path: str, exc: Exception) -> OSError:
    """Return the error that tells a user what is the matter with the port, in place of the system's or library's."""
    match _errno(exc):
        case errno.ENOENT | errno.ENODEV | errno.ENXIO as number:
            return absent(path, number)
        case errno.EBUSY | errno.EAGAIN:
            return busy(path, find_holder(path))
        case errno.EACCES | errno.EPERM as number:
            return PermissionError(number, _forbidden(path))
        case errno.ENOTTY:
            return not_a_tty(path)
        case number:
            return OSError(number or errno.EIO, f"serial port {path} cannot be opened: {exc}")


def text_of(exc: OSError) -> str:
    """Return what an error says, without the number of the system's."""
    return exc.strerror or str(exc)


def absent(path: str, number: int = errno.ENOENT) -> FileNotFoundError:
    """Return the error for a device that is not there."""
    return FileNotFoundError(
        number,
        f"serial port {path} does not exist: is the device plugged in? "
        "'sig ports' (package sigcore-cli) or 'python -m serial.tools.list_ports -v' shows the ports there are; "
        "/dev/serial/by-id/... keeps its name",
    )


def busy(path: str, holder: Holder | None) -> OSError:
    """Return the error for a port that ``holder``, or nobody knows who, has open."""
    if holder is None:
        who = f"another program; close it first. {how_to_find_out(path)}. {_MODEM_MANAGER}"
    elif holder.pid == os.getpid():
        who = f"{holder}: it opens it twice, perhaps by two endpoints"
    elif holder.command == "ModemManager":
        who = f"{holder}, perhaps only for a moment. {_MODEM_MANAGER}"
    else:
        who = f"{holder}; close that first"
    return OSError(errno.EBUSY, f"serial port {path} is in use by {who}")


def not_a_tty(path: str) -> OSError:
    """Return the error for what is no serial port at all."""
    return OSError(errno.ENOTTY, f"{path} is no serial port (not a tty); write serial:///dev/ttyUSB0 or the like")


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


def _forbidden(path: str) -> str:
    group = _group_that_may_open(path)
    if group is None:
        return (
            f"serial port {path}: permission denied, and no group but root's may open it. If it was plugged in this "
            'very moment, wait for udev; else have a udev rule give it to one, with GROUP="dialout", MODE="0660"'
        )
    return (
        f"serial port {path}: permission denied; it belongs to the group {group!r}. "
        f"Join it with 'sudo usermod -aG {group} $USER' (usually dialout), then log in anew"
    )


def _group_that_may_open(path: str) -> str | None:
    """Return the group that has the right to a device; ``None`` where only root has, whose group nobody should join."""
    if sys.platform != "win32":
        with suppress(OSError, KeyError):
            found = os.stat(path)
            return grp.getgrgid(found.st_gid).gr_name if found.st_gid and found.st_mode & stat.S_IWGRP else None
    return "dialout"
