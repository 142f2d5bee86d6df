# SPDX-License-Identifier: MIT
"""``sig serve`` reads its file again when it is told to by SIGHUP, where there is such a thing."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

import sigcore

from ._output import Output
from ._systemd import Systemd

if TYPE_CHECKING:
    from sigcore.aio import ServerRouter


@contextmanager
def reloads_on_hangup(server: ServerRouter, systemd: Systemd, out: Output, *, has_file: bool) -> Iterator[None]:
    """Within the block, let SIGHUP mean: read identities and rules again.

    On a terminal it means that the terminal is gone, and ends the program, as it does without a file.
    """
    if sys.platform == "win32" or not has_file or sys.stdout.isatty():
        yield
        return
    before = signal.getsignal(signal.SIGHUP)
    if before is signal.SIG_IGN:  # nohup
        yield
        return
    loop = asyncio.get_running_loop()

    def tell(_number: int, _frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(_reload, server, systemd, out)

    signal.signal(signal.SIGHUP, tell)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


def _reload(server: ServerRouter, systemd: Systemd, out: Output) -> None:
    """Read identities and rules again; what is wrong with the file is said, and what held before holds on."""
    systemd.reloading()
    try:
        server.reload()
    except (sigcore.ConfigError, sigcore.SecretError, OSError) as error:
        out.warning(f"identities and rules are left as they were: {error}")
    systemd.ready(f"listening at {', '.join(server.endpoints)}")
