# SPDX-License-Identifier: MIT
"""Requests from links on their way to this process's handlers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Set
from typing import TYPE_CHECKING, Any

from .._errors import Busy, RequestFailed, SenderNotFound, SigError
from .._logging import get_logger
from .._requests import asked_by, request_failed, run_handler
from ..protocol.codes import code_of
from ._workers import Workers

if TYPE_CHECKING:
    from .._codec import Codec
    from .._info import Peer
    from .._requests import Handler
    from .._sender import Sender

_log = get_logger("sigcore.requests")

HANDLER_THREADS = 8
"""How many plain handlers run at a time."""

MAX_WAITING = 256
"""How many requests may wait for a thread before the next is told ``Busy``."""

Reply = Callable[[bytes], Awaitable[None]]
Refuse = Callable[[str, str], None]


class Answering:
    """Runs handlers for requests that come by links: plain ones on worker threads, ``async def`` on the loop.

    Args:
        find: Returns the sender of a name, if this process has it.
        thread_started: Called by each worker thread as it starts.
    """

    def __init__(self, find: Callable[[str], Sender | None], thread_started: Callable[[], None]) -> None:
        self._find = find
        self._workers = Workers(HANDLER_THREADS, thread_started)
        self._tasks: dict[object, asyncio.Task[None]] = {}

    def answer(
        self,
        call: object,
        sender: str,
        method: str,
        asking: Peer | None,
        codec: Codec,
        params: bytes,
        reply: Reply,
        refuse: Refuse,
    ) -> None:
        """Have a request answered; exactly one of ``reply`` and ``refuse`` is called, on the loop, unless withdrawn.

        Args:
            call: Stands for the request when it is withdrawn.
            sender: Whom it is for.
            method: Which method.
            asking: Who asks.
            codec: The codec of the parameters and of the result.
            params: The parameters.
            reply: Takes the result; it may wait for room.
            refuse: Takes a code and a message instead.
        """
        task = asyncio.get_running_loop().create_task(
            self._answer(sender, method, asking, codec, params, reply, refuse),
            name=f"sigcore request {sender}.{method}",
        )
        self._tasks[call] = task
        task.add_done_callback(lambda _task: self._tasks.pop(call, None))

    def withdraw(self, call: object) -> None:
        """Nobody waits for that answer any more: cancel an ``async def`` handler, ignore what a plain one returns."""
        task = self._tasks.get(call)
        if task is not None:
            task.cancel()

    async def close(self, keep: Set[asyncio.Task[Any] | None]) -> None:
        """Cancel what runs on the loop but ``keep``; threads finish by themselves and nobody waits for them."""
        tasks = set(self._tasks.values()) - keep
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._workers.close()

    async def _answer(
        self, sender: str, method: str, asking: Peer | None, codec: Codec, params: bytes, reply: Reply, refuse: Refuse
    ) -> None:
        try:
            await reply(await self._result(sender, method, asking, codec, params))
        except SigError as error:
            refuse(code_of(error), str(error))
        except Exception as error:  # noqa: BLE001  # whoever asked must hear of it, whatever it is
            _log.exception("request %s.%s could not be answered", sender, method)
            refuse("request_failed", f"{type(error).__name__}: {error}")

    async def _result(self, sender: str, method: str, asking: Peer | None, codec: Codec, params: bytes) -> bytes:
        found = self._find(sender)
        if found is None:
            raise SenderNotFound(f"sender {sender!r} was removed")
        handler, is_async = found.handlers.find(sender, method)
        value = codec.decode(params)
        if is_async:
            return codec.encode(await await_handler(handler, value, asking))
        return await self._run(lambda: codec.encode(_run_to_its_end(handler, value, asking)))

    async def _run(self, function: Callable[[], bytes]) -> bytes:
        most = HANDLER_THREADS + MAX_WAITING
        if self._workers.open >= most:
            raise Busy(f"{self._workers.open} requests run or wait for a thread here, at most {most} may")
        return await asyncio.wrap_future(self._workers.submit(function))


async def await_handler(handler: Handler, params: Any, asking: Peer | None = None) -> Any:
    """Await an ``async def`` handler; whatever it raises becomes ``RequestFailed``, unless the task was cancelled."""
    with asked_by(asking):
        try:
            return await handler(params)
        except BaseException as error:
            task = asyncio.current_task()
            if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
                raise
            raise request_failed(error) from error


def _run_to_its_end(handler: Handler, params: Any, asking: Peer | None) -> Any:
    """Call a plain handler on a thread of ours, where nothing that it raises may go further."""
    try:
        return run_handler(handler, params, asking)
    except RequestFailed:
        raise
    except BaseException as error:
        raise request_failed(error) from error
