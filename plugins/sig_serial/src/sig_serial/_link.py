# SPDX-License-Identifier: MIT
"""How a link comes up over a line, and how it ends: the reset exchange, epochs and sequence numbers.

Theory of operation. The *connector* sends RESET with a new random epoch until the *listener* answers with RESET_ACK
and an epoch of its own; READY, or the first DATA, tells the listener that the answer has come. From then on each
packet carries, as its tag, the epoch of the side that it is for: bytes that an earlier link left in some buffer have
another tag and are told apart. While no link is up, whatever makes no sense is skipped, as noise or as left over.
Once it is up, anything that shows a loss ends it, because the stream of bytes above must have no hole.

No I/O, no clock: bytes and the time come in, bytes and what happened go out. ``TABLES`` says what happens when; a
pair of state and input that is not there is skipped and counted. Source: docs/serial-link.md, "The link".
"""

from __future__ import annotations

import enum
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from ._framing import DELIMITER, Damage, frame
from ._packet import HEADER_BYTES, NO_TAG, SEQ_MODULUS, CloseCode, Hello, Packet, PacketType

VERSION: Final = 1
"""The one version of this protocol that this code speaks."""

MAX_PAYLOAD_BYTES: Final = 256
"""Bytes of the stream in one DATA packet: some 23 ms at 115 200 baud, so that a damaged packet costs little."""

MAX_PACKET_BYTES: Final = HEADER_BYTES + MAX_PAYLOAD_BYTES

RESET_INTERVAL_S: Final = 0.25
"""Between two RESET, and two RESET_ACK: longer than both take at 2 400 baud, short for whoever waits."""

ANSWER_LIFETIME_S: Final = 2.0
"""How long a listener waits for READY before it takes the RESET for a stale one."""

NO_LINK_INTERVAL_S: Final = 0.1
"""Between two NO_LINK: a burst of old packets gets one answer, not one each."""


class Role(enum.Enum):
    """Which side of the line this is."""

    LISTENER = "listener"
    CONNECTOR = "connector"


class State(enum.Enum):
    """Where a side is."""

    LISTENING = "listening"  # listener: no link
    ANSWERED = "answered"  # listener: RESET_ACK sent, READY awaited
    CONNECTING = "connecting"  # connector: RESET sent, RESET_ACK awaited
    UP = "up"
    OVER = "over"  # connector: the link is over; a new one needs a new Link


class Input(enum.Enum):
    """What can happen to a side: a packet, sorted by what it means here, or the passing of time."""

    RESET = "RESET"  # with an epoch that is neither the link's nor our own
    RESET_AGAIN = "RESET again"  # with the epoch that was answered
    RESET_ECHO = "RESET echo"  # with our own epoch: the line gives back what it is given
    ACK = "RESET_ACK"  # to our epoch, in a version that we speak
    ACK_AGAIN = "RESET_ACK again"  # the one that was accepted
    ACK_FOREIGN = "RESET_ACK foreign"  # to our epoch, in a version that we do not speak
    READY = "READY"
    DATA = "DATA"  # with the number that is due
    HOLE = "hole"  # DATA or CLOSE with another number
    CLOSE = "CLOSE"
    NO_LINK = "NO_LINK"
    STRAY = "stray"  # READY or DATA with a tag that is not ours
    DAMAGED = "damaged"
    OTHER = "other"  # undamaged, but of no use: a later version's packet, an old link's CLOSE
    TICK = "tick"  # the time has come to repeat RESET or RESET_ACK
    EXPIRED = "expired"  # no READY within the answer's lifetime


@dataclass(frozen=True, slots=True)
class Up:
    """The link is up.

    Attributes:
        max_payload: How many bytes one DATA packet to the other side may carry.
    """

    max_payload: int


@dataclass(frozen=True, slots=True)
class Data:
    """The next bytes of the stream."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Down:
    """The link is over, or will not come up.

    Attributes:
        reason: What is the matter, for a user; ``None`` after an orderly end.
    """

    reason: str | None


Event = Up | Data | Down


@dataclass(frozen=True, slots=True)
class Step:
    """A row's right side: the method of ``Link`` to call, and the state to be in after it."""

    action: str
    then: State


_BREAKS: Mapping[Input, str] = {
    Input.DATA: "deliver",
    Input.HOLE: "end_for_hole",
    Input.DAMAGED: "end_for_damage",
    Input.CLOSE: "end_as_told",
    Input.NO_LINK: "end_forgotten",
}


def _when_up(after: State) -> dict[tuple[State, Input], Step]:
    """Return the rows of a link that is up, which are the same for both roles but for the state ``after`` it."""
    return {
        (State.UP, what): Step(action, State.UP if what is Input.DATA else after) for what, action in _BREAKS.items()
    }


# Two rules: all that depends on the state stands in these tables, and all that stands in them is in the tables of
# docs/serial-link.md as well.
TABLES: Mapping[Role, Mapping[tuple[State, Input], Step]] = {
    Role.LISTENER: {
        (State.LISTENING, Input.RESET): Step("answer", State.ANSWERED),
        (State.LISTENING, Input.STRAY): Step("say_no_link", State.LISTENING),
        (State.ANSWERED, Input.RESET): Step("answer", State.ANSWERED),
        (State.ANSWERED, Input.RESET_AGAIN): Step("repeat", State.ANSWERED),
        (State.ANSWERED, Input.TICK): Step("repeat", State.ANSWERED),
        (State.ANSWERED, Input.READY): Step("rise", State.UP),
        (State.ANSWERED, Input.DATA): Step("rise_and_deliver", State.UP),
        (State.ANSWERED, Input.HOLE): Step("refuse_damaged", State.LISTENING),
        (State.ANSWERED, Input.CLOSE): Step("forget", State.LISTENING),
        (State.ANSWERED, Input.EXPIRED): Step("forget", State.LISTENING),
        **_when_up(after=State.LISTENING),
        (State.UP, Input.RESET): Step("end_restarted_and_answer", State.ANSWERED),
    },
    Role.CONNECTOR: {
        (State.CONNECTING, Input.TICK): Step("repeat", State.CONNECTING),
        (State.CONNECTING, Input.ACK): Step("confirm_and_rise", State.UP),
        (State.CONNECTING, Input.ACK_FOREIGN): Step("refuse_version", State.OVER),
        (State.CONNECTING, Input.CLOSE): Step("end_as_told", State.OVER),
        (State.CONNECTING, Input.RESET): Step("end_both_connect", State.OVER),
        (State.CONNECTING, Input.RESET_ECHO): Step("end_for_echo", State.OVER),
        **_when_up(after=State.OVER),
        (State.UP, Input.ACK_AGAIN): Step("confirm", State.UP),
        (State.UP, Input.RESET): Step("end_both_connect", State.OVER),
    },
}

_NO_PACKET = Packet(0, NO_TAG)

_CLOSE_REASONS: Mapping[int, str | None] = {
    CloseCode.DONE: None,
    CloseCode.ABORTED: "the other side ended the link at once",
    CloseCode.DAMAGED: "the other side got a damaged packet, or missed one, and ended the link; check the cable",
    CloseCode.VERSION: f"the other side does not speak version {VERSION} of the serial link; update the older side",
}


def random_epoch() -> int:
    """Return a random number from 1 to 2**32 - 1."""
    return secrets.randbelow(2**32 - 1) + 1


class Link:
    """One side of a line: a listener through all its links, or a connector through its one.

    Bytes to send collect until ``data_to_send`` is called; call it, and look at ``deadline_s``, after every other call.

    Args:
        role: Which side this is.
        now_s: The time, on a monotonic clock in seconds; as in all other calls.
        new_epoch: Gives the epoch of a new link.
    """

    def __init__(self, role: Role, now_s: float, *, new_epoch: Callable[[], int] = random_epoch) -> None:
        self.state = State.LISTENING
        self.skipped = 0
        """Packets, whole or damaged, that meant nothing here."""
        self.deadline_s: float | None = None
        """When to call ``tick``; ``None``: not before something else has happened."""
        self._table = TABLES[role]
        self._after = State.LISTENING if role is Role.LISTENER else State.OVER
        self._new_epoch = new_epoch
        self._out = bytearray()
        self._events: list[Event] = []
        self._damage = ""
        self._own = self._peer = NO_TAG
        self._peer_max_payload = 0
        self._next_in = self._next_out = 0
        self._expires_s = self._quiet_until_s = now_s
        if role is Role.CONNECTOR:
            self.state = State.CONNECTING
            self._own = new_epoch()
            self._repeat(_NO_PACKET, now_s)

    def receive(self, item: bytes | Damage, now_s: float) -> list[Event]:
        """Take what the ``Deframer`` found, one packet at a time; return what it brought about."""
        if isinstance(item, Damage):
            return self._handle(Input.DAMAGED, _NO_PACKET, now_s, item.value)
        try:
            packet = Packet.from_bytes(item)
            what = self._meaning(packet)
        except ValueError:
            return self._handle(Input.OTHER, _NO_PACKET, now_s)
        return self._handle(what, packet, now_s)

    def tick(self, now_s: float) -> list[Event]:
        """Do what is due at ``deadline_s``; nothing when called too early."""
        if self.deadline_s is None or now_s < self.deadline_s:
            return []
        expired = self.state is State.ANSWERED and now_s >= self._expires_s
        return self._handle(Input.EXPIRED if expired else Input.TICK, _NO_PACKET, now_s)

    def send(self, payload: bytes) -> bytes:
        """Return ``payload`` as a DATA packet, framed, to be written before anything that comes later.

        Args:
            payload: At most as many bytes as ``Up.max_payload`` said.
        """
        if self.state is not State.UP:
            raise RuntimeError(f"no link is up: {self.state.value}")
        packet = Packet(PacketType.DATA, self._peer, self._next_out, payload)
        self._next_out = (self._next_out + 1) % SEQ_MODULUS
        return frame(packet.to_bytes())

    def close(self, code: CloseCode = CloseCode.DONE) -> None:
        """End the link from this side: CLOSE is sent if it is up, and no event follows."""
        if self.state is State.UP:
            self._put_close(code)
        self.state = self._after
        self._clear()

    def data_to_send(self) -> bytes:
        """Return the control packets to write now, and forget them.

        They begin with a delimiter, so they may follow half a packet.
        """
        data = bytes(self._out)
        self._out.clear()
        return data

    def _meaning(self, packet: Packet) -> Input:
        """Return what ``packet`` means to this side.

        Raises:
            ValueError: Its body is malformed.
        """
        match packet.type:
            case PacketType.RESET:
                return self._meaning_of_reset(Hello.from_bytes(packet.body).epoch)
            case PacketType.RESET_ACK if packet.tag == self._own != NO_TAG:
                return self._meaning_of_ack(Hello.from_bytes(packet.body))
            case PacketType.NO_LINK if packet.tag == self._peer != NO_TAG:
                return Input.NO_LINK
            case PacketType.READY | PacketType.DATA | PacketType.CLOSE:
                return self._meaning_by_tag(packet)
        return Input.OTHER

    def _meaning_of_reset(self, epoch: int) -> Input:
        if epoch == self._own:
            return Input.RESET_ECHO
        return Input.RESET_AGAIN if epoch == self._peer else Input.RESET

    def _meaning_of_ack(self, hello: Hello) -> Input:
        if hello.version != VERSION:
            return Input.ACK_FOREIGN
        return Input.ACK_AGAIN if hello.epoch == self._peer else Input.ACK

    def _meaning_by_tag(self, packet: Packet) -> Input:
        if packet.tag != self._own or packet.tag == NO_TAG:
            return Input.OTHER if packet.type == PacketType.CLOSE else Input.STRAY
        if packet.type == PacketType.READY:
            return Input.READY
        if packet.type == PacketType.CLOSE and (not packet.body or packet.body[0] != CloseCode.DONE):
            return Input.CLOSE
        if packet.seq != self._next_in:
            return Input.HOLE
        return Input.DATA if packet.type == PacketType.DATA else Input.CLOSE

    def _handle(self, what: Input, packet: Packet, now_s: float, damage: str = "") -> list[Event]:
        step = self._table.get((self.state, what))
        if step is None:
            self.skipped += 1
            return []
        self.state = step.then
        self._damage = damage
        action: Callable[[Packet, float], None] = getattr(self, f"_{step.action}")
        action(packet, now_s)
        events, self._events = self._events, []
        return events

    # The actions of the tables. Each takes the packet (an empty one, where the input is none) and the time.

    def _answer(self, packet: Packet, now_s: float) -> None:
        hello = Hello.from_bytes(packet.body)
        self._own, self._peer, self._peer_max_payload = self._new_epoch(), hello.epoch, hello.max_payload
        self._next_in = self._next_out = 0
        self._expires_s = now_s + ANSWER_LIFETIME_S
        self._repeat(packet, now_s)

    def _repeat(self, _packet: Packet, now_s: float) -> None:
        kind = PacketType.RESET if self._peer == NO_TAG else PacketType.RESET_ACK
        hello = Hello(VERSION, self._own, MAX_PAYLOAD_BYTES)
        self._put(Packet(kind, self._peer, 0, hello.to_bytes()))
        self.deadline_s = now_s + RESET_INTERVAL_S

    def _rise(self, _packet: Packet, _now_s: float) -> None:
        self.deadline_s = None
        self._events.append(Up(min(self._peer_max_payload, MAX_PAYLOAD_BYTES)))

    def _rise_and_deliver(self, packet: Packet, now_s: float) -> None:
        self._rise(packet, now_s)
        self._deliver(packet, now_s)

    def _confirm(self, _packet: Packet, _now_s: float) -> None:
        self._put(Packet(PacketType.READY, self._peer))

    def _confirm_and_rise(self, packet: Packet, now_s: float) -> None:
        hello = Hello.from_bytes(packet.body)
        self._peer, self._peer_max_payload = hello.epoch, hello.max_payload
        self._confirm(packet, now_s)
        self._rise(packet, now_s)

    def _deliver(self, packet: Packet, _now_s: float) -> None:
        self._next_in = (self._next_in + 1) % SEQ_MODULUS
        if packet.body:
            self._events.append(Data(packet.body))

    def _say_no_link(self, packet: Packet, now_s: float) -> None:
        if now_s >= self._quiet_until_s:
            self._put(Packet(PacketType.NO_LINK, packet.tag))
            self._quiet_until_s = now_s + NO_LINK_INTERVAL_S

    def _forget(self, _packet: Packet, _now_s: float) -> None:
        self._clear()

    def _refuse_damaged(self, _packet: Packet, _now_s: float) -> None:
        self._put_close(CloseCode.DAMAGED)
        self._clear()

    def _refuse_version(self, packet: Packet, _now_s: float) -> None:
        hello = Hello.from_bytes(packet.body)
        self._peer = hello.epoch
        self._put_close(CloseCode.VERSION)
        self._end(f"the other side wants version {hello.version} of the serial link, this side speaks {VERSION} only")

    def _end_for_hole(self, packet: Packet, _now_s: float) -> None:
        self._put_close(CloseCode.DAMAGED)
        self._end(
            f"packet {packet.seq} came where {self._next_in} was due: bytes were lost on the line or in a full buffer"
        )

    def _end_for_damage(self, _packet: Packet, _now_s: float) -> None:
        self._put_close(CloseCode.DAMAGED)
        self._end(f"a packet came damaged ({self._damage}); check the cable, and that no other program uses the port")

    def _end_as_told(self, packet: Packet, _now_s: float) -> None:
        code = packet.body[0] if packet.body else CloseCode.ABORTED
        self._end(_CLOSE_REASONS.get(code, f"the other side ended the link with code {code}"))

    def _end_forgotten(self, _packet: Packet, _now_s: float) -> None:
        self._end("the other side does not know this link any more: it was restarted, or has closed it")

    def _end_restarted_and_answer(self, packet: Packet, now_s: float) -> None:
        self._end("the other side was restarted and asks for a new link")
        self._answer(packet, now_s)

    def _end_both_connect(self, _packet: Packet, _now_s: float) -> None:
        self._end("both sides of the line connect; one has to listen, as a server does")

    def _end_for_echo(self, _packet: Packet, _now_s: float) -> None:
        self._end("the line gives back what is sent: a loop-back plug, a two-wire line with echo, or a login prompt")

    def _end(self, reason: str | None) -> None:
        self._events.append(Down(reason))
        self._clear()

    def _clear(self) -> None:
        self._own = self._peer = NO_TAG
        self.deadline_s = None

    def _put_close(self, code: CloseCode) -> None:
        self._put(Packet(PacketType.CLOSE, self._peer, self._next_out, bytes([code])))

    def _put(self, packet: Packet) -> None:
        self._out += DELIMITER + frame(packet.to_bytes())
