# SPDX-License-Identifier: MIT
"""Reading along in a conversation: the frames are named, and what the numbers in them stand for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sig_cli._conversation import KINDS, MOST_FRAME_BYTES, Frame, Side

from sigcore.protocol.kinds import Kind

PAGE = Path(__file__).parents[3] / "docs" / "protocol.md"
LINE = re.compile(r"^(?P<way>\w+>|>\w+) +[|!]? ?(?P<frame>[0-9a-f]{8,}.*)$", re.MULTILINE)
PART = re.compile(r"«(?P<text>[^»]*)»|(?P<bytes>[0-9a-f]+)")
PREFACE = bytes.fromhex("935349470a 01")


def frame(kind: int, id_: int, body: bytes = b"") -> bytes:
    return len(body).to_bytes(4, "big") + bytes([kind]) + id_.to_bytes(4, "big") + body


def json_frame(kind: int, id_: int, **fields: Any) -> bytes:
    return frame(kind, id_, json.dumps(fields).encode())


def spoken(who: str) -> Iterator[tuple[bool, bytes]]:
    """Give the bytes of one client's link in the conversation of docs/protocol.md, and whether the client says them."""
    conversation = PAGE.read_text(encoding="utf-8").partition("## A conversation")[2]
    for line in LINE.finditer(conversation):
        if who in line["way"]:
            parts = PART.finditer(line["frame"])
            data = b"".join(
                part["text"].encode() if part["text"] is not None else bytes.fromhex(part["bytes"]) for part in parts
            )
            yield line["way"].endswith(">"), data


def read_along(who: str) -> list[Frame]:
    client, server = Side.pair()
    return [frame for is_client, data in spoken(who) for frame in (client if is_client else server).receive(data)]


@pytest.fixture
def greeted() -> tuple[Side, Side]:
    """Both directions of a link that speaks JSON."""
    client, server = Side.pair()
    client.receive(PREFACE + json_frame(Kind.HELLO, 0, codecs=["json"]))
    server.receive(PREFACE + json_frame(Kind.WELCOME, 0, codec="json", session={"secret": "deadbeef"}))
    return client, server


@pytest.mark.skipif(not PAGE.exists(), reason="the page comes with the repository")
@pytest.mark.parametrize("who", ["panel", "sensor"])
def test_every_frame_of_the_protocols_own_conversation_is_read(who: str) -> None:
    frames = read_along(who)
    assert len(frames) > 20
    assert {frame.kind for frame in frames} <= {"PREFACE", *KINDS.values()}
    assert not [frame for frame in frames if "unreadable" in frame.fields or "topic" in frame.fields]


@pytest.mark.skipif(not PAGE.exists(), reason="the page comes with the repository")
def test_an_event_is_told_with_sender_event_and_data() -> None:
    events = [frame.fields for frame in read_along("sensor") if frame.kind == "EVENT"]
    assert events[0] == {"sender": "thermo", "event": "reading", "data": {"celsius": 21.5}}


def test_the_kinds_are_those_of_the_protocol() -> None:
    assert {kind.value: kind.name for kind in Kind} == KINDS


def test_what_comes_out_does_not_depend_on_how_the_stream_is_cut(greeted: tuple[Side, Side]) -> None:
    data = frame(Kind.PING, 3) + json_frame(Kind.TOPIC, 1, sender="t", event="e") + frame(Kind.EVENT, 1, b"[1]")
    whole = Side.pair()[0].receive(data)
    side = Side.pair()[0]
    assert [frame for at in range(len(data)) for frame in side.receive(data[at : at + 1])] == whole
    assert [frame.kind for frame in whole] == ["PING", "TOPIC", "EVENT"]


def test_the_topics_of_a_sender_are_known_from_the_servers_answer(greeted: tuple[Side, Side]) -> None:
    client, server = greeted
    client.receive(json_frame(Kind.ADD_SENDER, 9, sender="thermo", events=["reading"]))
    server.receive(json_frame(Kind.OK, 9, topics={"reading": 5}))
    [event] = client.receive(frame(Kind.EVENT, 5, b"21.5"))
    assert event.fields == {"sender": "thermo", "event": "reading", "data": 21.5}


def test_a_reply_is_told_with_the_request_that_it_answers(greeted: tuple[Side, Side]) -> None:
    client, server = greeted
    [asked] = server.receive(frame(Kind.REQUEST, 4, bytes.fromhex("000007d0") + b"\x05valve\x03set\x02me40"))
    assert asked.fields == {
        "sender": "valve",
        "method": "set",
        "caller": "me",
        "identity": "",
        "timeout": 2.0,
        "params": 40,
    }
    [reply] = client.receive(frame(Kind.REPLY, 4, b"true"))
    assert reply.fields == {"sender": "valve", "method": "set", "result": True}


def test_whoever_asks_is_told_by_identity_to_a_client_that_wants_it() -> None:
    client, server = Side.pair()
    client.receive(PREFACE + json_frame(Kind.HELLO, 0, codecs=["json"], features=["identity"]))
    server.receive(PREFACE + json_frame(Kind.WELCOME, 0, codec="json"))
    head = bytes.fromhex("000007d0") + b"\x05valve\x03set\x02me"
    [asked] = server.receive(frame(Kind.REQUEST, 4, head + b"\x04anna40"))
    assert (asked.fields["identity"], asked.fields["params"]) == ("anna", 40)
    [asked] = client.receive(frame(Kind.REQUEST, 4, head + b"40"))
    assert (asked.fields["identity"], asked.fields["params"]) == ("", 40)


@pytest.mark.parametrize("auth", [{"method": "token", "token": "hunter2"}, {"method": "ldap", "word": ["hunter2"]}])
def test_how_a_client_proves_itself_is_shown_without_what_proves_it(auth: dict[str, Any]) -> None:
    client, _ = Side.pair()
    [_, hello] = client.receive(PREFACE + json_frame(Kind.HELLO, 0, codecs=["json"], auth=auth))
    assert hello.fields["auth"]["method"] == auth["method"]
    assert "hunter2" not in str(hello)


def test_secrets_of_a_session_are_not_shown() -> None:
    _, server = Side.pair()
    [_, welcome] = server.receive(PREFACE + json_frame(Kind.WELCOME, 0, codec="json", session={"secret": "deadbeef"}))
    assert "deadbeef" not in str(welcome)


def test_data_that_no_codec_reads_are_told_as_bytes(greeted: tuple[Side, Side]) -> None:
    client, _ = greeted
    [event] = client.receive(frame(Kind.EVENT, 5, b"\xff"))
    assert event.fields == {"topic": 5, "data": b"\xff"}


ODD_FIELDS = b'{"codecs": 5, "sender": {}, "event": [], "topics": {"reading": [1]}, "session": 7}'


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"[" * 100_000, b"\xff" * 3, ODD_FIELDS],
    ids=["empty", "cut", "list", "deep", "bytes", "odd"],
)
@pytest.mark.parametrize("kind", list(Kind))
def test_a_frame_that_breaks_its_layout_is_told_and_ends_nothing(
    kind: Kind, body: bytes, greeted: tuple[Side, Side]
) -> None:
    client, server = greeted
    server.receive(json_frame(Kind.ADD_SENDER, 1, sender="thermo"))
    first, second = client.receive(frame(kind, 1, body) + frame(Kind.PING, 7))
    assert (first.kind, second.kind) == (kind.name, "PING")


def test_bytes_that_are_no_frames_are_told_once_and_a_new_stream_is_read_again(greeted: tuple[Side, Side]) -> None:
    client, _ = greeted
    [odd] = client.receive((MOST_FRAME_BYTES + 1).to_bytes(4, "big") + b"\xff" * 40)
    assert odd.kind == "UNREADABLE"
    assert client.receive(frame(Kind.PING, 1)) == []
    client.begin()
    assert [frame.kind for frame in client.receive(PREFACE + frame(Kind.PING, 1))] == ["PREFACE", "PING"]
