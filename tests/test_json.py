# SPDX-License-Identifier: MIT
"""The codec ``json`` by docs/codecs.md: each row holds with msgspec and without."""

from __future__ import annotations

import array
import collections
import dataclasses
import datetime as dt
import decimal
import enum
import json
import math
import subprocess
import sys
import threading
import uuid
from typing import Any

import attrs
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sigcore
from sigcore._json import JsonCodec, MsgspecJsonCodec, json_codec

CODECS = [pytest.param(JsonCodec(), id="standard-library"), pytest.param(MsgspecJsonCodec(), id="msgspec")]
both = pytest.mark.parametrize("codec", CODECS)
plain_codec, fast_codec = JsonCodec(), MsgspecJsonCodec()


class Text(str):
    pass


class Whole(int):
    pass


class Real(float):
    pass


class Raw(bytes):
    pass


class Moment(dt.datetime):
    pass


class Money(decimal.Decimal):
    pass


class Colour(enum.Enum):
    RED = "red"
    TWO = 2
    HALF = 1.5
    RAW = b"x"
    PAIR = (1, 2)
    NONE = None
    TEXT = Text("subclass")


class Flags(enum.Flag):
    A = 1
    B = 2


class Level(enum.IntEnum):
    HIGH = 3


class Unit(enum.StrEnum):
    C = "celsius"


Pair = collections.namedtuple("Pair", "a b")


@dataclasses.dataclass
class Reading:
    celsius: float
    unit: str = "C"
    _hidden: int = 0
    late: int = dataclasses.field(default=2, init=False)
    made: list[int] = dataclasses.field(default_factory=list, init=False)
    setup: dataclasses.InitVar[int] = 5


@dataclasses.dataclass(slots=True)
class Slotted:
    a: int
    late: int = dataclasses.field(default=2, init=False)


@dataclasses.dataclass
class SlottedChild(Slotted):
    b: int = 3


@dataclasses.dataclass
class NumberRecord(int):
    a: int = 5


@dataclasses.dataclass
class MapRecord(dict):  # type: ignore[type-arg]  # as users write it
    a: int = 5


@attrs.define
class SlottedAttrs:
    a: int
    _b: int = 2


@attrs.define(slots=False)
class Attrs:
    a: int
    _b: int = 2


class Record(msgspec.Struct, rename="camel", omit_defaults=True, tag=True):
    long_name: Any = None
    other: int = 1


class RecordArray(msgspec.Struct, array_like=True):
    a: int
    b: bytes


class NoOffset(dt.tzinfo):
    def utcoffset(self, when: dt.datetime | None) -> None:
        return None

    def dst(self, when: dt.datetime | None) -> None:
        return None

    def tzname(self, when: dt.datetime | None) -> None:
        return None


def zone(**offset: float) -> dt.timezone:
    return dt.timezone(dt.timedelta(**offset))


def reading_with_extras() -> Reading:
    reading = Reading(1.5)
    reading.extra = 1  # type: ignore[attr-defined]  # what is no field is not sent
    return reading


def incomplete() -> Slotted:
    slotted = Slotted(1)
    del slotted.a
    return slotted


NOON = dt.datetime(2024, 5, 1, 12, 0, 0)

ENCODED: list[tuple[Any, str]] = [
    (None, "null"),
    (True, "true"),
    (False, "false"),
    (0, "0"),
    (-1, "-1"),
    (2**63 - 1, "9223372036854775807"),
    (2**64, "18446744073709551616"),
    (-(2**63) - 1, "-9223372036854775809"),
    (10**4299, "1" + "0" * 4299),
    (1 - 10**4300, "-" + "9" * 4300),
    (1.0, "1.0"),
    (-0.0, "-0.0"),
    (0.1, "0.1"),
    (1e15, "1000000000000000.0"),
    (1e16, "1e16"),
    (1.5e300, "1.5e300"),
    (0.0001, "0.0001"),
    (1e-5, "0.00001"),
    (-1.5e-5, "-0.000015"),
    (1e-6, "1e-6"),
    (5e-324, "5e-324"),
    (1.7976931348623157e308, "1.7976931348623157e308"),
    (math.nan, "null"),
    (math.inf, "null"),
    ([-math.inf], "[null]"),
    ("", '""'),
    ("é\u2028\U0001f600\x7f", '"é\u2028\U0001f600\x7f"'),
    ('"\\/\b\f\n\r\t\x00\x1f', '"\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f"'),
    (b"", '""'),
    (b"a", '"YQ=="'),
    (bytearray(b"abc"), '"YWJj"'),
    (memoryview(b"abcd"), '"YWJjZA=="'),
    (memoryview(b"a-b-")[::2], '"YWI="'),
    (memoryview(array.array("H", [0x6161])), '"YWE="'),
    (NOON, '"2024-05-01T12:00:00"'),
    (NOON.replace(microsecond=500), '"2024-05-01T12:00:00.000500"'),
    (NOON.replace(tzinfo=dt.UTC), '"2024-05-01T12:00:00Z"'),
    (NOON.replace(tzinfo=zone(hours=5, minutes=30)), '"2024-05-01T12:00:00+05:30"'),
    (NOON.replace(tzinfo=zone(minutes=-30)), '"2024-05-01T12:00:00-00:30"'),
    (NOON.replace(tzinfo=zone(hours=5, seconds=29)), '"2024-05-01T12:00:00+05:00"'),
    (NOON.replace(tzinfo=zone(hours=-5, seconds=-31)), '"2024-05-01T12:00:00-05:01"'),
    (NOON.replace(tzinfo=zone(seconds=20)), '"2024-05-01T12:00:00Z"'),
    (NOON.replace(tzinfo=NoOffset()), '"2024-05-01T12:00:00"'),
    (dt.datetime(1, 1, 1), '"0001-01-01T00:00:00"'),
    (dt.date(2024, 5, 1), '"2024-05-01"'),
    (dt.time(1, 2, 3), '"01:02:03"'),
    (dt.time(1, 2, 3, 4, tzinfo=dt.UTC), '"01:02:03.000004Z"'),
    (dt.time(1, tzinfo=zone(hours=-3)), '"01:00:00-03:00"'),
    (dt.timedelta(), '"P0D"'),
    (dt.timedelta(days=2), '"P2D"'),
    (dt.timedelta(days=1, hours=1, milliseconds=5), '"P1DT3600.005S"'),
    (dt.timedelta(seconds=-1), '"-PT1S"'),
    (dt.timedelta.max, '"P999999999DT86399.999999S"'),
    (dt.timedelta.min, '"-P999999999D"'),
    (uuid.UUID(int=5), '"00000000-0000-0000-0000-000000000005"'),
    (decimal.Decimal("1.50"), '"1.50"'),
    (decimal.Decimal("1E+100"), '"1E+100"'),
    (decimal.Decimal("NaN"), '"NaN"'),
    ([], "[]"),
    ({}, "{}"),
    ((1, 2), "[1,2]"),
    (Pair(1, 2), "[1,2]"),
    ({1}, "[1]"),
    (frozenset({1}), "[1]"),
    (collections.OrderedDict(b=1, a=2), '{"b":1,"a":2}'),
    (collections.defaultdict(int, a=1), '{"a":1}'),
    (Text("a"), '"a"'),
    (Whole(1), "1"),
    (Real(1.5), "1.5"),
    (Real("nan"), "null"),
    (Raw(b"a"), '"YQ=="'),
    (Moment(2024, 5, 1), '"2024-05-01T00:00:00"'),
    (Money("1.5"), '"1.5"'),
    ([Text("a"), {"b": Whole(1)}], '["a",{"b":1}]'),
    (list(Colour), '["red",2,1.5,"eA==",[1,2],null,"subclass"]'),
    ([Flags.A | Flags.B, Level.HIGH, Unit.C], '[3,3,"celsius"]'),
    (reading_with_extras(), '{"celsius":1.5,"unit":"C","_hidden":0,"made":[]}'),
    (Slotted(1), '{"a":1,"late":2}'),
    (SlottedChild(1, b=4), '{"a":1,"b":4}'),
    (incomplete(), '{"late":2}'),
    (NumberRecord(7), '{"a":7}'),
    (MapRecord(7), "{}"),
    (SlottedAttrs(1), '{"a":1}'),
    (Attrs(1), '{"a":1}'),
    (Record(b"x"), '{"type":"Record","longName":"eA=="}'),
    ([RecordArray(1, b"x"), None], '[[1,"eA=="],null]'),
    ({None: Record({1: NOON})}, '{"null":{"type":"Record","longName":{"1":"2024-05-01T12:00:00"}}}'),
    ({None: Record(Text("a"))}, '{"null":{"type":"Record","longName":"a"}}'),
    ({1: 0, -1: 0, 2**70: 0}, '{"1":0,"-1":0,"1180591620717411303424":0}'),
    ({True: 0, False: 0, None: 0}, '{"true":0,"false":0,"null":0}'),
    ({1.5: 0, 1e16: 0, 1e-5: 0}, '{"1.5":0,"1e16":0,"0.00001":0}'),
    ({math.nan: 0, math.inf: 0, -math.inf: 0}, '{"nan":0,"inf":0,"-inf":0}'),
    ({b"a": 0}, '{"YQ==":0}'),
    ({dt.date(2024, 5, 1): 0, NOON: 0}, '{"2024-05-01":0,"2024-05-01T12:00:00":0}'),
    ({dt.timedelta(1): 0, dt.time(1): 0}, '{"P1D":0,"01:00:00":0}'),
    ({uuid.UUID(int=5): 0, decimal.Decimal("1.0"): 0}, '{"00000000-0000-0000-0000-000000000005":0,"1.0":0}'),
    ({Text("a"): 0, Whole(5): 0, Real(1.5): 0}, '{"a":0,"5":0,"1.5":0}'),
    ({Colour.RED: 0, Colour.RAW: 0, Unit.C: 0, Level.HIGH: 0}, '{"red":0,"eA==":0,"celsius":0,"3":0}'),
    ({"a": [1, (2, {"b": None})]}, '{"a":[1,[2,{"b":null}]]}'),
]

NO_FORM: list[tuple[Any, str]] = [
    (object(), "object"),
    (Reading, "type"),
    (1j, "complex"),
    (range(3), "range"),
    (collections.deque([1]), "deque"),
    ((item for item in [1]), "generator"),
    ({"a": [1, {"b": object()}]}, r"at \['a'\]\[1\]\['b'\]"),
    ({(1,): 0}, "tuple cannot be the key"),
    ({frozenset({1}): 0}, "frozenset cannot be the key"),
    ({Colour.PAIR: 0}, "tuple cannot be the key"),
    (Record(object()), "object"),
    ("\ud800", "surrogates"),
    ({"\udfff": 0}, "surrogates"),
    (10**4300, "4300"),
    ({10**4300: 0}, "4300"),
]

DECODED: list[tuple[bytes, Any]] = [
    (b" null\r\n\t", None),
    (b"-0", 0),
    (b"-0.0", -0.0),
    (b"1E+2", 100.0),
    (b"1e-400", 0.0),
    (b"0e999999999999", 0.0),
    (b"9007199254740993", 9007199254740993),
    (b"123456789012345678901234567890.5", 1.2345678901234568e29),
    (b"18446744073709551616", 2**64),
    (b"9" * 4300, 10**4300 - 1),
    (b"[-" + b"9" * 4300 + b"]", [1 - 10**4300]),
    (b'"\\u00e9\\ud83d\\ude00\\/"', "é😀/"),
    (b'"\\\\ud800"', "\\ud800"),
    (b'"\xf4\x8f\xbf\xbf\x7f"', "\U0010ffff\x7f"),
    (b'{"a":1,"b":2,"a":3}', {"a": 3, "b": 2}),
    (b'{"":[[],{}]}', {"": [[], {}]}),
]

REFUSED: list[bytes] = [
    b"",
    b"  ",
    b"1 2",
    b"1]",
    b"{}{}",
    b"1\x00",
    b"1\xa0",
    b"\x0c1",
    b"NaN",
    b"[Infinity]",
    b"-Infinity",
    b"1e400",
    b"[-1e400]",
    b"1" * 400 + b".5",
    b"9" * 4301,
    b"-" + b"9" * 4301,
    b"01",
    b"1.",
    b".5",
    b"+1",
    b"-",
    b"0x10",
    b"nul",
    b"True",
    b"[1,]",
    b'{"a":1,}',
    b"{1:2}",
    b"{'a':1}",
    b'{"a"}',
    b"[",
    b'"',
    b'"\t"',
    b'"\x00"',
    b'"\\x"',
    b'"\\u00"',
    b'"\\ud800"',
    b'"\\ud800x"',
    b'"\\udc00"',
    b'"\\uDBFF\\u0041"',
    b'{"\\ud800":1}',
    b'"\xff"',
    b'"\xed\xa0\x80"',
    b'"\xc0\xaf"',
    b"\xef\xbb\xbf1",
    '"é"'.encode("utf-16"),
    "1".encode("utf-32-le"),
    b"/**/1",
]


def same(one: Any, other: Any) -> bool:
    """Equal, and of the same types: 1, 1.0 and True are three values."""
    return repr(one) == repr(other)


@both
@pytest.mark.parametrize(("value", "text"), ENCODED, ids=[text[:30] for _, text in ENCODED])
def test_each_value_has_one_text(codec: JsonCodec, value: Any, text: str) -> None:
    assert codec.encode(value) == text.encode()


@both
@pytest.mark.parametrize(("value", "reason"), NO_FORM, ids=[reason for _, reason in NO_FORM])
def test_what_has_no_form_is_refused_by_name(codec: JsonCodec, value: Any, reason: str) -> None:
    with pytest.raises(sigcore.CodecError, match=reason):
        codec.encode(value)


@both
@pytest.mark.parametrize(("text", "value"), DECODED, ids=[repr(text[:30]) for text, _ in DECODED])
def test_each_text_has_one_value(codec: JsonCodec, text: bytes, value: Any) -> None:
    assert same(codec.decode(text), value)


@both
@pytest.mark.parametrize("text", REFUSED, ids=[repr(text[:30]) for text in REFUSED])
def test_what_is_not_strict_json_is_refused(codec: JsonCodec, text: bytes) -> None:
    with pytest.raises(sigcore.CodecError, match="not the JSON that sigcore takes"):
        codec.decode(text)


@both
def test_keys_that_become_the_same_text_are_one_key_and_the_last_wins(codec: JsonCodec) -> None:
    assert codec.decode(codec.encode({1: "number", "1": "text"})) == {"1": "text"}
    assert codec.decode(codec.encode({"1": "text", 1: "number", None: 0})) == {"1": "number", "null": 0}


def nested(levels: int, kind: type) -> Any:
    value: Any = kind()
    for _ in range(levels - 1):
        value = {"a": value} if kind is dict else [value]
    return value


@both
@pytest.mark.parametrize("kind", [list, dict])
def test_thirty_two_levels_are_taken_and_one_more_is_not(codec: JsonCodec, kind: type) -> None:
    deepest = codec.encode(nested(32, kind))
    assert codec.decode(deepest) == nested(32, kind)
    with pytest.raises(sigcore.CodecError, match="32 levels"):
        codec.encode(nested(33, kind))
    with pytest.raises(sigcore.CodecError, match="32 levels"):
        codec.decode(b"[" + deepest + b"]")
    with pytest.raises(sigcore.CodecError, match="32 levels"):
        codec.decode(b'{"' + b"a" * 100 + b'":' + deepest + b"}")


@both
@pytest.mark.parametrize("kind", [list, dict])
def test_a_million_levels_are_refused_like_thirty_three(codec: JsonCodec, kind: type) -> None:
    with pytest.raises(sigcore.CodecError, match="32 levels"):
        codec.encode(nested(1_000_000, kind))


@both
@pytest.mark.parametrize("start", [b"[", b'{"a":', b'["', b'[{"":', b"]", b'"\\'])
def test_a_million_openings_cost_no_stack(codec: JsonCodec, start: bytes) -> None:
    with pytest.raises(sigcore.CodecError):
        codec.decode(start * 1_000_000)


@both
def test_brackets_in_text_are_no_levels_and_no_entries(codec: JsonCodec) -> None:
    for value in ("[" * 200_000, ['["' * 50, "}" * 99, '\\"[', "\\"], {"[{" * 40: "," * 200_000}):
        assert codec.decode(codec.encode(value)) == value


@both
def test_a_hundred_thousand_entries_are_taken_and_one_more_is_not(codec: JsonCodec) -> None:
    numbers = list(range(100_002))
    for most, too_many in (
        (numbers[:100_000], numbers[:100_001]),
        ([[]] * 50_000, [[]] * 50_001),
        ({str(key): {} for key in numbers[:50_000]}, {str(key): {} for key in numbers[:50_001]}),
    ):
        assert codec.decode(codec.encode(most)) == most
        with pytest.raises(sigcore.CodecError, match="100000 entries"):
            codec.encode(too_many)
        with pytest.raises(sigcore.CodecError, match="100000 entries"):
            codec.decode(json.dumps(too_many).encode())


@both
def test_data_that_hold_themselves_are_refused(codec: JsonCodec) -> None:
    ring: list[Any] = [1]
    ring.append({"again": ring})
    record = Reading(1.0)
    record.made = [record]  # type: ignore[list-item]  # that is the point
    for value in (ring, record):
        with pytest.raises(sigcore.CodecError, match="hold themselves"):
            codec.encode(value)


@both
def test_bytes_and_memoryviews_decode_alike_and_are_let_go(codec: JsonCodec) -> None:
    buffer = bytearray(b'{"a":["text"]}')
    value = codec.decode(memoryview(buffer))
    buffer.clear()  # a view that somebody still held would make this a BufferError
    assert value == {"a": ["text"]}


@both
def test_only_bytes_are_decoded(codec: JsonCodec) -> None:
    with pytest.raises(sigcore.CodecError):
        codec.decode('{"a":1}')  # type: ignore[arg-type]  # as a caller without types might


@both
def test_one_codec_serves_many_threads(codec: JsonCodec) -> None:
    wrong: list[Any] = []

    def work(number: int) -> None:
        value = {"n": [number] * 50, "late": {None: number}}
        for _ in range(200):
            found = codec.decode(codec.encode(value))
            if found != {"n": [number] * 50, "late": {"null": number}}:
                wrong.append(found)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@both
def test_a_message_shows_no_more_than_the_start_of_what_came(codec: JsonCodec) -> None:
    with pytest.raises(sigcore.CodecError) as caught:
        codec.decode(b"\x1b[31m" + b"x" * 10_000)
    assert len(str(caught.value)) < 300
    assert "\x1b" not in str(caught.value)


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=-(10**40), max_value=10**40)
    | st.floats()
    | st.text()
    | st.binary()
    | st.datetimes(timezones=st.none() | st.just(dt.UTC) | st.just(zone(hours=5, minutes=45)))
    | st.dates()
    | st.timedeltas()
    | st.uuids()
    | st.decimals()
    | st.sampled_from(list(Colour))
)
keys = st.text() | st.integers() | st.floats() | st.booleans() | st.none() | st.binary() | st.dates()
data = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(keys, inner)
        | st.builds(Reading, inner)
        | st.builds(Record, inner)
    ),
    max_leaves=20,
)


def outcome(call: Any, argument: Any) -> Any:
    """What a call gives: its result, or that it refused."""
    try:
        return call(argument)
    except sigcore.CodecError:
        return sigcore.CodecError


def without_lost_keys(text: Any) -> Any:
    """Read what was written, where two keys that became the same text are one."""
    return text if text is sigcore.CodecError else plain_codec.decode(text)


@given(data)
def test_any_data_are_written_alike_with_and_without_msgspec(value: Any) -> None:
    one, other = outcome(plain_codec.encode, value), outcome(fast_codec.encode, value)
    assert one == other or same(without_lost_keys(one), without_lost_keys(other))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_is_written_alike_and_comes_back(value: float) -> None:
    assert plain_codec.encode(value) == fast_codec.encode(value)
    assert same(plain_codec.decode(plain_codec.encode(value)), value)
    assert same(fast_codec.decode(plain_codec.encode(value)), value)


PIECES = (  # noqa: SIM905  # a list of quoted quotes would be harder to read
    r'[ ] { } , : " \ \u d800 dc00 a 0 1 - . e E+ null true NaN Infinity "a": [] {} "x" é \ufeff e308 e-5 0.1'
    " 99999999999999999999"
).split()
json_like = st.lists(st.sampled_from([*PIECES, " ", "\n", "\x00", "\ufeff"])).map("".join)


@given(json_like.map(str.encode) | st.binary())
def test_any_bytes_are_read_alike_with_and_without_msgspec(text: bytes) -> None:
    assert same(outcome(plain_codec.decode, text), outcome(fast_codec.decode, text))


@given(st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20))
def test_what_was_decoded_can_be_encoded_again_to_the_same_bytes(value: Any) -> None:
    text = plain_codec.encode(value)
    for codec in (plain_codec, fast_codec):
        assert codec.encode(codec.decode(text)) == text


def test_msgspec_is_used_where_it_is_installed() -> None:
    assert isinstance(json_codec(), MsgspecJsonCodec)


def test_without_msgspec_the_standard_library_does_it() -> None:
    script = (
        "import sys; sys.modules['msgspec'] = None\n"
        "from sigcore._plugin_json import sigcore_codec\n"
        "codec = sigcore_codec()\n"
        "assert type(codec).__name__ == 'JsonCodec', codec\n"
        "assert codec.decode(codec.encode({'a': b'x'})) == {'a': 'eA=='}\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
