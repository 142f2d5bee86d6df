# SPDX-License-Identifier: MIT
"""The two streams of one link that is up, and whether it is alive. Source: docs/serial-link.md, "The stream"."""

from __future__ import annotations

from typing import Final

from . import _packet
from ._acking import KEEP_ALIVE_S, Acking
from ._counters import LinkCounters
from ._fragment_size import OVERHEAD_BYTES, FragmentSize
from ._packet import DATA_HEADER_BYTES, Hello, near
from ._receiving import Receiving
from ._round_trip import RoundTrip
from ._sending import Sending

DEAD_S: Final = 4.0
"""Without a packet from the other side, or without an acknowledgement, for so long, a link is dead."""

_DEAD_PACKETS: Final = 12
_KEEP_ALIVE_PACKETS: Final = 2
_ACK_APART_PACKETS: Final = 3


class Stream:
    """A link that is up.

    Args:
        own: What this side said of itself; its epoch is the tag of what comes.
        peer: What the other side said of itself; its epoch is the tag of what goes.
        byte_s: Seconds that one byte takes on the line.
        counters: Where to count.
        now_s: The time.
    """

    def __init__(self, own: Hello, peer: Hello, byte_s: float, counters: LinkCounters, now_s: float) -> None:
        self.own, self.peer = own.epoch, peer.epoch
        self._byte_s = byte_s
        self._counters = counters
        most_bytes = min(own.max_payload, peer.max_payload)
        packet_s = (most_bytes + OVERHEAD_BYTES) * byte_s
        self._dead_s = max(DEAD_S, _DEAD_PACKETS * packet_s)
        self._heard_s = now_s
        self._fragment = FragmentSize(most_bytes)
        self._round_trip = RoundTrip(packet_s)
        self._sending = Sending(peer.window, self._fragment, self._round_trip, counters, now_s)
        self._receiving = Receiving(own.window, counters)
        keep_alive_s = max(KEEP_ALIVE_S, _KEEP_ALIVE_PACKETS * packet_s)
        # A side with so little room sends one DATA, and waits.
        waits = peer.window < 2 * peer.max_payload
        self._acking = Acking(keep_alive_s, now_s, packets=1 if waits else 2)
        counters.fragment, counters.round_trip_s = most_bytes, 0.0

    # The stream of the other side.

    def take_data(self, packet: bytes, now_s: float) -> bytes:
        """Take a DATA packet; return what the reader gets."""
        self._heard_s = now_s
        wire_offset, wire_ack = _packet.offsets_of(packet)
        self._acknowledge(wire_ack, None, now_s)
        receiving = self._receiving
        due, had_ahead = receiving.next, receiving.has_ahead
        offset = near(wire_offset, due)
        payload = packet[DATA_HEADER_BYTES:]
        given = receiving.take(offset, payload)
        # What is kept takes a range to tell, and DATA carries none.
        is_in_order = not had_ahead and receiving.consumed == due + len(payload) == offset + len(payload)
        apart_s = _ACK_APART_PACKETS * (len(packet) + 7) * self._byte_s
        self._acking.came(now_s, apart_s, in_order=is_in_order)
        return given

    def pause(self) -> None:
        """Keep what comes, as much as the window says."""
        self._receiving.pause()

    def resume(self, now_s: float) -> bytes:
        """Return what was kept; the other side is told that the window is open."""
        kept = self._receiving.resume()
        if kept:
            self._acking.hurry(now_s)
        return kept

    # The stream of this side.

    @property
    def unsent(self) -> int:
        """How many bytes were never sent."""
        return self._sending.unsent

    @property
    def unacknowledged(self) -> int:
        """How many bytes the other side's reader has not taken."""
        return self._sending.unacknowledged

    @property
    def end(self) -> int:
        """How many bytes were written."""
        return self._sending.end

    @property
    def due(self) -> int:
        """The first byte of the other side's stream that has not come."""
        return self._receiving.next

    @property
    def kept_bytes(self) -> int:
        """How many bytes of the other side's stream are kept."""
        return self._receiving.kept_bytes

    def write(self, data: bytes) -> None:
        """Append to the stream."""
        self._sending.write(data)

    def take_ack(self, packet: bytes, now_s: float) -> None:
        """Take an ACK packet."""
        self._heard_s = now_s
        wire_ack, wire_ranges = _packet.acknowledged_in(packet)
        acked = self._sending.acked
        ranges = [(start, start + length) for each, length in wire_ranges for start in (near(each, acked),)]
        self._acknowledge(wire_ack, ranges, now_s)

    def _acknowledge(self, wire_ack: int, ranges: list[_packet.Range] | None, now_s: float) -> None:
        self._sending.acknowledge(near(wire_ack, self._sending.acked), ranges, now_s)
        self._counters.fragment = self._fragment.bytes
        self._counters.round_trip_s = self._round_trip.smoothed_s

    # What to send.

    def next_packet(self, begins_s: float, now_s: float) -> bytes | None:
        """Return the packet to send now, or ``None`` where none is due.

        Args:
            begins_s: When the line will begin with it.
            now_s: The time.
        """
        sending, acking = self._sending, self._acking
        has_data = sending.has_more()
        if now_s >= acking.due_s and (acking.is_urgent or not has_data):
            acking.sent_ack(now_s)
            return _packet.ack(self.peer, self._receiving.consumed, self._receiving.ranges())
        if not has_data:
            return None
        offset, payload = sending.take(begins_s, self._byte_s)
        acking.sent_data(now_s)
        return _packet.data(self.peer, offset, self._receiving.consumed, payload)

    # Time.

    def deadline_s(self, room_s: float) -> float:
        """Return when there is something to do next.

        Args:
            room_s: When the line may be given more.
        """
        if self._sending.has_more():
            return room_s
        deadline_s = min(max(self._acking.due_s, room_s), self._heard_s + self._dead_s)
        timeout_s = self._sending.timeout_s
        if timeout_s is not None:
            deadline_s = min(deadline_s, timeout_s, self._sending.progress_s + self._dead_s)
        return deadline_s

    def time_out(self, now_s: float) -> None:
        """Give up what was not acknowledged in time."""
        self._sending.time_out(now_s)

    def silence(self, now_s: float) -> str | None:
        """Say why the link is dead; ``None`` while it is not."""
        if now_s >= self._heard_s + self._dead_s:
            return f"nothing came from the other side for {self._dead_s:g} s"
        if self._sending.awaits and now_s >= self._sending.progress_s + self._dead_s:
            return f"the other side has acknowledged nothing for {self._dead_s:g} s, although it can be heard"
        return None
