# SPDX-License-Identifier: MIT
"""CBOR from strangers: the examples of RFC 8949, what it calls not well-formed, and messages made to cost much.

No time is asserted: where work must be bounded, the bound itself is.
"""

from __future__ import annotations

import math
import tracemalloc
from struct import pack
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sig_cbor import CborCodec
from sig_cbor._heads import MAX_TAGS, excess_of

import sigcore

codec = CborCodec()
json_codec = sigcore.load_codec("json")
LONG = 500_000

# RFC 8949, appendix A: hexadecimal, and the value in Python.
TAKEN: list[tuple[str, Any]] = [
    ("00", 0),
    ("01", 1),
    ("0a", 10),
    ("17", 23),
    ("1818", 24),
    ("1819", 25),
    ("1864", 100),
    ("1903e8", 1000),
    ("1a000f4240", 1_000_000),
    ("1b000000e8d4a51000", 1_000_000_000_000),
    ("1bffffffffffffffff", 2**64 - 1),
    ("c249010000000000000000", 2**64),
    ("3bffffffffffffffff", -(2**64)),
    ("c349010000000000000000", -(2**64) - 1),
    ("20", -1),
    ("29", -10),
    ("3863", -100),
    ("3903e7", -1000),
    ("f90000", 0.0),
    ("f98000", -0.0),
    ("f93c00", 1.0),
    ("fb3ff199999999999a", 1.1),
    ("f93e00", 1.5),
    ("f97bff", 65504.0),
    ("fa47c35000", 100_000.0),
    ("fa7f7fffff", 3.4028234663852886e38),
    ("fb7e37e43c8800759c", 1.0e300),
    ("f90001", 5.960464477539063e-8),
    ("f90400", 0.00006103515625),
    ("f9c400", -4.0),
    ("fbc010666666666666", -4.1),
    ("f97c00", math.inf),
    ("f97e00", math.nan),
    ("f9fc00", -math.inf),
    ("fa7f800000", math.inf),
    ("fa7fc00000", math.nan),
    ("fb7ff0000000000000", math.inf),
    ("fbfff0000000000000", -math.inf),
    ("f4", False),
    ("f5", True),
    ("f6", None),
    ("40", b""),
    ("4401020304", b"\1\2\3\4"),
    ("60", ""),
    ("6161", "a"),
    ("6449455446", "IETF"),
    ("62225c", '"\\'),
    ("62c3bc", "\u00fc"),
    ("63e6b0b4", "\u6c34"),
    ("64f0908591", "\U00010151"),
    ("80", []),
    ("83010203", [1, 2, 3]),
    ("8301820203820405", [1, [2, 3], [4, 5]]),
    ("98190102030405060708090a0b0c0d0e0f101112131415161718181819", list(range(1, 26))),
    ("a0", {}),
    ("a26161016162820203", {"a": 1, "b": [2, 3]}),
    ("826161a161626163", ["a", {"b": "c"}]),
    ("a56161614161626142616361436164614461656145", dict(zip("abcde", "ABCDE", strict=True))),
    ("5f42010243030405ff", b"\1\2\3\4\5"),
    ("7f657374726561646d696e67ff", "streaming"),
    ("9fff", []),
    ("9f018202039f0405ffff", [1, [2, 3], [4, 5]]),
    ("83018202039f0405ff", [1, [2, 3], [4, 5]]),
    ("83019f0203ff820405", [1, [2, 3], [4, 5]]),
    ("bf61610161629f0203ffff", {"a": 1, "b": [2, 3]}),
    ("826161bf61626163ff", ["a", {"b": "c"}]),
    ("bf6346756ef563416d7421ff", {"Fun": True, "Amt": -2}),
]
# Well-formed, and examples of the RFC, but more than a payload may be.
NOT_TAKEN = """
f7 f0 f8ff a201020304 d74401020304 d818456449455446 d82076687474703a2f2f7777772e6578616d706c652e636f6d
"""
# RFC 8949, appendix F, "examples of not well-formed": too little, and what the syntax has no meaning for.
MALFORMED = """
18 19 1a 1b 1901 1a0102 1b01020304050607 38 58 78 98 9a01ff00 b8 d8 f8 f900 fa0000 fb000000
41 61 5affffffff00 5bffffffffffffffff010203 7affffffff00 7b7fffffffffffffff010203
81 818181818181818181 8200 a1 a20102 a100 a2000000
5f4100 7f6100 9f 9f0102 bf bf01020102 819f 9f8000 9f9f9f9f9fffffffff 9f819f819f9fffffff
1c 1d 1e 3c 3d 3e 5c 5d 5e 7c 7d 7e 9c 9d 9e bc bd be dc dd de fc fd fe 1f 3f df
f800 f801 f818 f81f
5f00ff 5f21ff 5f6100ff 5f80ff 5fa0ff 5fc000ff 5fe0ff 7f4100ff 5f5f4100ffff 7f7f6100ffff
ff 81ff 8200ff a1ff a1ff00 a100ff a20000ff 9f81ff 9f829f819f9fffffffff bf00ff bf000000ff
c0 c1 d8 d9 61ff 62c080 63eda080 64f4908080 a161610061 a2616101616102 bf6161016161 bf616101616102ff
"""


def refused(data: bytes) -> None:
    with pytest.raises(sigcore.CodecError):
        codec.decode(data)


@pytest.mark.parametrize(("wire", "value"), TAKEN, ids=[wire[:16] for wire, _ in TAKEN])
def test_each_example_of_the_rfc_has_its_value_and_goes_on_as_json(wire: str, value: Any) -> None:
    found = codec.decode(bytes.fromhex(wire))
    assert repr(found) == repr(value)
    assert repr(codec.decode(codec.encode(found))) == repr(value)
    json_codec.decode(json_codec.encode(found))


@pytest.mark.parametrize("wire", NOT_TAKEN.split() + MALFORMED.split())
def test_what_is_malformed_or_more_than_a_payload_may_be_is_refused_wherever_it_stands(wire: str) -> None:
    data = bytes.fromhex(wire)
    refused(data)
    refused(b"\x81" + data)
    refused(b"\xa1\x61a" + data)
    refused(b"\x9f" + data + b"\xff" if data != b"\xff" else b"\x9f" + data * 2)


@pytest.mark.parametrize("wire", [wire for wire, _ in TAKEN])
def test_no_part_of_an_example_and_no_byte_more_is_taken(wire: str) -> None:
    data = bytes.fromhex(wire)
    for end in range(len(data)):
        refused(data[:end])
    for extra in range(0, 256, 5):
        refused(data + bytes([extra]))


@pytest.mark.parametrize(
    "key", ["00", "20", "1bffffffffffffffff", "40", "4161", "f4", "f6", "f93c00", "f97e00", "80", "8101", "a0", "c1 00",
            "c0 74 323032342d30352d30315431323a30303a30305a", "c2 41 05", "d825 50" + "00" * 16, "a1 61 61 01"],
)  # fmt: skip
def test_a_key_that_is_no_text_is_refused(key: str) -> None:
    data = bytes.fromhex(key)
    refused(b"\xa1" + data + b"\x01")
    refused(b"\xbf" + data + b"\x01\xff")
    refused(b"\x82\x01\xa2\x61a\x01" + data + b"\x02")


PIECES = ["80", "a0", "9fff", "8100", "6161", "c100", "d81c", "5f4100ff"]


@pytest.mark.parametrize("head", ["9a", "9f"])
@pytest.mark.parametrize("piece", PIECES)
def test_a_long_run_of_small_parts_is_refused_before_they_occupy_memory(head: str, piece: str) -> None:
    one = bytes.fromhex(piece)
    count = LONG // len(one)
    data = bytes.fromhex(head) + (pack(">I", count) if head == "9a" else b"") + one * count
    if head == "9f":
        data += b"\xff"
    tracemalloc.start()
    try:
        refused(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * LONG


def test_25_000_tags_are_taken_and_one_more_is_not_either_way() -> None:
    whole = [2**64 + number for number in range(MAX_TAGS + 1)]
    assert codec.decode(codec.encode(whole[1:])) == whole[1:]
    with pytest.raises(sigcore.CodecError, match="25000 dates"):
        codec.encode(whole)
    with pytest.raises(sigcore.CodecError, match="25000 dates"):
        codec.decode(cbor2.dumps(whole))


def test_what_json_carries_and_cbor_does_not_is_refused_and_nothing_worse() -> None:
    text = b"[" + b",".join([b"18446744073709551616"] * (MAX_TAGS + 1)) + b"]"
    with pytest.raises(sigcore.CodecError, match="25000 dates"):
        codec.encode(json_codec.decode(text))


data = st.recursive(
    st.none() | st.integers(-(2**70), 2**70) | st.floats() | st.text() | st.binary() | st.datetimes(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.mark.parametrize(
    "value",
    [
        {str(number): number for number in range(100_000)},
        {str(number): {} for number in range(50_000)},
        [[]] * 50_000,
        [{}] * 50_000,
        [[0]] * 50_000,
        [{"": 0}] * 50_000,
        [[[[[[[[[[0]]]]]]]]]] * 10_000,
        [0.5] * 100_000,
        ["text"] * 100_000,
        [b"raw"] * 100_000,
    ],
    ids=lambda value: repr(value)[:20],
)
def test_whatever_has_a_hundred_thousand_entries_is_never_too_much(value: Any) -> None:
    assert codec.decode(codec.encode(value)) == value


@given(st.binary(max_size=60))
def test_counting_never_fails(wire: bytes) -> None:
    assert excess_of(wire) is None
    excess_of(wire * 4000)


@given(data, st.data())
def test_a_changed_byte_is_refused_or_makes_a_value_that_both_codecs_can_send(
    value: Any, chance: st.DataObject
) -> None:
    wire = bytearray(codec.encode(value))
    wire[chance.draw(st.integers(0, len(wire) - 1))] = chance.draw(st.integers(0, 255))
    try:
        found = codec.decode(bytes(wire))
    except sigcore.CodecError:
        return
    codec.encode(found)
    json_codec.encode(found)
