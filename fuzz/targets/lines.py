# SPDX-License-Identifier: MIT
"""A device that prints lines: whatever it says becomes events, replies or oddities, within bounds."""

from __future__ import annotations

from sig_lines import LinesOptions
from sig_lines._description import Description, describe
from sig_lines._happenings import Event
from sig_lines._translator import Translator

from fuzz.supply import Supply, block_of
from sigcore._json import JsonCodec

REQUESTS = {
    "volt": {"send": "VOLT?", "reply": "^[-+0-9.E]+$", "error": "^ERR", "timeout": "2s"},
    "set": "SET {n}",
    "who": {"send": "*IDN?", "reply": "^(?P<maker>[^,]+),(?P<model>[^,]+)"},
}
DEVICES = tuple(
    describe(options, skips_first=False)
    for options in (
        LinesOptions(parse="text", requests=REQUESTS, echo=True, unmatched="event"),
        LinesOptions(parse="json", requests=REQUESTS, max_line=256),
        LinesOptions(parse="keyvalue", pause=0.05, encoding="latin-1", types={"t": "number"}),
        LinesOptions(
            parse="csv", columns="a,,b", separator=";", newline="crlf", poll={"volt": "1s"}, requests=REQUESTS
        ),
        LinesOptions(pattern=r"^\$..(?P<event>GGA|RMC),(?P<time>[0-9.]*)", event_names="GGA,RMC", checksum="nmea"),
    )
)
DEEDS = ("receive", "receive", "receive", "wait", "ask", "cancel", "hold", "go on", "leave")
MOST_DEEDS = 60
WORDS = [
    b"\n",
    b"\r\n",
    b"\r",
    b"VOLT?",
    b"ERR",
    b"1.5E+3",
    b"a=1 ",
    b'{"a":',
    b"$GPGGA,",
    b"*47",
    b'"',
    b"nan",
    b"1e999",
]
MAX_LEN = 1024
CODEC = JsonCodec()


def check(data: bytes) -> bool:
    """Let a device say and do what ``data`` says; return whether any event came of it."""
    supply = Supply(data)
    description = supply.pick(DEVICES)
    device = Translator(description)
    now_s, numbers = 100.0, [0]
    happened = device.appeared(now_s)
    for _ in range(MOST_DEEDS):
        if supply.is_empty:
            break
        now_s += 0.01
        match supply.pick(DEEDS):
            case "receive":
                happened += device.receive(supply.block(), now_s)
            case "wait":
                now_s += supply.byte() / 20
                happened += device.advance(now_s)
            case "ask" if description.requests:
                ask(device, description, supply, numbers)
            case "cancel":
                device.cancel(supply.pick(numbers[-256:]))
            case "hold":
                device.hold()
            case "go on":
                happened += device.go_on(now_s)
            case "leave":
                happened += device.left("it was unplugged") + device.appeared(now_s)
    events = [each for each in happened + device.left("the end") if isinstance(each, Event)]
    for event in events:
        assert event.name in description.events
        CODEC.decode(CODEC.encode(event.data))
    return bool(events)


def ask(device: Translator, description: Description, supply: Supply, numbers: list[int]) -> None:
    """Make a request with a parameter of any kind."""
    method = supply.pick(sorted(description.requests))
    params = {"n": supply.block().decode(errors="replace")} if method == "set" else None
    try:
        numbers.append(device.ask(method, params))
    except (ValueError, OverflowError):
        return
    assert params is None or params["n"].isprintable()


def seeds() -> list[bytes]:
    """Return a conversation with each device."""
    receive, wait, volt = b"\x00", b"\x03", b"\x04\x02"
    texts = [
        b"boot\nready\r\n",
        b'{"a":1}\n{"b"\n[1,2]\n',
        b"t=1 u=a\nt=",
        b"1;2;3\r\n;;\r\n",
        b"$GPGGA,1,2*7A\r\n$GPXX*00\r\n",
    ]
    found = [bytes([n]) + receive + block_of(text) + wait + b"\x09" for n, text in enumerate(texts)]
    found.append(b"\x00" + volt + receive + block_of(b"VOLT?\n1.5\n") + b"\x04\x00" + block_of(b"5;6") + wait + b"\xff")
    found.append(
        b"\x01" + volt * 3 + b"\x05\x01\x06" + receive + block_of(b"ERR 3\n") + b"\x07\x08" + receive + block_of(b"9\n")
    )
    return found
