# SPDX-License-Identifier: MIT
"""What docs/protocol.md says is what the code does: its tables, and its conversation in both roles."""

from __future__ import annotations

import re
from inspect import signature
from typing import get_args

import pytest

from sigcore import Endpoint
from sigcore._info import GAP_CAUSES, Gap, Policy
from sigcore._limits import LinkOptions, ServerLimits
from sigcore._names import MAX_NAME_BYTES
from sigcore.protocol import bodies, codes, frames, history, holdups, hub, link, server_session, session
from sigcore.protocol.client_link import ClientLink
from sigcore.protocol.client_session import ClientSession
from sigcore.protocol.frames import PREFACE, Kind, split_run
from sigcore.protocol.history import History
from sigcore.protocol.link import State
from sigcore.protocol.server_link import ServerLink
from sigcore.protocol.server_session import ServerSession

from .conversation import Line, replay_client, replay_server
from .loopback import ClientProcess
from .page import LINES, PAGE

# tables


def tables_under(heading: str) -> list[list[list[str]]]:
    """Return the tables between a heading and the next, each as rows of cells without its head."""
    section = re.split(r"^#+ ", PAGE.split(f"# {heading}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]
    blocks = re.findall(r"(?:^\|.*\n)+", section, flags=re.MULTILINE)
    return [[[cell.strip() for cell in row.split("|")[1:-1]] for row in block.splitlines()[2:]] for block in blocks]


def test_the_kinds_are_the_code_s() -> None:
    rows = tables_under("Frames")[1]
    assert [(int(row[0], 16), row[1]) for row in rows] == [(int(kind), kind.name) for kind in Kind]


ROLES: dict[str, tuple[type[link.Link], type[session.Session]]] = {
    "The server": (ServerLink, ServerSession),
    "The client": (ClientLink, ClientSession),
}


def states_of(heading: str) -> list[tuple[str, str]]:
    """Return (state, kind) of all that has a place at one end, in the order of the code."""
    of_link, of_session = ROLES[heading]
    found = [(state.value, Kind(kind).name) for state, kinds in of_link.handlers.items() for kind in kinds]
    return found + [(State.UP.value, Kind(kind).name) for kind in of_session.handlers]


def test_who_sends_a_kind_is_who_the_other_side_takes_it_from() -> None:
    taken = {heading: {kind for _state, kind in states_of(heading)} for heading in ROLES}
    for _number, name, sent_by, _id, _body in tables_under("Frames")[1]:
        at_server, at_client = name in taken["The server"], name in taken["The client"]
        assert sent_by == {(True, True): "both", (True, False): "client", (False, True): "server"}[at_server, at_client]


def test_the_lanes_are_the_code_s() -> None:
    (lanes,) = tables_under("Three lanes")
    assert [row[1] for row in lanes] == ["below 0x10", "0x10 to 0x1F", "0x20 to 0x2F"]
    assert (frames.FIRST_CONTROL, frames.FIRST_EVENT_LANE) == (0x10, 0x20)


@pytest.mark.parametrize("heading", ROLES)
def test_the_state_tables_are_the_code_s(heading: str) -> None:
    (table,) = tables_under(heading)
    assert [(state, kind) for state, kind, _action in table] == states_of(heading)


def test_the_codes_after_which_a_session_goes_on_are_named() -> None:
    assert {"dead", "replaced"} == codes.KEEPS_SESSION
    assert "says BYE, but for the codes `dead` and `replaced`" in " ".join(PAGE.split())


def test_the_policies_are_the_code_s() -> None:
    (table,) = tables_under("Readers that are too slow")
    assert [row[0].strip("`") for row in table] == list(get_args(Policy))


def test_the_causes_of_gaps_are_the_code_s() -> None:
    (_fields, causes) = tables_under("Gaps: GAP")
    assert {row[0].strip("`") for row in causes} == GAP_CAUSES - {"sender_unknown"}  # said in a process alone


def test_the_codes_are_the_code_s() -> None:
    of_bye, of_error = tables_under("Codes")
    meaning = {code.strip("`"): text for code, text in of_bye}
    assert meaning == {code: text[0].lower() + text[1:].rstrip(".") for code, text in codes.BYE_CODES.items()}
    assert [row[0].strip("`") for row in of_error] == list(codes._BY_CODE)


def test_the_limits_are_the_code_s() -> None:
    pytest.importorskip("sig_serial")
    from sig_serial import SerialCarrier

    (rows,) = tables_under("Limits")
    options, server_limits = LinkOptions(), ServerLimits()
    on_serial = SerialCarrier().link_defaults(Endpoint.parse("serial:///dev/ttyUSB0"))
    for what, default, serial, _said_in in rows:
        found = re.search(r"\(`(\w+)`\)", what)
        if found is not None:
            name = found[1]
            if hasattr(server_limits, name):
                assert amount(default) == getattr(server_limits, name)
                continue
            value = getattr(options, name)
            assert (amount(default), amount(serial)) == (value, on_serial.get(name, value)), what
    fixed = {what: amount(default) for what, default, _serial, _said_in in rows}
    assert fixed["body during the handshake"] == link.HANDSHAKE_FRAME_BYTES
    assert fixed["JSON body"] == bodies.MAX_BODY_BYTES
    assert fixed["events of a sender, and methods"] == hub.MAX_EVENTS
    assert fixed["topics of the senders of a link"] == hub.MAX_LINK_TOPICS
    assert fixed["topics of a server"] == hub.MAX_TOPICS
    assert fixed["kept events of a topic"] == signature(History).parameters["most_events"].default
    assert fixed["senders of a server, and listeners"] == hub.MAX_SENDERS == hub.MAX_LISTENERS


def amount(text: str) -> float:
    number, _, unit = text.partition(" ")
    return float(number) * {"": 1, "s": 1, "B": 1, "KiB": 1024, "MiB": 1024**2}[unit]


def test_the_numbers_in_the_text_are_the_code_s() -> None:
    text = " ".join(PAGE.split())
    assert f"`{frames.MAGIC.hex(' ')}` and the version, `{frames.VERSION:02x}`" in text
    assert f"{session.ACK_BYTES // 1024} KiB, or a quarter of its `limits.credit`" in text
    assert f"within {LinkOptions().ack_delay * 1000:g} ms" in text
    assert f"{session.CONTROL_RESERVE_BYTES // 1024} KiB (or a quarter, if that is less) before that" in text
    assert f"an integer up to {link.MAX_RETRY_MS}" in text
    assert f"lists up to {server_session.NOTICE_EVENTS} of those" in text
    assert f"would be taken within {holdups.FAIR_S:g} s" in text
    assert f"{holdups.PACE_S:g} s ahead at most" in text
    assert holdups.LINE_SHARE == 1 / 8
    assert "an eighth of its rate is enough" in text
    assert f"up to {holdups.SLOW_PACE_S:g} s ahead there" in text
    assert holdups.DRY == 1 / 4
    assert f"or {holdups.LONG_BYTES // 4 // history.MIB} MiB, to take" in text
    assert f"1 to {MAX_NAME_BYTES} bytes" in text
    assert f"has at most {bodies.MAX_BYE_BYTES} bytes" in text
    assert f"nesting deeper than {bodies.MAX_DEPTH}" in text
    assert f"0x{bodies.NO_TIMEOUT_MS:X} for no limit" in text


# the conversation


@pytest.mark.parametrize("line", [line for line in LINES if line.data], ids=lambda line: line.data[:9].hex())
def test_a_line_is_one_frame_or_the_preface(line: Line) -> None:
    assert line.data == PREFACE or [len(body) + 9 for _kind, _id, body in split_run(line.data)] == [len(line.data)]


def test_every_kind_occurs() -> None:
    frames_said = [line.data for line in LINES if line.data not in (b"", PREFACE) and line.mark != "!"]
    assert {kind for data in frames_said for kind, _id, _body in split_run(data)} == set(Kind)


def test_a_server_says_what_the_page_says() -> None:
    assert replay_server(LINES) == ""


def test_the_panel_says_and_hears_what_the_page_tells() -> None:
    panel = ClientProcess("panel")
    assert replay_client(LINES, panel) == ""
    readings = [21.5, 22, 22.5, 23, 25, 25]  # the last is kept for the second listener
    assert panel.heard == [("thermo", "reading", {"celsius": celsius}) for celsius in readings]
    assert panel.gaps == [("thermo", "reading", Gap(1, "conflated"))]
    assert panel.answers[2] == b'{"done":true}'
    assert panel.notices == ["event_not_declared"]
    assert panel.present == {}
    assert panel.causes == [("thermo", "removed")]
    assert "0x70" in str(panel.link.error)


def test_the_sensor_says_and_hears_what_the_page_tells() -> None:
    sensor = ClientProcess("sensor")
    assert replay_client(LINES, sensor) == ""
    assert [call[1:4] for call in sensor.asked_for] == [("thermo", "calibrate", "panel")] * 2
    assert sensor.withdrawn_calls == [2]
    assert b'{"accepted":1}' in sensor.answers
    assert sensor.link.error is None
