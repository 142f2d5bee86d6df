# SPDX-License-Identifier: MIT
"""Whether somebody may come in, asked before anything is spent on the connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

Factory = Callable[[], asyncio.Protocol]

HANDSHAKE_S = 5.0
"""How long a connection may take until its link begins, where the one who listens does not say."""


class Admission(Protocol):
    """Leave to come in.

    Attributes:
        left_s: Seconds left until the whole handshake must be done.
    """

    left_s: float

    def __call__(self) -> asyncio.Protocol:
        """Return the protocol of the link; called once, when the medium is ready."""

    def withdraw(self) -> None:
        """The peer has left before that."""


class Unasked:
    """The admission by a factory that lets everybody in."""

    left_s = HANDSHAKE_S

    def __init__(self, make: Factory) -> None:
        self._make = make

    def __call__(self) -> asyncio.Protocol:
        return self._make()

    def withdraw(self) -> None:
        """Nobody counts."""


def ask(factory: Factory, source: str) -> Admission | bytes:
    """Return leave to come in, or what to tell the peer before its connection is closed.

    Args:
        factory: The protocol factory that ``listen`` was given.
        source: The peer's address without a port; empty where the medium is local.
    """
    admit = getattr(factory, "admit", None)
    if admit is None:
        return Unasked(factory)
    answer = admit(source)
    farewell: bytes | None = getattr(answer, "farewell", None)
    return answer if farewell is None else farewell
