# SPDX-License-Identifier: MIT
"""Runs from one codec to another: order, topics and kinds stay, and a gap stands for each event that cannot go on."""

from __future__ import annotations

from typing import Any

from sigcore._json import JsonCodec
from sigcore.protocol.bodies import join_meta, read_gap, write_gap
from sigcore.protocol.frames import Kind, frame, split_run
from sigcore.protocol.translate import translate_run

json_codec = JsonCodec()


class Reversed:
    """JSON from back to front: a codec that nobody takes for JSON; it breaks its contract on ``BROKEN``."""

    name, content_type = "reversed", "application/reversed"
    BROKEN = b"broken"

    def encode(self, value: Any) -> bytes:
        return json_codec.encode(value)[::-1]

    def decode(self, data: bytes | memoryview) -> Any:
        if data == self.BROKEN:
            raise ZeroDivisionError("no contract keeps me")
        return json_codec.decode(bytes(data)[::-1])


reversed_codec = Reversed()


def translated(*frames: bytes, longest: int = 1000, target: Any = json_codec) -> tuple[list[Any], list[str]]:
    refused: list[str] = []
    run = translate_run(b"".join(frames), reversed_codec, target, longest, refused.append)
    return [(kind, id_, read_gap(body) if kind == Kind.GAP else body) for kind, id_, body in split_run(run)], refused


def event(id_: int, value: Any) -> bytes:
    return frame(Kind.EVENT, id_, reversed_codec.encode(value))


def test_events_and_their_meta_come_in_the_other_codec_in_their_order() -> None:
    meta = join_meta(reversed_codec.encode({"at": "noon"}), reversed_codec.encode([1, 2]))
    frames, refused = translated(event(1, {"a": 10}), frame(Kind.EVENT_META, 2, meta), event(1, None), event(3, ""))
    assert refused == []
    assert frames == [
        (Kind.EVENT, 1, b'{"a":10}'),
        (Kind.EVENT_META, 2, join_meta(b'{"at":"noon"}', b"[1,2]")),
        (Kind.EVENT, 1, b"null"),
        (Kind.EVENT, 3, b'""'),
    ]


def test_a_gap_goes_on_as_it_is() -> None:
    frames, refused = translated(event(1, 5), frame(Kind.GAP, 1, write_gap(7, "overflow")), event(1, 6))
    assert refused == []
    assert frames == [(Kind.EVENT, 1, b"5"), (Kind.GAP, 1, (7, "overflow")), (Kind.EVENT, 1, b"6")]


def test_a_gap_stands_for_what_cannot_be_read_and_the_rest_goes_on() -> None:
    bad = [frame(Kind.EVENT, 2, body) for body in (b"[", b"", Reversed.BROKEN)]
    frames, refused = translated(event(1, 5), *bad, frame(Kind.EVENT_META, 2, b"\xff" * 8), event(1, 6))
    assert len(refused) == 4
    assert "ZeroDivisionError" in refused[2]
    assert frames == [
        (Kind.EVENT, 1, b"5"),
        *[(Kind.GAP, 2, (1, "untranslatable"))] * 4,
        (Kind.EVENT, 1, b"6"),
    ]


def test_a_gap_stands_for_what_is_too_long_then() -> None:
    for target in (json_codec, reversed_codec):
        frames, refused = translated(event(1, "x" * 98), event(1, "x" * 99), longest=100, target=target)
        assert frames == [(Kind.EVENT, 1, b'"' + b"x" * 98 + b'"'), (Kind.GAP, 1, (1, "too_large"))]
        assert refused == ["an event of 101 bytes is longer than the 100 that the link accepts"]


def test_no_run_is_no_run() -> None:
    assert translated() == ([], [])
