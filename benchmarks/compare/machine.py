# SPDX-License-Identifier: MIT
"""The machine under the suite: what it is, who else uses it, and what keeps it awake. Linux tells all of it."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
TOO_MUCH = 0.12
"""A run in which others had more than this share of all cores is marked: its figures are not ours alone."""
TELLS_FROM_S = 0.5
"""The system counts in hundredths of a second: over less of all cores than this, a share says nothing."""
AWAKE = """
import os
parent = os.getppid()
os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
os.sched_setaffinity(0, [CORE])
while os.getppid() == parent:
    for _ in range(1_000_000):
        pass
"""


@contextmanager
def kept_awake(wanted: bool) -> Iterator[tuple[int, ...]]:
    """Keep every core busy with what gives way to anything else; yield the processes that do so.

    A core of a virtual machine that has nothing to do is halted, and takes its time to wake: the time of a round trip
    would be the hypervisor's.
    """
    cores = sorted(os.sched_getaffinity(0)) if wanted and hasattr(os, "SCHED_IDLE") else []
    loops = [subprocess.Popen([sys.executable, "-c", AWAKE.replace("CORE", str(core))]) for core in cores]
    try:
        yield tuple(loop.pid for loop in loops)
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


@dataclass(frozen=True)
class Usage:
    """What the cores did until now, in seconds of CPU time.

    Attributes:
        total: Of all cores, at work or not.
        busy: In programs and in the kernel on their behalf.
        stolen: Taken by the hypervisor for other machines.
        ours: Of that, in processes of the suite that were named.
    """

    total: float = 0.0
    busy: float = 0.0
    stolen: float = 0.0
    ours: float = 0.0

    def others_since(self, before: Usage) -> float:
        """Return the share of the cores that others had since then, the hypervisor among them."""
        total = self.total - before.total
        others = (self.busy - before.busy) - (self.ours - before.ours) + self.stolen - before.stolen
        return max(0.0, others) / total if total >= TELLS_FROM_S else 0.0


def usage(ours: Iterable[int]) -> Usage:
    """Return what the cores did until now; all zero where nobody tells."""
    try:
        fields = (PROC / "stat").read_text().splitlines()[0].split()[1:]
    except OSError:
        return Usage()
    user, nice, system, idle, waiting, irq, softirq, stolen = (int(field) / _ticks_per_s() for field in fields[:8])
    busy = user + nice + system
    total = busy + idle + waiting + irq + softirq + stolen
    return Usage(total, busy, stolen, sum(map(cpu_s, ours)))


def cpu_s(pid: int) -> float:
    """Return the CPU time of a process, in seconds; 0 where nobody tells, or when it has ended."""
    try:
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _ticks_per_s()


def description() -> dict[str, str | int]:
    """Return what the figures were measured on."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count() or 0,
        "system": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
    }


def _processor() -> str:
    try:
        lines = (PROC / "cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _ticks_per_s() -> int:
    return os.sysconf("SC_CLK_TCK")
