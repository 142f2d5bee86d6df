# SPDX-License-Identifier: MIT
"""Processes of a test, and the lines that they say."""

from __future__ import annotations

import json
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

PROGRAM = Path(__file__).with_name("process_peer.py")


class Process:
    """``process_peer.py`` in a role; see there."""

    def __init__(self, role: str, *arguments: object) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", str(PROGRAM), role, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, name=f"lines of {role}")
        self._reader.start()

    def line(self, within_s: float = 30.0) -> Any:
        """Return what it says next."""
        return json.loads(self._lines.get(timeout=within_s))

    def line_with(self, **fields: Any) -> Any:
        """Return the next line that has ``fields``; others before it are passed over."""
        while True:
            line = self.line()
            if fields.items() <= line.items():
                return line

    def kill(self) -> None:
        """End it as ``kill -9`` does."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """Hold it still, as Ctrl-Z or a suspended machine does."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it run again."""
        self._process.send_signal(signal.SIGCONT)

    def end(self) -> int:
        """Have it end by itself; return its exit code."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        return self._process.wait(timeout=30.0)

    def clean_up(self) -> None:
        self.kill()
        self._reader.join()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
