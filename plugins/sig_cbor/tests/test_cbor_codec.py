# SPDX-License-Identifier: MIT
"""``CborCodec``: what comes back, what is refused, and how much work a stranger can make."""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import math
import subprocess
import sys
import tracemalloc
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sig_cbor import CborCodec

import sigcore
from sigcore.testing import check_codec

codec = CborCodec()


def test_it_keeps_the_contract_of_a_codec() -> None:
    check_codec(codec)


@dataclasses.dataclass
class Reading:
    celsius: float
    raw: bytes = b"\x00"


NOON = dt.datetime(2024, 5, 1, 12)
EAST = dt.timezone(dt.timedelta(hours=5, minutes=30))

KEPT: list[Any] = [
    b"",
    b"\x00\xff" * 200,
    2**64,
    -(2**64) - 1,
    10**4299,
    -(10**4300) + 1,
    math.inf,
    -math.inf,
    5e-324,
    NOON.replace(tzinfo=dt.UTC),
    NOON.replace(tzinfo=EAST, microsecond=5),
    dt.datetime(1, 1, 1, tzinfo=dt.UTC),
    dt.datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=dt.UTC),
    uuid.UUID(int=2**127),
    {"a": [b"x", {"b": NOON.replace(tzinfo=dt.UTC)}]},
]


@pytest.mark.parametrize("value", KEPT, ids=lambda value: type(value).__name__)
def test_what_cbor_keeps_comes_back_equal_and_of_the_same_type(value: Any) -> None:
    found = codec.decode(codec.encode(value))
    assert found == value
    assert type(found) is type(value)
    if isinstance(value, dt.datetime):
        assert found.utcoffset() == value.utcoffset()


def test_nan_stays_nan() -> None:
    assert math.isnan(codec.decode(codec.encode(math.nan)))


BECOMES: list[tuple[Any, Any]] = [
    (NOON, "2024-05-01T12:00:00"),
    (NOON.date(), "2024-05-01"),
    (NOON.time(), "12:00:00"),
    (dt.timedelta(days=1, seconds=2), "P1DT2S"),
    (decimal.Decimal("1.50"), "1.50"),
    (bytearray(b"a"), b"a"),
    (memoryview(b"abc")[::2], b"ac"),
    ((1, (2,)), [1, [2]]),
    ({1}, [1]),
    (Reading(1.5), {"celsius": 1.5, "raw": b"\x00"}),
    ({7: 0, 1.5: 0, None: 0, True: 0, b"k": 0}, {"7": 0, "1.5": 0, "null": 0, "true": 0, "aw==": 0}),
    ({1: "number", "1": "text"}, {"1": "text"}),
]


@pytest.mark.parametrize(("value", "plain"), BECOMES, ids=[type(value).__name__ for value, _ in BECOMES])
def test_the_rest_takes_its_plain_form(value: Any, plain: Any) -> None:
    assert codec.decode(codec.encode(value)) == plain


# Bytes as they are on the wire, the reason that is named. Most from RFC 8949, appendix F, and the public advisories.
REFUSED: list[tuple[str, str]] = [
    ("", "premature end"),
    ("01 02", "something follows"),
    ("83 01 02 03 04", "something follows"),
    ("18", "."),
    ("19 01", "."),
    ("1b 00", "."),
    ("5f 41", "."),
    ("61", "."),
    ("62 61", "."),
    ("81", "premature end"),
    ("82 81 01", "premature end"),
    ("a1", "premature end"),
    ("a1 61 61", "premature end"),
    ("c1", "premature end"),
    ("9f 01", "premature end"),
    ("bf 61 61 01", "premature end"),
    ("bf 61 61 ff", "."),
    ("ff", "break"),
    ("81 ff", "break"),
    ("a1 ff 01", "break"),
    ("1c", "."),
    ("3d", "."),
    ("5e", "."),
    ("7c", "."),
    ("9c", "."),
    ("bd", "."),
    ("fc", "."),
    ("1f", "."),
    ("3f", "."),
    ("df 00", "."),
    ("f8 00", "."),
    ("f8 18", "."),
    ("f8 1f", "."),
    ("5f 61 61 ff", "."),
    ("7f 41 61 ff", "."),
    ("61 ff", "utf-8"),
    ("63 ed a0 80", "utf-8"),
    ("a1 61 ff 00", "utf-8"),
    ("f7", "UndefinedType has no plain form"),
    ("81 f7", "UndefinedType has no plain form"),
    ("e0", "CBORSimpleValue has no plain form"),
    ("f8 20", "CBORSimpleValue has no plain form"),
    ("a2 61 61 01 61 61 02", "Duplicate map key"),
    ("a1 61 62 a2 61 61 01 61 61 01", "Duplicate map key"),
    ("a1 01 01", "key"),
    ("a1 20 01", "key"),
    ("a1 f6 01", "key"),
    ("a1 f5 01", "key"),
    ("a1 f9 3c 00 01", "key"),
    ("a2 f9 7e 00 01 f9 7e 00 02", "key"),
    ("a1 80 01", "key"),
    ("a1 a0 01", "key"),
    ("a1 c2 41 01 01", "key"),
    ("a1 d8 25 50 00000000000000000000000000000000 01", "key"),
    ("a1 41 61 01", "keys of a map must be text"),
    ("a1 61 62 a1 41 61 01", "keys of a map must be text"),
]


@pytest.mark.parametrize(("wire", "reason"), REFUSED, ids=[wire or "nothing" for wire, _ in REFUSED])
def test_what_is_malformed_or_not_allowed_is_refused(wire: str, reason: str) -> None:
    with pytest.raises(sigcore.CodecError, match=f"^not the CBOR that sigcore takes: .*({reason})"):
        codec.decode(bytes.fromhex(wire))


TAKEN: list[tuple[str, Any]] = [
    ("f9 3e 00", 1.5),
    ("fa 3f c0 00 00", 1.5),
    ("fb 3f f8 00 00 00 00 00 00", 1.5),
    ("18 00", 0),
    ("1b 00 00 00 00 00 00 00 00", 0),
    ("9f 01 82 02 03 ff", [1, [2, 3]]),
    ("bf 61 61 9f ff ff", {"a": []}),
    ("5f 41 61 41 62 ff", b"ab"),
    ("7f 61 61 61 62 ff", "ab"),
    ("7f ff", ""),
]


@pytest.mark.parametrize(("wire", "value"), TAKEN, ids=[wire for wire, _ in TAKEN])
def test_every_width_and_indefinite_lengths_are_taken(wire: str, value: Any) -> None:
    assert codec.decode(bytes.fromhex(wire)) == value


def nested(levels: int, inner: Any = None) -> Any:
    value: Any = [] if inner is None else [inner]
    for _ in range(levels - 1):
        value = [value]
    return value


@pytest.mark.parametrize("inner", [None, 1, b"x", NOON.replace(tzinfo=dt.UTC), uuid.UUID(int=1), 2**70], ids=repr)
def test_thirty_two_levels_are_taken_whatever_is_inside_and_one_more_is_not(inner: Any) -> None:
    deepest = codec.encode(nested(32, inner))
    assert codec.decode(deepest) == nested(32, inner)
    with pytest.raises(sigcore.CodecError, match="32 levels"):
        codec.encode(nested(33, inner))
    with pytest.raises(sigcore.CodecError, match=r"32 levels|depth"):
        codec.decode(b"\x81" + deepest)
    with pytest.raises(sigcore.CodecError, match=r"32 levels|depth"):
        codec.decode(b"\x9f" + deepest + b"\xff")


def test_a_million_levels_are_refused_where_cbor2_alone_would_end_the_process() -> None:
    with pytest.raises(sigcore.CodecError, match="32 levels"):
        codec.encode(nested(1_000_000))


def refused(data: bytes) -> None:
    with pytest.raises(sigcore.CodecError):
        codec.decode(data)


@pytest.mark.parametrize("opening", ["81", "a1 61 61", "c1", "c2", "9f", "bf 61 61", "d8 1c", "d8 1c 81", "d9 d9f7"])
def test_a_million_openings_are_refused_at_once(opening: str) -> None:
    refused(bytes.fromhex(opening) * (1_000_000 // len(opening)))
    refused(bytes.fromhex(opening) * 10_000)


@pytest.mark.parametrize("major", [0x40, 0x60, 0x80, 0xA0], ids=["bytes", "text", "array", "map"])
@pytest.mark.parametrize("length", [2**31, 2**32 - 1, 2**62, 2**63, 2**64 - 1])
def test_a_length_is_believed_only_as_far_as_there_are_bytes(major: int, length: int) -> None:
    tracemalloc.start()
    try:
        refused(bytes([major | 27]) + length.to_bytes(8, "big") + b"aa")
        refused(b"\x81" + bytes([major | 27]) + length.to_bytes(8, "big"))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000


@pytest.mark.parametrize("item", ["80", "a0", "00", "60", "f6", "c2 40", "9f ff"])
def test_many_small_items_are_refused_before_they_occupy_memory(item: str) -> None:
    one = bytes.fromhex(item)
    count = 4 * 2**20 // len(one)
    tracemalloc.start()
    try:
        refused(b"\x9a" + count.to_bytes(4, "big") + one * count)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 16 * 2**20  # the message itself is 4 MiB and copied once


def test_a_hundred_thousand_entries_are_taken_and_one_more_is_not() -> None:
    numbers = list(range(100_001))
    for most, too_many in (
        (numbers[:100_000], numbers),
        ([[]] * 50_000, [[]] * 50_001),
        ({str(key): {} for key in numbers[:50_000]}, {str(key): {} for key in numbers[:50_001]}),
    ):
        assert codec.decode(codec.encode(most)) == most
        with pytest.raises(sigcore.CodecError, match="100000 entries"):
            codec.encode(too_many)
        with pytest.raises(sigcore.CodecError, match="100000 entries"):
            codec.decode(cbor2.dumps(too_many))


def test_keys_that_collide_are_refused_before_they_are_compared() -> None:
    keys = b"".join(b"\xc2\x4d" + (k * (2**61 - 1)).to_bytes(13, "big") + b"\x00" for k in range(1, 65_000))
    refused(b"\xb9" + (64_999).to_bytes(2, "big") + keys)


def test_shared_parts_cannot_multiply() -> None:
    bomb = b"\x80"
    for level in range(30):
        bomb = b"\x82\xd8\x1c" + bomb + b"\xd8\x1d" + bytes([0x18, level])
    refused(bomb)


def test_no_message_reads_parts_of_the_one_before() -> None:
    for first, second in (("d8 1c 81 01", "d8 1d 00"), ("d9 0100 82 63 616263 d8 19 00", "d9 0100 81 d8 19 00")):
        for wire in (first, second, second):
            with pytest.raises(sigcore.CodecError, match="tag"):
                codec.decode(bytes.fromhex(wire))


@pytest.mark.parametrize("digits", [4_300, 5_000, 200_000])
def test_an_integer_of_more_than_4300_digits_is_refused_both_ways(digits: int) -> None:
    for value in (10**digits, -(10**digits)):
        for data in (value, [{"a": [value]}]):
            with pytest.raises(sigcore.CodecError, match="4 300 digits"):
                codec.encode(data)
        with pytest.raises(sigcore.CodecError, match=r"4 300 digits|1 786 bytes"):
            codec.decode(cbor2.dumps(value))


NO_FORM: list[tuple[Any, str]] = [
    (object(), "object"),
    ({"a": [object()]}, r"at \['a'\]\[0\]"),
    (cbor2.CBORTag(35, "a+"), "CBORTag"),
    (cbor2.undefined, "UndefinedType"),
    ("\ud800", "surrogates"),
    ({(1, 2): 0}, "key"),
]


@pytest.mark.parametrize(("value", "reason"), NO_FORM, ids=[reason for _, reason in NO_FORM])
def test_what_has_no_form_is_refused_by_name(value: Any, reason: str) -> None:
    with pytest.raises(sigcore.CodecError, match=reason):
        codec.encode(value)


scalars = (
    st.none()
    | st.booleans()
    | st.integers(min_value=-(10**40), max_value=10**40)
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.datetimes(timezones=st.sampled_from([dt.UTC, EAST]))
    | st.uuids()
)
data = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=30)


@given(data)
def test_any_data_come_back_equal(value: Any) -> None:
    assert codec.decode(codec.encode(value)) == value


@given(data, st.data())
def test_no_part_of_a_message_and_nothing_more_than_it_is_a_message(value: Any, chance: st.DataObject) -> None:
    wire = codec.encode(value)
    end = chance.draw(st.integers(0, len(wire) - 1))
    for damaged in (wire[:end], wire + chance.draw(st.binary(min_size=1, max_size=4))):
        with pytest.raises(sigcore.CodecError):
            codec.decode(damaged)


def heads() -> Iterator[bytes]:
    for initial in range(256):
        yield bytes([initial])
        yield bytes([initial, 1])


wire_like = st.lists(st.sampled_from([*heads(), b"a", b"\x00" * 8, b"2024-05-01T12:00:00Z"]), max_size=12).map(b"".join)


@given(wire_like | st.binary(max_size=60))
def test_any_bytes_are_refused_or_a_value_that_can_be_sent_on(wire: bytes) -> None:
    try:
        value = codec.decode(wire)
    except sigcore.CodecError:
        return
    assert repr(codec.decode(codec.encode(value))) == repr(value)


def test_the_entry_point_names_it() -> None:
    script = "import sigcore; from sig_cbor import CborCodec; assert type(sigcore.load_codec('cbor')) is CborCodec"
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_the_readme_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    readme = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    example = readme.split("```python\n")[1].split("```")[0]
    exec(example, {})
    assert "{'celsius': 21.5, 'raw': b'\\x01\\x02'}" in capsys.readouterr().out
