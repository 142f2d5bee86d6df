# SPDX-License-Identifier: MIT
"""Which user is at the other end of a Unix socket, by the word of the kernel."""

from __future__ import annotations

import socket
import struct
import sys
from typing import Protocol

_UCRED = struct.Struct("i2I")  # Linux's struct ucred: pid, uid, gid
_SOL_LOCAL, _LOCAL_PEERCRED = 0, 1  # macOS and FreeBSD
_XUCRED = struct.Struct("2I")  # what struct xucred begins with: version, uid
_XUCRED_BYTES = 128  # more than it has anywhere


class HasOptions(Protocol):
    """A socket, or what a transport shows of it."""

    def getsockopt(self, level: int, optname: int, buflen: int, /) -> bytes:
        """Return an option as bytes."""


def tells_users() -> bool:
    """Tell whether this system says who is at the other end."""
    return hasattr(socket, "SO_PEERCRED") or sys.platform.startswith(("darwin", "freebsd"))


def user_of(sock: HasOptions) -> int | None:
    """Return the number of the user at the other end, as it was when the connection was made.

    Args:
        sock: A connected Unix socket.

    Returns:
        The number, or ``None`` where the system does not tell.
    """
    try:
        if hasattr(socket, "SO_PEERCRED"):
            _, user, _ = _UCRED.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
            return int(user)
        if tells_users():
            _, user = _XUCRED.unpack_from(sock.getsockopt(_SOL_LOCAL, _LOCAL_PEERCRED, _XUCRED_BYTES))
            return int(user)
    except OSError:  # the connection is gone
        pass
    return None
