# SPDX-License-Identifier: MIT
"""A simulated device at the end of a serial cable, which is two pseudo-terminals (Linux, macOS)."""

from __future__ import annotations

import os
import select
import threading
from contextlib import suppress
from typing import Self

from ._devices import SimulatedDevice
from ._talking import talk


class OverPty:
    """Connects a device to a serial port that is none. Needs the package ``sigcore-serial``.

    Args:
        device: The device.

    Attributes:
        path: The port, on the computer's side.
        endpoint: The same as an endpoint: ``serial:///PATH``.
    """

    def __init__(self, device: SimulatedDevice) -> None:
        from sig_serial.testing import PtyCable

        self._cable = PtyCable()
        self.path: str = self._cable.left
        self.endpoint: str = f"serial://{self.path}"
        self._device = device
        self._wake_out, self._wake_in = os.pipe()
        self._thread = threading.Thread(target=self._speak, name="simulated-device", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        os.write(self._wake_in, b"!")
        self._thread.join()
        self._cable.close()
        os.close(self._wake_in)
        os.close(self._wake_out)

    def unplug(self) -> None:
        """Take the device off the computer; it goes on speaking, to nobody."""
        self._cable.unplug(self.path)

    def replug(self) -> None:
        """Plug it in again, at the same path."""
        self._cable.replug(self.path)

    def _speak(self) -> None:
        import tty

        port = os.open(self._cable.right, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        try:
            tty.setraw(port)
            with suppress(OSError):
                talk(self._device, lambda within_s: self._receive(port, within_s), lambda data: self._send(port, data))
        finally:
            os.close(port)

    def _receive(self, port: int, within_s: float | None) -> bytes | None:
        readable, _, _ = select.select([port, self._wake_out], [], [], within_s)
        if self._wake_out in readable:
            return b""
        return os.read(port, 4096) if readable else None

    def _send(self, port: int, data: bytes) -> None:
        while data:
            is_over, _, _ = select.select([self._wake_out], [port], [])
            if is_over:
                raise BrokenPipeError("the cable is taken away")
            data = data[os.write(port, data) :]
