# SPDX-License-Identifier: MIT
"""Rounds of runs: every system once in each round, so that whatever slows the machine down slows all of them down."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from .crew import RunFailed
from .run import Run, run_once
from .systems import load_system
from .workloads import Workload

FIRST_PER_S = 10_000
"""What a slow system does in a second; a fast one is tried again with as many times more."""
GROWS_BY = 25
TELLS_FROM = 0.1
"""From which share of the time that a run shall take its pace is believed."""
TRIES = 4
EXPECTED = (RunFailed, RuntimeError, TimeoutError, OSError)
"""Errors whose text says all."""


def measure(
    workloads: Sequence[Workload],
    keys: Sequence[str],
    *,
    rounds: int,
    seconds: float,
    count: int = 0,
    awake: Iterable[int] = (),
    tell: Callable[[Run], None],
) -> None:
    """Run every system on every workload that it can do.

    Args:
        workloads: What is measured, one after the other.
        keys: The systems.
        rounds: How often each of them is run.
        seconds: About how long one run shall take.
        count: The same count for all; 0 finds for each the one that takes so long.
        awake: Processes that only keep the cores awake.
        tell: Called with each run that counts; those of one workload's round follow each other.
    """
    for workload in workloads:
        able = [key for key in keys if workload.name in load_system(key).workloads]
        counts = {key: count or count_for(key, workload, seconds) for key in able}
        for round_ in range(1, rounds + 1):
            for key in turned(able, round_):
                tell(attempt(key, workload, counts[key], round_, awake))


def attempt(key: str, workload: Workload, count: int, round_: int, awake: Iterable[int] = ()) -> Run:
    """Run once; a run that fails, for whatever reason, is a result too."""
    try:
        return run_once(key, workload, count, round_=round_, awake=awake)
    except Exception as error:  # noqa: BLE001  # of whatever library: the others are measured all the same
        text = str(error) if isinstance(error, EXPECTED) else repr(error)
        failure = " ".join(text.split()) or repr(error)
        return Run(system=key, workload=workload.name, round=round_, count=count, failure=failure)


def count_for(key: str, workload: Workload, seconds: float) -> int:
    """Return how many events, or round trips, take a system about so long; it warms the machine up too."""
    count = max(100, round(FIRST_PER_S * seconds)) // (workload.plan.publishers * workload.plan.subscribers)
    for _ in range(TRIES):
        run = attempt(key, workload, count, 0)
        if run.failure or run.lost or run.wall_s <= 0:
            return count
        if run.wall_s >= seconds * TELLS_FROM:
            return max(100, round(count * seconds / run.wall_s))
        count = round(count * min(GROWS_BY, seconds / run.wall_s))
    return count


def turned(keys: Sequence[str], by: int) -> list[str]:
    """Return the keys in another order for each round: nobody always follows the same one."""
    by %= max(1, len(keys))
    return [*keys[by:], *keys[:by]]
