# SPDX-License-Identifier: MIT
"""Requests from links on their way to this process's handlers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from .._errors import Busy, SenderNotFound, SigError
from .._logging import get_logger
from .._requests import await_handler, run_handler
from ..protocol.codes import code_of

if TYPE_CHECKING:
    from .._codec import Codec
    from .._info import Peer
    from .._sender import Sender

_log = get_logger("sigcore.requests")

HANDLER_THREADS = 8
"""How many plain handlers run at a time."""

MAX_WAITING = 256
"""How many requests may wait for a thread before the next is told ``Busy``."""

Reply = Callable[[bytes], None]
Refuse = Callable[[str, str], None]


class Answering:
    """Runs handlers for requests that come by links: plain ones on worker threads, ``async def`` on the loop.

    Args:
        find: Returns the sender of a name, if this process has it.
        thread_started: Called by each worker thread as it starts.
    """

    def __init__(self, find: Callable[[str], Sender | None], thread_started: Callable[[], None]) -> None:
        self._find = find
        self._thread_started = thread_started
        self._pool: ThreadPoolExecutor | None = None
        self._tasks: dict[object, asyncio.Task[None]] = {}
        self._open = 0
        self._lock = threading.Lock()

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
            reply: Takes the result.
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

    async def close(self) -> None:
        """Cancel what runs on the loop; threads finish by themselves and nobody waits for them."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None

    async def _answer(
        self, sender: str, method: str, asking: Peer | None, codec: Codec, params: bytes, reply: Reply, refuse: Refuse
    ) -> None:
        try:
            reply(await self._result(sender, method, asking, codec, params))
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
        return await self._run(lambda: codec.encode(run_handler(handler, value, asking)))

    async def _run(self, function: Callable[[], bytes]) -> bytes:
        if self._open >= HANDLER_THREADS + MAX_WAITING:
            raise Busy(
                f"{self._open} requests run or wait for a thread here, at most {HANDLER_THREADS + MAX_WAITING} may"
            )
        if self._pool is None:
            self._pool = ThreadPoolExecutor(HANDLER_THREADS, "sigcore-handler", self._thread_started)
        with self._lock:
            self._open += 1
        future = self._pool.submit(function)
        future.add_done_callback(self._finished)
        return await asyncio.wrap_future(future)

    def _finished(self, _future: object) -> None:
        with self._lock:  # called by the worker's thread
            self._open -= 1
