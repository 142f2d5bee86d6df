# SPDX-License-Identifier: MIT
"""One process of a run: ``python -m benchmarks.compare.worker SYSTEM ROLE ADDRESS PLAN``."""

from __future__ import annotations

import asyncio
import inspect
import sys
from typing import Any

from .gate import Gate
from .plan import Plan
from .systems import load_system


def main(key: str, role: str, address: str, plan_text: str) -> None:
    """Play a role until the end of the run."""
    plan = Plan.from_json(plan_text)
    playing = getattr(load_system(key), role)(address, plan, Gate(plan))
    if inspect.isawaitable(playing):
        run_async(playing)


def run_async(playing: Any) -> None:
    """Run a coroutine on the fastest loop that is installed."""
    try:
        from uvloop import new_event_loop
    except ImportError:
        new_event_loop = asyncio.new_event_loop
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(playing)


if __name__ == "__main__":
    main(*sys.argv[1:])
