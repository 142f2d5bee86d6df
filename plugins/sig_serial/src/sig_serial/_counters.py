# SPDX-License-Identifier: MIT
"""What has come and gone on a line."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class LinkCounters:
    """What has come and gone on a line since the port was opened.

    Attributes:
        bytes_received: Bytes from the line, noise and text included.
        bytes_sent: Bytes given to the line, framing included.
        packets_received: Whole packets with a right checksum.
        packets_damaged: What looked like a packet and was none.
        noise_bytes: Bytes that were neither of a packet nor of a text, those of damaged packets included.
        text_lines: Lines of text.
        skipped: Whole packets that meant nothing here.
        retransmitted: DATA packets with bytes that had been sent before.
        duplicates: DATA packets that brought nothing new.
        probes: Probes that were answered.
        links: Links that came up.
        round_trip_s: Smoothed time from when a packet has left to its acknowledgement; 0 before the first.
        fragment: How many bytes of the stream a packet takes at most at present.
    """

    bytes_received: int = 0
    bytes_sent: int = 0
    packets_received: int = 0
    packets_damaged: int = 0
    noise_bytes: int = 0
    text_lines: int = 0
    skipped: int = 0
    retransmitted: int = 0
    duplicates: int = 0
    probes: int = 0
    links: int = 0
    round_trip_s: float = 0.0
    fragment: int = 0


@dataclass(slots=True)
class RawCounters:
    """What has come and gone on a line of bare bytes since the port was opened.

    Attributes:
        bytes_received: Bytes from the device.
        bytes_sent: Bytes given to the wire.
        bytes_unclaimed: Bytes that came between two links.
        links: Links that began.
    """

    bytes_received: int = 0
    bytes_sent: int = 0
    bytes_unclaimed: int = 0
    links: int = 0
