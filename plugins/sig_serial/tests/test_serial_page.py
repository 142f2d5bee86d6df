# SPDX-License-Identifier: MIT
"""What docs/serial-link.md says is what the code does."""

from __future__ import annotations

import re
import zlib
from pathlib import Path

import pytest
from cobs import cobs  # type: ignore[import-untyped]  # the package has no types
from sig_serial import _acking, _deframer, _link, _pace, _packet, _round_trip, _stream
from sig_serial._framing import CRC_BYTES, frame, framed_size
from sig_serial._line import LISTENER_PATIENCE_S
from sig_serial._link import Data, Down, Event, Link, Up
from sig_serial._options import SerialOptions
from sig_serial._tables import TABLES, Input, Role
from sig_serial._virtual_line import BYTE_S

PAGE = (Path(__file__).parents[3] / "docs" / "serial-link.md").read_text(encoding="utf-8")

LOOK_UP_S = 0.1


def tables_under(heading: str) -> list[list[str]]:
    """The cells of all tables between ``heading`` and the next, without the heads."""
    section = re.split(r"^#+ ", PAGE.split(f"# {heading}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("|")]
    rules = [n for n, row in enumerate(rows) if set("".join(row)) <= {"-", "|", " "}]
    return [row for n, row in enumerate(rows) if n not in rules and n + 1 not in rules]


EXAMPLES = tables_under("Worked examples")
MORE_EXAMPLES = tables_under("More examples")


def on_the_line(row: list[str]) -> bytes:
    return bytes.fromhex(row[4].strip("`"))


def example(start: str) -> bytes:
    """The bytes on the line of the example whose packet begins with ``start``."""
    return next(on_the_line(row) for row in MORE_EXAMPLES if row[1].startswith(start))


@pytest.mark.parametrize(
    ("heading", "role"), [("The listening side", Role.LISTENER), ("The connecting side", Role.CONNECTOR)]
)
def test_the_state_tables_are_the_code_s(heading: str, role: Role) -> None:
    of_page = {(state, what, action.strip("`"), then) for state, what, action, then in tables_under(heading)}
    of_code = {(state.value, what.value, step.action, step.then.value) for (state, what), step in TABLES[role].items()}
    assert of_page == of_code


def test_every_input_and_every_action_is_explained() -> None:
    assert {row[0] for row in tables_under("The link")} == {what.value for what in Input}
    actions = {name for row in tables_under("The actions") for name in re.findall(r"`(\w+)`", row[0])}
    assert actions == {step.action for table in TABLES.values() for step in table.values()}


def test_the_numbers_of_packets_and_codes_are_the_code_s() -> None:
    rows = [(row[1], int(row[0])) for row in tables_under("Packets") if row[0].isdigit() and row[1].isupper()]
    assert rows == [(kind.name, kind.value) for kind in (*_packet.PacketType, *_packet.CloseCode)]


def test_the_times_are_the_code_s() -> None:
    times = dict(tables_under("Timing"))
    assert times["between two RESET, or two RESET_ACK"] == f"{_link.RESET_INTERVAL_S * 1000:g} ms"
    assert times["lifetime of an answer without confirmation"] == f"{_link.ANSWER_LIFETIME_S:g} s"
    assert times["between two NO_LINK"] == f"at least {_link.NO_LINK_INTERVAL_S * 1000:g} ms"
    assert times["an ACK waits for DATA to carry it"] == f"{_acking.DELAY_S * 1000:g} ms"
    assert times["a side sends ACK when it has sent neither DATA nor ACK for"] == f"{_acking.KEEP_ALIVE_S * 1000:g} ms"
    assert times["the link is dead when no packet of it came for"] == f"{_stream.DEAD_S:g} s"
    newly = "the link is dead when bytes were sent and none was newly acknowledged for"
    assert times[newly] == f"{_stream.DEAD_S:g} s"
    assert times["retransmission time-out, at most"] == f"{_round_trip.MOST_S:g} s"
    assert times["ahead of the line"] == f"{_pace.LEAD_S * 1000:g} ms"
    assert times["an unfinished line of text waits for more of it"] == f"{_link.UNFINISHED_LINE_S * 1000:g} ms"
    give_up = times["the connecting side gives up (option `answer_timeout`)"]
    assert give_up == f"{SerialOptions().answer_timeout:g} s" == f"{LISTENER_PATIENCE_S:g} s"


def test_the_limits_are_the_code_s() -> None:
    limits = dict(tables_under("Limits"))
    packet = _packet.DATA_HEADER_BYTES + _link.MAX_PAYLOAD_BYTES
    framed = framed_size(packet)
    assert limits["bytes of the stream in one DATA to this implementation"] == f"{_link.MAX_PAYLOAD_BYTES} bytes"
    assert limits["packet"] == f"{packet} bytes, with CRC and stuffing {framed}, with two delimiters {framed + 2}"
    assert limits["kept of an unfinished packet"] == f"{framed} bytes"
    assert limits["kept of an unfinished line of text"] == f"{_deframer.MAX_LINE_BYTES} bytes"
    assert limits["kept of the stream that came, in order or not"] == f"{_link.WINDOW_BYTES} bytes"
    assert limits["ranges in one ACK"] == f"{_packet.MAX_RANGES}"
    fill = packet - len(_packet.reply_to(_packet.probe(0, b""), 0, 0))
    assert limits["bytes of a PROBE behind its `number`"] == f"{fill} bytes"


@pytest.mark.parametrize("row", EXAMPLES + MORE_EXAMPLES, ids=lambda row: row[1])
def test_a_worked_example_is_right(row: list[str]) -> None:
    packet, crc, line = (bytes.fromhex(cell.strip("`")) for cell in row[2:])
    assert zlib.crc32(packet).to_bytes(CRC_BYTES, "big") == crc
    assert line.strip(b"\x00") == cobs.encode(packet + crc)
    assert line.lstrip(b"\x00") == frame(packet)


class Pair:
    """The two sides of the examples, who look up now and then."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.connecting = Link(Role.CONNECTOR, 0.0, byte_s=BYTE_S, new_epoch=lambda: 0x01020304)
        self.listening = Link(Role.LISTENER, 0.0, byte_s=BYTE_S, new_epoch=lambda: 0x0A0B0C0D)
        self.said: list[tuple[str, bytes]] = []

    def let_say(self, link: Link) -> list[Event]:
        """Let a side send what it has to, some time later; return what that brings about."""
        self.now_s += LOOK_UP_S
        happened = link.tick(self.now_s)
        line = link.data_to_send(self.now_s)
        self.said.append(("connecting" if link is self.connecting else "listening", line))
        other = self.listening if link is self.connecting else self.connecting
        return happened + other.receive(line, self.now_s)

    def bring_up(self) -> None:
        assert self.let_say(self.connecting) == []
        assert self.let_say(self.listening) == [Up()]
        assert self.let_say(self.connecting) == [Up()]


def test_the_worked_link_is_what_two_sides_say_to_each_other() -> None:
    pair = Pair()
    pair.bring_up()
    pair.connecting.write(b"hi\0")
    assert pair.let_say(pair.connecting) == [Data(b"hi\0")]
    pair.listening.write(b"ok")
    assert pair.let_say(pair.listening) == [Data(b"ok")]
    assert pair.let_say(pair.connecting) == []
    pair.connecting.finish()
    assert pair.let_say(pair.connecting) == [Down(None, "closed"), Down(None, "closed")]
    of_page = [(row[0], on_the_line(row)) for row in EXAMPLES]
    who, close = of_page[-1]
    of_page[-1] = (who, close + close[1:])  # sent twice
    assert pair.said == of_page


def test_the_other_examples_are_what_is_said_then() -> None:
    pair = Pair()
    pair.bring_up()
    pair.connecting.write(b"hi\0")
    pair.let_say(pair.connecting)
    pair.listening.write(b"ok")
    pair.let_say(pair.listening)
    for lost, text in [(True, b"abc"), (False, b"def")]:
        pair.connecting.write(text)
        pair.now_s += LOOK_UP_S
        line = pair.connecting.data_to_send(pair.now_s)
        assert lost or pair.listening.receive(line, pair.now_s) == []
    assert pair.let_say(pair.listening) == []
    assert pair.said[-1] == ("listening", example("ACK 3, and 6 to 9"))
    assert pair.let_say(pair.connecting) == [Data(b"abcdef")]
    assert pair.said[-1] == ("connecting", example("DATA at 3, ack 2"))
    pair.let_say(pair.listening)
    assert pair.said[-1] == ("listening", example("ACK 9"))
    pair.listening = Link(Role.LISTENER, pair.now_s, byte_s=BYTE_S)
    pair.connecting.write(b"?")
    pair.let_say(pair.connecting)
    assert [event for event in pair.let_say(pair.listening) if isinstance(event, Down)] != []
    assert pair.said[-1] == ("listening", example("NO_LINK"))


def test_a_small_side_and_a_probe_are_understood() -> None:
    link = Link(Role.LISTENER, 0.0, byte_s=BYTE_S)
    assert link.receive(example("RESET of a small side"), 0.0) == []
    assert link.data_to_send(0.0) != b""
    link.counters.packets_received, link.counters.packets_damaged = 17, 2
    link.receive(example("PROBE 7"), 1.0)
    assert link.data_to_send(1.0) == example("PROBE_REPLY 7")
    small = Link(Role.CONNECTOR, 0.0, byte_s=BYTE_S, max_payload=64, window=64, new_epoch=lambda: 0x01020304)
    assert small.data_to_send(0.0) == example("RESET of a small side")
    assert b"\x00" + frame(_packet.probe(7, b"ab")) == example("PROBE 7")
