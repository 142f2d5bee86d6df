# SPDX-License-Identifier: MIT
"""The worker processes of one run, as the runner sees them."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Container, Mapping, Sequence
from contextlib import suppress
from queue import Empty, Queue
from types import TracebackType
from typing import Any, Self

from .gate import CLOSING_S
from .plan import Plan

READY_S = 30.0
NO_PROGRESS_S = 3.0
REPORT_S = 10.0
END = ""
"""What stands for the end of a worker's lines."""


Report = Mapping[str, Any]
"""What a worker noted, as its gate reports it."""


class RunFailed(Exception):
    """A worker ended, or never began."""


class Worker:
    """One process that plays a role; it reports in lines, which go to ``lines`` with the worker itself."""

    def __init__(self, key: str, role: str, address: str, plan: Plan, lines: Queue[tuple[Worker, str]]) -> None:
        command = [sys.executable, "-m", "benchmarks.compare.worker", key, role, address, plan.to_json()]
        self.role = role
        self.count = 0
        self._name = f"{key} {role} {plan.number}"
        self._errors = tempfile.TemporaryFile(mode="w+")  # noqa: SIM115  # open as long as the worker
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True
        )
        self._lines = lines
        threading.Thread(target=self._read, daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def tell(self, word: str) -> None:
        """Give it a word on its standard input; one that has ended is told nothing."""
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.write(f"{word}\n")
            self._process.stdin.flush()

    def failure(self) -> RunFailed:
        """Return an error that says how it ended."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(2 * CLOSING_S)
        self._errors.seek(0)
        said = self._errors.read().strip().splitlines()[-1:]
        return RunFailed(f"{self._name} ended with code {self._process.returncode}: {''.join(said) or 'no word'}")

    def close(self) -> None:
        """Let it end, or end it."""
        try:
            self._process.wait(2 * CLOSING_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            assert stream is not None
            with suppress(OSError):  # a word that it never read is flushed once more
                stream.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put((self, line.strip()))
        self._lines.put((self, END))


class Crew:
    """All workers of a run; use it in a ``with`` block, which ends them."""

    def __init__(self, key: str, address: str) -> None:
        self._key = key
        self._address = address
        self._lines: Queue[tuple[Worker, str]] = Queue()
        self.workers: list[Worker] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for worker in self.workers:
            worker.tell("stop")
        for worker in self.workers:
            worker.close()

    def start(self, role: str, plans: Sequence[Plan]) -> list[Worker]:
        """Start a worker for each plan, and return when all of them are ready."""
        started = [Worker(self._key, role, self._address, plan, self._lines) for plan in plans]
        self.workers += started
        waiting = set(started)
        while waiting:
            worker, line = self._next(READY_S)
            if line == "ready":
                waiting.remove(worker)
        return started

    def run(self, finishers: Sequence[Worker]) -> None:
        """Let all begin; return when the finishers are done, or none of them gets on any more."""
        for worker in self.workers:
            worker.tell("go")
        waiting, counts, idle_s = set(finishers), 0, 0.0
        while waiting and idle_s < NO_PROGRESS_S:
            try:
                worker, line = self._next(1.0)
            except TimeoutError:
                for worker in waiting:
                    worker.tell("count")
                total = sum(worker.count for worker in finishers)
                idle_s = idle_s + 1.0 if total == counts else 0.0
                counts = total
                continue
            if line == "done":
                waiting.discard(worker)
            elif line.startswith("count "):
                worker.count = int(line.split()[1])

    def reports(self) -> Mapping[Worker, Report]:
        """Stop all; return what each of them noted."""
        for worker in self.workers:
            worker.tell("stop")
        found: dict[Worker, Report] = {}
        while len(found) < len(self.workers):
            worker, line = self._next(REPORT_S, found)
            if line.startswith("{"):
                found[worker] = json.loads(line)
        return found

    def _next(self, timeout_s: float, may_end: Container[Worker] = ()) -> tuple[Worker, str]:
        try:
            worker, line = self._lines.get(timeout=timeout_s)
        except Empty:
            raise TimeoutError(f"the workers of {self._key} said nothing for {timeout_s:g} s") from None
        if line == END and worker not in may_end:
            raise worker.failure()
        return worker, line
