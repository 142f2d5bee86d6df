# SPDX-License-Identifier: MIT
"""What a history is made of: records of what publishers and listeners did, each one line of JSON where it is a file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Triggered:
    """A publisher is about to trigger an event; ``at`` is the monotonic clock, in seconds, as in all records."""

    at: float
    sender: str
    event: str
    session: str
    seq: int


@dataclass(frozen=True, slots=True)
class Accepted:
    """A server has taken the event over, so the end of its publisher is no excuse for its loss."""

    at: float
    sender: str
    session: str
    seq: int


@dataclass(frozen=True, slots=True)
class Listening:
    """A listener's registration is in force; ``None`` stands for every sender, or event."""

    at: float
    listener: str
    sender: str | None
    event: str | None


@dataclass(frozen=True, slots=True)
class Heard:
    """A listener was called; ``session``, ``seq`` and ``latency`` (in s) are ``None`` where they cannot be read."""

    at: float
    listener: str
    sender: str
    event: str
    session: str | None
    seq: int | None
    latency: float | None
    is_whole: bool


@dataclass(frozen=True, slots=True)
class GapTold:
    """A listener was told of a loss."""

    at: float
    listener: str
    sender: str
    event: str
    count: int | None
    cause: str


@dataclass(frozen=True, slots=True)
class Ended:
    """A publisher or a listener was removed, closed or killed."""

    at: float
    name: str


Record = Triggered | Accepted | Listening | Heard | GapTold | Ended

_KINDS: dict[str, type[Record]] = {
    kind.__name__: kind for kind in (Triggered, Accepted, Listening, Heard, GapTold, Ended)
}


def to_line(record: Record) -> bytes:
    """Return a record as one line of JSON."""
    return json.dumps({"record": type(record).__name__, **asdict(record)}).encode() + b"\n"


def from_line(line: bytes) -> Record:
    """Return the record of one line.

    Raises:
        ValueError: The line is no record.
    """
    try:
        fields = json.loads(line)
        return _KINDS[fields.pop("record")](**fields)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{line[:80]!r} is no record of a history") from error
