# SPDX-License-Identifier: MIT
"""The asyncio client: one link to a server, made anew whenever it is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Unpack, cast

from .._endpoint import Endpoint
from .._errors import (
    ConnectTimeout,
    EndpointError,
    LinkError,
    LinkRefused,
    NotConnected,
    RemoteProtocolError,
    RouterClosed,
    SenderLost,
    SigError,
)
from .._info import Peer
from .._limits import LinkKeywords
from .._logging import get_logger
from .._names import check_name
from .._plugins import load_codec
from ..protocol.bodies import Fields, read_body, timeout_ms, write_body
from ..protocol.client_link import ClientLink, sender_info
from ..protocol.frames import Kind
from ..protocol.outbox import REFUSED, Outbox, Outlet
from ._backoff import Backoff
from ._client_inbox import ClientInbox
from ._link_io import CLOSE_S, LinkIO
from ._networked import CLOSE_TIMEOUT_S, Host, NetworkedRouter

if TYPE_CHECKING:
    from .._info import SenderInfo
    from .._listener import Listener
    from .._router import OnError
    from .._sender import Sender
    from .._signal import Call, Signal

HEALTHY_S = 5.0
"""A link that lasted so long begins the back-off anew when it is lost: it was no link that fails as it begins."""

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
        self._connecting: LinkIO | None = None  # the connection of now, or the last one
        self._inbox: ClientInbox | None = None  # what it brings
        self._link: ClientLink | None = None  # its link, while that is up
        self._runner: asyncio.Task[None] | None = None
        self._first: asyncio.Future[None]
        self._last_error: Exception | None = None
        self._is_registered = False
        self._flush_due = False
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

    async def _close_down(self) -> None:
        if self._runner is not None:
            if not self._first.done():
                self._first.set_exception(RouterClosed("the router was closed while it was opening"))
                self._first.exception()  # taken down as seen: perhaps nobody waits for it
            await self._send_the_rest()
            self._outbox.close()
            await self._end_link()
            self._runner.cancel()
            await asyncio.gather(self._runner, return_exceptions=True)
        await super()._close_down()

    async def senders(self) -> list[SenderInfo]:
        """Return every sender that is connected to the server, by name.

        Raises:
            NotConnected: There is no link at the moment.
        """
        link = self._live_link()
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
        return Outlet(signal, self._codec, self._outbox)

    # connecting

    async def _run(self) -> None:
        """Keep a link to the server until cancelled."""
        loop = asyncio.get_running_loop()
        backoff = Backoff(self._options.reconnect_delay)
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
        inbox = ClientInbox(
            io, self._host, self._codec, self._answering, self._post, lambda server: self._up(inbox, server)
        )
        link = ClientLink(inbox, self._options, self._name, self._codec, self._outbox, now_s)
        link.ended = lambda: self._link_ended(inbox)
        inbox.link = link
        self._connecting = io
        self._inbox = inbox
        return link

    def _received(self, io: LinkIO) -> None:
        """Bytes came in: write what they call for, first of all acknowledgements, then deliver."""
        io.flush()
        if self._inbox is not None:
            self._inbox.hand_over()

    def _link_ended(self, inbox: ClientInbox) -> None:
        """The link has ended; nothing of it may be used any more."""
        self._flush_soon()  # it may have a last word to write, and must close
        if self._link is inbox.link:
            self._link = None
            self._is_registered = False
            self._outbox.is_online = False
            if not self._is_closed:
                _log.warning("the link to %s was lost: %s", self._asked, inbox.link.error or "the server closed it")
        inbox.link.release()
        inbox.link_lost()

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
            text = f"closing with events that {self._asked} did not take within {CLOSE_TIMEOUT_S:g} s"
            self._core._drops.count("not_sent", text)

    def _is_all_sent(self) -> bool:
        if not self._outbox.is_empty:
            return False
        return self._link is None or self._link.is_settled

    # registering

    def _up(self, inbox: ClientInbox, server: Peer) -> None:
        """The handshake is done: register everything, before anything else."""
        link = self._link = inbox.link
        self._outbox.is_online = True
        _log.info("connected to %s at %s", server.name, self._asked)
        waiting = 1

        def answered() -> None:
            nonlocal waiting
            waiting -= 1
            if waiting == 0 and self._link is link:
                self._is_registered = True
                if not self._first.done():
                    self._first.set_result(None)

        for sender in list(self._core._senders.values()):
            waiting += 1
            self._add_again(link, sender, Backoff(), answered)
        for listener in self._core._all_listeners():
            waiting += 1
            self._listen_again(link, listener, answered)
        answered()

    def _add_again(self, link: ClientLink, sender: Sender, backoff: Backoff, answered: Callable[[], None]) -> None:
        """Register a sender on a new link; while the server refuses it, say so once and try on."""

        def answer(error: SigError | None) -> None:
            if error is not None and not isinstance(error, LinkError):
                if backoff.is_fresh:
                    _log.error("the server refuses sender %r: %s; trying on", sender.name, error)
                    self._tell(error)
                self._the_loop.call_later(backoff.delay_s(), again)
            answered()

        def again() -> None:
            if self._link is link and not sender.removed:
                self._add_again(link, sender, backoff, _nothing)
                self._flush_soon()

        link.add_sender(sender, self._outlets_of(sender), answer)

    def _listen_again(self, link: ClientLink, listener: Listener, answered: Callable[[], None]) -> None:
        def answer(error: SigError | None) -> None:
            if error is not None and not isinstance(error, LinkError):
                _log.error("the server refuses %r: %s", listener, error)
                self._tell(error)
            answered()

        link.add_listener(listener, answer)

    def _tell(self, error: SigError) -> None:
        """Give ``error`` to the user's ``on_error``, where listeners are called and never on the loop."""
        self._host.deliver([lambda: self._core._hand_on(error)], 0, _ignore)

    async def _register_sender(self, sender: Sender) -> None:
        self._refuse_if_closed()
        if self._link is not None and not sender.removed:
            answer, future = self._future_answer()
            self._link.add_sender(sender, self._outlets_of(sender), answer)
            self._flush_soon()
            await future

    async def _register_listener(self, listener: Listener) -> None:
        self._refuse_if_closed()
        if self._link is not None:
            answer, future = self._future_answer()
            self._link.add_listener(listener, answer)
            self._flush_soon()
            await future

    def _register_soon(self, listener: Listener) -> None:
        self._post(self._register_now, listener)

    def _register_now(self, listener: Listener) -> None:
        if self._link is not None:
            self._listen_again(self._link, listener, _nothing)
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
        return cast(list[Outlet], sender.outlets())

    def _sender_removed(self, sender: Sender) -> None:
        outlets = self._outlets_of(sender)
        for outlet in outlets:
            outlet.is_removed = True
        if self._link is not None and self._link.remove_sender(sender):
            self._flush_soon()
            return
        for outlet in outlets:  # no server knows it, so nothing of it can go out any more
            outlet.topic_id = REFUSED

    def _listener_removed(self, listener: Listener) -> None:
        if self._link is not None:
            self._link.remove_listener(listener)
            self._flush_soon()
        if listener.hears_presence and self._inbox is not None:
            self._inbox.forget_unwatched()

    # requests of this process

    async def _request(self, sender: str, method: str, params: Any, timeout: float | None) -> Any:
        local = self._core._senders.get(sender)
        if local is not None:
            return await self._request_here(local, method, params)
        check_name(sender, "sender")  # here, since the server would end the link
        check_name(method, "method")
        link = self._live_link()
        body = self._codec.encode(params)
        future, answer = self._future_body()
        id_ = link.request(sender, method, timeout_ms(timeout), body, answer)
        self._flush_soon()
        try:
            return self._codec.decode(await future)
        finally:
            link.cancel(id_)
            self._flush_soon()

    async def _ask(self, kind: Kind, fields: dict[str, Any]) -> Fields:
        future, answer = self._future_body()
        self._live_link().call(kind, write_body(fields), answer)
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

    def _live_link(self) -> ClientLink:
        if self._link is None:
            why = f" ({self._last_error})" if self._last_error else ""
            raise NotConnected(f"there is no link to {self._asked} at the moment{why}")
        return self._link

    # writing

    def _flush_soon(self) -> None:
        if not self._flush_due and self._loop is not None:
            self._flush_due = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_due = False
        if self._connecting is not None:
            self._connecting.flush()


def _nothing() -> None:
    pass


def _ignore(_size: int) -> None:
    pass
