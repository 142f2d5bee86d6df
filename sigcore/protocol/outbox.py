# SPDX-License-Identifier: MIT
"""Events that are not written yet: bounded, filled from any thread, and at a client kept while there is no link."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from .._errors import BufferFull, DeliveryError, DeliveryUnknown, FrameTooLarge, RouterClosed
from .bodies import join_meta, write_gap
from .frames import HEADER, HEADER_BYTES, Kind, frame

if TYPE_CHECKING:
    from .._codec import Codec
    from .._drops import Drops
    from .._info import EventInfo
    from .._signal import Signal
    from .client_session import Answer, ClientSession

Item = TypeVar("Item")

REFUSED = -1
"""Stands for a topic's number when the server refused its sender."""


class Outlet:
    """Hands the events of one local signal to the outbox; the first call of that signal.

    Attributes:
        sender: The sender's name.
        topic_id: The number of the topic on the present link; ``None`` while the server has not given one.
        is_removed: Whether its sender was removed; what is in the outbox still goes out by the present link.
    """

    __slots__ = ("_codec", "_outbox", "_signal", "is_removed", "sender", "topic_id")

    def __init__(self, signal: Signal[Any], codec: Codec, outbox: Outbox) -> None:
        self.sender = signal.sender
        self.topic_id: int | None = None
        self.is_removed = False
        self._signal = signal
        self._codec = codec
        self._outbox = outbox

    def __call__(self, info: EventInfo, data: Any) -> None:
        """Encode an event and put it into the outbox."""
        kind, body = event_body(self._codec, self._signal, info, data)
        outbox = self._outbox
        check_size(body, outbox.longest)
        outbox.put((self, kind, body, None), HEADER_BYTES + len(body))

    def deliver(self, info: EventInfo, data: Any, answer: Answer) -> None:
        """The same; ``answer`` gets what the server says once it has taken the event, from whatever thread."""
        kind, body = event_body(self._codec, self._signal, info, data)
        check_size(body, self._outbox.longest)
        self._outbox.put((self, kind, body, answer), 2 * HEADER_BYTES + len(body))


class EventBuffer(Generic[Item]):
    """Events that wait to be written: bounded, and filled from any thread.

    Args:
        limit: Bytes that it holds, headers included.
        drops: Counts what is dropped.
        may_wait_s: Called when it is full: how long the calling thread may wait for room.

    Attributes:
        is_online: Whether what is put in can go out. While it cannot, the oldest give way when there is no room.
        on_item: Called when something was put in that was not there at the last take.
        on_room: Called when something was taken and there is room.
    """

    def __init__(self, limit: int, drops: Drops, may_wait_s: Callable[[], float]) -> None:
        self._limit = limit
        self._drops = drops
        self._may_wait_s = may_wait_s
        self._items: deque[tuple[Item, int]] = deque()
        self._size = 0
        # Entered as a lock: Ctrl-C may strike inside the Python code that enters a Condition, which then stays locked.
        self._lock = threading.RLock()
        self._room = threading.Condition(self._lock)
        self._told = False
        self._is_closed = False
        self.is_online = False
        self.on_item: Callable[[], None] = _nothing
        self.on_room: Callable[[], None] = _nothing

    @property
    def has_room(self) -> bool:
        """Whether the next event would be taken at once."""
        return self._size < self._limit

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits to be written."""
        return not self._items

    def put(self, item: Item, size: int) -> None:
        """Put in one event of ``size`` bytes.

        Raises:
            BufferFull: There is no room, and none came while the thread waited as long as it may.
            RouterClosed: The router was closed.
        """
        with self._lock:
            if self._size >= self._limit:
                self._make_room()
            self._items.append((item, size))
            self._size += size
            tell, self._told = not self._told, True
        if tell:
            self.on_item()

    def put_in_any_case(self, item: Item, size: int) -> None:
        """Put in what there must always be room for: frames that are no events."""
        with self._lock:
            self._items.append((item, size))
            self._size += size
        self.on_item()

    def take(self, take: Callable[[Item], bool]) -> None:
        """Give the items in their order to ``take`` until it returns false; that one stays."""
        with self._lock:
            items, taken = self._items, 0
            while items and take(items[0][0]):
                taken += items.popleft()[1]
            self._size -= taken
            self._told = False
            has_room = taken > 0 and self._size < self._limit
            if has_room:
                self._room.notify_all()
        if has_room:
            self.on_room()

    def close(self) -> None:
        """Take nothing more: what is put in from now on raises."""
        with self._lock:
            self._is_closed = True
            self._limit = 0  # so that put has to look why
            self._room.notify_all()

    def _make_room(self) -> None:
        if self.is_online and (wait_s := self._may_wait_s()) > 0:
            self._room.wait_for(self._need_not_wait, wait_s)
        if self._is_closed:
            raise RouterClosed("the router was closed; its senders can trigger nothing any more")
        if self.is_online and self._size >= self._limit:
            raise BufferFull(
                f"{self._size} bytes of events wait to be sent, at most {self._limit} may (event_queue); "
                "await drain(), trigger less often, or allow more"
            )
        kept = []
        while self._items and self._size >= self._limit:
            item, size = self._items.popleft()
            if self._may_drop(item):
                self._size -= size
                self._dropped(item)
                self._drops.count("disconnected", "too many events while there was no link; the oldest were dropped")
            else:
                kept.append((item, size))
        self._items.extendleft(reversed(kept))

    def _may_drop(self, item: Item) -> bool:
        """Whether an item is an event, which may be dropped while there is no link."""
        return True

    def _dropped(self, item: Item) -> None:
        """Take down that an event was dropped while there was no link."""

    def _need_not_wait(self) -> bool:
        return self._size < self._limit or self._is_closed or not self.is_online


OutboxItem = tuple["Outlet | None", int, bytes, "Answer | None"]
"""(outlet, kind, body, who waits for it to be taken); without an outlet it is no event."""


class Outbox(EventBuffer[OutboxItem]):
    """The events of a client, kept by sender and event until they get their topic's number as they are written.

    Events that are lost here are told to those who listen: a gap stands in front of what is left.

    Attributes:
        longest: The longest event body that the other side accepts, or our own limit while it is not known.
    """

    def __init__(self, limit: int, longest: int, drops: Drops, may_wait_s: Callable[[], float]) -> None:
        super().__init__(limit, drops, may_wait_s)
        self.longest = longest
        self._gaps: dict[tuple[Outlet, str], int | None] = {}  # by cause: how many are lost
        self._late_sync: Answer | None = None  # of the event written last, where its SYNC had no room any more

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits to be written."""
        can_be_told = any(outlet.topic_id != REFUSED for outlet, _cause in self._gaps)
        return not self._items and not can_be_told and self._late_sync is None

    def take_frames(self, parts: list[bytes], room: int, most: int, session: ClientSession) -> tuple[int, list[bytes]]:
        """Append frames to ``parts`` while they begin within ``room`` bytes, up to about ``most``.

        Events whose topic has no number yet wait, with all behind them; those of a sender that was refused are
        dropped and counted.

        Returns:
            The bytes appended, and the body of the frame among them that is no event, if there is one: it is the last.
        """
        size = self._take_late_sync(parts, room, session)
        if self._gaps:
            size += self._take_gaps(parts, room - size)
        others: list[bytes] = []
        pack, room = HEADER.pack, min(room, most)

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
            parts.append(pack(len(body), kind, topic_id))
            parts.append(body)
            size += HEADER_BYTES + len(body)
            if answer is not None:
                self._late_sync = answer
                size += self._take_late_sync(parts, room - size, session)
            return True

        self.take(take)
        return size, others

    def session_lost(self, lost: Collection[Outlet]) -> None:
        """Forget what concerned the session that is over: topic numbers, and frames that are no events.

        Args:
            lost: Those of which events were written and may not have arrived.
        """
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
        why = f"events of sender {outlet.sender!r} were dropped: the server does not know it (refused, or removed)"
        self._drops.count("sender_unknown", why)
        if not outlet.is_removed:
            self._note_gap(outlet)  # told when the server takes the sender after all
        if answer is not None:
            answer(None, DeliveryError(why))

    def _too_long(self, outlet: Outlet, answer: Answer | None) -> bytes:
        """Return the body of the gap that stands in the place of an event."""
        why = f"an event of sender {outlet.sender!r} was dropped: the server accepts {self.longest} bytes"
        self._drops.count("too_large", why)
        if answer is not None:
            answer(None, DeliveryError(why))
        return write_gap(1, "too_large")


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
