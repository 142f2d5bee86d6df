# SPDX-License-Identifier: MIT
"""The lines of the monitor: whatever goes over the line, each is one, and none does harm to a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sig_cli._monitor_lines import MonitorLines
from sig_cli._output import Output
from sig_serial._framing import frame as framed
from sig_serial._packet import data as data_packet

from sigcore.protocol.frames import PREFACE, frame
from sigcore.protocol.kinds import Kind

TAG = 0x0A0B0C0D
HELLO = frame(Kind.HELLO, 0, b'{"codecs": ["json"]}')

HOSTILE = [
    frame(Kind.EVENT, 1, b'"\x1b[31m\xe2\x80\xa8"'),
    frame(Kind.EVENT, 1, b'"\\ud800"'),
    frame(Kind.EVENT, 1, b"[" * 5_000),
    frame(Kind.EVENT, 1, b"NaN"),
    frame(Kind.QUERY, 1, b'{"what": "\\ud800", "time": 1, "kind": 2, "direction": 3}'),
    frame(Kind.ADD_SENDER, 1, b'{"sender": {"a": "\\u001b"}}'),
    frame(Kind.PRESENCE, 0, b'{"sender": "\\u0007", "event": 5}'),
    frame(Kind.REQUEST, 1, bytes(4) + b"\x01\x1b\x01\x07\x00null"),
    frame(0x7F, 1, b"\x1b"),
]


def lines_of(stream: bytes, *, as_json: bool) -> Iterator[str]:
    monitor = MonitorLines(Output(as_json=as_json), has_packets=False)
    for at in range(0, len(stream), 200):
        yield from monitor.of("in", framed(data_packet(TAG, at, 0, stream[at : at + 200])))


@pytest.mark.parametrize("as_json", [False, True], ids=["people", "json"])
@pytest.mark.parametrize("said", HOSTILE, ids=range(len(HOSTILE)))
def test_what_a_peer_says_makes_one_line_that_prints(said: bytes, as_json: bool) -> None:
    lines = list(lines_of(PREFACE + HELLO + said, as_json=as_json))
    assert len(lines) == 3
    assert all(line.isprintable() for line in lines)


def test_the_fields_of_a_frame_do_not_hide_what_the_line_says_of_it() -> None:
    query = frame(Kind.QUERY, 1, b'{"what": "senders", "kind": "none", "time": 0}')
    record = json.loads([*lines_of(PREFACE + query, as_json=True)][-1])
    assert (record["what"], record["kind"], record["fields"]["what"]) == ("frame", "QUERY", "senders")


def test_data_without_a_form_in_json_are_null_with_the_reason() -> None:
    record: dict[str, Any] = json.loads([*lines_of(PREFACE + HELLO + HOSTILE[4], as_json=True)][-1])
    assert record["fields"] is None
    assert record["problem"]


@given(st.binary(max_size=600), st.booleans())
def test_any_bytes_at_all_make_lines_that_print(noise: bytes, as_json: bool) -> None:
    monitor = MonitorLines(Output(as_json=as_json), has_packets=True)
    assert all(line.isprintable() for line in monitor.of("in", noise + b"\x00"))
    stream = [*lines_of(PREFACE + HELLO + noise, as_json=as_json)]
    assert all(line.isprintable() for line in stream)
