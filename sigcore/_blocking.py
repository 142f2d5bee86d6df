# SPDX-License-Identifier: MIT
"""The blocking form of the routers over carriers: threads outside, an asyncio router on a loop of its own inside.

The blocking router holds the tables; the asyncio one works on the same. Local triggers run listeners in the caller's
thread, events from links are delivered by the dispatcher's thread, and the loop's thread runs nothing of the user's
but ``async def`` handlers.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Self, Unpack

from ._config import load_config
from ._errors import RequestTimeout, RouterClosed
from ._limits import MIB, LinkKeywords
from ._logging import get_logger
from ._loop_thread import Dispatcher, LoopThread
from ._router import Router
from .aio._answering import await_handler
from .aio._client import ClientRouter as AioClientRouter
from .aio._home import has_running_loop
from .aio._networked import Host
from .aio._ruling import WatchedFile
from .aio._server import ServerRouter as AioServerRouter

if TYPE_CHECKING:
    from types import TracebackType

    from ._access_rule import Rule
    from ._identity import Identity
    from ._info import Peer, SenderInfo
    from ._listener import Listener
    from ._open_request import OpenRequest
    from ._requests import Handler
    from ._router import OnError
    from ._secret import Secret
    from ._sender import Sender
    from ._signal import Signal


_log = get_logger("sigcore.blocking")


class BlockingRouter(Router):
    """What both blocking routers over carriers have in common."""

    _inner: AioServerRouter | AioClientRouter

    def __init__(self, on_error: OnError | None) -> None:
        super().__init__(on_error=on_error)
        self._thread = LoopThread()
        self._closed = threading.Event()
        self._closing = threading.RLock()
        self._host = Host(self, may_wait=True)
        self._dispatcher = Dispatcher(self._host.mark_thread, f"the thread of a {type(self).__name__}'s listeners")
        self._host.deliver = self._dispatcher.put

    @property
    def counters(self) -> dict[str, int]:
        """How often something was dropped, refused or closed, by cause."""
        return self._inner.counters

    def open(self) -> None:
        """Begin; ``with`` does it. The errors are those of the asyncio form's ``open``."""
        if self._closed.is_set() or self._thread.is_running:
            raise RouterClosed("a router is opened once; make another one")
        if has_running_loop():
            _log.warning("a blocking router is opened where an event loop runs, which it holds up; see sigcore.aio")
        self._thread.start()
        self._dispatcher.start()
        try:
            self._thread.wait_for(self._inner.open())
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Send what was accepted, for 5 s at most, and end; ``with`` does it. May be called twice."""
        with self._closing:  # a second caller returns when the first is through
            if self._thread.is_running:
                self._thread.wait_for(self._inner.close())
                self._dispatcher.stop()
                self._thread.stop()
            self._closed.set()

    def wait_closed(self, timeout: float | None = None) -> bool:
        """Wait until the router was closed, by another thread or a signal; return whether it was.

        Args:
            timeout: How long to wait, in seconds; ``None`` for ever.
        """
        return self._closed.wait(timeout)

    def drain(self) -> None:
        """Return when there is room for events on their way to other routers."""
        self._thread.wait_for(self._inner.drain())

    def senders(self) -> list[SenderInfo]:
        """Return every connected sender, by name.

        Raises:
            NotConnected: There is no link at the moment.
        """
        self._refuse_if_closed()
        return self._thread.wait_for(self._inner.senders()) if self._thread.is_running else super().senders()

    def peers(self) -> list[Peer]:
        """Return the routers that are connected to the server.

        Raises:
            NotConnected: There is no link at the moment.
        """
        self._refuse_if_closed()
        return self._thread.wait_for(self._inner.peers()) if self._thread.is_running else []

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _request(self, sender: str, method: str, params: Any, timeout: float | None) -> Any:
        self._refuse_if_closed()
        if sender in self._senders:
            return super()._request(sender, method, params, timeout)
        return self._thread.wait_for(self._inner.request(sender, method, params, timeout=timeout))

    def _deliver(self, signal: Signal[Any], data: Any, meta: Mapping[str, str] | None, timeout: float | None) -> int:
        self._refuse_if_closed()
        self._thread.loop_to_wait_for()  # first: what cannot be waited for must not be triggered either
        handed = self._inner._hand_over(signal, data, meta)  # in this thread, as a trigger
        return self._thread.wait_for(self._inner._accepted(signal, handed, timeout))

    def _refuse_if_closed(self) -> None:
        if self._closed.is_set():
            raise RouterClosed("the router was closed; make another one")

    def _settle_sender(self, sender: Sender) -> None:
        self._refuse_if_closed()
        if self._thread.is_running:
            self._thread.wait_for(self._inner._register_sender(sender))

    def _settle_listener(self, listener: Listener) -> None:
        self._refuse_if_closed()
        if self._thread.is_running:
            self._thread.wait_for(self._inner._register_listener(listener))

    def _check_handlers(self, sender: Sender) -> None:
        pass  # 'async def' handlers run on the router's own loop

    def _may_wait(self) -> bool:
        return not has_running_loop()

    def _run_async(self, handler: Handler, params: Any, request: OpenRequest) -> Any:
        async def run() -> Any:
            async with asyncio.timeout(request.time_left_s()):
                return await await_handler(handler, params, request)

        try:
            return self._thread.wait_for(run())
        except TimeoutError as error:
            raise RequestTimeout("the handler did not end in time") from error


class ServerRouter(BlockingRouter):
    """A router that other routers connect to; its own process is one more place for senders and listeners.

    Args:
        endpoints: Where to listen, as URLs; a lone text is one. Loopback addresses, Unix sockets and serial ports
            only, unless ``insecure``.
        codecs: Names of the codecs that clients may choose; by default all that are installed.
        name: What the server calls itself; host name and process number by default.
        on_error: Called with what goes wrong in listeners.
        insecure: Listen where other machines can connect without authentication.
        slow_callback: How long an ``async def`` callback may hold the router's own loop until that is logged, in
            seconds; ``None`` for ever.
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

    _inner: AioServerRouter

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
        **limits: Unpack[LinkKeywords],
    ) -> None:
        super().__init__(on_error)
        self._inner = AioServerRouter(
            endpoints,
            codecs=codecs,
            name=name,
            insecure=insecure,
            session_memory=session_memory,
            keep_memory=keep_memory,
            max_links=max_links,
            max_links_per_identity=max_links_per_identity,
            max_pending=max_pending,
            max_pending_per_source=max_pending_per_source,
            identities=identities,
            anonymous=anonymous,
            plugins=plugins,
            rules=rules,
            audit=audit,
            slow_callback=slow_callback,
            _host=self._host,
            **limits,
        )

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
        server._inner._watch(watched, beside)
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
        self._inner.set_rules(rules, audit=audit)

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
        self._inner.reload()

    @property
    def endpoints(self) -> list[str]:
        """The endpoints really bound, in the order asked for: where port 0 was asked, with the port that was picked."""
        return self._inner.endpoints

    @property
    def codecs(self) -> list[str]:
        """The names of the codecs that clients may choose; empty before ``open``."""
        return self._inner.codecs

    @property
    def counters_by_peer(self) -> list[tuple[Peer, dict[str, int]]]:
        """How many events were lost for each router that is connected, or may come back, by cause."""
        return self._inner.counters_by_peer


class ClientRouter(BlockingRouter):
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
        slow_callback: How long an ``async def`` callback may hold the router's own loop until that is logged, in
            seconds; ``None`` for ever.
        **limits: The fields of ``sigcore.LinkOptions``, where the endpoint's query does not say otherwise.

    Raises:
        EndpointError: The endpoint is malformed, or disagrees with a keyword.
        InsecureEndpoint: A token would go where others can read it.
        SecretError: The secret or the token cannot be had.
        PluginError: The carrier or the codec cannot be had.
    """

    _inner: AioClientRouter

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
        **limits: Unpack[LinkKeywords],
    ) -> None:
        super().__init__(on_error)
        self._inner = AioClientRouter(
            endpoint,
            codec=codec,
            identity=identity,
            secret=secret,
            token=token,
            name=name,
            connect_timeout=connect_timeout,
            slow_callback=slow_callback,
            _host=self._host,
            **limits,
        )

    @property
    def connected(self) -> bool:
        """Whether there is a link and the server knows what is registered here."""
        return self._inner.connected

    @property
    def identity(self) -> str:
        """Who the server takes this router for; empty where it does not know, or there is no session."""
        return self._inner.identity
