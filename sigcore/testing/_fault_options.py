# SPDX-License-Identifier: MIT
"""What can go wrong on a link of ``fault+...://``, as it stands in the endpoint's query."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .._options import Seconds, Size

CutHow = Literal["reset", "close", "silent"]
Direction = Literal["both", "in", "out"]
Side = Literal["connect", "listen"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultOptions:
    """Options of ``fault+...://``; without any, nothing goes wrong. All other options go to the carrier inside.

    Times run on the event loop's clock. "In" and "out" are seen from the side whose endpoint this is.

    Attributes:
        cut: When the link is cut, from its first moment.
        cut_bytes: How many bytes pass in the directions ``dir``, taken together, before the link is cut.
        cut_how: ``reset``: both sides lose it, with an error; what is on its way is lost. ``close``: both sides see a
            clean end. ``silent``: half-open; nothing passes any more in the directions ``dir``, and nobody is told.
        stall: For how long nothing is read from the link.
        stall_after: When that begins, from the link's first moment.
        stop_writing: For how long nothing is written to the link; it waits, and ``pause_writing`` comes in time.
        stop_writing_after: When that begins, from the link's first moment.
        slice: The most bytes in one piece; one piece passes in each turn of the event loop.
        delay: How much later each piece arrives; the order stays.
        jitter: How much more that may be, at random.
        rate: Bytes per second.
        corrupt: For each byte, the probability that one of its bits is flipped.
        drop: For each byte, the probability that it is lost.
        insert: For each byte, the probability that a random one follows it.
        refuse: For each link, the probability that it cannot be made.
        dir: Where ``slice``, ``delay``, ``jitter``, ``rate``, ``corrupt``, ``drop``, ``insert``, ``cut_bytes`` and a
            silent cut hold.
        times: How many links these options hold for; later ones are clean. Tries that ``refuse`` failed count.
        seed: Same seed, same faults: all that is random follows from it, the side, the link's number and the place in
            the stream, however the stream is cut into pieces.
        faults: The name of a ``sigcore.testing.Faults`` of this process, through which a test has its hands on the
            links.
    """

    cut: Seconds | None = None
    cut_bytes: Size | None = None
    cut_how: CutHow = "reset"
    stall: Seconds = 0.0
    stall_after: Seconds = 0.0
    stop_writing: Seconds = 0.0
    stop_writing_after: Seconds = 0.0
    slice: int | None = None
    delay: Seconds = 0.0
    jitter: Seconds = 0.0
    rate: Size | None = None
    corrupt: float = 0.0
    drop: float = 0.0
    insert: float = 0.0
    refuse: float = 0.0
    dir: Direction = "both"
    times: int | None = None
    seed: int = 0
    faults: str | None = None

    def __post_init__(self) -> None:
        for name in ("cut_bytes", "slice", "rate", "times"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} must be 1 or more; leave it out for none")
        for name in ("corrupt", "drop", "insert", "refuse"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is a probability, from 0 to 1")
