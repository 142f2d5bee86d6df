# SPDX-License-Identifier: MIT
"""Requests from links on their way to this process's handlers."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Generator, Set
from contextvars import copy_context
from types import coroutine
from typing import TYPE_CHECKING, Any

from .._errors import Busy, RequestTimeout, SenderNotFound, SigError
from .._logging import get_logger
from .._requests import request_failed, run_handler
from ..protocol.codes import code_of
from ._deadlines import Deadlines
from ._results import write_result
from ._workers import Workers

if TYPE_CHECKING:
    from .._drops import Drops
    from .._open_request import OpenRequest
    from .._requests import Answerer, Handler
    from ._question import Question

_log = get_logger("sigcore.requests")

HANDLER_THREADS = 8
"""How many plain handlers run at a time."""

MAX_WAITING = 256
"""How many requests may wait for a thread before the next is told ``Busy``."""

MAX_AWAITED = 256
"""How many ``async def`` handlers may run at a time before the next request is told ``Busy``."""


class Answering:
    """Runs handlers for requests that come by links: plain ones on worker threads, ``async def`` on the loop.

    One task begins all that is asked within a turn of the loop, one after the other. An ``async def`` handler that
    waits keeps that task for itself, and another task begins the rest; so most requests cost no task of their own.

    A request is given up at its deadline: one that still waits for a thread then is never executed.

    Args:
        find: Returns the sender of a name, if this process has it.
        thread_started: Called by each worker thread as it starts.
        drops: Counts the requests whose time was over before their handler could begin.
    """

    def __init__(
        self, find: Callable[[str], Answerer | None], thread_started: Callable[[], None], drops: Drops
    ) -> None:
        self._find = find
        self._drops = drops
        self._workers = Workers(HANDLER_THREADS, thread_started)
        self._awaited = 0
        self._open: set[Question] = set()
        self._deadlines = Deadlines(self._open, self._expire)
        self._fresh: deque[Question] = deque()  # what was asked and is not begun
        self._beginner: asyncio.Task[None] | None = None  # the task that begins it

    def answer(self, question: Question) -> None:
        """Have a request answered; its desk gets a result or a refusal, on the loop, unless it is withdrawn."""
        self._open.add(question)
        if question.deadline_s is not None:
            self._deadlines.put(question.deadline_s, question)
        self._fresh.append(question)
        if self._beginner is None:
            self._begin_soon()

    def withdraw(self, question: Question) -> None:
        """Nobody waits for that answer any more: cancel an ``async def`` handler, let a plain one know if it asks."""
        if question in self._open:
            self._open.discard(question)
            self._give_up(question)

    async def close(self, keep: Set[asyncio.Task[Any] | None]) -> None:
        """Give up what runs, but for the tasks to ``keep``; threads finish by themselves and nobody waits for them."""
        given_up = [question for question in self._open if question.task is None or question.task not in keep]
        for question in given_up:
            self.withdraw(question)
        tasks = {question.task for question in given_up if question.task is not None}
        await asyncio.gather(*tasks, return_exceptions=True)
        self._deadlines.close()
        self._workers.close()

    # on the loop

    def _begin_soon(self) -> None:
        self._beginner = asyncio.get_running_loop().create_task(self._begin_fresh(), name="sigcore requests")

    async def _begin_fresh(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        try:
            while self._fresh and self._beginner is task and not task.cancelling():
                question = self._fresh.popleft()
                if question in self._open:
                    await self._begin(question, task)
        finally:
            if self._beginner is task:
                self._leave_the_rest()

    def _leave_the_rest(self) -> None:
        """This task is the handler's own from now on: have another one begin the rest."""
        self._beginner = None
        if self._fresh:
            self._begin_soon()

    async def _begin(self, question: Question, task: asyncio.Task[Any]) -> None:
        """Have a request answered: by a thread later on, or here and now."""
        try:
            sender = self._find(question.sender)
            if sender is None:
                raise SenderNotFound(f"sender {question.sender!r} was removed")
            handler, is_async = sender.handlers.find(question.sender, question.method)
            params = question.codec.decode(question.params)
            if is_async:
                question.task = task
                self._reply(question, write_result(question.codec, await self._await(handler, params, question)))
            else:
                self._submit(PlainCall(question, handler, params, self._called))
        except asyncio.CancelledError:
            if question.is_late:
                self._refuse_late(question)
                return
            # Perhaps by nobody who may: the handler cancelled the task that it runs in.
            self._refuse(question, "request_failed", f"the handler of '{question}' was cancelled")
            raise
        except Exception as error:  # noqa: BLE001  # whoever asked must hear of it, whatever it is
            self._fail(question, error)

    async def _await(self, handler: Handler, params: Any, question: Question) -> Any:
        if self._awaited >= MAX_AWAITED:
            raise Busy(f"{self._awaited} 'async def' handlers run here, and no more may")
        self._awaited += 1
        try:
            return await _run_apart(await_handler(handler, params, question.request), self._leave_the_rest)
        finally:
            self._awaited -= 1

    def _submit(self, call: PlainCall) -> None:
        most = HANDLER_THREADS + MAX_WAITING
        if self._workers.open >= most:
            raise Busy(f"{self._workers.open} requests run or wait for a thread here, and no more may")
        call.question.job = call
        self._workers.submit(call)

    def _called(self, call: PlainCall) -> None:
        question = call.question
        if question.deadline_s is not None and asyncio.get_running_loop().time() >= question.deadline_s:
            self._refuse_late(question)
        elif call.error is None:
            self._reply(question, call.result)
        else:
            self._fail(question, call.error)

    def _expire(self, question: Question) -> None:
        if question.task is not None:
            question.is_late = True  # told once the handler has ended
            question.task.cancel()
        else:
            self._give_up(question)
            self._refuse_late(question)

    def _give_up(self, question: Question) -> None:
        question.request.is_given_up = True
        if question.task is not None:
            question.task.cancel()
        elif question.job is not None:
            self._workers.forget(question.job)

    # answers

    def _reply(self, question: Question, result: bytes) -> None:
        if question.is_late:  # an 'async def' handler that does not let itself be cancelled
            self._refuse_late(question)
        elif question in self._open:
            self._open.discard(question)
            question.desk.reply(question, result)

    def _refuse(self, question: Question, code: str, message: str) -> None:
        if question in self._open:
            self._open.discard(question)
            question.desk.refuse(question, code, message)

    def _fail(self, question: Question, error: BaseException) -> None:
        if isinstance(error, RequestTimeout):
            self._refuse_late(question)
        elif isinstance(error, SigError):
            self._refuse(question, code_of(error), str(error))
        else:
            _log.error("request %s could not be answered", question, exc_info=error)
            self._refuse(question, "request_failed", f"{type(error).__name__}: {error}")

    def _refuse_late(self, question: Question) -> None:
        if question not in self._open:
            return
        question.request.is_given_up = True
        if question.request.was_begun:
            text = "its handler had begun, and may have done its work"
        else:
            text = "its handler could not begin by then, and was not called"
            counted = "a request's time was over before its handler could begin; it was not executed"
            self._drops.count("request_expired", counted)
        self._refuse(question, "request_timeout", text)


class PlainCall:
    """A plain handler's call on a thread, and what came of it.

    Args:
        question: What is asked.
        handler: The handler.
        params: What it is called with.
        called: Called with this on the loop afterwards.

    Attributes:
        question: What is asked.
        result: The result, in the question's codec.
        error: Why there is none.
    """

    __slots__ = ("_called", "_handler", "_params", "error", "question", "result")

    def __init__(self, question: Question, handler: Handler, params: Any, called: Callable[[PlainCall], None]) -> None:
        self.question = question
        self._handler = handler
        self._params = params
        self._called = called
        self.result = b""
        self.error: BaseException | None = None

    def work(self) -> None:
        """Call the handler, on a thread of ours, where nothing that it raises may go further."""
        question = self.question
        try:
            self.result = write_result(question.codec, self._run())
        except BaseException as error:  # noqa: BLE001  # as said
            self.error = error

    def _run(self) -> Any:
        try:
            return run_handler(self._handler, self._params, self.question.request)
        except KeyboardInterrupt as error:  # raised by the handler: the real one comes to the main thread
            raise request_failed(error) from error

    def worked(self) -> None:
        """See what came of it."""
        self._called(self)


async def await_handler(handler: Handler, params: Any, request: OpenRequest) -> Any:
    """Await an ``async def`` handler; whatever it raises becomes ``RequestFailed``, unless the task was cancelled.

    Raises:
        RequestTimeout: The request is over; the handler was not called.
    """
    with request:
        try:
            return await handler(params)
        except BaseException as error:
            task = asyncio.current_task()
            if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
                request.is_given_up = True
                raise
            raise request_failed(error) from error


@coroutine
def _run_apart(steps: Coroutine[Any, Any, Any], waits: Callable[[], None]) -> Generator[Any, Any, Any]:
    """Run a coroutine in the present task, but in a context of its own; ``waits`` is called when it first waits."""
    run = copy_context().run
    try:
        awaited = run(steps.send, None)
        waits()
        while True:
            try:
                value = yield awaited
            except BaseException as error:  # noqa: BLE001  # the task is cancelled, or thrown away
                awaited = run(steps.throw, error)
            else:
                awaited = run(steps.send, value)
    except StopIteration as end:
        return end.value
