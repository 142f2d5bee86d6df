# SPDX-License-Identifier: MIT
"""What people see: the commands on a terminal, which is a pseudo-terminal here."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

LIMIT_S = 20.0

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")


class Terminal:
    """Runs ``sig`` on a terminal."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __call__(self, *args: str, **env: str) -> str:
        """Run a command to its end, and return all that it showed."""
        master, slave = os.openpty()
        env = {**os.environ, "TERM": "xterm-256color", **env}
        process = subprocess.Popen([self._path, *args], stdin=slave, stdout=slave, stderr=slave, env=env)
        os.close(slave)
        shown = b"".join(read_all(master))
        os.close(master)
        process.wait(LIMIT_S)
        return shown.decode("utf-8").replace("\r\n", "\n")


def read_all(fd: int) -> Iterator[bytes]:
    with suppress(OSError):  # as Linux says that nobody is at the other end any more
        while data := os.read(fd, 65536):
            yield data


@pytest.fixture
def terminal(sig: Any, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.delenv("NO_COLOR", raising=False)
    return Terminal(sig.path)


def test_a_terminal_gets_colours(terminal: Terminal) -> None:
    assert "\x1b[32mok\x1b[0m" in terminal("plugins")


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=["NO_COLOR", "dumb"])
def test_a_terminal_that_wants_no_colours_gets_none(terminal: Terminal, env: dict[str, str]) -> None:
    shown = terminal("plugins", **env)
    assert "ok" in shown
    assert "\x1b" not in shown


def test_json_has_no_colours_on_a_terminal_either(terminal: Terminal) -> None:
    assert "\x1b" not in terminal("plugins", "--json")


def test_what_a_peer_sends_cannot_act_on_the_terminal(terminal: Terminal, url: str) -> None:
    shown = terminal("trigger", url, "me", "hello", '"\\u001b[2J\\u009b2J"')
    assert "\\u001b[2J\\u009b2J" in shown
    assert "\x1b[2J" not in shown
    assert "\x9b" not in shown


def test_a_listener_is_told_that_it_listens(terminal: Terminal, url: str) -> None:
    shown = terminal("listen", url, "*", "never", "--timeout", "0.1", NO_COLOR="1")
    assert shown.splitlines() == [f"listening to * never at {url}; Ctrl-C ends", "Error: no event within 0.1 s"]


def test_an_empty_list_of_senders_says_so(terminal: Terminal, url: str) -> None:
    assert terminal("senders", url, NO_COLOR="1") == f"no sender is connected to {url}\n"
