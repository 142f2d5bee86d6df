# SPDX-License-Identifier: MIT
"""Events that are not written yet: bounded, filled from any thread, and at a client kept while there is no link."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING, Any

from .._errors import DeliveryError, DeliveryUnknown, FrameTooLarge
from .._shown import shown
from .bodies import join_meta, write_gap
from .event_buffer import EventBuffer
from .frames import HEADER, HEADER_BYTES, Kind, frame

if TYPE_CHECKING:
    from .._codec import Codec
    from .._drops import Drops
    from .._info import EventInfo
    from .._signal import Signal
    from .client_session import Answer, ClientSession

REFUSED = -1
"""Stands for a topic's number when the server refused its sender."""

MOST_FRESH = 1_000
"""How many events are taken on trust before their bytes are counted."""

FRESH_BYTES = 2_048
"""How long such an event may be, at most."""

MOST_HEADERS = 64
"""How many headers are kept for a topic, about 8 KB: events of one topic are of few lengths, or of too many."""

FRESH_WAIT_S = 0.01
"""How long a thread that may wait lets the loop write them; then the link is slow, and their bytes are counted."""

_EVENT = int(Kind.EVENT)


class Headers(dict[int, bytes]):
    """The headers of one topic's EVENT frames, by the length of the body; the same come again and again."""

    def __init__(self, topic_id: int) -> None:
        super().__init__()
        self._topic_id = topic_id

    def __missing__(self, length: int) -> bytes:
        header = HEADER.pack(length, _EVENT, self._topic_id)
        if len(self) < MOST_HEADERS:
            self[length] = header
        return header


class Outlet:
    """Hands the events of one local signal to the outbox; the first call of that signal.

    Attributes:
        sender: The sender's name.
        headers: Those of its frames on the present link, once the server has given its topic a number.
        is_removed: Whether its sender was removed; what is in the outbox still goes out by the present link.
    """

    __slots__ = ("_codec", "_encode", "_info", "_outbox", "_signal", "_topic_id", "headers", "is_removed", "sender")

    def __init__(self, signal: Signal[Any], codec: Codec, outbox: Outbox) -> None:
        self.sender = signal.sender
        self.headers: Headers | None = None
        self.is_removed = False
        self._topic_id: int | None = None
        self._signal = signal
        self._info = signal.info
        self._codec = codec
        self._encode = codec.encode
        self._outbox = outbox

    @property
    def topic_id(self) -> int | None:
        """The number of the topic on the present link; ``None`` while the server has not given one."""
        return self._topic_id

    @topic_id.setter
    def topic_id(self, number: int | None) -> None:
        self._topic_id = number
        self.headers = None if number is None or number == REFUSED else Headers(number)

    def __call__(self, info: EventInfo, data: Any) -> None:
        """Encode an event and put it into the outbox."""
        if info is not self._info:
            self._put(*event_body(self._codec, self._signal, info, data))
            return
        writer = self._signal.writer
        body = self._encode(data if writer is None else writer(data))
        outbox = self._outbox
        if len(body) > outbox.trusted:
            self._put(_EVENT, body)
            return
        fresh = outbox.fresh
        fresh.append((self, body))
        if not outbox.is_told:
            outbox.tell()
        elif len(fresh) >= MOST_FRESH:
            outbox.let_write()

    def _put(self, kind: int, body: bytes) -> None:
        check_size(body, self._outbox.longest)
        self._outbox.put((self, kind, body, None), HEADER_BYTES + len(body))

    def deliver(self, info: EventInfo, data: Any, answer: Answer) -> None:
        """The same; ``answer`` gets what the server says once it has taken the event, from whatever thread."""
        kind, body = event_body(self._codec, self._signal, info, data)
        check_size(body, self._outbox.longest)
        self._outbox.put((self, kind, body, answer), 2 * HEADER_BYTES + len(body))


OutboxItem = tuple["Outlet | None", int, bytes, "Answer | None"]
"""(outlet, kind, body, who waits for it to be taken); without an outlet it is no event."""


class Outbox(EventBuffer[OutboxItem]):
    """The events of a client, kept by sender and event until they get their topic's number as they are written.

    Events that are lost here are told to those who listen: a gap stands in front of what is left.

    As long as all that is put in is written in the same turn of the loop, short events are taken on trust: appended to
    ``fresh``, which needs no lock, and written without being looked at one by one. What cannot be written then, or is
    in any way special, makes them *settle* among those whose bytes are counted one by one.

    Attributes:
        longest: The longest event body that the other side accepts, or our own limit while it is not known.
        fresh: Events that were taken on trust, behind all others: at most about ``MOST_FRESH``.
        trusted: The longest body that is; -1 while none is.
    """

    def __init__(self, limit: int, longest: int, drops: Drops, may_wait_s: Callable[[], float]) -> None:
        super().__init__(limit, drops, may_wait_s)
        self.longest = longest
        self.fresh: deque[tuple[Outlet, bytes]] = deque()
        self.trusted = -1
        self._gaps: dict[tuple[Outlet, str], int | None] = {}  # by cause: how many are lost
        self._late_sync: Answer | None = None  # of the event written last, where its SYNC had no room any more

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits to be written."""
        can_be_told = any(outlet.topic_id != REFUSED for outlet, _cause in self._gaps)
        return not self._items and not self.fresh and not can_be_told and self._late_sync is None

    @property
    def has_room(self) -> bool:
        """Whether nobody need wait: with a link, while no more is there than a turn of the loop writes."""
        if not self.is_online:
            return super().has_room
        return not self._items and self._has_fresh_room()

    def put(self, item: OutboxItem, size: int) -> None:
        """Put in one event of ``size`` bytes (see ``EventBuffer.put``)."""
        self.settle()
        super().put(item, size)

    def put_in_any_case(self, item: OutboxItem, size: int) -> None:
        """Put in what there must always be room for: frames that are no events."""
        self.settle()
        super().put_in_any_case(item, size)

    def let_write(self) -> None:
        """Wait a moment for what was taken on trust to be written, if the calling thread may; settle it otherwise.

        A thread that goes on instead keeps the loop's thread, which needs the interpreter's lock, from writing.
        """
        if self.is_online and self._may_wait_s() > 0:
            with self._lock:
                self._room.wait_for(self._has_fresh_room, FRESH_WAIT_S)
        if len(self.fresh) >= MOST_FRESH:
            self.settle()

    def _has_fresh_room(self) -> bool:
        return len(self.fresh) <= MOST_FRESH // 2 or not self.is_online

    def settle(self) -> None:
        """Count the bytes of what was taken on trust, and take nothing more so until all is written."""
        if self.trusted < 0 and not self.fresh:
            return
        with self._lock:
            self.trusted = -1
            while self.fresh:
                outlet, body = self.fresh.popleft()
                size = HEADER_BYTES + len(body)
                self._items.append(((outlet, _EVENT, body, None), size))
                self._size += size

    def close(self) -> None:
        """Take nothing more: what is put in from now on raises."""
        self.settle()
        super().close()

    def take_frames(self, parts: list[bytes], room: int, most: int, session: ClientSession) -> tuple[int, list[bytes]]:
        """Append frames to ``parts`` while they begin within ``room`` bytes, up to about ``most``.

        Events whose topic has no number yet wait, with all behind them; those of a sender that was refused are
        dropped and counted.

        Returns:
            The bytes appended, and the body of the frame among them that is no event, if there is one: it is the last.
        """
        self.is_told = False  # first: what is put in from now on is told again
        if not (self.fresh or self._items or self._gaps or self._late_sync is not None):
            self.trusted = self._most_trusted()
            return 0, []
        size = self._take_late_sync(parts, room, session)
        if self._gaps:
            size += self._take_gaps(parts, room - size)
        others: list[bytes] = []
        most = min(room, most)
        if not self._items:
            size += self._take_fresh(parts, most - size)
        if self._items:
            self.settle()  # what a thread took on trust while others settled
            size, others = self._take_settled(parts, size, most, session)
        if self.has_room:
            self.on_room()
        return size, others

    def _take_settled(
        self, parts: list[bytes], size: int, room: int, session: ClientSession
    ) -> tuple[int, list[bytes]]:
        """Append frames one by one, behind ``size`` bytes of others in ``parts``; return as ``take_frames`` does."""
        others: list[bytes] = []
        pack = HEADER.pack

        def take(item: OutboxItem) -> bool:
            nonlocal size
            outlet, kind, body, answer = item
            topic_id = 0 if outlet is None else outlet.topic_id
            if size >= room or topic_id is None or others:  # events behind a removal may be of who was removed
                return False
            if outlet is None:
                others.append(body)
            elif topic_id == REFUSED:
                self._refuse(outlet, answer)
                return True
            elif len(body) > self.longest:
                kind, body = Kind.GAP, self._too_long(outlet, answer)
                answer = None
            parts.append(pack(len(body), kind, topic_id) + body)  # whole, since it may be written by itself
            size += HEADER_BYTES + len(body)
            if answer is not None:
                self._late_sync = answer
                size += self._take_late_sync(parts, room - size, session)
            return True

        self.take(take)
        return size, others

    def _most_trusted(self) -> int:
        return min(FRESH_BYTES, self.longest, self._limit // (2 * MOST_FRESH))

    def _take_fresh(self, parts: list[bytes], room: int) -> int:
        """Append what was taken on trust, as far as it begins within ``room`` bytes; return the bytes appended.

        What has no number, or is refused, settles with all behind it.
        """
        taken = 0
        with self._lock:
            if self._items:  # a thread has put in one that stands before what it triggers next
                return 0
            self.trusted = self._most_trusted()
            had_room = self._has_fresh_room()
            while self.fresh and taken < room:
                count = max(1, min(len(self.fresh), (room - taken) // (HEADER_BYTES + FRESH_BYTES)))
                events = [self.fresh.popleft() for _ in range(count)]
                data, done = _frames_of(events)
                parts.append(data)
                taken += len(data)
                if done < count:
                    self.fresh.extendleft(reversed(events[done:]))
                    self.settle()
                    break
            if not had_room and self._has_fresh_room():
                self._room.notify_all()
        return taken

    def session_lost(self, lost: Collection[Outlet]) -> None:
        """Forget what concerned the session that is over: topic numbers, and frames that are no events.

        Args:
            lost: Those of which events were written and may not have arrived.
        """
        self.settle()
        with self._lock:
            self._items = deque(entry for entry in self._items if entry[0][0] is not None)
            self._size = sum(size for _item, size in self._items)
            for (outlet, _kind, _body, _answer), _size in self._items:
                assert outlet is not None
                outlet.topic_id = REFUSED if outlet.is_removed else None
            for outlet in lost:
                if not outlet.is_removed:
                    self._gaps[outlet, "session_lost"] = None
        answer, self._late_sync = self._late_sync, None
        if answer is not None:
            answer(None, DeliveryUnknown("the session was lost before the server said that it has the event"))

    def names_lost(self, outlets: Collection[Outlet]) -> None:
        """The server gave a sender's name to another: what was written since may have gone nowhere."""
        with self._lock:
            self._gaps.update(dict.fromkeys((outlet, "disconnected") for outlet in outlets))

    def _take_late_sync(self, parts: list[bytes], room: int, session: ClientSession) -> int:
        """Ask, directly behind an event, whether the server has it; return the bytes appended, none without room."""
        if self._late_sync is None or room <= 0:
            return 0
        answer, self._late_sync = self._late_sync, None
        parts.append(HEADER.pack(0, Kind.SYNC, session.sync(answer)))
        return HEADER_BYTES

    def _take_gaps(self, parts: list[bytes], room: int) -> int:
        size = 0
        with self._lock:
            for (outlet, cause), count in list(self._gaps.items()):
                if size < room and outlet.topic_id not in (None, REFUSED):
                    del self._gaps[outlet, cause]
                    parts.append(frame(Kind.GAP, outlet.topic_id, write_gap(count, cause)))
                    size += len(parts[-1])
                elif outlet.topic_id == REFUSED and outlet.is_removed:
                    del self._gaps[outlet, cause]  # nobody will ever know its topic
        return size

    def _may_drop(self, item: OutboxItem) -> bool:
        return item[0] is not None

    def _dropped(self, item: OutboxItem) -> None:
        outlet, _kind, _body, answer = item
        assert outlet is not None
        self._note_gap(outlet)
        if answer is not None:
            answer(None, DeliveryError("the event was dropped: too many were triggered while there was no link"))

    def _note_gap(self, outlet: Outlet) -> None:
        count = self._gaps.get((outlet, "disconnected"), 0)
        self._gaps[outlet, "disconnected"] = None if count is None else count + 1

    def _refuse(self, outlet: Outlet, answer: Answer | None) -> None:
        why = f"events of sender {shown(outlet.sender)} were dropped: the server does not know it (refused, or removed)"
        self._drops.count("sender_unknown", why)
        if not outlet.is_removed:
            self._note_gap(outlet)  # told when the server takes the sender after all
        if answer is not None:
            answer(None, DeliveryError(why))

    def _too_long(self, outlet: Outlet, answer: Answer | None) -> bytes:
        """Return the body of the gap that stands in the place of an event."""
        why = f"an event of sender {shown(outlet.sender)} was dropped: the server accepts {self.longest} bytes"
        self._drops.count("too_large", why)
        if answer is not None:
            answer(None, DeliveryError(why))
        return write_gap(1, "too_large")


def _frames_of(events: Iterable[tuple[Outlet, bytes]]) -> tuple[bytes, int]:
    """Return the frames of events up to the first that has no topic's number, and how many they are."""
    parts: list[bytes] = []
    append = parts.append
    last: Outlet | None = None
    headers: Headers | None = None
    for outlet, body in events:
        if outlet is not last:
            last, headers = outlet, outlet.headers
        if headers is None:
            break
        append(headers[len(body)])
        append(body)
    return b"".join(parts), len(parts) // 2


def event_body(codec: Codec, signal: Signal[Any], info: EventInfo, data: Any) -> tuple[int, bytes]:
    """Return kind and body of an event's frame in ``codec``.

    Raises:
        CodecError: The data, or what its type takes apart into, has no form in the codec.
    """
    if signal.writer is not None:
        data = signal.writer(data)
    body = codec.encode(data)
    if info.meta:
        return Kind.EVENT_META, join_meta(codec.encode(dict(info.meta)), body)
    return Kind.EVENT, body


def check_size(body: bytes, longest: int) -> None:
    """Raise ``FrameTooLarge`` where an event is longer than ``longest`` bytes."""
    if len(body) > longest:
        raise FrameTooLarge(f"the event has {len(body)} bytes, at most {longest} are accepted (max_frame)")


def _nothing() -> None:
    pass
