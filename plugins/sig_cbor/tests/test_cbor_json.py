# SPDX-License-Identifier: MIT
"""What one codec decoded, encoded by the other: the tables of sigcore's docs/codecs.md, and nothing silent beside."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sig_cbor import CborCodec

import sigcore

cbor, json = CborCodec(), sigcore.load_codec("json")
EAST = dt.timezone(dt.timedelta(hours=5, minutes=30))

# CBOR as it comes from one link, JSON as it goes to the other.
CBOR_TO_JSON: list[tuple[str, str]] = [
    ("f6", "null"),
    ("f5", "true"),
    ("18 64", "100"),
    ("fb 4035800000000000", "21.5"),
    ("f9 7e00", "null"),
    ("f9 7c00", "null"),
    ("81 f9 fc00", "[null]"),
    ("1b ffffffffffffffff", "18446744073709551615"),
    ("3b ffffffffffffffff", "-18446744073709551616"),
    ("c2 49 010000000000000000", "18446744073709551616"),
    ("62 c3a9", '"é"'),
    ("42 00ff", '"AP8="'),
    ("c0 74 323032342d30352d30315431323a30303a30305a", '"2024-05-01T12:00:00Z"'),
    ("c1 1a 66322ac0", '"2024-05-01T11:42:56Z"'),
    ("c1 fb 3ff8000000000000", '"1970-01-01T00:00:01.500000Z"'),
    ("d8 25 50 00000000000000000000000000000005", '"00000000-0000-0000-0000-000000000005"'),
    ("82 01 02", "[1,2]"),
    ("9f 01 ff", "[1]"),
    ("a1 61 61 42 0001", '{"a":"AAE="}'),
]


@pytest.mark.parametrize(("wire", "text"), CBOR_TO_JSON)
def test_what_cbor_keeps_has_a_declared_form_in_json(wire: str, text: str) -> None:
    assert json.encode(cbor.decode(bytes.fromhex(wire))) == text.encode()


JSON_TO_CBOR: list[tuple[str, str]] = [
    ("null", "f6"),
    ("false", "f4"),
    ("100", "1864"),
    ("-1", "20"),
    ("21.5", "fb4035800000000000"),
    ("1.0", "fb3ff0000000000000"),
    ("18446744073709551616", "c249010000000000000000"),
    ('"é"', "62c3a9"),
    ('"AP8="', "644150383d"),
    ('"2024-05-01T12:00:00Z"', "74323032342d30352d30315431323a30303a30305a"),
    ("[1,2]", "820102"),
    ('{"a":1,"a":2}', "a1616102"),
    ("{}", "a0"),
]


@pytest.mark.parametrize(("text", "wire"), JSON_TO_CBOR)
def test_what_json_carries_is_the_same_data_in_cbor(text: str, wire: str) -> None:
    assert cbor.encode(json.decode(text.encode())).hex() == wire


scalars = (
    st.none()
    | st.booleans()
    | st.integers(min_value=-(10**40), max_value=10**40)
    | st.floats()
    | st.text()
    | st.binary()
    | st.datetimes(timezones=st.none() | st.sampled_from([dt.UTC, EAST]))
    | st.dates()
    | st.uuids()
)
keys = st.text() | st.integers() | st.floats() | st.booleans() | st.none() | st.binary()
data = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(keys, inner), max_leaves=30)


@given(data)
def test_data_look_alike_behind_json_whether_they_came_through_cbor_or_not(value: Any) -> None:
    direct = json.decode(json.encode(value))
    assert repr(json.decode(json.encode(cbor.decode(cbor.encode(value))))) == repr(direct)


json_only = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)


@given(json_only)
def test_what_json_carries_comes_through_cbor_unchanged(value: Any) -> None:
    text = json.encode(value)
    assert json.encode(cbor.decode(cbor.encode(json.decode(text)))) == text


@given(st.binary(max_size=60))
def test_whatever_cbor_takes_json_can_write(wire: bytes) -> None:
    try:
        value = cbor.decode(wire)
    except sigcore.CodecError:
        return
    assert json.decode(json.encode(value)) == json.decode(json.encode(json.decode(json.encode(value))))


def deepest(inner: Any, levels: int = 32) -> Any:
    value = [inner]
    for _ in range(levels - 1):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [
        deepest(1),
        deepest(b"x"),
        deepest(uuid.UUID(int=1)),
        10**4300 - 1,
        -(10**4300) + 1,
        list(range(100_000)),
        [[]] * 50_000,
        {str(key): key for key in range(100_000)},
    ],
    ids=["deep", "deep bytes", "deep uuid", "long", "long negative", "wide", "empties", "keys"],
)
def test_both_codecs_have_the_same_bounds(value: Any) -> None:
    assert json.encode(cbor.decode(cbor.encode(value))) == json.encode(value)
    assert json.encode(cbor.decode(cbor.encode(json.decode(json.encode(value))))) == json.encode(value)


@pytest.mark.parametrize(
    "value",
    [deepest(1, 33), 10**4300, list(range(100_001)), [[]] * 50_001, {"k": {str(key): key for key in range(100_000)}}],
    ids=["deep", "long", "wide", "empties", "keys"],
)
def test_neither_codec_takes_more_than_the_other(value: Any) -> None:
    for codec in (json, cbor):
        with pytest.raises(sigcore.CodecError):
            codec.encode(value)


@pytest.mark.parametrize("digits", [101, 1_000, 4_300])
@pytest.mark.parametrize("sign", [1, -1])
def test_long_integers_may_have_so_many_digits_together_and_no_more_in_either_codec(digits: int, sign: int) -> None:
    integers = [sign * (10**digits - 1)] * (65_536 // (digits + 1))
    few = {"a": integers[1:], "b": [integers[0]]}
    many = {"a": [integers] * 2, "b": 1}
    for codec in (cbor, json):
        assert codec.decode(codec.encode(few)) == few
        with pytest.raises(sigcore.CodecError, match="65536 digits together"):
            codec.encode(many)
    with pytest.raises(sigcore.CodecError, match="65536 digits together"):
        cbor.decode(cbor2.dumps(many))


def test_integers_of_a_hundred_digits_and_digits_in_text_are_not_counted() -> None:
    data = ["9" * 70_000, *[10**100 - 1] * 2_000]
    for codec in (cbor, json):
        assert codec.decode(codec.encode(data)) == data
