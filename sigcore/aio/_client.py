# SPDX-License-Identifier: MIT
"""The asyncio client: one link to a server, made anew whenever it is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Unpack, cast

from .._credentials import refuse_open_token, take_credentials
from .._endpoint import Endpoint
from .._errors import (
    ConnectTimeout,
    EndpointError,
    LinkError,
    LinkRefused,
    NotConnected,
    NotSent,
    RemoteProtocolError,
    RouterClosed,
    SigError,
)
from .._info import Peer
from .._limits import LinkKeywords
from .._logging import get_logger
from .._names import check_name, check_sender_to_ask
from .._plugins import load_codec
from .._shown import SAID_CHARACTERS, cut, described
from ..protocol.bodies import Fields, read_body, write_body
from ..protocol.client_link import ClientLink
from ..protocol.client_session import ClientSession, sender_info
from ..protocol.codes import PASSES
from ..protocol.frames import Kind
from ..protocol.outbox import REFUSED, Outbox, Outlet
from ._asking import Asking
from ._backoff import Backoff
from ._client_inbox import ClientInbox
from ._deadlines import Deadlines
from ._link_io import CLOSE_S, LinkIO
from ._networked import CLOSE_TIMEOUT_S, Host, NetworkedRouter
from ._results import read_result

if TYPE_CHECKING:
    from .._info import SenderInfo
    from .._listener import Listener
    from .._router import OnError
    from .._secret import Secret
    from .._sender import Sender
    from .._signal import Call, Signal

HEALTHY_S = 5.0
"""A link that lasted so long begins the back-off anew when it is lost: it was no link that fails as it begins."""

_log = get_logger("sigcore.client")


class ClientRouter(NetworkedRouter):
    """A router that is connected to a server, and connects again whenever the link is lost.

    What was under way when a link was lost goes on with the next one: nothing is lost and nothing comes twice. Where
    the server no longer knows us, because it was restarted or we were away for too long, everything is registered
    again before anything else is sent, and listeners on both sides are told of a gap. While there is no link, events
    are kept up to ``event_queue`` bytes, then the oldest are dropped, which is told as a gap too.

    Args:
        endpoint: Where the server is, as a URL.
        codec: The name of the codec for data; ``json`` by default.
        identity: Who it is; goes with ``secret``. As the other two also an option of the endpoint.
        secret: What it shares with the server, a ``Secret`` or where it is (``env:NAME``, ``file:/path`` or
            ``credential:NAME``); the two prove to each other that they know it, and never send it.
        token: A token, in the same way; it is sent, and therefore only where nobody else can read it.
        name: What this router calls itself; host name and process number by default.
        connect_timeout: How long ``open`` waits for the first link, in seconds; ``None`` does not wait.
        on_error: Called with what goes wrong in listeners, and with what the server refuses later on.
        slow_callback: How long a callback may hold the event loop until that is logged, in seconds; ``None`` for ever.
        **limits: The fields of ``sigcore.LinkOptions``, where the endpoint's query does not say otherwise.

    Raises:
        EndpointError: The endpoint is malformed, or disagrees with a keyword.
        InsecureEndpoint: A token would go where others can read it.
        SecretError: The secret or the token cannot be had.
        PluginError: The carrier or the codec cannot be had.
    """

    def __init__(
        self,
        endpoint: str,
        *,
        codec: str | None = None,
        identity: str | None = None,
        secret: Secret | str | None = None,
        token: Secret | str | None = None,
        name: str | None = None,
        connect_timeout: float | None = 10.0,
        on_error: OnError | None = None,
        slow_callback: float | None = 1.0,
        _host: Host | None = None,
        **limits: Unpack[LinkKeywords],
    ) -> None:
        super().__init__(name, on_error, slow_callback, _host, limits)
        self._connect_timeout = connect_timeout
        self._asked = Endpoint.parse(endpoint)
        self._credentials, rest = take_credentials(self._asked, identity, secret, token)
        self._carrier, self._options, self._endpoint = self._prepare(rest, codec)
        refuse_open_token(self._credentials, self._carrier, self._endpoint)
        if self._options.senders is not None:
            text = "the option senders is for the endpoint of a server, where it says which names clients may take"
            raise EndpointError(f"{self._asked}: {text}; leave it out")
        self._codec = load_codec(self._options.codec or "json")
        options = self._options
        self._outbox = Outbox(options.event_queue, options.max_frame, self._core._drops, self._host.may_wait_s)
        self._waits_in(self._outbox, self._flush_soon)
        self._connecting: LinkIO | None = None  # the connection of now, or the last one
        self._session: ClientSession | None = None  # with a link or not, until it is over
        self._inbox: ClientInbox | None = None  # what it brings
        self._grace: asyncio.TimerHandle | None = None  # until a link that is gone counts as gone
        self._runner: asyncio.Task[None] | None = None
        self._first: asyncio.Future[None]
        self._last_error: Exception | None = None
        self._told_refusal = ""
        self._is_registered = False
        self._is_up = False  # whether the present link has had its handshake
        self._flush_due = False
        self._open_requests: set[Asking] = set()
        self._deadlines = Deadlines(self._open_requests, Asking.expire)
        self._core._attach(self)

    @property
    def connected(self) -> bool:
        """Whether there is a link and the server knows what is registered here."""
        return self._is_registered and self._session is not None and self._session.link is not None

    @property
    def identity(self) -> str:
        """Who the server takes this router for; empty where it does not know, or there is no session."""
        return self._session.identity if self._session is not None else ""

    async def open(self) -> None:
        """Connect, and return once the server knows what is registered here.

        Raises:
            ConnectTimeout: No link came up within ``connect_timeout``.
            LinkRefused: The server said no: another version, no such codec, ...
            NotAuthenticated: We did not prove who we are, or the server did not prove that it knows our secret.
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
            cause = self._last_error or error
            text = f"no link to {self._asked} within {self._connect_timeout:g} s; {self._why_no_link()}"
            await self.close()  # last: it ends a link that is in its handshake, as if the server had
            raise ConnectTimeout(text) from cause
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
            self._end_session()
        self._deadlines.close()
        await super()._close_down()

    async def senders(self) -> list[SenderInfo]:
        """Return every sender that is connected to the server, by name.

        Raises:
            NotConnected: There is no link at the moment.
        """
        server = self._linked_session().server
        found: list[SenderInfo] = []
        more = True
        while more:
            after = found[-1].name if found else ""
            fields = await self._ask(Kind.QUERY, {"what": "senders", "after": after})
            page = [sender_info(row, server) for row in fields.rows("senders")]
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
            if (self._is_closed and self._is_all_sent()) or self._ends_it(error):
                return
            self._tell_of_refusal(error)
            if loop.time() - began_s >= HEALTHY_S:
                backoff.reset()
            delay_s = backoff.delay_s() + self._asked_to_wait_s()
            _log.info("no link to %s (%s); next try in %.2f s", self._asked, error or "closed", delay_s)
            await asyncio.sleep(delay_s)

    def _asked_to_wait_s(self) -> float:
        """Return how long the server asked us to stay away, once."""
        if self._connecting is None:
            return 0.0
        link = self._connecting.link
        asked_s, link.retry_after_s = link.retry_after_s, 0.0
        return asked_s

    async def _live_once(self) -> Exception | None:
        """Make a link and wait for its end; return why it ended, or never came up."""
        try:
            io = LinkIO(self._make_link, self._received, wrote=self._wrote)
            await self._carrier.connect(self._endpoint, lambda: io)
        except (KeyboardInterrupt, GeneratorExit, asyncio.CancelledError):
            raise
        except BaseException as error:  # noqa: BLE001  # whatever a carrier raises, SystemExit too: there is a next try
            return self._carrier_failed(error)
        await io.lost
        self._last_error = io.link.error or LinkError("the server closed the connection")
        return self._last_error

    def _carrier_failed(self, raised: BaseException) -> Exception:
        """Take down why there is no link; return it."""
        if not isinstance(raised, (OSError, SigError)):
            _log.error("the carrier of %s failed", self._asked, exc_info=raised)
        error = raised if isinstance(raised, Exception) else LinkError(f"its carrier raised {described(raised)}")
        self._last_error = error
        return error

    def _ends_it(self, error: Exception | None) -> bool:
        """Whether the first try failed in a way that no later one would mend; ``open`` raises it."""
        if isinstance(error, LinkRefused) and error.code in PASSES:
            return False
        hopeless = isinstance(error, (LinkRefused, EndpointError)) or (
            isinstance(error, RemoteProtocolError) and error.code in ("not_sigcore", "version", "codec")
        )
        if not hopeless or self._first.done() or self._connect_timeout is None:
            return False
        assert error is not None
        self._first.set_exception(error)
        return True

    def _tell_of_refusal(self, error: Exception | None) -> None:
        """Tell the user's ``on_error``, once for each reason, that the server does not let this client come back."""
        if not isinstance(error, LinkRefused) or error.code in PASSES or str(error) == self._told_refusal:
            return
        self._told_refusal = str(error)
        if self._first.done():
            self._tell(error)

    def _why_no_link(self) -> str:
        """Return what stands in the way of the first link at this moment."""
        if self._connecting is not None and not self._connecting.link.has_ended:
            if self._is_up:
                return "it is connected, and has not yet answered what is registered here"
            if self._last_error:
                return f"it has not answered this try yet; the try before said: {self._last_error}"
            return "it took the connection and has not answered yet; is it a sigcore server?"
        return f"the last try said: {self._last_error}" if self._last_error else "nothing answered"

    def _make_link(self, io: LinkIO, now_s: float) -> ClientLink:
        options, codec, before, outbox = self._options, self._codec.name, self._session, self._outbox
        link = ClientLink(options, self._name, codec, outbox, before, self._up, now_s, self._credentials)
        link.ended = lambda: self._link_ended(link)
        self._connecting = io
        return link

    def _received(self, io: LinkIO) -> None:
        """Bytes came in: write what they call for, first of all acknowledgements, then deliver."""
        session = io.link.session
        if session is None or io.link.has_slots or session.has_unwritten:
            io.flush()
        elif session.owes_ack:
            io.look_at_clock()
        if self._inbox is not None:
            self._inbox.hand_over()

    def _wrote(self) -> None:
        if self._inbox is not None:
            self._inbox.wrote()

    def _link_ended(self, link: ClientLink) -> None:
        self._flush_soon()  # it may have a last word to write, and must close
        if self._is_up and not self._is_closed:
            _log.warning("the link to %s was lost: %s", self._asked, link.error or "the server closed it")
        self._is_up = False

    def _session_detached(self, session: ClientSession) -> None:
        """Its link is gone; perhaps only for a moment."""
        self._outbox.is_online = False
        if self._outbox.has_room:  # more than while there was a link, which is expected to take all at once
            self._wake_drainers()
        self._grace = self._the_loop.call_later(self._options.grace, self._out_of_grace, session)

    def _out_of_grace(self, session: ClientSession) -> None:
        """The link is gone for longer than a moment."""
        session.fail_unwritten_requests()
        if self._inbox is not None and session is self._session:
            self._inbox.unreachable()

    def _session_over(self, session: ClientSession, inbox: ClientInbox) -> None:
        """Nothing will go on with it: whoever waits hears so, and so does whoever listens."""
        if self._session is session:
            self._session = self._inbox = None
            self._is_registered = False
        session.release()
        if not self._is_closed:
            inbox.session_lost()
        inbox.wrote()

    async def _end_link(self) -> None:
        io = self._connecting
        if io is not None and not io.lost.done():
            io.link.end("closing")
            io.flush()
            await asyncio.wait([io.lost], timeout=2 * CLOSE_S)

    def _end_session(self) -> None:
        """The router is closed, perhaps while there was no link: nobody will answer any more."""
        if self._grace is not None:
            self._grace.cancel()
        if self._session is not None:
            self._session.end(LinkError("the router was closed"))

    async def _send_the_rest(self) -> None:
        """Wait until the server has taken everything that was accepted, for 5 s at most."""
        until = self._the_loop.time() + CLOSE_TIMEOUT_S
        while not (sent := self._is_all_sent()) and self._the_loop.time() < until:
            self._ask_for_ack()
            await asyncio.sleep(0.005)  # looking is simpler than having every event on its way wake us
        if not sent:
            text = f"closing with events that {self._asked} did not take within {CLOSE_TIMEOUT_S:g} s"
            self._core._drops.count("not_sent", text)

    def _ask_for_ack(self) -> None:
        if self._connecting is not None and self._session is not None and self._session.link is not None:
            self._session.link.ask_for_ack()
            self._connecting.flush()

    def _is_all_sent(self) -> bool:
        if not self._outbox.is_empty:
            return False
        return self._session is None or self._session.is_settled

    # registering

    def _up(self, session: ClientSession) -> None:
        """The handshake is done, and nothing else has come or gone yet."""
        if self._grace is not None:
            self._grace.cancel()
        self._is_up = True
        self._told_refusal = ""
        if session is not self._session:
            self._begin(session)
        elif self._inbox is not None:
            self._inbox.reachable()
        self._outbox.is_online = True
        _log.info("connected to %s at %s", cut(session.server.name), self._asked)

    def _begin(self, session: ClientSession) -> None:
        """Take up a new session: register everything, before anything else."""
        if self._session is not None:
            self._session.end(LinkError("the server does not know the session any more"))
        inbox = ClientInbox(
            session, self._host, self._codec, self._answering, self._post, self._flush_calls, self._sender_lost
        )
        session.side = inbox
        session.left = lambda: self._session_detached(session)
        session.ended = lambda: self._session_over(session, inbox)
        self._session, self._inbox = session, inbox
        self._register_all(session)

    def _register_all(self, session: ClientSession) -> None:
        waiting = 1

        def answered() -> None:
            nonlocal waiting
            waiting -= 1
            if waiting == 0 and self._session is session:
                self._is_registered = True
                if not self._first.done():
                    self._first.set_result(None)

        for sender in list(self._core._senders.values()):
            waiting += 1
            self._add_again(session, sender, Backoff(), answered)
        for listener in self._core._all_listeners():
            waiting += 1
            self._listen_again(session, listener, answered)
        answered()

    def _sender_lost(self, sender: Sender, _error: SigError) -> None:
        """Somebody else took the name while we were away: claim it again."""
        if self._session is not None:
            self._add_again(self._session, sender, Backoff(), _nothing)

    def _add_again(
        self, session: ClientSession, sender: Sender, backoff: Backoff, answered: Callable[[], None]
    ) -> None:
        """Register a sender; while the server refuses it, say so once and try on."""

        def answer(error: SigError | None) -> None:
            if error is not None and not isinstance(error, LinkError):
                if backoff.is_fresh:
                    text = cut(str(error), SAID_CHARACTERS)
                    _log.error("the server refuses sender %r: %s; trying on", sender.name, text)
                    self._tell(error)
                self._the_loop.call_later(backoff.delay_s(), again)
            answered()

        def again() -> None:
            if self._session is session and not sender.removed:
                self._add_again(session, sender, backoff, _nothing)
                self._flush_soon()

        session.add_sender(sender, self._outlets_of(sender), answer)

    def _listen_again(self, session: ClientSession, listener: Listener, answered: Callable[[], None]) -> None:
        def answer(error: SigError | None) -> None:
            if error is not None and not isinstance(error, LinkError):
                _log.error("the server refuses %r: %s", listener, cut(str(error), SAID_CHARACTERS))
                self._tell(error)
            answered()

        session.add_listener(listener, answer)

    def _tell(self, error: SigError) -> None:
        """Give ``error`` to the user's ``on_error``, where listeners are called and never on the loop."""
        self._host.deliver([lambda: self._core._hand_on(error)], 0, _ignore)

    async def _register_sender(self, sender: Sender) -> None:
        self._refuse_if_closed()
        session = self._session
        if session is None or sender.removed:
            return
        if session.link is None:  # it will be told, or a new one
            self._add_again(session, sender, Backoff(), _nothing)
            return
        answer, future = self._future_answer()
        session.add_sender(sender, self._outlets_of(sender), answer)
        self._flush_soon()
        await future

    async def _register_listener(self, listener: Listener) -> None:
        self._refuse_if_closed()
        session = self._session
        if session is None or session.link is None:
            self._register_now(listener)
            return
        answer, future = self._future_answer()
        session.add_listener(listener, answer)
        self._flush_soon()
        await future

    def _register_soon(self, listener: Listener) -> None:
        self._post(self._register_now, listener)

    def _register_now(self, listener: Listener) -> None:
        if self._session is not None:
            self._listen_again(self._session, listener, _nothing)
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
        if self._session is not None and self._session.remove_sender(sender):
            self._flush_soon()
            return
        for outlet in outlets:  # no server knows it, so nothing of it can go out any more
            outlet.topic_id = REFUSED

    def _listener_removed(self, listener: Listener) -> None:
        if self._session is not None:
            self._session.remove_listener(listener)
            self._flush_soon()
        if listener.hears_presence and self._inbox is not None:
            self._inbox.forget_unwatched()

    # requests of this process

    async def _request(self, sender: str, method: str, params: Any, timeout: float | None) -> Any:
        local = self._core._senders.get(sender)
        if local is not None:
            return await self._request_here(local, method, params, timeout)
        check_sender_to_ask(sender)  # here, since the server would end the link
        check_name(method, "method")
        session = self._askable_session()
        body = self._codec.encode(params)
        future: asyncio.Future[bytes] = self._the_loop.create_future()
        asking = Asking(future)
        deadline_s = None if timeout is None else self._the_loop.time() + timeout
        id_ = session.request(sender, method, deadline_s, body, asking)
        self._flush_calls()
        self._open_requests.add(asking)
        if deadline_s is not None:
            self._deadlines.put(deadline_s, asking)
        try:
            return read_result(self._codec, await future)
        finally:
            self._open_requests.discard(asking)
            if session.cancel(id_):
                self._flush_soon()

    async def _ask(self, kind: Kind, fields: dict[str, Any]) -> Fields:
        future: asyncio.Future[bytes] = self._the_loop.create_future()
        self._linked_session().call(kind, write_body(fields), Asking(future))
        self._flush_soon()
        return read_body(kind.name, await future)

    def _linked_session(self) -> ClientSession:
        if self._session is None or self._session.link is None:
            raise NotConnected(f"there is no link to {self._asked} at the moment{self._why_not()}")
        return self._session

    def _askable_session(self) -> ClientSession:
        """Return the session by which requests go: also while its link is gone, but for no longer than a moment."""
        if self._session is None or (self._inbox is not None and not self._inbox.is_reachable):
            raise NotSent(f"there is no link to {self._asked} at the moment{self._why_not()}; the request was not sent")
        return self._session

    def _why_not(self) -> str:
        return f" ({self._last_error})" if self._last_error else ""

    # events of this process's senders

    def _hand_to_others(
        self, signal: Signal[Any], data: Any, meta: Mapping[str, str] | None, taken: asyncio.Future[int]
    ) -> asyncio.Future[int]:
        outlet = cast(Outlet, signal._outlet)

        def settle(number: int | None, error: SigError | None) -> None:
            if taken.done():
                return
            if number is None:
                taken.set_exception(error or SigError("no answer"))
            else:
                taken.set_result(number)

        def answer(body: bytes | None, error: SigError | None) -> None:
            number = None
            try:
                if body is not None:
                    number = read_body("OK", body).integer("accepted")
            except RemoteProtocolError as broken:
                error = broken
                raise
            finally:
                self._post(settle, number, error)

        signal._trigger_by(lambda info, value: outlet.deliver(info, value, answer), data, meta)
        return taken

    def disconnect(self, text: str) -> None:
        """End the session, because a listener here is too slow for its events; a new one follows."""
        self._post(self._disconnect, text)

    def _disconnect(self, text: str) -> None:
        if self._session is not None and self._session.link is not None:
            self._session.link.end("too_slow", text, error=LinkError(text))
            self._flush_soon()

    # writing

    def _flush_soon(self) -> None:
        if not self._flush_due and self._loop is not None:
            self._flush_due = True
            self._loop.call_soon(self._flush)

    def _flush_calls(self) -> None:
        """Write requests and replies: at once where they are many, so that others can begin while more come."""
        session = self._session
        if session is not None and session.has_burst and self._connecting is not None:
            self._connecting.flush()
        else:
            self._flush_soon()

    def _flush(self) -> None:
        self._flush_due = False
        if self._connecting is not None:
            self._connecting.flush()


def _nothing() -> None:
    pass


def _ignore(_size: int) -> None:
    pass
