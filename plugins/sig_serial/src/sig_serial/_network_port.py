# SPDX-License-Identifier: MIT
"""A serial port behind a TCP socket: bare bytes, or with RFC 2217.

Half-open connections are the disease of such bridges: one that was rebooted or switched off says nothing, and whoever
only listens waits for ever. So the system asks for signs of life (TCP keep-alive), and gives up what is not
acknowledged.
"""

from __future__ import annotations

import errno
import select
import socket
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from sigcore import LinkError

from ._rfc2217 import IAC, Rfc2217, escaped

if sys.platform == "linux":
    import array
    import fcntl
    import termios

if TYPE_CHECKING:
    from ._address import NetworkAddress
    from ._options import SerialOptions

READ_BYTES = 4096
"""Most bytes in one read."""

CONNECT_TIMEOUT_S = 3.0
"""How long the bridge may take to answer, and again to take the settings."""

IDLE_S = 3
"""Silence after which the system asks the bridge for a sign of life, in whole seconds."""

INTERVAL_S = 2
"""Between two such questions, in whole seconds."""

QUESTIONS = 3
"""Questions without an answer after which the connection is lost: after 9 s in all."""

_BARE = "if it gives bare bytes on this TCP port, write serial+socket://"

_CHECK_S = 0.1
"""How often a thread that waits looks whether it is still wanted."""


def open_network_port(address: NetworkAddress, options: SerialOptions) -> SocketPort:
    """Connect to the bridge at ``address``; with ``rfc2217``, set its port as ``options`` say.

    Raises:
        ConnectionError: The bridge cannot be reached, or does not answer; it may be there later.
        OSError: It does not speak RFC 2217, or cannot have these settings.
    """
    try:
        sock = socket.create_connection((address.host, address.port), CONNECT_TIMEOUT_S)
    except UnicodeError as exc:
        raise OSError(errno.EINVAL, f"serial port {address}: {address.host!r} is no host name: {exc}") from exc
    except ConnectionResetError as exc:  # it hung up before the system said that it is connected
        raise _hung_up(address, exc) from exc
    except OSError as exc:
        raise LinkError(
            f"serial port {address} cannot be reached: {exc.strerror or exc}; is the bridge on, and are host and port "
            "right? Many take one connection at a time"
        ) from exc
    try:
        _watch_over(sock)
        sock.setblocking(False)
        port = Rfc2217Port(address, options, sock) if address.kind == "rfc2217" else SocketPort(address, options, sock)
    except (ConnectionAbortedError, ConnectionResetError, BrokenPipeError, TimeoutError) as exc:
        sock.close()
        raise _hung_up(address, exc) from exc
    except BaseException:
        sock.close()
        raise
    return port


def _hung_up(address: NetworkAddress, cause: OSError) -> LinkError:
    return LinkError(
        f"serial port {address}: the bridge ended the connection before its port was set: {cause.strerror or cause}; "
        "is that port there, and does nobody else have it?"
    )


class SocketPort:
    """An open port behind a socket, whose bytes are the port's own; a ``Port``."""

    low_latency = False

    def __init__(self, address: NetworkAddress, options: SerialOptions, sock: socket.socket) -> None:
        self.path = self.identity = str(address)
        self.byte_s = options.byte_s
        self.device = sock
        self._write_is_cancelled = False

    @property
    def out_waiting(self) -> int:
        """Bytes that the system has not got to the bridge yet, where it tells (Linux)."""
        if sys.platform == "linux":
            waiting = array.array("i", [0])
            with suppress(OSError):  # lost: nothing waits
                fcntl.ioctl(self.device.fileno(), termios.TIOCOUTQ, waiting)
            return waiting[0]
        return 0

    def fileno(self) -> int:
        """Return the socket's descriptor, which does not block."""
        return self.device.fileno()

    def read(self) -> bytes:
        """Return what has been received; never waits.

        Raises:
            BlockingIOError: Nothing has been received.
            OSError: The connection is lost.
        """
        data = self.device.recv(READ_BYTES)
        if not data:
            raise ConnectionResetError(errno.ECONNRESET, f"the bridge of {self.path} ended the connection")
        return data

    def write(self, data: bytes | bytearray) -> int:
        """Write what there is room for and return how much that was; never waits.

        Raises:
            BlockingIOError: There is no room.
            OSError: The connection is lost.
        """
        return self.device.send(data)

    def read_waiting(self) -> bytes:
        """Wait a moment for bytes and return them; ``b""`` where none came.

        Raises:
            OSError: The connection is lost.
        """
        readable, _, _ = select.select([self.device], [], [], _CHECK_S)
        with suppress(BlockingIOError):
            return self.read() if readable else b""
        return b""

    def write_waiting(self, data: bytes) -> None:
        """Write all of ``data``, waiting for room; part of it after ``cancel_write``.

        Raises:
            OSError: The connection is lost.
        """
        while data and not self._write_is_cancelled:
            _, has_room, _ = select.select([], [self.device], [], _CHECK_S)
            if has_room and not self._write_is_cancelled:
                with suppress(BlockingIOError):
                    data = data[self.write(data) :]

    def cancel_read(self) -> None:
        """Do nothing: ``read_waiting`` comes back by itself."""

    def cancel_write(self) -> None:
        """Have the thread in ``write_waiting`` give up, until ``allow_write``."""
        self._write_is_cancelled = True

    def allow_write(self) -> None:
        """Make ``write_waiting`` of use again; call it when no thread is in there."""
        self._write_is_cancelled = False

    def discard_output(self) -> None:
        """Do nothing: what was written is on its way."""

    def close(self, drain_s: float) -> None:
        """Let what was written go out, for ``drain_s`` seconds at most; then close. Never fails."""
        deadline_s = time.monotonic() + drain_s
        with suppress(OSError):
            self.device.shutdown(socket.SHUT_WR)
            # Bytes not read make the system end the connection at once, and what was written would be lost with it.
            while (left_s := deadline_s - time.monotonic()) > 0 and select.select([self.device], [], [], left_s)[0]:
                if not self.device.recv(READ_BYTES):
                    break
        self.device.close()


class Rfc2217Port(SocketPort):
    """An open port behind a bridge that speaks RFC 2217; a ``Port``."""

    def __init__(self, address: NetworkAddress, options: SerialOptions, sock: socket.socket) -> None:
        super().__init__(address, options, sock)
        self._telnet = Rfc2217(options)
        self._half_byte = False  # the first IAC of a doubled one is out, the second is not
        self._negotiate(options)

    def read(self) -> bytes:
        """As ``SocketPort.read``."""
        try:
            data = self._telnet.receive(super().read())
        except ValueError as exc:
            raise OSError(errno.EPROTO, f"{self.path}: {exc}") from exc
        self._answer()
        if not data:
            raise BlockingIOError(errno.EAGAIN, "commands only")
        return data

    def write(self, data: bytes | bytearray) -> int:
        """As ``SocketPort.write``."""
        self._answer()
        if self._telnet.answers and not self._half_byte:
            raise BlockingIOError(errno.EAGAIN, "the rest of a command goes first")
        begun = self._half_byte and data[:1] == IAC
        if self._half_byte and not begun:  # the byte was given up meanwhile; Telnet still needs its second half
            self.device.send(IAC)
            self._half_byte = False
        whole = escaped(data)
        sent = self.device.send(memoryview(whole)[begun:]) + begun
        out = whole[:sent]
        self._half_byte = (len(out) - len(out.rstrip(IAC))) % 2 == 1
        return len(out.replace(IAC + IAC, IAC)) - self._half_byte

    def _answer(self) -> None:
        if self._telnet.answers and not self._half_byte:
            with suppress(BlockingIOError):
                del self._telnet.answers[: self.device.send(self._telnet.answers)]

    def _negotiate(self, options: SerialOptions) -> None:
        deadline_s = time.monotonic() + CONNECT_TIMEOUT_S
        while not self._telnet.is_set:
            self._answer()
            left_s = deadline_s - time.monotonic()
            if self._telnet.is_refused:
                raise OSError(errno.EPROTO, f"serial port {self.path}: the bridge refuses RFC 2217; {_BARE}")
            if left_s <= 0 or not select.select([self.device], [], [], left_s)[0]:
                raise LinkError(
                    f"serial port {self.path}: the bridge does not answer to RFC 2217 within {CONNECT_TIMEOUT_S:g} s; "
                    f"{_BARE}"
                )
            with suppress(BlockingIOError):
                self.read()
        if refused := self._telnet.refused_settings():
            raise OSError(errno.EINVAL, f"serial port {self.path} cannot be set to {options}: it answered {refused}")


def _watch_over(sock: socket.socket) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    # Each system has some of these.
    for name, value in (
        ("TCP_KEEPIDLE", IDLE_S),
        ("TCP_KEEPALIVE", IDLE_S),  # what macOS calls the former
        ("TCP_KEEPINTVL", INTERVAL_S),
        ("TCP_KEEPCNT", QUESTIONS),
        ("TCP_USER_TIMEOUT", 1000 * (IDLE_S + QUESTIONS * INTERVAL_S)),
    ):
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
