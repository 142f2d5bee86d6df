# SPDX-License-Identifier: MIT
"""What outlives a link, whichever side: the two streams of counted frames, and all that was registered.

Theory of operation (docs/protocol.md, "Sessions"): each direction is one stream of bytes, made of counted frames in
the order written. The other side acknowledges the offset of the last whole frame; what is not acknowledged is kept as
it was written, in the pieces in which it was written, so that an event costs nothing more for it. When a link is lost
the session is *detached*; the next link *attaches* it, and writes again from the offset that the other side names.
What frames mean is the business of the two subclasses, one for each role, by the table ``handlers``.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from .._errors import LINK_LOST, LinkError, RemoteProtocolError
from .._limits import LinkOptions
from .bodies import write_ack
from .frames import FIRST_EVENT_LANE, HEADER, HEADER_BYTES, KIND_AT, Item, Kind, frame, split_run

if TYPE_CHECKING:
    from .link import Link

ACK_BYTES = 256 * 1024
"""Bytes after which an acknowledgement is written at once."""

BURST_FRAMES = 20
"""How many frames of control make a write of their own; with fewer a write costs more than the other side gains."""

_REQUEST = int(Kind.REQUEST)  # compared for every frame, and an enumeration's member is slow to get
_REPLY = int(Kind.REPLY)

CONTROL_RESERVE_BYTES = 256 * 1024
"""Events stop this far below the window of unacknowledged bytes, so that control always fits."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one side told the other in its HELLO or WELCOME, in bytes."""

    max_frame: int
    credit: int


class Session:
    """One end of a session; a subclass gives each kind of counted frame its meaning.

    Args:
        options: Our limits.
        routes: Topic ids and what their events are handed on with, looked up for every event that comes.
        accepts: What the other side told of its own limits.

    Attributes:
        link: The link that carries it now; ``None`` while it is detached.
        is_over: Whether it has ended: nothing will attach it again.
        error: Why it ended; ``None`` while it lives and after a good end.
        cause: Why its last link was lost, as a word.
        ended: Called once, when it ends for any reason.
        left: Called whenever its link has left it.
    """

    # A server has one for each client, most of them idle: so no dict, and lists, where a deque takes 760 bytes at once.
    __slots__ = (
        "__weakref__",
        "_ack_due_s",
        "_ack_step",
        "_acknowledged",
        "_again",
        "_consumed",
        "_control",
        "_control_size",
        "_credit",
        "_event_window",
        "_events_received",
        "_events_sent",
        "_granted",
        "_received",
        "_replies_size",
        "_requests",
        "_sent",
        "_told_received",
        "_unwritten",
        "_written",
        "_written_from",
        "cause",
        "ended",
        "error",
        "is_over",
        "left",
        "link",
        "options",
        "peer_limits",
        "routes",
    )

    handlers: ClassVar[Mapping[int, str]]

    def __init__(self, options: LinkOptions, routes: Mapping[int, Any], accepts: Limits) -> None:
        self.options = options
        self.routes = routes
        self.peer_limits = accepts
        self.link: Link | None = None
        self.is_over = False
        self.error: LinkError | None = None
        self.cause = LINK_LOST
        self.ended: Callable[[], object] = _nothing
        self.left: Callable[[], object] = _nothing
        self._control: list[bytes] = []
        self._control_size = 0
        self._unwritten: dict[int, None] = {}  # the numbers of the REQUEST frames in it
        self._replies_size = 0  # the part of it that is replies, which others ask for in their own measure
        # offsets in the stream of counted frames that we write, and in its event lane
        self._sent = self._acknowledged = 0
        self._events_sent = 0
        self._credit = accepts.credit
        self._event_window = options.unacknowledged - min(CONTROL_RESERVE_BYTES, options.unacknowledged // 4)
        self._written: list[tuple[bytes, int]] = []  # what is not acknowledged: (bytes, where counted ones begin)
        self._written_from = 0  # the offset where the first of them begins
        self._requests: list[tuple[int, int]] = []  # (offset, id) of the REQUEST frames among them
        self._again: list[bytes] = []  # what the present link must write first, its beginning last
        # the same for what we read; _granted is the credit that the other side knows of
        self._received = self._told_received = 0
        self._events_received = self._consumed = 0
        self._granted = options.credit
        self._ack_due_s: float | None = None
        self._ack_step = max(1, min(ACK_BYTES, options.credit // 4))

    @property
    def received(self) -> int:
        """The offset of the last whole frame received."""
        return self._received

    @property
    def written(self) -> int:
        """The offset up to which frames were written."""
        return self._sent

    @property
    def is_acknowledged(self) -> bool:
        """Whether the other side has received everything that was written."""
        return self._acknowledged == self._sent

    @property
    def kept_size(self) -> int:
        """How many bytes are kept for the other side: not written, or not acknowledged."""
        return self._control_size + self._sent - self._acknowledged

    @property
    def has_unwritten(self) -> bool:
        """Whether something waits that may be written now."""
        return bool(self._control or self._again)

    @property
    def owes_ack(self) -> bool:
        """Whether an acknowledgement will be due."""
        return self._ack_due_s is not None

    # the links that carry it

    def can_go_on_from(self, received: int) -> bool:
        """Whether a frame begins there, and it and everything behind it is still here."""
        return not self.is_over and self._acknowledged <= received <= self._sent and self._begins_frame(received)

    def attach(self, link: Link, received: int, now_s: float) -> None:
        """Go on by ``link``, whose other side has received everything up to the offset ``received``."""
        self.link = link
        self._acknowledge(received)
        self._write_again_from(received, now_s)
        self._put_ack()

    def detach(self, error: LinkError | None) -> None:
        """The link is gone, by ``error`` if it did not end well; another may come."""
        self.link = None
        self.cause = error.cause if error is not None else LINK_LOST
        self._again.clear()
        self._ack_due_s = None
        self.left()

    def end(self, error: LinkError | None = None) -> None:
        """Nothing will attach it again. Does nothing after the end."""
        if self.is_over:
            return
        self.is_over = True
        self.error = error
        self.ended()

    def fail(self, error: RemoteProtocolError) -> None:
        """End it, and its link, because of what the other side did."""
        if self.link is not None:
            self.link.fail(error)
        else:
            self.end(error)

    # frames in

    def take(self, item: Item, now_s: float) -> None:
        """Take a counted frame, or a run of events.

        Raises:
            RemoteProtocolError: It has no place here, or breaks the protocol.
        """
        kind, id_, route, data, start, end, count = item
        name = self.handlers.get(kind)
        if name is None:
            raise RemoteProtocolError(f"a frame of kind {Kind(kind).name} has no place here", code="unexpected_kind")
        size = end - start
        self._received += size
        if kind >= FIRST_EVENT_LANE:
            self._check_credit(data, start, end)
            self._events_received += size
            if name == "_on_events":
                self._on_events(id_, route, data[start:end], count, now_s)
                return
        getattr(self, name)(id_, data[start + HEADER_BYTES : end], now_s)

    def _on_events(self, id_: int, route: Any, run: bytes, count: int, now_s: float) -> None:
        raise NotImplementedError

    def _on_pad(self, _id: int, _body: bytes, _now_s: float) -> None:
        pass  # it stands where a request was that nobody waits for any more

    def consumed(self, size: int, now_s: float) -> bool:
        """Take down that ``size`` bytes of the event lane were dealt with; the other side may send as many more.

        Returns:
            Whether that is to be written, now or soon, and its link did not know it before.
        """
        self._consumed += size
        return self.schedule_ack(now_s)

    # frames out

    @property
    def control_is_full(self) -> bool:
        """Whether so much control waits that what others cause should rather not be added."""
        return self._control_size - self._replies_size > self.options.control_queue // 2

    def put_control(self, kind: int, id_: int, body: bytes = b"") -> None:
        """Queue a frame of the control lane; too many for a side that does not read end the session."""
        if self.is_over:
            return
        data = frame(kind, id_, body)
        self._queue_control(data)
        if kind == _REQUEST:
            self._unwritten[id_] = None
        waiting = self._control_size - self._replies_size
        if waiting > self.options.control_queue + len(data):
            text = f"{waiting} bytes of control wait, at most {self.options.control_queue} may"
            self.fail(RemoteProtocolError(text, code="control_overflow"))

    @property
    def has_burst(self) -> bool:
        """Whether so much control waits that it is better written now than together with what may follow."""
        return len(self._control) >= BURST_FRAMES

    @property
    def has_reply_room(self) -> bool:
        """Whether a reply may be queued: they share the room of events, beside the other control."""
        return self._replies_size < self.options.event_queue

    def put_reply(self, id_: int, body: bytes) -> None:
        """Queue a REPLY; whoever calls has seen that there is room."""
        if not self.is_over:
            data = frame(_REPLY, id_, body)
            self._queue_control(data)
            self._replies_size += len(data)

    def unwritten_requests(self) -> Set[int]:
        """Return the numbers of our requests that have never been written, as long as nothing is."""
        return self._unwritten.keys()

    def write_again(self) -> bytes:
        """Return the next piece of what was written before and did not arrive; empty when there is none."""
        return self._again.pop() if self._again else b""

    def write(self, parts: list[bytes], now_s: float) -> bool:
        """Append to ``parts`` what may be written now for the first time; ``keep`` must follow.

        Returns:
            Whether there may be more.
        """
        if self._control:
            self._take_control(parts, now_s)
        return self._take_events(parts)

    def keep(self, pieces: list[bytes], begin: int) -> None:
        """Keep what ``write`` gave until it is acknowledged, in ``pieces`` of whole frames, from ``begin`` on."""
        for data in pieces:
            if begin < len(data):
                self._written.append((data, begin))
            begin = 0

    # acknowledgements and credit

    def on_ack(self, received: int, credit: int) -> None:
        """Take down what the other side has received, and how far events may go.

        Raises:
            RemoteProtocolError: It runs backwards, or ahead of what was sent.
        """
        if not self._acknowledged <= received <= self._sent:
            raise RemoteProtocolError(
                f"ACK of offset {received}; it must be from {self._acknowledged} to {self._sent}", code="bad_ack"
            )
        if credit < self._credit:
            raise RemoteProtocolError(f"ACK takes credit back: {credit} after {self._credit}", code="bad_ack")
        self._credit = credit
        self._acknowledge(received)

    def schedule_ack(self, now_s: float) -> bool:
        """Have an acknowledgement written, at once if there is much to acknowledge or to grant; return whether it is.

        False where one will be due anyway.
        """
        if self.link is None:
            return False
        unacknowledged = self._received - self._told_received
        grant = self._consumed + self.options.credit - self._granted
        if unacknowledged >= self._ack_step or grant >= self._ack_step:
            self._put_ack()
        elif (unacknowledged or grant) and self._ack_due_s is None:
            self._ack_due_s = now_s + self.options.ack_delay
        else:
            return False
        return True

    def acknowledge_all(self) -> None:
        """Have everything that was received and dealt with acknowledged now: the link ends."""
        self._put_ack()

    def acknowledge_new(self) -> None:
        """Have acknowledged now, without its usual delay, what the other side does not know of: it asks."""
        if self._received > self._told_received or self._consumed + self.options.credit > self._granted:
            self._put_ack()

    def tick(self, now_s: float) -> None:
        """Acknowledge where that is due by the clock."""
        if self._ack_due_s is not None and now_s >= self._ack_due_s:
            self._put_ack()

    def deadline_s(self) -> float | None:
        """Return when ``tick`` is due next; ``None`` when nothing is to do."""
        return self._ack_due_s

    # for the subclasses

    def _take_events(self, parts: list[bytes]) -> bool:
        """Append events to ``parts``, up to about ``write_size`` bytes, and count them by ``_wrote_events``.

        Each must begin within ``_event_room`` bytes; the last may go beyond. Return whether there may be more.
        """
        raise NotImplementedError

    def _time_left_ms(self, request_id: int, now_s: float) -> int | None:
        """Return how much time a request of ours has left; ``None`` when nobody waits for its answer any more."""
        raise NotImplementedError

    def _wrote_events(self, size: int) -> None:
        self._events_sent += size
        self._sent += size

    def _written_topics(self) -> set[int]:
        """Return the topics of which events were written and are not acknowledged."""
        frames = (frame for data, begin in self._written for frame in split_run(data[begin:]))
        return {id_ for kind, id_, _body in frames if kind in (Kind.EVENT, Kind.EVENT_META, Kind.GAP)}

    def _queue_control(self, data: bytes) -> None:
        self._control.append(data)
        self._control_size += len(data)

    # inside

    def _acknowledge(self, received: int) -> None:
        self._acknowledged = received
        arrived = 0
        for data, begin in self._written:
            end = self._written_from + len(data) - begin
            if end > received:
                break
            self._written_from = end
            arrived += 1
        del self._written[:arrived]
        del self._requests[: bisect_left(self._requests, (received,))]

    def _begins_frame(self, offset: int) -> bool:
        """Whether a frame begins at an offset that is not acknowledged."""
        start = self._written_from
        for data, pos in self._written:
            size = len(data) - pos
            if offset < start + size:
                target = pos + offset - start
                while pos < target:
                    pos += HEADER_BYTES + HEADER.unpack_from(data, pos)[0]
                return pos == target
            start += size
        return offset == start

    def _write_again_from(self, offset: int, now_s: float) -> None:
        """Have everything written again from ``offset`` on; what was a request and is not wanted becomes PAD."""
        if self._written:
            data, begin = self._written[0]
            self._written[0] = (data, begin + offset - self._written_from)
        self._written_from = offset
        if self._requests:
            self._renew_requests(now_s)
        self._again = [data[begin:] for data, begin in reversed(self._written)]

    def _renew_requests(self, now_s: float) -> None:
        """See to the requests in each piece of what was written; pieces stay apart, so that much can overtake them."""
        start = self._written_from
        for number, (data, begin) in enumerate(self._written):
            end = start + len(data) - begin
            first, behind = bisect_left(self._requests, (start,)), bisect_left(self._requests, (end,))
            if first < behind:
                piece = bytearray(data[begin:])
                for at, request_id in self._requests[first:behind]:
                    _renew_request(piece, at - start, self._time_left_ms(request_id, now_s))
                self._written[number] = (bytes(piece), 0)
            start = end

    def _put_ack(self) -> None:
        assert self.link is not None
        self._ack_due_s = None
        self._told_received = self._received
        self._granted = self._consumed + self.options.credit
        self.link.put_slot(Kind.ACK, write_ack(self._received, self._granted))

    def _check_credit(self, data: bytes, start: int, end: int) -> None:
        """See that the last frame of a run began while there was credit left."""
        if self._events_received + (end - start) <= self._granted:
            return
        offset = self._events_received
        for _kind, _id, body in split_run(data[start:end]):
            if offset >= self._granted:
                text = f"an event began at offset {offset}, beyond the credit of {self._granted}"
                raise RemoteProtocolError(text, code="credit_exceeded")
            offset += HEADER_BYTES + len(body)

    def _take_control(self, parts: list[bytes], now_s: float) -> None:
        window = self.options.unacknowledged
        taken = 0
        for data in self._control:
            if self._sent - self._acknowledged >= window:
                break
            taken += 1
            size = len(data)
            self._control_size -= size
            kind = data[KIND_AT]
            if kind == _REPLY:
                self._replies_size -= size
            elif kind == _REQUEST:
                request_id = HEADER.unpack_from(data)[2]
                self._unwritten.pop(request_id, None)
                left_ms = self._time_left_ms(request_id, now_s)
                if left_ms is None:
                    continue  # nobody waits for it any more, and it was never sent
                data = data[:HEADER_BYTES] + left_ms.to_bytes(4, "big") + data[HEADER_BYTES + 4 :]
                self._requests.append((self._sent, request_id))
            parts.append(data)
            self._sent += size
        del self._control[:taken]

    def _event_room(self) -> int:
        """Return within how many bytes the next events must begin."""
        credit, window = self._credit - self._events_sent, self._event_window - self._sent + self._acknowledged
        return credit if credit < window else window


def _renew_request(data: bytearray, at: int, left_ms: int | None) -> None:
    """Bring the time left of the REQUEST at ``at`` up to date, or make it PAD of equal length."""
    body = at + HEADER_BYTES
    if left_ms is not None:
        data[body : body + 4] = left_ms.to_bytes(4, "big")
        return
    length = HEADER.unpack_from(data, at)[0]
    data[at : body + length] = HEADER.pack(length, Kind.PAD, 0) + bytes(length)


def _nothing() -> None:
    pass
