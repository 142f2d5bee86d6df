# SPDX-License-Identifier: MIT
"""A line becomes an event, by each of the ways to read it, or is said to be wrong."""

from __future__ import annotations

from typing import Any

import pytest
from sig_lines import LinesOptions
from sig_lines._checksum import nmea_payload
from sig_lines._description import describe


def reading(line: str, **options: Any) -> tuple[str, Any]:
    return describe(LinesOptions(**options), skips_first=False).read(line)


GGA = r"^\$..(?P<event>GGA|RMC),(?P<utc>[0-9.]+),(?P<lat>[0-9.]+),"


@pytest.mark.parametrize(
    ("options", "line", "event", "data"),
    [
        ({}, "hello world", "line", "hello world"),
        ({"event": "said"}, "", "said", ""),
        ({"parse": "json"}, '{"celsius": 21.5, "tags": ["a"]}', "line", {"celsius": 21.5, "tags": ["a"]}),
        ({"parse": "json"}, "3", "line", 3),
        ({"parse": "keyvalue"}, "t=21.5 h=40", "line", {"t": 21.5, "h": 40}),
        ({"parse": "keyvalue"}, 'temp: -3,name="north wall"; ok', None, None),
        ({"parse": "keyvalue"}, ' temp: -3, name="north wall" ;', "line", {"temp": -3, "name": "north wall"}),
        ({"parse": "keyvalue"}, "id=007 empty= x=1e3", "line", {"id": "007", "empty": "", "x": 1000.0}),
        ({"parse": "keyvalue", "types": {"id": "number"}}, "id=007", "line", {"id": 7}),
        ({"parse": "csv", "columns": "t,h"}, "21.5, 40", "line", {"t": 21.5, "h": 40}),
        ({"parse": "csv", "columns": '["t", "", "h"]'}, "21.5,skipped,40", "line", {"t": 21.5, "h": 40}),
        ({"parse": "csv", "columns": "a,b", "separator": "tab"}, "1\t2", "line", {"a": 1, "b": 2}),
        ({"parse": "csv", "columns": "a,b", "separator": ";"}, '"x;y";2', "line", {"a": "x;y", "b": 2}),
        (
            {"parse": "csv", "columns": "a,b", "types": {"a": "text", "b": "number"}},
            "1,",
            "line",
            {"a": "1", "b": None},
        ),
        ({"pattern": r"T=([0-9.]+)"}, "at 9: T=21.5 C", "line", 21.5),
        ({"pattern": r"T=(?P<celsius>[0-9.]+)( H=(?P<h>\d+))?"}, "T=21.5", "line", {"celsius": 21.5, "h": None}),
        ({"pattern": r"(\d+)/(\d+)"}, "3/4", "line", [3, 4]),
        ({"pattern": "ALARM"}, "!! ALARM !!", "line", "ALARM"),
        ({"events": {"hot": "^HOT", "cold": {"pattern": "^COLD (.+)"}}}, "COLD -3", "cold", -3),
        ({"events": {"hot": "^HOT"}, "pattern": "(.*)", "event": "rest"}, "other", "rest", "other"),
        (
            {"pattern": GGA, "event_names": "GGA,RMC", "types": {"utc": "text"}},
            "$GPGGA,092750.000,5321.68,N",
            "GGA",
            {"utc": "092750.000", "lat": 5321.68},
        ),
        ({"pattern": GGA, "event": "fix"}, "$GPRMC,1.0,2.0,", "fix", {"event": "RMC", "utc": 1.0, "lat": 2.0}),
    ],
)
def test_a_line_is_read_as_the_options_say(options: dict[str, Any], line: str, event: str | None, data: Any) -> None:
    if event is None:
        with pytest.raises(ValueError, match="key=value"):
            reading(line, **options)
    else:
        assert reading(line, **options) == (event, data)


@pytest.mark.parametrize(
    ("options", "line", "why"),
    [
        ({"parse": "json"}, "{'a': 1}", "."),
        ({"parse": "json"}, '{"a": NaN}', "."),
        ({"parse": "json"}, "[" * 1000, "."),
        ({"parse": "keyvalue"}, "hello world", "key=value"),
        ({"parse": "csv", "columns": "a,b"}, "1,2,3", "3 columns, not 2"),
        ({"parse": "csv", "columns": "a,b"}, '1,"2', "quotes"),
        ({"parse": "csv", "columns": "a,b", "types": {"a": "number"}}, "x,2", "a: 'x' is no number"),
        ({"pattern": "T=([0-9.]+)"}, "H=40", "no pattern"),
    ],
)
def test_a_wrong_line_is_a_value_error_that_says_why(options: dict[str, Any], line: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        reading(line, **options)


@pytest.mark.parametrize(
    "text", ["092750", "1.2.3", "0x10", "nan", "inf", "1e999", "12345678901234567890", "1_000", "", " 1", "-", "٣"]
)
def test_what_json_would_not_take_for_a_number_stays_text(text: str) -> None:
    assert reading(f"v={text}", pattern="v=(.*)") == ("line", text)


@pytest.mark.parametrize(
    ("text", "number"), [("21.5", 21.5), ("-3", -3), ("+1.50000E+00", 1.5), ("0", 0), ("5.", 5.0), ("1e3", 1000.0)]
)
def test_what_instruments_print_for_numbers_are_numbers(text: str, number: float) -> None:
    event, data = reading(f"v={text}", pattern="v=(.*)")
    assert (event, data, type(data)) == ("line", number, type(number))


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("$GPGLL,5057.970,N,00146.110,E,142451,A*28", "'28' where 27 is right"),
        ("$GPGLL,5057.970,N,00146.110,E,142451,A", "no NMEA sentence"),
        ("GPGLL*27", "no NMEA sentence"),
        ("*", "no NMEA sentence"),
    ],
)
def test_a_sentence_without_its_right_checksum_is_wrong(line: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        nmea_payload(line)
