# SPDX-License-Identifier: MIT
"""Messages there and back, for systems that leave it to their user to put replies together with requests."""

from __future__ import annotations

import time
from collections.abc import Iterator
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


def tagged(slot: int, payload: bytes) -> bytes:
    """Return a payload with its slot's number before it, for systems whose messages have no other place for it."""
    return b"%d " % slot + payload


def untagged(body: bytes) -> tuple[int, bytes]:
    """Return a slot's number and the payload after it."""
    slot, _, payload = body.partition(b" ")
    return int(slot), payload
