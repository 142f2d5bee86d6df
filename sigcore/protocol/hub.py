# SPDX-License-Identifier: MIT
"""What a server knows: the senders, who wants what, and where each event goes. No I/O, no clock.

Theory of operation: each (sender, event) has one topic number for all links, so the bytes that come in are the bytes
that go out. A publisher (a link, or the server's own process) has a dict from topic number to route; routes are built
at first use and forgotten when a change of listeners touches them. An event that cannot go on, because a reader has
no room, stays with its publisher, whose credit then simply stops.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

from .._drops import Drops
from .._errors import SenderExists
from .._index import EventIndex
from .._info import Peer, SenderInfo
from .bodies import write_body
from .calls import Answerer, Asker
from .frames import HEADER_BYTES, Kind, frame, split_run
from .interest import Interest
from .routes import Route, Routes, SenderEntry, Topic
from .switchboard import Switchboard
from .translate import translate_run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .._codec import Codec
    from .._listener import Key
    from .._signal import Signal
    from .server_link import ServerLink

MAX_LISTENERS = MAX_SENDERS = 100_000
"""Senders and listeners that a server takes from all its links together."""

MAX_EVENTS = 1_000
"""Events, and methods, that a sender of a link may declare."""

MAX_LINK_TOPICS = 20_000
"""Events of all senders of one link: what takes long to clear away when it ends holds up the others."""

MAX_TOPICS = 1_000_000
"""Events of all senders together."""

MAX_TOPIC_ID = 0xFFFF_FFFF
"""Topic numbers are used once; a server that has used them all takes no more senders of links until it is restarted."""


class LocalSide(Answerer, Asker, Protocol):
    """The server's own process, as the hub sees it."""

    @property
    def is_full(self) -> bool:
        """Whether events for the process's own listeners must wait."""

    def sender_came(self, info: SenderInfo) -> Mapping[str, Signal[Any]]:
        """Enter a sender of a link; return what reaches the process's own listeners, by event."""

    def sender_left(self, info: SenderInfo) -> None:
        """Take a sender of a link out."""

    def deliver(self, signal: Signal[Any], codec: Codec, kind: int, body: bytes) -> None:
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
        drops: Counts what is dropped or refused.
        links: The links that are up.
        topics: Every topic by number.
        listeners: How many listeners the links have.
        requests: Passes requests on, and what becomes of them.
        presence_size: Bytes of PRESENCE that tell of every connected sender.
        on_dirty: Called when a link that had nothing to write has something.
    """

    def __init__(self, *, name: str, server_id: str, epoch: str, drops: Drops) -> None:
        self.name = name
        self.server_id = server_id
        self.epoch = epoch
        self.codecs: dict[str, Codec] = {}
        self.drops = drops
        self.local: LocalSide
        self.links: dict[ServerLink, None] = {}
        self.topics: dict[int, Topic] = {}
        self._dirty: dict[ServerLink, None] = {}
        self.on_dirty: Callable[[], None] = _nothing
        self.listeners = 0
        self.presence_size = 0
        self._senders: dict[str, SenderEntry] = {}
        self._local_topics: EventIndex[Topic] = EventIndex()  # those of the server's own senders
        self._stale: set[Key] = set()  # what they must be looked at for
        self._routed: dict[ServerLink, None] = {}  # links that have routes
        self._interest = Interest()
        self._routes = Routes()
        self.requests = Switchboard(self.sender, lambda: self.local, drops, name)
        self._topics_ever = 0
        self._names: list[str] | None = None  # of the senders, sorted when somebody needs it
        self._waiting: dict[ServerLink, None] = {}  # publishers whose events wait for room
        self._all_present: tuple[int, bytes] | None = None  # the longest PRESENCE frame, and all of them joined

    # senders

    def add_sender(self, info: SenderInfo, has_fallback: bool, link: ServerLink | None) -> SenderEntry:
        """Enter a sender of a link, or with ``None`` of the server's own process, and tell whoever wants to know.

        Raises:
            SenderExists: The name is taken.
        """
        held = self._senders.get(info.name)
        if held is not None:
            where = f"by {held.info.peer.name!r}" if held.info.peer else "by the server itself"
            raise SenderExists(
                f"sender {info.name!r} is connected already, {where}; remove it there, or take another name"
            )
        entry = SenderEntry(info, has_fallback, link)
        signals = self.local.sender_came(info) if link is not None else {}
        for event in info.events:
            self._topics_ever += 1
            topic = Topic(self._topics_ever, entry, event, signals.get(event))
            entry.topics[event] = self.topics[topic.id] = topic
            if link is None:
                self._local_topics.add(info.name, event, topic)
        fields = presence_fields(info)
        entry.presence = (presence_frame(fields), presence_frame(brief(fields)))
        self._senders[info.name] = entry
        self.presence_size += len(entry.presence[0])
        self._all_present = self._names = None
        self._tell_presence(entry, entry.presence_for)
        for waiting, listener_id, event in self._interest.undeclared(info.name, info.events):
            waiting.notice_undeclared(listener_id, info, event)
        return entry

    def remove_sender(self, entry: SenderEntry, code: str = "sender_lost") -> None:
        """Take a sender out, end the requests to it, and tell whoever wants to know."""
        info = entry.info
        del self._senders[info.name]
        self.presence_size -= len(entry.presence[0])
        self._all_present = self._names = None
        owner: Answerer = entry.link or self.local
        self.requests.end_those_to(owner, info.name, code)
        told: dict[ServerLink, None] = {}
        for topic in entry.topics.values():
            self._forget_topic(topic, told)
        gone = frame(Kind.REMOVE_SENDER, 0, write_body({"sender": info.name}))
        for link in told:
            link.put_event_frame(gone)
            self.mark(link)
        left = presence_frame(presence_fields(info, connected=False))
        self._tell_presence(entry, lambda _longest: left)
        if entry.link is not None:
            self.local.sender_left(info)

    def sender(self, name: str) -> SenderEntry | None:
        """Return a connected sender."""
        return self._senders.get(name)

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
        return [link.peer for link in self.links if link.peer is not None]

    # listeners

    def add_listener(self, link: ServerLink, listener_id: int, key: Key) -> None:
        """Enter a listener of a link."""
        self._interest.add(link, listener_id, key)
        self.listeners += 1
        self.touch(key)
        sender, event = key
        entry = self._senders.get(sender) if sender is not None else None
        if entry is not None and event is not None and not event.startswith("#") and event not in entry.topics:
            link.notice_undeclared(listener_id, entry.info, event)

    def remove_listener(self, link: ServerLink, listener_id: int, key: Key) -> None:
        """Take a listener of a link out."""
        self._interest.remove(link, listener_id, key)
        self.listeners -= 1
        self.touch(key)

    def present(self, sender: str | None, longest: int) -> bytes:
        """Return the PRESENCE frames of one connected sender, or of all, for a link that takes bodies that long."""
        if sender is not None:
            entry = self._senders.get(sender)
            return entry.presence_for(longest) if entry is not None else b""
        if self._all_present is None:
            full = [entry.presence[0] for entry in self._senders.values()]
            self._all_present = (max(map(len, full), default=0), b"".join(full))
        if self._all_present[0] <= longest:
            return self._all_present[1]
        return b"".join(entry.presence_for(longest) for entry in self._senders.values())

    def touch(self, key: Key) -> None:
        """Somebody came or went who wants, or wanted, ``key``: forget the routes that this concerns.

        What is forgotten was earned by events that went that way, so a peer that comes and goes costs others little.
        """
        sender, event = key
        if sender is None:
            for link in self._routed:
                link.routes.clear()
            self._routed.clear()
        else:
            self._forget_routes_of(sender, event)
        if self._local_topics.matching(key):
            self._stale.add(key)
            self.on_dirty()

    def settle_local(self) -> None:
        """Have the routes of the server's own senders seen again, once for all that came and went in a turn."""
        stale, self._stale = self._stale, set()
        topics = {topic: None for key in stale for topic in self._local_topics.matching(key)}
        for topic in topics:
            self.local.route_changed(topic)
        if topics:
            self.local.retry()  # whoever was full may be gone

    # events

    def route(self, topic: Topic) -> Route:
        """Resolve where a topic goes now, and announce it to the links that have not heard of it."""
        links = self._interest.links_for(topic.sender.info.name, topic.event)
        owner = topic.sender.link
        if owner is not None:
            self._routed[owner] = None
        found = [link for link in links if link is not owner and self._announce(link, topic)]
        return self._routes.get(found, topic.signal is not None and topic.signal.has_listeners)

    def forward(self, run: bytes, count: int, codec: Codec, longest: int, route: Route) -> None:
        """Give a run of events to every link of its route and to the server's own process.

        Args:
            run: Whole EVENT and EVENT_META frames.
            count: How many.
            codec: The codec of their bodies.
            longest: The longest body that may be among them.
            route: Where they go.
        """
        for target, accepts, links in route.groups:
            if target.name == codec.name and accepts >= longest:
                data, number = run, count
            else:
                data, number = translate_run(run, codec, target, accepts, self._refused)
                if not number:
                    continue
            for link in links:
                link.put_events(data, number)
                self.mark(link)
        if route.local:
            for kind, id_, body in split_run(run):
                signal = self.topics[id_].signal
                if signal is not None:
                    self.local.deliver(signal, codec, kind, body)

    def publish(self, route: Route, frames: Mapping[str, bytes]) -> None:
        """Give one event of the server's own to every link of its route.

        Args:
            route: Where it goes.
            frames: Its frame in each codec that was wanted when it was triggered; whoever came since came too late.
        """
        for codec, accepts, links in route.groups:
            data = frames.get(codec.name)
            if data is None:
                continue
            if len(data) - HEADER_BYTES > accepts:
                self._refused(
                    f"an event of {len(data) - HEADER_BYTES} bytes is longer than the {accepts} that the link accepts"
                )
                continue
            for link in links:
                link.put_events(data, 1)
                self.mark(link)

    def wants_room(self, publisher: ServerLink) -> None:
        """Events of ``publisher`` wait; it is retried when a reader has room again."""
        self._waiting[publisher] = None

    def room_came(self) -> None:
        """A reader that was full has room: let the publishers try what waits."""
        waiting, self._waiting = self._waiting, {}
        for publisher in waiting:
            publisher.retry()
        self.local.retry()

    def take_dirty(self) -> list[ServerLink]:
        """Return the links that have something to write, and forget that they have."""
        dirty, self._dirty = self._dirty, {}
        return list(dirty)

    def mark(self, link: ServerLink) -> None:
        """``link`` has something to write."""
        if link not in self._dirty:
            self._dirty[link] = None
            self.on_dirty()

    # links

    def drop_link(self, link: ServerLink) -> None:
        """Take a link out with all that it had."""
        self.links.pop(link, None)
        self._dirty.pop(link, None)
        self._waiting.pop(link, None)
        self._routed.pop(link, None)
        if link.unrouted:
            text = f"events that {link.peer.name if link.peer else '?'!r} sent just before its link ended were dropped"
            self.drops.count("publisher_lost", text, link.unrouted)
        for listener_id, key in link.listeners.items():
            self.remove_listener(link, listener_id, key)
        link.listeners.clear()
        for topic in link.told:
            topic.told.discard(link)
        self.requests.end_those_of(link)
        for entry in list(link.senders.values()):
            self.remove_sender(entry)
        link.senders.clear()
        self.room_came()

    def _forget_topic(self, topic: Topic, told: dict[ServerLink, None]) -> None:
        del self.topics[topic.id]
        if topic.sender.link is not None:
            topic.sender.link.routes.pop(topic.id, None)
        else:
            self._local_topics.remove(topic.sender.info.name, topic.event, topic)
        for link in topic.told:
            link.told.discard(topic)
            told[link] = None
        topic.told.clear()

    def _forget_routes_of(self, sender: str, event: str | None) -> None:
        entry = self._senders.get(sender)
        if entry is None or entry.link is None:
            return
        if event is None:
            entry.link.routes.clear()
        elif event in entry.topics:
            entry.link.routes.pop(entry.topics[event].id, None)

    def _announce(self, link: ServerLink, topic: Topic) -> bool:
        told = link.announce(topic)
        if not told:
            self._refused(
                f"the names of event {topic.event!r} are longer than the {link.peer_limits.max_frame} bytes "
                "that a link accepts"
            )
        return told

    def _tell_presence(self, entry: SenderEntry, presence_for: Callable[[int], bytes]) -> None:
        for link in self._interest.links_for_presence(entry.info.name):
            data = presence_for(link.peer_limits.max_frame)
            if link is not entry.link and data and link.accepts(data):
                link.put_event_frame(data)
                self.mark(link)

    def _refused(self, why: str) -> None:
        self.drops.count("untranslatable", f"{why}; it was left out for that link")


def presence_fields(info: SenderInfo, *, connected: bool = True) -> dict[str, Any]:
    """Return the fields of a PRESENCE, which also describe a sender in the answer to a QUERY."""
    fields: dict[str, Any] = {"sender": info.name, "connected": connected}
    if connected:
        fields |= {"events": info.events, "requests": info.requests}
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
