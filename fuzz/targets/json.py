# SPDX-License-Identifier: MIT
"""The codec json, with and without msgspec: one value or ``CodecError`` from both, and it can be sent on."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from fuzz.sending_on import NOTHING, check_again, decoded
from sigcore._json import JsonCodec, json_codec

WORDS = [b"null", b"true", b'{"a":', b"[[", b"[]," * 20, b"1e309", b"-0.0", b"9" * 40, b"\\ud83d", b"\\u0000", b"NaN"]
WORDS += [b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xf4\x8f\xbf\xbf", b'"a":1', b"\\", b'"', b"," * 8, b"]" * 33, b"[" * 33]
MAX_LEN = 4096
PLAIN = JsonCodec()
FAST = json_codec() if find_spec("msgspec") else PLAIN


def check(data: bytes) -> bool:
    """Decode ``data`` both ways, and encode what comes of it."""
    value = decoded(PLAIN, data)
    assert same(value, decoded(FAST, data))
    if value is NOTHING:
        return False
    assert check_again(PLAIN, value) == check_again(FAST, value)
    return True


def same(one: Any, other: Any) -> bool:
    """Whether two decoded values are alike, 1 and 1.0 told apart."""
    return one is other or repr(one) == repr(other)


def seeds() -> list[bytes]:
    """Return a text of each kind, and some at the bounds."""
    texts = ['{"a":[1,2.5,-0.0,1e-9],"b":null,"é":"\\u00e9\\ud83d\\ude00"}', "[" * 32 + "]" * 32, "[" * 33 + "]" * 33]
    texts += ["9" * 4300, "-" + "9" * 4300, "1e400", '"\\ud800"', '{"a":1,"a":2}', "[1,]", " 1 ", "1 2", "nul", "[NaN]"]
    return [*(text.encode() for text in texts), b'\xff"', b"", b'"\xed\xa0\x80"', b"\xef\xbb\xbf1"]
