# SPDX-License-Identifier: MIT
"""Requests from links on their way to this process's handlers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .._errors import Busy, RequestError, RequestTimeout, SenderNotFound, SigError
from .._logging import get_logger
from .._open_request import OpenRequest
from .._requests import request_failed, run_handler
from ..protocol.codes import code_of
from ._results import write_result
from ._workers import Workers

if TYPE_CHECKING:
    from .._codec import Codec
    from .._drops import Drops
    from .._info import Peer
    from .._requests import Handler
    from .._sender import Sender

_log = get_logger("sigcore.requests")

HANDLER_THREADS = 8
"""How many plain handlers run at a time."""

MAX_WAITING = 256
"""How many requests may wait for a thread before the next is told ``Busy``."""

MAX_AWAITED = 256
"""How many ``async def`` handlers may run at a time before the next request is told ``Busy``."""

Reply = Callable[[bytes], Awaitable[None]]
Refuse = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and how its parameters and its result are written."""

    sender: str
    method: str
    codec: Codec
    params: bytes
    request: OpenRequest

    def __str__(self) -> str:
        return f"{self.sender}.{self.method}"


class Answering:
    """Runs handlers for requests that come by links: plain ones on worker threads, ``async def`` on the loop.

    A request is given up at its deadline: one that still waits for a thread then is never executed.

    Args:
        find: Returns the sender of a name, if this process has it.
        thread_started: Called by each worker thread as it starts.
        drops: Counts the requests whose time was over before their handler could begin.
    """

    def __init__(self, find: Callable[[str], Sender | None], thread_started: Callable[[], None], drops: Drops) -> None:
        self._find = find
        self._drops = drops
        self._workers = Workers(HANDLER_THREADS, thread_started)
        self._awaited = 0
        self._open: dict[object, tuple[OpenRequest, asyncio.Task[None]]] = {}

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
        deadline_s: float | None = None,
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
            deadline_s: When nobody waits for the answer any more, by the loop's clock; ``None`` for never.
        """
        loop = asyncio.get_running_loop()
        request = OpenRequest(asking, None if deadline_s is None else deadline_s - loop.time())
        question = Question(sender, method, codec, params, request)
        task = loop.create_task(self._answer(call, question, reply, refuse), name=f"sigcore request {question}")
        self._open[call] = (request, task)
        task.add_done_callback(lambda _task: self._open.pop(call, None))

    def withdraw(self, call: object) -> None:
        """Nobody waits for that answer any more: cancel an ``async def`` handler, let a plain one know if it asks."""
        found = self._open.pop(call, None)
        if found is not None:
            request, task = found
            request.is_given_up = True
            task.cancel()

    async def close(self, keep: Set[asyncio.Task[Any] | None]) -> None:
        """Give up what runs, but for the tasks to ``keep``; threads finish by themselves and nobody waits for them."""
        tasks = {call: task for call, (_request, task) in self._open.items() if task not in keep}
        for call in tasks:
            self.withdraw(call)
        await asyncio.gather(*tasks.values(), return_exceptions=True)
        self._workers.close()

    async def _answer(self, call: object, question: Question, reply: Reply, refuse: Refuse) -> None:
        try:
            await reply(await self._result_in_time(question))
        except SigError as error:
            refuse(code_of(error), str(error))
        except asyncio.CancelledError:
            if call in self._open:  # by nobody who may: the handler cancelled the task that it runs in
                refuse("request_failed", f"the handler of '{question}' was cancelled")
            raise
        except Exception as error:  # noqa: BLE001  # whoever asked must hear of it, whatever it is
            _log.exception("request %s could not be answered", question)
            refuse("request_failed", f"{type(error).__name__}: {error}")

    async def _result_in_time(self, question: Question) -> bytes:
        request = question.request
        try:
            async with asyncio.timeout(request.time_left_s()) as limit:
                result = await self._result(question)
        except TimeoutError:  # that of the limit, or the OpenRequest's own
            raise self._too_late(request) from None
        if limit.expired():  # an 'async def' handler that does not let itself be cancelled
            raise self._too_late(request)
        return result

    def _too_late(self, request: OpenRequest) -> RequestTimeout:
        request.is_given_up = True
        if request.was_begun:
            return RequestTimeout("its handler had begun, and may have done its work")
        text = "a request's time was over before its handler could begin; it was not executed"
        self._drops.count("request_expired", text)
        return RequestTimeout("its handler could not begin by then, and was not called")

    async def _result(self, question: Question) -> bytes:
        sender, codec, request = self._find(question.sender), question.codec, question.request
        if sender is None:
            raise SenderNotFound(f"sender {question.sender!r} was removed")
        handler, is_async = sender.handlers.find(question.sender, question.method)
        params = codec.decode(question.params)
        if is_async:
            return write_result(codec, await self._await(handler, params, request))
        return await self._run(lambda: write_result(codec, _run_to_its_end(handler, params, request)))

    async def _await(self, handler: Handler, params: Any, request: OpenRequest) -> Any:
        if self._awaited >= MAX_AWAITED:
            raise Busy(f"{self._awaited} 'async def' handlers run here, and no more may")
        self._awaited += 1
        try:
            return await await_handler(handler, params, request)
        finally:
            self._awaited -= 1

    async def _run(self, function: Callable[[], bytes]) -> bytes:
        most = HANDLER_THREADS + MAX_WAITING
        if self._workers.open >= most:
            raise Busy(f"{self._workers.open} requests run or wait for a thread here, and no more may")
        return await asyncio.wrap_future(self._workers.submit(function))


async def await_handler(handler: Handler, params: Any, request: OpenRequest) -> Any:
    """Await an ``async def`` handler; whatever it raises becomes ``RequestFailed``, unless the task was cancelled.

    Raises:
        RequestTimeout: The request is over; the handler was not called.
    """
    with request.begun():
        try:
            return await handler(params)
        except BaseException as error:
            task = asyncio.current_task()
            if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
                request.is_given_up = True
                raise
            raise request_failed(error) from error


def _run_to_its_end(handler: Handler, params: Any, request: OpenRequest) -> Any:
    """Call a plain handler on a thread of ours, where nothing that it raises may go further."""
    try:
        return run_handler(handler, params, request)
    except RequestError:
        raise
    except BaseException as error:
        raise request_failed(error) from error
