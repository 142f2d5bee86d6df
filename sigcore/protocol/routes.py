# SPDX-License-Identifier: MIT
"""Topics, and the routes that their events take through a server."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from .frames import HEADER_BYTES

if TYPE_CHECKING:
    from .._codec import Codec
    from .._info import Policy, SenderInfo
    from .._signal import Signal
    from .server_session import ServerSession


@dataclass(slots=True, eq=False)
class Topic:
    """One event of one sender, by the number that stands for it in every session of the server.

    Attributes:
        id: Its number, never used twice while the server runs.
        sender: Whose event it is.
        event: The event's name.
        signal: Reaches the listeners in the server's own process; for its own senders they are reached at once.
        told: The sessions to which it was announced.
    """

    id: int
    sender: SenderEntry
    event: str
    signal: Signal[Any] | None
    told: set[ServerSession] = field(default_factory=set)


@dataclass(slots=True, eq=False)
class SenderEntry:
    """A sender that is connected to the server.

    Attributes:
        info: The sender as others see it.
        has_fallback: Whether it answers methods that it does not declare.
        session: Where it is; ``None`` for the server's own process.
        keep: How many events of each event's name the server keeps.
        topics: Its topics by event.
        is_removable: Whether it can go; the text from a port is of no sender that can.
        presence: The PRESENCE frame that says it is there, and the same without its events and methods.
    """

    info: SenderInfo
    has_fallback: bool
    session: ServerSession | None
    keep: Mapping[str, int]
    topics: dict[str, Topic] = field(default_factory=dict)
    presence: tuple[bytes, bytes] = (b"", b"")
    is_removable: bool = True

    def presence_for(self, longest: int) -> bytes:
        """Return the PRESENCE frame for a link that takes bodies of ``longest`` bytes; empty where none fits."""
        return next((data for data in self.presence if len(data) - HEADER_BYTES <= longest), b"")

    def let_go(self) -> None:
        """Have it freed at once when it is gone for good: what refers to itself waits for the garbage collector.

        That looks at all that a server has, and holds up everybody meanwhile, the sooner the more comes and goes.
        """
        self.topics.clear()

    def answers(self, method: str) -> bool:
        """Whether it answers ``method``."""
        return self.has_fallback or method in self.info.requests


Reader = tuple["ServerSession", "Policy"]
"""A session that wants the frames, and what is to be done when it has no room."""


class Route:
    """Where the frames of some topics go; one object for all topics that go to the same places in the same way.

    Attributes:
        readers: The sessions and their policies, in no particular order.
        local: Whether listeners in the server's own process want them too.
        keeps: Whether the server keeps the events.
        groups: The readers by what must be done to a frame for them: (codec, longest body, readers).
    """

    __slots__ = ("__weakref__", "_blocking", "groups", "keeps", "local", "readers")

    def __init__(self, readers: tuple[Reader, ...], local: bool, keeps: bool) -> None:
        self.readers = readers
        self.local = local
        self.keeps = keeps
        self._blocking = tuple(session for session, policy in readers if policy == "block")
        groups: dict[tuple[str, int], tuple[Codec, int, list[Reader]]] = {}
        for reader in readers:
            codec, longest = reader[0].codec, reader[0].peer_limits.max_frame
            groups.setdefault((codec.name, longest), (codec, longest, []))[2].append(reader)
        self.groups = tuple(groups.values())

    def is_full(self) -> bool:
        """Whether a reader that must not miss anything has no room, and may still hold up others."""
        for session in self._blocking:  # noqa: SIM110  # a generator would cost more than the looks
            if session.holds_up:
                return True
        return False

    def full_readers(self) -> list[ServerSession]:
        """Return those readers."""
        return [session for session in self._blocking if session.holds_up]


class Routes:
    """Every route in use, each once."""

    def __init__(self) -> None:
        self._routes: WeakValueDictionary[tuple[frozenset[Reader], bool, bool], Route] = WeakValueDictionary()

    def get(self, readers: Iterable[Reader], local: bool, keeps: bool) -> Route:
        """Return the one route to these readers and, where ``local`` says so, the server's own process."""
        key = (frozenset(readers), local, keeps)
        route = self._routes.get(key)
        if route is None:
            route = self._routes[key] = Route(tuple(key[0]), local, keeps)
        return route
