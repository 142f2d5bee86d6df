# SPDX-License-Identifier: MIT
"""An open serial port, whatever it is: a device of this machine, or one behind a network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from ._address import NetworkAddress
from ._network_port import open_network_port
from ._tty import open_tty

if TYPE_CHECKING:
    from ._options import SerialOptions


class Port(Protocol):
    """An open serial port. ``read`` and ``write`` never wait (POSIX); ``..._waiting`` do, on threads, everywhere.

    Attributes:
        path: The device's path, or ``rfc2217://host:port``.
        identity: What a human wants to know: the path, and what is behind it.
        byte_s: Seconds that one byte takes on the wire.
        device: The serial library's object, or the socket.
        low_latency: Whether the driver was put into its low-latency mode.
    """

    path: str
    identity: str
    byte_s: float
    device: Any
    low_latency: bool

    @property
    def out_waiting(self) -> int:
        """Bytes that the system was given and has not sent yet, as far as it tells."""

    def fileno(self) -> int:
        """Return a file descriptor that does not block, or -1 where there is none."""

    def read(self) -> bytes:
        """Return what has been received, at least a byte; never waits.

        Raises:
            BlockingIOError: Nothing has been received.
            OSError: The device is gone.
        """

    def write(self, data: bytes | bytearray) -> int:
        """Write what there is room for and return how much that was; never waits.

        Raises:
            BlockingIOError: There is no room.
            OSError: The device is gone.
        """

    def read_waiting(self) -> bytes:
        """Wait for bytes and return them; ``b""`` after ``cancel_read``, or when none came for a while."""

    def write_waiting(self, data: bytes) -> None:
        """Write all of ``data``, waiting for room; part of it after ``cancel_write``."""

    def cancel_read(self) -> None:
        """Wake the thread that waits in ``read_waiting``."""

    def cancel_write(self) -> None:
        """Have the thread in ``write_waiting`` give up, until ``allow_write``."""

    def allow_write(self) -> None:
        """Make ``write_waiting`` of use again."""

    def discard_output(self) -> None:
        """Throw away what was written and has not gone out yet, where that can be done. Never fails."""

    def close(self, drain_s: float) -> None:
        """Let what was written go out, for ``drain_s`` seconds at most; then close. May wait; never fails."""


def open_port(device: str | NetworkAddress, options: SerialOptions) -> Port:
    """Open a device by its path, or a port on the network; what it had received before is thrown away.

    May take a while with a device that does not respond: call it from a thread.

    Raises:
        FileNotFoundError: There is no such device.
        PermissionError: This user may not open it.
        ConnectionError: The bridge on the network cannot be reached.
        OSError: Another program has it open, it is no serial port, or it cannot have these settings.
    """
    if isinstance(device, NetworkAddress):
        return open_network_port(device, options)
    return open_tty(device, options)
