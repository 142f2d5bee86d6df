# SPDX-License-Identifier: MIT
"""The small values that listeners and callers are given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

Policy = Literal["block", "drop_oldest", "drop_newest", "latest", "disconnect"]
"""What happens when a listener is too slow and what waits for it has reached its limit.

- ``block``: whoever publishes over a link is slowed down; nothing is lost. An event that is triggered in this very
  process never waits: it takes the place of the oldest.
- ``drop_oldest``, ``drop_newest``: the oldest event that waits is dropped, or the one that comes.
- ``latest``: of each event of each sender only the newest waits; it takes the place of the one before at once.
- ``disconnect``: the link is ended; in one process as ``drop_oldest``.
"""

NO_META: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Peer:
    """A router at the other end of a link.

    Attributes:
        name: What the other router calls itself.
        identity: Who it proved to be; empty without authentication.
        endpoint: Where it is connected; known only in the process that holds the link, else empty.
    """

    name: str
    identity: str = ""
    endpoint: str = ""


@dataclass(frozen=True, slots=True)
class SenderInfo:
    """A sender as others see it; the data of ``#connect`` and ``#disconnect``.

    Attributes:
        name: The sender's name.
        events: The events that it declares, in the order declared.
        requests: The methods that it declares; a sender with a ``fallback`` may answer more.
        connected: ``True`` in ``#connect``, ``False`` in ``#disconnect``.
        peer: The router that holds the sender; ``None`` when that is this process.
        cause: In ``#disconnect``, why: ``removed``, ``left`` (its router ended in good order), ``link_lost``,
            ``silent`` (no sign of life came by its link for ``dead_after``), ``restarted`` (its device came by the same
            cable again, without its session), or what its carrier says of the end of its link, such as ``unplugged``
            or ``lent`` of a serial port.
    """

    name: str
    events: tuple[str, ...] = ()
    requests: tuple[str, ...] = ()
    connected: bool = True
    peer: Peer | None = None
    cause: str = ""


@dataclass(frozen=True, slots=True)
class EventInfo:
    """What a listener is told beside the data.

    Attributes:
        sender: The sender's name.
        event: The event's name.
        peer: The router that signals; ``None`` when that is this process.
        meta: Text to text, as the trigger gave it; empty otherwise.
    """

    sender: str
    event: str
    peer: Peer | None = None
    meta: Mapping[str, str] = field(default_factory=lambda: NO_META)  # a factory, because 3.11 cannot hash the proxy


GAP_CAUSES = frozenset(
    {
        "overflow",
        "conflated",
        "disconnected",
        "session_lost",
        "too_large",
        "untranslatable",
        "sender_unknown",
        "not_allowed",
    }
)
"""The causes of gaps that this router tells of; a peer may tell of others."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Events that were lost between those that a listener heard before and those that it hears next.

    It is told beside an ``EventInfo`` that says whose they were, with ``*`` where that may be any sender or event:
    when a session was lost, for what the listener does not name. Where very many different events were lost at one
    place, the last of these are told together, with ``*`` for both.

    Attributes:
        count: How many; ``None`` when that is not known.
        cause: Why, as a word. ``overflow``: what waits had reached its limit. ``conflated``: a newer event took the
            place of one that waited. ``disconnected``: the publisher had no link, and could keep no more; or
            another had the name of its sender, until it left. ``session_lost``: a link was lost together with what
            was on its way. ``too_large``: longer than a link takes. ``untranslatable``: it has no form in the
            listener's codec. ``sender_unknown``: nobody can tell any more whose events these were. ``not_allowed``:
            the server's rules have changed, and do not allow this router to hear them any more.
    """

    count: int | None
    cause: str
