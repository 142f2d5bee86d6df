# SPDX-License-Identifier: MIT
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigcore import EVENT_CONNECT, EVENT_DISCONNECT, InvalidName
from sigcore._names import MAX_NAME_BYTES, check_event_to_hear, check_name


@pytest.mark.parametrize("name", ["a", "thermo.1/in side", "température", "温度", "a#b", "😀", "x" * 255, "é" * 127])
def test_a_name_may_be_any_short_printable_text(name: str) -> None:
    assert check_name(name, "sender") == name
    assert check_event_to_hear(name) == name


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("", "it is empty"),
        ("a*", "reserved for patterns"),
        ("*", "reserved for patterns"),
        ("#own", "sigcore's own"),
        ("a\nb", "control character"),
        ("\x00", "control character"),
        ("\x7f", "control character"),
        ("\x85", "control character"),
        ("x" * 256, "256 bytes of UTF-8, at most 255"),
        ("é" * 128, "256 bytes of UTF-8, at most 255"),
        ("\ud800", "lone surrogate"),
    ],
)
def test_a_name_that_breaks_the_rules_is_refused_with_the_rule(name: str, says: str) -> None:
    with pytest.raises(InvalidName, match="cannot be a method name") as caught:
        check_name(name, "method")
    assert says in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("name", [None, b"thermo", 1, ["a"]])
def test_a_name_that_is_no_text_is_refused(name: object) -> None:
    with pytest.raises(InvalidName, match=f"must be text, not {type(name).__name__}"):
        check_name(name, "sender")


@pytest.mark.parametrize("name", [EVENT_CONNECT, EVENT_DISCONNECT])
def test_presence_events_can_be_heard_but_not_declared(name: str) -> None:
    assert check_event_to_hear(name) == name
    with pytest.raises(InvalidName):
        check_name(name, "event")


def test_another_event_of_sigcores_own_cannot_be_heard() -> None:
    with pytest.raises(InvalidName, match="those are #connect, #console, #disconnect"):
        check_event_to_hear("#conect")


@given(st.text())
def test_any_text_is_a_name_that_fits_the_wire_or_invalid(text: str) -> None:
    try:
        name = check_name(text, "event")
    except InvalidName:
        return
    assert 0 < len(name.encode("utf-8")) <= MAX_NAME_BYTES
