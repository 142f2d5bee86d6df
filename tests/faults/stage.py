# SPDX-License-Identifier: MIT
"""The processes of one test, and their histories."""

from __future__ import annotations

import itertools
import json
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from sigcore.testing import History, Report

from ..waiting import wait_until

HERE = Path(__file__).parent
LIMIT_S = 30.0
"""How long an answer, or a state, may take before its test fails; it takes milliseconds on a machine that is idle."""


class Process:
    """A process that answers orders, one line of JSON each, or only says things.

    Args:
        command: What to run.
        greets: What it says first, before it takes orders; several processes start at a time.
    """

    def __init__(self, command: Sequence[str], greets: Any = None) -> None:
        self._greets = greets
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=None, encoding="utf-8"
        )
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, name="lines of a process")
        self._reader.start()

    def line(self) -> Any:
        """Return what it says next."""
        return json.loads(self._lines.get(timeout=LIMIT_S))

    def ready(self) -> None:
        """Wait until it takes orders."""
        if self._greets is not None:
            greeting, self._greets = self._greets, None
            assert self.line() == greeting

    def ask(self, order: str, **fields: Any) -> Any:
        """Give an order, and return the answer."""
        self.ready()
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"do": order, **fields}) + "\n")
        self.process.stdin.flush()
        return self.line()

    def kill(self) -> None:
        """End it as ``kill -9`` does."""
        self.process.kill()
        self.process.wait()

    def hold(self) -> None:
        """Hold it still, as Ctrl-Z or a suspended machine does."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it run again."""
        self.process.send_signal(signal.SIGCONT)

    def clean_up(self) -> None:
        self.kill()
        self._reader.join()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)


class Stage:
    """Starts the processes of a test, of which none outlives it, and judges their histories.

    Attributes:
        notes: What the test itself takes down: who was killed, and when.
        endpoint: That of the server.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count()
        self._stack = ExitStack()
        self._members: dict[str, Process] = {}
        self.notes = History(self._new_history())
        self._stack.callback(self.notes.close)
        self.endpoint = "tcp://127.0.0.1:0"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stack.close()

    def serve(self, **options: Any) -> Process:
        """Start a server, at the place of the one before."""
        server = self.actor(None, part="serve", endpoint=self.endpoint, options=options)
        self.endpoint = server.line()["endpoint"]
        return server

    def member(
        self,
        name: str,
        *,
        publishes: Sequence[str] = (),
        listens: Sequence[str] = (),
        rate: float | None = None,
        padding: int = 0,
        delivers: bool = False,
        keywords: dict[str, Any] | None = None,
        faults: str = "",
        **options: Any,
    ) -> Process:
        """Start a client (see ``actor.be_member``).

        Args:
            name: Its name.
            publishes: Its senders.
            listens: The senders that it listens to.
            rate: How many events each of its senders triggers in a second.
            padding: How many bytes more each has.
            delivers: Whether it waits until each is accepted.
            keywords: Those of ``add_listener``.
            faults: Options of ``fault+...://``; without any the link is a plain one.
            **options: Those of the router.
        """
        endpoint = f"fault+{self.endpoint}?faults=cable&{faults}".rstrip("&") if faults else self.endpoint
        self._members[name] = self.actor(
            {"member": name},
            part="member",
            endpoint=endpoint,
            name=name,
            history=self._new_history(),
            publishes=publishes,
            listens=listens,
            rate=rate,
            padding=padding,
            delivers=delivers,
            keywords=keywords or {},
            options=options,
        )
        return self._members[name]

    def odd(self, sender: str, holds_s: float, **options: Any) -> Process:
        """Start a client with odd listeners (see ``actor.be_odd``)."""
        self._members["odd"] = self.actor(
            {"member": "odd"},
            part="odd",
            endpoint=self.endpoint,
            sender=sender,
            history=self._new_history(),
            holds_s=holds_s,
            options=options,
        )
        return self._members["odd"]

    def counter(self, part: str, **fields: Any) -> Process:
        """Start a client that triggers numbers, or counts them (see ``actor.count_up`` and ``actor.count``)."""
        return self.actor({"ready": True}, part=part, endpoint=self.endpoint, **fields)

    def actor(self, greets: Any, **part: Any) -> Process:
        """Start ``actor.py`` with a part."""
        return self.run([sys.executable, "-W", "error", str(HERE / "actor.py"), json.dumps(part)], greets)

    def crowd(self, **part: Any) -> Process:
        """Start ``crowd.py`` with a part."""
        return self.run([sys.executable, "-W", "error", str(HERE / "crowd.py"), json.dumps(part)])

    def run(self, command: Sequence[str], greets: Any = None) -> Process:
        """Start any command."""
        process = Process(command, greets)
        self._stack.callback(process.clean_up)
        return process

    def kill(self, name: str) -> None:
        """Kill a member, and take that down."""
        member = self._members.pop(name)
        part = json.loads(str(member.process.args[-1]))  # type: ignore[index]  # it is a list
        member.kill()
        for ended in [*part["publishes"], *(f"{name} of {sender}" for sender in part["listens"])]:
            self.notes.ended(ended)

    def start(self) -> None:
        """Have all members publish, once all are there."""
        for member in self._members.values():
            member.ready()
        for member in self._members.values():
            member.ask("start")

    def stop(self) -> dict[str, list[Any]]:
        """Have all members stop publishing; return session and number of each sender's last event."""
        last: dict[str, list[Any]] = {}
        for member in self._members.values():
            last |= member.ask("stop")
        return last

    def wait_for_all(self, last: dict[str, list[Any]]) -> None:
        """Wait until every member has heard the last event of each sender that it listens to."""
        for name, member in self._members.items():
            wait_until(lambda member=member: heard_all(member, last), f"{name} has heard the last", LIMIT_S)  # type: ignore[misc]

    def wait_for_news(self) -> None:
        """Wait until every member has heard, of each sender that it listens to, what was triggered from now on."""
        published: dict[str, int] = {}
        for member in self._members.values():
            published |= member.ask("state")["published"]

        def has_news(member: Process) -> bool:
            heard = member.ask("state")["heard"]
            return all(last and last[1] > published[sender] for sender, last in heard.items() if sender in published)

        for name, member in self._members.items():
            wait_until(lambda member=member: has_news(member), f"{name} hears again", LIMIT_S)  # type: ignore[misc]

    def check(self) -> Report:
        """Return what the histories of all processes come to."""
        return History.read(sorted(self._folder.glob("history-*.jsonl"))).check()

    def finish(self) -> Report:
        """Have all stop publishing, wait until everything has come, and return what it comes to."""
        self.wait_for_all(self.stop())
        return self.check()

    def _new_history(self) -> str:
        return str(self._folder / f"history-{next(self._numbers):03}.jsonl")


def heard_all(member: Process, last: dict[str, list[Any]]) -> bool:
    """Whether a member has heard the last event of each sender that it listens to."""
    heard = member.ask("state")["heard"]
    return all(heard[sender] == last[sender] for sender in heard if sender in last)
