# SPDX-License-Identifier: MIT
"""The asyncio server: several endpoints, carriers and codecs at once."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from threading import RLock
from typing import TYPE_CHECKING, Any, Self, Unpack, cast

from .._carrier import Listening, authenticates, is_confidential, is_local
from .._config import load_config
from .._credentials import refuse_at_server
from .._drops import LOG_INTERVAL_S
from .._endpoint import Endpoint
from .._errors import ConfigError, InsecureEndpoint, LinkError, LinkRefused, RemoteProtocolError, RouterClosed
from .._info import Peer, SenderInfo
from .._limits import MIB, LinkKeywords, LinkOptions, ServerLimits
from .._logging import RateLimit, get_logger
from .._names import OWN_EVENTS, SERVER, check_name, check_sender_to_ask
from .._plugins import list_plugins, load_codec, load_hooks
from .._shown import cut
from ..protocol.crowd import Crowd, Place
from ..protocol.gate import Gate
from ..protocol.hub import Hub
from ..protocol.link import Link
from ..protocol.revocation import end_revoked
from ..protocol.server_link import ServerLink
from ..protocol.server_session import ServerSession
from ._asking import in_time
from ._authenticators import HOOK, Authenticators
from ._console import Consoles
from ._entrance import Entrance, most_connections
from ._link_io import CLOSE_S, LinkIO
from ._networked import CLOSE_TIMEOUT_S, Host, NetworkedRouter
from ._ruling import Ruling, WatchedFile, authorizers, groups_of
from ._server_local import ServerLocal, ServerOutlet
from ._server_requests import ServerRequests
from ._who import Meet, meeting

if TYPE_CHECKING:
    from .._access_rule import Rule
    from .._carrier import Carrier
    from .._codec import Codec
    from .._identity import Identity
    from .._listener import Listener
    from .._plugins import LoadedPlugin
    from .._requests import Answerer
    from .._router import OnError
    from .._sender import Sender
    from .._signal import Call, Signal

LEAVING_LINES = 20
"""How many links that end in good order may be told of in the log in ten seconds."""

RETRY_RATE = 200
"""About how many clients per second come back to a server that was restarted in good order."""

_log = get_logger("sigcore.server")


class ServerRouter(NetworkedRouter):
    """A router that other routers connect to; its own process is one more place for senders and listeners.

    Args:
        endpoints: Where to listen, as URLs; a lone text is one. Loopback addresses, Unix sockets and serial ports
            only, unless ``insecure``.
        codecs: Names of the codecs that clients may choose; by default all that are installed.
        name: What the server calls itself; host name and process number by default.
        on_error: Called with what goes wrong in listeners.
        insecure: Listen where other machines can connect without authentication.
        slow_callback: How long a callback may hold the event loop until that is logged, in seconds; ``None`` for ever.
        session_memory: Bytes that sessions without a link may take together; beyond that the one longest without a link
            is given up.
        keep_memory: Bytes that may be kept of events for those who come late; beyond that the oldest goes.
        max_links: How many links there may be at a time, if the system lets the process open as many files.
        max_links_per_identity: How many of them one identity may have.
        max_pending: How many of them may be in their handshake.
        max_pending_per_source: How many of these may come from one address of another machine.
        identities: Who may come, with what proves it: a ``sigcore.Identity`` by identity.
        anonymous: Whether those may come who do not say who they are, over a medium that does not prove it either;
            ``None``: while there are neither identities with a secret or a token, nor plug-ins that authenticate.
        plugins: Names of plug-ins of the group ``sigcore.plugins`` to use, in the order in which they are asked.
        rules: Who may do what, to others over links (see docs/access.md); none lets everybody do everything.
        audit: Whether what the rules deny is only logged and counted.
        **limits: The fields of ``sigcore.LinkOptions``, for every endpoint whose query does not say otherwise.
    """

    def __init__(
        self,
        endpoints: str | Iterable[str],
        *,
        codecs: Iterable[str] | None = None,
        name: str | None = None,
        on_error: OnError | None = None,
        insecure: bool = False,
        slow_callback: float | None = 1.0,
        session_memory: int = 256 * MIB,
        keep_memory: int = 64 * MIB,
        max_links: int = 10_000,
        max_links_per_identity: int = 256,
        max_pending: int = 100,
        max_pending_per_source: int = 16,
        identities: Mapping[str, Identity] | None = None,
        anonymous: bool | None = None,
        plugins: Iterable[str] = (),
        rules: Iterable[Rule] = (),
        audit: bool = False,
        _host: Host | None = None,
        **limits: Unpack[LinkKeywords],
    ) -> None:
        super().__init__(name, on_error, slow_callback, _host, limits)
        texts = (endpoints,) if isinstance(endpoints, str) else tuple(endpoints)
        self._asked = [Endpoint.parse(text) for text in texts]
        self._codec_names = None if codecs is None else list(codecs)
        self._insecure = insecure
        self._identities = dict(identities or {})
        self._anonymous = anonymous
        self._plugin_names = (plugins,) if isinstance(plugins, str) else tuple(plugins)
        self._authenticators = Authenticators(())
        self._ruling = Ruling(tuple(rules), audit, groups_of(self._identities))
        self._ruling_lock = RLock()  # an OS signal's handler may come in between
        self._watched: WatchedFile | None = None
        self._beside: dict[str, Any] = {}
        self._local_options = LinkOptions(**self._keywords)
        self._listenings: list[Listening] = []
        self._ios: dict[ServerLink, LinkIO] = {}
        self._places: dict[Link, Place] = {}
        self._leaving = RateLimit(LOG_INTERVAL_S, burst=LEAVING_LINES)
        self._flush_due = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due_s = 0.0  # uvloop's handles do not tell
        self._registered: dict[str, Sender] = {}
        bounds = ServerLimits(
            session_memory=session_memory,
            keep_memory=keep_memory,
            max_links=max_links,
            max_links_per_identity=max_links_per_identity,
            max_pending=max_pending,
            max_pending_per_source=max_pending_per_source,
        )
        self._crowd = Crowd(bounds)
        self._hub = Hub(
            name=self._name,
            server_id=secrets.token_hex(16),
            epoch=secrets.token_hex(16),
            drops=self._core._drops,
            limits=bounds,
        )
        self._local = ServerLocal(self._hub, self._host, self._answering, self._local_options, self._post)
        self._hub.local = self._local
        self._consoles = Consoles(self._core, self._local)
        self._itself = ServerRequests(self._listenings)
        self._hub.answer_as_server(self._itself.handlers.methods)
        self._hub.on_dirty = self._flush_soon
        self._hub.link_up = lambda link: self._places[link].known()
        self._waits_in(self._local.buffer, self._local.pump)
        self._core._attach(self)

    @classmethod
    def from_config(cls, path: str | os.PathLike[str], *, on_error: OnError | None = None, **beside: Any) -> Self:
        """Return the server that a configuration file describes, not yet open (see docs/deploy.md).

        Args:
            path: The file, in TOML.
            on_error: As for the class itself.
            beside: Other arguments of the class; each holds in place of what the file says.

        Raises:
            ConfigError: The file is wrong; each of its problems is told.
            OSError: The file cannot be read.
        """
        watched = WatchedFile(path)  # first: what changes while it is read is read again
        server = cls(**(load_config(path).keywords() | beside), on_error=on_error)
        server._watch(watched, beside)
        return server

    def set_rules(self, rules: Iterable[Rule], *, audit: bool | None = None) -> None:
        """Have other rules hold, also for what is connected; may be called from any thread, and never waits.

        Whoever may no longer do what it does is told; events that wait for it are dropped, and told as a gap.

        Args:
            rules: Who may do what from now on.
            audit: Whether what they deny is only logged and counted; ``None`` leaves that as it is.

        Raises:
            TypeError: They are no rules; what held before holds on.
        """
        terms: dict[str, Any] = {"rules": tuple(rules)}
        self._change_ruling(terms if audit is None else terms | {"audit": audit})

    def reload(self) -> None:
        """Read ``identities``, with their secrets, the rules and ``audit`` again from the configuration file.

        A server ``from_config`` does so by itself within a second of a change of the file; call this where a secret has
        changed that stands elsewhere. Links that came in by a secret or a token which is gone or another now are ended;
        all others go on, within the rules. May be called from any thread, and from a handler of an OS signal. The other
        keys of the file hold from the next start on.

        Raises:
            ConfigError: The file is wrong, or the server is not from a file; what held before holds on.
            SecretError: A secret or a token cannot be had; the same.
            OSError: The file cannot be read.
        """
        if self._watched is None:
            raise ConfigError(["this server is not from a configuration file; give it its rules by set_rules()"])
        stamp = self._watched.stamp()  # first: what changes while it is read is to be read again
        said = load_config(self._watched.path).keywords() | self._beside
        self._watched.was_read(stamp)
        self._hub.gate.replace(said["identities"])
        self._post(self._end_revoked)
        self._identities = said["identities"]
        rules = tuple(said["rules"])
        if self._ruling.rules and not rules and not self._ruling.authorize:
            _log.warning("%s has no rules any more, so everybody may do everything", os.fspath(self._watched.path))
        self._change_ruling({"rules": rules, "audit": said["audit"], "groups": groups_of(self._identities)})
        _log.info("identities and rules were read again from %s", os.fspath(self._watched.path))

    def _watch(self, watched: WatchedFile, beside: dict[str, Any]) -> None:
        self._watched, self._beside = watched, beside

    def _change_ruling(self, terms: Mapping[str, Any]) -> None:
        with self._ruling_lock:  # or of two threads one would undo what the other has said
            self._ruling = replace(self._ruling, **terms)
        self._post(self._rule)

    def _end_revoked(self) -> None:
        self._hub.now_s = self._the_loop.time()
        ended = end_revoked(self._hub)
        if ended:
            _log.warning(
                "%d sessions were ended: the secret or the token that began them does not hold any more", ended
            )

    def _rule(self) -> None:
        self._hub.set_rules(self._ruling.as_rules())

    @property
    def endpoints(self) -> list[str]:
        """The endpoints really bound, in the order asked for: where port 0 was asked, with the port that was picked."""
        return [str(listening.endpoint) for listening in self._listenings]

    @property
    def codecs(self) -> list[str]:
        """The names of the codecs that clients may choose; empty before ``open``."""
        return list(self._hub.codecs)

    @property
    def counters_by_peer(self) -> list[tuple[Peer, dict[str, int]]]:
        """How many events were lost for each router that is connected, or may come back, by cause."""
        return [(session.peer, dict(session.counters)) for session in list(self._hub.sessions.values())]

    async def open(self) -> None:
        """Listen at every endpoint; if one cannot be had, none is.

        Raises:
            InsecureEndpoint: Other machines could connect there without authentication.
            EndpointError: An endpoint's options are wrong.
            PluginError: A carrier, codec or other plug-in cannot be had.
            InvalidName: One of ``identities`` cannot be an identity.
            SecretError: A secret or a token of theirs cannot be had.
            OSError: A carrier cannot listen: the address is in use, the device is absent, ...
        """
        await super().open()
        loop = asyncio.get_running_loop()
        self._local.open(loop)
        self._crowd.most_connections = most_connections(self._crowd.most_connections)
        self._hub.codecs = self._load_codecs()
        plugins = [load_hooks(name) for name in self._plugin_names]
        self._hub.gate = self._make_gate(plugins)
        self._change_ruling({"authorize": authorizers(plugins)})
        for sender in list(self._core._senders.values()):
            self._enter(sender)
        for listener in self._core._all_listeners():
            self._listener_came(listener)
        try:
            for endpoint in self._asked:
                self._listenings.append(await self._listen(endpoint))
        except BaseException:
            await self.close()
            raise
        if self._watched is not None:
            self._watched.open(self.reload)

    async def _close_down(self) -> None:
        if self._watched is not None:
            self._watched.close()
        for listening in self._listenings:
            listening.close()
        if self._loop is not None:
            self._local.pump()
            await self._send_the_rest()
        self._local.buffer.close()
        self._hub.now_s = self._the_loop.time() if self._loop is not None else 0.0
        ios = list(self._ios.values())
        for io in ios:
            io.link.end("closing", "the server closes", retry_ms=secrets.randbelow(1 + 1000 * len(ios) // RETRY_RATE))
            io.flush()
        if ios:
            await asyncio.wait([io.lost for io in ios], timeout=2 * CLOSE_S)
        for listening in self._listenings:
            await listening.wait_closed()
        if self._timer is not None:
            self._timer.cancel()
        await self._authenticators.close()
        self._consoles.close()
        self._local.end_questions()
        await super()._close_down()

    async def senders(self) -> list[SenderInfo]:
        """Return every connected sender, by name."""
        return self._hub.senders() if self._loop is not None else self._core.senders()

    async def peers(self) -> list[Peer]:
        """Return the routers that are connected."""
        return self._hub.peers()

    def outlet(self, signal: Signal[Any]) -> Call:
        """Return what hands an event of a local sender to the links."""
        return ServerOutlet(signal, self._local.buffer, self._local_options.max_frame)

    # senders and listeners of this process

    async def _register_sender(self, sender: Sender) -> None:
        self._refuse_if_closed()
        if self._loop is not None:
            self._enter(sender)

    async def _register_listener(self, listener: Listener) -> None:
        self._refuse_if_closed()
        self._register_soon(listener)

    def _register_soon(self, listener: Listener) -> None:
        self._post(self._listener_came, listener)

    def _enter(self, sender: Sender) -> None:
        if not sender.removed and self._registered.get(sender.name) is not sender:
            self._local.own_sender_came(sender, cast(list[ServerOutlet], sender.outlets()))
            self._registered[sender.name] = sender

    def _sender_removed(self, sender: Sender) -> None:
        if self._registered.get(sender.name) is sender:
            del self._registered[sender.name]
            self._local.own_sender_left(sender)

    def _listener_came(self, listener: Listener) -> None:
        if listener.hears_presence or listener.removed:
            return
        self._hub.touch(listener.key)
        self._local.begin_listening(listener)
        entry = self._hub.sender(listener.sender) if listener.sender is not None else None
        if entry is None or entry.session is None or listener.event in (None, *OWN_EVENTS, *entry.topics):
            return
        info = entry.info
        self._local.put(lambda: self._core._warn_undeclared(listener, info))

    def _listener_removed(self, listener: Listener) -> None:
        self._hub.touch(listener.key)

    def _hand_to_others(
        self, signal: Signal[Any], data: Any, meta: Mapping[str, str] | None, taken: asyncio.Future[int]
    ) -> asyncio.Future[int]:
        outlet = cast(ServerOutlet, signal._outlet)

        def settle(number: int) -> None:
            if not taken.done():
                taken.set_result(number)

        signal._trigger_by(lambda info, value: outlet.hand_over(info, value, settle), data, meta)
        return taken

    def disconnect(self, text: str) -> None:
        """A listener of our own is too slow: here there is no link to end, so it loses its oldest events."""

    async def _request(self, sender: str, method: str, params: Any, timeout: float | None) -> Any:
        local = self._core._senders.get(sender)
        if local is not None:
            return await self._request_here(local, method, params, timeout)
        check_sender_to_ask(sender)
        check_name(method, "method")
        if self._loop is None or self._is_closed:
            raise RouterClosed("the server is not open; open() it, or use it with 'async with'")
        return await in_time(self._local.request(sender, method, params, timeout), timeout)

    def _answerer(self, name: str) -> Answerer | None:
        return self._itself if name == SERVER else super()._answerer(name)

    # links

    def _load_codecs(self) -> dict[str, Codec]:
        if self._codec_names is not None:
            return {name: load_codec(name) for name in self._codec_names}
        codecs: dict[str, Codec] = {}
        for name in sorted({info.name for info in list_plugins() if info.kind == "codec"}):
            try:
                codecs[name] = load_codec(name)
            except Exception as error:  # noqa: BLE001  # a broken plug-in must not harm the others
                _log.warning("codec %r is left out: %s", name, error)
        return codecs

    def _make_gate(self, plugins: Iterable[LoadedPlugin]) -> Gate:
        """Return what knows who may come: the identities given, and the plug-ins that authenticate."""
        asked = [plugin for plugin in plugins if plugin.has(HOOK)]
        self._authenticators = Authenticators(asked)
        ask = self._authenticators.ask if asked else None
        return Gate(self._identities, anonymous=self._anonymous, ask=ask)

    async def _listen(self, endpoint: Endpoint) -> Listening:
        carrier, options, rest = self._prepare(endpoint)
        refuse_at_server(endpoint)
        if not is_local(carrier, rest):
            self._look_who_may_reach(endpoint, carrier, rest)
        new_link = partial(self._new_io, options, meeting(carrier, rest))
        entrance = Entrance(str(endpoint), options, self._crowd, self._core._drops, new_link, self._consoles.take)
        listening = await carrier.listen(rest, entrance)
        entrance.endpoint = str(listening.endpoint)
        _log.info("listening on %s", listening.endpoint)
        return listening

    def _look_who_may_reach(self, endpoint: Endpoint, carrier: Carrier, rest: Endpoint) -> None:
        """See that everybody says who they are at an endpoint which others on the network can reach."""
        anybody = self._hub.gate.allows_anonymous and not authenticates(carrier, rest)
        if anybody and not self._insecure:
            raise InsecureEndpoint(
                f"{endpoint} can be reached from other machines, and nothing asks who connects. Listen on a loopback "
                "address, a Unix socket or a serial port; or give identities= with a secret each; or, on a network "
                "that you trust, say insecure=True."
            )
        if not anybody and not is_confidential(carrier, rest):
            text = (
                "%s asks who connects, but others on its network can read what is said, and change it; tls:// hides it"
            )
            _log.warning(text, endpoint)

    def _new_io(self, options: LinkOptions, meet: Meet, endpoint: str, place: Place | None) -> LinkIO:
        def make_link(io: LinkIO, now_s: float) -> ServerLink:
            medium = meet(io.transport)
            began_s = now_s if place is None else place.since_s
            link = ServerLink(self._hub, options, medium.endpoint or endpoint, began_s, medium)
            # In the next turn of the loop, when nobody is half-way through the tables.
            link.ended = lambda: self._the_loop.call_soon(self._link_ended, link, io)
            self._ios[link] = io
            self._give_place(link, io, place)
            return link

        return LinkIO(make_link, self._received, self._connection_gone)

    def _give_place(self, link: ServerLink, io: LinkIO, place: Place | None) -> None:
        """Count a link among the others, or turn it away."""

        def give_way() -> None:
            link.turn_away(RemoteProtocolError("others wait for its place in the handshake", code="too_many_pending"))
            io.flush()

        try:
            self._places[link] = place = place or self._crowd.enter("", self._the_loop.time())
            place.give_way = give_way
        except RemoteProtocolError as error:
            link.turn_away(error)

    def _received(self, io: LinkIO) -> None:
        """Bytes came in: what they call for is written once for all that this turn of the loop brings."""
        link = self._server_link(io)
        session = cast(ServerSession | None, link.session)
        if session is None:
            io.flush()
        elif link.has_slots or session.has_unwritten:
            self._hub.mark(session)
        elif session.owes_ack:
            io.look_at_clock()

    @staticmethod
    def _server_link(io: LinkIO) -> ServerLink:
        assert isinstance(io.link, ServerLink)
        return io.link

    def _link_ended(self, link: ServerLink, io: LinkIO) -> None:
        who = cut(link.peer.name) if link.peer is not None else "a peer without a handshake"
        if link.error is None:
            line = self._leaving.line("left", f"{who} left {link.endpoint}", now_s=self._the_loop.time())
            if line is not None:
                _log.info("%s", line)
        else:
            code = getattr(link.error, "code", link.error.cause.removeprefix("link_"))
            cause = code if code == "not_authenticated" else f"link_{code}"
            self._core._drops.count(cause, f"the link of {who} at {link.endpoint} ended: {_told(link.error)}")
        io.flush()

    def _connection_gone(self, io: LinkIO) -> None:
        link = self._server_link(io)
        self._ios.pop(link, None)
        place = self._places.pop(link, None)
        if place is not None:
            place.leave()

    # writing

    def _flush_soon(self) -> None:
        if not self._flush_due and self._loop is not None:
            self._flush_due = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        """Write what this turn of the loop brought: each link once."""
        self._flush_due = False
        self._hub.now_s = self._the_loop.time()
        self._hub.settle()
        for session in self._hub.take_dirty():
            io = self._ios.get(cast(ServerLink, session.link))
            if io is not None:
                io.flush()
        self._arm()

    async def _send_the_rest(self) -> None:
        """Wait until the other sides have everything that was accepted, for 5 s at most."""
        self._hub.stop_taking_events()
        until = self._the_loop.time() + CLOSE_TIMEOUT_S
        while self._the_loop.time() < until:
            await asyncio.sleep(0)  # let what is due in this turn be written
            if self._local.buffer.is_empty and not self._hub.has_unsent:
                return
            for link, io in list(self._ios.items()):
                link.ask_for_ack()
                io.flush()
            await asyncio.sleep(0.005)
        text = "the server closes with events that did not arrive within %g s, %d bytes of them not sent"
        left = sum(session.events.size for session in self._hub.sessions.values() if session.link is not None)
        _log.warning(text, CLOSE_TIMEOUT_S, left)

    # what is due by the clock

    def _arm(self) -> None:
        due = self._hub.deadline_s()
        if due is None or (self._timer is not None and self._timer_due_s <= due):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_due_s = due
        self._timer = self._the_loop.call_at(due, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._hub.tick(self._the_loop.time())
        self._flush_soon()


def _told(error: LinkError) -> str:
    """Return why a link ended, for the log: what a client itself said is cut."""
    return cut(str(error), 150) if type(error) is LinkRefused else str(error)
