# SPDX-License-Identifier: MIT
"""Payloads that are made to cost much, or to be taken for something else, reach listeners by both codecs and a link.

Each costs whoever listens an error, or a gap where it had to be translated; no link, and nobody else anything.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import sig_cbor  # noqa: F401  # tells that these tests need the package
import sig_tcp  # noqa: F401  # and this one

import sigcore
from sigcore.aio import ClientRouter

from ..waiting import LIMIT_S
from .hostile import Stranger, a_site
from .raw_peer import ADD_SENDER, BYE, EVENT, OK, frame, hello

MANY = 150_000
LONG = b"9" * 4_300
JSON = {
    "cut short": b'{"a":',
    "followed by something": b"{}{}",
    "deep lists": b"[" * 400_000,
    "deep maps": b'{"a":' * 100_000,
    "empty lists": b"[" + b"[]," * MANY + b"0]",
    "small numbers": b"[" + b"0," * MANY + b"0]",
    "long integer": LONG + b"9",
    "long integers": b"[" + b",".join([LONG] * 100) + b"]",
    "NaN": b"NaN",
    "too large": b"1e400",
    "lone surrogate": b'"\\ud800"',
    "UTF-16": "[1]".encode("utf-16"),
    "not UTF-8": b'"\xff"',
}
CBOR = {
    "cut short": b"\xa1\x61a",
    "followed by something": b"\x01\x02",
    "deep lists": b"\x81" * 400_000,
    "deep tags": b"\xc1" * 400_000,
    "deep endless lists": b"\x9f" * 400_000,
    "empty lists": b"\x9f" + b"\x80" * MANY + b"\xff",
    "small numbers": b"\x9f" + b"\x00" * MANY + b"\xff",
    "dates": b"\x9f" + b"\xc1\x00" * 30_000 + b"\xff",
    "long integers": b"\x9f" + (b"\xc2\x59\x06\xf9" + b"\x7f" * 1785) * 100 + b"\xff",
    "pattern": bytes.fromhex("d823 63 282b29"),
    "decimal": bytes.fromhex("c4 82 1a3b9aca00 01"),
    "shared parts": bytes.fromhex("82 d81c 81 00 d81d 00"),
    "colliding keys": b"\xbf"
    + b"".join(b"\xc2\x50" + (n * (2**61 - 1)).to_bytes(16, "big") + b"\0" for n in range(9000)),
    "list as key": bytes.fromhex("a1 80 00"),
    "key twice": bytes.fromhex("a2 6161 01 6161 02"),
    "undefined": b"\xf7",
    "not UTF-8": b"\x61\xff",
    "huge length": bytes.fromhex("5bffffffffffffffff"),
}
PAYLOADS = {"json": JSON, "cbor": CBOR}


class Ear:
    """What a client was told of a sender, in its order."""

    def __init__(self) -> None:
        self._told: asyncio.Queue[Any] = asyncio.Queue()

    def hear(self, _info: Any, data: Any) -> None:
        self._told.put_nowait(data)

    def miss(self, _info: Any, gap: sigcore.Gap) -> None:
        self._told.put_nowait(gap)

    def fail(self, error: BaseException) -> None:
        self._told.put_nowait(type(error.__cause__))

    async def next_two(self) -> list[Any]:
        async with asyncio.timeout(LIMIT_S):
            return [await self._told.get(), await self._told.get()]


@pytest.mark.parametrize("codec", ["json", "cbor"])
def test_a_hostile_payload_costs_its_listeners_that_event_and_nobody_a_link(codec: str, tmp_path: Path) -> None:
    same, other = Ear(), Ear()
    foreign = "cbor" if codec == "json" else "json"
    one = {"json": b"1", "cbor": b"\1"}[codec]

    async def scenario() -> None:
        async with (
            a_site("tcp", tmp_path) as site,
            ClientRouter(str(site.endpoint), codec=codec, on_error=same.fail) as same_client,
            ClientRouter(str(site.endpoint), codec=foreign, on_error=other.fail) as other_client,
        ):
            await same_client.add_listener(same.hear, "evil", "e", on_gap=same.miss)
            await other_client.add_listener(other.hear, "evil", "e", on_gap=other.miss)
            stranger = await site.come(hello(codecs=[codec]))
            topic = await register(stranger)
            for name, body in PAYLOADS[codec].items():
                stranger.send(frame(EVENT, topic, body) + frame(EVENT, topic, one))
                assert await same.next_two() == [sigcore.CodecError, 1], name
                assert await other.next_two() == [sigcore.Gap(1, "untranslatable"), 1], name
                await site.is_well()
                assert not stranger.gone.done(), name
            assert same_client.connected
            assert other_client.connected
            stranger.send(frame(BYE, 0, {"code": "closing"}))

    asyncio.run(scenario())


async def register(stranger: Stranger) -> int:
    """Have a stranger register its sender; return the number of its topic."""
    stranger.send(frame(ADD_SENDER, 1, {"sender": "evil", "events": ["e"]}))
    topics: dict[str, int] = json.loads(await stranger.expect(OK, 1))["topics"]
    return topics["e"]
