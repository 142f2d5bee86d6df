# SPDX-License-Identifier: MIT
"""``check_codec`` passes codecs that keep the contract, and says of others which rule they break."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

import sigcore
from sigcore._json import JsonCodec, MsgspecJsonCodec
from sigcore.testing import check_codec
from sigcore.testing._codec_rules import RULES

pytest.importorskip("msgspec")


@pytest.mark.parametrize("codec", [JsonCodec(), MsgspecJsonCodec()])
def test_the_json_codecs_keep_the_contract(codec: sigcore.Codec) -> None:
    check_codec(codec)


def test_the_codec_of_the_documentation_keeps_the_contract() -> None:
    page = (Path(__file__).parent.parent / "docs" / "codecs.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    exec(next(part.split("```")[0] for part in page.split("```python\n") if "class MsgpackCodec" in part), names)
    check_codec(names["MsgpackCodec"]())


class NamedBadly(JsonCodec):
    name = "My Codec"


class GivesText(JsonCodec):
    def encode(self, value: Any) -> Any:
        return super().encode(value).decode()


class GivesBytearray(JsonCodec):
    def encode(self, value: Any) -> Any:
        return bytearray(super().encode(value))


class ForgetsTypes(JsonCodec):
    def decode(self, data: bytes | memoryview) -> Any:
        value = super().decode(data)
        return int(value) if isinstance(value, bool) else value


class RoundsIntegers(JsonCodec):
    def encode(self, value: Any) -> bytes:
        big = isinstance(value, int) and abs(value) > 2**63
        return super().encode(float(value) if big else value)


class LosesBytes(JsonCodec):
    def encode(self, value: Any) -> bytes:
        return super().encode(0 if isinstance(value, bytes) else value)


class WritesWhatItCannotRead(JsonCodec):
    def encode(self, value: Any) -> bytes:
        return b"nan" if value != value else super().encode(value)


class ChangesTheValue(JsonCodec):
    def encode(self, value: Any) -> bytes:
        encoded = super().encode(value)
        if isinstance(value, dict):
            value["seen"] = True
        return encoded


class LeaksTypeErrors(JsonCodec):
    def encode(self, value: Any) -> bytes:
        try:
            return super().encode(value)
        except sigcore.CodecError:
            return json.dumps(value).encode()


class TakesSurrogates(JsonCodec):
    def encode(self, value: Any) -> bytes:
        try:
            return super().encode(value)
        except sigcore.CodecError as error:
            if "surrogates" not in str(error):
                raise
            return b'"?"'


class CutsRings(JsonCodec):
    def encode(self, value: Any) -> bytes:
        return super().encode([] if isinstance(value, list) and value and value[0] is value else value)


class LeaksDecodeErrors(JsonCodec):
    def decode(self, data: bytes | memoryview) -> Any:
        return json.loads(bytes(data))


class TakesTruncated(JsonCodec):
    def decode(self, data: bytes | memoryview) -> Any:
        try:
            return super().decode(data)
        except sigcore.CodecError:
            return super().decode(bytes(data) + b"]}]}")


class TakesTrailing(JsonCodec):
    def decode(self, data: bytes | memoryview) -> Any:
        text = bytes(data).rstrip(b"\x00")
        return super().decode(text)


class DecodesWhatItCannotEncode(JsonCodec):
    def decode(self, data: bytes | memoryview) -> Any:
        try:
            return super().decode(data)
        except sigcore.CodecError:
            if data[:1] == b"\x00":
                return object()
            raise


class HasNoBound(JsonCodec):
    def encode(self, value: Any) -> bytes:
        try:
            return super().encode(value)
        except sigcore.CodecError as error:
            if "32 levels" not in str(error) or isinstance(value, dict) or value[0] is value:
                raise
            return json.dumps(value).encode()


class CountsNothing(JsonCodec):
    def encode(self, value: Any) -> bytes:
        if isinstance(value, list) and len(value) > 100_000:
            return json.dumps(value).encode()
        return super().encode(value)


class TakesBytesOnly(JsonCodec):
    def decode(self, data: bytes | memoryview) -> Any:
        if not isinstance(data, bytes):
            raise sigcore.CodecError("bytes, please")
        return super().decode(data)


class KeepsTheBuffer(JsonCodec):
    def decode(self, data: bytes | memoryview) -> Any:
        self.last = data
        return super().decode(data)


class RemembersValues(JsonCodec):
    def __init__(self) -> None:
        self.seen: dict[bytes, Any] = {}

    def decode(self, data: bytes | memoryview) -> Any:
        return self.seen.setdefault(bytes(data), super().decode(data))


class KnowsItsThread(JsonCodec):
    def __init__(self) -> None:
        self.thread = threading.get_ident()

    def encode(self, value: Any) -> bytes:
        if threading.get_ident() != self.thread:
            raise RuntimeError("made in another thread")
        return super().encode(value)


BROKEN = [
    (NamedBadly(), "name of lower-case letters .* 'My Codec'"),
    (GivesText(), "encode gives bytes.* gave str"),
    (GivesBytearray(), "encode gives bytes.* gave bytearray"),
    (ForgetsTypes(), "of the same types.*'True' came back as '1'"),
    (RoundsIntegers(), "an integer is never changed"),
    (LosesBytes(), "bytes, dates, tuples and keys have a form"),
    (WritesWhatItCannotRead(), "have a form or are refused.*'nan' encodes, but decoding that raised CodecError"),
    (ChangesTheValue(), "leaves the value as it was"),
    (LeaksTypeErrors(), "what has no form is a CodecError.* raised TypeError"),
    (TakesSurrogates(), "a lone surrogate is a CodecError"),
    (CutsRings(), "data that hold themselves are a CodecError"),
    (LeaksDecodeErrors(), "no bytes at all are a CodecError.* raised JSONDecodeError"),
    (TakesTruncated(), "truncated data are a CodecError"),
    (TakesTrailing(), "something after the value is a CodecError"),
    (DecodesWhatItCannotEncode(), "garbage is a CodecError, or a value that encodes"),
    (HasNoBound(), "nesting is bounded.* 5000 levels deep raised RecursionError"),
    (CountsNothing(), "a million empty lists gave"),
    (TakesBytesOnly(), "a memoryview is decoded like bytes"),
    (KeepsTheBuffer(), "nothing of the buffer is kept.* still in use"),
    (RemembersValues(), "no state is kept between calls"),
    (KnowsItsThread(), "several threads.* made in another thread"),
]


@pytest.mark.parametrize(("codec", "found"), BROKEN, ids=[type(codec).__name__ for codec, _ in BROKEN])
def test_a_broken_codec_is_told_which_rule_it_breaks(codec: JsonCodec, found: str) -> None:
    with pytest.raises(AssertionError, match=f"^the codec '{codec.name}' breaks the rule .*{found}"):
        check_codec(codec)


def test_every_rule_has_a_codec_that_breaks_it() -> None:
    told = set()
    for codec, _ in BROKEN:
        with pytest.raises(AssertionError) as caught:
            check_codec(codec)
        told.add(str(caught.value).split("'")[3])
    assert told == set(RULES)
