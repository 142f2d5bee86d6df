# SPDX-License-Identifier: MIT
"""The codec cbor: a value that it and json can send on, or ``CodecError``."""

from __future__ import annotations

from sig_cbor import CborCodec

from fuzz.sending_on import NOTHING, check_again, decoded
from sigcore._json import JsonCodec

WORDS = [bytes([0xC0 | tag]) for tag in range(6)] + [
    b"\xd8\x1c",
    b"\xd8\x1d",
    b"\xd8\x25\x50",
    b"\xd9\xd9\xf7",
    b"\xff",
]
WORDS += [b"\x81" * 32, b"\x9f", b"\xbf", b"\x5f", b"\x7f", b"\xa1\x61a", b"\x1b" + b"\xff" * 8, b"\x9b" + b"\xff" * 8]
WORDS += [b"\xf6", b"\xf7", b"\xf8\x20", b"\xf9\x7e\x00", b"\xfb\x7f\xf0" + b"\0" * 6, b"\xc0\x742013-03-21T20:04:00Z"]
MAX_LEN = 4096
CODEC = CborCodec()
JSON = JsonCodec()


def check(data: bytes) -> bool:
    """Decode ``data``, encode what comes of it, and write it in json too."""
    value = decoded(CODEC, data)
    if value is NOTHING:
        return False
    check_again(CODEC, value)
    JSON.decode(JSON.encode(value))
    return True


def seeds() -> list[bytes]:
    """Return the examples of RFC 8949, appendix A, of each kind one, and some at the bounds."""
    texts = ["00 1864 3903e7 1bffffffffffffffff c249010000000000000000 f93c00 fb3ff199999999999a f97e00 f4 f6 f7 f0"]
    texts += [
        "4401020304 6449455446 62c3bc 83010203 a26161016162820203 9f018202039f0405ffff 7f657374726561646d696e67ff"
    ]
    texts += ["c074323031332d30332d32315432303a30343a30305a c11a514b67b0 d82550" + "12" * 16 + " d818456449455446"]
    texts += ["d81c81d81d00 d9d9f780 a201020304 a2616101616102"]
    texts += ["5f42010243030405ff bf61610161629f0203ffff 0000 9b7fffffffffffffff"]
    texts += ["81" * 32 + "00 " + "81" * 33 + "00 a18000 c1fb7e37e43c8800759c c48221196ab3 c35820" + "ff" * 32]
    return [bytes.fromhex(text) for text in " ".join(texts).split()]
