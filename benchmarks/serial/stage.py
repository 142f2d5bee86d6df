# SPDX-License-Identifier: MIT
"""Lines, a server and devices, each in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from tests.faults.stage import Process

BITS = 10
"""That a byte takes on the line."""


class Lines:
    """Simulated lines in a process of its own, so that their pace does not hang on what is measured."""

    def __init__(self, number: int, baudrate: int, step_ms: float, *more: str) -> None:
        command = [sys.executable, "-m", "sig_serial.testing", "--lines", str(number), "--baudrate", str(baudrate)]
        command += ["--step-ms", str(step_ms), *more]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.paths = [self._answer().split() for _ in range(number)]

    def tell(self, order: str) -> str:
        assert self.process.stdin is not None
        self.process.stdin.write(order + "\n")
        self.process.stdin.flush()
        answer = self._answer()
        assert not answer.startswith("error"), answer
        return answer

    def counts(self) -> list[dict[str, dict[str, int]]]:
        found: list[dict[str, dict[str, int]]] = json.loads(self.tell("count"))
        return found

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(10)

    def _answer(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()


class Stage:
    """Lines with a server at their left ends and a device at each right end, linked and registered.

    Args:
        number: How many lines.
        baudrate: Of the lines, and of the ports' options.
        step_ms: How often the lines move bytes.
        bad: What is bad about the lines, as ``("ber=1e-4",)``, from before the first byte.
        options: More options of the endpoints, as ``"&grace=1s"``.
        seed: Of the first direction's faults; the others have the next numbers.
    """

    def __init__(
        self,
        number: int = 1,
        baudrate: int = 115_200,
        step_ms: float = 1.0,
        *,
        bad: tuple[str, ...] = (),
        options: str = "",
        seed: int = 0,
    ) -> None:
        self.byte_s = BITS / baudrate
        self.lines = Lines(number, baudrate, step_ms, "--seed", str(seed))
        if bad:
            self.lines.tell(f"set {' '.join(bad)}")
        self.ends = [[f"serial://{path}?baudrate={baudrate}{options}" for path in pair] for pair in self.lines.paths]
        self.server = self._peer("server", 0)
        self.device = self._peer("device", 1)

    def __enter__(self) -> Self:
        try:
            for peer in (self.server, self.device):
                began(peer)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        for process in (self.device, self.server):
            process.clean_up()
        self.lines.close()

    def restart_device(self) -> None:
        """Kill the devices, and start new ones; returns before they are linked."""
        self.device.clean_up()
        self.device = self._peer("device", 1)

    def _peer(self, part: str, side: int) -> Process:
        return Process([sys.executable, "-m", "benchmarks.serial.peer", part, *(pair[side] for pair in self.ends)])


def began(peer: Process) -> dict[str, float]:
    """Wait until a peer takes orders, and return when it was opening its ports, linked, and ready."""
    times: dict[str, float] = {}
    while "ready_s" not in times:
        times |= peer.line()
    return times


def wait(reached: Callable[[], Any], what: str, limit_s: float) -> Any:
    """Wait until ``reached`` gives something true, and return that."""
    until_s = time.monotonic() + limit_s
    while not (found := reached()):
        if time.monotonic() > until_s:
            raise TimeoutError(f"{what}: not within {limit_s:g} s")
        time.sleep(0.02)
    return found
