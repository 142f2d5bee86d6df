# SPDX-License-Identifier: MIT
"""Ends what was begun by a secret or a token that no longer proves anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._errors import NotAuthenticated

if TYPE_CHECKING:
    from .hub import Hub
    from .server_session import ServerSession

TAKEN_AWAY = "the secret or the token that proved who you are was taken away, or is another now"


def end_revoked(hub: Hub) -> int:
    """End the sessions whose secret or token the gate no longer knows, with their links; return how many.

    Those of whom the medium or a plug-in told who they are have no such credential, and stay.
    """
    revoked = [session for session in hub.sessions.values() if _is_revoked(hub, session)]
    for session in revoked:
        _end(session)
    return len(revoked)


def _is_revoked(hub: Hub, session: ServerSession) -> bool:
    credential = session.credential
    return credential is not None and not session.is_over and not hub.gate.holds(session.identity, credential)


def _end(session: ServerSession) -> None:
    error = NotAuthenticated(f"{session.identity}: {TAKEN_AWAY}")
    if session.link is not None:
        session.link.end(error.code, TAKEN_AWAY, error=error)
    else:
        session.end(error)
