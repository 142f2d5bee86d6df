# SPDX-License-Identifier: MIT
"""The asyncio router of one process; those over carriers build on it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, overload

from .. import _router as core
from .._errors import RequestTimeout
from .._open_request import OpenRequest
from .._queue import QUEUE_SIZE
from .._requests import DEFAULT_TIMEOUT_S, is_coroutine_function, run_handler
from .._terms import Terms
from ._answering import await_handler
from ._asking import in_time
from ._home import Home, has_running_loop
from ._mailbox import Mailbox
from ._stream import Stream

if TYPE_CHECKING:
    from types import TracebackType

    from .._info import EventInfo, Peer, Policy, SenderInfo
    from .._listener import Callback, Listener
    from .._requests import Fallback, Handler
    from .._router import OnError
    from .._sender import Sender
    from .._signal import Call, Signal
    from .._terms import OnGap

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., object])


class AsyncCore(core.Router):
    """The tables of an asyncio router: callbacks and handlers may be ``async def``."""

    def __init__(self, *, on_error: OnError | None = None) -> None:
        super().__init__(on_error=on_error)
        self.home = Home()
        self.tasks: set[asyncio.Task[None]] = set()

    def _adapt(self, listener: Listener, type: Any) -> Call:
        if not is_coroutine_function(listener.callback):
            return super()._adapt(listener, type)
        call = core.fitted(listener.callback, type)
        self.home.settle_here()
        mailbox = Mailbox(listener, call, self._report, self.home, self.tasks)  # type: ignore[arg-type]  # a coroutine function
        listener.queue, mailbox.queue.listener = mailbox.queue, listener
        return mailbox

    def _check_handlers(self, sender: Sender) -> None:
        pass  # there is a loop for any

    def _may_wait(self) -> bool:
        return not has_running_loop()


class Router:
    """Carries events and requests between senders and listeners of one process, on one event loop.

    As ``sigcore.Router``, but that callbacks and handlers may be ``async def``. Plain listeners run inline, where the
    event is triggered; each ``async def`` listener has a queue of 1000 events and keeps their order.

    Args:
        on_error: Called with a ``ListenerError`` when a listener fails; it is logged in any case.
    """

    def __init__(self, *, on_error: OnError | None = None) -> None:
        self._begin_with(AsyncCore(on_error=on_error))

    def _begin_with(self, tables: core.Router) -> None:
        self._core = tables
        self._closed = asyncio.Event()
        self._closing: asyncio.Task[None] | None = None
        self._closers: set[asyncio.Task[Any] | None] = set()  # who waits for it: a listener may close its own router

    async def add_sender(
        self,
        name: str,
        events: str | Iterable[str] = (),
        requests: Mapping[str, Handler] | None = None,
        fallback: Fallback | None = None,
        *,
        keep: int | Mapping[str, int] = 0,
    ) -> Sender:
        """Add a sender; arguments and errors are those of ``sigcore.Router.add_sender``."""
        sender = self._core._enter_sender(name, events, requests, fallback, keep)
        try:
            await self._register_sender(sender)
        except BaseException:
            self._core._drop_sender(sender)
            raise
        self._core._announce(sender)
        return sender

    @overload
    async def add_listener(
        self,
        callback: Callable[[EventInfo, T], object],
        sender: str | None = None,
        event: str | None = None,
        *,
        type: type[T],
        on_gap: OnGap | None = None,
        policy: Policy = "block",
        replay: int = 0,
    ) -> Listener: ...
    @overload
    async def add_listener(
        self,
        callback: Callable[[EventInfo, Any], object],
        sender: str | None = None,
        event: str | None = None,
        *,
        type: None = None,
        on_gap: OnGap | None = None,
        policy: Policy = "block",
        replay: int = 0,
    ) -> Listener: ...
    async def add_listener(
        self,
        callback: Callback,
        sender: str | None = None,
        event: str | None = None,
        *,
        type: Any = None,
        on_gap: OnGap | None = None,
        policy: Policy = "block",
        replay: int = 0,
    ) -> Listener:
        """Register ``callback(info, data)``; arguments and errors are those of ``sigcore.Router.add_listener``."""
        listener = self._core._enter_listener(callback, sender, event, type, Terms(on_gap, policy, replay))
        try:
            await self._register_listener(listener)
        except BaseException:
            listener.remove()
            raise
        return listener

    def on(
        self,
        *,
        sender: str | None = None,
        event: str | None = None,
        type: Any = None,
        on_gap: OnGap | None = None,
        policy: Policy = "block",
        replay: int = 0,
    ) -> Callable[[F], F]:
        """Register the decorated function and give it back; a server's refusal goes to ``on_error``."""
        terms = Terms(on_gap, policy, replay)

        def register(function: F) -> F:
            self._register_soon(self._core._enter_listener(function, sender, event, type, terms))
            return function

        return register

    @overload
    def listen(
        self,
        sender: str | None = None,
        event: str | None = None,
        *,
        type: type[T],
        size: int | None = QUEUE_SIZE,
        on_gap: OnGap | None = None,
        policy: Policy = "block",
        replay: int = 0,
    ) -> Stream[T]: ...
    @overload
    def listen(
        self,
        sender: str | None = None,
        event: str | None = None,
        *,
        type: None = None,
        size: int | None = QUEUE_SIZE,
        on_gap: OnGap | None = None,
        policy: Policy = "block",
        replay: int = 0,
    ) -> Stream[Any]: ...
    def listen(
        self,
        sender: str | None = None,
        event: str | None = None,
        *,
        type: Any = None,
        size: int | None = QUEUE_SIZE,
        on_gap: OnGap | None = None,
        policy: Policy = "block",
        replay: int = 0,
    ) -> Stream[Any]:
        """Return a stream for ``async for``; arguments are those of ``sigcore.Router.listen``."""
        home = self._core.home if isinstance(self._core, AsyncCore) else Home()
        home.settle_here()
        stream: Stream[Any] = Stream(size, policy, home)
        terms = Terms(on_gap, policy, replay)
        listener = self._core._enter_listener(stream._put, sender, event, type, terms, stream._queue)
        stream._registered = lambda: self._register_listener(listener)
        self._register_soon(listener)
        return stream

    @overload
    async def request(
        self, sender: str, method: str, params: Any = None, *, timeout: float | None = ..., type: type[T]
    ) -> T: ...
    @overload
    async def request(
        self, sender: str, method: str, params: Any = None, *, timeout: float | None = ..., type: None = None
    ) -> Any: ...
    async def request(
        self,
        sender: str,
        method: str,
        params: Any = None,
        *,
        timeout: float | None = DEFAULT_TIMEOUT_S,
        type: Any = None,
    ) -> Any:
        """Call a method of a sender and return its result; arguments and errors are ``sigcore.Router.request``'s."""
        read = core.reader_of(type)  # first: a type that is not supported must not cost a request
        try:
            result = await self._request(sender, method, params, timeout)
        except RequestTimeout as error:
            why = f": {error}" if error.args else ""  # said by the other side, whose clock was a little ahead
            raise RequestTimeout(f"sender {sender!r} did not answer {method!r} within {timeout} s{why}") from error
        return read(result)

    async def deliver(
        self, signal: Signal[T], data: T, meta: Mapping[str, str] | None = None, *, timeout: float | None = 10.0
    ) -> int:
        """Trigger a signal and return once the event was accepted; as ``sigcore.Router.deliver``."""
        return await self._deliver(signal, data, meta, timeout)

    async def _deliver(
        self, signal: Signal[Any], data: Any, meta: Mapping[str, str] | None, timeout: float | None
    ) -> int:
        return self._core._trigger_here(signal, data, meta)

    async def senders(self) -> list[SenderInfo]:
        """Return every connected sender, by name."""
        return self._core.senders()

    async def peers(self) -> list[Peer]:
        """Return the routers that are connected to this one; none in one process."""
        return []

    async def drain(self) -> None:
        """Return when there is room for events on their way to other routers; at once in one process."""

    async def open(self) -> None:
        """Begin; ``async with`` does it."""

    async def close(self) -> None:
        """End: streams end, and ``async def`` listeners that run are cancelled. May be called twice, and by a listener.

        Over carriers, send first what was accepted, for 5 s at most, then end the links.
        """
        self._closers.add(asyncio.current_task())
        if self._closing is None:
            self._closing = asyncio.get_running_loop().create_task(self._close_down(), name="sigcore close")
        await asyncio.shield(self._closing)

    async def _close_down(self) -> None:
        self._core._close_queues()
        if isinstance(self._core, AsyncCore):
            tasks = self._core.tasks - self._closers
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        self._closed.set()

    async def wait_closed(self) -> None:
        """Return when the router was closed."""
        await self._closed.wait()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    # What the routers over carriers do otherwise.

    async def _register_sender(self, sender: Sender) -> None:
        """Make a sender known to other routers; return when they have answered."""

    async def _register_listener(self, listener: Listener) -> None:
        """Ask other routers for what a listener wants; return when they have answered."""

    def _register_soon(self, listener: Listener) -> None:
        """The same without waiting."""

    async def _request(self, sender: str, method: str, params: Any, timeout: float | None) -> Any:
        """Ask a sender; a ``RequestTimeout`` without a text says that our own clock has ended it."""
        return await self._request_here(self._core._local_sender(sender), method, params, timeout)

    async def _request_here(self, sender: Sender, method: str, params: Any, timeout: float | None) -> Any:
        handler, is_async = sender.handlers.find(sender.name, method)
        request = OpenRequest(timeout=timeout)
        if not is_async:
            return run_handler(handler, params, request)
        return await in_time(await_handler(handler, params, request), timeout)
