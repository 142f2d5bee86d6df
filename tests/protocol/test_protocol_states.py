# SPDX-License-Identifier: MIT
"""The state tables: what each kind of frame does in each state, and what a kind without a place there costs."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigcore._errors import LinkRefused
from sigcore.protocol.bodies import write_ack, write_request
from sigcore.protocol.client_link import ClientLink
from sigcore.protocol.client_session import ClientSession
from sigcore.protocol.frames import MAGIC, PREFACE, Kind, frame
from sigcore.protocol.link import HANDSHAKE_FRAME_BYTES, Link, State
from sigcore.protocol.server_link import ServerLink
from sigcore.protocol.server_session import ServerSession
from sigcore.protocol.session import Session

from .loopback import EPOCH, SERVER_ID, ClientProcess, Server, control, frames_in, hello

WELCOME = PREFACE + control(
    Kind.WELCOME,
    0,
    version=1,
    codec="json",
    name="hall",
    server=SERVER_ID,
    epoch=EPOCH,
    limits={"frame": 1 << 20, "credit": 1 << 20},
    session={"id": "01" * 16, "resumed": False, "secret": "02" * 16},
)


def server_link(state: State) -> Link:
    """Return a server's end in a state."""
    link = Server().new_link()
    link.receive({State.PREFACE: b"", State.HANDSHAKE: PREFACE, State.UP: hello()}[state], 100.0)
    return link


def client_link(state: State) -> Link:
    """Return a client's end in a state."""
    link = ClientProcess("peer").link
    link.receive({State.PREFACE: b"", State.HANDSHAKE: PREFACE, State.UP: WELCOME}[state], 100.0)
    return link


ENDS: dict[str, Callable[[State], Link]] = {"server": server_link, "client": client_link}
ROLES: dict[str, tuple[type[Link], type[Session]]] = {
    "server": (ServerLink, ServerSession),
    "client": (ClientLink, ClientSession),
}
STATES = (State.HANDSHAKE, State.UP)


def kinds_of(end: str, state: State) -> set[int]:
    """Return the kinds that have a place in a state: the link's own, and once it is up its session's."""
    link, session = ROLES[end]
    return {*link.handlers[state], *(session.handlers if state is State.UP else ())}


def code_of(link: Link) -> str | None:
    return getattr(link.error, "code", None)


def bye_of(link: Link) -> str:
    """Return the last word of a link."""
    kind, _id, body = frames_in(link.data_to_send(100.0))[-1]
    assert kind == Kind.BYE
    return body.decode()


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("end", ENDS)
def test_ends_begin_where_the_tests_want_them(end: str, state: State) -> None:
    assert ENDS[end](state).state is state


ABSENT = [(end, state, kind) for end in ROLES for state in STATES for kind in Kind if kind not in kinds_of(end, state)]


@pytest.mark.parametrize(("end", "state", "kind"), ABSENT, ids=lambda value: getattr(value, "name", value))
def test_a_kind_that_has_no_place_ends_the_link(end: str, state: State, kind: Kind) -> None:
    link = ENDS[end](state)
    link.receive(frame(kind, 1, b"{}"), 100.0)
    assert link.has_ended
    assert code_of(link) == "unexpected_kind"
    assert kind.name in bye_of(link)


# A harmless frame of each kind that has a place: nothing ends.
HARMLESS = {
    Kind.PING: b"",
    Kind.PONG: b"",
    Kind.ACK: write_ack(0, 1 << 20),
    Kind.ADD_SENDER: b'{"sender":"thermo"}',
    Kind.LISTEN: b"{}",
    Kind.UNLISTEN: b"",
    Kind.QUERY: b'{"what":"peers"}',
    Kind.REQUEST: write_request("thermo", "x", "", 5, b"1"),
    Kind.REPLY: b"1",
    Kind.ERROR: b'{"code":"busy"}',
    Kind.CANCEL: b"",
    Kind.REMOVE_SENDER: b'{"sender":"thermo"}',
    Kind.OK: b"{}",
    Kind.NOTICE: b'{"code":"from_the_future"}',
    Kind.PAD: b"whatever",
    Kind.SYNC: b"",
    Kind.TOPIC: b'{"sender":"thermo","event":"reading"}',
    Kind.PRESENCE: b'{"sender":"thermo","connected":true}',
    Kind.START: b"",
}
PRESENT = [(end, kind) for end in ROLES for kind in map(Kind, kinds_of(end, State.UP)) if kind in HARMLESS]


@pytest.mark.parametrize(("end", "kind"), PRESENT, ids=lambda value: getattr(value, "name", value))
def test_a_kind_that_has_its_place_leaves_the_link_up(end: str, kind: Kind) -> None:
    link = ENDS[end](State.UP)
    link.receive(frame(kind, 1, HARMLESS[kind]), 100.0)
    assert (link.state, link.error) == (State.UP, None)


def test_every_kind_of_the_tables_is_tried() -> None:
    tried = {(end, kind) for end, kind in PRESENT}
    rest = {(end, kind) for end in ROLES for kind in kinds_of(end, State.UP)} - tried
    assert {kind for _end, kind in rest} == {Kind.BYE, Kind.EVENT, Kind.EVENT_META, Kind.GAP, Kind.KEPT}  # elsewhere


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("end", ENDS)
def test_a_bye_in_good_order_is_no_error(end: str, state: State) -> None:
    link = ENDS[end](state)
    link.data_to_send(100.0)
    link.receive(control(Kind.BYE, 0, code="closing", message="bye"), 100.0)
    assert (link.state, link.error) == (State.ENDED, None)
    assert link.data_to_send(100.0) == b""


@pytest.mark.parametrize("end", ENDS)
def test_a_bye_with_a_reason_gives_it(end: str) -> None:
    link = ENDS[end](State.UP)
    link.receive(control(Kind.BYE, 0, code="too_slow", message="go away"), 100.0)
    assert isinstance(link.error, LinkRefused)
    assert link.error.code == "too_slow"
    assert "go away" in str(link.error)


@pytest.mark.parametrize("end", ENDS)
def test_nothing_is_read_or_written_after_the_end(end: str) -> None:
    link = ENDS[end](State.UP)
    ends = []
    link.ended = lambda: ends.append(1)
    link.receive(frame(0x70, 0), 100.0)
    assert frames_in(link.data_to_send(100.0))[-1][0] == Kind.BYE
    link.receive(frame(Kind.PING, 0) + b"noise", 101.0)
    link.tick(1000.0)
    link.lose(None)
    link.end()
    assert link.data_to_send(100.0) == b""
    assert link.deadline_s() is None
    assert ends == [1]


@pytest.mark.parametrize("end", ENDS)
def test_a_ping_is_answered_with_its_number_and_a_flood_of_them_once(end: str) -> None:
    link = ENDS[end](State.UP)
    link.data_to_send(100.0)
    link.receive(b"".join(frame(Kind.PING, n, b"ignored") for n in range(1000)), 100.0)
    assert frames_in(link.data_to_send(100.0)) == [(Kind.PONG, 999, b"")]


# how a link begins


@pytest.mark.parametrize(
    ("begin", "guess"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "looks like HTTP"),
        (b"POST /x HTTP/1.1\r\n", "looks like HTTP"),
        (bytes.fromhex("16030100f5010000f1"), "looks like TLS"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "looks like SSH"),
        (b"\x00\xff\x17\x99\x01\x02\x03", "noise"),
        (b"\x93SIX\n\x00", "noise"),
        (b"\n", "noise"),
    ],
    ids=["get", "post", "tls", "ssh", "noise", "almost", "newline"],
)
def test_who_speaks_something_else_is_closed_without_a_word_and_the_log_says_what_it_was(
    begin: bytes, guess: str
) -> None:
    link = Server().new_link()
    link.receive(begin, 100.0)
    assert code_of(link) == "not_sigcore"
    assert guess in str(link.error)
    assert link.data_to_send(100.0) == b""


def test_a_client_that_meets_something_else_says_what_it_was() -> None:
    link = ClientProcess("peer").link
    link.receive(b"HTTP/1.1 400 Bad Request\r\n\r\n", 100.0)
    assert code_of(link) == "not_sigcore"
    assert "HTTP" in str(link.error)


@pytest.mark.parametrize("version", [0, 2, 255])
@pytest.mark.parametrize("end", ENDS)
def test_another_version_is_told_in_frames(end: str, version: int) -> None:
    link = ENDS[end](State.PREFACE)
    link.receive(MAGIC + bytes([version]) + b"whatever that version says", 100.0)
    assert code_of(link) == "version"
    said = link.data_to_send(100.0)
    assert said.startswith(PREFACE)
    assert f"version {version}" in frames_in(said)[-1][2].decode()


@pytest.mark.parametrize(
    ("change", "code", "text"),
    [
        ({"versions": [0, 2]}, "version", "versions [0, 2]"),
        ({"versions": []}, "version", "versions []"),
        ({"versions": None}, "malformed_body", "versions"),
        ({"codecs": ["xml", "yaml"]}, "codec", "the codecs xml, yaml;"),
        ({"codecs": "json"}, "malformed_body", "codecs"),
        ({"limits": {"frame": 511, "credit": 1}}, "malformed_body", "frame"),
        ({"limits": {"frame": 512, "credit": 0}}, "malformed_body", "credit"),
        ({"limits": {"frame": "many", "credit": 1}}, "malformed_body", "frame"),
        ({"limits": None}, "malformed_body", "frame"),
        ({"name": 5}, "malformed_body", "name"),
    ],
    ids=repr,
)
def test_a_hello_that_does_not_fit_is_answered_with_the_reason(change: dict[str, object], code: str, text: str) -> None:
    link = Server().new_link()
    fields = {"versions": [1], "codecs": ["json"], "name": "x", "limits": {"frame": 512, "credit": 1}}
    link.receive(PREFACE + control(Kind.HELLO, 0, **{**fields, **change}), 100.0)
    assert code_of(link) == code
    assert text in bye_of(link)


@pytest.mark.parametrize(
    ("change", "code"),
    [({"version": 2}, "version"), ({"codec": "cbor"}, "codec"), ({"limits": {}}, "malformed_body")],
    ids=repr,
)
def test_a_welcome_that_was_not_asked_for_ends_the_link(change: dict[str, object], code: str) -> None:
    link = client_link(State.HANDSHAKE)
    fields = {"version": 1, "codec": "json", "name": "x", "limits": {"frame": 512, "credit": 1}}
    link.receive(control(Kind.WELCOME, 0, **{**fields, **change}), 100.0)
    assert code_of(link) == code


def test_the_first_codec_of_the_client_s_that_the_server_has_is_chosen() -> None:
    link = Server().new_link()
    limits = {"frame": 512, "credit": 1}
    link.receive(PREFACE + control(Kind.HELLO, 0, versions=[7, 1], codecs=["x", "upper", "json"], limits=limits), 100.0)
    assert b'"codec":"upper"' in link.data_to_send(100.0)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("kind", list(Kind))
def test_a_first_frame_that_announces_much_ends_the_link_at_once(end: str, kind: Kind) -> None:
    link = ENDS[end](State.HANDSHAKE)
    link.receive((2**31).to_bytes(4, "big") + bytes([kind]) + bytes(4), 100.0)
    assert code_of(link) == "frame_too_large"
    assert f"max_frame is {HANDSHAKE_FRAME_BYTES}" in str(link.error)


def test_a_hello_and_a_long_frame_in_one_piece_are_read_like_in_two() -> None:
    """A client must wait for WELCOME; if it does not, cuts must make no difference all the same."""
    events = [f"event{n}" for n in range(900)]
    long = control(Kind.ADD_SENDER, 1, sender="thermo", events=events)
    assert len(long) > HANDSHAKE_FRAME_BYTES
    link = Server().new_link()
    link.receive(hello() + long + frame(Kind.PING, 3), 100.0)
    link.receive(b"", 100.0)  # so long a frame costs a turn
    assert link.state is State.UP
    found = [kind for kind, _id, _body in frames_in(link.data_to_send(100.0))]
    assert found == [Kind.WELCOME, Kind.ACK, Kind.PONG, Kind.OK]


@given(st.binary(max_size=60), st.booleans())
def test_whatever_comes_first_never_raises(data: bytes, with_preface: bool) -> None:
    for make in ENDS.values():
        link = make(State.PREFACE)
        link.receive((PREFACE if with_preface else b"") + data, 100.0)
        link.data_to_send(100.0)
        link.tick(1000.0)
        assert link.has_ended


# time


@pytest.mark.parametrize("state", [State.PREFACE, State.HANDSHAKE])
@pytest.mark.parametrize("end", ENDS)
def test_a_handshake_has_one_deadline_that_bytes_do_not_move(end: str, state: State) -> None:
    link = ENDS[end](state)
    assert link.deadline_s() == 105.0
    link.receive({State.PREFACE: PREFACE[:1], State.HANDSHAKE: b"\0"}[state], 104.0)
    link.tick(104.9)
    assert (link.state, link.deadline_s()) == (state, 105.0)
    link.tick(105.0)
    assert code_of(link) == "handshake_timeout"


@pytest.mark.parametrize("end", ENDS)
def test_a_silent_side_is_asked_once_and_then_lost(end: str) -> None:
    link = ENDS[end](State.UP)
    link.data_to_send(100.0)
    assert link.deadline_s() == 110.0
    link.tick(109.9)
    assert link.data_to_send(100.0) == b""
    link.tick(110.0)
    assert frames_in(link.data_to_send(100.0)) == [(Kind.PING, 0, b"")]
    assert link.deadline_s() == 130.0
    link.tick(129.9)
    assert link.data_to_send(100.0) == b""
    link.tick(130.0)
    assert code_of(link) == "dead"


@pytest.mark.parametrize("end", ENDS)
def test_any_byte_is_a_sign_of_life(end: str) -> None:
    link = ENDS[end](State.UP)
    for now_s in (110.0, 120.0, 135.0):
        link.tick(now_s)
        link.receive(b"\0", now_s)  # the beginning of a frame, nothing more
        assert link.deadline_s() == now_s + 10.0
    link.tick(164.9)
    assert link.state is State.UP
    link.tick(165.0)
    assert code_of(link) == "dead"


def test_heartbeats_are_as_the_options_say() -> None:
    link = Server().new_link(heartbeat=1.0, dead_after=5.0, handshake_timeout=2.0)
    assert link.deadline_s() == 102.0
    link.receive(hello(), 100.0)
    assert link.deadline_s() == 101.0
    link.tick(101.0)
    assert link.deadline_s() == 105.0
