# SPDX-License-Identifier: MIT
"""Where links come in: whether there is room for one more, and since when its handshake is under way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from .._carrier import Refusal
from .._drops import Drops
from .._errors import RemoteProtocolError
from .._limits import LinkOptions
from ..protocol.bodies import write_bye
from ..protocol.crowd import Crowd, Place
from ..protocol.frames import PREFACE, Kind, frame
from ._link_io import LinkIO

RESERVED_FILES = 64
"""Of the files that the process may open, those that are left for other things than links."""


class Entrance:
    """What the carrier of an endpoint is given: makes a protocol for each link, and takes the text beside them.

    Args:
        endpoint: Where the links come in.
        options: What holds for them.
        crowd: The server's connections.
        drops: Counts those that are turned away.
        new_link: Makes their ends.
        console: Takes the text beside them: the port's name, and a line.

    Attributes:
        endpoint: As the argument; once it is known, as it is really bound.
        console: As the argument.
    """

    def __init__(
        self,
        endpoint: str,
        options: LinkOptions,
        crowd: Crowd,
        drops: Drops,
        new_link: Callable[[str, Place | None], LinkIO],
        console: Callable[[str, str], None],
    ) -> None:
        self.endpoint = endpoint
        self.console = console
        self.handshake_timeout = options.handshake_timeout
        self._crowd = crowd
        self._drops = drops
        self._new_link = new_link
        self._entering: Place | None = None  # of the connection whose protocol is being made

    def __call__(self) -> LinkIO:
        """Make the protocol of a link."""
        place, self._entering = self._entering, None
        return self._new_link(self.endpoint, place)

    def admit(self, source: str, give_way: Callable[[], object] | None = None) -> Admission | Refusal:
        """See whether one more connection may come in (see ``sigcore.Carrier``)."""
        try:
            place = self._crowd.enter(source, asyncio.get_running_loop().time(), give_way)
        except RemoteProtocolError as error:
            self._drops.count(f"link_{error.code}", f"a connection to {self.endpoint} was turned away: {error}")
            return Refusal(PREFACE + frame(Kind.BYE, 0, write_bye(error.code, str(error), 0)))
        return Admission(self, place)

    def make_for(self, place: Place, make: Callable[[], asyncio.Protocol]) -> asyncio.Protocol:
        """Return what ``make`` makes, which calls this for the link in it; without one, the place is free again."""
        self._entering = place
        try:
            return make()
        finally:
            if self._entering is not None:
                self._entering = None
                place.leave()


class Admission:
    """One connection that may come in; a protocol factory, which is called once.

    Args:
        entrance: Where it comes in.
        place: Its place in the crowd.
    """

    def __init__(self, entrance: Entrance, place: Place) -> None:
        self._entrance = entrance
        self._place = place

    def __call__(self) -> asyncio.Protocol:
        """Make the protocol of the link: the medium is ready for it."""
        return self.through(self._entrance)

    def through(self, make: Callable[[], asyncio.Protocol]) -> asyncio.Protocol:
        """Return what ``make`` makes: a protocol around the one that it has from the factory that admitted this."""
        return self._entrance.make_for(self._place, make)

    @property
    def left_s(self) -> float:
        """How many seconds are left for the whole handshake, that of the medium included; 0 when it is too late."""
        due_s = self._place.since_s + self._entrance.handshake_timeout
        return max(0.0, due_s - asyncio.get_running_loop().time())

    def withdraw(self) -> None:
        """The connection was lost before its protocol was told of it. May be called more than once."""
        self._place.leave()


def most_connections(wanted: int) -> int:
    """Return how many connections there may be: ``wanted``, or what the system leaves to this process."""
    try:
        import resource  # not on Windows, which has no such limit
    except ImportError:
        return wanted
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if most == resource.RLIM_INFINITY:
        return wanted
    return min(wanted, max(most - RESERVED_FILES, most // 2))
