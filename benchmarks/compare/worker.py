# SPDX-License-Identifier: MIT
"""One process of a run: ``python -m benchmarks.compare.worker SYSTEM ROLE ADDRESS PLAN``."""

from __future__ import annotations

import inspect
import sys

from .gate import Gate
from .loop import run_on_fastest_loop
from .plan import Plan
from .systems import load_system


def main(key: str, role: str, address: str, plan_text: str) -> None:
    """Play a role until the end of the run."""
    plan = Plan.from_json(plan_text)
    playing = getattr(load_system(key), role)(address, plan, Gate(plan))
    if inspect.iscoroutine(playing):
        run_on_fastest_loop(playing)


if __name__ == "__main__":
    main(*sys.argv[1:])
