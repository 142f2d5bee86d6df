# SPDX-License-Identifier: MIT
"""Waiting for a state, with a bound; and what was heard meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from sigcore import EventInfo

LIMIT_S = 10.0
"""How long anything may take before its test fails; things take milliseconds."""


def wait_until(predicate: Callable[[], object], what: str, within_s: float = LIMIT_S) -> None:
    """Return once ``predicate`` holds; fail with ``what`` when the time is over."""
    until = time.monotonic() + within_s
    while not predicate():
        assert time.monotonic() < until, f"not within {within_s} s: {what}"
        time.sleep(0.005)


class Heard:
    """A listener that keeps what it hears, and lets another thread wait for it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.infos: list[EventInfo] = []
        self.data: list[Any] = []

    def __call__(self, info: EventInfo, data: Any) -> None:
        with self._changed:
            self.infos.append(info)
            self.data.append(data)
            self._changed.notify_all()

    def wait(self, number: int, within_s: float = LIMIT_S) -> list[Any]:
        """Return the data heard, once it is that of ``number`` events at least."""
        return self.wait_for(lambda data: len(data) >= number, within_s)

    def wait_for(self, enough: Callable[[list[Any]], object], within_s: float = LIMIT_S) -> list[Any]:
        """Return the data heard, once it is enough."""
        with self._changed:
            came = self._changed.wait_for(lambda: enough(self.data), within_s)
            assert came, f"not within {within_s} s; heard so far: {len(self.data)} events, {self.data[-5:]}"
            return list(self.data)


class Errors(Heard):
    """An ``on_error`` that keeps what it is given, and lets another thread wait for it."""

    def __call__(self, error: Exception) -> None:  # type: ignore[override]  # the same, for what has no info
        super().__call__(EventInfo("", ""), error)
