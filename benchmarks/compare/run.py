# SPDX-License-Identifier: MIT
"""One run: one system does one workload once."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from .crew import Crew, Report, Worker
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
    with (
        tempfile.TemporaryDirectory() as folder,
        load_system(key).broker(Path(folder)) as broker,
        Crew(key, broker.address) as crew,
    ):
        receivers = crew.start(receives, numbered(plan, plan.subscribers))
        senders = crew.start(sends, numbered(plan, plan.publishers))
        finishers = senders if workload.is_round_trip else receivers
        ours = [*(worker.pid for worker in crew.workers), *broker.pids, *awake, os.getpid()]
        before, broker_before_s = usage(ours), sum(map(cpu_s, broker.pids))
        crew.run(finishers)
        others, broker_s = usage(ours).others_since(before), sum(map(cpu_s, broker.pids)) - broker_before_s
        reports = crew.reports()
    cpu = {"publish": cpu_of(reports, senders), "broker": broker_s, "subscribe": cpu_of(reports, receivers)}
    paces = [count / after_s for worker in senders if (after_s := reports[worker]["sent_after_s"])]
    run = Run(
        system=key, workload=workload.name, round=round_, count=count, cpu_s=cpu, others=others, sent_per_s=sum(paces)
    )
    return with_figures(run, workload, [reports[worker] for worker in finishers])


def numbered(plan: Plan, processes: int) -> list[Plan]:
    """Return the plans of processes that play the same role."""
    return [replace(plan, number=number) for number in range(processes)]


def cpu_of(reports: Mapping[Worker, Report], workers: Iterable[Worker]) -> float:
    return float(sum(reports[worker]["cpu_s"] for worker in workers))


def with_figures(run: Run, workload: Workload, reports: Sequence[Report]) -> Run:
    """Return a run with what comes of the reports of all who received something."""
    expected = run.count if workload.is_round_trip else run.count * workload.plan.publishers * len(reports)
    heard = [report for report in reports if report["count"]]
    if not heard:
        return replace(run, expected=expected, lost=expected, failure="nothing came")
    wall_s = max(report["last_s"] for report in heard) - min(report["first_s"] for report in heard)
    latency_us = {name: 1e6 * time_s for name, time_s in heard[0]["latency_s"].items()}
    rate = sum(report["by_last"] for report in heard) / wall_s if wall_s > 0 else 0.0
    return replace(
        run,
        wall_s=wall_s,
        figure={"us": latency_us.get("p50", 0.0), "MB/s": rate * workload.plan.payload_bytes / 1e6}.get(
            workload.unit, rate
        ),
        expected=expected,
        lost=expected - sum(report["count"] for report in heard),
        wrong=sum(report["wrong"] for report in heard),
        latency_us=latency_us,
    )
