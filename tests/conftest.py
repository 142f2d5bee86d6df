# SPDX-License-Identifier: MIT
"""What tests with threads and event loops have in common: nothing of theirs may be left when they end."""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

import sigcore
from sigcore.aio import new_event_loop

from .port_carrier import PortCarrier

# For benchmarks/ and fuzz/, which no package installs; last, so that the installed sigcore stays in front.
sys.path.append(str(Path(__file__).parents[1]))

END_S = 3.0
"""How long threads may take to end after their test, and descriptors to be closed."""

DESCRIPTORS = Path("/proc/self/fd")
"""Where Linux shows what a process has open; elsewhere nothing is known of it."""


class Complaints(logging.Handler):
    """Keeps what asyncio complains of: tasks destroyed while pending, errors nobody retrieved, failed callbacks."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(self.format(record))


@pytest.fixture(scope="session")
def _quick_collections() -> Iterator[None]:
    """Leave what is imported by now out of every later garbage collection: a tenth of the time."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(scope="session", autouse=True)
def _nothing_left_of_the_run() -> Iterator[None]:
    """Fail the last test if the whole run leaves a thread or a descriptor behind."""
    new_event_loop().close()  # uvloop opens a pipe with its first loop, and keeps it
    before, open_before = set(threading.enumerate()), descriptors()
    yield
    gc.collect()
    assert threads_left(before) == []
    assert descriptors_left(open_before) == []


@pytest.fixture(autouse=True)
def signals_as_from_a_terminal() -> Iterator[None]:
    """Give processes the usual Ctrl-C, also where the tests themselves run in the background, which ignores it."""
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@pytest.fixture
def nothing_left(_quick_collections: None) -> Iterator[None]:
    """Fail the test if it leaves a thread, a descriptor or a pending task behind, or an error that nobody handled."""
    before = set(threading.enumerate())
    open_before = descriptors()
    complaints = Complaints()
    logger = logging.getLogger("asyncio")
    logger.addHandler(complaints)
    try:
        yield
        left = threads_left(before)
        gc.collect()  # what is pending or unclosed complains when it is destroyed
    finally:
        logger.removeHandler(complaints)
    assert left == []
    assert complaints.texts == []
    assert descriptors_left(open_before) == []


@pytest.fixture
def medium(monkeypatch: pytest.MonkeyPatch) -> PortCarrier:
    """A medium that knows more than most, in place of ``mem://``, also inside ``fault+mem://``."""
    carrier = PortCarrier()
    load = sigcore.load_carrier

    def load_carrier(scheme: str) -> sigcore.Carrier:
        return carrier if scheme == "mem" else load(scheme)

    monkeypatch.setattr("sigcore.aio._networked.load_carrier", load_carrier)
    monkeypatch.setattr("sigcore.testing._fault_carrier.load_carrier", load_carrier)
    return carrier


def threads_left(before: set[threading.Thread]) -> list[str]:
    """Return the names of threads that are new since ``before`` and do not end in time."""
    until = time.monotonic() + END_S
    new = [thread for thread in threading.enumerate() if thread not in before]
    for thread in new:
        thread.join(max(0.0, until - time.monotonic()))
    return [thread.name for thread in new if thread.is_alive()]


def descriptors() -> set[tuple[str, str]]:
    """Return what is open, as (number, what it stands for); nothing where the system does not tell."""
    found = set()
    for entry in DESCRIPTORS.iterdir() if DESCRIPTORS.is_dir() else ():
        with suppress(FileNotFoundError):  # that of this very look, which is closed by now
            found.add((entry.name, os.readlink(entry)))
    return found


def descriptors_left(before: set[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return what is open and was not, if there is more of it than before and it is not closed in time."""
    until = time.monotonic() + END_S
    while len(now := descriptors()) > len(before):
        if time.monotonic() > until:
            return sorted(now - before)
        time.sleep(0.005)
    return []
