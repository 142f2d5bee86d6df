# SPDX-License-Identifier: MIT
"""A request while it is answered, and what its handler may ask of it from wherever it runs."""

from __future__ import annotations

import time
from contextvars import ContextVar, Token
from typing import TYPE_CHECKING

from ._errors import RequestTimeout

if TYPE_CHECKING:
    from types import TracebackType

    from ._info import Peer


def caller() -> Peer | None:
    """Return the router that asks, from within a request handler.

    ``None`` when the request comes from this process, and outside of a handler.
    """
    request = _open.get()
    return None if request is None else request.asking


def cancelled() -> bool:
    """Whether whoever asks has given up, from within a request handler: cancelled, out of time, or gone.

    An ``async def`` handler is cancelled then. A plain function cannot be, so one that works for long should look here
    now and then, and return: nobody takes its result any more. Threads that a handler starts with
    ``asyncio.to_thread`` may look too. ``False`` outside of a handler.
    """
    request = _open.get()
    return request is not None and request.is_over


def time_left() -> float | None:
    """Return for how many seconds whoever asks still waits, from within a request handler; 0.0 when that is over.

    A handler that asks somebody else in turn hands it on: ``timeout=sigcore.time_left()``. ``None`` when there is no
    limit, and outside of a handler.
    """
    request = _open.get()
    return None if request is None else request.time_left_s()


class OpenRequest:
    """One request until it is answered; its handler runs within ``with request:``, once.

    Args:
        asking: Who asks; ``None`` for this process.
        timeout: For how long, in seconds; ``None`` for no limit.

    Attributes:
        asking: Who asks.
        is_given_up: Whether nobody waits for the answer any more; set from any thread.
        was_begun: Whether its handler was called.
    """

    __slots__ = ("_deadline_s", "_token", "asking", "is_given_up", "was_begun")

    _token: Token[OpenRequest | None]

    def __init__(self, asking: Peer | None = None, timeout: float | None = None) -> None:
        self._deadline_s = None if timeout is None else time.monotonic() + timeout
        self.asking = asking
        self.is_given_up = False
        self.was_begun = False

    @property
    def is_over(self) -> bool:
        """Whether nobody waits for the answer any more, or the time for it has passed."""
        return self.is_given_up or (self._deadline_s is not None and time.monotonic() >= self._deadline_s)

    def time_left_s(self) -> float | None:
        """Return how much of its time is left, 0.0 at the least; ``None`` for no limit."""
        return None if self._deadline_s is None else max(0.0, self._deadline_s - time.monotonic())

    def __enter__(self) -> None:
        """Let the handler that runs within the block ask for this request.

        Raises:
            RequestTimeout: It is over; the handler must not run.
        """
        if self.is_over:
            raise RequestTimeout("no time was left when the handler could have begun; it was not called")
        self.was_begun = True
        self._token = _open.set(self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _open.reset(self._token)
        if not self.is_given_up:
            self._deadline_s = None  # answered: what the handler leaves running is not told that time is over


_open: ContextVar[OpenRequest | None] = ContextVar("sigcore_open_request", default=None)
