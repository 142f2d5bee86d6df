# SPDX-License-Identifier: MIT
"""The command as a user has it: the installed ``sig``, as a process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

LIMIT_S = 20.0

SIG = Path(sysconfig.get_path("scripts"), "sig.exe" if sys.platform == "win32" else "sig")


class Running:
    """A command that goes on beside the test."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def line(self) -> str:
        """Return the next line that it prints, without its end."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"it printed no more, and said {self.complaint()!r}"
        return line.rstrip("\n")

    def record(self) -> Any:
        """Return the next line as the JSON that it is."""
        return json.loads(self.line())

    def ended_by(self, number: signal.Signals) -> int:
        """Send it an OS signal, and return its exit code."""
        self.process.send_signal(number)
        return self.process.wait(LIMIT_S)

    def complaint(self) -> str:
        """Return what it said on standard error, once it has ended."""
        self.process.wait(LIMIT_S)
        assert self.process.stderr is not None
        return self.process.stderr.read()


class Sig:
    """Runs ``sig``."""

    path = str(SIG)

    def __call__(self, *args: str, text: str = "", **env: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        env = {**os.environ, **env}
        command = [self.path, *args]
        return subprocess.run(command, input=text, capture_output=True, encoding="utf-8", timeout=LIMIT_S, env=env)

    @contextmanager
    def running(self, *args: str, **env: str) -> Iterator[Running]:
        """Run a command beside the test, in a process group of its own; it is killed at the end of the block."""
        pipe = subprocess.PIPE
        with subprocess.Popen(
            [self.path, *args],
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            encoding="utf-8",
            env={**os.environ, **env},
            start_new_session=os.name == "posix",
        ) as process:
            try:
                yield Running(process)
            finally:
                process.kill()


@pytest.fixture(scope="session")
def sig() -> Sig:
    """What runs the command."""
    assert SIG.exists(), f"{SIG} is missing: install the package first"
    return Sig()


@pytest.fixture(scope="module")
def url(sig: Sig) -> Iterator[str]:
    """The endpoint of a server that is there for all tests of a module."""
    with sig.running("serve", "--json", "tcp://127.0.0.1:0") as server:
        yield server.record()["endpoints"][0]


@pytest.fixture(autouse=True)
def signals_as_from_a_terminal() -> Iterator[None]:
    """Give children the usual dispositions, also where the tests themselves run under nohup or in the background."""
    if sys.platform == "win32":
        yield
        return
    before = {number: signal.signal(number, signal.SIG_DFL) for number in (signal.SIGHUP, signal.SIGTERM)}
    if ignores_int := signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
    if ignores_int:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
