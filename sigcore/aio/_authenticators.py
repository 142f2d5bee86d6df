# SPDX-License-Identifier: MIT
"""Asks plug-ins who somebody is: off the loop, in the time of the handshake, and whatever they do."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from .._errors import InvalidName
from .._identity import Evidence, check_identity
from .._shown import HIDDEN, described, one_line
from ..protocol.gate import Verdict

if TYPE_CHECKING:
    from .._plugins import LoadedPlugin

HOOK = "sig_authenticate"

MOST_THREADS = 64
"""How many calls may be under way, those that never return among them."""


class Authenticators:
    """Plug-ins that may know who somebody is, in the order in which they are asked.

    Each call has a thread of its own, so that one that hangs holds up nobody but whoever it is about.

    Args:
        plugins: Those that have the hook.
    """

    def __init__(self, plugins: Sequence[LoadedPlugin]) -> None:
        self._plugins = plugins
        self._running = 0
        self._lock = threading.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    def ask(self, evidence: Evidence, left_s: float, tell: Callable[[Verdict, float], None]) -> None:
        """Ask them, for so many seconds; ``tell`` gets the verdict, and the time, on the loop."""
        task = asyncio.get_running_loop().create_task(self._ask(evidence, left_s, tell), name="sigcore authentication")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Ask no more; nobody waits for what hangs."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _ask(self, evidence: Evidence, left_s: float, tell: Callable[[Verdict, float], None]) -> None:
        verdict = Verdict()
        try:
            async with asyncio.timeout(left_s):
                for plugin in self._plugins:
                    verdict = await self._ask_one(plugin, evidence)
                    if verdict.identity or verdict.fault:
                        break
        except TimeoutError:
            verdict = Verdict(fault=f"the plug-ins did not answer within {left_s:.3g} s")
        tell(verdict, asyncio.get_running_loop().time())

    async def _ask_one(self, plugin: LoadedPlugin, evidence: Evidence) -> Verdict:
        try:
            found = await self._in_thread(lambda: plugin.call(HOOK, evidence=evidence))
            if inspect.isawaitable(found):
                found = await found
            return Verdict() if found is None else Verdict(check_identity(found))
        except InvalidName as error:
            fault = f"it gave what is no identity: {error}"
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            fault = "it was cancelled"
        except BaseException as error:  # noqa: BLE001  # not even SystemExit of a plug-in is more than its own fault
            fault = described(error) + _place(error)
        return Verdict(fault=f"plug-in {plugin.name!r}: {one_line(_without_secrets(fault, evidence))}")

    async def _in_thread(self, call: Callable[[], Any]) -> Any:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Any] = loop.create_future()

        def settle(result: Any, error: BaseException | None) -> None:
            if answer.done():
                _forget(result)
            elif error is not None:
                answer.set_exception(_Raised(error))
            else:
                answer.set_result(result)

        def work() -> None:
            result, fault = None, None
            try:
                result = call()
            except BaseException as error:  # noqa: BLE001  # told where it was called
                fault = error
            with self._lock:
                self._running -= 1
            with suppress(RuntimeError):  # the loop was closed meanwhile
                loop.call_soon_threadsafe(settle, result, fault)

        with self._lock:
            if self._running >= MOST_THREADS:
                raise RuntimeError(f"{MOST_THREADS} calls of plug-ins have not returned yet")
            self._running += 1
        try:
            threading.Thread(target=work, name="sigcore-authentication", daemon=True).start()
        except RuntimeError:  # no more threads are to be had
            with self._lock:
                self._running -= 1
            raise
        try:
            return await answer
        except _Raised as raised:
            raise raised.error from None


class _Raised(Exception):
    """Carries what a plug-in raised, which may be what no future takes, such as StopIteration."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error


def _forget(result: Any) -> None:
    """Let go of an answer that came too late; a coroutine in it was never begun."""
    if inspect.iscoroutine(result):
        result.close()


def _place(error: BaseException) -> str:
    """Return where an exception was raised, for the plug-in's author."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f" ({trace.tb_frame.f_code.co_filename}, line {trace.tb_lineno})"


def _without_secrets(text: str, evidence: Evidence) -> str:
    """Return ``text``, which a plug-in wrote, without anything of what the other side said in confidence."""
    for secret in sorted(_texts(evidence.fields), key=len, reverse=True):
        text = text.replace(secret, HIDDEN).replace(repr(secret)[1:-1], HIDDEN)
    return text


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        if value:
            yield value
    elif isinstance(value, Mapping):
        for name, each in value.items():
            if name != "method":
                yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
