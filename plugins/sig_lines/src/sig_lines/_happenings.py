# SPDX-License-Identifier: MIT
"""What comes out of the translation, in the order in which it happened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Event:
    """A line, or the reply to a poll, became an event.

    Attributes:
        name: The event.
        data: Its data.
    """

    name: str
    data: Any


@dataclass(frozen=True, slots=True)
class Send:
    """Bytes are to be written to the device."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """A request has its result.

    Attributes:
        number: Which, as ``ask`` gave it.
        result: What the reply says; ``None`` where the device sends none.
    """

    number: int
    result: Any


@dataclass(frozen=True, slots=True)
class NoReply:
    """A request has no result and will have none.

    Attributes:
        number: Which, as ``ask`` gave it.
        why: ``silent``, ``bad_reply`` or ``refused``; or the device is ``gone``.
        text: The same in words.
    """

    number: int
    why: Literal["silent", "bad_reply", "refused", "gone"]
    text: str


@dataclass(frozen=True, slots=True)
class Oddity:
    """Something is not as it should be; it is counted and shown, and nothing ends by it.

    Attributes:
        kind: ``unmatched``, ``undecodable``, ``overlong``, ``unanswered`` or ``refused``.
        text: Why, in words.
        line: The beginning of the line that it is about; empty where it is about none.
    """

    kind: str
    text: str
    line: str = ""


Happening = Event | Send | Reply | NoReply | Oddity
