# SPDX-License-Identifier: MIT
"""TLS over any asyncio transport: the protocol below it, and the transport above.

asyncio has one of its own, and uvloop another. This one is the same on every loop, knows what a peer that speaks no TLS
said instead, keeps one deadline for the whole handshake, never gives a peer's mistakes to the loop's error handler,
and tells an end that the peer announced from one that somebody made.

HANDSHAKE -> OPEN -> ENDED: bytes of the other side go into a buffer of OpenSSL's, which is asked what it makes of them,
and what it wants to say goes out by the transport below, whose flow control is also that of the link.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from typing import Any, cast

from ._admission import Factory
from ._first_bytes import ENOUGH_BYTES, begins_tls
from ._tls_errors import EndedInHandshake, HandshakeTooLong, NotTls, explained

RECORD_BYTES = 16_384  # the longest that TLS has; no read gives more

REFUSED_PLAIN = bytes.fromhex("15 0303 0002 020a")
"""The alert "unexpected message": what a peer without TLS is told, so that it can say what it ran into."""


MOST_HANDSHAKE_BYTES = 32 * 1024
"""What a client may say before the handshake is done: OpenSSL keeps it, and certificates are shorter."""


class State(Enum):
    """How far a link is."""

    HANDSHAKE = "handshake"
    OPEN = "open"
    ENDED = "ended"


class TlsLink(asyncio.Protocol):
    """One end of a connection that is to become a link.

    Args:
        context: What to prove, and what to ask for.
        make: Makes the protocol of the link, once the handshake is done.
        within_s: How long the handshake may take, in seconds.
        server_name: For the end that connects: whom the other side's certificate must name. ``None`` for a server.
        gone: Called when the connection has ended without ever becoming a link.

    Attributes:
        ready: The protocol of the link, when there is one, or why there is none.
    """

    def __init__(
        self,
        context: ssl.SSLContext,
        make: Factory,
        within_s: float,
        *,
        server_name: str | None = None,
        gone: Callable[[], object] | None = None,
    ) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._is_server = server_name is None
        self.tls = context.wrap_bio(
            self._incoming, self._outgoing, server_side=self._is_server, server_hostname=server_name
        )
        self._make = make
        self._within_s = within_s
        self._gone = gone
        self._loop = asyncio.get_running_loop()
        self._state = State.HANDSHAKE
        self._first = b""
        self._shaken = 0  # bytes
        self._deadline: asyncio.TimerHandle | None = None
        self._below: asyncio.Transport
        self._has_begun = False
        self._above: asyncio.Protocol | None = None
        self._is_paused = False
        self._cause: Exception | None = None
        self.transport: TlsTransport
        self.ready: asyncio.Future[asyncio.Protocol] = self._loop.create_future()
        self.ready.add_done_callback(_take_note)

    # what the transport below calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the handshake."""
        self._below = cast(asyncio.Transport, transport)
        self._has_begun = True
        if self._state is State.ENDED:  # it was over before it began
            self._below.abort()
            return
        self._deadline = self._loop.call_later(self._within_s, self._is_too_slow)
        if not self._is_server:
            self._shake_hands()

    def data_received(self, data: bytes) -> None:
        """Go on with what came."""
        if self._state is State.HANDSHAKE:
            if self._speaks_tls(data):
                self._incoming.write(data)
                self._shaken += len(data)
                self._shake_hands()
        elif self._state is State.OPEN:
            self._incoming.write(data)
            self._hand_up()

    def eof_received(self) -> bool:
        """The connection ends, after TLS has said so or without a word."""
        if self._state is State.OPEN:
            text = "the connection ended without TLS's goodbye: the other side crashed, or somebody between cut it"
            self._end(ConnectionAbortedError(text))
        return False

    def pause_writing(self) -> None:
        """The transport below has enough."""
        if self._above is not None:
            self._above.pause_writing()

    def resume_writing(self) -> None:
        """The transport below has room again."""
        if self._above is not None:
            self._above.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._state = State.ENDED
        if self._deadline is not None:
            self._deadline.cancel()
        if self._above is not None:
            self._above.connection_lost(self._cause or exc)
            return
        self._settle(exc or EndedInHandshake(self._first))
        if self._gone is not None:
            self._gone()

    # the handshake

    def _speaks_tls(self, data: bytes) -> bool:
        if len(self._first) < ENOUGH_BYTES:
            self._first += data[: ENOUGH_BYTES - len(self._first)]
            if not begins_tls(self._first):
                self._give_up(NotTls(self._first))
                return False
        return True

    def _shake_hands(self) -> None:
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            self._send()
            if self._is_server and self._shaken > MOST_HANDSHAKE_BYTES:
                self._give_up(HandshakeTooLong(MOST_HANDSHAKE_BYTES))
        except ssl.SSLError as error:
            self._give_up(error)
        else:
            self._send()
            self._open()

    def _open(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._state = State.OPEN
        self.transport = TlsTransport(self, self._below)
        self._above = self._make()
        self._above.connection_made(self.transport)
        self._settle(self._above)
        self._hand_up()

    def _give_up(self, error: Exception) -> None:
        """There will be no link; a peer that connected has until the deadline to read why, and to close."""
        self._state = State.ENDED
        self._send()
        if isinstance(error, NotTls) and self._is_server:
            self._below.write(REFUSED_PLAIN)
        if self._is_server and self._below.can_write_eof():
            with suppress(OSError):  # the peer was quicker
                self._below.write_eof()
        else:
            self._below.close()
        self._settle(error)

    def _is_too_slow(self) -> None:
        self.hurry(TimeoutError(f"no TLS handshake within {self._within_s:.1f} s"))

    def hurry(self, error: TimeoutError) -> None:
        """End a handshake that takes too long for this reason; does nothing to a link."""
        if self._above is None:
            self._settle(error)
            self.abort()

    def _settle(self, outcome: asyncio.Protocol | Exception) -> None:
        if self.ready.done():
            return
        if isinstance(outcome, Exception):
            self.ready.set_exception(outcome)
        else:
            self.ready.set_result(outcome)

    # the link

    def _hand_up(self) -> None:
        """Give the protocol of the link all that came."""
        if self._is_paused or self._state is not State.OPEN:
            return
        assert self._above is not None
        pieces: list[bytes] = []
        error: ssl.SSLError | None = None
        try:
            while piece := self.tls.read(RECORD_BYTES):
                pieces.append(piece)
            has_said_goodbye = True
        except ssl.SSLWantReadError:
            has_said_goodbye = False
        except ssl.SSLError as fault:
            error, has_said_goodbye = fault, False
        self._send()
        if pieces:
            self._above.data_received(pieces[0] if len(pieces) == 1 else b"".join(pieces))
        if error is not None:
            self._end(explained(error, is_server=self._is_server))
        elif has_said_goodbye and not self.is_closing:
            self._above.eof_received()  # whether it would rather go on makes no difference, as with asyncio's own TLS
            self.close()

    def _send(self) -> None:
        if data := self._outgoing.read():
            self._below.write(data)

    def _end(self, cause: Exception) -> None:
        """End the link for this cause, of which the protocol hears in ``connection_lost``."""
        if self._state is State.OPEN:
            self._state = State.ENDED
            self._cause = cause
            self._send()
            self._below.close()

    # what the transport above calls

    @property
    def is_closing(self) -> bool:
        """Whether the link is over, or about to be."""
        return self._state is State.ENDED or self._below.is_closing()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Encrypt and send."""
        if self._state is not State.OPEN:
            return
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self.tls.write(rest) :]
        except ssl.SSLError as error:
            self._end(explained(error, is_server=self._is_server))
        else:
            self._send()

    def close(self) -> None:
        """Say goodbye after what was written, and close."""
        if self._state is not State.OPEN:
            return
        self._state = State.ENDED
        with suppress(ssl.SSLError):  # it waits for the other side's goodbye, which nobody needs
            self.tls.unwrap()
        self._send()
        self._below.close()

    def abort(self) -> None:
        """Close without a word."""
        self._state = State.ENDED
        if self._has_begun:
            self._below.abort()

    def pause_reading(self) -> None:
        """Give no more data up, also none that is here already."""
        self._is_paused = True
        self._below.pause_reading()

    def resume_reading(self) -> None:
        """Give data up again, soon."""
        if self._is_paused:
            self._is_paused = False
            self._below.resume_reading()
            self._loop.call_soon(self._hand_up)


def _take_note(ready: asyncio.Future[asyncio.Protocol]) -> None:
    """Look at an error that perhaps nobody waits for any more; asyncio would complain of it."""
    if not ready.cancelled():
        ready.exception()


class TlsTransport(asyncio.Transport):
    """The transport that the protocol of the link has."""

    def __init__(self, link: TlsLink, below: asyncio.Transport) -> None:
        super().__init__()
        self._link = link
        self._below = below
        self._is_reading = True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send ``data``, encrypted."""
        self._link.write(data)

    def close(self) -> None:
        """Send what was written, say goodbye, and close."""
        self._link.close()

    def abort(self) -> None:
        """Close at once."""
        self._link.abort()

    def is_closing(self) -> bool:
        """Tell whether the link is over, or about to be."""
        return self._link.is_closing

    def is_reading(self) -> bool:
        """Tell whether data is given to the protocol."""
        return self._is_reading and not self._link.is_closing

    def pause_reading(self) -> None:
        """Give the protocol no data until ``resume_reading``."""
        self._is_reading = False
        self._link.pause_reading()

    def resume_reading(self) -> None:
        """Give the protocol data again."""
        self._is_reading = True
        self._link.resume_reading()

    def can_write_eof(self) -> bool:
        """Return ``False``: the two directions of a link end together."""
        return False

    def get_write_buffer_size(self) -> int:
        """Return how many encrypted bytes wait to be sent."""
        return self._below.get_write_buffer_size()

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """Return where ``pause_writing`` and ``resume_writing`` come, in encrypted bytes: low, high."""
        return self._below.get_write_buffer_limits()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Say where ``pause_writing`` and ``resume_writing`` come, in encrypted bytes."""
        self._below.set_write_buffer_limits(high, low)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return what is known of the connection, and of TLS: ``ssl_object``, ``peercert``, ``cipher``."""
        tls = self._link.tls
        if name == "ssl_object":
            return tls
        if name == "peercert":
            return tls.getpeercert()
        if name == "cipher":
            return tls.cipher()
        return self._below.get_extra_info(name, default)
