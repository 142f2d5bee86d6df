# SPDX-License-Identifier: MIT
"""Two links over a line that does everything wrong that a line can do, with sides that are restarted at any moment.

What must stay true: what a link delivers is the beginning of what the other side wrote in that same link, nothing of it
twice, changed or of an earlier link. And once the line is well, a link comes up and all that is written arrives.
"""

from __future__ import annotations

import os
from random import Random

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sig_serial._counters import LinkCounters
from sig_serial._deframer import MAX_LINE_BYTES, Deframer
from sig_serial._framing import framed_size
from sig_serial._line_faults import LineFaults
from sig_serial._link import Data, Event, Link, Up
from sig_serial._packet import DATA_HEADER_BYTES, MAX_CONTROL_BYTES, PacketType
from sig_serial._tables import Role
from sig_serial._virtual_line import BYTE_S, Side, VirtualLine, no_fault

IS_LONG = os.environ.get("SIGCORE_LONG_TESTS") == "1"
WELL_AGAIN_S = 15.0
"""Virtual: 4 s until a dead link is known as such, a time for the exchange, and the back-off of what is sent again."""

ARRIVED_S = 300.0
"""Virtual: one packet of 20 bytes at a time, over a line with a latency of 100 ms, and some KiB that wait."""

LIMITS = [(256, 8192), (64, 64), (256, 1024), (20, 100)]

sides = st.sampled_from([0, 1])
chances = st.sampled_from([0.0, 0.0, 1e-5, 1e-4, 1e-3, 1e-2])
faults = st.builds(
    LineFaults,
    st.integers(0, 1000),
    ber=chances,
    drop=chances,
    insert=chances,
    burst=st.sampled_from([0.0, 1e-4, 1e-3]),
    burst_bytes=st.integers(1, 2000),
    duplicate=st.sampled_from([0.0, 0.0, 1e-3, 1e-2]),
    lose_call=st.sampled_from([0.0, 0.0, 0.2, 1.0]),
)


class Witness:
    """Knows what one side wrote in each of its links, and what it was given."""

    def __init__(self, side: Side, seed: int) -> None:
        self.side = side
        self.written: list[bytearray] = []  # one for each link
        self.random = Random(seed)
        self.heard_link = -1  # the latest of the other side's links of which anything was delivered
        self.no_links_s: list[float] = []
        self.tap = Deframer(4096, LinkCounters())
        side.on_event = self.see

    def see(self, event: Event) -> None:
        if isinstance(event, Up):
            self.written.append(bytearray())

    def write(self, size: int) -> None:
        if self.side.link.is_up and self.side.link.unsent < 4096:
            data = self.random.randbytes(size)
            self.written[-1] += data
            self.side.link.write(data)

    def check(self, other: Witness) -> None:
        received = bytes(self.side.received)
        if len(received) < 8:  # too few to tell two links apart
            assert not received or any(bytes(one).startswith(received) for one in other.written[self.heard_link :])
            return
        link = next((n for n, one in enumerate(other.written) if bytes(one[: len(received)]) == received), None)
        assert link is not None, "what came is not the beginning of what was written in any one link"
        assert link >= self.heard_link, "bytes of an earlier link came"
        self.heard_link = link


class Machine(RuleBasedStateMachine):
    @initialize(
        limits=st.tuples(st.sampled_from(LIMITS), st.sampled_from(LIMITS)),
        seed=st.integers(0, 2**32),
        piece_bytes=st.sampled_from([16, 64, 512]),
        latency_s=st.sampled_from([0.0, 0.001, 0.016, 0.1]),
    )
    def start(
        self, limits: tuple[tuple[int, int], tuple[int, int]], seed: int, piece_bytes: int, latency_s: float
    ) -> None:
        def make_link(role: Role, now_s: float) -> Link:
            max_payload, window = limits[role is Role.LISTENER]
            return Link(role, now_s, byte_s=BYTE_S, max_payload=max_payload, window=window, new_epoch=self.epoch)

        self.random = Random(seed)
        self.limits = limits
        self.line = VirtualLine(piece_bytes=piece_bytes, latency_s=latency_s, make_link=make_link)
        self.witnesses = tuple(Witness(side, seed + n) for n, side in enumerate(self.line.sides))
        for side, witness in zip(self.line.sides, self.witnesses, strict=True):
            side.on_sent = lambda data, witness=witness: self.note(witness, data)  # type: ignore[misc]  # as in VirtualLine

    def epoch(self) -> int:
        return self.random.randrange(1, 2**32)

    def note(self, witness: Witness, data: bytes) -> None:
        for packet in witness.tap.receive_data(data):
            if isinstance(packet, bytes) and packet[0] == PacketType.NO_LINK:
                witness.no_links_s.append(self.line.now_s)

    @rule(side=sides, size=st.integers(1, 3000))
    def write(self, side: int, size: int) -> None:
        self.witnesses[side].write(size)

    @rule(seconds=st.sampled_from([0.001, 0.01, 0.1, 1.0, 5.0]))
    def pass_time(self, seconds: float) -> None:
        self.line.run(seconds)

    @rule(side=sides, fault=faults)
    def spoil(self, side: int, fault: LineFaults) -> None:
        self.line.sides[side].fault = fault

    @rule(side=sides)
    def mend(self, side: int) -> None:
        self.line.sides[side].fault = no_fault

    @rule(side=sides)
    def restart(self, side: int) -> None:
        self.line.restart(self.line.sides[side])

    @rule(side=sides, start=st.integers(0, 2000), size=st.integers(1, 2000))
    def give_out_old_bytes_again(self, side: int, start: int, size: int) -> None:
        sender = self.line.sides[side]
        self.line.arrive(self.line.other(sender), bytes(sender.sent[start : start + size]))

    @rule(side=sides, noise=st.binary(max_size=600))
    def make_noise(self, side: int, noise: bytes) -> None:
        self.line.arrive(self.line.sides[side], noise)

    @rule(side=sides)
    def pause(self, side: int) -> None:
        self.line.sides[side].link.pause_reading()

    @rule(side=sides)
    def resume(self, side: int) -> None:
        paused = self.line.sides[side]
        for event in paused.link.resume_reading(self.line.now_s):
            if isinstance(event, Data):
                paused.received += event.payload
        self.line.pump(paused)

    @rule(side=sides)
    def write_and_run(self, side: int) -> None:
        """Keep the line busy for a while; the other rules leave it idle most of the time."""
        witness = self.witnesses[side]
        for _ in range(20):
            if witness.side.link.unsent < 512:
                witness.write(200)
            self.line.pump(witness.side)
            self.line.run(0.02)

    @invariant()
    def nothing_wrong_is_delivered(self) -> None:
        if hasattr(self, "line"):
            one, other = self.witnesses
            one.check(other)
            other.check(one)

    @invariant()
    def memory_is_bounded(self) -> None:
        if hasattr(self, "line"):
            for side, (max_payload, window) in zip(self.line.sides, self.limits, strict=True):
                packet = framed_size(max(DATA_HEADER_BYTES + max_payload, MAX_CONTROL_BYTES))
                assert side.link.kept_bytes <= packet + 1 + MAX_LINE_BYTES + 2 * window

    @invariant()
    def at_most_ten_times_a_second_a_link_is_unknown(self) -> None:
        if hasattr(self, "line"):
            for witness in self.witnesses:
                times = witness.no_links_s
                assert all(later - earlier >= 0.99 for earlier, later in zip(times, times[10:], strict=False))

    def teardown(self) -> None:
        if not hasattr(self, "line"):
            return
        for side in (0, 1):
            self.mend(side)
            self.resume(side)
        self.line.run(5.0)  # a link that one side only believes in is found out meanwhile
        assert self.line.run(WELL_AGAIN_S, until=lambda: self.line.is_up)
        for side in (0, 1):
            self.resume(side)
            self.witnesses[side].write(1000)
            self.line.pump(self.line.sides[side])
        assert self.line.run(ARRIVED_S, until=self.all_has_arrived)
        self.nothing_wrong_is_delivered()

    def all_has_arrived(self) -> bool:
        one, other = self.witnesses
        return bool(
            self.line.is_up
            and one.side.received == other.written[-1] != b""
            and other.side.received == one.written[-1] != b""
        )


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=2000 if IS_LONG else 200, stateful_step_count=20, deadline=None)
