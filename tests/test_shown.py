# SPDX-License-Identifier: MIT
from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigcore import _shown
from sigcore._shown import is_secret, one_line, shown


@given(st.text() | st.binary())
def test_shown_text_prints_on_one_line(text: str | bytes) -> None:
    assert shown(text).isprintable()


@given(st.text())
def test_one_line_prints_on_one_line_and_leaves_what_prints(text: str) -> None:
    assert one_line(text).isprintable()
    assert (one_line(text) == text) == text.isprintable()


@pytest.mark.parametrize("text", ["a\r\nb", "\x1b[31m", "\u202eevil", "\u2028", "\x85", "\x00", "\ud800", "\u200b"])
def test_what_could_break_or_forge_a_line_is_escaped(text: str) -> None:
    assert one_line(text).isascii()
    assert shown(text).isascii()


def test_text_in_any_script_stays_readable() -> None:
    assert shown("température 温度") == "'température 温度'"
    assert one_line("température 温度") == "température 温度"


def test_long_text_is_cut_and_its_length_told() -> None:
    assert shown("x" * 10**6) == f"'{'x' * 100}'... (1000000 in all)"
    assert shown(b"\xff\x00abc", limit=2) == r"b'\xff\x00'... (5 in all)"


@pytest.mark.parametrize(
    "name", ["password", "Passwd", "token", "access_token", "client-secret", "apikey", "API_KEY", "psk", "auth"]
)
def test_a_name_that_says_secret_is_one(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize(
    "name", ["keepalive", "keyfile", "token_file", "author", "passive", "pinned", "baudrate", "codec"]
)
def test_other_names_are_no_secrets(name: str) -> None:
    assert not is_secret(name)


def test_no_option_of_every_link_counts_as_secret() -> None:
    from sigcore import LinkOptions
    from sigcore._options import option_names

    assert not [name for name in option_names(LinkOptions) if is_secret(name)]


def test_the_examples_in_the_docstrings_are_true() -> None:
    assert doctest.testmod(_shown).failed == 0
