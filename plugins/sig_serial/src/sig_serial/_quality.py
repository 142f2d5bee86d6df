# SPDX-License-Identifier: MIT
"""What a check of a line found: the figures, and the verdict in words. Nothing here does I/O."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

GOOD_UP_TO = 0.01
"""Share of packets that may be lost on a good line; sending those again costs nobody anything that can be felt."""

USABLE_UP_TO = 0.30
"""With more than this the link shrinks its packets to 32 bytes, and gets through at a fraction of the line's rate."""

SLOW_REPLY_S = 0.010
"""A round trip that takes so much longer than its bytes is held up by something; a USB adapter's timer has 16 ms."""


_NOTHING_CARRIED = (
    "bad: single short probes were answered, and nothing came through under load; was the other side stopped or "
    "unplugged, or the check too short (--for)?"
)


@dataclass(frozen=True, slots=True)
class Leg:
    """One direction of a line.

    Attributes:
        probes: Packets whose fate is known.
        lost: Those of them that did not come through.
        damaged: What came through damaged, as its receiver counts it: packets, and noise between delimiters.
        goodput: What the probes carried under load, in bytes a second.
    """

    probes: int = 0
    lost: int = 0
    damaged: int = 0
    goodput: float = 0.0

    @property
    def error_rate(self) -> float:
        """The share of packets that did not come through, 0 to 1."""
        return self.lost / self.probes if self.probes else 0.0


@dataclass(frozen=True, slots=True)
class RoundTrips:
    """How long small probes took there and back, in seconds, on a line that was otherwise idle."""

    least: float
    median: float
    p99: float

    @classmethod
    def of(cls, times_s: Sequence[float]) -> RoundTrips | None:
        """Return the figures of measured times; ``None`` where there are none.

        >>> RoundTrips.of([0.03, 0.01, 0.02])
        RoundTrips(least=0.01, median=0.02, p99=0.03)
        """
        if not times_s:
            return None
        ordered = sorted(times_s)
        last = len(ordered) - 1
        return cls(ordered[0], ordered[last // 2], ordered[-(-last * 99 // 100)])


@dataclass(frozen=True, slots=True, kw_only=True)
class LineQuality:
    """What a check found.

    Attributes:
        seconds: How long it took.
        byte_rate: Bytes a second that the line could carry each way.
        sent: Probes that were sent.
        answered: Probes that were answered.
        away: Probes that were sent while the other side was starting anew; they tell nothing of the line.
        skipped: Probes without a reply, from while it was found out which size is too long for the other side; nor do
            they.
        packet_bytes: The longest packets of the check, but for those that never came; with their checksum.
        skipped_packet_bytes: The shortest that never came, while short ones did; ``None`` where there are no such.
        out: The way to the other side.
        back: The way from the other side.
        round_trips: Their times; ``None`` where no small probe was answered.
        wire_s: How long a small probe and its reply take on the wire alone, in seconds.
        bytes_received: All bytes that came.
        packets_received: Whole packets that came, of any kind.
        noise_bytes: Bytes that were neither packet nor text.
        text_lines: Lines of text that came between packets.
        last_text: The last of them.
        echoed: Probes of our own that came back as they were.
        asked: Probes of somebody else's check that came.
    """

    seconds: float
    byte_rate: float
    sent: int
    answered: int
    away: int
    skipped: int
    packet_bytes: int
    skipped_packet_bytes: int | None
    out: Leg
    back: Leg
    round_trips: RoundTrips | None
    wire_s: float
    bytes_received: int
    packets_received: int
    noise_bytes: int
    text_lines: int
    last_text: str
    echoed: int
    asked: int

    @property
    def is_garbage(self) -> bool:
        """Whether bytes came and no packet among them, nor much text: as with a wrong baud rate."""
        has_text = self.text_lines > 0 and self.noise_bytes <= self.bytes_received / 2
        return self.bytes_received > 0 and self.packets_received == 0 and not has_text


class Grade(Enum):
    """What a line is worth."""

    GOOD = "good"
    USABLE = "usable"
    BAD = "bad"
    SILENT = "no answer"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a line is worth, and what to do.

    Attributes:
        grade: In a word.
        text: In a sentence.
    """

    grade: Grade
    text: str


def verdict(found: LineQuality) -> Verdict:
    """Return what ``found`` means."""
    if found.answered == 0:
        return Verdict(Grade.SILENT, _why_silent(found))
    worst = max(found.out.error_rate, found.back.error_rate)
    if worst <= USABLE_UP_TO and not (found.out.goodput and found.back.goodput):
        return Verdict(Grade.BAD, _NOTHING_CARRIED)
    if worst <= GOOD_UP_TO:
        return Verdict(Grade.GOOD, "good" + _if_short(found) + _if_slow(found))
    where = _where(found)
    if worst <= USABLE_UP_TO:
        return Verdict(
            Grade.USABLE,
            f"usable: {where}; the link sends them again. Check ground, shield, length of the cable, and that nothing "
            "else writes to the line" + _if_short(found) + _if_slow(found),
        )
    return Verdict(
        Grade.BAD,
        f"bad: {where}; check ground, cable and connectors, that nothing else uses the line, that both sides' clocks "
        "fit the baud rate, and try a lower one",
    )


def _where(found: LineQuality) -> str:
    legs = ((found.out, "to the other side"), (found.back, "from the other side"))
    parts = [f"{leg.error_rate:.1%} of the packets {way}" for leg, way in legs if leg.error_rate > GOOD_UP_TO]
    return f"{' and '.join(parts)} did not come through"


def _if_short(found: LineQuality) -> str:
    if found.skipped_packet_bytes is None:
        return ""
    return (
        f". The other side takes packets of {found.packet_bytes} bytes, and none of {found.skipped_packet_bytes}: what "
        "is carried was measured with the short ones"
    )


def _if_slow(found: LineQuality) -> str:
    trips = found.round_trips
    if trips is None or trips.median <= found.wire_s + SLOW_REPLY_S:
        return ""
    return (
        f". A round trip takes {trips.median * 1e3:.0f} ms where the wire needs {found.wire_s * 1e3:.1f} ms: a USB "
        "adapter's latency timer (low_latency=1), or a busy other side"
    )


def _why_silent(found: LineQuality) -> str:
    if found.echoed:
        return "no answer: the line gives back what is sent; take off the loop-back plug, or the two-wire line's echo"
    if found.asked:
        return "no answer: the other side runs a check as well; start one of the two with --answer"
    if found.packets_received:
        return (
            "no answer: packets came, but no reply to a probe; check the way there (our TX), or update the other side"
        )
    if found.is_garbage:
        return (
            f"no answer: {found.bytes_received} bytes came and no packet among them; check the baud rate, and whether "
            "something else than sigcore speaks there"
        )
    if found.text_lines:
        return f"no answer: only text came, such as {found.last_text!r}; does sigcore run at the other side?"
    return (
        "no answer, and not a byte came: does the other side run and have its port open, at this baud rate (--scan "
        "tries others)? Is it this port, and is the cable right (TX to RX)?"
    )
