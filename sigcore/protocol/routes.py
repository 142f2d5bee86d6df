# SPDX-License-Identifier: MIT
"""Topics, and the routes that their events take through a server."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from .frames import HEADER_BYTES

if TYPE_CHECKING:
    from .._codec import Codec
    from .._info import SenderInfo
    from .._signal import Signal
    from .server_link import ServerLink


@dataclass(slots=True, eq=False)
class Topic:
    """One event of one sender, by the number that stands for it on every link of the server.

    Attributes:
        id: Its number, never used twice while the server runs.
        sender: Whose event it is.
        event: The event's name.
        signal: Reaches the listeners in the server's own process; for its own senders they are reached at once.
        told: The links to which it was announced.
    """

    id: int
    sender: SenderEntry
    event: str
    signal: Signal[Any] | None
    told: set[ServerLink] = field(default_factory=set)


@dataclass(slots=True, eq=False)
class SenderEntry:
    """A sender that is connected to the server.

    Attributes:
        info: The sender as others see it.
        has_fallback: Whether it answers methods that it does not declare.
        link: Where it is; ``None`` for the server's own process.
        topics: Its topics by event.
        presence: The PRESENCE frame that says it is there, and the same without its events and methods.
    """

    info: SenderInfo
    has_fallback: bool
    link: ServerLink | None
    topics: dict[str, Topic] = field(default_factory=dict)
    presence: tuple[bytes, bytes] = (b"", b"")

    def presence_for(self, longest: int) -> bytes:
        """Return the PRESENCE frame for a link that takes bodies of ``longest`` bytes; empty where none fits."""
        return next((data for data in self.presence if len(data) - HEADER_BYTES <= longest), b"")

    def answers(self, method: str) -> bool:
        """Whether it answers ``method``."""
        return self.has_fallback or method in self.info.requests


class Route:
    """Where the frames of some topics go; one object for all topics that go to the same places.

    Attributes:
        links: The links, in no particular order.
        local: Whether listeners in the server's own process want them too.
        groups: The links by what must be done to a frame for them: (codec, longest body, links).
    """

    __slots__ = ("__weakref__", "groups", "links", "local")

    def __init__(self, links: tuple[ServerLink, ...], local: bool) -> None:
        self.links = links
        self.local = local
        groups: dict[tuple[str, int], tuple[Codec, int, list[ServerLink]]] = {}
        for link in links:
            key = (link.codec.name, link.peer_limits.max_frame)
            groups.setdefault(key, (link.codec, key[1], []))[2].append(link)
        self.groups = tuple(groups.values())

    def is_full(self) -> bool:
        """Whether one of the links has no room."""
        return any(link.is_full for link in self.links)


class Routes:
    """Every route in use, each once."""

    def __init__(self) -> None:
        self._routes: WeakValueDictionary[tuple[frozenset[ServerLink], bool], Route] = WeakValueDictionary()

    def get(self, links: Iterable[ServerLink], local: bool) -> Route:
        """Return the one route to these links and, where ``local`` says so, the server's own process."""
        key = (frozenset(links), local)
        route = self._routes.get(key)
        if route is None:
            route = self._routes[key] = Route(tuple(key[0]), local)
        return route
