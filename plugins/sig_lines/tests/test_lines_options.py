# SPDX-License-Identifier: MIT
"""What is wrong with a device's description is said when the server opens, in words that help."""

from __future__ import annotations

import asyncio
import re
from typing import Any
from urllib.parse import quote

import pytest
from sig_lines import LinesOptions
from sig_lines._description import describe
from sig_lines._template import Template

import sigcore


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"parse": "csv"}, "parse=csv needs the names of the columns"),
        ({"parse": "regex"}, "parse=regex needs a pattern"),
        ({"parse": "json", "pattern": "x"}, "has no use for patterns"),
        ({"columns": "a,b"}, "columns= is for parse=csv"),
        ({"event_names": "a,b"}, "event_names= is for patterns"),
        ({"pattern": "("}, "pattern is no regular expression"),
        ({"events": {"a": 3}}, "events.a.pattern is 3; it must be a regular expression"),
        ({"events": {"a": {"patern": "x"}}}, "there is no key 'patern'; did you mean 'pattern'"),
        ({"events": {"#a": "x"}}, "names that start with '#'"),
        ({"types": {"a": "int"}}, "types.a is .*one of auto, number, text"),
        ({"requests": {"t": {}}}, "requests.t has no send"),
        ({"requests": {"t": 3}}, "requests.t.send is 3"),
        ({"requests": {"t": "GET {a.b}"}}, "requests.t.send: .* a brace"),
        ({"requests": {"t": {"send": "T", "timeout": "2"}}}, "requests.t.timeout is .* as in 2s"),
        ({"requests": {"t": {"send": "T", "timout": "2s"}}}, "did you mean 'timeout'"),
        ({"requests": {"t": {"send": "T", "params": {"a": "x"}}}}, "names a, which is no parameter"),
        ({"requests": {"t": {"send": "T {a}", "params": 3}}}, "requests.t.params is 3"),
        ({"poll": {"t": "2s"}}, "poll.t: there is no request 't'; known are: none"),
        ({"poll": {"t": "2s"}, "requests": {"t": "T"}}, "the request 't' has no reply"),
        ({"poll": {"t": "0s"}, "requests": {"t": {"send": "T", "reply": "."}}}, "poll.t.every is"),
        ({"poll": {"t": "1s"}, "requests": {"t": {"send": "T {a}", "reply": "."}}}, "poll.t.params: its parameters"),
        ({"hello": '["a", 3]'}, "hello is .* a list of texts"),
        (
            {
                "hello": "[",
            },
            "hello begins like a list",
        ),
        ({"hello": "é", "encoding": "ascii"}, "cannot be written in ascii"),
        ({"requests": {"t": "é?"}, "encoding": "ascii"}, "requests.t.send: 'é\\?' cannot be written in ascii"),
        ({"requests": {"t": {"send": "T", "error": "E"}}}, "requests.t has an error and no reply"),
        ({"parse": "csv", "columns": "a,b,,,a"}, "columns names 'a' twice"),
        ({"parse": "csv", "columns": ","}, "parse=csv needs the names of the columns"),
        ({"sender": "#gps"}, "'#gps' cannot be a sender name"),
        ({"sender": "x" * 300}, "cannot be a sender name"),
    ],
)
def test_a_wrong_description_is_told_with_what_to_do(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        describe(LinesOptions(**options), skips_first=False)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"max_line": 3}, "max_line"),
        ({"reply_timeout": 0.0}, "reply_timeout"),
        ({"separator": "--"}, "separator"),
        ({"separator": '"'}, "separator"),
    ],
)
def test_a_number_out_of_range_is_told(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        LinesOptions(**options)


def test_a_server_says_which_endpoint_is_wrong() -> None:
    async def scenario() -> None:
        with pytest.raises(sigcore.EndpointError, match=r"lines\+mem://meter.*: parse=csv needs the names"):
            await sigcore.load_carrier("lines").listen(
                sigcore.Endpoint.parse("lines+mem://meter?parse=csv"), asyncio.Protocol
            )

    asyncio.run(scenario())


def test_an_option_of_nobody_is_told_by_the_carrier_inside() -> None:
    async def scenario() -> None:
        with pytest.raises(sigcore.EndpointError, match="unknown option 'colums'"):
            await sigcore.load_carrier("lines").listen(
                sigcore.Endpoint.parse("lines+mem://meter?colums=a"), asyncio.Protocol
            )

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("option", "meant"), [("colums", "columns"), ("pars", "parse"), ("sendr", "sender"), ("grac", "grace")]
)
def test_a_misspelt_option_is_told_by_the_endpoint_as_given_with_the_nearest_first(option: str, meant: str) -> None:
    url = f"lines+mem://meter?{option}=a"
    with pytest.raises(sigcore.EndpointError) as caught:
        sigcore.ServerRouter(url).open()
    assert str(caught.value).startswith(f"{url}: unknown option {option!r}; did you mean {meant!r}? lines+... takes: ")
    assert "; mem takes: " in str(caught.value)


def test_a_parameter_is_no_longer_than_a_pattern_may_look_at() -> None:
    with pytest.raises(ValueError, match="2000 characters"):
        Template("SAY {text}", {"text": re.compile(r"(a+)+$")}).fill({"text": "a" * 1999 + "b"})


def test_a_client_is_told_to_give_the_endpoint_to_a_server() -> None:
    with pytest.raises(sigcore.EndpointError, match="Give it to a server"):
        sigcore.ClientRouter("lines+mem://meter").open()


@pytest.mark.parametrize("value", ["1\r\n*RST", "1;*RST", "1 2", "a\x00", "\u2028", "", "x" * 65, True, None, [1], {}])
def test_a_parameter_never_becomes_a_second_command(value: object) -> None:
    with pytest.raises(ValueError, match="parameter 'channel'"):
        Template("GET {channel}", {}).fill({"channel": value})


def test_no_pattern_lets_a_line_end_into_a_command() -> None:
    with pytest.raises(ValueError, match="control character"):
        Template("SAY {text}", {"text": re.compile(r"(?s).*")}).fill({"text": "hello\nOFF"})


def test_a_pattern_of_its_own_says_what_a_parameter_may_be() -> None:
    template = Template('SAY "{text}" {{ {n} }}', {"text": re.compile("[a-z ]+")})
    assert template.fill({"text": "hello there", "n": 2.5}) == 'SAY "hello there" { 2.5 }'
    with pytest.raises(ValueError, match=r"must match \[a-z \]\+"):
        template.fill({"text": 'x"', "n": 1})


@pytest.mark.parametrize("params", [None, {}, {"chanel": 1}, {"channel": 1, "more": 2}, [1], "1"])
def test_missing_and_unknown_parameters_are_told(params: object) -> None:
    with pytest.raises(ValueError, match="its parameters are"):
        Template("GET {channel}", {}).fill(params)


def test_tables_are_not_shown_where_an_endpoint_is() -> None:
    async def scenario() -> None:
        url = "lines+mem://meter?sender=dmm&requests=" + quote('{"t": "T?"}')
        listening = await sigcore.load_carrier("lines").listen(sigcore.Endpoint.parse(url), asyncio.Protocol)
        assert str(listening.endpoint) == "lines+mem://meter?sender=dmm"
        listening.close()
        await listening.wait_closed()

    asyncio.run(scenario())
