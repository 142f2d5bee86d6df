# SPDX-License-Identifier: MIT
"""What the processes of one run have to do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import cycle
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What one run is about; every process of the run is given the same, but for ``number``.

    Attributes:
        count: Events that each publisher sends, or round trips of ``ping`` and ``ask``.
        publishers: How many processes publish.
        subscribers: How many processes subscribe, each to everything.
        events_each: How many events, by name, each publisher sends in turn.
        payload_bytes: 0 for the small dict, else the length of a payload of bytes.
        concurrency: How many requests ``ask`` keeps open.
        codecs: Of the publisher and of the subscriber, for a system that has a choice: ``json`` or ``cbor``.
        number: Which of the publishers or subscribers this process is, from 0.
    """

    count: int
    publishers: int = 1
    subscribers: int = 1
    events_each: int = 1
    payload_bytes: int = 0
    concurrency: int = 1
    codecs: tuple[str, str] = ("json", "json")
    number: int = 0

    def topics_of(self, publisher: int) -> list[str]:
        """Return the topics of a publisher, as in ``sender0/event3``."""
        return [f"sender{publisher}/event{event}" for event in range(self.events_each)]

    @cached_property
    def topics(self) -> list[str]:
        """All topics of all publishers: a subscriber subscribes to each of them."""
        return [topic for publisher in range(self.publishers) for topic in self.topics_of(publisher)]

    @property
    def expected(self) -> int:
        """How many events each subscriber is to take."""
        return self.count * self.publishers

    @property
    def is_small(self) -> bool:
        """Whether data is the small dict, which goes as JSON; else it is bytes, which go as they are."""
        return not self.payload_bytes

    def events(self, publisher: int) -> Iterator[tuple[str, Any]]:
        """Yield topic and data of each event that a publisher sends; ``ping`` and ``ask`` send those of publisher 0."""
        topics = cycle(self.topics_of(publisher))
        if self.payload_bytes:
            payload = bytes(self.payload_bytes)
            for topic, _ in zip(topics, range(self.count), strict=False):
                yield topic, payload
        else:
            for topic, number in zip(topics, range(self.count), strict=False):
                yield topic, {"celsius": 21.5, "seq": number, "unit": "C"}

    def is_right(self, data: Any) -> bool:
        """Whether data that was decoded can be what a publisher sent."""
        if self.payload_bytes:
            return len(data) == self.payload_bytes
        return bool(data["celsius"] == 21.5 and 0 <= data["seq"] < self.count)

    def to_json(self) -> str:
        """Return the plan as text for a command line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Plan:
        """Return the plan that ``to_json`` wrote."""
        fields = json.loads(text)
        return cls(**{**fields, "codecs": tuple(fields["codecs"])})
