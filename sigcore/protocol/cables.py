# SPDX-License-Identifier: MIT
"""Who is at the other end of a medium that joins just two: a serial port has one device at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._errors import LinkError
from .medium import Medium

if TYPE_CHECKING:
    from .server_session import ServerSession


class Cables:
    """The sessions that came last by each cable, with a link or without.

    A session stands here under the cable of its present medium, or of its last one, and under no other.
    """

    def __init__(self) -> None:
        self._last: dict[str, ServerSession] = {}

    def end_who_was_at(self, cable: str) -> None:
        """Somebody begins anew at a cable: who was there before does not go on with that."""
        before = self._last.pop(cable, None)
        if before is None:
            return
        error = LinkError("another has come by its cable; it was restarted", cause="restarted")
        if before.link is not None:
            before.link.lose(error)  # its carrier has not come to tell so
        before.end(error)

    def plug(self, session: ServerSession, medium: Medium) -> None:
        """Take down that a link over ``medium`` carries the session, and no longer its last medium."""
        self.unplug(session)
        session.medium = medium
        if medium.cable:
            self._last[medium.cable] = session

    def unplug(self, session: ServerSession) -> None:
        """Forget a session; nothing where another has come by its cable since."""
        if self._last.get(session.medium.cable) is session:
            del self._last[session.medium.cable]
