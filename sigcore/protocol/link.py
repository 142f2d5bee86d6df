# SPDX-License-Identifier: MIT
"""One end of one link, whichever side: preface, handshake, lanes, acknowledgements, credit, signs of life.

Theory of operation (docs/protocol.md has the tables):

A link goes PREFACE -> HANDSHAKE -> UP -> ENDED. Bytes come in by ``receive`` and go out by ``data_to_send``; what
frames mean is the business of the two subclasses, one for each role, by the tables ``handlers``. Three lanes go out:
link frames have one slot each and go first, then control, then events as far as credit and the window of
unacknowledged bytes allow. The link has no clock: each call brings ``now_s``, ``deadline_s`` says when ``tick`` is due.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar

from .._errors import LinkError, LinkRefused, RemoteProtocolError
from .._limits import LinkOptions
from .._logging import get_logger
from .bodies import MAX_BYE_BYTES, read_ack, read_body, write_ack, write_body, write_error
from .codes import BYE_CODES
from .frames import (
    FIRST_CONTROL,
    FIRST_EVENT_LANE,
    KIND_AT,
    MAGIC,
    PREFACE,
    VERSION,
    FrameReader,
    Item,
    Kind,
    frame,
    split_run,
)

_log = get_logger("sigcore.protocol")

HANDSHAKE_FRAME_BYTES = 4096
"""Longest body before the handshake is done: enough for a HELLO, cheap to refuse."""

ACK_BYTES = 64 * 1024
"""Bytes after which an acknowledgement is written at once."""

ACK_DELAY_S = 0.02
"""How long an acknowledgement may wait for more to acknowledge."""

CONTROL_RESERVE_BYTES = 256 * 1024
"""Events stop this far below the window of unacknowledged bytes, so that control always fits."""

WRITE_BYTES = 256 * 1024
"""About how many bytes of events ``data_to_send`` gives at a time: more would only wait in the carrier's buffer."""


class State(Enum):
    """Where a link is in its life."""

    PREFACE = "preface"
    HANDSHAKE = "handshake"
    UP = "up"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one side told the other in its HELLO or WELCOME, in bytes."""

    max_frame: int
    credit: int


class Link:
    """One end of one link; a subclass gives each kind of frame its meaning.

    Attributes:
        state: Where the link is in its life.
        error: Why it ended; ``None`` while it lives and after a good end.
        peer_limits: What the other side accepts; zero until the handshake is done.
        ended: Called once, when the link ends for any reason.
    """

    handlers: ClassVar[Mapping[State, Mapping[int, str]]]
    opens: ClassVar[bool]
    """Whether this side speaks first."""

    def __init__(self, options: LinkOptions, routes: Mapping[int, Any], now_s: float) -> None:
        self.options = options
        self.state = State.PREFACE
        self.error: LinkError | None = None
        self.peer_limits = Limits(0, 0)
        self.ended: Callable[[], object] = _nobody
        self._begin = b""  # what came of the preface
        self._reader = FrameReader(HANDSHAKE_FRAME_BYTES, routes)
        self._slots: dict[int, bytes] = {}
        self._introduced = False  # whether our preface was written
        self._control: deque[bytes] = deque()
        self._control_size = 0
        self._replies_size = 0  # the part of it that is replies, which others ask for in their own measure
        self._started_s = self._heard_s = now_s
        self._pinged = False
        # offsets in the stream of counted frames that we write, and in its event lane
        self._sent = self._acknowledged = 0
        self._events_sent = self._credit = 0
        # the same for what we read; _granted is the credit that the other side knows of
        self._received = self._told_received = 0
        self._events_received = self._consumed = 0
        self._granted = 0
        self._ack_due_s: float | None = None
        self._ack_step = max(1, min(ACK_BYTES, options.credit // 4))

    @property
    def has_ended(self) -> bool:
        """Whether the link is over, for whatever reason."""
        return self.state is State.ENDED

    @property
    def is_acknowledged(self) -> bool:
        """Whether the other side has received everything that was written."""
        return self._acknowledged == self._sent

    # bytes in

    def receive(self, data: bytes, now_s: float) -> None:
        """Take bytes from the carrier; never raises, whatever they are."""
        if self.state is State.ENDED:
            return
        self._heard_s = now_s
        self._pinged = False
        try:
            if self.state is State.PREFACE:
                data = self._take_preface(data)
            for item in self._reader.feed(data):
                self._take(item, now_s)
                if self.has_ended:
                    return
        except RemoteProtocolError as error:
            self.fail(error)
        except Exception:  # noqa: BLE001  # a fault of ours must cost this link and nobody else
            _log.exception("a fault of ours while reading a link; the link ends")
            self.end("internal_error", error=LinkError("a fault of this side; its log has the traceback"))
        else:
            self._schedule_ack(now_s)

    def tick(self, now_s: float) -> None:
        """Do what is due by the clock: an acknowledgement, a sign of life, giving up."""
        if self.state is State.ENDED:
            return
        options = self.options
        if self.state is not State.UP:
            if now_s >= self._started_s + options.handshake_timeout:
                text = f"no handshake within {options.handshake_timeout:g} s; is the other side a sigcore router?"
                self.fail(RemoteProtocolError(text, code="handshake_timeout"))
            return
        if self._ack_due_s is not None and now_s >= self._ack_due_s:
            self._put_ack()
        if now_s >= self._heard_s + options.dead_after:
            text = f"no sign of life for {options.dead_after:g} s"
            self.fail(RemoteProtocolError(text, code="dead"))
        elif now_s >= self._heard_s + options.heartbeat and not self._pinged:
            self._pinged = True
            self._slots[Kind.PING] = frame(Kind.PING, 0)

    def deadline_s(self) -> float | None:
        """Return when ``tick`` is due next; ``None`` when the link has ended."""
        if self.state is State.ENDED:
            return None
        if self.state is not State.UP:
            return self._started_s + self.options.handshake_timeout
        options = self.options
        alive = self._heard_s + (options.dead_after if self._pinged else options.heartbeat)
        return alive if self._ack_due_s is None else min(alive, self._ack_due_s)

    # bytes out

    def data_to_send(self) -> bytes:
        """Return what may be written now, ``b""`` when there is nothing, or no leave."""
        parts: list[bytes] = []
        if self._slots:
            if not self._introduced:
                self._introduced = True
                parts.append(PREFACE)
            parts.extend(self._slots.values())
            self._slots.clear()
        if self.state is State.UP:
            self._take_control(parts)
            self._take_events(parts, self._event_room())
        return b"".join(parts)

    def end(self, code: str = "closing", message: str = "", *, error: LinkError | None = None) -> None:
        """End the link: the last thing written is a BYE that says why. Does nothing after the end."""
        if self.state is State.ENDED:
            return
        if self.state is not State.PREFACE or self.opens:
            body = write_error(code, message or BYE_CODES[code], MAX_BYE_BYTES)
            self._slots[Kind.BYE] = frame(Kind.BYE, 0, body)
        self.state = State.ENDED
        self.error = error
        self._control.clear()
        self.ended()

    def fail(self, error: RemoteProtocolError) -> None:
        """End the link because of what the other side did."""
        self.end(error.code, str(error), error=error)

    def lose(self, error: BaseException | None) -> None:
        """Take down that the carrier lost the connection; nothing more is written."""
        if self.state is not State.ENDED:
            self.state = State.ENDED
            self.error = LinkError(
                f"the connection was lost: {error}" if error else "the other side closed the connection"
            )
            self.error.__cause__ = error
            self._control.clear()
            self.ended()
        self._slots.clear()

    @property
    def control_is_full(self) -> bool:
        """Whether so much control waits that what others cause should rather not be added."""
        return self._control_size - self._replies_size > self.options.control_queue // 2

    def put_control(self, kind: int, id_: int, body: bytes = b"") -> None:
        """Queue a frame of the control lane; too many for a side that does not read end the link."""
        if self.state is not State.UP:
            return
        data = frame(kind, id_, body)
        self._queue_control(data)
        waiting = self._control_size - self._replies_size
        if waiting > self.options.control_queue + len(data):
            text = f"{waiting} bytes of control wait, at most {self.options.control_queue} may"
            self.fail(RemoteProtocolError(text, code="control_overflow"))

    @property
    def has_reply_room(self) -> bool:
        """Whether a reply may be queued: they share the room of events, beside the other control."""
        return self._replies_size < self.options.event_queue

    def put_reply(self, id_: int, body: bytes) -> None:
        """Queue a REPLY; whoever calls has seen that there is room."""
        if self.state is State.UP:
            data = frame(Kind.REPLY, id_, body)
            self._queue_control(data)
            self._replies_size += len(data)

    def consumed(self, size: int, now_s: float) -> None:
        """Take down that ``size`` bytes of the event lane were dealt with; the other side may send as many more."""
        self._consumed += size
        self._schedule_ack(now_s)

    # for the subclasses

    def _queue_control(self, data: bytes) -> None:
        self._control.append(data)
        self._control_size += len(data)

    def _put_link_frame(self, kind: Kind, fields: Mapping[str, Any]) -> None:
        self._slots[kind] = frame(kind, 0, write_body(fields))

    def _own_limits(self) -> dict[str, int]:
        return {"frame": self.options.max_frame, "credit": self.options.credit}

    def _come_up(self, peer_limits: Limits) -> None:
        """The handshake is done: both sides know each other's limits."""
        self.peer_limits = peer_limits
        self._credit = peer_limits.credit
        self._granted = self.options.credit
        self._reader.max_frame = self.options.max_frame
        self.state = State.UP

    def _take_events(self, parts: list[bytes], room: int) -> None:
        """Append events to ``parts``, up to about ``WRITE_BYTES``, and count them by ``_wrote_events``.

        Each must begin within ``room`` bytes, which credit and window leave; the last may go beyond.
        """
        raise NotImplementedError

    def _wrote_events(self, size: int) -> None:
        self._events_sent += size
        self._sent += size

    # frames

    def _take(self, item: Item, now_s: float) -> None:
        kind, id_, route, data, start, end, count = item
        name = self.handlers[self.state].get(kind)
        if name is None:
            raise RemoteProtocolError(
                f"a frame of kind {Kind(kind).name} has no place in state {self.state.value!r}", code="unexpected_kind"
            )
        if kind >= FIRST_CONTROL:
            size = end - start
            self._received += size
            if kind >= FIRST_EVENT_LANE:
                self._check_credit(data, start, end)
                self._events_received += size
        if kind in (Kind.EVENT, Kind.EVENT_META):
            self._on_events(kind, id_, route, data[start:end], count)
        else:
            getattr(self, name)(id_, data[start + 9 : end], now_s)

    def _on_events(self, kind: int, id_: int, route: Any, run: bytes, count: int) -> None:
        raise NotImplementedError

    def _on_ping(self, id_: int, _body: bytes, _now_s: float) -> None:
        self._slots[Kind.PONG] = frame(Kind.PONG, id_)

    def _on_pong(self, _id: int, _body: bytes, _now_s: float) -> None:
        pass  # that it came is what counts, and receive took that down

    def _on_ack(self, _id: int, body: bytes, _now_s: float) -> None:
        received, credit = read_ack(body)
        if not self._acknowledged <= received <= self._sent:
            raise RemoteProtocolError(
                f"ACK of offset {received}; it must be from {self._acknowledged} to {self._sent}", code="bad_ack"
            )
        if credit < self._credit:
            raise RemoteProtocolError(f"ACK takes credit back: {credit} after {self._credit}", code="bad_ack")
        self._acknowledged, self._credit = received, credit

    def _on_bye(self, _id: int, body: bytes, _now_s: float) -> None:
        fields = read_body("BYE", body)
        code, message = fields.text("code"), fields.text("message", "")
        if code not in BYE_CODES:
            code, message = "unknown", f"{message} ({code})"
        good = code == "closing"
        self.state = State.ENDED
        self.error = None if good else LinkRefused(f"the other side ended the link: {message} ({code})", code=code)
        self._control.clear()
        self.ended()

    def _take_preface(self, data: bytes) -> bytes:
        """Check how the link begins; return what follows."""
        begin = self._begin + data[: len(PREFACE) - len(self._begin)]
        rest = data[len(begin) - len(self._begin) :]
        self._begin = begin
        if begin[: len(MAGIC)] != MAGIC[: len(begin)]:
            raise RemoteProtocolError(_what_speaks(begin), code="not_sigcore")
        if len(begin) == len(PREFACE):
            if begin[-1] != VERSION:
                self.state = State.HANDSHAKE  # so that the other side is told in frames, which it may understand
                text = f"the other side speaks version {begin[-1]} of the wire, this side version {VERSION}"
                raise RemoteProtocolError(text, code="version")
            self.state = State.HANDSHAKE
        return rest

    # acknowledgements and credit

    def _schedule_ack(self, now_s: float) -> None:
        if self.state is not State.UP:
            return
        unacknowledged = self._received - self._told_received
        grant = self._consumed + self.options.credit - self._granted
        if unacknowledged >= self._ack_step or grant >= self._ack_step:
            self._put_ack()
        elif (unacknowledged or grant) and self._ack_due_s is None:
            self._ack_due_s = now_s + ACK_DELAY_S

    def _put_ack(self) -> None:
        self._ack_due_s = None
        self._told_received = self._received
        self._granted = self._consumed + self.options.credit
        self._slots[Kind.ACK] = frame(Kind.ACK, 0, write_ack(self._received, self._granted))

    def _check_credit(self, data: bytes, start: int, end: int) -> None:
        """See that the last frame of a run began while there was credit left."""
        if self._events_received + (end - start) <= self._granted:
            return
        offset = self._events_received
        for _kind, _id, body in split_run(data[start:end]):
            if offset >= self._granted:
                text = f"an event began at offset {offset}, beyond the credit of {self._granted}"
                raise RemoteProtocolError(text, code="credit_exceeded")
            offset += 9 + len(body)

    def _take_control(self, parts: list[bytes]) -> None:
        size = 0
        window = self.options.unacknowledged
        while self._control and self._sent - self._acknowledged < window:
            data = self._control.popleft()
            if data[KIND_AT] == Kind.REPLY:
                self._replies_size -= len(data)
            parts.append(data)
            size += len(data)
            self._sent += len(data)
        self._control_size -= size

    def _event_room(self) -> int:
        """Return within how many bytes the next events must begin."""
        window = self.options.unacknowledged
        window -= min(CONTROL_RESERVE_BYTES, window // 4)
        return min(self._credit - self._events_sent, window - (self._sent - self._acknowledged))


def _nobody() -> None:
    pass


def _what_speaks(begin: bytes) -> str:
    """Say what is at the other end, from the first bytes that it sent."""
    if begin[:1] == b"\x16":
        guess = "it looks like TLS; this endpoint is not encrypted"
    elif begin[:4] in (b"GET ", b"POST", b"HEAD", b"PUT ", b"HTTP", b"OPTI", b"CONN"):
        guess = "it looks like HTTP; this is no web server's port"
    elif begin[:3] == b"SSH":
        guess = "it looks like SSH"
    else:
        guess = "noise, or another protocol"
    return f"the other side does not speak sigcore: it began with {begin!r} ({guess})"
