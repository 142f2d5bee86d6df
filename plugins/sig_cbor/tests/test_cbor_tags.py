# SPDX-License-Identifier: MIT
"""Tags: five are taken, with the right content; each of the others is refused whatever it holds."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest
from sig_cbor import CborCodec

import sigcore

codec = CborCodec()
TAKEN = (0, 1, 2, 3, 37)
CONTENTS = ["00", "20", "41 61", "61 61", "80", "82 01 02", "a0", "f6", "f5", "fb 3ff8000000000000", "d9 d9f7 00"]
CONTENTS += ["74 323032342d30352d30315431323a30303a30305a", "50 00000000000000000000000000000000"]


def head(tag: int) -> bytes:
    if tag < 24:
        return bytes([0xC0 | tag])
    return b"\xd8" + bytes([tag]) if tag < 256 else b"\xd9" + tag.to_bytes(2, "big")


@pytest.mark.parametrize("tag", [tag for tag in [*range(301), 1000, 1004, 43000, 55799, 65535] if tag not in TAKEN])
def test_a_tag_is_refused_whatever_it_holds_unless_it_is_listed(tag: int) -> None:
    for content in CONTENTS:
        with pytest.raises(sigcore.CodecError, match=f"tag {tag} is not taken, only 0, 1, 2, 3, 37"):
            codec.decode(head(tag) + bytes.fromhex(content))


@pytest.mark.parametrize("width", ["d8 05", "d9 0005", "da 00000005", "db 0000000000000005", "db ffffffffffffffff"])
def test_a_tag_is_refused_however_wide_its_number_is_written(width: str) -> None:
    with pytest.raises(sigcore.CodecError, match="is not taken"):
        codec.decode(bytes.fromhex(width) + b"\x82\x01\x02")


def test_a_refused_tag_is_refused_before_what_it_holds_is_read() -> None:
    with pytest.raises(sigcore.CodecError, match="tag 35 is not taken"):
        codec.decode(bytes.fromhex("d8 23 ff"))


def text(value: str) -> bytes:
    return b"\x78" + bytes([len(value)]) + value.encode()


RIGHT: list[tuple[int, bytes, Any]] = [
    (0, text("2024-05-01T12:00:00Z"), dt.datetime(2024, 5, 1, 12, tzinfo=dt.UTC)),
    (0, text("2024-05-01t12:00:00z"), dt.datetime(2024, 5, 1, 12, tzinfo=dt.UTC)),
    (0, text("2024-05-01T12:00:00.5+02:00"), dt.datetime(2024, 5, 1, 10, 0, 0, 500000, tzinfo=dt.UTC)),
    (0, text("2024-05-01T12:00:00.123456789Z"), dt.datetime(2024, 5, 1, 12, 0, 0, 123456, tzinfo=dt.UTC)),
    (1, bytes.fromhex("00"), dt.datetime(1970, 1, 1, tzinfo=dt.UTC)),
    (1, bytes.fromhex("1a 66322ac0"), dt.datetime(2024, 5, 1, 11, 42, 56, tzinfo=dt.UTC)),
    (1, bytes.fromhex("20"), dt.datetime(1969, 12, 31, 23, 59, 59, tzinfo=dt.UTC)),
    (1, bytes.fromhex("fb 3ff8000000000000"), dt.datetime(1970, 1, 1, 0, 0, 1, 500000, tzinfo=dt.UTC)),
    (2, bytes.fromhex("40"), 0),
    (2, bytes.fromhex("49 010000000000000000"), 2**64),
    (2, bytes.fromhex("42 0001"), 1),
    (2, bytes.fromhex("5f 41 01 41 00 ff"), 256),
    (3, bytes.fromhex("49 010000000000000000"), -(2**64) - 1),
    (3, bytes.fromhex("40"), -1),
    (37, bytes.fromhex("50 00000000000000000000000000000005"), uuid.UUID(int=5)),
]


@pytest.mark.parametrize(("tag", "content", "value"), RIGHT)
def test_a_listed_tag_with_the_right_content_is_taken(tag: int, content: bytes, value: Any) -> None:
    found = codec.decode(head(tag) + content)
    assert found == value
    assert type(found) is type(value)


WRONG: list[tuple[int, bytes]] = [
    *((tag, bytes.fromhex(content)) for tag in (0, 2, 3, 37) for content in ("00", "f6", "80", "a0", "f5", "61 61")),
    *((1, bytes.fromhex(content)) for content in ("61 61", "41 61", "f5", "f6", "80", "c1 00", "c0 00")),
    *(
        (0, text(value))
        for value in (
            "2024-05-01",
            "2024-05-01T12:00:00",
            "2024-05-01 12:00:00Z",
            "20240501T120000Z",
            "2024-W18-3T12:00:00Z",
            "2024-05-01T12:00Z",
            "2024-05-01T12:00:00,5Z",
            "2024-05-01T12:00:60Z",
            "2024-13-01T12:00:00Z",
            "2024-05-01T12:00:00+24:00",
            "\uff12\uff10\uff12\uff14-05-01T12:00:00Z",
            "",
        )
    ),
    (1, bytes.fromhex("fb 7ff8000000000000")),
    (1, bytes.fromhex("fb 7ff0000000000000")),
    (1, bytes.fromhex("fb 7fefffffffffffff")),
    (1, bytes.fromhex("1b ffffffffffffffff")),
    (1, bytes.fromhex("c2 5900ff") + b"\xff" * 255),
    (2, bytes.fromhex("c2 41 01")),
    (2, b"\x59\x06\xfb" + bytes(1787)),
    (2, b"\x59\x06\xfa" + b"\xff" * 1786),
    (3, b"\x5a\x00\x10\x00\x00" + b"\x01" * 0x100000),
    (37, bytes.fromhex("4f 000000000000000000000000000000")),
    (37, bytes.fromhex("51 0000000000000000000000000000000000")),
    (37, bytes.fromhex("70 30303030303030303030303030303030")),
]


@pytest.mark.parametrize(("tag", "content"), WRONG, ids=[f"{tag}-{content[:24].hex()}" for tag, content in WRONG])
def test_a_listed_tag_with_other_content_is_refused(tag: int, content: bytes) -> None:
    with pytest.raises(sigcore.CodecError):
        codec.decode(head(tag) + content)
    with pytest.raises(sigcore.CodecError):
        codec.decode(b"\x82\x01" + head(tag) + content)
