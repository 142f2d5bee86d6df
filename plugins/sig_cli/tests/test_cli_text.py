# SPDX-License-Identifier: MIT
"""Values, names and columns as text."""

from __future__ import annotations

import io
import json
from typing import Any

import click
import pytest
from sig_cli._event_lines import EventColumns, described, event_json
from sig_cli._exits import Exit, NobodyListens, exit_code
from sig_cli._options import seconds
from sig_cli._paint import Paint, aligned, width
from sig_cli._text import json_line, printable, read_json, spaced_json

import sigcore

HOSTILE = "a\x1b[31mb\x9bc\u202ed\U000e0001\ne"
"""A colour sequence, the same in one byte, a mark that turns the writing round, a tag, and a line break."""

BIG = 10**5000
"""More digits than the codec json takes."""


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def event(data: Any, **meta: str) -> tuple[sigcore.EventInfo, Any]:
    return sigcore.EventInfo("thermo", "reading", sigcore.Peer("workshop"), meta), data


@pytest.mark.parametrize("text", [printable(HOSTILE), json_line(HOSTILE), spaced_json(HOSTILE)])
def test_nothing_that_a_peer_sends_reaches_the_terminal_unescaped(text: str) -> None:
    assert text.isprintable()


@pytest.mark.parametrize("text", [json_line({HOSTILE: HOSTILE}), spaced_json({HOSTILE: HOSTILE}, indent=2)])
def test_escaping_does_not_change_what_json_text_means(text: str) -> None:
    assert json.loads(text) == {HOSTILE: HOSTILE}


def test_an_event_whose_data_have_no_form_in_json_is_told_with_the_reason() -> None:
    record = json.loads(event_json(*event(BIG)))
    assert record["data"] is None
    assert "digits" in record["problem"]
    assert "digits" in EventColumns(Paint(on=False))(*event(BIG))


def test_meta_is_shown_where_there_is_any() -> None:
    columns = EventColumns(Paint(on=False))
    assert columns(*event(1, traceparent="00-x")).endswith('  1  {"traceparent": "00-x"}')
    assert columns(*event(1)).endswith("  1")
    assert json.loads(event_json(*event(1, traceparent="00-x")))["meta"] == {"traceparent": "00-x"}


def test_the_columns_of_events_grow_with_the_widest_name_and_stay() -> None:
    columns = EventColumns(Paint(on=False))
    lines = [
        columns(sigcore.EventInfo(sender, "reading"), 1)[len("00:00:00.000") :] for sender in ("a", "sensor", "温度")
    ]
    assert lines == ["  a  reading  1", "  sensor  reading  1", "  温度    reading  1"]


def test_a_sender_of_the_server_itself_is_described_as_such() -> None:
    assert described(sigcore.SenderInfo("clock", events=("tick",))) == "events tick; held by the server"


def test_a_sender_that_has_left_is_described_with_the_cause_first() -> None:
    info = sigcore.SenderInfo("clock", ("tick",), connected=False, peer=sigcore.Peer("attic"), cause="link_lost")
    assert described(info) == "link_lost; events tick; held by attic"


def test_columns_align_whatever_the_colours_and_the_script() -> None:
    rows = [(Paint(on=True).bold("温度"), "x"), ("thermo", "x"), ("e\u0301", "x")]
    assert [width(line) for line in aligned(rows)] == [9, 9, 9]


def test_colours_are_for_terminals_that_want_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert Paint.of(Terminal()).on
    assert not Paint.of(io.StringIO()).on
    monkeypatch.setenv("TERM", "dumb")
    assert not Paint.of(Terminal()).on
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    assert not Paint.of(Terminal()).on


def test_coloured_json_is_the_same_json() -> None:
    text = spaced_json({'a"b': [1.5e-7, True, None, "x: 1"]})
    coloured = Paint(on=True).json(text)
    assert coloured != text
    assert click.unstyle(coloured) == text


def test_no_argument_stands_for_none() -> None:
    assert read_json(None, "DATA") is None


@pytest.mark.parametrize("text", ["", "hi", "{", "1 2", "NaN", "\udcff", "[" * 40])
def test_what_is_no_json_is_wrong_usage(text: str) -> None:
    with pytest.raises(click.UsageError, match=r"^DATA is not the JSON that sigcore takes: "):
        read_json(text, "DATA")


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "5s", ""])
def test_what_is_no_time_is_wrong_usage(text: str) -> None:
    with pytest.raises(click.BadParameter, match="no time in seconds"):
        seconds(text)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (sigcore.SenderExists(""), Exit.FAILED),
        (sigcore.RequestFailed(""), Exit.FAILED),
        (sigcore.SenderLost(""), Exit.FAILED),
        (sigcore.LinkRefused("", code="codec"), Exit.FAILED),
        (sigcore.InsecureEndpoint(""), Exit.USAGE),
        (sigcore.PluginBroken(""), Exit.USAGE),
        (OSError(98, ""), Exit.FAILED),
        (sigcore.EndpointError(""), Exit.USAGE),
        (sigcore.InvalidName(""), Exit.USAGE),
        (sigcore.PluginNotFound(""), Exit.USAGE),
        (sigcore.RequestTimeout(""), Exit.TIMED_OUT),
        (TimeoutError(""), Exit.TIMED_OUT),
        (sigcore.ConnectTimeout(""), Exit.UNREACHABLE),
        (sigcore.NotConnected(""), Exit.UNREACHABLE),
        (sigcore.SenderNotFound(""), Exit.NOBODY),
        (sigcore.MethodNotFound(""), Exit.NOBODY),
        (NobodyListens(""), Exit.NOBODY),
        (sigcore.DeliveryTimeout(""), Exit.TIMED_OUT),
        (sigcore.DeliveryUnknown(""), Exit.FAILED),
        (sigcore.DeliveryError(""), Exit.FAILED),
        (sigcore.NotSent(""), Exit.UNREACHABLE),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value.name,
)
def test_every_error_has_its_exit_code(error: Exception, code: Exit) -> None:
    assert exit_code(error) == code
