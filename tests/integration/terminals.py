# SPDX-License-Identifier: MIT
"""The terminals of a page: runs what a reader would type there, and waits for what the page says is printed.

A line such as ``server$ sig serve`` is typed in the terminal of that name, ``^C`` ends what runs there, and what stands
below ``[server]`` is printed meanwhile by what still runs. ``...`` in what is printed stands for anything.
"""

from __future__ import annotations

import queue
import re
import shlex
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

LIMIT_S = 20.0

TYPED = re.compile(r"(?P<terminal>[\w-]+)\$ (?P<command>.+)")
MEANWHILE = re.compile(r"\[(?P<terminal>[\w-]+)\]")
GOES_ON = ("sig serve", "sig listen")

VARIES = [
    (re.compile(r"\b\d\d:\d\d:\d\d\.\d{3}\b"), "TIME"),
    (re.compile(r"\[sig\]\[\d+\]\[ *\w+\]"), "[sig][LINE][FUNCTION]"),
    (re.compile(rf"\b(pi|{re.escape(socket.gethostname())})-\d+\b"), "HOST-PROCESS"),
]
"""What differs from run to run, and from machine to machine."""


@dataclass
class Step:
    """Something that is typed, or nothing, in a terminal, and the lines that the page says are printed there."""

    terminal: str
    command: str
    printed: list[str] = field(default_factory=list)


class Running:
    """A command that goes on in its terminal until Ctrl-C."""

    def __init__(self, command: list[str], folder: Path, env: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, name=shlex.join(command))
        self._reader.start()

    def expect(self, wanted: str) -> None:
        """Wait for a line; others before it, such as who comes and goes, are passed over."""
        give_up_at, seen = time.monotonic() + LIMIT_S, list[str]()
        while not seen or not matches(seen[-1], wanted):
            try:
                seen.append(self._lines.get(timeout=max(0.0, give_up_at - time.monotonic())))
            except queue.Empty:
                raise AssertionError(f"{wanted!r} was not printed, but {seen}") from None

    def end(self) -> None:
        """Press Ctrl-C, unless it has ended by itself."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(LIMIT_S)
        finally:
            self._process.kill()
            self._process.wait()
            self._reader.join()
            assert self._process.stdout is not None
            self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line.rstrip("\n"))


class Terminals:
    """All terminals of a page, in one folder.

    Args:
        folder: Where commands are run.
        replace: Words of the page and what they are here, such as a port and one that is free.
        env: The environment of the commands.
    """

    def __init__(self, folder: Path, replace: Mapping[str, str], env: Mapping[str, str]) -> None:
        self._folder, self._replace, self._env = folder, replace, env
        self._running: dict[str, Running] = {}

    def play(self, block: str) -> None:
        """Type what a block says, and compare what is printed."""
        for step in steps(block):
            printed = [self.here(line) for line in step.printed]
            if step.command == "^C":
                self._running.pop(step.terminal).end()
            elif step.command.startswith(GOES_ON):
                self._close(step.terminal)
                self._running[step.terminal] = Running(self._words(step.command), self._folder, self._env)
                self._expect(step.terminal, printed)
            elif step.command:
                self._run(self._words(step.command), printed)
            else:
                self._expect(step.terminal, printed)

    def here(self, text: str) -> str:
        """Return a text of the page with the words that hold here."""
        for there, here in self._replace.items():
            text = text.replace(there, here)
        return text

    def close(self) -> None:
        """End whatever still runs."""
        for name in list(self._running):
            self._close(name)

    def _close(self, terminal: str) -> None:
        if running := self._running.pop(terminal, None):
            running.end()

    def _words(self, command: str) -> list[str]:
        return shlex.split(self.here(command.removeprefix("sudo ")))

    def _expect(self, terminal: str, printed: list[str]) -> None:
        for line in printed:
            self._running[terminal].expect(line)

    def _run(self, command: list[str], printed: list[str]) -> None:
        """Run a command to its end, again until it prints what it should: a server may not know a new file yet."""
        give_up_at = time.monotonic() + LIMIT_S
        while True:
            done = subprocess.run(
                command,
                cwd=self._folder,
                env=self._env,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                timeout=LIMIT_S,
                check=False,
            )
            if matches(done.stdout.rstrip("\n"), "\n".join(printed)):
                return
            assert time.monotonic() < give_up_at, f"{shlex.join(command)} printed {done.stdout!r}, not {printed}"


def steps(block: str) -> Iterator[Step]:
    """Yield what is typed in a block, and what is printed."""
    step: Step | None = None
    for line in block.splitlines():
        if found := TYPED.fullmatch(line) or MEANWHILE.fullmatch(line):
            if step is not None:
                yield step
            step = Step(found["terminal"], found.groupdict().get("command", ""))
        else:
            assert step is not None, f"nobody prints {line!r}"
            step.printed.append(line)
    if step is not None:
        yield step


def matches(text: str, wanted: str) -> bool:
    """Whether a text is what the page says, but for what varies, and for what stands where the page has ``...``."""
    pattern = ".*".join(map(re.escape, unvaried(wanted).split("...")))
    return re.fullmatch(pattern, unvaried(text), re.DOTALL) is not None


def unvaried(text: str) -> str:
    """Return a text without what varies."""
    for pattern, name in VARIES:
        text = pattern.sub(name, text)
    return text
