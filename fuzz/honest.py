# SPDX-License-Identifier: MIT
"""Two clients that keep to the rules, beside whoever does not: whether they notice anything."""

from __future__ import annotations

from itertools import count

from sigcore.protocol.frames import Kind, frame
from sigcore.protocol.hub import Hub
from sigcore.protocol.link import Link, State
from tests.protocol.loopback import Server

HARD_TO_GUESS = 0x5EED << 108
"""Where the names and secrets of sessions begin: no vector has them, or a stranger would go on with an honest one's."""

GONE_S = 70.0
"""Twice that is longer than any session is kept."""


class HonestPair:
    """A publisher and a reader of its events.

    Args:
        server: Their server, which has no other client yet.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        server.hub.new_token = (f"{number:032x}" for number in count(HARD_TO_GUESS)).__next__
        self._publisher = server.connect("publisher")
        self._reader = server.connect("reader")
        (self.topic,) = self._publisher.add_sender("thermo", ["reading"], ["turn"])
        self._reader.listen(1, "thermo", "reading")
        self._before = holdings(server.hub)

    def wait(self, seconds: float) -> None:
        """Let time pass; the two show that they live."""
        self._server.tick(seconds)
        self._publisher.say(frame(Kind.PONG, 0))
        self._reader.say(frame(Kind.PONG, 0))

    def exchange(self) -> None:
        """Assert that an event of the one reaches the other, at the latest when the stall budget is spent."""
        self._publisher.say(frame(Kind.PONG, 0), frame(Kind.EVENT, self.topic, b'"still"'))
        self._reader.say(frame(Kind.PONG, 0))
        for _ in range(13):
            self._server.tick(0.1)
        assert self._reader.hear_events()[-1:] == [("thermo", "reading", b'"still"')]
        self._publisher.hear()
        self._publisher.acknowledge()
        self._reader.acknowledge()
        assert (self._publisher.link.state, self._reader.link.state) == (State.UP, State.UP)

    def check_alone_again(self) -> None:
        """Assert that nothing is left of all others, whose links are lost, when their sessions have expired."""
        for _ in range(2):
            self._publisher.lose()
            self._reader.lose()
            self._server.tick(GONE_S)
            self._publisher.resume()
            self._reader.resume()
        self.exchange()
        assert holdings(self._server.hub) == self._before


def holdings(hub: Hub) -> dict[str, object]:
    """Return what a server holds for its clients."""
    return {
        "sessions": sorted(session.peer.name for session in hub.sessions.values()),
        "senders": [info.name for info in hub.senders()],
        "topics": len(hub.topics),
        "listeners": hub.listeners,
        "presence": hub.presence_size,
    }


def refusal_of(link: Link) -> str | None:
    """Return the code with which a link has ended, ``None`` where there is none."""
    return getattr(link.error, "code", None)
