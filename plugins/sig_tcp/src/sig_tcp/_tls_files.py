# SPDX-License-Identifier: MIT
"""Certificates that are renewed while the server runs: what the files say counts from the next connection on."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Callable, Iterable

from sigcore import EndpointError, get_logger

LOOK_EVERY_S = 2.0

_log = get_logger("sigcore.tls")

Signature = tuple[tuple[int, int, int] | None, ...]


class Certificates:
    """A context, and the files that it was made of.

    Args:
        make: Makes a context of what the files say; raises ``EndpointError`` when that is no good.
        files: The files.

    Attributes:
        context: What counts for the next connection.

    Raises:
        EndpointError: The files are no good.
    """

    def __init__(self, make: Callable[[], ssl.SSLContext], files: Iterable[str]) -> None:
        self._make = make
        self._files = tuple(files)
        self._seen = self._signature()
        self._timer: asyncio.TimerHandle | None = None
        self.context = make()

    def watch(self) -> None:
        """Look at the files every now and then, until ``close``."""
        self._timer = asyncio.get_running_loop().call_later(LOOK_EVERY_S, self._look)

    def close(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()

    def reload(self) -> None:
        """Read the files; what is no good is logged, and changes nothing."""
        self._seen = self._signature()
        try:
            self.context = self._make()
        except EndpointError as error:
            _log.error("the certificates are left as they were: %s", error)
        else:
            _log.info("the certificates were read again: %s", ", ".join(self._files))

    def _look(self) -> None:
        if self._signature() != self._seen:
            self.reload()
        self.watch()

    def _signature(self) -> Signature:
        return tuple(_signature_of(path) for path in self._files)


def _signature_of(path: str) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
