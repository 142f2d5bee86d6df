# SPDX-License-Identifier: MIT
"""An open port's bytes, in and out, on an event loop: what both ways of doing it have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import asyncio

    from ._port import Port


class WireUser(Protocol):
    """Who uses a wire. All calls come on the loop, and never from inside a call to the wire."""

    def bytes_received(self, data: bytes) -> None:
        """Take what came."""

    def output_empty(self) -> None:
        """All that had to wait has been given to the system."""

    def port_lost(self, cause: OSError) -> None:
        """The device is gone; nothing more comes or goes. Close the wire."""

    def port_closed(self) -> None:
        """The port is closed, and may be opened again; the last call."""


class Wire(ABC):
    """Moves bytes between a port and its user, without ever blocking the loop.

    Args:
        loop: The running loop.
        port: The open port, which this wire owns from now on.
        user: Whom to give the bytes to.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, port: Port, user: WireUser) -> None:
        self._loop = loop
        self._port = port
        self._user = user
        self._lost = False
        self._closing_until_s: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._shut_off = False

    @property
    @abstractmethod
    def backlog(self) -> int:
        """Bytes that wait to be given to the system."""

    @property
    @abstractmethod
    def queued(self) -> int:
        """Bytes that the system was given and has not sent yet, as far as it tells; costs a call to the system."""

    @abstractmethod
    def write(self, data: bytes) -> None:
        """Write ``data`` now or when there is room."""

    @abstractmethod
    def discard_output(self) -> None:
        """Throw away the bytes that have not gone out yet, in the system's queue as well."""

    @abstractmethod
    def pause_reading(self) -> None:
        """Give no bytes until ``resume_reading``; they stay with the system, which may lose them."""

    @abstractmethod
    def resume_reading(self) -> None:
        """Give bytes again."""

    @abstractmethod
    def _stop(self) -> None:
        """Neither read nor write any more; called on the loop."""

    @abstractmethod
    def _release(self, drain_s: float) -> None:
        """Close the port; called on a worker thread, may wait, never fails."""

    def close(self, drain_s: float) -> None:
        """Close the port once what was written is out, ``drain_s`` seconds from now at the latest."""
        if self._closing_until_s is not None:
            return
        self._closing_until_s = self._loop.time() + drain_s
        self.pause_reading()
        if self.backlog and drain_s > 0 and not self._lost:
            self._timer = self._loop.call_later(drain_s, self._shut)
        else:
            self._shut()

    def _emptied(self) -> None:
        if self._closing_until_s is not None:
            self._shut()
        else:
            self._user.output_empty()

    def _fail(self, cause: OSError) -> None:
        if self._lost or self._shut_off:
            return
        self._lost = True
        self._stop()
        if self._closing_until_s is not None:
            self._shut()
        else:
            self._loop.call_soon(self._user.port_lost, cause)

    def _shut(self) -> None:
        if self._shut_off:
            return
        self._shut_off = True
        if self._timer is not None:
            self._timer.cancel()
        self._stop()
        assert self._closing_until_s is not None
        drain_s = max(0.0, self._closing_until_s - self._loop.time())
        try:
            released = self._loop.run_in_executor(None, self._release, drain_s)
        except RuntimeError:  # the loop is ending and has no worker threads any more
            self._release(0.0)
            self._loop.call_soon(self._user.port_closed)
        else:
            released.add_done_callback(lambda _: self._user.port_closed())
