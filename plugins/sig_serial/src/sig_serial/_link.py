# SPDX-License-Identifier: MIT
"""How a link comes up over a line, what goes over it, and how it ends: the reset exchange, joined with the streams.

Theory of operation. The *connector* sends RESET with a new random epoch until the *listener* answers with RESET_ACK
and an epoch of its own; READY, DATA or ACK tells the listener that the answer has come. From then on each packet
carries, as its tag, the epoch of the side that it is for: bytes that an earlier link left in some buffer have another
tag and are told apart. A RESET beside a link that is up is answered, and ends that link only once it is confirmed:
drivers give out old bytes again.

No I/O, no clock: bytes and the time come in, bytes and what happened go out. ``TABLES`` says what happens when.
Source: docs/serial-link.md.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from . import _packet
from ._counters import LinkCounters
from ._deframer import Deframer, Text
from ._framing import DELIMITER, frame
from ._pace import Pace
from ._packet import DATA_HEADER_BYTES, MAX_CONTROL_BYTES, NO_TAG, CloseCode, Hello, PacketType
from ._stream import Stream
from ._tables import TABLES, Input, Role, State

__all__ = ["Data", "Down", "Event", "Link", "Role", "State", "Text", "Up", "random_epoch"]

VERSION: Final = 1
"""The one version of this protocol that this code speaks."""

MAX_PAYLOAD_BYTES: Final = 256
"""Bytes of the stream in one DATA packet: some 23 ms at 115 200 baud, so that a damaged packet costs little."""

WINDOW_BYTES: Final = 8192
"""Bytes beyond what the reader has taken: 0.7 s at 115 200 baud, so that a burst of noise does not stop the line."""

RESET_INTERVAL_S: Final = 0.25
"""Between two RESET, and two RESET_ACK: short for whoever waits."""

ANSWER_LIFETIME_S: Final = 2.0
"""How long a listener waits for the confirmation before it takes the RESET for a stale one."""

SLOW_BYTE_S: Final = 10 / 1200
"""On a slower line the two times above are longer, in proportion: a RESET takes 22 bytes."""

UNFINISHED_LINE_S: Final = 0.5
"""How long text waits for the end of its line: a prompt never gets one."""

NO_LINK_INTERVAL_S: Final = 0.1
"""Between two NO_LINK: a burst of old packets gets one answer, not one each."""

_MAX_REPLIES: Final = 16
"""Answers to probes that wait; of more, only the latest go out."""


@dataclass(frozen=True, slots=True)
class Up:
    """The link is up."""


@dataclass(frozen=True, slots=True)
class Data:
    """The next bytes of the stream."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Down:
    """The link is over, or will not come up.

    Attributes:
        reason: What is the matter, for a user; ``None`` after an orderly end.
        cause: The same in a word: ``closed``, ``aborted``, ``restarted``, ``silent``, ``version``, ``both_connect`` or
            ``echo``.
    """

    reason: str | None
    cause: str


Event = Up | Data | Text | Down

_CLOSE_REASONS: Mapping[int, tuple[str, str]] = {
    CloseCode.ABORTED: ("the other side ended the link at once", "aborted"),
    CloseCode.VERSION: (
        f"the other side does not speak version {VERSION} of the serial link; update the older side",
        "version",
    ),
}


@dataclass(frozen=True, slots=True)
class _Answer:
    """A RESET_ACK of which no link has come yet."""

    own: Hello
    peer: Hello
    expires_s: float


def random_epoch() -> int:
    """Return a random number from 1 to 2**32 - 1."""
    return secrets.randbelow(2**32 - 1) + 1


class Link:
    """One side of a line: a listener through all its links, or a connector through its one.

    After every other call, call ``data_to_send`` until it returns nothing, and look at ``deadline_s``.

    Args:
        role: Which side this is.
        now_s: The time, on a monotonic clock in seconds; as in all other calls.
        byte_s: Seconds that one byte takes on the line.
        max_payload: How many bytes of the stream a packet may carry, both ways.
        window: How many bytes beyond what its reader has taken this side keeps.
        new_epoch: Gives the epoch of a new link.

    Attributes:
        state: Where this side is.
        counters: What has come and gone.
    """

    def __init__(
        self,
        role: Role,
        now_s: float,
        *,
        byte_s: float,
        max_payload: int = MAX_PAYLOAD_BYTES,
        window: int = WINDOW_BYTES,
        new_epoch: Callable[[], int] = random_epoch,
    ) -> None:
        if not 1 <= max_payload <= window <= 0xFFFF:
            raise ValueError(f"1 <= max_payload <= window <= 65535 must hold, not {max_payload=}, {window=}")
        self.state = State.LISTENING
        self.counters = LinkCounters(fragment=max_payload)
        self._table = TABLES[role]
        self._after = State.LISTENING if role is Role.LISTENER else State.OVER
        self._byte_s = byte_s
        self._slowness = max(1.0, byte_s / SLOW_BYTE_S)
        self._max_payload, self._window = max_payload, window
        self._new_epoch = new_epoch
        self._deframer = Deframer(max(DATA_HEADER_BYTES + max_payload, MAX_CONTROL_BYTES), self.counters)
        self._pace = Pace(byte_s, now_s)
        self._control: dict[PacketType, bytes] = {}  # the latest of each type: so they are few, whatever comes
        self._replies: deque[bytes] = deque(maxlen=_MAX_REPLIES)
        self._events: list[Event] = []
        self._asked: Hello | None = None  # what a connector's RESET says
        self._answer_sent: _Answer | None = None
        self._stream: Stream | None = None
        self._finishes = False
        self._repeat_s: float | None = None
        self._text_due_s: float | None = None
        self._quiet_until_s = now_s
        if role is Role.CONNECTOR:
            self.state = State.CONNECTING
            self._asked = self._hello()
            self._repeat(b"", now_s)

    # What the line brings.

    def receive(self, data: bytes, now_s: float) -> list[Event]:
        """Take bytes from the line; return what they brought about, in order."""
        self.counters.bytes_received += len(data)
        text_before = self._deframer.unfinished_text
        for item in self._deframer.receive_data(data):
            if isinstance(item, Text):
                self._events.append(item)
            else:
                self._take(item, now_s)
        if self._deframer.unfinished_text != text_before:
            self._text_due_s = now_s + UNFINISHED_LINE_S if self._deframer.unfinished_text else None
        self._check_end(now_s)
        return self._take_events()

    def tick(self, now_s: float) -> list[Event]:
        """Do what is due at ``deadline_s``; nothing when called too early."""
        if self._text_due_s is not None and now_s >= self._text_due_s:
            self._text_due_s = None
            self._events += self._deframer.flush_text()
        if self._stream is not None:
            self._stream.time_out(now_s)
            if self._stream.silence(now_s):
                self._handle(Input.SILENCE, b"", now_s)
        if self._repeat_s is not None and now_s >= self._repeat_s:
            expired = self._answer_sent is not None and now_s >= self._answer_sent.expires_s
            self._handle(Input.EXPIRED if expired else Input.TICK, b"", now_s)
        self._check_end(now_s)
        return self._take_events()

    # The streams.

    @property
    def is_up(self) -> bool:
        """Whether there is a link."""
        return self._stream is not None

    @property
    def unsent(self) -> int:
        """How many bytes were written and never given to the line; 0 without a link."""
        return self._stream.unsent if self._stream is not None else 0

    @property
    def unacknowledged(self) -> int:
        """How many bytes were written that the other side's reader has not taken; 0 without a link."""
        return self._stream.unacknowledged if self._stream is not None else 0

    @property
    def kept_bytes(self) -> int:
        """How many bytes that came are kept: an unfinished packet or line, and what is out of order or waits."""
        return self._deframer.kept_bytes + (self._stream.kept_bytes if self._stream is not None else 0)

    def write(self, data: bytes) -> None:
        """Append to the stream of the link that is up.

        Raises:
            RuntimeError: No link is up.
        """
        if self._stream is None:
            raise RuntimeError(f"no link is up, nothing can be written: {self.state.value}")
        self._stream.write(data)

    def pause_reading(self) -> None:
        """Give no ``Data`` until ``resume_reading``; the other side is held back when the window is full."""
        if self._stream is not None:
            self._stream.pause()

    def resume_reading(self, now_s: float) -> list[Event]:
        """Give ``Data`` again, first what came meanwhile."""
        kept = self._stream.resume(now_s) if self._stream is not None else b""
        return [Data(kept)] if kept else []

    def finish(self) -> None:
        """End the link in order: CLOSE is sent when all that was written is acknowledged, and ``Down`` follows."""
        self._finishes = self._stream is not None

    def close(self, code: CloseCode = CloseCode.ABORTED) -> None:
        """End the link from this side, at once and without an event."""
        if self._stream is not None:
            self._put_close(self._stream.peer, self._stream.end, code)
        self.state = self._after
        self._answer_sent = self._repeat_s = None
        self._part()

    # What the line is given.

    @property
    def room_s(self) -> float:
        """When the line may be given more; bytes written by then, and not much sooner, have overtaken all they can."""
        return self._pace.room_s

    @property
    def deadline_s(self) -> float | None:
        """When to call ``tick`` and ``data_to_send`` again; ``None``: not before something else has happened.

        It may be in the past: then at once.
        """
        deadline_s = self._repeat_s
        if self._replies or self._control:
            deadline_s = self._pace.room_s
        if self._stream is not None:
            if self._finishes and not self._stream.unacknowledged:
                return self._pace.room_s
            next_s = self._stream.deadline_s(self._pace.room_s)
            deadline_s = next_s if deadline_s is None else min(deadline_s, next_s)
        if self._text_due_s is not None:
            deadline_s = self._text_due_s if deadline_s is None else min(deadline_s, self._text_due_s)
        return deadline_s

    def data_to_send(self, now_s: float) -> bytes:
        """Return what to give the line now: about one packet more than it has to do, ``b""`` if nothing is due."""
        out = bytearray()
        pace = self._pace
        has_room = now_s >= pace.room_s
        if has_room or PacketType.CLOSE in self._control:  # who closes may have no later
            for packet in self._control.values():
                self._frame(packet, out, now_s)
            self._control.clear()
        if has_room:
            while pace.wants_more(now_s) and (next_packet := self._next_packet(now_s)) is not None:
                self._frame(next_packet, out, now_s)
        self.counters.bytes_sent += len(out)
        return bytes(out)

    def _next_packet(self, now_s: float) -> bytes | None:
        if self._replies:
            return self._replies.popleft()
        if self._stream is None:
            return None
        return self._stream.next_packet(max(now_s, self._pace.free_s), now_s)

    def _frame(self, packet: bytes, out: bytearray, now_s: float) -> None:
        before = len(out)
        # On an idle line it costs nothing, and noise may have come meanwhile.
        if packet[0] not in _STREAM_TYPES or self._pace.is_idle(now_s):
            out += DELIMITER
        out += frame(packet)
        if packet[0] == PacketType.CLOSE:
            out += frame(packet)  # nobody answers it
        self._pace.add(len(out) - before, now_s)

    # What a packet means.

    def _take(self, packet: bytes, now_s: float) -> None:
        try:
            kind, tag = _packet.header_of(packet)
            if kind == PacketType.PROBE:
                self._answer_probe(packet)
            else:
                self._handle(self._meaning(kind, tag, packet), packet, now_s)
        except ValueError:
            self.counters.skipped += 1

    def _answer_probe(self, packet: bytes) -> None:
        self._replies.append(_packet.reply_to(packet, self.counters.packets_received, self.counters.packets_damaged))
        self.counters.probes += 1

    def _meaning(self, kind: int, tag: int, packet: bytes) -> Input:
        """Return what ``packet`` means to this side.

        Raises:
            ValueError: It is malformed.
        """
        match kind:
            case PacketType.DATA if len(packet) > DATA_HEADER_BYTES:
                return self._meaning_by_tag(tag, Input.DATA)
            case PacketType.ACK:
                _packet.acknowledged_in(packet)
                return self._meaning_by_tag(tag, Input.ACK)
            case PacketType.READY:
                return self._meaning_by_tag(tag, Input.OTHER)
            case PacketType.RESET:
                return self._meaning_of_reset(_packet.hello_of(packet).epoch)
            case PacketType.RESET_ACK if self._asked is not None and tag == self._asked.epoch:
                return self._meaning_of_answer(_packet.hello_of(packet))
            case PacketType.CLOSE:
                _packet.end_in(packet)
                return self._meaning_of_close(tag)
            case PacketType.NO_LINK if self._stream is not None and tag == self._stream.peer:
                return Input.NO_LINK
        return Input.OTHER

    def _meaning_by_tag(self, tag: int, of_the_link: Input) -> Input:
        if self._stream is not None and tag == self._stream.own:
            return of_the_link
        if self._answer_sent is not None and tag == self._answer_sent.own.epoch:
            return Input.CONFIRMATION
        return Input.OTHER if tag == NO_TAG else Input.STRAY

    def _meaning_of_reset(self, epoch: int) -> Input:
        if epoch in self._own_epochs():
            return Input.RESET_ECHO
        if self._answer_sent is not None and epoch == self._answer_sent.peer.epoch:
            return Input.RESET_AGAIN
        return Input.OTHER if self._stream is not None and epoch == self._stream.peer else Input.RESET

    def _meaning_of_answer(self, hello: Hello) -> Input:
        if hello.version != VERSION:
            return Input.RESET_ACK_FOREIGN
        if self._stream is None:
            return Input.RESET_ACK
        return Input.RESET_ACK_AGAIN if hello.epoch == self._stream.peer else Input.OTHER

    def _meaning_of_close(self, tag: int) -> Input:
        if self._answer_sent is not None and tag == self._answer_sent.own.epoch:
            return Input.REFUSAL
        return Input.CLOSE if tag in self._own_epochs() else Input.OTHER

    def _own_epochs(self) -> set[int]:
        epochs = {hello.epoch for hello in (self._asked, self._answer_sent and self._answer_sent.own) if hello}
        return epochs | ({self._stream.own} if self._stream is not None else set())

    def _handle(self, what: Input, packet: bytes, now_s: float) -> None:
        step = self._table.get((self.state, what))
        if step is None:
            self.counters.skipped += 1
            return
        self.state = step.then
        action: Callable[[bytes, float], None] = getattr(self, f"_{step.action}")
        action(packet, now_s)

    # The actions of the tables. Each takes the packet (none where the input is time) and the time.

    def _answer(self, packet: bytes, now_s: float) -> None:
        self._answer_sent = _Answer(self._hello(), _packet.hello_of(packet), now_s + ANSWER_LIFETIME_S * self._slowness)
        self._repeat(packet, now_s)

    def _repeat(self, _packet_in: bytes, now_s: float) -> None:
        if self._answer_sent is not None:
            answer = self._answer_sent
            self._put(PacketType.RESET_ACK, answer.peer.epoch, answer.own.to_bytes())
        elif self._asked is not None:
            self._put(PacketType.RESET, NO_TAG, self._asked.to_bytes())
        self._repeat_s = now_s + RESET_INTERVAL_S * self._slowness

    def _rise(self, packet: bytes, now_s: float) -> None:
        if self._answer_sent is None:
            raise AssertionError("a confirmation without an answer")
        answer, self._answer_sent = self._answer_sent, None
        self._begin(answer.own, answer.peer, now_s)
        if packet[0] == PacketType.DATA:
            self._take_data(packet, now_s)
        elif packet[0] == PacketType.ACK:
            self._take_ack(packet, now_s)

    def _replace(self, packet: bytes, now_s: float) -> None:
        self._end("the other side was restarted and has a new link", "restarted")
        self._rise(packet, now_s)

    def _confirm_and_rise(self, packet: bytes, now_s: float) -> None:
        if self._asked is None:
            raise AssertionError("an answer without a question")
        peer = _packet.hello_of(packet)
        self._begin(self._asked, peer, now_s)
        self._confirm(packet, now_s)

    def _confirm(self, packet: bytes, _now_s: float) -> None:
        self._put(PacketType.READY, _packet.hello_of(packet).epoch)

    def _take_data(self, packet: bytes, now_s: float) -> None:
        if self._stream is not None and (given := self._stream.take_data(packet, now_s)):
            self._events.append(Data(given))

    def _take_ack(self, packet: bytes, now_s: float) -> None:
        if self._stream is not None:
            self._stream.take_ack(packet, now_s)

    def _say_no_link(self, packet: bytes, now_s: float) -> None:
        if now_s >= self._quiet_until_s:
            self._put(PacketType.NO_LINK, _packet.header_of(packet)[1])
            self._quiet_until_s = now_s + NO_LINK_INTERVAL_S

    def _forget(self, _packet_in: bytes, _now_s: float) -> None:
        self._answer_sent = self._repeat_s = None

    def _refuse_version(self, packet: bytes, _now_s: float) -> None:
        hello = _packet.hello_of(packet)
        self._put_close(hello.epoch, 0, CloseCode.VERSION)
        self._end(
            f"the other side wants version {hello.version} of the serial link, this side speaks {VERSION} only",
            "version",
        )

    def _end_as_told(self, packet: bytes, _now_s: float) -> None:
        wire_end, code = _packet.end_in(packet)
        due = self._stream.due if self._stream is not None else 0
        if code != CloseCode.DONE:
            self._end(*_CLOSE_REASONS.get(code, (f"the other side ended the link with code {code}", "aborted")))
        elif _packet.near(wire_end, due) == due:
            self._end(None, "closed")
        else:
            self._end("the other side ended the link before all that it wrote had come", "aborted")

    def _end_forgotten(self, _packet_in: bytes, _now_s: float) -> None:
        self._end("the other side does not know this link any more: it was restarted, or has closed it", "restarted")

    def _end_silent(self, _packet_in: bytes, now_s: float) -> None:
        if self._stream is not None:
            reason = self._stream.silence(now_s)
            self._put_close(self._stream.peer, self._stream.end, CloseCode.ABORTED)
            self._end(f"{reason}: it was switched off, or the cable is bad", "silent")

    def _end_done(self, _packet_in: bytes, _now_s: float) -> None:
        if self._stream is not None:
            self._put_close(self._stream.peer, self._stream.end, CloseCode.DONE)
        self._end(None, "closed")

    def _end_both_connect(self, _packet_in: bytes, _now_s: float) -> None:
        self._end("both sides of the line connect; one has to listen, as a server does", "both_connect")

    def _end_for_echo(self, _packet_in: bytes, _now_s: float) -> None:
        self._end(
            "the line gives back what is sent: a loop-back plug, a two-wire line with echo, or a login prompt", "echo"
        )

    # Inside.

    def _hello(self) -> Hello:
        return Hello(VERSION, self._new_epoch(), self._max_payload, self._window)

    def _begin(self, own: Hello, peer: Hello, now_s: float) -> None:
        self._stream = Stream(own, peer, self._byte_s, self.counters, now_s)
        self._repeat_s = None
        self.counters.links += 1
        self._events.append(Up())

    def _end(self, reason: str | None, cause: str) -> None:
        self._events.append(Down(reason, cause))
        self._part()

    def _part(self) -> None:
        """Forget the link that was up, or asked for; an answer to another RESET stays."""
        self._stream = self._asked = None
        self._finishes = False
        if self._answer_sent is None:
            self._repeat_s = None

    def _check_end(self, now_s: float) -> None:
        if self._finishes and self._stream is not None and not self._stream.unacknowledged:
            self._handle(Input.FINISHED, b"", now_s)

    def _take_events(self) -> list[Event]:
        events, self._events = self._events, []
        return events

    def _put(self, kind: PacketType, tag: int, body: bytes = b"") -> None:
        self._control[kind] = _packet.control(kind, tag, body)

    def _put_close(self, tag: int, offset: int, code: CloseCode) -> None:
        self._control[PacketType.CLOSE] = _packet.close(tag, offset, code)


_STREAM_TYPES = frozenset((PacketType.DATA, PacketType.ACK))
