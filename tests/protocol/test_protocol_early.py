# SPDX-License-Identifier: MIT
"""What may come before a link is up, at either end: so many bytes, and no memory for what is only announced."""

from __future__ import annotations

import itertools
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from sigcore import Identity, Secret
from sigcore._errors import RemoteProtocolError
from sigcore.protocol.bodies import read_body, read_request, read_request_of, split_meta, write_body
from sigcore.protocol.frames import HEADER_BYTES, PREFACE, Kind, frame
from sigcore.protocol.gate import Gate
from sigcore.protocol.link import HANDSHAKE_BYTES, HANDSHAKE_FRAME_BYTES, Link, State
from sigcore.protocol.proofs import client_proof, server_proof, transcript

from .loopback import EPOCH, SERVER_ID, ClientProcess, Server, control, frames_in, hello

SECRET = "correct horse battery staple"
KNOWN = {"thermo-7": Identity(Secret(SECRET))}
NONCE = "0c" * 16
AS_THERMO = {"method": "secret", "identity": "thermo-7", "nonce": NONCE}
HELLO = hello().removeprefix(PREFACE)
CHALLENGE = write_body({"nonce": NONCE})


def server_link(*said: bytes) -> Link:
    """Return a server's end that has heard so much; nobody ever answers it who is there."""
    server = Server()
    server.hub.gate = Gate(KNOWN, anonymous=True, ask=lambda _evidence, _left_s, _tell: None)
    link = server.new_link()
    link.receive(b"".join(said), 100.0)
    return link


def open_server_link() -> Link:
    """Return a server's end that asks nobody, and has heard the preface."""
    link = Server().new_link()
    link.receive(PREFACE, 100.0)
    return link


def client_link(*said: bytes, secret: str = "") -> Link:
    """Return a client's end that has heard so much."""
    client = ClientProcess("peer")
    if secret:
        client.knows("thermo-7", secret)
    client.link.receive(b"".join(said), 100.0)
    return client.link


def welcome(link: Link, **more: object) -> bytes:
    """Return the WELCOME of a server that knows the secret, if there is one."""
    ((_kind, _id, body), *_proof) = frames_in(link.data_to_send(100.0))
    if read_body("HELLO", body).has("auth"):
        more["proof"] = server_proof(Secret(SECRET), transcript(body, CHALLENGE))
    session = {"id": "01" * 16, "resumed": False, "secret": "02" * 16}
    limits = {"frame": 1 << 20, "credit": 1 << 20}
    about = {"version": 1, "codec": "json", "name": "hall", "server": SERVER_ID, "epoch": EPOCH}
    return control(Kind.WELCOME, 0, **about, limits=limits, session=session, **more)


# each state before a link is up: how it is reached, and how many bytes behind the preface that took
CHALLENGED = (PREFACE, control(Kind.CHALLENGE, 0, nonce=NONCE))
AUTH = hello(auth=AS_THERMO).removeprefix(PREFACE)
OTHER_AUTH = hello(auth={"method": "ldap"}).removeprefix(PREFACE)
BEFORE_UP: dict[str, tuple[Callable[[], Link], State, int]] = {
    "server, handshake": (lambda: server_link(PREFACE), State.HANDSHAKE, 0),
    "server, challenged": (lambda: server_link(PREFACE, AUTH), State.CHALLENGED, len(AUTH)),
    "server, checking": (lambda: server_link(PREFACE, OTHER_AUTH), State.CHECKING, len(OTHER_AUTH)),
    "client, handshake": (lambda: client_link(PREFACE), State.HANDSHAKE, 0),
    "client, challenged": (lambda: client_link(*CHALLENGED, secret=SECRET), State.CHALLENGED, len(CHALLENGED[1])),
}


def skipped(size: int) -> bytes:
    """Return extensions, which nobody knows and everybody skips, of so many bytes in all."""
    whole, rest = divmod(size, 1000)
    sizes = [1000] * (whole - 1) + [1000 + rest]
    return b"".join(frame(0x99, 0, bytes(each - HEADER_BYTES)) for each in sizes)


def say(link: Link, data: bytes, at_a_time: int) -> None:
    for start in range(0, len(data), at_a_time):
        link.receive(data[start : start + at_a_time], 100.0)


def code_of(link: Link) -> str | None:
    return getattr(link.error, "code", None)


def byes(link: Link) -> list[str]:
    """Return the codes of the BYE frames that it writes."""
    return [
        read_body("BYE", body).text("code")
        for kind, _id, body in frames_in(link.data_to_send(100.0))
        if kind == Kind.BYE
    ]


@pytest.mark.parametrize("where", BEFORE_UP)
def test_the_states_are_those_that_the_tests_want(where: str) -> None:
    make, state, _size = BEFORE_UP[where]
    assert make().state is state


def test_there_is_no_other_state_before_a_link_is_up() -> None:
    tried = {state for _make, state, _size in BEFORE_UP.values()}
    assert set(State) - tried == {State.PREFACE, State.UP, State.ENDED}


@pytest.mark.parametrize("at_a_time", [1, 1000, 1 << 20])
@pytest.mark.parametrize("where", BEFORE_UP)
def test_before_a_link_is_up_there_is_room_for_so_many_bytes_and_none_more(where: str, at_a_time: int) -> None:
    make, state, size = BEFORE_UP[where]
    link = make()
    link.data_to_send(100.0)
    fill = skipped(HANDSHAKE_BYTES - size)
    say(link, fill, at_a_time)
    assert (link.state, link.error) == (state, None)
    say(link, b"\0", at_a_time)
    assert code_of(link) == "handshake_too_long"
    assert f"more than {HANDSHAKE_BYTES} bytes" in str(link.error)
    assert byes(link) == ["handshake_too_long"]
    other = make()
    other.data_to_send(100.0)
    say(other, fill + b"\0", at_a_time)  # the same in one piece
    assert code_of(other) == "handshake_too_long"


@pytest.mark.parametrize("where", BEFORE_UP)
def test_a_flood_before_a_link_is_up_is_told_once_and_read_no_further(where: str) -> None:
    link = BEFORE_UP[where][0]()
    link.data_to_send(100.0)
    for _ in range(50):
        link.receive(skipped(100_000), 100.0)
    assert byes(link) == ["handshake_too_long"]


# how an end comes up: the link, what is the last that it needs, and how many bytes behind the preface it has had


def server_by_hello() -> tuple[Link, bytes, int]:
    return open_server_link(), HELLO, 0


def server_by_proof() -> tuple[Link, bytes, int]:
    link = server_link(PREFACE, AUTH)
    ((_kind, _id, challenge),) = frames_in(link.data_to_send(100.0))
    proof = client_proof(Secret(SECRET), transcript(AUTH[HEADER_BYTES:], challenge))
    return link, control(Kind.PROOF, 0, proof=proof), len(AUTH)


def client_by_welcome() -> tuple[Link, bytes, int]:
    link = client_link(PREFACE)
    return link, welcome(link), 0


def client_by_welcome_after_challenge() -> tuple[Link, bytes, int]:
    client = ClientProcess("peer")
    client.knows("thermo-7", SECRET)
    last = welcome(client.link)
    client.link.receive(b"".join(CHALLENGED), 100.0)
    return client.link, last, len(CHALLENGED[1])


Way = Callable[[], tuple[Link, bytes, int]]
WAYS = [server_by_hello, server_by_proof, client_by_welcome, client_by_welcome_after_challenge]


@pytest.mark.parametrize("at_a_time", [1, 1000, 1 << 20])
@pytest.mark.parametrize("way", WAYS)
def test_what_comes_up_with_the_last_byte_of_that_room_is_up_however_much_follows(way: Way, at_a_time: int) -> None:
    link, last, size = way()
    fill = skipped(HANDSHAKE_BYTES - size - len(last))
    say(link, fill + last + skipped(30_000) + frame(Kind.PING, 7), at_a_time)
    assert (link.state, link.error) == (State.UP, None)
    assert (Kind.PONG, 7, b"") in frames_in(link.data_to_send(100.0))
    link, last, size = way()
    say(link, skipped(len(fill) + 1) + last, at_a_time)
    assert code_of(link) == "handshake_too_long"


def test_the_longest_frames_of_a_handshake_have_room_together() -> None:
    assert 2 * (HEADER_BYTES + HANDSHAKE_FRAME_BYTES) <= HANDSHAKE_BYTES
    long = write_body({**read_body_of(HELLO), "auth": AS_THERMO, "later": "x" * 3_700})
    link = server_link(PREFACE, frame(Kind.HELLO, 0, long.ljust(HANDSHAKE_FRAME_BYTES)))
    ((_kind, _id, challenge),) = frames_in(link.data_to_send(100.0))
    proof = client_proof(Secret(SECRET), transcript(long.ljust(HANDSHAKE_FRAME_BYTES), challenge))
    link.receive(frame(Kind.PROOF, 0, write_body({"proof": proof}).ljust(HANDSHAKE_FRAME_BYTES)), 100.0)
    assert (link.state, link.error) == (State.UP, None)


def read_body_of(data: bytes) -> dict[str, object]:
    return dict(read_body("HELLO", data[HEADER_BYTES:]).items())


# memory

MIB = 1 << 20
KINDS = [*map(int, Kind), 0x70, 0x80, 0xFF]
LENGTHS = [MIB + 1, 2**31, 2**32 - 1]


@contextmanager
def traced() -> Iterator[SimpleNamespace]:
    """Give how many bytes were allocated at most, as ``peak``, once it is over."""
    found = SimpleNamespace(peak=0)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        yield found
        found.peak = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def heads(lengths: list[int]) -> list[bytes]:
    """Return the beginning of a frame of each kind and length, and a little of its body."""
    return [
        length.to_bytes(4, "big") + bytes([kind]) + bytes(4) + b"{}"
        for kind, length in itertools.product(KINDS, lengths)
    ]


@pytest.mark.parametrize("where", BEFORE_UP)
def test_a_first_frame_that_announces_much_takes_no_memory(where: str) -> None:
    links = [BEFORE_UP[where][0]() for _ in heads(LENGTHS)]
    with traced() as memory:
        for link, head in zip(links, heads(LENGTHS), strict=True):
            link.receive(head, 100.0)
    assert {code_of(link) for link in links} == {"frame_too_large", "unknown_kind"}
    assert memory.peak < MIB  # of all of them together, though each is still there


def up_links(many: int) -> dict[str, list[Link]]:
    found: dict[str, list[Link]] = {"server": [], "client": []}
    for _ in range(many):
        link = open_server_link()
        link.receive(HELLO, 100.0)
        found["server"].append(link)
        link = client_link(PREFACE)
        link.receive(welcome(link), 100.0)
        found["client"].append(link)
    return found


@pytest.mark.parametrize("end", ["server", "client"])
def test_a_frame_longer_than_max_frame_takes_no_memory_on_a_link_that_is_up(end: str) -> None:
    links = up_links(len(heads(LENGTHS)))[end]
    assert {link.state for link in links} == {State.UP}
    assert {link.options.max_frame for link in links} == {MIB}
    with traced() as memory:
        for link, head in zip(links, heads(LENGTHS), strict=True):
            link.receive(head, 100.0)
    assert {code_of(link) for link in links} == {"frame_too_large", "unknown_kind"}
    assert memory.peak < MIB


@pytest.mark.parametrize("end", ["server", "client"])
def test_a_frame_as_long_as_max_frame_takes_memory_only_as_it_comes(end: str) -> None:
    known = [head for head in heads([MIB]) if head[4] != 0x70]
    links = up_links(len(known))[end]
    with traced() as memory:
        for link, head in zip(links, known, strict=True):
            link.receive(head, 100.0)
    assert {link.state for link in links} == {State.UP}
    assert memory.peak < MIB


@pytest.mark.parametrize(
    ("read", "body"),
    [
        (split_meta, b"\xff\xff\xff\xff{}"),
        (split_meta, b"\x80\0\0\0{}"),
        (read_request, b"\0\0\0\1" + b"\xff" * 3),
        (read_request_of, b"\0\0\0\1" + b"\xff" * 3),
    ],
)
def test_a_length_within_a_body_takes_no_memory_either(read: Callable[[bytes], object], body: bytes) -> None:
    with traced() as memory, pytest.raises(RemoteProtocolError) as caught:
        read(body)
    assert caught.value.code == "malformed_body"
    assert memory.peak < MIB
