# SPDX-License-Identifier: MIT
"""Whatever a stranger says before its handshake is done, by whatever it comes: it ends, and costs nobody anything."""

from __future__ import annotations

import asyncio
import json
import random
import struct
import tracemalloc
from pathlib import Path

import pytest
import sig_serial  # noqa: F401  # tells that these tests need the package
import sig_tcp  # noqa: F401  # and this one

from sigcore.aio import ClientRouter

from .hostile import CARRIERS, a_site
from .raw_peer import BYE, EVENT, HELLO, LISTEN, PREFACE, frame, hello

HANDSHAKE_S = 0.3
"""As short as it may be: a pseudo-terminal's own handshake comes first."""

LENGTHS = [5_000, 2**31, 2**32 - 1]
KINDS = [1, 2, 3, 4, 5, 6, 7, 8, *range(0x10, 0x1B), *range(0x20, 0x29), 0x70, 0x80, 0xFF]


CHALLENGE, PROOF = 7, 8
GUESS = {"method": "secret", "identity": "nobody-here", "nonce": "0" * 32}


def bomb(text: str) -> bytes:
    """Return a HELLO with this body, cut where a HELLO must end."""
    return PREFACE + frame(HELLO, 0, text.encode()[:4_000])


# what is said -> the codes with which the server may end it; None: without a word
SAID: dict[str, tuple[bytes, set[str | None]]] = {
    "HTTP": (b"GET / HTTP/1.1\r\n\r\n", {None}),
    "noise": (random.Random(1).randbytes(3_000), {None}),
    "half a preface": (PREFACE[:3], {None}),
    "preface alone": (PREFACE, {"handshake_timeout"}),
    "preface again and again": (PREFACE * 3, {"unknown_kind"}),
    "another version": (PREFACE[:-1] + b"\x07", {"version"}),
    "half a HELLO": (hello()[:60], {"handshake_timeout"}),
    "HELLO twice": (hello() + frame(HELLO, 0, b"{}"), {"unexpected_kind"}),
    "HELLO with no body": (PREFACE + frame(HELLO), {"malformed_body"}),
    "HELLO of a list": (PREFACE + frame(HELLO, 0, b"[]"), {"malformed_body"}),
    "HELLO of two bodies": (PREFACE + frame(HELLO, 0, b"{}{}"), {"malformed_body"}),
    "HELLO without codecs": (hello(codecs=[]), {"codec"}),
    "HELLO with a lone surrogate": (hello(name="\ud800"), {"malformed_body"}),
    "HELLO with huge limits": (hello(limits={"frame": 2**63, "credit": 2**64}), {"malformed_body"}),
    "HELLO with limits of 0": (hello(limits={"frame": 0, "credit": 0}), {"malformed_body"}),
    "JSON: deep lists": (bomb("[" * 4_000), {"malformed_body"}),
    "JSON: deep objects": (bomb('{"a":' * 800), {"malformed_body"}),
    "JSON: many keys": (bomb("{" + ",".join(f'"{n}":0' for n in range(600))), {"malformed_body"}),
    "JSON: many digits": (bomb('{"versions":[' + "9" * 3_900 + "]}"), {"malformed_body", "version"}),
    "JSON: huge exponent": (bomb('{"versions":[1e999999]}'), {"malformed_body"}),
    "JSON: NaN": (bomb('{"versions":[NaN]}'), {"malformed_body"}),
    "JSON: a key twice": (bomb('{"versions":[1],"versions":[1]}'), {"malformed_body"}),
    "JSON: UTF-16": (PREFACE + frame(HELLO, 0, json.dumps({"versions": [1]}).encode("utf-16")), {"malformed_body"}),
    "an auth that is none": (hello(auth={"method": ["token"]}), {"malformed_body", "not_authenticated"}),
    "a token to nobody": (hello(auth={"method": "token", "token": "x" * 3_000}), {"not_authenticated"}),
    "PROOF without CHALLENGE": (PREFACE + frame(PROOF, 0, {"proof": "0" * 64}), {"unexpected_kind"}),
    "HELLO after CHALLENGE": (hello(auth=GUESS) + frame(HELLO, 0, b"{}"), {"unexpected_kind"}),
    "LISTEN after CHALLENGE": (hello(auth=GUESS) + frame(LISTEN, 1, {}), {"unexpected_kind"}),
    "CHALLENGE back": (hello(auth=GUESS) + frame(CHALLENGE, 0, {"nonce": "0" * 32}), {"unexpected_kind"}),
    "PROOF that is none": (hello(auth=GUESS) + frame(PROOF, 0, b"[]"), {"malformed_body"}),
    "PROOF that is wrong": (hello(auth=GUESS) + frame(PROOF, 0, {"proof": "0" * 64}), {"not_authenticated"}),
    "silence after CHALLENGE": (hello(auth=GUESS), {"handshake_timeout"}),
    "BYE first": (PREFACE + frame(BYE, 0, {"code": "closing"}), {None}),
    "BYE of nonsense": (PREFACE + frame(BYE, 0, b"\xff"), {"malformed_body"}),
    "LISTEN first": (PREFACE + frame(LISTEN, 1, {}), {"unexpected_kind"}),
    "an event first": (PREFACE + frame(EVENT, 1, b"1"), {"unexpected_kind"}),
    "extensions only": (PREFACE + frame(0x99) * 300, {"handshake_timeout"}),
    "many extensions": (PREFACE + frame(0x99, 0, bytes(991)) * 17, {"handshake_too_long"}),
    "many extensions after CHALLENGE": (hello(auth=GUESS) + frame(0x99, 0, bytes(991)) * 17, {"handshake_too_long"}),
}


@pytest.mark.parametrize("carrier", CARRIERS)
def test_whatever_a_stranger_says_it_is_told_why_and_nobody_else_notices(carrier: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with a_site(carrier, tmp_path, handshake_timeout=HANDSHAKE_S) as site:
            ends = {name: await (await site.come(data)).end() for name, (data, _codes) in SAID.items()}
            assert {name: end for name, end in ends.items() if end not in SAID[name][1]} == {}
            assert sum(site.server.counters.values()) >= len(SAID) - 1  # BYE is a good end

    asyncio.run(scenario())


@pytest.mark.parametrize("carrier", CARRIERS)
def test_the_length_of_a_first_frame_is_looked_at_before_room_is_made(carrier: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with a_site(carrier, tmp_path) as site:
            cases = [(kind, length) for kind in KINDS for length in LENGTHS]
            if carrier in ("tls", "serial"):  # each costs a handshake of the medium
                cases = random.Random(2).sample(cases, 12)
            tracemalloc.start()
            for kind, length in cases:
                before = tracemalloc.get_traced_memory()[0]
                tracemalloc.reset_peak()
                stranger = await site.come(PREFACE + struct.pack(">IBI", length, kind, 0))
                assert await stranger.end() in ("frame_too_large", "unknown_kind"), (kind, length)
                assert tracemalloc.get_traced_memory()[1] - before < 2**20, (kind, length)

    try:
        asyncio.run(scenario())
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("carrier", ["mem", "tcp", "unix", "tls"])
def test_those_who_say_a_byte_at_a_time_end_in_time_and_keep_nobody_out(carrier: str, tmp_path: Path) -> None:
    many = 60 if carrier == "tls" else 200

    async def scenario() -> None:
        async with a_site(carrier, tmp_path, handshake_timeout=1.5) as site:

            async def dribble() -> None:
                try:
                    stranger = await site.come()
                except OSError:  # there was no room, and TLS has no word for that
                    return
                for byte in hello() * 2:
                    if stranger.gone.done():
                        break
                    stranger.send(bytes([byte]))
                    await asyncio.wait([stranger.gone], timeout=0.1)
                assert await stranger.end() in ("handshake_timeout", "too_many_pending", None)

            slow = [asyncio.ensure_future(dribble()) for _ in range(many)]
            await asyncio.sleep(0)  # they come first
            async with ClientRouter(str(site.endpoint), reconnect_delay=0.1) as honest:
                assert not all(one.done() for one in slow)
                assert honest.connected
                await asyncio.gather(*slow)
                await site.is_well()
                assert honest.connected

    asyncio.run(scenario())
