# SPDX-License-Identifier: MIT
"""``type=``: data become objects of the user's class and back, strictly, with msgspec and without."""

from __future__ import annotations

import base64
import dataclasses
import datetime as dt
import decimal
import enum
import json
import subprocess
import sys
import uuid
from typing import Any, Literal, Optional

import msgspec
import pydantic
import pytest

from sigcore import CodecError, TypeMismatch
from sigcore._typed import make_reader, make_writer


@pytest.fixture(params=["msgspec", "alone"])
def either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run the test with msgspec, and again where it cannot be imported."""
    which: str = request.param
    if which == "alone":
        monkeypatch.setitem(sys.modules, "msgspec", None)
    return which


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "msgspec", None)


@dataclasses.dataclass
class Reading:
    celsius: float
    unit: str = "C"
    seq: int | None = None
    good: bool = True
    note: Any = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    a: int
    b: Optional[str] = None  # noqa: UP045  # users write it either way
    made: list[int] = dataclasses.field(default_factory=list, init=False)


@dataclasses.dataclass
class Late:
    a: int
    late: int = dataclasses.field(default=7, init=False)


@dataclasses.dataclass
class Positive:
    a: int

    def __post_init__(self) -> None:
        if self.a < 0:
            raise ValueError("a is negative")


class Mode(enum.Enum):
    ON = "on"


@dataclasses.dataclass
class Rich:
    raw: bytes
    at: dt.datetime
    who: uuid.UUID
    mode: Mode
    readings: list[Reading]
    price: decimal.Decimal = decimal.Decimal("1.5")


class Struct(msgspec.Struct, rename="camel"):
    long_name: int
    raw: bytes = b""


class Model(pydantic.BaseModel):
    celsius: float
    raw: bytes | None = None
    named: int = pydantic.Field(default=0, alias="otherName")
    at: dt.datetime | None = None
    mode: Mode = Mode.ON


RICH = Rich(b"\x00\xff", dt.datetime(2024, 5, 1, 12, tzinfo=dt.UTC), uuid.UUID(int=5), Mode.ON, [Reading(1.5)])

FITS: list[tuple[Any, Any]] = [
    ({"celsius": 21.5}, Reading(21.5)),
    ({"celsius": 21, "seq": 2**70}, Reading(21.0, seq=2**70)),
    ({"celsius": 1.0, "unit": "F", "seq": None, "good": False, "note": [1]}, Reading(1.0, "F", None, False, [1])),
    ({"celsius": 1.0, "unknown": 5, "another": {}}, Reading(1.0)),
]

DOES_NOT_FIT: list[tuple[Any, str]] = [
    ({}, "celsius"),
    ({"unit": "C"}, "celsius"),
    ({"celsius": "21.5"}, "celsius.*|.*str"),
    ({"celsius": True}, "bool.*celsius|celsius.*bool"),
    ({"celsius": None}, "celsius"),
    ({"celsius": 10**400}, "celsius"),
    ({"celsius": 1.0, "unit": 5}, "int.*unit|unit.*int"),
    ({"celsius": 1.0, "seq": 1.0}, "float.*seq|seq.*float"),
    ({"celsius": 1.0, "seq": "5"}, "str.*seq|seq.*str"),
    ({"celsius": 1.0, "good": 1}, "int.*good|good.*int"),
    ([21.5], "array|list"),
    ("21.5", "str"),
    (None, "null|None"),
]


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize(("data", "reading"), FITS)
def test_data_that_fit_become_objects(data: Any, reading: Reading) -> None:
    found = make_reader(Reading)(data)
    assert found == reading
    assert type(found.celsius) is float


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize(("data", "what"), DOES_NOT_FIT)
def test_data_that_do_not_fit_are_refused_and_the_message_says_what_and_where(data: Any, what: str) -> None:
    with pytest.raises(TypeMismatch, match=f"^data do not fit Reading: .*({what})"):
        make_reader(Reading)(data)


@pytest.mark.usefixtures("either_way")
def test_an_object_of_the_class_comes_back_as_the_very_object() -> None:
    reading = Reading(1.0)
    assert make_reader(Reading)(reading) is reading


@pytest.mark.usefixtures("either_way")
def test_an_object_becomes_plain_data_and_other_data_pass() -> None:
    write = make_writer(Reading)
    assert write is not None
    expected = {"celsius": 1.5, "unit": "C", "seq": None, "good": True, "note": None}
    assert write(Reading(1.5)) == expected
    assert write({"celsius": 1}) == {"celsius": 1}
    assert make_reader(Reading)(write(Reading(1.5))) == Reading(1.5)


def test_fields_that_init_does_not_set_are_read_where_msgspec_is_there() -> None:
    write = make_writer(Late)
    assert write is not None
    assert write(Late(1)) == {"a": 1}  # what only the class has is not sent
    assert make_reader(Late)({"a": 1, "late": 9}).late == 9


@pytest.mark.usefixtures("either_way")
def test_what_the_class_itself_has_against_the_values_is_a_type_mismatch() -> None:
    with pytest.raises(TypeMismatch, match="a is negative"):
        make_reader(Positive)({"a": -1})


@dataclasses.dataclass
class Nested:
    reading: Reading


@dataclasses.dataclass
class WithInit:
    a: int
    setup: dataclasses.InitVar[int] = 0


@dataclasses.dataclass
class Unresolved:
    a: Nowhere  # type: ignore[name-defined]  # noqa: F821  # that is the point


class Ordinary:
    pass


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("make", [make_reader, make_writer])
@pytest.mark.parametrize(
    "wanted", [Nested, Frozen, Late, Rich, list[int], Ordinary, dict[str, int], dt.datetime, Mode, int | None]
)
def test_without_msgspec_anything_beyond_flat_dataclasses_names_what_to_install(make: Any, wanted: Any) -> None:
    with pytest.raises(TypeMismatch, match=r"pip install 'sigcore\[msgspec\]'"):
        make(wanted)


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize("make", [make_reader, make_writer])
@pytest.mark.parametrize("wanted", [Ordinary, WithInit, Unresolved, complex, 5, "Reading", [Reading]])
def test_a_type_that_cannot_work_is_refused_when_it_is_named(make: Any, wanted: Any) -> None:
    with pytest.raises(TypeMismatch):
        make(wanted)


BUILTIN_FITS: list[tuple[Any, Any, Any]] = [
    (int, 5, 5),
    (int, 2**70, 2**70),
    (float, 5, 5.0),
    (float, 1.5, 1.5),
    (str, "a", "a"),
    (bool, True, True),
    (bytes, b"a", b"a"),
    (bytes, "YQ==", b"a"),
    (bytes, bytearray(b"a"), b"a"),
    (list, [1, "a"], [1, "a"]),
    (list, (1,), [1]),
    (dict, {"a": 1}, {"a": 1}),
]
BUILTIN_MISFITS: list[tuple[Any, Any]] = [
    (int, "5"),
    (int, 5.0),
    (int, True),
    (int, None),
    (float, "1"),
    (float, True),
    (float, 10**400),
    (str, 5),
    (str, b"a"),
    (bool, 1),
    (bytes, "no base64!"),
    (bytes, [1]),
    (list, {}),
    (list, "ab"),
    (dict, []),
]


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize(("wanted", "data", "value"), BUILTIN_FITS)
def test_built_in_types_take_what_fits(wanted: Any, data: Any, value: Any) -> None:
    found = make_reader(wanted)(data)
    assert found == value
    assert type(found) is type(value)
    assert make_writer(wanted) is None


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize(("wanted", "data"), BUILTIN_MISFITS)
def test_built_in_types_refuse_the_rest(wanted: Any, data: Any) -> None:
    with pytest.raises(TypeMismatch, match=f"^data do not fit {wanted.__name__}: "):
        make_reader(wanted)(data)


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize("wanted", [None, Any, object])
def test_without_a_type_the_very_data_come(wanted: Any) -> None:
    data = {"a": [1]}
    assert make_reader(wanted)(data) is data
    assert make_writer(wanted) is None


def as_json_carries(value: Any) -> Any:
    """What plain data look like behind a JSON link."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {key: as_json_carries(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_json_carries(item) for item in value]
    return (
        value.isoformat() if isinstance(value, dt.datetime) else str(value) if isinstance(value, uuid.UUID) else value
    )


@pytest.mark.parametrize("carried", [lambda plain: plain, as_json_carries], ids=["cbor", "json"])
@pytest.mark.parametrize(
    ("wanted", "value"),
    [
        (Rich, RICH),
        (Nested, Nested(Reading(1.5))),
        (Struct, Struct(5, b"\x00\xff")),
        (Model, Model(celsius=1.5, raw=b"\x00\xff", otherName=5, at=RICH.at)),
        (list[Reading], [Reading(1.5)]),
        (dict[str, Struct], {"a": Struct(1)}),
        (Reading | None, Reading(1.5)),
        (Literal["a", "b"], "a"),
        (dt.datetime, RICH.at),
        (Mode, Mode.ON),
    ],
    ids=str,
)
def test_nested_objects_come_back_equal_whatever_carried_them(wanted: Any, value: Any, carried: Any) -> None:
    write = make_writer(wanted)
    assert write is not None
    assert make_reader(wanted)(carried(write(value))) == value


def test_bytes_and_dates_stay_as_they_are_for_the_codec() -> None:
    write = make_writer(Rich)
    assert write is not None
    plain = write(RICH)
    assert (plain["raw"], plain["at"], plain["who"]) == (RICH.raw, RICH.at, RICH.who)
    assert (plain["mode"], plain["price"]) == ("on", "1.5")
    assert type(plain["readings"][0]) is dict


def test_the_message_of_a_nested_misfit_says_where() -> None:
    with pytest.raises(TypeMismatch, match=r"Expected `float`, got `str` - at `\$\[1\].celsius`"):
        make_reader(list[Reading])([{"celsius": 1.0}, {"celsius": "x"}])


def test_an_object_with_something_unsendable_is_a_codec_error() -> None:
    write = make_writer(Reading)
    assert write is not None
    with pytest.raises(CodecError, match="object"):
        write(Reading(1.0, note=object()))


def test_pydantic_validates_by_its_own_rules_and_its_misfits_are_type_mismatches() -> None:
    read = make_reader(Model)
    assert read({"celsius": 1, "otherName": 3, "unknown": 1}) == Model(celsius=1.0, otherName=3)
    with pytest.raises(TypeMismatch, match=r"data do not fit Model: .*\n?celsius"):
        read({"celsius": "warm"})
    with pytest.raises(TypeMismatch, match="data do not fit Model"):
        read({"celsius": 1.0, "raw": "no base64!"})


def test_pydantic_works_without_msgspec_and_msgspec_without_pydantic(alone: None) -> None:
    model = Model(celsius=1.5)
    write = make_writer(Model)
    assert write is not None
    assert make_reader(Model)(write(model)) == model
    assert make_reader(Model)(model) is model
    assert write({"celsius": 1}) == {"celsius": 1}


@pytest.mark.parametrize(
    ("type_text", "not_loaded"),
    [("int", ["msgspec", "pydantic"]), ("dict", ["msgspec", "pydantic"]), ("Flat", ["pydantic"])],
)
def test_nothing_is_imported_that_the_class_does_not_need(type_text: str, not_loaded: list[str]) -> None:
    script = (
        "import dataclasses, json, sys\n"
        "from sigcore._typed import make_reader, make_writer\n"
        "@dataclasses.dataclass\n"
        "class Flat:\n"
        "    a: int\n"
        f"make_reader({type_text}); make_writer({type_text})\n"
        "print(json.dumps([name for name in ('msgspec', 'pydantic') if name in sys.modules]))\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], check=True, timeout=60, capture_output=True, text=True)
    assert not set(json.loads(ran.stdout)) & set(not_loaded)
