# SPDX-License-Identifier: MIT
"""Where a process of a run waits for the others, and keeps count: the runner is at the other end of its streams."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
import time
from array import array
from typing import Any

from .plan import Plan

LOOKS_EVERY = 1024
"""Events between two looks at the clock: it must not be a cost of each event."""
CLOSING_S = 2.0
"""How long a role may take to clean up after the run."""
WARM_UP = 20
"""One part in so many of the round trips comes before the caches are warm and is left out of the percentiles."""


class Gate:
    """Lets the processes of a run begin and end together, and notes what this one did.

    The process writes ``ready``, ``sent`` and ``done`` to the runner, a line each, then one line of JSON; the runner
    writes ``go`` and ``stop``.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._goes = threading.Event()
        self._ends = threading.Event()
        self._began_s = self._began_cpu_s = 0.0
        self._sent_after_s = 0.0
        self._count = 0
        self._look_at = 1
        self._first_s = self._last_s = 0.0
        self._seen_by_last = 0
        self._wrong = 0
        self._times = array("d")
        self._stdout = sys.stdout
        threading.Thread(target=self._listen, daemon=True).start()

    # what roles call

    def ready(self) -> None:
        """Say that this process is connected and subscribed, and wait until all are."""
        self._say("ready")
        self._goes.wait()
        self._began_cpu_s = time.process_time()
        self._began_s = time.monotonic()

    async def ready_async(self) -> None:
        """Do as ``ready`` in a coroutine."""
        await asyncio.to_thread(self.ready)

    def end(self) -> None:
        """Wait for the end of the run; close your connections then."""
        self._ends.wait()

    async def end_async(self) -> None:
        """Do as ``end`` in a coroutine."""
        await asyncio.to_thread(self.end)

    def sent(self) -> None:
        """Note that everything is handed over."""
        self._sent_after_s = time.monotonic() - self._began_s
        self._say("sent")

    def took(self, topic: str, data: Any) -> None:
        """Note an event that was received and decoded."""
        self._count = count = self._count + 1
        if count >= self._look_at:
            self._look(data)

    def round_trip(self, seconds: float) -> None:
        """Note how long an event took there and back, or a request and its reply."""
        if not self._times:
            self._first_s = time.monotonic() - seconds
        self._times.append(seconds)
        if len(self._times) == self._plan.count:
            self._last_s = time.monotonic()
            self._say("done")

    # what the runner is told

    def _look(self, data: Any) -> None:
        now_s = time.monotonic()
        if self._count == 1:
            self._first_s = now_s
        self._last_s, self._seen_by_last = now_s, self._count
        self._wrong += not self._plan.is_right(data)
        left = self._plan.expected - self._count
        self._look_at = self._count + min(LOOKS_EVERY, left if left > 0 else LOOKS_EVERY)
        if left == 0:
            self._say("done")

    def _listen(self) -> None:
        for line in sys.stdin:
            if line == "go\n":
                self._goes.set()
            elif line == "count\n":
                self._say(f"count {self._count or len(self._times)}")
            elif line == "stop\n":
                break
        self._say(json.dumps(self._report()))
        self._ends.set()
        time.sleep(CLOSING_S)
        os._exit(0)

    def _report(self) -> dict[str, Any]:
        times = sorted(self._times[len(self._times) // WARM_UP :])
        return {
            "count": self._count or len(self._times),
            "by_last": self._seen_by_last or len(self._times),
            "first_s": self._first_s,
            "last_s": self._last_s,
            "sent_after_s": self._sent_after_s,
            "wrong": self._wrong,
            "cpu_s": time.process_time() - self._began_cpu_s,
            "latency_s": {f"p{share}": _percentile(times, share) for share in (50, 99, 99.9)} if times else {},
        }

    def _say(self, line: str) -> None:
        self._stdout.write(f"{line}\n")
        self._stdout.flush()


def _percentile(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share / 100))]
