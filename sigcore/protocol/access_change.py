# SPDX-License-Identifier: MIT
"""What a change of the rules takes from a session that lives through it, and what it gives.

Routes are built anew at once, so nothing that is signalled from then on goes where it may not. What waits already is
looked through session by session, some in each turn of the loop: the others are not held up for it. However many there
are, a session is looked at before anything more is written to it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING

from .._errors import NotAllowed
from .._names import PRESENCE_EVENTS
from .bodies import write_body, write_error
from .frames import Kind, frame
from .permits import Permits, refusal
from .withdrawal import Withdrawal

if TYPE_CHECKING:
    from .hub import Hub
    from .routes import SenderEntry, Topic
    from .server_session import ServerSession

NOT_ALLOWED = "not_allowed"

LOOKED_AT = 2_000
"""How many topics, listeners and senders are looked at in one turn of the loop: 10 to 100 ms."""

UNSETTLED_BYTES = 50
"""So many bytes that wait take about as long to look at as a listener."""


class AccessChange:
    """Brings one session after the other under the rules that hold now.

    Args:
        hub: The server's tables.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._to_look_at: list[ServerSession] = []

    @property
    def is_under_way(self) -> bool:
        """Whether sessions wait for their turn."""
        return bool(self._to_look_at)

    def begin(self, sessions: Iterable[ServerSession]) -> None:
        """Have these sessions looked at, in place of those that wait for it."""
        self._to_look_at = list(sessions)

    def go_on(self) -> None:
        """Bring some more of them under the rules."""
        looked_at = 0
        while self._to_look_at and looked_at < LOOKED_AT:
            session = self._to_look_at.pop()
            if session.permits is not self._hub.permits and not session.is_over:
                looked_at += self._size(session)
                self.bring_under(session)

    def _size(self, session: ServerSession) -> int:
        """Return about how much there is to look at."""
        senders = self._hub.sender_count if _presence_keys(session) else 0
        return 1 + len(session.told) + len(session.listeners) + senders + session.unsettled_size // UNSETTLED_BYTES

    def bring_under(self, session: ServerSession) -> None:
        """Take from a session what it may not have any more, and tell it what it may see now."""
        permits = self._hub.permits
        before, session.permits = session.permits, permits
        self._take_senders(session, permits)
        heard = {topic.id: self._hub.may_hear(session, topic) for topic in session.told}
        lost = {topic for topic in session.told if not heard[topic.id]}
        seen, unseen = self._changes_of_presence(session, before, permits)
        waiting = Withdrawal(*self._forbidden(session, heard, session.waits_for))
        has_written = any(self._forbidden(session, heard, session.was_told_of))
        if lost or unseen or waiting.topics or waiting.senders or has_written:
            self._withdraw(session, lost, unseen, waiting)
        if has_written:
            session.take_back_what_was_written()
        for entry in seen:
            _put(session, entry.presence_for(session.peer_limits.max_frame))
        self._tell_listeners(session, before, permits)
        self._hub.mark(session)

    def _take_senders(self, session: ServerSession, permits: Permits) -> None:
        for entry in list(session.senders.values()):
            info = entry.info
            why = permits.why_not_send(session.identity, info.name, (*info.events, *info.requests))
            if why is not None:
                if self._hub.sender(info.name) is entry:
                    self._hub.remove_sender(entry, NOT_ALLOWED)
                session.lose_sender(entry, NotAllowed(why))

    def _changes_of_presence(
        self, session: ServerSession, before: Permits, permits: Permits
    ) -> tuple[list[SenderEntry], list[SenderEntry]]:
        """Return the senders of others that the session hears of only now, and those that it no longer may."""
        seen: list[SenderEntry] = []
        unseen: list[SenderEntry] = []
        keys = _presence_keys(session)
        for entry in self._hub.entries() if keys else ():
            name = entry.info.name
            if entry.session is session or not (None in keys or name in keys):
                continue
            sees = permits.may(session.identity, "see", name)
            if sees != before.may(session.identity, "see", name):
                (seen if sees else unseen).append(entry)
        return seen, unseen

    def _forbidden(
        self, session: ServerSession, heard: Mapping[int, bool], told_of: Callable[[], tuple[set[int], set[str]]]
    ) -> tuple[set[int], set[str]]:
        """Return what the session may not have any more of what it is, or was, told of: topics, and senders.

        Their senders may have left meanwhile.

        Args:
            session: The session.
            heard: The topics that were announced to it, and whether it may hear them.
            told_of: Returns the topics, and the senders that come or go.
        """
        permits = self._hub.permits
        if permits.is_open or not session.unsettled_size:
            return set(), set()
        topics, senders = told_of()
        return (
            {id_ for id_ in topics if not (heard[id_] if id_ in heard else self._hub.may_still_hear(session, id_))},
            {name for name in senders if not permits.may(session.identity, "see", name)},
        )

    def _withdraw(
        self, session: ServerSession, lost: set[Topic], unseen: list[SenderEntry], withdrawal: Withdrawal
    ) -> None:
        """Drop what waits, tell of it, and see that nothing written before is written again by another link."""
        was_full = session.events.is_full
        session.events.withdraw(withdrawal)
        session.forbid_what_was_written()
        for entry in unseen:
            if entry.info.name not in withdrawal.untold:
                _put(session, self._hub.presence_gone(entry, NOT_ALLOWED))
        for sender in {topic.sender: None for topic in lost}:
            self._forget_topics(session, sender, lost)
        if was_full and not session.events.is_full:
            self._hub.got_room(session)

    def _forget_topics(self, session: ServerSession, sender: SenderEntry, lost: Collection[Topic]) -> None:
        """Have the other side forget the topics of a sender, where it may hear none of them any more.

        A topic is announced once, so those of a sender of which it may hear some must stay. So must the text from a
        port, which is of no sender that could be removed.
        """
        told = session.told.intersection(sender.topics.values())
        if not sender.is_removable or not told.issubset(lost):
            return
        session.told -= told
        for topic in told:
            topic.told.discard(session)
        _put(session, frame(Kind.REMOVE_SENDER, 0, write_body({"sender": sender.info.name})))

    def _tell_listeners(self, session: ServerSession, before: Permits, permits: Permits) -> None:
        """Tell the owner of each listener for which nothing can come any more; it stays, for rules may change back."""
        for listener_id, (sender, event) in session.listeners.items():
            verb = verb_for(event)
            if before.could(session.identity, verb, sender, event) and not permits.could(
                session.identity, verb, sender, event
            ):
                text = refusal(session.identity, verb, sender, event)
                session.notice(listener_id, write_error(NOT_ALLOWED, text, session.peer_limits.max_frame))


def verb_for(event: str | None) -> str:
    """Return what a listener needs that asks for ``event``."""
    return "see" if event in PRESENCE_EVENTS else "listen"


def _presence_keys(session: ServerSession) -> set[str | None]:
    """Return of whose coming and going it asks to hear; ``None`` is everybody."""
    return {sender for sender, event in session.listeners.values() if event in PRESENCE_EVENTS}


def _put(session: ServerSession, data: bytes) -> None:
    if data and session.accepts(data):
        session.put_event_frame(data)
