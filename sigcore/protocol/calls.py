# SPDX-License-Identifier: MIT
"""Requests that are open on the server: who asked, who was asked, until when."""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Set

    from .._codec import Codec


End = TypeVar("End")


class Asker(Protocol):
    """Who made a request: a session, or the server's own process."""

    max_requests: int

    def take_reply(self, request_id: int, codec: Codec, result: bytes) -> None:
        """Take the result, in ``codec``."""

    def take_error(self, request_id: int, code: str, message: str) -> None:
        """Take the reason why there is no result."""


class Answerer(Protocol):
    """Who holds the sender that is asked: a session, or the server's own process."""

    max_requests: int

    def ask(
        self, call_id: int, sender: str, method: str, asking: Asker, timeout_ms: int, codec: Codec, params: bytes
    ) -> None:
        """Have the request answered; ``params`` are in ``codec``.

        Raises:
            CodecError: The parameters have no form in the codec of whoever is asked.
            Busy: Too much waits for whoever is asked.
        """

    def withdraw(self, call_id: int) -> None:
        """The answer is not wanted any more."""

    def unwritten_requests(self) -> Set[int]:
        """Return the numbers of the requests that wait to be passed on."""


@dataclass(slots=True, eq=False)
class Call:
    """One open request.

    Attributes:
        asker: Who made it, and under which number there.
        answerer: Who answers it, and under which number there.
        deadline_s: When it expires; ``None`` for never.
    """

    asker: Asker
    request_id: int
    answerer: Answerer
    call_id: int
    sender: str
    method: str
    deadline_s: float | None


class Calls:
    """The open requests, found from either end; an answer is taken once, and only from whoever was asked."""

    def __init__(self) -> None:
        self._open: dict[int, Call] = {}
        self._by_asker: dict[Asker, dict[int, Call]] = {}
        self._by_answerer: dict[Answerer, dict[int, Call]] = {}
        self._ids = itertools.count()
        # By number, so that one which was answered long before its deadline keeps nobody in memory.
        self._deadlines: list[tuple[float, int]] = []

    def __len__(self) -> int:
        return len(self._open)

    def is_open(self, asker: Asker, request_id: int) -> bool:
        """Whether the asker uses that number already."""
        return request_id in self._by_asker.get(asker, ())

    def is_busy(self, asker: Asker, answerer: Answerer) -> bool:
        """Whether either end has as many open requests as it may."""
        asked, answering = self._by_asker.get(asker, ()), self._by_answerer.get(answerer, ())
        return len(asked) >= asker.max_requests or len(answering) >= answerer.max_requests

    def open(
        self, asker: Asker, request_id: int, answerer: Answerer, sender: str, method: str, deadline_s: float | None
    ) -> Call:
        """Enter a request and give it its number at the answerer."""
        call_id = self._free_id()
        call = self._open[call_id] = Call(asker, request_id, answerer, call_id, sender, method, deadline_s)
        _enter(self._by_asker, asker, request_id, call)
        _enter(self._by_answerer, answerer, call_id, call)
        if deadline_s is not None:
            heapq.heappush(self._deadlines, (deadline_s, call_id))
            if len(self._deadlines) > 64 + 2 * len(self._open):
                self._sweep()
        return call

    def close(self, call: Call) -> None:
        """Take a request out."""
        del self._open[call.call_id]
        _drop(self._by_asker, call.asker, call.request_id)
        _drop(self._by_answerer, call.answerer, call.call_id)

    def of_answerer(self, answerer: Answerer, call_id: int) -> Call | None:
        """Return the open request that ``answerer`` knows by that number."""
        call = self._open.get(call_id)
        return call if call is not None and call.answerer is answerer else None

    def of_asker(self, asker: Asker, request_id: int) -> Call | None:
        """Return the open request that ``asker`` knows by that number."""
        return self._by_asker.get(asker, {}).get(request_id)

    def of(self, asker: Asker) -> list[Call]:
        """Return the open requests that ``asker`` made."""
        return list(self._by_asker.get(asker, {}).values())

    def all(self) -> list[Call]:
        """Return every open request."""
        return list(self._open.values())

    def of_sender(self, answerer: Answerer, sender: str) -> list[Call]:
        """Return the open requests to one sender."""
        return [call for call in self._by_answerer.get(answerer, {}).values() if call.sender == sender]

    def expired(self, now_s: float) -> list[Call]:
        """Return the requests whose time is over; the caller closes them."""
        found = []
        while self._deadlines and self._deadlines[0][0] <= now_s:
            call = self._awaited(heapq.heappop(self._deadlines))
            if call is not None:
                found.append(call)
        return found

    def deadline_s(self) -> float | None:
        """Return when the next request expires; requests that are closed by then do no harm."""
        return self._deadlines[0][0] if self._deadlines else None

    def _sweep(self) -> None:
        """Forget deadlines of requests that were answered, once they are most of the list."""
        is_open = self._open
        self._deadlines = [entry for entry in self._deadlines if entry[1] in is_open]
        heapq.heapify(self._deadlines)

    def _awaited(self, deadline: tuple[float, int]) -> Call | None:
        """Return the open request that a deadline is of."""
        call = self._open.get(deadline[1])
        return call if call is not None and call.deadline_s == deadline[0] else None

    def _free_id(self) -> int:
        while (call_id := 1 + next(self._ids) % 0xFFFF_FFFF) in self._open:
            pass  # one that has been open while all other numbers were used
        return call_id


def _enter(table: dict[End, dict[int, Call]], end: End, number: int, call: Call) -> None:
    rows = table.get(end)
    if rows is None:
        table[end] = {number: call}
    else:
        rows[number] = call


def _drop(table: dict[End, dict[int, Call]], end: End, number: int) -> None:
    rows = table[end]
    del rows[number]
    if not rows:
        del table[end]
