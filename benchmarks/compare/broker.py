# SPDX-License-Identifier: MIT
"""What stands between the processes of a run, in processes of its own."""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO

START_S = 20.0
STOP_S = 5.0


@dataclass(frozen=True)
class Broker:
    """A broker, or a server, that runs.

    Attributes:
        address: Where clients connect, in the form that the system's roles expect.
        pids: Of its processes, whose CPU time is counted.
    """

    address: str
    pids: tuple[int, ...]


@contextmanager
def started(command: Sequence[str], address: str, port: int) -> Iterator[Broker]:
    """Run a broker until the end; it is ready when its TCP port on 127.0.0.1 takes connections."""
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        try:
            _wait_for(process, port)
            yield Broker(address, (process.pid,))
        finally:
            _stop(process)


@contextmanager
def started_module(module: str, *arguments: str) -> Iterator[Broker]:
    """Run a module of Python, which prints its address as its first line when it is ready, until the end.

    What it said on its standard error is shown if it ended before, or something else went wrong.
    """
    command = [sys.executable, "-m", module, *arguments]
    with (
        tempfile.TemporaryFile(mode="w+") as errors,
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):
        has_failed = True
        try:
            yield Broker(_first_line(process, module), (process.pid,))
            has_failed = process.poll() is not None
        finally:
            _stop(process)
            if has_failed:
                _show(module, errors)


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nobody has at the moment."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def _first_line(process: subprocess.Popen[str], module: str) -> str:
    assert process.stdout is not None
    patience = threading.Timer(START_S, process.kill)
    patience.start()
    address = process.stdout.readline().strip()
    patience.cancel()
    if not address:
        raise RuntimeError(f"{module} ended with code {process.wait()} before it was ready")
    return address


def _wait_for(process: subprocess.Popen[bytes], port: int) -> None:
    until_s = time.monotonic() + START_S
    while time.monotonic() < until_s:
        if process.poll() is not None:
            assert process.stderr is not None
            said = process.stderr.read().decode(errors="replace").strip()
            raise RuntimeError(f"{process.args!r} ended with code {process.returncode}: {said}")
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1.0):
            return
        time.sleep(0.02)
    raise RuntimeError(f"{process.args!r} did not open port {port} within {START_S:g} s")


def _show(module: str, errors: IO[str]) -> None:
    """Show how what a module said on its standard error begins and ends: all of it may be very long."""
    errors.seek(0)
    lines = errors.read().splitlines()
    for line in lines if len(lines) < 20 else [*lines[:10], f"... {len(lines) - 11} lines more ...", lines[-1]]:
        print(f"{module}: {line}", file=sys.stderr)


def _stop(process: subprocess.Popen[bytes] | subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
