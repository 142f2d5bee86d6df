# SPDX-License-Identifier: MIT
"""The work that every system is given."""

from __future__ import annotations

from dataclasses import dataclass, field

from .plan import Plan

KIB = 1024


@dataclass(frozen=True)
class Workload:
    """One kind of work.

    Attributes:
        name: As the command line and the results know it.
        title: As tables show it.
        unit: Of its figure: ``msg/s``, ``MB/s``, ``req/s``, or ``us`` for the median of the latencies.
        plan: What is to be done; the runner sets the count.
        roles: Who sends and who receives, or asks and answers.
        against: What its figure is compared with: the system ``raw``, or another workload of the same system.
    """

    name: str
    title: str
    unit: str
    plan: Plan = field(default_factory=lambda: Plan(count=0))
    roles: tuple[str, str] = ("publish", "subscribe")
    against: str = "raw"

    @property
    def less_is_better(self) -> bool:
        """Whether its figure is a time and not a rate."""
        return self.unit == "us"

    @property
    def is_round_trip(self) -> bool:
        """Whether something comes back, so that there are latencies."""
        return self.roles[0] != "publish"


EVENTS = (
    Workload("1-to-1", "1 → 1, small events", "msg/s"),
    Workload("1-to-8", "1 → 8, small events, in total", "msg/s", Plan(count=0, subscribers=8)),
    Workload("8-to-1", "8 → 1, small events", "msg/s", Plan(count=0, publishers=8)),
    Workload("50-events", "50 events in turn → 8, in total", "msg/s", Plan(count=0, subscribers=8, events_each=50)),
)
TRIPS = (
    Workload("ping-pong", "An event there and back", "us", roles=("ping", "pong")),
    Workload("requests", "Requests, one at a time", "us", roles=("ask", "answer")),
    Workload("requests-64", "Requests, 64 at once", "req/s", Plan(count=0, concurrency=64), roles=("ask", "answer")),
)
PAYLOADS = (
    Workload("1KiB", "1 → 1, 1 KiB of bytes", "MB/s", Plan(count=0, payload_bytes=KIB, codecs=("cbor", "cbor"))),
    Workload("64KiB", "1 → 1, 64 KiB of bytes", "MB/s", Plan(count=0, payload_bytes=64 * KIB, codecs=("cbor", "cbor"))),
)
CODECS = (
    Workload("cbor", "1 → 1, small events, CBOR at both ends", "msg/s", Plan(count=0, codecs=("cbor", "cbor"))),
    Workload(
        "cbor-to-json",
        "1 → 1, small events, CBOR in, JSON out",
        "msg/s",
        Plan(count=0, codecs=("cbor", "json")),
        against="cbor",
    ),
)

GROUPS = {"Events": EVENTS, "Round trips": TRIPS, "Payloads": PAYLOADS, "Mixed codecs": CODECS}
WORKLOADS = {workload.name: workload for group in GROUPS.values() for workload in group}

COMMON = frozenset(workload.name for workload in (*EVENTS, *TRIPS, *PAYLOADS))
"""What any system of messages can do."""
