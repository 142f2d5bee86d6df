# SPDX-License-Identifier: MIT
"""Measures a line with PROBE packets, which every side answers that has its port open; no link is needed.

Theory of operation. First come small probes, one at a time: how long does a round trip take on an idle line? Where
any is answered, long ones follow, as many as the line carries: how much comes through under load? A side that skips the
longest gets shorter ones. Each reply brings back what its probe carried, so both directions carry about the same. Who
does not answer gets a small probe now and then, and no load: it may be a device that speaks something else.

No I/O, no clock. Source: docs/serial-link.md, "PROBE".
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

from ._framing import CRC_BYTES, framed_size
from ._packet import probe, reply_to
from ._probe_size import FILLS, SMALL_FILL, ProbeSize
from ._quality import RoundTrips
from ._tally import Tally

IDLE_SHARE: Final = 0.25
"""The part of a check that goes to round trips; the rest is for the load."""

LEAST_OPEN: Final = 4
MOST_OPEN: Final = 64
"""Long probes on their way at a time: as many as the line sends in a round trip, and a few for the joints."""

PATIENCE_S: Final = 0.5
"""How long a reply may take beyond its bytes on the wire, before any has come; then its probe counts as lost."""

LEAST_PATIENCE_S: Final = 0.1
"""How much longer than usual a reply may take: many times the 16 ms of a USB adapter's timer."""

SMALL_INTERVAL_S: Final = 0.01
"""Between two small probes at least: what is no line at all, but a pipe, is not asked a thousand times a second."""

SMALL_SHARE: Final = 0.75
"""So many of the long probes have a small one behind them, until one of the long ones was answered."""

LOAD: Final = 0.97
"""The share of the line's rate that the load takes, so that no clock of the two sides is outrun."""

_NUMBERS: Final = 1 << 16
_DELIMITERS: Final = 2
_PROBE_BYTES: Final = len(probe(0, b""))
_REPLY_BYTES: Final = len(reply_to(probe(0, b""), 0, 0))


@dataclass(frozen=True, slots=True)
class Probe:
    """What a PROBE carries: its number on the wire, and bytes that come back."""

    number: int
    fill: bytes


@dataclass(frozen=True, slots=True)
class _Open:
    """A probe that may still be answered.

    Attributes:
        index: The how-manieth it is.
        at_s: When it was sent.
        fill: What comes back.
        is_load: Whether it is a long one.
        follows: The number of the long one right before it, where it is a small one that tells what became of that.
    """

    index: int
    at_s: float
    fill: bytes
    is_load: bool
    follows: int | None


class Prober:
    """Says when to send which probe, and takes down what is answered.

    Args:
        now_s: The time, on a monotonic clock in seconds; as in all other calls.
        byte_s: How long a byte takes on the wire, in seconds.
        seconds: How long to go on.

    Attributes:
        sent: Probes sent so far.
        tally: What was answered.
        skipped: Probes that went while the long ones were longer than the other side takes, and had no reply.
    """

    def __init__(self, now_s: float, *, byte_s: float, seconds: float) -> None:
        self.sent = self.skipped = 0
        self.tally = Tally()
        self._size = ProbeSize()
        self._last_load: int | None = None
        self._idle_sent = self._unanswered_before = 0
        self._byte_s = byte_s
        self._begin_s = now_s
        self._idle_until_s = now_s + seconds * IDLE_SHARE
        self._end_s = now_s + seconds
        self._next_s = now_s
        self._open: dict[int, _Open] = {}
        self._round_trips_s: list[float] = []
        self._loaded = self._loads_answered = 0
        self._load_begin_s = self._load_end_s = now_s
        self._random = random.Random(0)  # noqa: S311  # bytes of every kind to send, nothing to keep secret

    def next_probe(self, now_s: float) -> Probe | None:
        """Return the probe to send now; ``None`` where none is due."""
        self._give_up(now_s)
        if now_s >= self._end_s:
            self._next_s = self._end_s
        if now_s < self._next_s or now_s >= self._end_s or len(self._open) >= self._most_open(now_s):
            return None
        is_idle = not self._is_load(now_s)
        follows = None if is_idle else self._last_load
        is_load = not is_idle and follows is None
        due = Probe(self.sent % _NUMBERS, self._random.randbytes(self._size.fill if is_load else SMALL_FILL))
        wire_s = self._reply_s(len(due.fill))
        if is_idle:
            self._idle_sent += 1
            self._next_s = now_s + max(SMALL_INTERVAL_S, 2 * wire_s)
        else:
            self._next_s = max(self._next_s, now_s - wire_s) + wire_s / LOAD
        if is_load:
            self._begin_load(now_s)
        self._open[due.number] = _Open(self.sent, now_s, due.fill, is_load, follows)
        # By chance, so that no fault that comes as regularly hits the long ones alone.
        is_told_of = is_load and not self._size.is_settled and self._random.random() < SMALL_SHARE
        self._last_load = due.number if is_told_of else None
        self.sent += 1
        return due

    def replied(self, number: int, received: int, damaged: int, fill: bytes, now_s: float) -> None:
        """Take a reply; one that answers nothing that is open is left out."""
        answered = self._open.get(number)
        if answered is None or answered.fill != fill:
            return
        was_skipped = answered.follows in self._open
        # The line keeps the order: what was sent before this one is not answered any more.
        self._open = {number: each for number, each in self._open.items() if each.index > answered.index}
        self.tally.add(answered.index, received, damaged)
        if answered.is_load:
            self._size.came()
            self._loads_answered += 1
            self._load_end_s = now_s
        elif answered.follows is None:
            self._round_trips_s.append(now_s - answered.at_s)
        elif was_skipped and self._size.skipped(len(self._round_trips_s) / self._idle_sent):
            self._begin_size()

    def is_done(self, now_s: float) -> bool:
        """Tell whether the time is over, and nothing is on its way any more."""
        self._give_up(now_s)
        return now_s >= self._end_s and not self._open

    @property
    def deadline_s(self) -> float:
        """When to look again for a probe to send, or for the end, unless a reply comes before."""
        oldest = next(iter(self._open.values()), None)
        if oldest is None:
            return min(self._next_s, self._end_s)
        gives_up_s = oldest.at_s + self._patience_s
        is_full = len(self._open) >= self._most_open(self._next_s) or self._next_s >= self._end_s
        return gives_up_s if is_full else min(self._next_s, gives_up_s)

    @property
    def round_trips(self) -> RoundTrips | None:
        """The times of the small probes."""
        return RoundTrips.of(self._round_trips_s)

    @property
    def wire_s(self) -> float:
        """How long a small probe and its reply take on the wire alone, in seconds."""
        return self._wire_bytes(_PROBE_BYTES + SMALL_FILL) * self._byte_s + self._reply_s(SMALL_FILL)

    def goodput(self) -> tuple[float, float]:
        """Return what the long probes carried, there and back, in bytes a second."""
        took_s = self._load_end_s - self._load_begin_s
        if took_s <= 0:
            return 0.0, 0.0
        there = (1 - self.tally.there().error_rate) * self._loaded
        return there * self._size.fill / took_s, self._loads_answered * self._size.fill / took_s

    @property
    def packet_bytes(self) -> int:
        """The longest replies that were asked for, but for those that never came; with their checksum."""
        return _REPLY_BYTES + self._size.fill + CRC_BYTES

    @property
    def skipped_packet_bytes(self) -> int | None:
        """The shortest replies that never came, while small ones did; ``None`` where there are no such."""
        return None if self._size.refused is None else _REPLY_BYTES + self._size.refused + CRC_BYTES

    def _is_load(self, now_s: float) -> bool:
        return now_s >= self._idle_until_s and self.tally.answered > 0

    def _most_open(self, now_s: float) -> int:
        usual = self.round_trips
        if usual is None or not self._is_load(now_s):
            return 1
        return min(MOST_OPEN, LEAST_OPEN + int(usual.median / self._reply_s(self._size.fill)))

    def _begin_load(self, now_s: float) -> None:
        if not self._loaded:
            self._load_begin_s = self._load_end_s = now_s
            self.tally.mark()
            self._unanswered_before = self.sent - self.tally.answered
        self._loaded += 1

    def _begin_size(self) -> None:
        """Begin anew with shorter long probes: what became of the others tells nothing of the line."""
        self._open.clear()
        self._last_load = None
        self._loaded = 0
        self.tally.forget_since_mark()
        self.skipped += self.sent - self.tally.answered - self._unanswered_before

    @property
    def _patience_s(self) -> float:
        usual = self.round_trips
        on_wire_s = (LEAST_OPEN + len(self._open)) * self._reply_s(FILLS[0])
        return on_wire_s + (PATIENCE_S if usual is None else LEAST_PATIENCE_S + 2 * usual.p99)

    def _give_up(self, now_s: float) -> None:
        while self._open:
            number, oldest = next(iter(self._open.items()))
            if now_s < oldest.at_s + self._patience_s:
                return
            del self._open[number]

    def _reply_s(self, fill_bytes: int) -> float:
        return self._wire_bytes(_REPLY_BYTES + fill_bytes) * self._byte_s

    @staticmethod
    def _wire_bytes(packet_bytes: int) -> int:
        return framed_size(packet_bytes) + _DELIMITERS
