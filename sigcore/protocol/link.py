# SPDX-License-Identifier: MIT
"""One end of one link, whichever side: preface, handshake, signs of life, the end.

Theory of operation (docs/protocol.md has the tables):

A link goes PREFACE -> HANDSHAKE -> UP -> ENDED; where somebody has to prove who it is, it is CHALLENGED and CHECKING
on the way. Bytes come in by ``receive`` and go out by ``data_to_send``. While it
is up it carries a session: counted frames are the session's, the others its own, with one slot for each kind that
goes out, written before anything else. The link has no clock: each call brings ``now_s``, ``deadline_s`` says when
``tick`` is due.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from typing import Any, ClassVar

from .._errors import LINK_LOST, LinkError, LinkRefused, NotAuthenticated, RemoteProtocolError
from .._limits import LinkOptions
from .._logging import get_logger
from .._shown import SAID_CHARACTERS, cut
from .bodies import read_ack, read_body, write_body, write_bye
from .codes import BYE_CODES, KEEPS_SESSION
from .frames import FIRST_CONTROL, MAGIC, PREFACE, VERSION, FrameReader, Item, Kind, frame
from .session import Session

_log = get_logger("sigcore.protocol")

HANDSHAKE_FRAME_BYTES = 4096
"""Longest body before the handshake is done: enough for a HELLO, cheap to refuse."""

HANDSHAKE_BYTES = 16 * 1024
"""All frames before the handshake is done, with their headers: enough for two of the longest, and as much again."""

LARGE_BYTES = 32 * 1024
"""From this size on it is cheaper to write something by itself than to copy it."""

MANY_SKIPPED = 1_000
"""Extensions are no items, so that what counts items does not see them; from so many on, bytes are counted."""

MANY_EVENTS = 8_000
"""A run of so many events, which are shorter than most then, takes 10 ms; the next are to be cut into slices."""

A_SLICE = 16 * 1024
"""Bytes of empty extensions that take 2 ms."""

MAX_RETRY_MS = 60_000
"""The longest that one side may ask the other to stay away."""


class State(Enum):
    """Where a link is in its life."""

    PREFACE = "preface"
    HANDSHAKE = "handshake"
    CHALLENGED = "challenged"
    CHECKING = "checking"
    UP = "up"
    ENDED = "ended"


class Link:
    """One end of one link; a subclass does the handshake of its role.

    Attributes:
        state: Where the link is in its life.
        error: Why it ended; ``None`` while it lives and after a good end.
        session: What it carries while it is up.
        ended: Called once, when the link ends for any reason.
        has_more: Whether ``data_to_send``, which has just been called, may have more to give.
        most_bytes: How much of what came should be given to ``receive`` in one turn of the loop.
        retry_after_s: How long the other side asked us to wait before the next link.
    """

    __slots__ = (
        "__weakref__",
        "_asked_at",
        "_begin",
        "_early",
        "_heard_s",
        "_held_until_s",
        "_introduced",
        "_items",
        "_pieces",
        "_pinged",
        "_reader",
        "_slots",
        "_started_s",
        "ended",
        "error",
        "has_more",
        "most_bytes",
        "options",
        "retry_after_s",
        "session",
        "state",
    )

    handlers: ClassVar[Mapping[State, Mapping[int, str]]]
    opens: ClassVar[bool]
    """Whether this side speaks first."""

    def __init__(self, options: LinkOptions, now_s: float) -> None:
        self.options = options
        self.state = State.PREFACE
        self.error: LinkError | None = None
        self.session: Session | None = None
        self.ended: Callable[[], object] = _nobody
        self.retry_after_s = 0.0
        self.most_bytes = sys.maxsize
        self._begin = b""  # what came of the preface
        self._early = 0  # bytes that came behind it, before the handshake was done
        self._reader = FrameReader(HANDSHAKE_FRAME_BYTES, {})
        self._items: Iterator[Item] | None = None  # what came and is not dealt with
        self._held_until_s = 0.0
        self._slots: dict[int, bytes] = {}
        self._pieces: list[bytes] = []  # what is to be written before anything else, its beginning last
        self.has_more = False
        self._introduced = False  # whether our preface was written
        self._started_s = self._heard_s = now_s
        self._pinged = False
        self._asked_at = -1  # how much was written when an acknowledgement was asked for

    @property
    def has_ended(self) -> bool:
        """Whether the link is over, for whatever reason."""
        return self.state is State.ENDED

    # bytes in

    def receive(self, data: bytes, now_s: float, most: int = sys.maxsize) -> bool:
        """Take bytes from the carrier; never raises, whatever they are.

        Args:
            data: The bytes; empty to go on with the last ones.
            now_s: The time.
            most: How many frames, or runs of events, are dealt with now, so that other links have their turn.

        Returns:
            Whether everything was dealt with; else call again, with no data, before the next bytes.
        """
        if self.state is State.ENDED:
            return True
        self._heard_s = now_s
        self._pinged = False
        self._held_until_s = 0.0
        try:
            if self.state is State.PREFACE:
                data = self._take_preface(data)
            items = self._items or (self._reader.feed(data) if self.state is State.UP else self._cut_early(data))
            self._items = None
            item = None
            for item in items:
                self._take(item, now_s)
                if self.has_ended:
                    return True
                most -= 1
                if not most or self._held_until_s:
                    self._items = items
                    break
        except Exception as error:  # noqa: BLE001  # a fault of ours must cost this link and nobody else
            self._blame(error)
        else:
            if self._reader.skipped > MANY_SKIPPED:
                self.most_bytes = A_SLICE
            elif item is not None and item[-1] > MANY_EVENTS:
                self.most_bytes = 4 * A_SLICE
            if self.session is not None:
                self.session.schedule_ack(now_s)
        return self._items is None

    def hold(self, until_s: float) -> None:
        """Deal with no more frames for now: the other side comes with more than it should in so short a time."""
        self._held_until_s = until_s

    def held_s(self, now_s: float) -> float:
        """Return for how long to wait, in seconds, before ``receive`` is called again to go on; mostly not at all."""
        return max(0.0, self._held_until_s - now_s)

    def tick(self, now_s: float) -> None:
        """Do what is due by the clock: an acknowledgement, a sign of life, giving up."""
        if self.state is State.ENDED:
            return
        options = self.options
        if self.session is None:
            if now_s >= self._started_s + options.handshake_timeout:
                text = f"no handshake within {options.handshake_timeout:g} s; is the other side a sigcore router?"
                self.fail(RemoteProtocolError(text, code="handshake_timeout"))
            return
        self.session.tick(now_s)
        if now_s >= self._heard_s + options.dead_after:
            text = f"no sign of life for {options.dead_after:g} s"
            self.fail(RemoteProtocolError(text, code="dead"))
        elif now_s >= self._heard_s + options.heartbeat and not self._pinged:
            self._pinged = True
            self.put_slot(Kind.PING)

    def deadline_s(self) -> float | None:
        """Return when ``tick`` is due next; ``None`` when the link has ended."""
        if self.state is State.ENDED:
            return None
        if self.session is None:
            return self._started_s + self.options.handshake_timeout
        alive = self._heard_s + (self.options.dead_after if self._pinged else self.options.heartbeat)
        due = self.session.deadline_s()
        return alive if due is None else min(alive, due)

    # bytes out

    @property
    def has_slots(self) -> bool:
        """Whether frames of the link itself wait to be written."""
        return bool(self._slots)

    @property
    def has_pieces(self) -> bool:
        """Whether a part of what was given to be written waits here for the line."""
        return bool(self._pieces)

    def put_slot(self, kind: Kind, body: bytes = b"", id_: int = 0) -> None:
        """Have a frame of the link itself written before anything else, in place of one that waits."""
        self._slots[kind] = frame(kind, id_, body)

    def ask_for_ack(self) -> None:
        """Have the other side acknowledge at once what it has, where nothing more is to be written to it."""
        session = self.session
        if session is not None and not session.has_unwritten and session.written != self._asked_at:
            self._asked_at = session.written
            self.put_slot(Kind.PING)

    def data_to_send(self, now_s: float) -> bytes:
        """Return what may be written now, ``b""`` when there is nothing, or no leave; ``has_more`` tells of more."""
        if self._pieces:
            return self._pieces.pop()
        parts: list[bytes] = []
        begin = 0
        if self._slots:
            if not self._introduced:
                self._introduced = True
                parts.append(PREFACE)
            parts.extend(self._slots.values())
            self._slots.clear()
            begin = sum(map(len, parts))
        session = self.session
        if session is None:
            self.has_more = False
            return b"".join(parts)
        if again := session.write_again():
            self.has_more = True
            return b"".join((*parts, again))
        self.has_more = session.write(parts, now_s)
        if not parts:
            return b""
        pieces = _joined(parts)
        session.keep(pieces, begin)
        if len(pieces) > 1:
            self._pieces = pieces[:0:-1]
            self.has_more = True
        return pieces[0]

    def end(
        self, code: str = "closing", message: str = "", *, error: LinkError | None = None, retry_ms: int = 0
    ) -> None:
        """End the link: the last thing written is a BYE that says why. Does nothing after the end.

        Args:
            code: Why, one of ``BYE_CODES``.
            message: The same for people.
            error: What this side takes it for; ``None`` for a good end.
            retry_ms: How long the other side should wait before it connects again.
        """
        if self.state is State.ENDED:
            return
        if self.session is not None:
            self.session.acknowledge_all()  # what was taken must not count as lost
        if self.state is not State.PREFACE or self.opens:
            self.put_slot(Kind.BYE, write_bye(code, message or BYE_CODES[code], retry_ms))
        self._leave(error, ends_session=code not in KEEPS_SESSION)

    def fail(self, error: RemoteProtocolError) -> None:
        """End the link because of what the other side did."""
        self.end(error.code, str(error), error=error)

    def give_up_session(self) -> None:
        """End, because another link takes over the session: the other side has noticed first that this one is dead."""
        self.session = None
        self.end("replaced")

    def lose(self, cause: BaseException | None, now_s: float | None = None) -> None:
        """Take down that the carrier lost the connection; nothing more is written.

        Args:
            cause: What the carrier said.
            now_s: The time; by default what the call before brought.
        """
        if self.state is not State.ENDED:
            text = f"the connection was lost: {cause}" if cause else "the other side closed the connection"
            error = LinkError(text, cause=cause.cause if isinstance(cause, LinkError) else LINK_LOST)
            error.__cause__ = cause
            # Over TLS 1.3 a client learns only after its own handshake that its certificate is not accepted.
            self._leave(cause if isinstance(cause, LinkRefused) else error, ends_session=False)
        self._slots.clear()
        self._pieces.clear()

    # for the subclasses

    def _own_limits(self) -> dict[str, int]:
        return {"frame": self.options.max_frame, "credit": self.options.credit}

    def _put_hello(self, kind: Kind, fields: Mapping[str, Any]) -> None:
        self.put_slot(kind, write_body(fields))

    def _come_up(self, session: Session, received: int, now_s: float) -> None:
        """The handshake is done: carry ``session``, of which the other side has received so much."""
        self.state = State.UP
        self.session = session
        self._reader.max_frame = self.options.max_frame
        self._reader.routes = session.routes
        session.attach(self, received, now_s)

    # inside

    def _leave(self, error: LinkError | None, *, ends_session: bool) -> None:
        self.state = State.ENDED
        self.error = error
        session, self.session = self.session, None
        if session is not None:
            session.detach(error)
            if ends_session:
                session.end(error)
        self.ended()

    def _safely(self, call: Callable[[], None]) -> None:
        """Do what was to be done while reading, and could only be done later."""
        try:
            call()
        except Exception as error:  # noqa: BLE001  # as there
            self._blame(error)

    def _blame(self, error: Exception) -> None:
        """End the link: the other side broke the protocol, or there is a fault on this one."""
        if isinstance(error, RemoteProtocolError):
            self.fail(error)
            return
        _log.error("a fault of ours while reading a link; the link ends", exc_info=error)
        self.end("internal_error", error=LinkError("a fault of this side; its log has the traceback"))

    def _cut_early(self, data: bytes) -> Iterator[Item]:
        """Cut what came before the handshake was done into frames; what follows it may be in there too."""
        room = HANDSHAKE_BYTES - self._early
        self._early += len(data)
        yield from self._reader.feed(data[:room])
        if len(data) > room:
            if self.state is not State.UP:
                text = f"more than {HANDSHAKE_BYTES} bytes came, and the handshake is not done"
                raise RemoteProtocolError(text, code="handshake_too_long")
            yield from self._reader.feed(data[room:])

    def _take(self, item: Item, now_s: float) -> None:
        kind = item[0]
        if kind >= FIRST_CONTROL and self.session is not None:
            self.session.take(item, now_s)
            return
        name = self.handlers[self.state].get(kind)
        if name is None:
            raise RemoteProtocolError(
                f"a frame of kind {Kind(kind).name} has no place in state {self.state.value!r}", code="unexpected_kind"
            )
        _kind, id_, _route, data, start, end, _count = item
        getattr(self, name)(id_, data[start + 9 : end], now_s)

    def _on_ping(self, id_: int, _body: bytes, _now_s: float) -> None:
        self.put_slot(Kind.PONG, id_=id_)
        if self.session is not None:
            self.session.acknowledge_new()

    def _on_pong(self, _id: int, _body: bytes, _now_s: float) -> None:
        pass  # that it came is what counts, and receive took that down

    def _on_ack(self, _id: int, body: bytes, _now_s: float) -> None:
        assert self.session is not None
        self.session.on_ack(*read_ack(body))

    def _on_bye(self, _id: int, body: bytes, _now_s: float) -> None:
        fields = read_body("BYE", body)
        code, message = fields.text("code"), cut(fields.text("message", ""), SAID_CHARACTERS)
        self.retry_after_s = fields.integer("retry_ms", 0, most=MAX_RETRY_MS) / 1000
        keeps_session = code in KEEPS_SESSION
        if code not in BYE_CODES:
            code, message = "unknown", f"{message} ({cut(code)})"
        good = code == "closing"
        kind = NotAuthenticated if code == "not_authenticated" else LinkRefused
        error = None if good else kind(f"the other side ended the link: {message} ({code})", code=code)
        self._leave(error, ends_session=not keeps_session)

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


def _joined(parts: list[bytes]) -> list[bytes]:
    """Return ``parts`` joined, but for large ones, which stay as they are: no copy is made of them."""
    if len(parts) == 1:
        return parts
    if max(map(len, parts)) < LARGE_BYTES:
        return [b"".join(parts)]
    pieces: list[bytes] = []
    small: list[bytes] = []
    for part in parts:
        if len(part) < LARGE_BYTES:
            small.append(part)
            continue
        if small:
            pieces.append(b"".join(small))
            small = []
        pieces.append(part)
    if small:
        pieces.append(b"".join(small))
    return pieces


def _nobody() -> None:
    pass


def _what_speaks(begin: bytes) -> str:
    """Say what is at the other end, from the first bytes that it sent."""
    if begin[:1] in (b"\x15", b"\x16"):
        guess = "it looks like TLS; use tls:// on both sides, or on neither"
    elif begin[:4] in (b"GET ", b"POST", b"HEAD", b"PUT ", b"HTTP", b"OPTI", b"CONN"):
        guess = "it looks like HTTP; this is no web server's port"
    elif begin[:3] == b"SSH":
        guess = "it looks like SSH"
    else:
        guess = "noise, or another protocol"
    return f"the other side does not speak sigcore: it began with {begin!r} ({guess})"
