# SPDX-License-Identifier: MIT
"""Messages there and back, for systems that leave it to their user to put replies together with requests."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from itertools import islice

from .gate import Gate
from .json_bytes import coding
from .plan import Plan


class Trips:
    """Keeps as many messages under way as the plan says; each that comes back is followed by the next in its slot.

    It sends nothing itself: the system does, in its own way, with the slot's number on the message.
    """

    def __init__(self, plan: Plan, gate: Gate) -> None:
        self._encode, self._decode = coding(plan)
        self._events = plan.events(0)
        self._gate = gate
        self._sent_s = [0.0] * plan.concurrency

    def first(self) -> Iterator[tuple[int, bytes]]:
        """Yield slot and payload of those that begin."""
        for slot, (_topic, data) in enumerate(islice(self._events, len(self._sent_s))):
            self._sent_s[slot] = time.perf_counter()
            yield slot, self._encode(data)

    def next(self, slot: int, payload: bytes) -> bytes | None:
        """Take what came back to a slot; return the payload that follows, or None at the end."""
        self._decode(payload)
        now_s = time.perf_counter()
        self._gate.round_trip(now_s - self._sent_s[slot])
        self._sent_s[slot] = now_s
        for _topic, data in self._events:
            return self._encode(data)
        return None


class Callers:
    """So many tasks, each of which awaits its own reply before it asks again; for systems that dispatch none.

    Args:
        plan: What is asked.
        gate: Told how long each trip took.
        send: Sends a payload on behalf of a slot.
    """

    def __init__(self, plan: Plan, gate: Gate, send: Callable[[int, bytes], object]) -> None:
        self._trips = Trips(plan, gate)
        self._send = send
        self._replies: dict[int, asyncio.Future[bytes]] = {}

    async def ask(self) -> None:
        """Ask until there is nothing left to ask."""
        await asyncio.gather(*[self._keep_asking(slot, payload) for slot, payload in self._trips.first()])

    def came_back(self, slot: int, payload: bytes) -> None:
        """Give a reply to the task that awaits it."""
        self._replies[slot].set_result(payload)

    async def _keep_asking(self, slot: int, payload: bytes | None) -> None:
        loop = asyncio.get_running_loop()
        while payload is not None:
            self._replies[slot] = reply = loop.create_future()
            self._send(slot, payload)
            payload = self._trips.next(slot, await reply)


def tagged(slot: int, payload: bytes) -> bytes:
    """Return a payload with its slot's number before it, for systems whose messages have no other place for it."""
    return b"%d " % slot + payload


def untagged(body: bytes) -> tuple[int, bytes]:
    """Return a slot's number and the payload after it."""
    slot, _, payload = body.partition(b" ")
    return int(slot), payload
