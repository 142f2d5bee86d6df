# SPDX-License-Identifier: MIT
"""A simulated device behind a TCP port, as a serial device behind a terminal server is."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Self

from ._devices import SimulatedDevice
from ._talking import talk


class OverTcp:
    """Serves a device at a port of this machine, to one connection or several.

    Args:
        device: The device.
        port: The port; 0 picks one, which it keeps.

    Attributes:
        endpoint: Where it is: ``tcp://127.0.0.1:PORT``.
    """

    def __init__(self, device: SimulatedDevice, port: int = 0) -> None:
        self._device = device
        self._connections: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._acceptor = self._listen(port)
        self._port: int = self._acceptor.getsockname()[1]
        self.endpoint: str = f"tcp://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Switch the device off: its connections end, and new ones are refused."""
        with suppress(OSError):
            self._acceptor.shutdown(socket.SHUT_RDWR)  # which wakes accept(), where the system can
        self._acceptor.close()
        for connection in list(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    def start(self) -> None:
        """Switch it on again, at the same port."""
        self._acceptor = self._listen(self._port)

    def _listen(self, port: int) -> socket.socket:
        acceptor = socket.create_server(("127.0.0.1", port))
        self._run(self._accept, acceptor)
        return acceptor

    def _run(self, job: object, *args: object) -> None:
        thread = threading.Thread(target=job, args=args, name="simulated-device", daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self, acceptor: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = acceptor.accept()
                self._connections.add(connection)
                self._run(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        def receive(within_s: float | None) -> bytes | None:
            connection.settimeout(within_s)
            try:
                return connection.recv(4096)
            except TimeoutError:
                return None

        with connection, suppress(OSError):
            talk(self._device, receive, connection.sendall)
        self._connections.discard(connection)
