# SPDX-License-Identifier: MIT
from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigcore import EndpointError, JsonOption, LinkOptions, Seconds, Size
from sigcore._options import (
    UNLIMITED,
    Limit,
    NamePatterns,
    format_limit,
    format_seconds,
    format_size,
    given_options,
    option_names,
    read_number,
    read_options,
)

if TYPE_CHECKING:
    pass

WHERE = "tcp://host"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    time: Seconds = 1.0
    size: Size = 1
    count: int = 0
    ratio: float = 0.0
    flag: bool = False
    text: str = ""
    stop: Literal["1", "1.5", "2"] = "1"
    bits: Literal[7, 8] = 8
    parity: Literal["N", "E"] | None = None
    limit: Seconds | None = None
    queue: Limit = 1
    noted: Annotated[int, "a note of the author's own"] = 0
    api_key: int = 0
    names: NamePatterns = ()
    anything: JsonOption = None
    table: dict[str, Any] = field(default_factory=dict)
    columns: list[str] | None = None
    derived: int = field(init=False, default=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    name: str
    low: int = 0
    high: int = 9

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError(f"low={self.low} is above high={self.high}")


def read(name: str, text: str) -> object:
    return getattr(read_options(Options, [(name, text)], where=WHERE), name)


def refusal(cls: type, *pairs: tuple[str, str]) -> str:
    with pytest.raises(EndpointError) as caught:
        read_options(cls, pairs, where=WHERE)
    assert str(caught.value).startswith(WHERE)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("time", "250ms", 0.25),
        ("time", "5s", 5.0),
        ("time", "1.5s", 1.5),
        ("time", "2min", 120.0),
        ("time", "1h", 3600.0),
        ("time", "0s", 0.0),
        ("time", "0.1s", 0.1),
        ("size", "512B", 512),
        ("size", "1kB", 1_000),
        ("size", "64KiB", 65_536),
        ("size", "1.5MiB", 1_572_864),
        ("size", "1MB", 1_000_000),
        ("size", "1GB", 10**9),
        ("size", "1GiB", 2**30),
        ("count", "-3", -3),
        ("count", "+3", 3),
        ("ratio", "1e-4", 0.0001),
        ("ratio", "-0.5", -0.5),
        ("flag", "on", True),
        ("flag", "YES", True),
        ("flag", "1", True),
        ("flag", "off", False),
        ("flag", "False", False),
        ("text", "a b", "a b"),
        ("stop", "1.5", "1.5"),
        ("bits", "7", 7),
        ("parity", "E", "E"),
        ("limit", "3s", 3.0),
        ("queue", "none", UNLIMITED),
        ("queue", "64KiB", 65_536),
        ("noted", "4", 4),
        ("names", "gps", ("gps",)),
        ("names", "thermo-*, gps", ("thermo-*", "gps")),
        ("anything", "null", None),
        ("anything", '"text"', "text"),
        ("anything", "[1,2.5,true]", [1, 2.5, True]),
        ("table", '{"temp":{"send":"T?","reply":"°"}}', {"temp": {"send": "T?", "reply": "°"}}),
        ("columns", '["time","value"]', ["time", "value"]),
    ],
)
def test_an_option_is_read_as_its_fields_type(name: str, text: str, value: object) -> None:
    found = read(name, text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *(("time", text) for text in ("5", "0", "s", "-1s", "5 s", "5S", "5m", "5s5", "1e3s", "٣s", "infs", "nan")),
        ("time", "9" * 5000 + "s"),
        *(("size", text) for text in ("5", "0", "1kb", "1K", "0.5B", "-1B", "1_000B", "5s")),
        *(("queue", text) for text in ("None", "NONE", "0", "5", "noneB", "unlimited", "inf")),
        *(("count", text) for text in ("1.0", "x", "1_0", "0x10", "--1", "9" * 5000)),
        *(("ratio", text) for text in ("inf", "nan", "1e999", "x", ".5")),
        *(("flag", text) for text in ("2", "maybe")),
        *(("stop", text) for text in ("3", "1.50")),
        *(("parity", text) for text in ("e", "None")),
        *(("names", text) for text in ("a,,b", "#a", "a,#b*")),
        *(("anything", text) for text in ("text", "{", "NaN", "[-Infinity]", "[" * 100_000)),
        *(("table", text) for text in ("[1]", "null", "1")),
        *(("columns", text) for text in ("{}", "time,value")),
    ],
)
def test_a_malformed_option_says_what_was_seen_and_what_is_accepted(name: str, text: str) -> None:
    message = refusal(Options, (name, text))
    assert f"option {name!r} cannot be {text[:100]!r}" in message
    assert f"as in {name}=" in message
    assert len(message) < 400


@pytest.mark.parametrize("name", option_names(Options))
def test_the_example_in_a_refusal_is_accepted(name: str) -> None:
    message = refusal(Options, (name, ""))
    assert f"option {name!r} has no value" in message
    read(name, message.rpartition(f"as in {name}=")[2])


def test_a_time_without_its_unit_names_the_units() -> None:
    assert "a time with its unit (ms, s, min, h), as in time=5s" in refusal(Options, ("time", "5"))
    assert "a size with its unit (B, kB, KiB, MB, MiB, GB, GiB), as in size=64KiB" in refusal(Options, ("size", "5"))
    assert "it takes none or a size with its unit (B, " in refusal(Options, ("queue", "5"))
    assert "one of 1, 1.5, 2" in refusal(Options, ("stop", "3"))


def test_a_repeated_option_is_refused_even_where_it_says_the_same() -> None:
    assert "option 'count' is given 2 times" in refusal(Options, ("count", "1"), ("count", "1"))


def test_an_unknown_option_is_refused_with_the_nearest_name() -> None:
    message = refusal(Options, ("raito", "1"))
    assert "unknown option 'raito'; did you mean 'ratio'? its own options are: anything, api_key, bits, co" in message
    assert "derived" not in message
    assert "every endpoint takes" not in message


def test_an_option_that_is_known_elsewhere_is_not_proposed_for_itself() -> None:
    with pytest.raises(EndpointError) as caught:
        read_options(Checked, [("max_frame", "1B")], where=WHERE, also=["max_frame", "credit"])
    assert "did you mean" not in str(caught.value)
    assert str(caught.value).endswith("every endpoint takes: credit, max_frame")


def test_a_malformed_secret_is_not_shown() -> None:
    assert "option 'api_key' cannot be ***" in refusal(Options, ("api_key", "hunter2"))


def test_a_missing_option_is_named_with_an_example() -> None:
    assert "option 'name' is missing; it takes text, as in name=" in refusal(Checked)


def test_what_the_dataclass_itself_refuses_is_an_endpoint_error() -> None:
    message = refusal(Checked, ("name", "x"), ("low", "10"))
    assert message == f"{WHERE}: low=10 is above high=9"


def test_given_options_are_those_in_the_text_alone() -> None:
    pairs = [("time", "5s"), ("count", "0")]
    assert given_options(Options, pairs, where=WHERE) == {"time": 5.0, "count": 0}
    assert given_options(Checked, [], where=WHERE) == {}


def test_the_options_of_every_link_can_be_read() -> None:
    pairs = [("codec", "cbor"), ("max_frame", "64KiB"), ("max_requests", "8"), ("dead_after", "1min")]
    assert read_options(LinkOptions, pairs, where=WHERE) == LinkOptions(
        codec="cbor", max_frame=65_536, max_requests=8, dead_after=60.0
    )


@pytest.mark.parametrize("hint", [set[int], int | str, bytes, "OnlyForCheckers"])
def test_a_field_that_no_option_can_fill_is_a_mistake_of_the_plug_ins_author(hint: Any) -> None:
    wrong: type = dataclass(type("Wrong", (), {"__annotations__": {"field": hint}, "__module__": __name__}))
    with pytest.raises(TypeError, match="Wrong"):
        read_options(wrong, [], where=WHERE)


def test_options_are_described_by_a_dataclass_and_nothing_else() -> None:
    with pytest.raises(TypeError, match="dataclass"):
        read_options(dict, [], where=WHERE)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0s"),
        (0.25, "250ms"),
        (1.5, "1500ms"),
        (5, "5s"),
        (90.0, "90s"),
        (120.0, "2min"),
        (7200.0, "2h"),
        (1e-4, "0.0001s"),
    ],
)
def test_a_time_is_printed_in_its_largest_whole_unit(value: float, text: str) -> None:
    assert format_seconds(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0B"),
        (513, "513B"),
        (1_000, "1kB"),
        (1_024, "1KiB"),
        (65_536, "64KiB"),
        (2**20, "1MiB"),
        (3 * 2**30, "3GiB"),
    ],
)
def test_a_size_is_printed_in_its_largest_whole_unit(value: int, text: str) -> None:
    assert format_size(value) == text


@given(st.integers(0, 2**39))
def test_a_printed_size_reads_back(value: int) -> None:
    assert read("size", format_size(value)) == value


@given(st.integers(0, 2**39) | st.just(UNLIMITED))
def test_a_printed_size_that_may_be_unlimited_reads_back(value: int) -> None:
    assert read("queue", format_limit(value)) == value


def test_unlimited_is_a_word_where_numbers_are_no_text_too() -> None:
    assert read_number(Options, "queue", "none") == UNLIMITED
    assert read_number(Options, "queue", 4096) == 4096
    for name, value in (("size", "none"), ("queue", "no"), ("count", "none"), ("queue", None)):
        with pytest.raises(ValueError, match=r"a number of bytes|a size with its unit|a whole number"):
            read_number(Options, name, value)


@given(st.integers(0, 10**11))
def test_a_printed_time_reads_back_to_the_microsecond(microseconds: int) -> None:
    assert read("time", format_seconds(microseconds / 10**6)) == microseconds / 10**6


@given(st.sampled_from(option_names(Options)), st.text() | st.text("0123456789.smhBkKMiG+-e"))
def test_any_text_is_a_value_or_an_endpoint_error(name: str, text: str) -> None:
    try:
        read(name, text)
    except EndpointError:
        assert name != "text" or not text
