# SPDX-License-Identifier: MIT
"""``sig senders --watch``: lines for a pipe, a table on a terminal."""

from __future__ import annotations

import datetime as dt
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import sigcore

LIMIT_S = 20.0

BEGIN, END = "\x1b[?1049h", "\x1b[?1049l"

needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="OS signals and pseudo-terminals as POSIX has them")


@pytest.fixture
def server() -> Iterator[sigcore.ServerRouter]:
    """A server of the test's own, so that nobody else comes and goes."""
    with sigcore.ServerRouter("tcp://127.0.0.1:0", name="hub") as server:
        yield server


def test_each_change_is_a_json_object_those_who_are_there_at_first_among_them(
    sig: Any, server: sigcore.ServerRouter
) -> None:
    server.add_sender("thermo", events=["reading"])
    with sig.running("senders", "--watch", "--json", server.endpoints[0]) as watch:
        first = watch.record()
        with server.add_sender("valve", requests={"set": print}):
            came = watch.record()
        left = watch.record()
    for record in (first, came, left):
        dt.datetime.fromisoformat(record.pop("time"))
    valve = {"name": "valve", "events": [], "requests": ["set"], "peer": "hub", "identity": None}
    about = {"name": "thermo", "events": ["reading"], "requests": [], "peer": "hub", "identity": None}
    assert first == {"what": "sender came", **about}
    assert came == {"what": "sender came", **valve}
    assert left == {"what": "sender left", **valve, "cause": "removed"}


def test_people_read_each_change_as_a_line_in_a_pipe(sig: Any, server: sigcore.ServerRouter) -> None:
    with sig.running("senders", "--watch", server.endpoints[0]) as watch:
        with server.add_sender("thermo", events=["reading"]):
            came = watch.line()
        left = watch.line()
    time_of_day, *words = came.split("  ")
    dt.time.fromisoformat(time_of_day)
    assert words == ["+", "thermo", "events reading; held by hub"]
    assert left.split("  ")[1:] == ["-", "thermo", "removed"]


@needs_posix
def test_why_a_sender_left_is_told_apart(sig: Any) -> None:
    with (
        sigcore.ServerRouter("tcp://127.0.0.1:0", grace=0.2) as server,
        sig.running("senders", "--watch", "--json", server.endpoints[0]) as watch,
    ):
        server.add_sender("thermo")
        assert watch.record()["name"] == "thermo"
        server.add_sender("valve").remove()
        assert came_and_left(watch) == "removed"
        with sigcore.ClientRouter(server.endpoints[0]) as client:
            client.add_sender("valve")
        assert came_and_left(watch) == "left"
        with sig.running("reply", server.endpoints[0], "valve", "state=40") as valve:
            assert watch.record()["what"] == "sender came"
            valve.process.kill()
            left = watch.record()
        assert (left["what"], left["cause"]) == ("sender left", "link_lost")


def came_and_left(watch: Any) -> str:
    """Return why the sender left that is the next to come and leave."""
    came, left = watch.record(), watch.record()
    assert (came["what"], left["what"]) == ("sender came", "sender left")
    cause: str = left["cause"]
    return cause


def test_a_server_that_is_not_there_ends_the_watch_with_4(sig: Any, server: sigcore.ServerRouter) -> None:
    (endpoint,) = server.endpoints
    server.close()
    done = sig("senders", "--watch", endpoint, "--connect-timeout", "0.3")
    assert (done.returncode, done.stdout) == (4, "")


@needs_posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_the_watch_ends_with_0_when_it_is_told_to(
    sig: Any, server: sigcore.ServerRouter, number: signal.Signals
) -> None:
    server.add_sender("thermo")
    with sig.running("senders", "--watch", server.endpoints[0]) as watch:
        watch.line()
        assert watch.ended_by(number) == 0
        assert watch.complaint() == ""


@needs_posix
def test_the_watch_goes_on_when_the_server_is_back(sig: Any, tmp_path: Any) -> None:
    endpoint = f"unix://{tmp_path}/s"
    watching = sig.running("senders", "--watch", "--json", endpoint)
    with sigcore.ServerRouter(endpoint) as first, watching as watch:
        first.add_sender("thermo")
        assert watch.record()["name"] == "thermo"
        first.close()
        with sigcore.ServerRouter(endpoint) as second:
            second.add_sender("valve")
            while (record := watch.record())["name"] != "valve":
                assert record["what"] == "sender left"


# on a terminal


class Screen:
    """What ``sig`` shows on a terminal while it runs."""

    def __init__(self, process: subprocess.Popen[bytes], fd: int) -> None:
        self.process = process
        self._fd = fd
        self.shown = ""

    def picture(self, *wanted: str) -> str:
        """Return the first screen from now on that has all of this, without colours."""
        until_s = time.monotonic() + LIMIT_S
        while time.monotonic() < until_s:
            *_, last = self.shown.split("\x1b[H")
            plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", last)
            if "\x1b[J" in last and all(text in plain for text in wanted):
                return plain
            self._read()
        raise AssertionError(f"no screen has {wanted}; it showed {self.shown!r}")

    def wait_for(self, text: str) -> None:
        """Return when a text was shown."""
        until_s = time.monotonic() + LIMIT_S
        while text not in self.shown:
            assert time.monotonic() < until_s
            self._read()

    def read_to_the_end(self) -> str:
        """Return all that was shown, once the command has ended."""
        self.process.wait(LIMIT_S)
        self._read()
        return self.shown

    def _read(self) -> None:
        if select.select([self._fd], [], [], 0.1)[0]:
            self.shown += os.read(self._fd, 65536).decode("utf-8").replace("\r\n", "\n")


@contextmanager
def screen(sig: Any, *args: str, **env: str) -> Iterator[Screen]:
    master, slave = os.openpty()
    env = {**os.environ, "TERM": "xterm-256color", "LINES": "24", "COLUMNS": "80", **env}
    with subprocess.Popen([sig.path, *args], stdin=slave, stdout=slave, stderr=slave, env=env) as process:
        try:
            yield Screen(process, master)
        finally:
            process.kill()
    os.close(slave)
    os.close(master)


@needs_posix
def test_a_terminal_shows_a_table_that_follows_what_changes(sig: Any, server: sigcore.ServerRouter) -> None:
    server.add_sender("thermo", events=["reading"])
    with screen(sig, "senders", "--watch", server.endpoints[0]) as watch:
        first = watch.picture("connected  1 here")
        with server.add_sender("valve", requests={"set": print}):
            came = watch.picture("connected  2 here")
        left = watch.picture("connected  1 here", "left ")
    assert [line.split() for line in first.splitlines()[2:4]] == [
        ["SENDER", "EVENTS", "REQUESTS", "HELD", "BY", "STATE"],
        ["thermo", "reading", "-", "hub", "here"],
    ]
    assert re.search(r"^valve +- +set +hub +came \d\d:\d\d:\d\d$", came, re.MULTILINE)
    assert re.search(r"^valve .* left \d\d:\d\d:\d\d  removed$", left, re.MULTILINE)


@needs_posix
def test_the_terminal_is_as_before_when_the_watch_ends(sig: Any, server: sigcore.ServerRouter) -> None:
    with screen(sig, "senders", "--watch", server.endpoints[0]) as watch:
        watch.picture("0 here")
        watch.process.send_signal(signal.SIGINT)
        shown = watch.read_to_the_end()
    assert watch.process.returncode == 0
    assert shown.startswith(BEGIN)
    assert shown.endswith(END)


@needs_posix
def test_the_table_says_that_the_link_is_lost(sig: Any, server: sigcore.ServerRouter) -> None:
    with screen(sig, "senders", "--watch", server.endpoints[0]) as watch:
        watch.picture("connected")
        server.close()
        watch.picture("no link")


@needs_posix
def test_a_table_that_is_too_long_for_the_screen_says_how_many_more_there_are(
    sig: Any, server: sigcore.ServerRouter
) -> None:
    for number in range(40):
        server.add_sender(f"sender{number:02}")
    with screen(sig, "senders", "--watch", server.endpoints[0]) as watch:
        shown = watch.picture("40 here").splitlines()
    assert len(shown) == 23
    assert shown[-1] == "... and 21 more"
    assert "sender18" in shown[-2]


@needs_posix
def test_a_terminal_that_cannot_be_drawn_on_gets_lines(sig: Any, server: sigcore.ServerRouter) -> None:
    server.add_sender("thermo")
    with screen(sig, "senders", "--watch", server.endpoints[0], TERM="dumb") as watch:
        watch.wait_for("thermo")
    assert "\x1b" not in watch.shown
