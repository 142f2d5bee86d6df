# SPDX-License-Identifier: MIT
"""What docs/protocol.md says is what the code does: its tables, and its conversation in both roles."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sigcore._limits import LinkOptions
from sigcore._names import MAX_NAME_BYTES
from sigcore.protocol import bodies, codes, frames, hub, link
from sigcore.protocol.client_link import ClientLink
from sigcore.protocol.frames import PREFACE, Kind, split_run
from sigcore.protocol.server_link import ServerLink

from .loopback import ClientProcess, Server

PAGE = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text(encoding="utf-8")


# tables


def tables_under(heading: str) -> list[list[list[str]]]:
    """Return the tables between a heading and the next, each as rows of cells without its head."""
    section = re.split(r"^#+ ", PAGE.split(f"# {heading}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]
    blocks = re.findall(r"(?:^\|.*\n)+", section, flags=re.MULTILINE)
    return [[[cell.strip() for cell in row.split("|")[1:-1]] for row in block.splitlines()[2:]] for block in blocks]


def test_the_kinds_are_the_code_s() -> None:
    rows = tables_under("Frames")[1]
    assert [(int(row[0], 16), row[1]) for row in rows] == [(int(kind), kind.name) for kind in Kind]


def test_who_sends_a_kind_is_who_the_other_side_takes_it_from() -> None:
    for _number, name, sent_by, _id, _body in tables_under("Frames")[1]:
        at_server = any(Kind[name] in table for table in ServerLink.handlers.values())
        at_client = any(Kind[name] in table for table in ClientLink.handlers.values())
        assert sent_by == {(True, True): "both", (True, False): "client", (False, True): "server"}[at_server, at_client]


def test_reserved_numbers_are_unknown_kinds() -> None:
    (_header, _kinds, reserved) = tables_under("Frames")
    assert [row[1] for row in reserved] == ["PAD", "GAP", "SYNC"]
    for number, _name in reserved:
        assert int(number, 16) not in set(Kind)
        assert int(number, 16) < frames.FIRST_EXTENSION


def test_the_lanes_are_the_code_s() -> None:
    (lanes,) = tables_under("Three lanes")
    assert [row[1] for row in lanes] == ["below 0x10", "0x10 to 0x1F", "0x20 to 0x2F"]
    assert (frames.FIRST_CONTROL, frames.FIRST_EVENT_LANE) == (0x10, 0x20)


@pytest.mark.parametrize(("heading", "role"), [("The server", ServerLink), ("The client", ClientLink)])
def test_the_state_tables_are_the_code_s(heading: str, role: type[link.Link]) -> None:
    (table,) = tables_under(heading)
    of_code = [(state.value, kind.name) for state, kinds in role.handlers.items() for kind in map(Kind, kinds)]
    assert [(state, kind) for state, kind, _action in table] == of_code


def test_the_codes_are_the_code_s() -> None:
    of_bye, of_error = tables_under("Codes")
    meaning = {code.strip("`"): text for code, text in of_bye}
    assert meaning == {code: text[0].lower() + text[1:].rstrip(".") for code, text in codes.BYE_CODES.items()}
    assert [row[0].strip("`") for row in of_error] == list(codes._BY_CODE)


def test_the_limits_are_the_code_s() -> None:
    pytest.importorskip("sig_serial")
    from sig_serial import SerialCarrier

    (rows,) = tables_under("Limits")
    options = LinkOptions()
    on_serial = SerialCarrier().link_defaults
    for what, default, serial, _said_in in rows:
        found = re.search(r"\(`(\w+)`\)", what)
        if found is not None:
            name = found[1]
            value = getattr(options, name)
            assert (amount(default), amount(serial)) == (value, on_serial.get(name, value)), what
    fixed = {what: amount(default) for what, default, _serial, _said_in in rows}
    assert fixed["body during the handshake"] == link.HANDSHAKE_FRAME_BYTES
    assert fixed["JSON body"] == bodies.MAX_BODY_BYTES
    assert fixed["events of a sender, and methods"] == hub.MAX_EVENTS
    assert fixed["topics of a server"] == hub.MAX_TOPICS
    assert fixed["senders of a server, and listeners"] == hub.MAX_SENDERS == hub.MAX_LISTENERS


def amount(text: str) -> float:
    number, _, unit = text.partition(" ")
    return float(number) * {"": 1, "s": 1, "KiB": 1024, "MiB": 1024**2}[unit]


def test_the_numbers_in_the_text_are_the_code_s() -> None:
    text = " ".join(PAGE.split())
    assert f"`{frames.MAGIC.hex(' ')}` and the version, `{frames.VERSION:02x}`" in text
    assert f"{link.ACK_BYTES // 1024} KiB, or a quarter of its `limits.credit`" in text
    assert f"within {link.ACK_DELAY_S * 1000:g} ms" in text
    assert f"{link.CONTROL_RESERVE_BYTES // 1024} KiB (or a quarter, if that is less) before that" in text
    assert f"1 to {MAX_NAME_BYTES} bytes" in text
    assert f"has at most {bodies.MAX_BYE_BYTES} bytes" in text
    assert f"nesting deeper than {bodies.MAX_DEPTH}" in text
    assert f"0x{bodies.NO_TIMEOUT_MS:X} for no limit" in text


# the conversation


@dataclass(frozen=True)
class Line:
    """One line of the conversation: bytes of a client or to it, or time that passes."""

    who: str
    to_client: bool
    data: bytes
    seconds: float = 0.0


def conversation() -> list[Line]:
    """Read the conversation out of the page."""
    text = PAGE.split("## A conversation\n", 1)[1]
    blocks = re.findall(r"^```text\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    return [parsed(line) for block in blocks for line in block.splitlines()]


def parsed(line: str) -> Line:
    if line.startswith("["):
        return Line("", False, b"", float(line[1:-1].removesuffix(" s")))
    who, rest = line.split(maxsplit=1)
    parts = re.findall(r"«(.*?)»|([0-9a-f]+)", rest)
    assert re.sub(r"«.*?»|[0-9a-f]+|\s", "", rest) == "", f"what is this? {line}"
    data = b"".join(bytes.fromhex(number) if number else text.encode() for text, number in parts)
    return Line(who.strip(">"), who.startswith(">"), data)


LINES = conversation()
CLIENTS = ("panel", "sensor")
BAD_FRAME = bytes.fromhex("000000001a00000000")


@pytest.mark.parametrize("line", [line for line in LINES if line.data], ids=lambda line: line.data[:9].hex())
def test_a_line_is_one_frame_or_the_preface(line: Line) -> None:
    assert line.data == PREFACE or [len(body) + 9 for _kind, _id, body in split_run(line.data)] == [len(line.data)]


def test_every_kind_occurs() -> None:
    frames_said = [line.data for line in LINES if line.data not in (b"", PREFACE, BAD_FRAME)]
    assert {kind for data in frames_said for kind, _id, _body in split_run(data)} == set(Kind)


def test_a_server_says_what_the_page_says() -> None:
    server = Server()
    links = {who: server.new_link() for who in CLIENTS}
    pending = dict.fromkeys(CLIENTS, b"")
    for line in LINES:
        if line.seconds:
            server.now_s += line.seconds
            for each in links.values():
                each.tick(server.now_s)
        elif not line.to_client:
            assert pending[line.who] == b"", "it said more than the page"
            links[line.who].receive(line.data, server.now_s)
        for who, each in links.items():
            pending[who] += each.data_to_send()
        if line.to_client:
            assert pending[line.who][: len(line.data)] == line.data
            pending[line.who] = pending[line.who][len(line.data) :]
        server.settle()
    assert pending == dict.fromkeys(CLIENTS, b"")


def panel_does(panel: ClientProcess) -> Iterator[Callable[[], object]]:
    """What the panel's user does, one step for each line that it says of itself."""
    listener = None

    def listen() -> None:
        nonlocal listener
        listener = panel.add_listener("thermo", "reading")

    yield listen
    yield lambda: panel.add_listener(None, "#connect")
    yield lambda: panel.request("thermo", "calibrate", {"offset": 0.2})
    yield lambda: panel.request("thermo", "explode", None)
    yield lambda: panel.request("thermo", "calibrate", {"offset": 9})
    yield lambda: panel.link.cancel(5)
    yield lambda: panel.add_listener("thermo", "humidity")
    yield lambda: panel.link.call(Kind.QUERY, b'{"what":"senders","after":""}', panel.take_answer)
    yield lambda: panel.link.call(Kind.QUERY, b'{"what":"peers","skip":0}', panel.take_answer)
    assert listener is not None
    yield listener.remove


def sensor_does(sensor: ClientProcess) -> Iterator[Callable[[], object]]:
    """The same for the sensor."""
    yield lambda: sensor.add_sender("thermo", ["reading", "alarm"], ["calibrate"])
    thermo = sensor.router._senders["thermo"]
    yield lambda: thermo.trigger("reading", {"celsius": 21.5})
    yield lambda: thermo.trigger("reading", {"celsius": 22}, meta={"run": "7"})
    yield lambda: sensor.link.reply(1, b'{"done":true}')
    yield thermo.remove
    yield sensor.link.end


def replay(client: ClientProcess, who: str, steps: Iterator[Callable[[], object]]) -> bytes:
    """Let a client live through the conversation; return what it says beyond the page."""
    said = b""
    for line in LINES:
        if line.seconds:
            client.now_s += line.seconds
            client.link.tick(client.now_s)
        elif line.who == who and line.to_client:
            client.link.receive(line.data, client.now_s)
        elif line.who == who and line.data != BAD_FRAME:
            said += client.link.data_to_send()
            if not said:
                next(steps)()
                said += client.link.data_to_send()
            assert said[: len(line.data)] == line.data
            said = said[len(line.data) :]
    return said + client.link.data_to_send()


def test_the_panel_says_and_hears_what_the_page_tells() -> None:
    panel = ClientProcess("panel")
    steps = panel_does(panel)
    assert replay(panel, "panel", steps) == b""
    assert next(steps, None) is None
    assert panel.heard == [("thermo", "reading", {"celsius": 21.5}), ("thermo", "reading", {"celsius": 22})]
    assert panel.answers[2] == b'{"done":true}'
    assert panel.notices == ["event_not_declared"]
    assert panel.present == {}
    assert "0x1a" in str(panel.link.error)


def test_the_sensor_says_and_hears_what_the_page_tells() -> None:
    sensor = ClientProcess("sensor")
    steps = sensor_does(sensor)
    assert replay(sensor, "sensor", steps) == b""
    assert next(steps, None) is None
    assert [call[1:4] for call in sensor.asked_for] == [("thermo", "calibrate", "panel")] * 2
    assert sensor.withdrawn_calls == [2]
    assert sensor.link.error is None
