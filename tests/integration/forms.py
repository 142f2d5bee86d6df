# SPDX-License-Identifier: MIT
"""Routers of both forms behind the same calls, so that one scenario tests both."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from operator import attrgetter
from typing import Any

import sigcore
import sigcore.aio

from ..waiting import LIMIT_S

FORMS = ["blocking", "asyncio"]


class BlockingPeer:
    """A blocking router, opened."""

    def __init__(self, kind: str, *args: Any, **options: Any) -> None:
        self.router: Any = attrgetter(kind)(sigcore)(*args, **options)
        self.router.open()

    def do(self, function: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """Call something of the router's, or of what it gave."""
        return function(*args, **options)

    def close(self) -> None:
        self.router.close()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.router, name)
        return lambda *args, **options: self.do(method, *args, **options)


class AsyncioPeer:
    """An asyncio router, opened, on a loop in a thread of its own; whatever is called is called on that loop."""

    def __init__(self, kind: str, *args: Any, **options: Any) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run_loop, name=f"loop of a {kind}")
        self._thread.start()
        try:
            self.router: Any = self.do(attrgetter(kind)(sigcore.aio), *args, **options)
            self.do(self.router.open)
        except BaseException:
            self._stop()
            raise

    def do(self, function: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """Call something of the router's, or of what it gave, and wait for what it waits for."""

        async def call() -> Any:
            result = function(*args, **options)
            return await result if asyncio.iscoroutine(result) else result

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result(2 * LIMIT_S)

    def close(self) -> None:
        if not self._loop.is_closed():
            self.do(self.router.close)
            self._stop()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.router, name)
        return lambda *args, **options: self.do(method, *args, **options)

    def _run_loop(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._live())

    async def _live(self) -> None:
        self._end = asyncio.Event()
        await self._end.wait()

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(lambda: self._end.set())
        self._thread.join(LIMIT_S)


Peer = BlockingPeer | AsyncioPeer


def make_peer(form: str, kind: str, *args: Any, **options: Any) -> Peer:
    """Return an opened ``ServerRouter`` or ``ClientRouter`` of a form, or what such a class method gives."""
    return (BlockingPeer if form == "blocking" else AsyncioPeer)(kind, *args, **options)
