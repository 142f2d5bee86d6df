# SPDX-License-Identifier: MIT
"""What docs/serial-link.md says is what the code does."""

from __future__ import annotations

import re
import zlib
from pathlib import Path

import pytest
from cobs import cobs  # type: ignore[import-untyped]  # the package has no types
from sig_serial import _link, _packet
from sig_serial._framing import CRC_BYTES, Deframer, frame, framed_size
from sig_serial._line import LISTENER_PATIENCE_S
from sig_serial._link import MAX_PACKET_BYTES, TABLES, Data, Down, Event, Link, Role, Up
from sig_serial._options import SerialOptions

PAGE = (Path(__file__).parents[3] / "docs" / "serial-link.md").read_text(encoding="utf-8")


def tables_under(heading: str) -> list[list[str]]:
    """The cells of all tables between ``heading`` and the next, without the heads."""
    section = re.split(r"^#+ ", PAGE.split(f"# {heading}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("|")]
    rules = [n for n, row in enumerate(rows) if set("".join(row)) <= {"-", "|", " "}]
    return [row for n, row in enumerate(rows) if n not in rules and n + 1 not in rules]


EXAMPLES = tables_under("Worked examples")


@pytest.mark.parametrize(
    ("heading", "role"), [("The listening side", Role.LISTENER), ("The connecting side", Role.CONNECTOR)]
)
def test_the_state_tables_are_the_code_s(heading: str, role: Role) -> None:
    of_page = [(state, what, action.strip("`"), then) for state, what, action, then in tables_under(heading)]
    of_code = [(state.value, what.value, step.action, step.then.value) for (state, what), step in TABLES[role].items()]
    assert of_page == of_code


def test_every_input_and_every_action_is_explained() -> None:
    explained = {row[0] for row in tables_under("The link")}
    assert explained == {what.value for what in _link.Input}
    actions = {name for row in tables_under("The actions") for name in re.findall(r"`(\w+)`", row[0])}
    assert actions == {step.action for table in TABLES.values() for step in table.values()}


def test_the_numbers_of_packets_and_codes_are_the_code_s() -> None:
    rows = [(row[1], int(row[0])) for row in tables_under("Packets") if row[0].isdigit() and row[1].isupper()]
    assert rows == [(kind.name, kind.value) for kind in (*_packet.PacketType, *_packet.CloseCode)]


def test_the_times_and_limits_are_the_code_s() -> None:
    times = dict(tables_under("Timing"))
    assert times["between two RESET, or two RESET_ACK"] == f"{_link.RESET_INTERVAL_S * 1000:g} ms"
    assert times["lifetime of an answer without READY"] == f"{_link.ANSWER_LIFETIME_S:g} s"
    assert times["between two NO_LINK"] == f"at least {_link.NO_LINK_INTERVAL_S * 1000:g} ms"
    give_up = times["the connecting side gives up (option `answer_timeout`)"]
    assert give_up == f"{SerialOptions().answer_timeout:g} s" == f"{LISTENER_PATIENCE_S:g} s"
    limits = dict(tables_under("Limits"))
    packet, framed = MAX_PACKET_BYTES, framed_size(MAX_PACKET_BYTES)
    assert limits["body of DATA to this implementation"] == f"{_link.MAX_PAYLOAD_BYTES} bytes"
    assert limits["packet"] == f"{packet} bytes, with CRC and stuffing {framed}, with two delimiters {framed + 2}"
    assert limits["kept of an unfinished packet"] == f"{framed} bytes"


@pytest.mark.parametrize("row", EXAMPLES, ids=lambda row: row[1])
def test_a_worked_example_is_right(row: list[str]) -> None:
    packet, crc, line = (bytes.fromhex(cell.strip("`")) for cell in row[2:])
    assert zlib.crc32(packet).to_bytes(CRC_BYTES, "big") == crc
    assert line.strip(b"\x00") == cobs.encode(packet + crc)
    assert line.lstrip(b"\x00") == frame(packet)


def test_the_worked_link_is_what_two_sides_say_to_each_other() -> None:
    of_page = [(row[0], bytes.fromhex(row[4].strip("`"))) for row in EXAMPLES if not row[1].startswith("NO_LINK")]
    connector = Link(Role.CONNECTOR, 0.0, new_epoch=lambda: 0x01020304)
    listener = Link(Role.LISTENER, 0.0, new_epoch=lambda: 0x0A0B0C0D)
    said: list[tuple[str, bytes]] = []

    def say(who: str, line: bytes, to: Link) -> list[Event]:
        said.append((who, line))
        return [event for item in Deframer(MAX_PACKET_BYTES).receive_data(line) for event in to.receive(item, 0.0)]

    assert say("connecting", connector.data_to_send(), listener) == []
    assert say("listening", listener.data_to_send(), connector) == [Up(256)]
    assert say("connecting", connector.data_to_send(), listener) == [Up(256)]
    assert say("connecting", connector.send(b"hi\0"), listener) == [Data(b"hi\0")]
    assert say("listening", listener.send(b"ok"), connector) == [Data(b"ok")]
    connector.close()
    assert say("connecting", connector.data_to_send(), listener) == [Down(None)]
    assert said == of_page
