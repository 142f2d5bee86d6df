# SPDX-License-Identifier: MIT
"""The options that stand in the query of an endpoint, as in ``tcp://host:3000?user_timeout=10s``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sigcore import Seconds

# asyncio's own 100 is too few for a server that restarts and meets all its clients at once; the kernel lowers the
# number to its own limit (Linux: net.core.somaxconn).
_BACKLOG = 512

_MAX_KERNEL_TIME_S = 32_767.0  # the longest keep-alive time that Linux takes


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpOptions:
    """Options of ``tcp://``.

    Attributes:
        keepalive: Silence after which the kernel asks the other side for a sign of life.
        user_timeout: How long sent bytes may stay unacknowledged before the link is lost; Linux only.
        backlog: Links that may wait until the server takes them.
    """

    keepalive: Seconds = 15.0
    user_timeout: Seconds = 30.0
    backlog: int = _BACKLOG

    def __post_init__(self) -> None:
        for name in ("keepalive", "user_timeout"):
            if not 1 <= getattr(self, name) <= _MAX_KERNEL_TIME_S:
                raise ValueError(f"{name} must be from 1s to {_MAX_KERNEL_TIME_S:.0f}s")
        _check_backlog(self.backlog)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnixOptions:
    """Options of ``unix://``.

    Attributes:
        mode: The permissions of the socket file in octal: who may write to it may connect.
        group: The group that the socket file is given, by name or number; ``None`` leaves it as the system makes it.
        backlog: Links that may wait until the server takes them.
    """

    mode: str = "600"
    group: str | None = None
    backlog: int = _BACKLOG

    def __post_init__(self) -> None:
        if not re.fullmatch("0?[0-7]{3}", self.mode):
            raise ValueError(f"mode must be three octal digits, such as 600 or 660, not {self.mode!r}")
        _check_backlog(self.backlog)


def _check_backlog(backlog: int) -> None:
    if not 1 <= backlog <= 65_535:
        raise ValueError(f"backlog must be from 1 to 65535, not {backlog}")
