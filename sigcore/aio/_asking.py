# SPDX-License-Identifier: MIT
"""A request that this process made, until its answer comes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from .._errors import RequestTimeout, SigError

if TYPE_CHECKING:
    from collections.abc import Coroutine


class Asking:
    """What takes the answer to a request (see ``sigcore.protocol.client_session.Answer``).

    Args:
        future: What it settles, with the body of the answer.
    """

    __slots__ = ("_future",)

    def __init__(self, future: asyncio.Future[bytes]) -> None:
        self._future = future

    def __call__(self, body: bytes | None, error: SigError | None) -> None:
        """Take the answer, or why there is none."""
        if self._future.done():
            return
        if body is not None:
            self._future.set_result(body)
        else:
            self._future.set_exception(error or SigError("no answer"))

    def expire(self) -> None:
        """Its time is over."""
        self(None, RequestTimeout())


async def in_time(answer: Coroutine[Any, Any, Any], timeout: float | None) -> Any:
    """Await an answer for ``timeout`` seconds.

    Raises:
        RequestTimeout: The time is over; its text is empty, unless somebody else said so.
    """
    try:
        async with asyncio.timeout(timeout) as limit:
            return await answer
    except TimeoutError as error:
        if isinstance(error, RequestTimeout) or not limit.expired():
            raise
        raise RequestTimeout from error
