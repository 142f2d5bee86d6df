# SPDX-License-Identifier: MIT
"""What a server knows: the senders, who wants what, and where each event goes. No I/O, no clock.

Theory of operation: each (sender, event) has one topic number for all links, so the bytes that come in are the bytes
that go out. A publisher (a link, or the server's own process) has a dict from topic number to route; routes are built
at first use and forgotten when a change of listeners touches them. An event that cannot go on, because a reader has
no room, stays with its publisher, whose credit then simply stops, for as long as the reader's stall budget lasts.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Generator, Iterable, Iterator
from hmac import compare_digest
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Protocol

from .._access import AccessRules
from .._access_audit import AuditLog
from .._drops import Drops
from .._errors import RemoteProtocolError, SenderExists
from .._index import EventIndex
from .._info import Peer, SenderInfo
from .._limits import ServerLimits
from .._names import EVENT_CONSOLE, SERVER
from .._shown import shown
from .access_change import AccessChange
from .bodies import write_body, write_gap
from .cables import Cables
from .calls import Answerer, Asker
from .detached import Detached, link_lost
from .frames import HEADER, HEADER_BYTES, Kind, frame, split_run, split_topics
from .gate import Gate
from .history import History
from .holdups import HoldUps, Reader
from .interest import Interest
from .medium import ANY, Medium
from .permits import EVERY_SENDER, Permits
from .routes import Route, Routes, SenderEntry, Topic
from .switchboard import Switchboard
from .translate import translate_run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .._codec import Codec
    from .._info import Policy
    from .._listener import Key
    from .._signal import Signal
    from .link import Link
    from .server_session import ServerSession

MAX_LISTENERS = MAX_SENDERS = 100_000
"""Senders and listeners that a server takes from all its links together."""

MAX_EVENTS = 1_000
"""Events, and methods, that a sender of a link may declare."""

MAX_LINK_TOPICS = 20_000
"""Events of all senders of one link: what takes long to clear away when it ends holds up the others."""

MAX_TOPICS = 1_000_000
"""Events of all senders together."""

LAST_EVENTS = 1.5
"""How much more than it should may wait for a reader for the sake of the last events of a publisher that has left."""

MAX_DEPARTED = 20_000
"""How many topics are remembered whose senders have left, while events of them may wait for somebody."""

PIECES_A_TURN = 200
"""Listeners, senders and topics that are cleared away in one turn of the loop: 1 to 3 ms."""

MAX_TOPIC_ID = 0xFFFF_FFFF
"""Topic numbers are used once; a server that has used them all takes no more senders of links until it is restarted."""


OWN_PROCESS = "local:"
"""How the identity of those in the server's own process begins: they are bounded by it alone."""


def _new_token() -> str:
    return token_hex(16)


class LocalSide(Answerer, Asker, Reader, Protocol):
    """The server's own process, as the hub sees it."""

    @property
    def codec(self) -> Codec:
        """The codec that its own kept events are in."""

    @property
    def is_full(self) -> bool:
        """Whether events for the process's own listeners must wait."""

    def listens_to(self, sender: str, event: str) -> bool:
        """Whether a listener of the process asks for an event of a sender of a session."""

    def sender_came(self, info: SenderInfo) -> Mapping[str, Signal[Any]]:
        """Enter a sender of a session; return what reaches the process's own listeners, by event."""

    def sender_left(self, info: SenderInfo, cause: str) -> None:
        """Take a sender of a session out."""

    def deliver(self, signal: Signal[Any], codec: Codec, run: bytes) -> None:
        """Take an event of a link for the process's own listeners."""

    def retry(self) -> None:
        """There is room again: try what waits."""

    def route_changed(self, topic: Topic) -> None:
        """Somebody came or went who wants, or wanted, an event of one of the process's own senders."""


class Hub:
    """The tables of one server and the ways through them.

    Attributes:
        name: What the server calls itself.
        server_id: 128 random bits that name this server, as hexadecimal text.
        epoch: The same for this start of it.
        codecs: The codecs that it takes, by name.
        gate: Knows who may come.
        permits: What others may do.
        access_change: Brings the sessions under other rules.
        drops: Counts what is dropped or refused.
        sessions: Those of the clients, with a link or not, by their id.
        topics: Every topic by number.
        listeners: How many listeners the links have.
        requests: Passes requests on, and what becomes of them.
        presence_size: Bytes of PRESENCE that tell of every connected sender.
        link_up: Called when the handshake of a link is done.
        on_dirty: Called when a link that had nothing to write has something, or something else is to do soon.
        new_token: Returns 128 random bits as hexadecimal text.
        now_s: The time, as whoever called last has told.
        is_closing: Whether the server closes: no event is accepted any more.
    """

    def __init__(
        self,
        *,
        name: str,
        server_id: str,
        epoch: str,
        drops: Drops,
        new_token: Callable[[], str] = _new_token,
        limits: ServerLimits | None = None,
    ) -> None:
        limits = limits or ServerLimits()
        self.name = name
        self.server_id = server_id
        self.epoch = epoch
        self.codecs: dict[str, Codec] = {}
        self.gate = Gate()
        self.drops = drops
        self._audit = AuditLog(lambda: self.now_s)
        self.permits = Permits(AccessRules(), drops, self._audit)
        self.access_change = AccessChange(self)
        self.new_token = new_token
        self.now_s = 0.0
        self.is_closing = False
        self._room_came = False
        self.local: LocalSide
        self.sessions: dict[str, ServerSession] = {}
        self._detached = Detached(limits.session_memory, drops)
        self._cables = Cables()
        self._over: list[
            Generator[int, None, None]
        ] = []  # what clears away the sessions that have ended, piece by piece
        self._hold_ups = HoldUps()
        self._history = History(drops.count, most_bytes=limits.keep_memory)
        self.topics: dict[int, Topic] = {}
        self._departed: OrderedDict[int, tuple[str, str]] = OrderedDict()  # (sender, event) by topic
        self._dirty: dict[ServerSession, None] = {}
        self.on_dirty: Callable[[], None] = _nothing
        self.link_up: Callable[[Link], object] = _ignore
        self._max_links_per_identity = limits.max_links_per_identity
        self._linked: dict[str, set[ServerSession]] = {}  # those that have a link, by proven identity
        self.listeners = 0
        self.presence_size = 0
        self._senders: dict[str, SenderEntry] = {}
        self._local_topics: EventIndex[Topic] = EventIndex()  # those of the server's own senders
        self._stale: set[Key] = set()  # what they must be looked at for
        self._routed: dict[ServerSession, None] = {}  # sessions that have routes
        self._interest = Interest()
        self._routes = Routes()
        self.requests = Switchboard(self._find_to_ask, lambda: self.local, drops, name, lambda: self.permits)
        self._itself: SenderEntry | None = None
        self._topics_ever = 0
        self._names: list[str] | None = None  # of the senders, sorted when somebody needs it
        self._all_present: tuple[int, bytes] | None = None  # the longest PRESENCE frame, and all of them joined

    # senders

    def add_sender(
        self, info: SenderInfo, has_fallback: bool, session: ServerSession | None, keep: Mapping[str, int]
    ) -> SenderEntry:
        """Give a sender of a session, or with ``None`` of the server's own process, its topics, and enter it.

        Raises:
            SenderExists: The name is taken.
        """
        self._refuse_if_taken(info.name, session)
        entry = SenderEntry(info, has_fallback, session, keep)
        for event in info.events:
            self._topics_ever += 1
            entry.topics[event] = Topic(self._topics_ever, entry, event, None)
        fields = presence_fields(info)
        entry.presence = (presence_frame(fields), presence_frame(brief(fields)))
        self.enter_sender(entry)
        return entry

    def add_console(self, source: str) -> Topic:
        """Return the topic of the text from a port, which is no sender that others could see or ask; it stays."""
        self._topics_ever += 1
        entry = SenderEntry(SenderInfo(source, (EVENT_CONSOLE,)), False, None, {}, is_removable=False)
        topic = entry.topics[EVENT_CONSOLE] = Topic(self._topics_ever, entry, EVENT_CONSOLE, None)
        self.topics[topic.id] = topic
        self._local_topics.add(source, EVENT_CONSOLE, topic)
        return topic

    def enter_sender(self, entry: SenderEntry) -> None:
        """Enter a sender that has its topics, perhaps again, and tell whoever wants to know.

        Raises:
            SenderExists: The name is taken.
        """
        info = entry.info
        self._refuse_if_taken(info.name, entry.session)
        signals = self.local.sender_came(info) if entry.session is not None else {}
        for event, topic in entry.topics.items():
            topic.signal = signals.get(event)
            self.topics[topic.id] = topic
            if entry.session is not None:
                entry.session.routes.pop(topic.id, None)  # to nowhere, if it was built while the name was not ours
            self._history.declare(topic.id, entry.keep.get(event, 0), event)
            if entry.session is None:
                self._local_topics.add(info.name, event, topic)
        self._senders[info.name] = entry
        self.presence_size += len(entry.presence[0])
        self._all_present = self._names = None
        self._tell_presence(entry, entry.presence_for)
        for waiting, listener_id, event in self._interest.undeclared(info.name, info.events):
            waiting.notice_undeclared(listener_id, info, event)

    def _refuse_if_taken(self, name: str, session: ServerSession | None) -> None:
        held = self._senders.get(name)
        if held is not None and held.session is not None and held.session.is_over:
            self.remove_sender(held, held.session.error.cause if held.session.error else "left")  # its turn has come
        elif held is not None:
            where = f"by {held.info.peer.name!r}" if held.info.peer else "by the server itself"
            if session is not None and not session.sees(name):
                where = "by another"
            raise SenderExists(f"sender {name!r} is connected already, {where}; remove it there, or take another name")

    def remove_sender(self, entry: SenderEntry, cause: str = "removed") -> None:
        """Take a sender out, end the requests to it, and tell whoever wants to know, with the cause."""
        info = entry.info
        del self._senders[info.name]
        self.presence_size -= len(entry.presence[0])
        self._all_present = self._names = None
        self.requests.end_those_to(entry.session or self.local, info.name)
        told: dict[ServerSession, None] = {}
        for topic in entry.topics.values():
            self._forget_topic(topic, told)
        gone = frame(Kind.REMOVE_SENDER, 0, write_body({"sender": info.name}))
        for session in told:
            session.put_event_frame(gone)
            self.mark(session)
        left = self.presence_gone(entry, cause)
        self._tell_presence(entry, lambda _longest: left)
        if entry.session is not None:
            self.local.sender_left(info, cause)

    def presence_gone(self, entry: SenderEntry, cause: str) -> bytes:
        """Return the PRESENCE frame that says that a sender is gone."""
        return presence_frame(presence_fields(entry.info, connected=False, cause=cause))

    @property
    def sender_count(self) -> int:
        """How many senders are connected."""
        return len(self._senders)

    def entries(self) -> list[SenderEntry]:
        """Return every connected sender, in no particular order."""
        return list(self._senders.values())

    def sender(self, name: str) -> SenderEntry | None:
        """Return a connected sender."""
        return self._senders.get(name)

    def answer_as_server(self, methods: tuple[str, ...]) -> None:
        """Have requests to ``#server`` go to the server's own process, which answers these methods."""
        self._itself = SenderEntry(SenderInfo(SERVER, (), methods), False, None, {})

    def _find_to_ask(self, name: str) -> SenderEntry | None:
        return self._itself if name == SERVER else self._senders.get(name)

    def senders(self) -> list[SenderInfo]:
        """Return every connected sender, by name."""
        return list(self.senders_after(""))

    def senders_after(self, name: str) -> Iterator[SenderInfo]:
        """Give the connected senders whose names come after ``name``, by name."""
        if self._names is None:
            self._names = sorted(self._senders)
        names = self._names
        return (self._senders[names[n]].info for n in range(bisect_right(names, name), len(names)))

    def has_place_for(self, info: SenderInfo) -> bool:
        """Whether the server takes one more sender, with its events."""
        topics = len(info.events)
        return (
            len(self._senders) < MAX_SENDERS
            and len(self.topics) + topics <= MAX_TOPICS
            and self._topics_ever + topics <= MAX_TOPIC_ID
        )

    def peers(self) -> list[Peer]:
        """Return the routers at the other ends of the links."""
        return [session.peer for session in self.sessions.values() if session.link is not None]

    def peers_seen_by(self, session: ServerSession) -> list[Peer]:
        """Return those of whom a session may know: itself, those of whose senders it may see one, and those without.

        Those without, which only listen and ask, are for whoever may see all senders.
        """
        if self.permits.is_open:
            return self.peers()
        sees_all = session.sees(EVERY_SENDER)

        def sees(other: ServerSession) -> bool:
            return other is session or (any(map(session.sees, other.senders)) if other.senders else sees_all)

        return [other.peer for other in self.sessions.values() if other.link is not None and sees(other)]

    # listeners

    def add_listener(self, session: ServerSession, listener_id: int, key: Key, policy: Policy) -> None:
        """Enter a listener of a session."""
        self._interest.add(session, listener_id, key, policy)
        self.listeners += 1
        self.touch(key)
        sender, event = key
        entry = self._senders.get(sender) if sender is not None else None
        if entry is not None and event is not None and not event.startswith("#") and event not in entry.topics:
            session.notice_undeclared(listener_id, entry.info, event)

    def remove_listener(self, session: ServerSession, listener_id: int, key: Key) -> None:
        """Take a listener of a session out."""
        self._interest.remove(session, listener_id, key)
        self.listeners -= 1
        self.touch(key)

    def kept(self, key: Key, most: int) -> Iterator[tuple[Topic, Codec, int, bytes]]:
        """Yield (topic, codec, kind, body) of what is kept for ``key``, ``most`` of each event, newest first."""
        for topic_id, kind, body in self._kept(key, most):
            topic = self.topics[topic_id]
            session = topic.sender.session
            yield topic, session.codec if session is not None else self.local.codec, kind, body

    def _kept(self, key: Key, most: int) -> Iterator[tuple[int, int, bytes]]:
        sender, event = key
        if sender is None:
            return self._history.newest(event, most)
        entry = self._senders.get(sender)
        if entry is None:
            return iter(())
        names = entry.keep if event is None else [event] if event in entry.keep else []
        return self._history.kept([entry.topics[name].id for name in names], most)

    def present(self, sender: str | None, session: ServerSession) -> bytes:
        """Return the PRESENCE frames of one connected sender, or of all, as a session takes them; not of its own.

        Of its own it knows better: they may be gone, and their removal still be on its way.
        """
        longest = session.peer_limits.max_frame
        if sender is None and not session.senders and session.permits.is_open:
            if self._all_present is None:
                full = [entry.presence[0] for entry in self._senders.values()]
                self._all_present = (max(map(len, full), default=0), b"".join(full))
            if self._all_present[0] <= longest:
                return self._all_present[1]
        entries = self._senders.values() if sender is None else filter(None, [self._senders.get(sender)])
        return b"".join(
            entry.presence_for(longest)
            for entry in entries
            if entry.session is not session and session.sees(entry.info.name)
        )

    def touch(self, key: Key) -> None:
        """Somebody came or went who wants, or wanted, ``key``: forget the routes that this concerns.

        What is forgotten was earned by events that went that way, so a peer that comes and goes costs others little.
        """
        sender, event = key
        if sender is None:
            for session in self._routed:
                session.routes.clear()
            self._routed.clear()
        else:
            self._forget_routes_of(sender, event)
        if self._local_topics.count(key):
            self._stale.add(key)
            self.on_dirty()

    def weight(self, key: Key) -> int:
        """Return how many topics of the server's own somebody concerns who comes or goes and wants ``key``."""
        return self._local_topics.count(key)

    def settle_local(self) -> None:
        """Have the routes of the server's own senders seen again, once for all that came and went since the last."""
        stale, self._stale = self._stale, set()
        topics = {topic: None for key in stale for topic in self._local_topics.matching(key)}
        for topic in topics:
            self.local.route_changed(topic)
        if topics:
            self._room_came = True  # whoever was full may be gone

    # events

    def route(self, topic: Topic) -> Route:
        """Resolve where a topic goes now, and announce it to the sessions that have not heard of it."""
        if topic.id not in self.topics:
            return self._routes.get((), False, False)  # its sender lost its name while it was away
        owner = topic.sender.session
        if owner is not None:
            self._routed[owner] = None
        wanted = self._interest.sessions_for(topic.sender.info.name, topic.event)
        found = [
            (session, policy)
            for session, policy in wanted.items()
            if session is not owner and self.may_hear(session, topic) and self.announce(session, topic)
        ]
        local = owner is not None and self.local.listens_to(topic.sender.info.name, topic.event)
        return self._routes.get(found, local, topic.event in topic.sender.keep)

    def may_hear(self, session: ServerSession, topic: Topic) -> bool:
        """Whether the rules let a session have events of a topic."""
        return self.permits.is_open or self.permits.may(session.identity, "listen", topic.sender.info.name, topic.event)

    def may_still_hear(self, session: ServerSession, topic_id: int) -> bool:
        """Whether the rules let a session have what waits of a topic, whose sender may have left since.

        What nobody remembers any more it may not: also of those who left while there were no rules.
        """
        if self.permits.is_open:
            return True
        topic = self.topics.get(topic_id)
        names = (topic.sender.info.name, topic.event) if topic is not None else self._departed.get(topic_id)
        return names is not None and self.permits.may(session.identity, "listen", *names)

    def set_rules(self, rules: AccessRules) -> None:
        """Have other rules hold from now on; what waits under the old ones is looked through soon."""
        self.permits = Permits(rules, self.drops, self._audit)
        for session in self._routed:
            session.routes.clear()
        self._routed.clear()
        self._stale.add((None, None))
        self._stale.add((None, EVENT_CONSOLE))
        self.requests.end_those_not_allowed()
        self.access_change.begin(self.sessions.values())
        self.room_came()  # whoever was full may not be on the way any more

    def forward(self, run: bytes, count: int, codec: Codec, longest: int, route: Route) -> int:
        """Give a run of events to every reader of its route and to the server's own process.

        Args:
            run: Whole EVENT, EVENT_META and GAP frames.
            count: How many.
            codec: The codec of their bodies.
            longest: The longest body that may be among them.
            route: Where they go.

        Returns:
            How many routers took the last of them.
        """
        taken = 0
        for target, accepts, readers in route.groups:
            data = run
            if target.name != codec.name or accepts < longest:
                refused: list[str] = []
                data = translate_run(run, codec, target, accepts, refused.append)
                self._left_out(refused, readers)
            for session, policy in readers:
                taken += session.put_events(data, policy)
                self.mark(session)
        if route.keeps:
            for kind, id_, body in split_run(run):
                self._history.add(id_, kind, body)
        if route.local:
            taken += 1
            for id_, frames in split_topics(run):
                signal = self.topics[id_].signal
                if signal is not None:
                    self.local.deliver(signal, codec, frames)
        return taken

    def publish(self, route: Route, frames: Mapping[str, bytes]) -> int:
        """Give one event of the server's own to every reader of its route; return how many took it.

        Args:
            route: Where it goes.
            frames: Its frame in each codec that was wanted when it was triggered, and in ours if it is kept. Whoever
                came since came too late, but for what is kept: that follows what a new listener was given of it.
        """
        taken = 0
        kept = frames.get(self.local.codec.name, b"") if route.keeps else b""
        for codec, accepts, readers in route.groups:
            data = frames.get(codec.name) or self._translated(kept, codec, accepts, readers)
            if not data:
                continue
            if len(data) - HEADER_BYTES > accepts:
                text = (
                    f"an event of {len(data) - HEADER_BYTES} bytes is longer than the {accepts} that the link accepts"
                )
                self._left_out([text], readers)
                data = frame(Kind.GAP, HEADER.unpack_from(data)[2], write_gap(1, "too_large"))
            for session, policy in readers:
                taken += session.put_events(data, policy)
                self.mark(session)
        for kind, id_, body in split_run(kept):
            self._history.add(id_, kind, body)
        return taken

    def _translated(
        self, kept: bytes, codec: Codec, accepts: int, readers: Iterable[tuple[ServerSession, Policy]]
    ) -> bytes:
        """Return an event of our own that is kept as readers take it; a gap if they cannot, nothing if it is none."""
        refused: list[str] = []
        data = translate_run(kept, self.local.codec, codec, accepts, refused.append)
        self._left_out(refused, readers)
        return data

    def wants_room(self, publisher: ServerSession | None, route: Route) -> None:
        """Events of ``publisher``, ``None`` for our own process, wait for readers of ``route``, until one has room."""
        full = self.full_readers(route)
        routes = {route} if publisher is None else {route, *publisher.routes.values()}
        others = {session for each in routes for session, _policy in each.readers if session.link is not None}
        self._hold_ups.wait(publisher, full, others.difference(full), self.now_s)
        self.on_dirty()

    def make_way(self, route: Route) -> None:
        """Last events of a publisher, which wait for nobody, go by ``route``: who has too much loses what is older."""
        for reader in self.full_readers(route):
            if reader.waiting_size >= LAST_EVENTS * reader.most_waiting:
                reader.give_way()

    def full_readers(self, route: Route) -> list[Reader]:
        """Return the readers of ``route`` that must not miss anything and have no room."""
        full: list[Reader] = [*route.full_readers()]
        if route.local and self.local.is_full:
            full.append(self.local)
        return full

    def got_room(self, reader: Reader) -> None:
        """A reader that was full has room."""
        self._hold_ups.has_room(reader, self.now_s)
        self.room_came()

    def room_came(self) -> None:
        """Somebody who was full has room, or may hold up others no longer: ``settle`` lets publishers try again."""
        self._room_came = True
        self.on_dirty()

    def take_dirty(self) -> list[ServerSession]:
        """Return the sessions that have something to write, and forget that they have.

        Without those that were not looked at since the rules changed: they are marked again when they were.
        """
        dirty, self._dirty = self._dirty, {}
        return [session for session in dirty if session.permits is self.permits or session.is_over]

    def mark(self, session: ServerSession) -> None:
        """``session`` has something to write."""
        if session not in self._dirty:
            self._dirty[session] = None
            self.on_dirty()

    # sessions

    def enter_session(self, session: ServerSession, medium: Medium = ANY) -> None:
        """Take in a new session, which a link over ``medium`` begins."""
        if medium.cable:
            self._cables.end_who_was_at(medium.cable)
        session.left = lambda: self._session_detached(session)
        session.ended = lambda: self._session_over(session)
        self.sessions[session.id] = session

    def find_session(self, id_: str, secret: str) -> ServerSession | None:
        """Return the session of that name, under the rules that hold now, if the secret is its own."""
        session = self.sessions.get(id_)
        if session is None or not compare_digest(secret.encode(), session.secret.encode()):
            return None
        if session.permits is not self.permits:  # its turn has not come yet
            self.access_change.bring_under(session)
        return session

    def refuse_if_crowded(self, identity: str, resumed: ServerSession | None) -> None:
        """See that an identity may have one more link, which is to go on with the session ``resumed``, if any.

        Raises:
            RemoteProtocolError: It has as many as it may.
        """
        linked = self._linked.get(identity, ())
        if len(linked) >= self._max_links_per_identity and resumed not in linked:
            text = f"{identity!r} has {len(linked)} links already, and may have no more (max_links_per_identity)"
            raise RemoteProtocolError(text, code="too_many_links")

    def session_attached(self, session: ServerSession, medium: Medium = ANY) -> None:
        """A link over ``medium`` carries the session, perhaps again: its senders claim the names that they lost."""
        self._cables.plug(session, medium)
        if session.peer.identity and not session.peer.identity.startswith(OWN_PROCESS):
            self._linked.setdefault(session.peer.identity, set()).add(session)
        if session.link is not None:
            self.link_up(session.link)
        if session.detached_s is not None:
            self._detached.remove(session)
            session.detached_s = None
            session.hold_again(self.now_s)
        for entry in [entry for entry in session.senders.values() if not self._is_entered(entry)]:
            self._claim_again(session, entry)
        self.mark(session)

    def tick(self, now_s: float) -> None:
        """Do what is due by the clock: requests, readers that hold up others, sessions without a link."""
        self.now_s = now_s
        self.requests.expire(now_s)
        if self._hold_ups.look(now_s):
            self.room_came()
        for session in self._detached.due(now_s):
            if self._detached.is_out_of_time(session, now_s) or not session.is_worth_keeping:
                session.end(link_lost(session))
            else:
                self._give_names_free(session)
        for session in self._detached.over_memory(now_s):
            session.end(link_lost(session))

    def deadline_s(self) -> float | None:
        """Return when ``tick`` is due next."""
        dues = (self.requests.deadline_s(), self._hold_ups.deadline_s(), self._detached.deadline_s())
        return min((due for due in dues if due is not None), default=None)

    @property
    def has_unsent(self) -> bool:
        """Whether events wait for a link, or the other side of one has not acknowledged what was written."""
        up = [session for session in self.sessions.values() if session.link is not None and not session.is_over]
        return any(session.has_unsent for session in up)

    def stop_taking_events(self) -> None:
        """The server closes: what is accepted goes out, and nothing more is accepted."""
        self.is_closing = True
        for session in self.sessions.values():
            session.is_closing = True

    def settle(self) -> None:
        """Do what could not be done while somebody was half-way through the tables: once in each turn of the loop."""
        if self._over:
            self._clear_away()
        if self._stale:
            self.settle_local()
        if self.access_change.is_under_way:
            self.access_change.go_on()
            self.on_dirty()
        if self._room_came:
            self._room_came = False
            for publisher in self._hold_ups.take_waiting():
                publisher.retry()
            self.local.retry()

    def _clear_away(self) -> None:
        """Take out a part of what ended sessions had, so that one which had much does not hold up the others."""
        left = PIECES_A_TURN
        while self._over and left > 0:
            pieces = next(self._over[0], None)
            if pieces is None:
                del self._over[0]
            else:
                left -= pieces
        if self._over:
            self.on_dirty()

    def _is_entered(self, entry: SenderEntry) -> bool:
        return self._senders.get(entry.info.name) is entry

    def _give_names_free(self, session: ServerSession) -> None:
        """Its link did not come back in time: for all others its senders are gone."""
        session.route_the_rest()
        for entry in session.senders.values():
            if self._is_entered(entry):
                self.remove_sender(entry, session.cause)

    def _claim_again(self, session: ServerSession, entry: SenderEntry) -> None:
        """A sender's session came back after its name was given free."""
        try:
            self.enter_sender(entry)
        except SenderExists as error:
            session.lose_sender(entry, error)

    def _session_detached(self, session: ServerSession) -> None:
        linked = self._linked.get(session.peer.identity)
        if linked is not None:
            linked.discard(session)
            if not linked:
                del self._linked[session.peer.identity]
        session.detached_s = self.now_s
        session.give_way()
        self.got_room(session)
        self._detached.add(session, self.now_s)
        self.on_dirty()

    def _session_over(self, session: ServerSession) -> None:
        self._over.append(self._drop_session(session))
        self.on_dirty()

    def _drop_session(self, session: ServerSession) -> Generator[int, None, None]:
        """Take a session out with all that it had; yield how much was done, whenever others may have their turn."""
        session.route_the_rest()
        self.sessions.pop(session.id, None)
        self._detached.remove(session)
        self._hold_ups.forget(session)
        self._dirty.pop(session, None)
        self._routed.pop(session, None)
        self._cables.unplug(session)
        while session.listeners:
            self.remove_listener(session, *session.listeners.popitem())
            yield 1
        for topic in session.told:
            topic.told.discard(session)
        self.requests.end_those_of(session)
        for entry in list(session.senders.values()):
            if self._is_entered(entry):
                self.remove_sender(entry, session.error.cause if session.error else "left")
                yield 1 + len(entry.topics)
            entry.let_go()
        session.let_go()
        if not self.sessions:
            self._departed.clear()  # nobody is left for whom anything could wait
        self.room_came()

    def _forget_topic(self, topic: Topic, told: dict[ServerSession, None]) -> None:
        del self.topics[topic.id]
        self._history.forget(topic.id)
        if topic.sender.session is not None:
            topic.sender.session.routes.pop(topic.id, None)
        else:
            self._local_topics.remove(topic.sender.info.name, topic.event, topic)
        if not self.permits.is_open and any(session.unsettled_size for session in topic.told):
            self._departed[topic.id] = topic.sender.info.name, topic.event
            if len(self._departed) > MAX_DEPARTED:
                self._departed.popitem(last=False)
        for session in topic.told:
            session.told.discard(topic)
            told[session] = None
        topic.told.clear()

    def _forget_routes_of(self, sender: str, event: str | None) -> None:
        entry = self._senders.get(sender)
        if entry is None or entry.session is None:
            return
        if event is None:
            entry.session.routes.clear()
        elif event in entry.topics:
            entry.session.routes.pop(entry.topics[event].id, None)

    def announce(self, session: ServerSession, topic: Topic) -> bool:
        """Have a topic announced to a session that has not heard of it; return whether it can be."""
        told = session.announce(topic)
        if not told:
            session.count(
                "untranslatable",
                f"the names of event {shown(topic.event)} are longer than the {session.peer_limits.max_frame} bytes "
                "that a link accepts; its events were left out for that link",
            )
        return told

    def _tell_presence(self, entry: SenderEntry, presence_for: Callable[[int], bytes]) -> None:
        for session in self._interest.sessions_for_presence(entry.info.name):
            data = presence_for(session.peer_limits.max_frame)
            if session is not entry.session and data and session.accepts(data) and session.sees(entry.info.name):
                session.put_event_frame(data)
                self.mark(session)

    def _left_out(self, reasons: list[str], readers: Iterable[tuple[ServerSession, Policy]]) -> None:
        """Take down, for each reader, the events that cannot be had in its codec or are too long for it."""
        for why in reasons:
            for session, _policy in readers:
                session.count("untranslatable", f"{why}; it was left out for that link")


def presence_fields(info: SenderInfo, *, connected: bool = True, cause: str = "") -> dict[str, Any]:
    """Return the fields of a PRESENCE, which also describe a sender in the answer to a QUERY."""
    fields: dict[str, Any] = {"sender": info.name, "connected": connected}
    if connected:
        fields |= {"events": info.events, "requests": info.requests}
    if cause:
        fields["cause"] = cause
    if info.peer is not None:
        fields["peer"] = peer_fields(info.peer)
    return fields


def presence_frame(fields: Mapping[str, Any]) -> bytes:
    """Return a PRESENCE frame of these fields."""
    return frame(Kind.PRESENCE, 0, write_body(fields))


def brief(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return what describes a sender without its events and methods, for a link that takes only short frames."""
    return {name: value for name, value in fields.items() if name not in ("events", "requests")}


def peer_fields(peer: Peer) -> dict[str, str]:
    """Return a peer as the fields of a control frame."""
    return {"name": peer.name, "identity": peer.identity} if peer.identity else {"name": peer.name}


def _nothing() -> None:
    pass


def _ignore(_link: Link) -> None:
    pass
