# SPDX-License-Identifier: MIT
"""Takes the connections of a listening socket: who may not come in costs next to nothing.

asyncio's own server asks nobody before it makes a transport, and when the process has no descriptor left it logs an
error for every try. This one keeps a descriptor in reserve, so that whoever comes then is turned away at once and not
left waiting, and those who are connected notice nothing.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Callable
from contextlib import suppress

from sigcore import get_logger

from ._admission import Factory, Leave, Way, ask
from ._gate import Gate
from ._seldom import Seldom

AT_A_TIME = 8
"""Connections taken in one turn of the loop, so that a rush of them does not hold up the links that exist."""

PAUSE_S = 1.0
"""How long nobody is taken after an error that would come again at once."""

_NO_DESCRIPTOR = frozenset({errno.EMFILE, errno.ENFILE})

# accept(2) gives these for a connection that broke before it was taken; the next one may be in order.
_BROKEN_BEFORE = frozenset(
    getattr(errno, name)
    for name in ("ECONNABORTED", "EPROTO", "EPERM", "ENETDOWN", "EHOSTDOWN", "EHOSTUNREACH", "ENETUNREACH", "ENONET")
    if hasattr(errno, name)
)

Ways = Callable[[str], Way]
"""Gives the way in of one connection, by the address of its peer."""

_log = get_logger("sigcore.tcp")


class Acceptor:
    """Takes what comes in at one listening socket, which it owns.

    Args:
        sock: The socket, listening and not blocking.
        factory: The protocol factory that ``listen`` was given.
        ways: Gives the way in of each connection.
        tells: Whether a peer that is refused can be told why in plain bytes.
        where: What to call the socket in the log: its endpoint.
    """

    def __init__(self, sock: socket.socket, factory: Factory, ways: Ways, *, tells: bool, where: str) -> None:
        self._sock = sock
        self._factory = factory
        self._ways = ways
        self._tells = tells
        self._where = where
        self._seldom = Seldom(_log)
        self._loop = asyncio.get_running_loop()
        self._coming: set[asyncio.Task[None]] = set()
        self._pause: asyncio.TimerHandle | None = None
        self._reserve: int | None = _open_reserve()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Begin to take connections."""
        try:
            self._loop.add_reader(self._sock, self._take_some)
        except NotImplementedError:  # Windows' own loop; there is no limit of descriptors to run into
            self._server = await self._loop.create_server(self._gate, sock=self._sock)

    def close(self) -> None:
        """Take no more, at once."""
        if self._server is not None:
            self._server.close()
        elif self._sock.fileno() >= 0:
            self._loop.remove_reader(self._sock)
            if self._pause is not None:
                self._pause.cancel()
            self._sock.close()
        self._give_up_reserve()

    async def wait_closed(self) -> None:
        """Return when those who were just coming in are links."""
        if self._coming:
            await asyncio.wait(self._coming)

    def _gate(self) -> Gate:
        return Gate(self._factory, self._ways, tells=self._tells)

    def _take_some(self) -> None:
        for _ in range(AT_A_TIME):
            try:
                sock, address = self._sock.accept()
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                if not self._goes_on_after(error):
                    return
            else:
                self._take(sock, address)

    def _take(self, sock: socket.socket, address: object) -> None:
        sock.setblocking(False)
        source = str(address[0]) if isinstance(address, tuple) else ""
        way = self._ways(source)
        try:
            answer = ask(self._factory, source, way)
        except BaseException:
            sock.close()
            raise
        if isinstance(answer, bytes):
            _turn_away(sock, answer if self._tells else b"")
            return
        coming = self._loop.create_task(self._let_in(sock, answer, way))
        self._coming.add(coming)
        coming.add_done_callback(self._coming.discard)

    async def _let_in(self, sock: socket.socket, leave: Leave, way: Way) -> None:
        try:
            await self._loop.connect_accepted_socket(way.in_by(leave), sock)
        except OSError as error:
            sock.close()
            leave.withdraw()
            _log.debug("a connection to %s was lost at once: %s", self._where, error)
        except BaseException:
            sock.close()
            leave.withdraw()
            raise

    # when accept fails

    def _goes_on_after(self, error: OSError) -> bool:
        """Deal with an error of accept; tell whether to try again at once."""
        if error.errno in _BROKEN_BEFORE:
            return True
        if error.errno in _NO_DESCRIPTOR:
            text = "a connection was turned away: this process has all the files open that it may"
            self._seldom.warn("descriptors", f"{self._where}: {text}; raise its limit (ulimit -n, LimitNOFILE=)")
            if self._turn_one_away():
                return True
        else:
            self._seldom.warn("accept", f"{self._where}: no connection can be taken for {PAUSE_S:g} s: {error}")
        self._rest()
        return False

    def _turn_one_away(self) -> bool:
        """Take the next connection by the descriptor in reserve, and close it; tell whether that was possible."""
        if self._reserve is None:
            self._reserve = _open_reserve()
        if self._reserve is None:
            return False
        self._give_up_reserve()
        try:
            sock, _ = self._sock.accept()
        except OSError:
            return False
        else:
            sock.close()
            return True
        finally:
            self._reserve = _open_reserve()

    def _give_up_reserve(self) -> None:
        if self._reserve is not None:
            os.close(self._reserve)
            self._reserve = None

    def _rest(self) -> None:
        """Look away for a moment: the socket would call again at once, and for ever."""
        self._loop.remove_reader(self._sock)
        self._pause = self._loop.call_later(PAUSE_S, self._loop.add_reader, self._sock, self._take_some)


def _turn_away(sock: socket.socket, farewell: bytes) -> None:
    """Say why, as far as that is possible without waiting, and close."""
    with sock, suppress(OSError):
        if farewell:
            sock.send(farewell)
            sock.shutdown(socket.SHUT_WR)
            sock.recv(65_536)  # what is not read would have the peer's system throw the farewell away


def _open_reserve() -> int | None:
    try:
        return os.open(os.devnull, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    except OSError:
        return None
