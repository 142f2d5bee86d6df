# SPDX-License-Identifier: MIT
"""The threads that run request handlers: a job is done once, or refused and never done."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from sigcore.aio._workers import Workers

LIMIT_S = 10.0


class Task:
    """A job that takes down what becomes of it."""

    def __init__(self, log: list[str], name: str, worked: Callable[[], None] = lambda: None) -> None:
        self._log = log
        self._name = name
        self._worked = worked

    def work(self) -> None:
        self._log.append(f"{self._name} works")

    def worked(self) -> None:
        self._log.append(f"{self._name} worked")
        self._worked()


async def until(log: list[str], entry: str) -> None:
    async with asyncio.timeout(LIMIT_S):
        while entry not in log:  # noqa: ASYNC110  # there is nothing to await
            await asyncio.sleep(0.001)


def test_a_job_for_which_no_thread_is_to_be_had_is_refused_and_never_done(monkeypatch: pytest.MonkeyPatch) -> None:
    log: list[str] = []

    def no_more(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async def scenario() -> None:
        workers = Workers(2, lambda: None)
        with monkeypatch.context() as without_threads:
            without_threads.setattr(threading.Thread, "start", no_more)
            with pytest.raises(RuntimeError, match="new thread"):
                workers.submit(Task(log, "first"))
        workers.submit(Task(log, "second"))
        await until(log, "second worked")
        assert workers.open == 0
        workers.close()

    asyncio.run(scenario())
    assert log == ["second works", "second worked"]


def test_jobs_behind_one_that_ends_the_program_are_done_all_the_same() -> None:
    log: list[str] = []
    complaints: list[object] = []

    def fail() -> None:
        raise ValueError("the first")

    async def scenario() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: complaints.append(context["exception"]))
        workers = Workers(1, lambda: None)
        workers.submit(Task(log, "first", fail))
        workers.submit(Task(log, "second"))
        while "second works" not in log:  # so that both ends are told together
            pass
        await until(log, "second worked")
        workers.close()

    asyncio.run(scenario())
    assert log[-2:] == ["first worked", "second worked"]
    assert [type(error) for error in complaints] == [ValueError]
