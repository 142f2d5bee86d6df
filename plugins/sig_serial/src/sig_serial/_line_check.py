# SPDX-License-Identifier: MIT
"""Both ends of a check of a line, on bytes: who asks, and who answers. No I/O, no clock."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Final

from ._counters import LinkCounters
from ._deframer import Deframer, Text
from ._framing import DELIMITER, frame
from ._packet import PacketType, control, header_of, reply_in, reply_to
from ._prober import Prober
from ._quality import LineQuality

MAX_PACKET_BYTES: Final = 512
"""Longest packet that is taken for one; longer than any of a check, or of a link as it is by default."""

_NUMBER_BYTES = 2


class Asker:
    """Sends probes, and finds out what a line is worth.

    Args:
        now_s: The time, on a monotonic clock in seconds; as in all other calls.
        byte_s: How long a byte takes on the wire, in seconds.
        seconds: How long to go on.
    """

    def __init__(self, now_s: float, *, byte_s: float, seconds: float) -> None:
        self._prober = Prober(now_s, byte_s=byte_s, seconds=seconds)
        self._counters = LinkCounters()
        self._deframer = Deframer(MAX_PACKET_BYTES, self._counters)
        self._tag = secrets.randbits(32)
        self._byte_s = byte_s
        self._begin_s = now_s
        self._last_text = ""
        self._echoed = self._asked = 0

    def data_to_send(self, now_s: float) -> bytes:
        """Return what to give the wire now; ``b""`` where nothing is due."""
        due = self._prober.next_probe(now_s)
        if due is None:
            return b""
        body = due.number.to_bytes(_NUMBER_BYTES, "big") + due.fill
        return DELIMITER + frame(control(PacketType.PROBE, self._tag, body))

    def receive(self, data: bytes, now_s: float) -> None:
        """Take bytes from the wire."""
        self._counters.bytes_received += len(data)
        for item in self._deframer.receive_data(data):
            if isinstance(item, Text):
                self._take_text(item)
            else:
                self._take(item, now_s)

    @property
    def has_answer(self) -> bool:
        """Whether any probe was answered."""
        return self._prober.tally.answered > 0

    @property
    def deadline_s(self) -> float:
        """When to call ``data_to_send`` and ``is_done`` again, unless something comes before."""
        return self._prober.deadline_s

    def is_done(self, now_s: float) -> bool:
        """Tell whether the time is over, and nothing is awaited any more."""
        return self._prober.is_done(now_s)

    def result(self, now_s: float) -> LineQuality:
        """Return what was found until now; a prompt, which no line feed ends, counts as a line."""
        for item in self._deframer.flush_text():
            self._take_text(item)
        prober, counters = self._prober, self._counters
        there, back = prober.goodput()
        return LineQuality(
            seconds=now_s - self._begin_s,
            byte_rate=1 / self._byte_s,
            sent=prober.sent,
            answered=prober.tally.answered,
            away=prober.tally.away,
            skipped=prober.skipped,
            packet_bytes=prober.packet_bytes,
            skipped_packet_bytes=prober.skipped_packet_bytes,
            out=replace(prober.tally.there(), goodput=there),
            back=replace(prober.tally.back(counters.packets_damaged), goodput=back),
            round_trips=prober.round_trips,
            wire_s=prober.wire_s,
            bytes_received=counters.bytes_received,
            packets_received=counters.packets_received,
            noise_bytes=counters.noise_bytes,
            text_lines=counters.text_lines,
            last_text=self._last_text,
            echoed=self._echoed,
            asked=self._asked,
        )

    def _take_text(self, text: Text) -> None:
        self._last_text = text.line or self._last_text

    def _take(self, packet: bytes, now_s: float) -> None:
        try:
            kind, tag = header_of(packet)
            if kind == PacketType.PROBE_REPLY and tag == self._tag:
                self._prober.replied(*reply_in(packet), now_s)
        except ValueError:  # whole, and malformed: of a version to come
            return
        if kind == PacketType.PROBE:
            self._echoed += tag == self._tag
            self._asked += tag != self._tag


class Answerer:
    """Answers probes as every link does, and does nothing else.

    Attributes:
        answered: How many.
    """

    def __init__(self) -> None:
        self.answered = 0
        self._counters = LinkCounters()
        self._deframer = Deframer(MAX_PACKET_BYTES, self._counters)

    def receive(self, data: bytes) -> bytes:
        """Take bytes from the wire; return what to send."""
        return b"".join(map(self._reply_to, self._deframer.receive_data(data)))

    def _reply_to(self, item: bytes | Text) -> bytes:
        if isinstance(item, Text):
            return b""
        try:
            if header_of(item)[0] != PacketType.PROBE:
                return b""
            reply = reply_to(item, self._counters.packets_received, self._counters.packets_damaged)
        except ValueError:  # malformed: not to be answered
            return b""
        self.answered += 1
        return DELIMITER + frame(reply)
