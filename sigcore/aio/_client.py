# SPDX-License-Identifier: MIT
"""The asyncio client: one link to a server, made anew whenever it is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Unpack

from .._endpoint import Endpoint
from .._errors import (
    ConnectTimeout,
    EndpointError,
    EventNotDeclared,
    LinkError,
    LinkRefused,
    NotConnected,
    RemoteProtocolError,
    SenderLost,
    SigError,
)
from .._info import Peer
from .._limits import LinkKeywords
from .._logging import get_logger
from .._plugins import load_codec
from ..protocol.bodies import NO_TIMEOUT_MS, Fields, read_body, write_body
from ..protocol.client_link import ClientLink, sender_info
from ..protocol.frames import HEADER_BYTES, Kind
from ..protocol.outbox import REFUSED, Outbox, Outlet
from ._backoff import Backoff
from ._link_io import CLOSE_S, LinkIO
from ._networked import CLOSE_TIMEOUT_S, Host, NetworkedRouter

if TYPE_CHECKING:
    from .._info import SenderInfo
    from .._listener import Listener
    from .._router import OnError
    from .._sender import Sender
    from .._signal import Call, Signal
    from ._delivery import Delivery

HEALTHY_S = 30.0
"""A link that lasted so long begins the back-off anew when it is lost."""

_log = get_logger("sigcore.client")


class ClientRouter(NetworkedRouter):
    """A router that is connected to a server, and connects again whenever the link is lost.

    What is registered here is registered anew with each link, before anything else is sent. While there is no link,
    events are kept up to ``event_queue`` bytes, then the oldest are dropped, counted and logged.

    Args:
        endpoint: Where the server is, as a URL.
        codec: The name of the codec for data; ``json`` by default.
        name: What this router calls itself; host name and process number by default.
        connect_timeout: How long ``open`` waits for the first link, in seconds; ``None`` does not wait.
        on_error: Called with what goes wrong in listeners, and with what the server refuses later on.
        **limits: The fields of ``sigcore.LinkOptions``, where the endpoint's query does not say otherwise.

    Raises:
        EndpointError: The endpoint is malformed, or disagrees with a keyword.
        PluginError: The carrier or the codec cannot be had.
    """

    def __init__(
        self,
        endpoint: str,
        *,
        codec: str | None = None,
        name: str | None = None,
        connect_timeout: float | None = 10.0,
        on_error: OnError | None = None,
        _host: Host | None = None,
        **limits: Unpack[LinkKeywords],
    ) -> None:
        super().__init__(name, on_error, _host, limits)
        self._connect_timeout = connect_timeout
        self._asked = Endpoint.parse(endpoint)
        self._carrier, self._options, self._endpoint = self._prepare(self._asked, codec)
        self._codec = load_codec(self._options.codec or "json")
        options = self._options
        self._outbox = Outbox(options.event_queue, options.max_frame, self._core._drops, self._host.may_wait_s)
        self._waits_in(self._outbox, self._flush_soon)
        self._outlets: dict[Signal[Any], Outlet] = {}
        self._connecting: LinkIO | None = None  # from the first moment of a connection to its end
        self._io: LinkIO | None = None  # while its link is up
        self._runner: asyncio.Task[None] | None = None
        self._first: asyncio.Future[None]
        self._last_error: Exception | None = None
        self._is_registered = False
        self._flush_due = False
        self._inbox: list[Delivery] = []
        self._inbox_size = 0
        self._present: dict[str, SenderInfo] = {}  # senders elsewhere, as the server told us
        self._core._attach(self)

    @property
    def connected(self) -> bool:
        """Whether there is a link and the server knows what is registered here."""
        return self._is_registered

    async def open(self) -> None:
        """Connect, and return once the server knows what is registered here.

        Raises:
            ConnectTimeout: No link came up within ``connect_timeout``.
            LinkRefused: The server said no: another version, no such codec, ...
            EndpointError: The carrier does not know an option, or lacks one.
        """
        await super().open()
        loop = asyncio.get_running_loop()
        self._first = loop.create_future()
        self._runner = loop.create_task(self._run(), name=f"sigcore client of {self._asked}")
        if self._connect_timeout is None:
            return
        try:
            async with asyncio.timeout(self._connect_timeout):
                await asyncio.shield(self._first)
        except TimeoutError as error:
            await self.close()
            why = f"the last try said: {self._last_error}" if self._last_error else "nothing answered"
            text = f"no link to {self._asked} within {self._connect_timeout:g} s; {why}"
            raise ConnectTimeout(text) from (self._last_error or error)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Send what was accepted, for 5 s at most, and end the link."""
        if self._is_closed:
            return
        self._is_closed = True
        if self._runner is not None:
            await self._send_the_rest()
            self._outbox.close()
            await self._end_link()
            self._runner.cancel()
            await asyncio.gather(self._runner, return_exceptions=True)
            self._first.cancel()
        await self._answering.close()
        self._wake_drainers()
        await super().close()

    async def senders(self) -> list[SenderInfo]:
        """Return every sender that is connected to the server, by name.

        Raises:
            NotConnected: There is no link at the moment.
        """
        link = self._up()
        found: list[SenderInfo] = []
        more = True
        while more:
            after = found[-1].name if found else ""
            fields = await self._ask(Kind.QUERY, {"what": "senders", "after": after})
            page = [sender_info(row, link.server) for row in fields.rows("senders")]
            found += [replace(info, peer=None) if info.name in self._core._senders else info for info in page]
            more = fields.flag("more") and bool(page)
        return found

    async def peers(self) -> list[Peer]:
        """Return the routers that are connected to the server, this one among them.

        Raises:
            NotConnected: There is no link at the moment.
        """
        found: list[Peer] = []
        more = True
        while more:
            fields = await self._ask(Kind.QUERY, {"what": "peers", "skip": len(found)})
            page = [Peer(row.text("name", ""), row.text("identity", "")) for row in fields.rows("peers")]
            found += page
            more = fields.flag("more") and bool(page)
        return found

    def outlet(self, signal: Signal[Any]) -> Call:
        """Return what hands an event of a local sender to the outbox."""
        outlet = self._outlets[signal] = Outlet(signal, self._codec, self._outbox)
        return outlet

    # connecting

    async def _run(self) -> None:
        """Keep a link to the server until cancelled."""
        loop = asyncio.get_running_loop()
        backoff = Backoff()
        while True:
            began_s = loop.time()
            error = await self._live_once()
            if self._ends_it(error):
                return
            if loop.time() - began_s >= HEALTHY_S:
                backoff.reset()
            delay_s = backoff.delay_s()
            _log.info("no link to %s (%s); next try in %.2f s", self._asked, error or "closed", delay_s)
            await asyncio.sleep(delay_s)

    async def _live_once(self) -> Exception | None:
        """Make a link and wait for its end; return why it ended, or never came up."""
        try:
            io = LinkIO(self._make_link, self._received)
            await self._carrier.connect(self._endpoint, lambda: io)
        except Exception as error:  # noqa: BLE001  # whatever a carrier raises, there is a next try
            if not isinstance(error, (OSError, SigError)):
                _log.exception("the carrier of %s failed", self._asked)
            self._last_error = error
            return error
        await io.lost
        self._last_error = io.link.error or LinkError("the server closed the connection")
        return self._last_error

    def _ends_it(self, error: Exception | None) -> bool:
        """Whether the first try failed in a way that no later one would mend; ``open`` raises it."""
        hopeless = isinstance(error, (LinkRefused, EndpointError)) or (
            isinstance(error, RemoteProtocolError) and error.code in ("not_sigcore", "version", "codec")
        )
        if not hopeless or self._first.done() or self._connect_timeout is None:
            return False
        assert error is not None
        self._first.set_exception(error)
        return True

    def _make_link(self, io: LinkIO, now_s: float) -> ClientLink:
        link = ClientLink(self, self._options, self._name, self._codec, self._outbox, now_s)
        link.ended = lambda: self._link_ended(link, io)
        self._connecting = io
        return link

    def _link_ended(self, link: ClientLink, io: LinkIO) -> None:
        """The link has ended; nothing of it may be used any more."""
        self._the_loop.call_soon(io.flush)  # it may have a last word to write, and must close
        if self._io is io:
            self._io = None
            self._is_registered = False
            self._outbox.is_online = False
            if not self._is_closed:
                _log.warning("the link to %s was lost: %s", self._asked, link.error or "the server closed it")
        link.release()
        gone, self._present = self._present, {}
        for info in gone.values():
            self._inbox.append(self._noting(replace(info, connected=False)))
        self._hand_over(None)

    async def _end_link(self) -> None:
        io = self._connecting
        if io is not None and not io.lost.done():
            io.link.end("closing")
            io.flush()
            await asyncio.wait([io.lost], timeout=2 * CLOSE_S)

    async def _send_the_rest(self) -> None:
        """Wait until the server has taken everything that was accepted, for 5 s at most."""
        until = self._the_loop.time() + CLOSE_TIMEOUT_S
        while not (sent := self._is_all_sent()) and self._the_loop.time() < until:  # noqa: ASYNC110  # see below
            await asyncio.sleep(0.005)  # looking is simpler than having every event on its way wake us
        if not sent:
            _log.warning("closing with events that were not sent to %s within %g s", self._asked, CLOSE_TIMEOUT_S)

    def _is_all_sent(self) -> bool:
        if not self._outbox.is_empty:
            return False
        link = self._io.link if self._io is not None else None
        return not isinstance(link, ClientLink) or link.is_settled

    # registering

    def link_up(self, server: Peer) -> None:
        """The handshake is done: register everything, before anything else."""
        io = self._connecting
        self._io = io
        self._outbox.is_online = True
        _log.info("connected to %s at %s", server.name, self._asked)
        waiting = 1

        def answered(_error: SigError | None = None) -> None:
            nonlocal waiting
            waiting -= 1
            if waiting == 0 and self._io is io:
                self._is_registered = True
                if not self._first.done():
                    self._first.set_result(None)

        for sender in list(self._core._senders.values()):
            waiting += 1
            self._add_again(sender, Backoff(), answered)
        for listener in self._core._all_listeners():
            waiting += 1
            self._listen_again(listener, answered)
        answered()

    def _add_again(self, sender: Sender, backoff: Backoff, answered: Callable[[], None]) -> None:
        """Register a sender on a new link; while the server refuses it, say so once and try on."""
        io = self._io

        def answer(error: SigError | None) -> None:
            if error is not None and not isinstance(error, LinkError):
                if backoff.is_fresh:
                    _log.error("the server refuses sender %r: %s; trying on", sender.name, error)
                    self._put(lambda: self._core._hand_on(error))
                self._the_loop.call_later(backoff.delay_s(), again)
            answered()

        def again() -> None:
            if self._io is io and not sender.removed:
                self._add_again(sender, backoff, lambda: None)
                self._flush_soon()

        self._link_of(io).add_sender(sender, self._outlets_of(sender), answer)

    def _listen_again(self, listener: Listener, answered: Callable[[], None]) -> None:
        def answer(error: SigError | None) -> None:
            if error is not None and not isinstance(error, LinkError):
                _log.error("the server refuses %r: %s", listener, error)
                self._put(lambda: self._core._hand_on(error))
            answered()

        self._link_of(self._io).add_listener(listener, answer)

    async def _register_sender(self, sender: Sender) -> None:
        io = self._io
        if io is not None:
            answer, future = self._future_answer()
            self._link_of(io).add_sender(sender, self._outlets_of(sender), answer)
            self._flush_soon()
            await future

    async def _register_listener(self, listener: Listener) -> None:
        io = self._io
        if io is not None:
            answer, future = self._future_answer()
            self._link_of(io).add_listener(listener, answer)
            self._flush_soon()
            await future

    def _register_soon(self, listener: Listener) -> None:
        self._post(self._register_now, listener)

    def _register_now(self, listener: Listener) -> None:
        if self._io is not None:
            self._listen_again(listener, lambda: None)
            self._flush_soon()

    def _future_answer(self) -> tuple[Callable[[SigError | None], None], asyncio.Future[None]]:
        """Return what takes an answer, and the future that it settles; a lost link settles it as if it were taken."""
        future: asyncio.Future[None] = self._the_loop.create_future()

        def answer(error: SigError | None) -> None:
            if future.done():
                return
            if error is None or isinstance(error, LinkError):  # lost: registered anew with the next link
                future.set_result(None)
            else:
                future.set_exception(error)

        return answer, future

    def _outlets_of(self, sender: Sender) -> list[Outlet]:
        return [self._outlets[signal] for signal in sender._signals.values()]

    def _sender_removed(self, sender: Sender) -> None:
        outlets = [self._outlets.pop(signal) for signal in sender._signals.values()]
        for outlet in outlets:
            outlet.is_removed = True
        if self._io is not None:
            self._link_of(self._io).remove_sender(sender.name)
            self._flush_soon()
        else:
            for outlet in outlets:
                outlet.topic_id = REFUSED

    def _listener_removed(self, listener: Listener) -> None:
        if self._io is not None:
            self._link_of(self._io).remove_listener(listener)
            self._flush_soon()
        if listener.hears_presence:
            for name in [name for name in self._present if not self._is_watched(name)]:
                info = self._present.pop(name)
                self._core._presence.note(replace(info, connected=False))

    def _is_watched(self, name: str) -> bool:
        """Whether the server tells us when that sender comes and goes."""
        return any(listener.sender in (None, name) for listener in self._core._presence.listeners())

    # requests of this process

    async def _request(self, sender: str, method: str, params: Any, timeout: float | None) -> Any:
        local = self._core._senders.get(sender)
        if local is not None:
            return await self._request_here(local, method, params)
        link = self._up()
        timeout_ms = NO_TIMEOUT_MS if timeout is None else min(NO_TIMEOUT_MS - 1, int(timeout * 1000))
        body = self._codec.encode(params)
        future, answer = self._future_body()
        id_ = link.request(sender, method, timeout_ms, body, answer)
        self._flush_soon()
        try:
            return self._codec.decode(await future)
        finally:
            link.cancel(id_)
            self._flush_soon()

    async def _ask(self, kind: Kind, fields: dict[str, Any]) -> Fields:
        future, answer = self._future_body()
        self._up().call(kind, write_body(fields), answer)
        self._flush_soon()
        return read_body(kind.name, await future)

    def _future_body(self) -> tuple[asyncio.Future[bytes], Callable[[bytes | None, SigError | None], None]]:
        future: asyncio.Future[bytes] = self._the_loop.create_future()

        def answer(body: bytes | None, error: SigError | None) -> None:
            if future.done():
                return
            if body is not None:
                future.set_result(body)
            elif isinstance(error, LinkError):
                future.set_exception(SenderLost(f"the link was lost before a reply came: {error}"))
            else:
                future.set_exception(error or SigError("no answer"))

        return future, answer

    def _up(self) -> ClientLink:
        if self._io is None:
            why = f" ({self._last_error})" if self._last_error else ""
            raise NotConnected(f"there is no link to {self._asked} at the moment{why}")
        return self._link_of(self._io)

    @staticmethod
    def _link_of(io: LinkIO | None) -> ClientLink:
        assert io is not None
        assert isinstance(io.link, ClientLink)
        return io.link

    # what the link brings (see sigcore.protocol.client_link.ClientSide)

    def topic_came(self, sender: str, event: str, peer: Peer | None) -> Signal[Any]:
        """Enter an event of another router's sender."""
        return self._core._add_remote_signal(sender, event, peer)

    def topic_left(self, signal: Signal[Any]) -> None:
        """Take it out, after the events that wait."""
        self._inbox.append(lambda: self._core._remove_remote_signal(signal))

    def event_came(self, signal: Signal[Any], kind: int, body: bytes) -> None:
        """Take an event; it is delivered once the acknowledgement is out."""
        self._inbox.append((signal, self._codec, kind, body))
        self._inbox_size += HEADER_BYTES + len(body)

    def presence_came(self, info: SenderInfo, size: int) -> None:
        """Take the news that a sender is there or left; our own we know better."""
        self._inbox_size += size
        if info.name in self._core._senders:
            return
        if info.connected:
            self._present[info.name] = info
        else:
            self._present.pop(info.name, None)
        self._inbox.append(self._noting(info))

    def notice_came(self, listener: Listener, fields: Fields) -> None:
        """Take a notice for a listener's owner."""
        if fields.text("code") == "event_not_declared":
            self._inbox.append(lambda: self._core._warn_undeclared(listener, fields.texts("events")))
        else:
            cause = EventNotDeclared(fields.text("message", ""))
            self._inbox.append(lambda: self._core._warn(listener, cause))

    def asked(self, call_id: int, sender: str, method: str, asking: Peer, timeout_ms: int, params: bytes) -> None:
        """Take a request to one of our senders."""
        io = self._io
        link = self._link_of(io)

        def reply(result: bytes) -> None:
            link.reply(call_id, result)
            self._flush_soon()

        def refuse(code: str, message: str) -> None:
            link.refuse(call_id, code, message)
            self._flush_soon()

        self._answering.answer(call_id, sender, method, asking, self._codec, params, reply, refuse)

    def withdrawn(self, call_id: int) -> None:
        """Nobody waits for that answer any more."""
        self._answering.withdraw(call_id)

    def _noting(self, info: SenderInfo) -> Callable[[], None]:
        def note() -> None:
            if not info.connected or self._is_watched(info.name):
                self._core._presence.note(info)
                self._core._presence.settle()

        return note

    def _received(self, io: LinkIO) -> None:
        """Bytes came in: write what they call for, first of all acknowledgements, then deliver."""
        io.flush()
        self._hand_over(io)

    def _put(self, delivery: Delivery) -> None:
        """Have something done in its place among the events for our listeners."""
        self._inbox.append(delivery)
        self._hand_over(self._connecting)

    def _hand_over(self, io: LinkIO | None) -> None:
        if not self._inbox and not self._inbox_size:
            return
        batch, size = self._inbox, self._inbox_size
        self._inbox, self._inbox_size = [], 0
        self._host.deliver(batch, lambda: self._post(self._delivered, io, size))

    def _delivered(self, io: LinkIO | None, size: int) -> None:
        if io is not None and io is self._io:
            io.link.consumed(size, self._the_loop.time())
            io.flush()

    # writing

    def _flush_soon(self) -> None:
        if not self._flush_due and self._loop is not None:
            self._flush_due = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_due = False
        if self._io is not None:
            self._io.flush()
