# SPDX-License-Identifier: MIT
"""The reset exchange: each row of the tables, each pair that is in none, and what they are for."""

from __future__ import annotations

import itertools
from random import Random

import pytest
from sig_serial import _packet
from sig_serial._counters import LinkCounters
from sig_serial._deframer import Deframer, Text
from sig_serial._framing import frame
from sig_serial._link import (
    ANSWER_LIFETIME_S,
    NO_LINK_INTERVAL_S,
    RESET_INTERVAL_S,
    UNFINISHED_LINE_S,
    VERSION,
    Data,
    Down,
    Event,
    Link,
    Up,
)
from sig_serial._packet import NO_TAG, CloseCode, Hello, PacketType
from sig_serial._stream import DEAD_S
from sig_serial._tables import TABLES, Input, Role, State
from sig_serial._virtual_line import BYTE_S

OURS, THEIRS = 0x0A0A0A0A, 0x0B0B0B0B
ANSWERED, RIVAL = 0x0C0C0C0C, 0x0D0D0D0D
"""The epochs of an answer beside a link that is up: this side's, and that of who asked."""
FOREIGN = 0x0F0F0F0F


def hello(epoch: int, version: int = VERSION) -> bytes:
    return Hello(version, epoch, 64, 256).to_bytes()


def reset(epoch: int) -> bytes:
    return _packet.control(PacketType.RESET, NO_TAG, hello(epoch))


def reset_ack(tag: int, epoch: int, version: int = VERSION) -> bytes:
    return _packet.control(PacketType.RESET_ACK, tag, hello(epoch, version))


def ready(tag: int) -> bytes:
    return _packet.control(PacketType.READY, tag)


def no_link(tag: int) -> bytes:
    return _packet.control(PacketType.NO_LINK, tag)


def give(link: Link, packet: bytes, now_s: float = 0.0) -> list[Event]:
    return link.receive(b"\x00" + frame(packet), now_s)


def packets_in(line: bytes) -> list[bytes]:
    return [found for found in Deframer(1024, LinkCounters()).receive_data(line) if isinstance(found, bytes)]


def sent(link: Link, now_s: float = 0.0) -> list[bytes]:
    """The packets that ``link`` has for the line at a time."""
    return packets_in(link.data_to_send(now_s))


def kinds(packets: list[bytes]) -> list[PacketType]:
    return [PacketType(packet[0]) for packet in packets]


def new_link(role: Role, *epochs: int) -> Link:
    following = iter((*epochs, *range(1, 100)))
    return Link(role, 0.0, byte_s=BYTE_S, max_payload=64, window=256, new_epoch=lambda: next(following))


def link_in(role: Role, state: State) -> Link:
    """A link in ``state`` since 0 s, with the epochs OURS and THEIRS; an answer beside it, with ANSWERED and RIVAL."""
    link = new_link(role, OURS, ANSWERED)
    if role is Role.LISTENER:
        if state is not State.LISTENING:
            give(link, reset(THEIRS))
        if state in (State.UP, State.CONTESTED):
            give(link, ready(OURS))
        if state is State.CONTESTED:
            give(link, reset(RIVAL))
    elif state in (State.UP, State.OVER):
        give(link, reset_ack(OURS, THEIRS))
        if state is State.OVER:
            give(link, no_link(THEIRS))
    assert link.state is state
    link.data_to_send(0.0)
    return link


STATES = {
    Role.LISTENER: (State.LISTENING, State.ANSWERED, State.UP, State.CONTESTED),
    Role.CONNECTOR: (State.CONNECTING, State.UP, State.OVER),
}
IS_UP = (State.UP, State.CONTESTED)


def wire(what: Input, state: State) -> bytes:
    """The packet that is ``what`` in ``state``; one that would be it elsewhere, where there is none."""
    answer, asker = (ANSWERED, RIVAL) if state is State.CONTESTED else (OURS, THEIRS)
    if state is State.UP:
        answer, asker = FOREIGN, FOREIGN
    packets = {
        Input.RESET: reset(FOREIGN),
        Input.RESET_AGAIN: reset(asker),
        Input.RESET_ECHO: reset(OURS),
        Input.RESET_ACK: reset_ack(OURS, FOREIGN),
        Input.RESET_ACK_AGAIN: reset_ack(OURS, THEIRS),
        Input.RESET_ACK_FOREIGN: reset_ack(OURS, THEIRS, VERSION + 1),
        Input.CONFIRMATION: ready(answer),
        Input.REFUSAL: _packet.close(answer, 0, CloseCode.VERSION),
        Input.DATA: _packet.data(OURS, 0, 0, b"x"),
        Input.ACK: _packet.ack(OURS, 0, []),
        Input.CLOSE: _packet.close(OURS, 0, CloseCode.DONE),
        Input.NO_LINK: no_link(THEIRS),
        Input.STRAY: _packet.data(0x01010101, 0, 0, b"x"),
        Input.OTHER: _packet.control(PacketType.DATA, OURS),
    }
    return packets[what]


def happen(link: Link, what: Input) -> list[Event]:
    match what:
        case Input.TICK:
            return link.tick(RESET_INTERVAL_S)
        case Input.EXPIRED:
            return link.tick(ANSWER_LIFETIME_S)
        case Input.SILENCE:
            return link.tick(2 * DEAD_S)
        case Input.FINISHED:
            link.finish()
            return link.tick(0.0)
    return give(link, wire(what, link.state))


ROWS = [(role, state, what) for role in Role for state, what in TABLES[role]]

# What is sent, with the tag, and what happens, with the word of Down.
SENT = {
    "answer": [PacketType.RESET_ACK],
    "repeat": [],  # by role, below
    "confirm": [PacketType.READY],
    "confirm_and_rise": [PacketType.READY],
    "say_no_link": [PacketType.NO_LINK],
    "refuse_version": [PacketType.CLOSE] * 2,
    "end_silent": [PacketType.CLOSE] * 2,
    "end_done": [PacketType.CLOSE] * 2,
}
HAPPENS = {
    "rise": [Up()],
    "confirm_and_rise": [Up()],
    "replace": ["restarted", Up()],
    "take_data": [Data(b"x")],
    "refuse_version": ["version"],
    "end_as_told": ["closed"],
    "end_forgotten": ["restarted"],
    "end_silent": ["silent"],
    "end_done": ["closed"],
    "end_both_connect": ["both_connect"],
    "end_for_echo": ["echo"],
}


@pytest.mark.parametrize(("role", "state", "what"), ROWS, ids=str)
def test_a_row_of_the_tables_does_what_it_says(role: Role, state: State, what: Input) -> None:
    step = TABLES[role][state, what]
    link = link_in(role, state)
    events = happen(link, what)
    assert [event.cause if isinstance(event, Down) else event for event in events] == HAPPENS.get(step.action, [])
    assert link.state is step.then or what is Input.SILENCE  # so much later, an answer has expired as well
    assert link.is_up == (link.state in IS_UP)
    expected = SENT.get(step.action, [])
    if step.action == "repeat":
        expected = [PacketType.RESET if role is Role.CONNECTOR else PacketType.RESET_ACK]
    assert [kind for kind in kinds(sent(link)) if kind is not PacketType.ACK] == expected


ABSENT = [
    (role, state, what)
    for role in Role
    for state, what in itertools.product(STATES[role], Input)
    if (state, what) not in TABLES[role]
]
# Where there is no such epoch or answer, the packet is another input; what it is then has its own row.
IS_STRAY = {Input.DATA, Input.ACK, Input.CONFIRMATION}
IS_RESET = {Input.RESET_AGAIN, Input.RESET_ECHO}


def means_something_else(role: Role, state: State, what: Input) -> bool:
    if state in (State.LISTENING, State.CONNECTING) and what in IS_STRAY | IS_RESET:
        return True
    if state is State.ANSWERED and what in {Input.DATA, Input.ACK, Input.CLOSE}:
        return True  # the tag is that of the answer: a confirmation, or a refusal
    if state is State.CONNECTING and what in {Input.RESET_ACK_AGAIN, Input.REFUSAL}:
        return True  # the first answer, and a CLOSE with the tag in our RESET
    return what in {Input.SILENCE, Input.FINISHED, Input.TICK, Input.EXPIRED} or (
        role is Role.LISTENER and state is State.UP and what is Input.RESET_AGAIN
    )


@pytest.mark.parametrize(("role", "state", "what"), [row for row in ABSENT if not means_something_else(*row)], ids=str)
def test_a_pair_in_no_row_is_skipped(role: Role, state: State, what: Input) -> None:
    link = link_in(role, state)
    skipped = link.counters.skipped
    assert happen(link, what) == []
    assert link.state is state
    assert sent(link) == []
    assert link.counters.skipped == skipped + 1


@pytest.mark.parametrize("role", Role)
def test_time_alone_changes_nothing_where_nothing_is_awaited(role: Role) -> None:
    link = link_in(role, State.LISTENING if role is Role.LISTENER else State.OVER)
    assert link.deadline_s is None
    assert link.tick(1e6) == []
    assert sent(link, 1e6) == []


# What the tables are for.


def test_a_connector_asks_until_it_is_answered_and_not_more_often() -> None:
    link = new_link(Role.CONNECTOR, OURS)
    asked_s = []
    for step in range(100):
        now_s = step * 0.05
        link.tick(now_s)
        asked_s += [now_s] * len(sent(link, now_s))
    assert len(asked_s) == 20
    assert all(later - earlier >= 0.249 for earlier, later in itertools.pairwise(asked_s))


def test_a_reset_that_a_driver_gives_out_again_does_not_end_the_link() -> None:
    link = link_in(Role.LISTENER, State.UP)
    assert give(link, reset(RIVAL), 1.0) == []
    assert give(link, _packet.data(OURS, 0, 0, b"on"), 1.5) == [Data(b"on")]
    assert link.tick(1.0 + ANSWER_LIFETIME_S) == []
    assert link.state is State.UP
    assert give(link, _packet.data(OURS, 2, 0, b"ward"), 3.5) == [Data(b"ward")]


@pytest.mark.parametrize("confirmation", [ready(ANSWERED), _packet.ack(ANSWERED, 0, [])], ids=["READY", "ACK"])
def test_a_peer_that_was_restarted_replaces_the_link(confirmation: bytes) -> None:
    link = link_in(Role.LISTENER, State.CONTESTED)
    down, up = give(link, confirmation)
    assert (isinstance(down, Down) and down.cause, up) == ("restarted", Up())
    assert give(link, _packet.data(OURS, 0, 0, b"old")) == []
    assert give(link, _packet.data(ANSWERED, 0, 0, b"new")) == [Data(b"new")]


def test_data_confirms_where_ready_was_lost_and_is_delivered() -> None:
    link = link_in(Role.LISTENER, State.ANSWERED)
    assert give(link, _packet.data(OURS, 0, 0, b"at once")) == [Up(), Data(b"at once")]


def test_a_reset_of_the_link_s_own_beginning_means_nothing_later() -> None:
    link = link_in(Role.LISTENER, State.UP)
    assert give(link, reset(THEIRS)) == []
    assert (link.state, sent(link)) == (State.UP, [])


@pytest.mark.parametrize("state", STATES[Role.LISTENER])
def test_a_storm_of_resets_gets_no_storm_of_answers(state: State) -> None:
    link = link_in(Role.LISTENER, state)
    answers = 0
    for epoch in range(1, 90):
        give(link, reset(epoch), 1.0)
        answers += kinds(sent(link, 1.0)).count(PacketType.RESET_ACK)
    assert 1 <= answers <= 25  # of 22 bytes: some 20 ms of the line
    assert link.deadline_s is not None
    assert link.deadline_s <= 1.1


def test_what_ends_a_link_does_not_wait_for_the_line() -> None:
    link = link_in(Role.LISTENER, State.UP)
    link.write(bytes(1000))
    assert link.data_to_send(0.0) != b""
    assert link.data_to_send(0.0) == b""
    link.close()
    assert kinds(sent(link)) == [PacketType.CLOSE] * 2


def test_unknown_tags_are_told_of_at_most_ten_times_a_second() -> None:
    link = new_link(Role.LISTENER)
    told_s = []
    for step in range(3000):
        now_s = step / 1000
        give(link, _packet.data(FOREIGN + step, 0, 0, b"x"), now_s)
        told_s += [now_s] * len(sent(link, now_s))
    assert 20 <= len(told_s) <= 31
    assert all(later - earlier >= NO_LINK_INTERVAL_S - 1e-9 for earlier, later in itertools.pairwise(told_s))


@pytest.mark.parametrize("state", STATES[Role.LISTENER])
def test_nothing_is_sent_in_answer_to_noise(state: State) -> None:
    link, quiet = link_in(Role.LISTENER, state), link_in(Role.LISTENER, state)
    random = Random(2)
    for step in range(300):
        now_s = step / 100
        assert [event for event in link.receive(random.randbytes(115), now_s) if not isinstance(event, Text)] == []
        for each in (link, quiet):
            each.tick(now_s)
        assert kinds(sent(link, now_s)) == kinds(sent(quiet, now_s))


def test_a_packet_of_a_later_version_is_skipped() -> None:
    link = link_in(Role.LISTENER, State.UP)
    assert give(link, _packet.control(PacketType(1), NO_TAG, hello(0))) == []
    assert give(link, bytes([11]) + b"tag.body") == []
    assert link.state is State.UP
    assert link.counters.skipped == 2


def test_what_follows_the_known_part_of_a_body_is_of_later_versions() -> None:
    link = new_link(Role.LISTENER, OURS)
    give(link, reset(THEIRS) + b"more")
    assert kinds(sent(link)) == [PacketType.RESET_ACK]
    assert give(link, ready(OURS) + b"more") == [Up()]
    assert give(link, _packet.close(OURS, 0, CloseCode.DONE) + b"more") == [Down(None, "closed")]


def test_a_close_that_leaves_bytes_out_is_no_orderly_end() -> None:
    (down,) = give(link_in(Role.LISTENER, State.UP), _packet.close(OURS, 5, CloseCode.DONE))
    assert isinstance(down, Down)
    assert down.cause == "aborted"


def test_an_end_at_once_is_told_at_once_and_brings_no_event() -> None:
    link = link_in(Role.LISTENER, State.UP)
    link.write(b"x" * 1000)
    link.data_to_send(0.0)
    link.close()
    assert kinds(sent(link)) == [PacketType.CLOSE] * 2
    assert (link.state, link.is_up, link.unsent) == (State.LISTENING, False, 0)
    assert link.tick(10.0) == []


def test_nothing_can_be_written_without_a_link() -> None:
    with pytest.raises(RuntimeError, match="no link is up"):
        new_link(Role.LISTENER).write(b"x")


@pytest.mark.parametrize(("max_payload", "window"), [(0, 1), (2, 1), (1, 1 << 16)])
def test_limits_that_cannot_be_are_refused(max_payload: int, window: int) -> None:
    with pytest.raises(ValueError, match="max_payload"):
        Link(Role.LISTENER, 0.0, byte_s=BYTE_S, max_payload=max_payload, window=window)


@pytest.mark.parametrize("state", STATES[Role.LISTENER])
def test_a_probe_is_answered_in_every_state(state: State) -> None:
    link = link_in(Role.LISTENER, state)
    probe = _packet.probe(513, b"\x00\xff" * 20)
    assert give(link, probe, 1.0) == []
    reply = _packet.reply_to(probe, link.counters.packets_received, 0)
    assert reply in sent(link, 1.0)
    assert link.state is state
    assert give(link, reply, 1.1) == []
    assert reply not in sent(link, 1.1)


def test_many_probes_take_no_memory() -> None:
    link = new_link(Role.LISTENER)
    for number in range(1000):
        give(link, _packet.probe(number, bytes(50)))
    assert 1 <= len(sent(link)) <= 16


def test_a_prompt_comes_out_although_its_line_never_ends() -> None:
    link = new_link(Role.LISTENER)
    assert link.receive(b"login: ", 1.0) == []
    assert link.deadline_s == 1.0 + UNFINISHED_LINE_S
    assert link.tick(1.0 + UNFINISHED_LINE_S) == [Text("login: ")]
    assert link.deadline_s is None
    assert link.receive(b"root\n", 9.0) == [Text("root")]


def test_text_comes_beside_the_packets() -> None:
    link = link_in(Role.LISTENER, State.UP)
    packet = b"\x00" + frame(_packet.data(OURS, 0, 0, b"data"))
    assert link.receive(b"measuring\n" + packet + b"done\n", 1.0) == [Text("measuring"), Data(b"data"), Text("done")]
