# SPDX-License-Identifier: MIT
from __future__ import annotations

import itertools
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sig_serial._framing import Damage, Deframer
from sig_serial._link import (
    ANSWER_LIFETIME_S,
    MAX_PACKET_BYTES,
    NO_LINK_INTERVAL_S,
    RESET_INTERVAL_S,
    TABLES,
    VERSION,
    Data,
    Down,
    Event,
    Input,
    Link,
    Role,
    State,
    Up,
)
from sig_serial._packet import NO_TAG, SEQ_MODULUS, CloseCode, Hello, Packet, PacketType

OURS, THEIRS, FOREIGN = 0x0A0A0A0A, 0x0B0B0B0B, 0x0F0F0F0F
LONG_AGO_S = 100.0


def reset(epoch: int, version: int = VERSION, max_payload: int = 64) -> bytes:
    return Packet(PacketType.RESET, NO_TAG, 0, Hello(version, epoch, max_payload).to_bytes()).to_bytes()


def ack(tag: int, epoch: int, version: int = VERSION, max_payload: int = 64) -> bytes:
    return Packet(PacketType.RESET_ACK, tag, 0, Hello(version, epoch, max_payload).to_bytes()).to_bytes()


def data(tag: int, seq: int, body: bytes = b"x") -> bytes:
    return Packet(PacketType.DATA, tag, seq, body).to_bytes()


def close(tag: int, seq: int, code: CloseCode = CloseCode.DONE) -> bytes:
    return Packet(PacketType.CLOSE, tag, seq, bytes([code])).to_bytes()


def ready(tag: int) -> bytes:
    return Packet(PacketType.READY, tag).to_bytes()


def no_link(tag: int) -> bytes:
    return Packet(PacketType.NO_LINK, tag).to_bytes()


def sent(link: Link) -> list[Packet]:
    """The packets that ``link`` wants sent."""
    items = Deframer(MAX_PACKET_BYTES).receive_data(link.data_to_send())
    return [Packet.from_bytes(item) for item in items if isinstance(item, bytes)]


def link_in(role: Role, state: State) -> Link:
    """A link in ``state`` since 0 s, with epoch OURS, and THEIRS where the other side's is known."""
    link = Link(role, 0.0, new_epoch=lambda: OURS)
    if role is Role.LISTENER:
        if state in (State.ANSWERED, State.UP):
            link.receive(reset(THEIRS), 0.0)
        if state is State.UP:
            link.receive(ready(OURS), 0.0)
    elif state in (State.UP, State.OVER):
        link.receive(ack(OURS, THEIRS), 0.0)
        if state is State.OVER:
            link.receive(Damage.BAD_CHECKSUM, 0.0)
    assert link.state is state
    link.data_to_send()
    return link


WIRE: dict[Input, bytes | Damage] = {
    Input.RESET: reset(FOREIGN),
    Input.RESET_AGAIN: reset(THEIRS),
    Input.RESET_ECHO: reset(OURS),
    Input.ACK: ack(OURS, FOREIGN),
    Input.ACK_AGAIN: ack(OURS, THEIRS),
    Input.ACK_FOREIGN: ack(OURS, THEIRS, version=VERSION + 1),
    Input.READY: ready(OURS),
    Input.DATA: data(OURS, 0),
    Input.HOLE: data(OURS, 1),
    Input.CLOSE: close(OURS, 0),
    Input.NO_LINK: no_link(THEIRS),
    Input.STRAY: data(FOREIGN, 0),
    Input.DAMAGED: Damage.BAD_CHECKSUM,
    Input.OTHER: Packet(99, OURS).to_bytes(),
}
NEEDS_THEIRS = {Input.RESET_AGAIN, Input.ACK_AGAIN, Input.NO_LINK}
NEEDS_OURS = {
    Input.RESET_ECHO, Input.ACK, Input.ACK_FOREIGN, Input.READY, Input.DATA, Input.HOLE, Input.CLOSE,
}  # fmt: skip
KNOWN_EPOCHS = {
    State.LISTENING: set[int](),
    State.ANSWERED: {OURS, THEIRS},
    State.CONNECTING: {OURS},
    State.UP: {OURS, THEIRS},
    State.OVER: set[int](),
}
STATES = {
    Role.LISTENER: (State.LISTENING, State.ANSWERED, State.UP),
    Role.CONNECTOR: (State.CONNECTING, State.UP, State.OVER),
}


def feed(link: Link, what: Input) -> list[Event]:
    if what is Input.TICK:
        return link.tick(RESET_INTERVAL_S)
    if what is Input.EXPIRED:
        return link.tick(ANSWER_LIFETIME_S)
    return link.receive(WIRE[what], 0.0)


@dataclass(frozen=True)
class Row:
    sends: tuple[PacketType, ...] = ()
    events: tuple[type[Event], ...] = ()
    close_code: CloseCode | None = None


LOST = Row((PacketType.CLOSE,), (Down,), CloseCode.DAMAGED)
ENDED = Row((), (Down,))
WHEN_UP = {
    (State.UP, Input.DATA): Row((), (Data,)),
    (State.UP, Input.HOLE): LOST,
    (State.UP, Input.DAMAGED): LOST,
    (State.UP, Input.CLOSE): ENDED,
    (State.UP, Input.NO_LINK): ENDED,
}
EXPECTED: dict[Role, dict[tuple[State, Input], Row]] = {
    Role.LISTENER: {
        (State.LISTENING, Input.RESET): Row((PacketType.RESET_ACK,)),
        (State.LISTENING, Input.STRAY): Row((PacketType.NO_LINK,)),
        (State.ANSWERED, Input.RESET): Row((PacketType.RESET_ACK,)),
        (State.ANSWERED, Input.RESET_AGAIN): Row((PacketType.RESET_ACK,)),
        (State.ANSWERED, Input.TICK): Row((PacketType.RESET_ACK,)),
        (State.ANSWERED, Input.READY): Row((), (Up,)),
        (State.ANSWERED, Input.DATA): Row((), (Up, Data)),
        (State.ANSWERED, Input.HOLE): Row((PacketType.CLOSE,), (), CloseCode.DAMAGED),
        (State.ANSWERED, Input.CLOSE): Row(),
        (State.ANSWERED, Input.EXPIRED): Row(),
        **WHEN_UP,
        (State.UP, Input.RESET): Row((PacketType.RESET_ACK,), (Down,)),
    },
    Role.CONNECTOR: {
        (State.CONNECTING, Input.TICK): Row((PacketType.RESET,)),
        (State.CONNECTING, Input.ACK): Row((PacketType.READY,), (Up,)),
        (State.CONNECTING, Input.ACK_FOREIGN): Row((PacketType.CLOSE,), (Down,), CloseCode.VERSION),
        (State.CONNECTING, Input.CLOSE): ENDED,
        (State.CONNECTING, Input.RESET): ENDED,
        (State.CONNECTING, Input.RESET_ECHO): ENDED,
        **WHEN_UP,
        (State.UP, Input.ACK_AGAIN): Row((PacketType.READY,)),
        (State.UP, Input.RESET): ENDED,
    },
}
ROWS = [(role, state, what) for role, table in TABLES.items() for state, what in table]
ABSENT = [
    (role, state, what)
    for role in Role
    for state, what in itertools.product(STATES[role], WIRE)
    if (state, what) not in TABLES[role]
    and (what not in NEEDS_OURS or OURS in KNOWN_EPOCHS[state])
    and (what not in NEEDS_THEIRS or THEIRS in KNOWN_EPOCHS[state])
]


def test_every_row_is_tested() -> None:
    assert {role: set(rows) for role, rows in EXPECTED.items()} == {role: set(table) for role, table in TABLES.items()}


@pytest.mark.parametrize(("role", "state", "what"), ROWS)
def test_a_row_does_what_the_table_says(role: Role, state: State, what: Input) -> None:
    link, expected = link_in(role, state), EXPECTED[role][state, what]
    events = feed(link, what)
    packets = sent(link)
    assert tuple(map(type, events)) == expected.events
    assert tuple(packet.type for packet in packets) == expected.sends
    assert link.state is TABLES[role][state, what].then
    if expected.close_code is not None:
        assert packets[-1].body == bytes([expected.close_code])


@pytest.mark.parametrize(("role", "state", "what"), ABSENT)
def test_a_pair_that_is_not_in_the_table_is_skipped(role: Role, state: State, what: Input) -> None:
    link = link_in(role, state)
    skipped, deadline_s = link.skipped, link.deadline_s
    assert feed(link, what) == []
    assert sent(link) == []
    assert (link.state, link.skipped, link.deadline_s) == (state, skipped + 1, deadline_s)


@pytest.mark.parametrize("what", [Input.READY, Input.DATA, Input.HOLE, Input.ACK, Input.CLOSE])
@pytest.mark.parametrize(("role", "state"), [(Role.LISTENER, State.LISTENING), (Role.CONNECTOR, State.OVER)])
def test_no_packet_of_an_old_link_counts_once_it_is_over(role: Role, state: State, what: Input) -> None:
    link = link_in(role, State.UP)
    link.close()
    link.data_to_send()
    assert link.state is state
    assert link.receive(WIRE[what], LONG_AGO_S) == []
    assert all(packet.type == PacketType.NO_LINK for packet in sent(link))


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        reset(THEIRS)[:-1],
        reset(NO_TAG),
        reset(THEIRS, version=0),
        reset(THEIRS, max_payload=0),
        Packet(PacketType.RESET_ACK, NO_TAG, 0, b"").to_bytes(),
        data(NO_TAG, 0)[:3],
    ],
)
def test_a_malformed_packet_is_skipped(packet: bytes) -> None:
    link = link_in(Role.LISTENER, State.LISTENING)
    assert link.receive(packet, 0.0) == []
    assert (sent(link), link.state, link.skipped) == ([], State.LISTENING, 1)


def test_a_reset_of_a_later_version_is_answered_in_ours() -> None:
    link = link_in(Role.LISTENER, State.LISTENING)
    link.receive(reset(THEIRS, version=9) + b"what version 9 adds", 0.0)
    [answer] = sent(link)
    assert Hello.from_bytes(answer.body).version == VERSION
    assert answer.tag == THEIRS


def test_reset_is_repeated_until_it_is_answered() -> None:
    link = Link(Role.CONNECTOR, 10.0, new_epoch=lambda: OURS)
    for turn in range(4):
        assert [packet.type for packet in sent(link)] == [PacketType.RESET]
        assert link.deadline_s == 10.0 + (turn + 1) * RESET_INTERVAL_S
        assert link.tick(link.deadline_s - 0.01) == []
        assert sent(link) == []
        link.tick(link.deadline_s)
    link.receive(ack(OURS, THEIRS), 12.0)
    assert link.deadline_s is None


def test_an_answer_that_nobody_confirms_is_forgotten() -> None:
    link = link_in(Role.LISTENER, State.ANSWERED)
    answers = 0
    while link.deadline_s is not None:
        link.tick(link.deadline_s)
        answers += len(sent(link))
    assert link.state is State.LISTENING
    assert answers == ANSWER_LIFETIME_S / RESET_INTERVAL_S - 1


def test_a_burst_of_old_packets_gets_one_no_link() -> None:
    link = link_in(Role.LISTENER, State.LISTENING)
    for seq in range(100):
        link.receive(data(FOREIGN, seq), 1.0)
    assert sent(link) == [Packet(PacketType.NO_LINK, FOREIGN)]
    link.receive(data(FOREIGN, 100), 1.0 + NO_LINK_INTERVAL_S)
    assert len(sent(link)) == 1


def test_noise_gets_no_answer() -> None:
    link = link_in(Role.LISTENER, State.LISTENING)
    for damage in Damage:
        link.receive(damage, 0.0)
    assert sent(link) == []


def test_the_sequence_wraps() -> None:
    writer, reader = connected()
    for turn in range(SEQ_MODULUS + 3):
        [item] = Deframer(MAX_PACKET_BYTES).receive_data(writer.send(b"x"))
        assert reader.receive(item, 0.0) == [Data(b"x")], turn


def test_sending_needs_a_link() -> None:
    with pytest.raises(RuntimeError, match="no link is up: listening"):
        link_in(Role.LISTENER, State.LISTENING).send(b"x")


@pytest.mark.parametrize(("theirs", "agreed"), [(1, 1), (64, 64), (65_535, 256)])
def test_the_smaller_payload_counts(theirs: int, agreed: int) -> None:
    listener = link_in(Role.LISTENER, State.LISTENING)
    listener.receive(reset(THEIRS, max_payload=theirs), 0.0)
    assert listener.receive(ready(OURS), 0.0) == [Up(agreed)]
    connector = link_in(Role.CONNECTOR, State.CONNECTING)
    assert connector.receive(ack(OURS, THEIRS, max_payload=theirs), 0.0) == [Up(agreed)]


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (data(OURS, 5), "packet 5 came where 0 was due"),
        (close(OURS, 5), "packet 5 came where 0 was due"),
        (Damage.BAD_CHECKSUM, "bad checksum"),
        (no_link(THEIRS), "does not know this link"),
        (reset(FOREIGN), "was restarted"),
        (close(OURS, 9, CloseCode.ABORTED), "at once"),
        (close(OURS, 9, CloseCode.DAMAGED), "damaged packet"),
        (Packet(PacketType.CLOSE, OURS).to_bytes(), "at once"),
        (Packet(PacketType.CLOSE, OURS, 0, b"\x63").to_bytes(), "code 99"),
    ],
)
def test_a_lost_link_says_why(item: bytes | Damage, reason: str) -> None:
    events = link_in(Role.LISTENER, State.UP).receive(item, 0.0)
    assert isinstance(events[0], Down)
    assert reason in str(events[0].reason)


def test_an_orderly_end_has_no_reason() -> None:
    assert link_in(Role.LISTENER, State.UP).receive(close(OURS, 0), 0.0) == [Down(None)]


def connected() -> tuple[Link, Link]:
    """Two sides of a link that is up."""
    listener, connector = Link(Role.LISTENER, 0.0), Link(Role.CONNECTOR, 0.0)
    for sender, receiver in [(connector, listener), (listener, connector), (connector, listener)]:
        for item in Deframer(MAX_PACKET_BYTES).receive_data(sender.data_to_send()):
            receiver.receive(item, 0.0)
    assert listener.state is connector.state is State.UP
    return listener, connector


class Side:
    """One side at the end of a line that loses bytes, with a stream of its own to send."""

    def __init__(self, role: Role, name: bytes) -> None:
        self.role, self.name = role, name
        self.restarts = 0
        self.restart(0.0)

    def restart(self, now_s: float) -> None:
        self.restarts += 1
        self.link, self.deframer = Link(self.role, now_s), Deframer(MAX_PACKET_BYTES)
        self.to_line = self.link.data_to_send()
        self.stream_out = self.stream_in = b""

    def act(self, now_s: float) -> None:
        if self.link.state is State.OVER:
            self.restart(now_s)
        if self.link.state is State.UP:
            payload = b"%b%d.%d;" % (self.name, self.restarts, len(self.stream_out))
            self.to_line += self.link.send(payload)
            self.stream_out += payload
        self.note(self.link.tick(now_s))

    def take(self, data: bytes, now_s: float) -> None:
        for item in self.deframer.receive_data(data):
            self.note(self.link.receive(item, now_s))

    def note(self, events: list[Event]) -> None:
        for event in events:
            match event:
                case Up():
                    self.stream_in = self.stream_out = b""
                case Data(payload):
                    assert self.link.state is State.UP
                    self.stream_in += payload
                case Down():
                    pass
        self.to_line += self.link.data_to_send()


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_whatever_the_line_does_no_wrong_byte_arrives_and_a_clean_line_heals(choices: st.DataObject) -> None:
    sides = Side(Role.LISTENER, b"L"), Side(Role.CONNECTOR, b"C")
    faults = st.sampled_from(["none"] * 6 + ["flip", "drop", "insert", "repeat", "restart"])
    now_s = 0.0
    for turn in range(60):
        now_s += 0.1
        for side, other in (sides, sides[::-1]):
            side.act(now_s)
            line, side.to_line = side.to_line, b""
            fault = choices.draw(faults) if turn < 40 else "none"
            at = choices.draw(st.integers(0, max(0, len(line) - 1))) if fault != "none" else 0
            if fault == "restart":
                side.restart(now_s)
            other.take(damaged(line, fault, at), now_s)
            assert is_prefix_of_a_stream(other.stream_in, side.name)
    assert all(side.link.state is State.UP for side in sides)
    assert all(other.stream_in and side.stream_out.startswith(other.stream_in) for side, other in (sides, sides[::-1]))


def damaged(line: bytes, fault: str, at: int) -> bytes:
    match fault:
        case "flip" if line:
            return line[:at] + bytes([line[at] ^ 0x10]) + line[at + 1 :]
        case "drop":
            return line[:at] + line[at + 1 :]
        case "insert":
            return line[:at] + b"\x00noise" + line[at:]
        case "repeat":
            return line + line[at:]
    return line


def is_prefix_of_a_stream(received: bytes, name: bytes) -> bool:
    """Whether ``received`` begins one of the streams that the side ``name`` has sent: no hole, no mixture."""
    if not received:
        return True
    number = received[len(name) :].split(b".")[0]
    expected = b""
    while len(expected) < len(received):
        expected += b"%b%b.%d;" % (name, number, len(expected))
    return expected == received
