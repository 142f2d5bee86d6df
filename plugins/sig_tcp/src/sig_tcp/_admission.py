# SPDX-License-Identifier: MIT
"""Whether somebody may come in, asked before anything is spent on the connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from sigcore import Refusal

Factory = Callable[[], asyncio.Protocol]

HANDSHAKE_S = 5.0
"""How long a connection may take until its link begins, where the one who listens does not say."""


class Leave(Protocol):
    """Leave to come in: what is used of a ``sigcore.Admission``."""

    @property
    def left_s(self) -> float:
        """Seconds left until the whole handshake must be done."""

    def __call__(self) -> asyncio.Protocol:
        """Return the protocol of the link; called once, when the medium is ready."""

    def withdraw(self) -> None:
        """The peer has left before that."""


class Way(Protocol):
    """How one connection comes in.

    Attributes:
        give_way: Ends it before its link exists, because another waits for the place; ``None`` where it has a link at
            once.
    """

    @property
    def give_way(self) -> Callable[[], object] | None: ...

    def in_by(self, leave: Leave) -> Factory:
        """Return the protocol factory for the transport of the connection."""


class Straight:
    """The way of a medium that needs nothing before the link: the transport's protocol is the link's own."""

    give_way = None

    def __init__(self, source: str) -> None:
        pass

    def in_by(self, leave: Leave) -> Factory:
        """Return the leave itself."""
        return leave


class Unasked:
    """The leave that a factory gives which lets everybody in."""

    left_s = HANDSHAKE_S

    def __init__(self, make: Factory) -> None:
        self._make = make

    def __call__(self) -> asyncio.Protocol:
        return self._make()

    def withdraw(self) -> None:
        """Nobody counts."""


def ask(factory: Factory, source: str, way: Way) -> Leave | bytes:
    """Return leave to come in, or what to tell the peer before its connection is closed.

    Args:
        factory: The protocol factory that ``listen`` was given.
        source: The peer's address without a port; empty where the medium is local.
        way: How it would come in.
    """
    admit = getattr(factory, "admit", None)
    if admit is None:
        return Unasked(factory)
    answer: Leave | Refusal = admit(source) if way.give_way is None else admit(source, way.give_way)
    return answer.farewell if isinstance(answer, Refusal) else answer
