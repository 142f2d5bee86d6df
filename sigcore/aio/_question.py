# SPDX-License-Identifier: MIT
"""A request to one of this process's senders, and where it came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import asyncio

    from .._codec import Codec
    from .._open_request import OpenRequest
    from ._workers import Job


class Desk(Protocol):
    """Where requests come from, and their answers go; it is called on the loop."""

    def reply(self, question: Question, result: bytes) -> None:
        """Take the result, in the codec of the question."""

    def refuse(self, question: Question, code: str, message: str) -> None:
        """Take the reason why there is no result."""


@dataclass(slots=True, eq=False)
class Question:
    """What is asked, how its parameters and its result are written, and how far it is.

    Attributes:
        desk: Where it came from.
        call_id: Its number there.
        sender: Whom it is for.
        method: Which method.
        codec: The codec of the parameters and of the result.
        params: The parameters.
        request: What its handler may ask of it.
        deadline_s: When nobody waits for the answer any more, by the loop's clock; ``None`` for never.
        task: The task in which an ``async def`` handler runs.
        job: What a thread does for it, where the handler is a plain one.
        is_late: Whether its time was over while an ``async def`` handler ran.
    """

    desk: Desk
    call_id: int
    sender: str
    method: str
    codec: Codec
    params: bytes
    request: OpenRequest
    deadline_s: float | None
    task: asyncio.Task[Any] | None = None
    job: Job | None = None
    is_late: bool = False

    def __str__(self) -> str:
        return f"{self.sender}.{self.method}"
