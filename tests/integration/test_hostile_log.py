# SPDX-License-Identifier: MIT
"""Whatever the other side of a link says, the log stays a log: a record is one line, short, printable, and seldom."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sig_tcp  # noqa: F401  # tells that these tests need the package

import sigcore
from sigcore.aio import ClientRouter, ServerRouter
from sigcore.protocol.bodies import write_request

from ..waiting import LIMIT_S
from ..written_log import WrittenLog, written_log
from .hostile import Site, Stranger, a_site
from .raw_peer import (
    ADD_SENDER,
    BYE,
    ERROR,
    EVENT,
    GAP,
    LISTEN,
    NOTICE,
    OK,
    PREFACE,
    PRESENCE,
    QUERY,
    REMOVE_SENDER,
    REPLY,
    REQUEST,
    WELCOME,
    frame,
    hello,
)

NASTY = {
    "line breaks": "\r\n2026-01-01 00:00:00,000 ERROR sigcore.forged: FORGED\n    FORGED\x0b\x0c\x1c",
    "escapes": "\x1b[2J\x1b]0;FORGED\x07\x9b31m\x00\x08\x7f",
    "marks": "\u202eDEGROF\u2066\u200b\u2028FORGED\u2029\x85\ufeff\udcff",
    "template": "%s %d %n {0} ${jndi:x} \\n",
    "a megabyte": "x" * (1_000_000),
    "a megabyte of breaks": "\n" * 150_000,
}
BODY_CHARACTERS = 20_000
"""So long that two of them fit into a JSON body."""

LONG_NAMES = [f"{number:04}" + "n" * 200 for number in range(1_000)]


@pytest.fixture
def log() -> Iterator[WrittenLog]:
    with written_log() as log:
        yield log


def is_a_log(log: WrittenLog) -> None:
    """Fail unless the log has something to say, in lines that nobody forged, and no fault of a program in it."""
    lines = log.lines()
    assert lines
    assert [line for line in lines if "FORGED" in line.partition(": ")[0]] == []
    assert log.at_least(logging.ERROR) == []
    assert [record for record in log.records if record.exc_info] == []
    # A piece that the other side chose is cut long before the line is.
    assert [line for line in lines if "x" * 401 in line or "\\n" * 401 in line] == []


@pytest.mark.parametrize("nasty", NASTY)
@pytest.mark.parametrize("carrier", ["tcp", "serial"])
def test_whatever_a_client_says_is_short_lines_in_the_server_s_log(
    carrier: str, nasty: str, tmp_path: Path, log: WrittenLog
) -> None:
    text = NASTY[nasty]
    if carrier == "serial":
        pytest.importorskip("sig_serial.testing")
        text = text[:3_000]

    async def scenario() -> None:
        async with a_site(carrier, tmp_path, grace=0.05) as site:
            await site.server.add_listener(lambda _info, _data: None, "evil", "never declared")
            for said in sayings(text):
                stranger = await site.come(said)
                await stranger.end()
            await ask_and_be_lied_to(
                site, text[: 1_000 if carrier == "serial" else BODY_CHARACTERS].replace("\udcff", "")
            )
            await site.is_well()

    asyncio.run(scenario())
    is_a_log(log)
    assert len(log.at_least(logging.WARNING)) < 30


def sayings(text: str) -> Iterator[bytes]:
    """Yield what clients say that must not be let in, or not for long; each ends its link."""
    for changes in (
        {"name": text},
        {"codecs": [text]},
        {"features": [text]},
        {"auth": {"method": text}},
        {"auth": {"method": "secret", "identity": text, "nonce": text}},
        {text: text},
    ):
        yield hello(**changes) + frame(BYE, 0, {"code": "closing", "message": text})
    said = text[:BODY_CHARACTERS]
    bye = frame(BYE, 0, {"code": said, "message": said})
    yield hello() + bye
    yield hello() + frame(BYE, 0, {"code": "not_authenticated", "message": said})
    for kind in (LISTEN, ADD_SENDER, REMOVE_SENDER, QUERY, ERROR, NOTICE, PRESENCE, GAP, 0x70):
        fields = {"sender": text, "event": text, "events": [text], "what": text, "code": text, "message": text}
        yield hello() + frame(kind, 1, {**fields, "policy": text, "cause": text, text: text}) + bye
    yield hello() + frame(ADD_SENDER, 1, {"sender": "evil", "events": LONG_NAMES[:100]}) + bye
    yield (
        hello()
        + frame(REQUEST, 1, write_request("canary", "sing", "", 2_000, b"{" + text[:1_000].encode("utf-8", "replace")))
        + bye
    )
    raw = text.encode("utf-8", "surrogatepass")[:200]
    yield hello() + frame(REQUEST, 1, b"\x00" + raw) + bye
    yield raw + bytes(20)


async def ask_and_be_lied_to(site: Site, text: str) -> None:
    """Have the server's process ask a stranger that answers with this text, and listen to what it signals."""
    stranger = await site.come(hello())
    await stranger.expect(WELCOME)
    stranger.send(frame(ADD_SENDER, 1, {"sender": "evil", "events": ["e"], "requests": ["m"]}))
    topic = json.loads(await stranger.expect(OK, 1))["topics"]["e"]
    listener = await site.server.add_listener(lambda _info, _data: None, "evil", "e", type=int)
    for code in ("request_failed", text):
        await answer(site, stranger, ERROR, json.dumps({"code": code, "message": text}).encode())
    await answer(site, stranger, REPLY, b"{" + text.encode("utf-8", "replace"))
    stranger.send(frame(EVENT, topic, b"{" + text.encode("utf-8", "replace")))
    stranger.send(frame(EVENT, topic, json.dumps(text).encode()))
    stranger.send(frame(GAP, topic, {"count": 2, "cause": text}))
    stranger.send(frame(BYE, 0, {"code": "closing", "message": text}))
    await stranger.end()
    async with asyncio.timeout(LIMIT_S):
        while site.server.counters.get("gap_other", 0) < 2:  # noqa: ASYNC110  # a counter tells nobody
            await asyncio.sleep(0.005)
    listener.remove()


async def answer(site: Site, stranger: Stranger, kind: int, body: bytes) -> None:
    before = requests_in(stranger)
    asking = asyncio.ensure_future(site.server.request("evil", "m", timeout=LIMIT_S))
    async with asyncio.timeout(LIMIT_S):
        while not (asked := requests_in(stranger) - before):  # noqa: ASYNC110  # a stranger tells nobody
            await asyncio.sleep(0.002)
    stranger.send(frame(kind, asked.pop(), body))
    with pytest.raises((sigcore.RequestError, sigcore.CodecError)):
        await asking


def requests_in(stranger: Stranger) -> set[int]:
    return {number for kind, number, _body in stranger.frames() if kind == REQUEST}


class LyingServer(asyncio.Protocol):
    """Answers everything with the same text, and ends the link."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]  # a server of asyncio gives one

    def data_received(self, data: bytes) -> None:
        self._data = self._data or PREFACE + frame(WELCOME, 0, self._welcome())
        if self._data:
            text = self._text
            error = {"code": text, "message": text, "event": text, "sender": text}
            self._transport.write(self._data)
            self._transport.write(b"".join(frame(kind, n, error) for kind in (ERROR, NOTICE) for n in (1, 2, 3)))
            self._transport.write(frame(BYE, 0, {"code": text, "message": text}))

    def _welcome(self) -> dict[str, Any]:
        session = {"id": "", "secret": "", "resumed": False}
        return {"version": 1, "codec": "json", "limits": {"frame": 1 << 20, "credit": 1 << 20}, "session": session}


@pytest.mark.parametrize("nasty", NASTY)
def test_whatever_a_server_says_is_short_lines_in_the_client_s_log(nasty: str, log: WrittenLog) -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        listening = await loop.create_server(lambda: LyingServer(NASTY[nasty][:BODY_CHARACTERS]), "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        async with ClientRouter(f"tcp://127.0.0.1:{port}", connect_timeout=None, reconnect_delay=0.02) as client:
            await client.add_sender("thermo", "reading")
            await client.add_listener(lambda _info, _data: None, "lies", "e")
            async with asyncio.timeout(LIMIT_S):
                while log.text.count("no link to") < 3:  # noqa: ASYNC110  # a log tells nobody
                    await asyncio.sleep(0.005)
        listening.close()
        await listening.wait_closed()

    asyncio.run(scenario())
    lines = log.lines()
    assert lines
    assert [line for line in lines if "x" * 401 in line or "\\n" * 401 in line] == []
    assert [record for record in log.records if record.exc_info] == []


def test_what_a_listener_raises_over_a_payload_is_told_once_in_a_while_and_forges_no_line(
    tmp_path: Path, log: WrittenLog
) -> None:
    errors: list[Exception] = []

    def refuse(_info: sigcore.EventInfo, data: str) -> None:
        raise ValueError(data)

    async def scenario() -> None:
        async with ServerRouter("mem://log", on_error=errors.append) as server, ClientRouter("mem://log") as client:
            await server.add_listener(refuse, "evil", "e")
            sender = await client.add_sender("evil", "e")
            for text in NASTY.values():
                if "\udcff" not in text:
                    await client.deliver(sender.signal("e"), text[:200_000])
            async with asyncio.timeout(LIMIT_S):
                while len(errors) < len(NASTY) - 1:  # noqa: ASYNC110  # on_error tells nobody else
                    await asyncio.sleep(0.005)

    asyncio.run(scenario())
    log.lines()
    assert len(log.at_least(logging.ERROR)) == 1
    assert len(log.text) < 100_000


def test_what_is_held_back_is_told_with_the_next_line(
    tmp_path: Path, log: WrittenLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    interval_s = 0.5
    monkeypatch.setattr("sigcore._drops.LOG_INTERVAL_S", interval_s)

    async def scenario() -> None:
        async with a_site("mem", tmp_path) as site:
            for _ in range(40):
                await (await site.come(b"GET / HTTP/1.1\r\n\r\n")).end()
            await asyncio.sleep(interval_s)  # what is waited for is that nothing happens
            await (await site.come(b"GET / HTTP/1.1\r\n\r\n")).end()

    asyncio.run(scenario())
    is_a_log(log)
    told = [line for line in log.at_least(logging.WARNING) if "link_not_sigcore" in line]
    assert 2 <= len(told) < 10
    assert sum(int(line.partition("suppressed ")[2].partition(")")[0] or 0) for line in told) + len(told) == 41
