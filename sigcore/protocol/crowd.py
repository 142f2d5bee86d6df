# SPDX-License-Identifier: MIT
"""The connections of a server, and how many of them have not said yet who they are. No I/O, no clock."""

from __future__ import annotations

from collections.abc import Callable

from .._errors import RemoteProtocolError
from .._limits import ServerLimits
from .sources import is_this_machine, network_of

PATIENCE_S = 0.5
"""How long a handshake is left in peace where others wait for its place: an honest one takes a few round trips."""


class Place:
    """One connection's place in the crowd, from its first moment to its last.

    Args:
        crowd: Where it is.
        source: Who is at the other end, as far as that counts.
        since_s: When it came.
        give_way: Ends the connection, because another waits for the place; ``None`` where nothing can.
    """

    __slots__ = ("_crowd", "_is_here", "give_way", "since_s", "source")

    def __init__(self, crowd: Crowd, source: str, since_s: float, give_way: Callable[[], object] | None) -> None:
        self._crowd = crowd
        self._is_here = True
        self.source = source
        self.since_s = since_s
        self.give_way = give_way

    def known(self) -> None:
        """The handshake is done, or will never be. May be called more than once."""
        self._crowd.forget_pending(self)

    def leave(self) -> None:
        """The connection is gone. May be called more than once."""
        self.known()
        if self._is_here:
            self._is_here = False
            self._crowd.connections -= 1


class Crowd:
    """Keeps the connections of a server, and those whose handshake is not done, within their limits.

    Where a limit for the latter is reached, whoever waits longest has to go, if that is longer than an honest client
    needs: so that those who never finish keep nobody out.

    Args:
        limits: Those of the server.

    Attributes:
        connections: How many there are.
        most_connections: How many there may be: as the limits say, or fewer where the system has no more.
    """

    def __init__(self, limits: ServerLimits) -> None:
        self._limits = limits
        self._pending: dict[str, dict[Place, None]] = {}  # by source, oldest first
        self.connections = 0
        self.most_connections = limits.max_links

    @property
    def pending(self) -> int:
        """How many connections have not done their handshake."""
        return sum(map(len, self._pending.values()))

    def enter(self, source: str, now_s: float, give_way: Callable[[], object] | None = None) -> Place:
        """Give a connection its place.

        Args:
            source: The address at the other end; empty for media of this machine, which have none.
            now_s: The time.
            give_way: Ends the connection, if it can be ended before its link exists.

        Raises:
            RemoteProtocolError: There is none; its code and text are for the other side.
        """
        if self.connections >= self.most_connections:
            text = f"this server takes {self.most_connections} links (max_links), and has as many; try again later"
            raise RemoteProtocolError(text, code="too_many_links")
        source = "" if is_this_machine(source) else network_of(source)  # all its programs have one address
        self._see_to_room(source, now_s)
        place = Place(self, source, now_s, give_way)
        self.connections += 1
        self._pending.setdefault(source, {})[place] = None
        return place

    def forget_pending(self, place: Place) -> None:
        """A connection does not wait for its handshake any more."""
        places = self._pending.get(place.source)
        if places is not None and places.pop(place, place) is None and not places:
            del self._pending[place.source]

    def _see_to_room(self, source: str, now_s: float) -> None:
        limits = self._limits
        own = self._pending.get(source)
        if source and own is not None and len(own) >= limits.max_pending_per_source:
            name = f"max_pending_per_source={limits.max_pending_per_source}"
            self._have_one_give_way(own, now_s, f"too many handshakes from {source} are under way ({name})")
        elif self.pending >= limits.max_pending:
            most = max(self._pending.values(), key=len)
            text = f"too many handshakes are under way (max_pending={limits.max_pending})"
            self._have_one_give_way(most, now_s, text)

    def _have_one_give_way(self, places: dict[Place, None], now_s: float, text: str) -> None:
        for place in places:
            if place.give_way is not None and now_s - place.since_s >= PATIENCE_S:
                self.forget_pending(place)
                place.give_way()
                return
        raise RemoteProtocolError(f"{text}; try again later", code="too_many_pending")
