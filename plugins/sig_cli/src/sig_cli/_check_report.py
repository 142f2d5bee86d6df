# SPDX-License-Identifier: MIT
"""What a check of a line found, as lines for people and as a JSON object."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._paint import Paint, aligned
from ._text import printable

if TYPE_CHECKING:
    from sig_serial.tools import Leg, LineQuality, RoundTrips, Verdict

    from sigcore import Endpoint


def report_lines(
    port: Endpoint, found: LineQuality, said: Verdict, answering_rate: int | None, paint: Paint
) -> list[str]:
    """Return the report for people.

    Args:
        port: What was measured.
        found: The figures.
        said: The verdict.
        answering_rate: The baud rate at which somebody answered after all.
        paint: The colours.
    """
    rows = [("line", f"{paint.url(printable(str(port)))}, {found.byte_rate:.0f} bytes/s at best")]
    rows.append(("probes", f"{found.sent} sent, {found.answered} answered{_away(found)}{_skipped(found)}"))
    if found.answered:
        rows += [("to it", _leg(found.out, found)), ("from it", _leg(found.back, found))]
    if found.round_trips is not None:
        rows.append(("round trip", _round_trips(found.round_trips, found)))
    if found.noise_bytes or found.text_lines:
        rows.append(("besides", _besides(found)))
    verdict = paint.good if said.grade.value in ("good", "usable") else paint.bad
    rows.append(("verdict", verdict(printable(said.text))))
    if answering_rate is not None:
        rows.append(("baud rate", paint.good(f"somebody answers at baudrate={answering_rate}")))
    return aligned([(paint.dim(label), text) for label, text in rows])


def report_record(port: Endpoint, found: LineQuality, said: Verdict, answering_rate: int | None) -> dict[str, object]:
    """Return the report for programs; times in seconds, rates in bytes a second, error rates from 0 to 1."""
    trips = found.round_trips
    return {
        "endpoint": str(port),
        "verdict": said.grade.value,
        "text": said.text,
        "seconds": round(found.seconds, 3),
        "byte_rate": round(found.byte_rate),
        "sent": found.sent,
        "answered": found.answered,
        "away": found.away,
        "skipped": found.skipped,
        "packet_bytes": found.packet_bytes,
        "skipped_packet_bytes": found.skipped_packet_bytes,
        "to": _leg_record(found.out),
        "from": _leg_record(found.back),
        "round_trip": {"min": trips.least, "median": trips.median, "p99": trips.p99} if trips else None,
        "round_trip_on_wire": found.wire_s,
        "bytes_received": found.bytes_received,
        "noise_bytes": found.noise_bytes,
        "text_lines": found.text_lines,
        "last_text": found.last_text or None,
        "answering_baudrate": answering_rate,
    }


def _away(found: LineQuality) -> str:
    return f", {found.away} while it started anew" if found.away else ""


def _skipped(found: LineQuality) -> str:
    return f", {found.skipped} skipped as too long" if found.skipped else ""


def _leg(leg: Leg, found: LineQuality) -> str:
    share = leg.goodput / found.byte_rate
    share_lost = f" ({leg.error_rate:.2%})" if leg.lost else ""
    lost = f"{leg.lost or 'none'} of {leg.probes} packets lost{share_lost}"
    damaged = f", {leg.damaged} came damaged" if leg.damaged else ""
    return f"{lost}{damaged}, {leg.goodput:.0f} bytes/s carried ({share:.0%})"


def _leg_record(leg: Leg) -> dict[str, object]:
    return {
        "packets": leg.probes,
        "lost": leg.lost,
        "error_rate": round(leg.error_rate, 6),
        "damaged": leg.damaged,
        "goodput": round(leg.goodput),
    }


def _round_trips(trips: RoundTrips, found: LineQuality) -> str:
    least, median, p99 = (f"{time_s * 1e3:.1f} ms" for time_s in (trips.least, trips.median, trips.p99))
    return f"{least} at least, {median} median, {p99} p99; {found.wire_s * 1e3:.1f} ms of it on the wire"


def _besides(found: LineQuality) -> str:
    noise = f"{found.noise_bytes} bytes of noise"
    if not found.text_lines:
        return noise
    return f"{noise}, {found.text_lines} lines of text, the last: {printable(found.last_text)}"
