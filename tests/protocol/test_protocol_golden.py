# SPDX-License-Identifier: MIT
"""Today's server and client live through the conversations of every version of the wire that they speak."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from sigcore.protocol.bodies import read_body
from sigcore.protocol.frames import HEADER, HEADER_BYTES, MAGIC, Kind, split_run

from .conversation import Line, clients_in, options_of, read_conversation, replay_client, replay_server
from .loopback import ClientProcess

FILES = sorted((Path(__file__).parent / "golden").rglob("*.hex"))
CONVERSATIONS = {
    f"{path.parent.name}/{path.stem}": read_conversation(path.read_text(encoding="utf-8")) for path in FILES
}
ROLES = [(name, who) for name, lines in CONVERSATIONS.items() for who in clients_in(lines)]

MAY_SAY_MORE = (Kind.HELLO, Kind.WELCOME)
FOR_PEOPLE = (Kind.BYE, Kind.ERROR, Kind.NOTICE)


def will_do(found: bytes, expected: bytes) -> bool:
    """Whether a peer of that version can take what is said now for what was said then."""
    if found == expected or MAGIC in (found[: len(MAGIC)], expected[: len(MAGIC)]):
        return found == expected
    (_size, kind, id_), (_other_size, other_kind, other_id) = HEADER.unpack_from(found), HEADER.unpack_from(expected)
    if (kind, id_) != (other_kind, other_id) or kind not in (*MAY_SAY_MORE, *FOR_PEOPLE):
        return False
    fields, wanted = (dict(read_body("golden", data[HEADER_BYTES:]).items()) for data in (found, expected))
    if kind in FOR_PEOPLE:
        return "message" in fields and {**fields, "message": ""} == {**wanted, "message": ""}
    return says(fields, wanted)


def says(found: Any, wanted: Any) -> bool:
    """Whether everything that is wanted is there."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(name in found and says(found[name], wanted[name]) for name in wanted)
    if isinstance(wanted, list):
        return isinstance(found, list) and all(item in found for item in wanted)
    return bool(found == wanted)


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_a_server_lives_through_it(name: str) -> None:
    assert replay_server(CONVERSATIONS[name], same=will_do) == ""


@pytest.mark.parametrize(("name", "who"), ROLES)
def test_each_client_lives_through_it(name: str, who: str) -> None:
    lines = CONVERSATIONS[name]
    client = ClientProcess(who, **options_of(who, lines))
    assert replay_client(lines, client, same=will_do) == ""


@pytest.mark.parametrize("folder", sorted({path.parent for path in FILES}), ids=lambda folder: folder.name)
def test_no_file_was_ever_changed(folder: Path) -> None:
    written = (folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    found = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}" for path in sorted(folder.glob("*.hex"))]
    assert found == written


def frames_of(version: str) -> list[Line]:
    """Return the lines with a frame of all conversations of a version."""
    lines = [line for name, lines in CONVERSATIONS.items() if name.startswith(f"{version}/") for line in lines]
    return [line for line in lines if line.data and not line.data.startswith(MAGIC)]


def test_every_kind_of_version_1_occurs_in_both_directions_that_it_has() -> None:
    said = {
        (kind, line.to_client)
        for line in frames_of("v1")
        if line.mark != "!"
        for kind, _id, _body in split_run(line.data)
    }
    assert {kind for kind, _to_client in said} == set(range(0x01, 0x09)) | set(range(0x10, 0x1B)) | set(
        range(0x20, 0x29)
    )
    both = {Kind.PING, Kind.PONG, Kind.ACK, Kind.BYE, Kind.ERROR, Kind.REQUEST, Kind.REPLY, Kind.CANCEL, Kind.PAD}
    both |= {Kind.EVENT, Kind.EVENT_META, Kind.GAP, Kind.REMOVE_SENDER}
    assert {kind for kind, to_client in said if (kind, not to_client) in said} == both


@pytest.mark.parametrize(
    ("found", "expected", "does"),
    [
        ('{"version":1,"new":[]}', '{"version":1}', True),
        ('{"versions":[2,1]}', '{"versions":[1]}', True),
        ('{"limits":{"frame":1,"more":2}}', '{"limits":{"frame":1}}', True),
        ('{"new":[]}', '{"version":1}', False),
        ('{"version":2}', '{"version":1}', False),
        ('{"versions":[2]}', '{"versions":[1]}', False),
    ],
)
def test_a_handshake_may_say_more_and_never_less(found: str, expected: str, does: bool) -> None:
    said, wanted = (HEADER.pack(len(text), Kind.HELLO, 0) + text.encode() for text in (found, expected))
    assert will_do(said, wanted) == does
    other = HEADER.pack(len(found), Kind.OK, 0) + found.encode()
    assert not will_do(other, HEADER.pack(len(expected), Kind.OK, 0) + expected.encode())
