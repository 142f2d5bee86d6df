# SPDX-License-Identifier: MIT
"""What tests with threads and event loops have in common: nothing of theirs may be left when they end."""

from __future__ import annotations

import gc
import logging
import threading
import time
from collections.abc import Iterator

import pytest

END_S = 3.0
"""How long threads may take to end after their test."""


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


@pytest.fixture
def nothing_left(_quick_collections: None) -> Iterator[None]:
    """Fail the test if it leaves a thread behind, a pending task, or an error that no loop's owner handled."""
    before = set(threading.enumerate())
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


def threads_left(before: set[threading.Thread]) -> list[str]:
    """Return the names of threads that are new since ``before`` and do not end in time."""
    until = time.monotonic() + END_S
    new = [thread for thread in threading.enumerate() if thread not in before]
    for thread in new:
        thread.join(max(0.0, until - time.monotonic()))
    return [thread.name for thread in new if thread.is_alive()]
