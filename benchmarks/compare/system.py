# SPDX-License-Identifier: MIT
"""What the suite asks of a system that it measures.

A system is a class in a module of ``systems/``, listed in ``systems/__init__.py``. Its roles run in a process each::

    python -m benchmarks.compare.worker SYSTEM ROLE ADDRESS PLAN

A role may be a coroutine function; it runs on uvloop where that is installed. It begins when all other processes of
the run are ready (``gate.ready``), and returns at the end of the run (``gate.end``)::

    async def publish(self, address: str, plan: Plan, gate: Gate) -> None:
        link = await connect(address)
        await gate.ready_async()
        for topic, data in plan.events(plan.number):
            await link.publish(topic, encode(data))
        await link.flush()
        gate.sent()
        await gate.end_async()

    async def subscribe(self, address: str, plan: Plan, gate: Gate) -> None:
        link = await connect(address)
        for topic in plan.topics:
            await link.subscribe(topic, lambda topic, payload: gate.took(topic, decode(payload)))
        await gate.ready_async()
        await gate.end_async()

Each system is used in the fastest way that its documentation describes, with all the limits that lose messages off.
"""

from __future__ import annotations

from collections.abc import Awaitable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from .broker import Broker
    from .gate import Gate
    from .plan import Plan


class System(Protocol):
    """One way to get messages from process to process.

    Attributes:
        name: As tables show it.
        form: How its user's program is written: ``asyncio`` or ``threads``.
        workloads: The names of the workloads that it can do; ``workloads.py`` has them.
    """

    name: str
    form: str
    workloads: frozenset[str]

    def missing(self) -> str:
        """Return what it lacks on this machine, such as ``needs pyzmq``; nothing if it can run."""

    def version(self) -> str:
        """Return the versions of what is measured, such as ``nats-py 2.16.0, nats-server 2.9.10``."""

    def broker(self, folder: Path) -> AbstractContextManager[Broker]:
        """Start what stands between the processes, with a folder for its files; it is stopped at the end."""

    def publish(self, address: str, plan: Plan, gate: Gate) -> Awaitable[None] | None:
        """Encode and send ``plan.events(plan.number)``, then say ``gate.sent()``."""

    def subscribe(self, address: str, plan: Plan, gate: Gate) -> Awaitable[None] | None:
        """Subscribe to each of ``plan.topics``; decode each event and call ``gate.took(topic, data)``."""

    def ping(self, address: str, plan: Plan, gate: Gate) -> Awaitable[None] | None:
        """Send each of ``plan.events(0)``, wait for it to come back, and call ``gate.round_trip(seconds)``."""

    def pong(self, address: str, plan: Plan, gate: Gate) -> Awaitable[None] | None:
        """Decode each event, and send its data back, encoded again."""

    def ask(self, address: str, plan: Plan, gate: Gate) -> Awaitable[None] | None:
        """Request with the data of ``plan.events(0)``, ``plan.concurrency`` at a time; ``gate.round_trip(seconds)``."""

    def answer(self, address: str, plan: Plan, gate: Gate) -> Awaitable[None] | None:
        """Answer each request with its own data, decoded and encoded again."""
