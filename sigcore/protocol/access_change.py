# SPDX-License-Identifier: MIT
"""What a change of the rules takes from a session that lives through it, and what it gives.

Routes are built anew at once, so nothing that is signalled from then on goes where it may not. What waits already is
looked through session by session, some in each turn of the loop: the others are not held up for it.
"""

from __future__ import annotations

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

UNSETTLED_BYTES = 50
"""So many bytes that wait take about as long to look at as a listener."""


class AccessChange:
    """Brings one session after the other under the rules that hold now.

    Args:
        hub: The server's tables.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def size(self, session: ServerSession) -> int:
        """Return about how much there is to look at."""
        senders = self._hub.sender_count if _presence_keys(session) else 0
        return 1 + len(session.told) + len(session.listeners) + senders + session.unsettled_size // UNSETTLED_BYTES

    def bring_under(self, session: ServerSession, permits: Permits) -> None:
        """Take from a session what it may not have by ``permits``, and tell it what it may see now."""
        before, session.permits = session.permits, permits
        self._take_senders(session, permits)
        lost = [topic for topic in session.told if not _may_hear(session, permits, topic)]
        seen, unseen = self._changes_of_presence(session, before, permits)
        topics, hidden = self._unsettled(session, permits)
        if lost or unseen or topics or hidden:
            self._withdraw(session, lost, unseen, Withdrawal(topics, hidden))
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

    def _unsettled(self, session: ServerSession, permits: Permits) -> tuple[set[int], set[str]]:
        """Return of what the session may not have any more what waits for it: topics, and senders that come or go.

        Their senders may have left meanwhile.
        """
        if permits.is_open or not session.unsettled_size:
            return set(), set()
        topics, senders = session.unsettled()
        return (
            {topic for topic in topics if not self._hub.may_still_hear(session, topic)},
            {name for name in senders if not permits.may(session.identity, "see", name)},
        )

    def _withdraw(
        self, session: ServerSession, lost: list[Topic], unseen: list[SenderEntry], withdrawal: Withdrawal
    ) -> None:
        """Drop what waits, tell of it, and see that nothing written before is written again by another link."""
        was_full = session.events.is_full
        session.events.withdraw(withdrawal)
        session.forbid_what_was_written()
        for entry in unseen:
            if entry.info.name not in withdrawal.untold:
                _put(session, self._hub.presence_gone(entry, NOT_ALLOWED))
        for sender in {topic.sender: None for topic in lost}:
            self._forget_topics(session, sender)
        if was_full and not session.events.is_full:
            self._hub.got_room(session)

    def _forget_topics(self, session: ServerSession, sender: SenderEntry) -> None:
        """Have the other side forget the topics of a sender, where it may hear none of them any more.

        A topic is announced once, so those of a sender of which it may hear some must stay. So must the text from a
        port, which is of no sender that could be removed.
        """
        told = [topic for topic in sender.topics.values() if topic in session.told]
        if not sender.is_removable or any(_may_hear(session, session.permits, topic) for topic in told):
            return
        for topic in told:
            session.told.discard(topic)
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


def _may_hear(session: ServerSession, permits: Permits, topic: Topic) -> bool:
    return permits.may(session.identity, "listen", topic.sender.info.name, topic.event)


def _presence_keys(session: ServerSession) -> set[str | None]:
    """Return of whose coming and going it asks to hear; ``None`` is everybody."""
    return {sender for sender, event in session.listeners.values() if event in PRESENCE_EVENTS}


def _put(session: ServerSession, data: bytes) -> None:
    if data and session.accepts(data):
        session.put_event_frame(data)
