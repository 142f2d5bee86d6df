# SPDX-License-Identifier: MIT
"""One run: one system does one workload once."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .crew import Crew, Worker
from .machine import cpu_s, usage
from .plan import Plan
from .systems import load_system
from .workloads import Workload


@dataclass(frozen=True, kw_only=True)
class Run:
    """What came of one run.

    Attributes:
        system: The key of the system.
        workload: The name of the workload.
        round: Which round it belongs to, from 1.
        count: Events of each publisher, or round trips.
        wall_s: From the first event to the last, by the clock of those who receive.
        figure: In the workload's unit; 0 when it failed.
        expected: Events that all subscribers together are to take, or round trips.
        lost: Of these, how many never came.
        wrong: Events that came with other data; a sample of them is looked at.
        sent_per_s: The pace at which events were handed over, which may be ahead of what arrives.
        cpu_s: CPU time of each side in seconds: ``publish``, ``broker`` and ``subscribe``.
        latency_us: Percentiles of round trips, in microseconds.
        others: The share of the cores that other programs and the hypervisor had meanwhile.
        failure: Why there is no figure.
    """

    system: str
    workload: str
    round: int
    count: int
    wall_s: float = 0.0
    figure: float = 0.0
    expected: int = 0
    lost: int = 0
    wrong: int = 0
    sent_per_s: float = 0.0
    cpu_s: dict[str, float] = field(default_factory=dict)
    latency_us: dict[str, float] = field(default_factory=dict)
    others: float = 0.0
    failure: str = ""


def run_once(key: str, workload: Workload, count: int, *, round_: int, awake: Iterable[int] = ()) -> Run:
    """Start a system, have it do the work once, and stop it.

    Args:
        key: The system.
        workload: The work.
        count: Events of each publisher, or round trips.
        round_: Which round this is.
        awake: Processes that only keep the cores awake.

    Raises:
        RunFailed: A worker ended before its time.
        RuntimeError: The broker did not start.
        TimeoutError: A worker was never ready.
    """
    plan = replace(workload.plan, count=count)
    sends, receives = workload.roles
    is_events = sends == "publish"
    with (
        tempfile.TemporaryDirectory() as folder,
        load_system(key).broker(Path(folder)) as broker,
        Crew(key, broker.address) as crew,
    ):
        receivers = crew.start(receives, numbered(plan, plan.subscribers))
        senders = crew.start(sends, numbered(plan, plan.publishers))
        pids = [worker.pid for worker in crew.workers] + [*broker.pids, *awake, os.getpid()]
        broker_began_s, before = sum(map(cpu_s, broker.pids)), usage(pids)
        crew.run(receivers if is_events else senders)
        others = usage(pids).others_since(before)
        broker_s = sum(map(cpu_s, broker.pids)) - broker_began_s
        reports = crew.reports()
    heard = [reports[worker] for worker in (receivers if is_events else senders)]
    expected = plan.expected * len(heard) if is_events else count
    wall_s = max(report["last_s"] for report in heard) - min(report["first_s"] for report in heard)
    result = Run(
        system=key,
        workload=workload.name,
        round=round_,
        count=count,
        wall_s=wall_s,
        expected=expected,
        lost=expected - sum(report["count"] for report in heard),
        wrong=sum(report["wrong"] for report in heard),
        sent_per_s=sum(
            count / report["sent_after_s"] for report in map(reports.get, senders) if report["sent_after_s"]
        ),
        cpu_s={
            "publish": total(reports, senders, "cpu_s"),
            "broker": broker_s,
            "subscribe": total(reports, receivers, "cpu_s"),
        },
        latency_us={name: 1e6 * time_s for name, time_s in heard[0]["latency_s"].items()},
        others=others,
    )
    return replace(result, figure=figure(workload, result, sum(report["by_last"] for report in heard)))


def numbered(plan: Plan, processes: int) -> list[Plan]:
    """Return the plans of processes that play the same role."""
    return [replace(plan, number=number) for number in range(processes)]


def total(reports: dict[Worker, dict[str, Any]], workers: list[Worker], name: str) -> float:
    return sum(reports[worker][name] for worker in workers)


def figure(workload: Workload, run: Run, received: int) -> float:
    """Return a run's figure in the workload's unit."""
    if workload.unit == "us":
        return run.latency_us.get("p50", 0.0)
    rate = received / run.wall_s if run.wall_s > 0 else 0.0
    return rate * workload.plan.payload_bytes / 1e6 if workload.unit == "MB/s" else rate
