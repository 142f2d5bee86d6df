# SPDX-License-Identifier: MIT
from __future__ import annotations

import doctest
import pickle
from dataclasses import dataclass, fields, replace
from inspect import signature
from ipaddress import IPv6Address
from typing import Any, Literal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import sigcore._endpoint
from sigcore import ClientRouter, Endpoint, EndpointError, LinkOptions, Seconds, ServerRouter
from sigcore._limits import KEYWORDS_ALONE
from sigcore._options import option_names

PRINTABLE = st.text(st.characters(exclude_categories=["C", "Zl", "Zp", "Zs"]), max_size=12)
HOSTS = st.one_of(
    PRINTABLE,
    st.sampled_from(["localhost", "127.0.0.1", "COM3", "::1", "fe80::1%eth0", "fe80::1%25", "10c4:ea60"]),
    st.ip_addresses(v=6).map(lambda address: str(IPv6Address(int(address)))),
)
ENDPOINTS = st.builds(
    Endpoint,
    scheme=st.sampled_from(["tcp", "fault+tcp", "serial", "x.y-1"]),
    host=HOSTS,
    port=st.none() | st.integers(0, 65_535),
    path=PRINTABLE.map(lambda text: f"/{text}") | st.just(""),
    query=st.lists(st.tuples(PRINTABLE.filter(bool), PRINTABLE), max_size=3).map(tuple),
    user=st.none() | PRINTABLE,
    password=st.none() | PRINTABLE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SerialOptions:
    baudrate: int = 115_200
    parity: Literal["N", "E", "O"] = "N"
    settle: Seconds = 0.0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tcp://127.0.0.1:3000", Endpoint("tcp", "127.0.0.1", 3000)),
        ("TCP://Host:0", Endpoint("tcp", "Host", 0)),
        ("tcp://:3000", Endpoint("tcp", "", 3000)),
        ("tcp://[::1]:3000", Endpoint("tcp", "::1", 3000)),
        ("tcp://[fe80::1%25eth0]", Endpoint("tcp", "fe80::1%eth0")),
        ("tcp://[fe80::1%eth0]:1", Endpoint("tcp", "fe80::1%eth0", 1)),
        ("unix:///run/sig.sock", Endpoint("unix", path="/run/sig.sock")),
        ("mem://hub", Endpoint("mem", "hub")),
        ("serial://COM3?baudrate=9600", Endpoint("serial", "COM3", query=(("baudrate", "9600"),))),
        ("serial:///dev/tty%20a", Endpoint("serial", path="/dev/tty a")),
        ("serial:///dev/tty%2541", Endpoint("serial", path="/dev/tty%41")),
        ("serial+usb://10c4%3Aea60/0001", Endpoint("serial+usb", "10c4:ea60", path="/0001")),
        ("serial+loop://", Endpoint("serial+loop")),
        ("tcp://joe:p%40ss%3A@h", Endpoint("tcp", "h", user="joe", password="p@ss:")),
        ("tcp://h?a=1&a=2&b=&c", Endpoint("tcp", "h", query=(("a", "1"), ("a", "2"), ("b", ""), ("c", "")))),
        ("tcp://h?a=1+2%2B3", Endpoint("tcp", "h", query=(("a", "1+2+3"),))),
        ("tcp://h?", Endpoint("tcp", "h")),
    ],
)
def test_a_url_gives_its_parts(text: str, expected: Endpoint) -> None:
    assert Endpoint.parse(text) == expected


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("/dev/ttyUSB0", "serial:///dev/ttyUSB0"),
        (
            "/dev/serial/by-id/usb-1a86_7523-if00?baudrate=9600",
            "serial:///dev/serial/by-id/usb-1a86_7523-if00?baudrate=9600",
        ),
        ("COM3", "serial://COM3"),
        ("com3?baudrate=9600", "serial://com3?baudrate=9600"),
        (r"\\.\COM10", "serial://COM10"),
    ],
)
def test_a_serial_ports_own_name_stands_for_its_url(text: str, url: str) -> None:
    assert Endpoint.parse(text) == Endpoint.parse(url)
    assert str(Endpoint.parse(text)) == url


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no scheme"),
        ("localhost:3000", "no scheme"),
        ("127.0.0.1:3000", "no scheme"),
        ("/run/sig.sock", "unix:///run/sig"),
        ("COMX", "no scheme"),
        ("tcp:127.0.0.1:3000", "tcp://"),
        ("tcp:/127.0.0.1", "tcp://"),
        ("://h", "a scheme is"),
        ("1tcp://h", "a scheme is"),
        ("fault+://h", "a scheme is"),
        ("tcp://h:", "0 to 65535"),
        ("tcp://h:http", "0 to 65535"),
        ("tcp://h:65536", "0 to 65535"),
        ("tcp://h:-1", "0 to 65535"),
        ("tcp://h:٣", "0 to 65535"),
        ("tcp://h:" + "9" * 5000, "0 to 65535"),
        ("tcp://::1:3000", "brackets"),
        ("tcp://[::1", "brackets"),
        ("tcp://[::1]3000", "brackets"),
        ("tcp://[127.0.0.1]:3000", "no IPv6 address"),
        ("tcp://[fe80::1%]:3000", "no IPv6 address"),
        ("tcp://[fe80::1%a/b]", "brackets"),
        ("tcp://h#baudrate=9600", "only in the query"),
        ("tcp://h?name=%2", "%25"),
        ("tcp://h?name=%ff", "UTF-8"),
        ("tcp://h?name=a%0Ab", "control character"),
        ("tcp://h?=1", "?name=value"),
        ("tcp://h?a=1&&b=2", "?name=value"),
        (" tcp://h", "space"),
        ("tcp://h\n", "line break"),
        ("tcp://h\x00", "space"),
        ("tcp://h\u202e", "space"),
        ("tcp://joe:12/3@h", "%2F"),
        ("tcp://h:1?name=me@home", "%40"),
    ],
)
def test_what_is_no_endpoint_is_refused_with_the_reason(text: str, says: str) -> None:
    with pytest.raises(EndpointError) as caught:
        Endpoint.parse(text)
    message = str(caught.value)
    assert says in message
    assert message.isprintable()
    assert len(message) < 500


def test_an_endpoint_that_is_no_text_is_refused() -> None:
    with pytest.raises(EndpointError, match="not NoneType"):
        Endpoint.parse(None)  # type: ignore[arg-type]  # what an untyped program may pass


@given(st.text() | st.text("tcp:/@[]%?&=#+.12a").map(lambda rest: f"tcp://{rest}"))
@example("tcp://[::1%25")
@example("tcp://%@")
def test_any_text_is_an_endpoint_or_an_endpoint_error(text: str) -> None:
    try:
        endpoint = Endpoint.parse(text)
    except EndpointError:
        return
    assert Endpoint.parse(endpoint.url_with_secrets()) == endpoint
    assert str(Endpoint.parse(str(endpoint))) == str(endpoint)


@given(ENDPOINTS)
@example(Endpoint("tcp", "h", 1, "/a@b", (("c", "d@e"),)))
def test_an_endpoint_that_is_printed_in_full_reads_back_as_it_was(endpoint: Endpoint) -> None:
    assert Endpoint.parse(endpoint.url_with_secrets()) == replace(
        endpoint, user=endpoint.user if endpoint.password is None else endpoint.user or ""
    )


@given(ENDPOINTS)
def test_an_endpoint_that_is_printed_without_secrets_stays_as_it_is(endpoint: Endpoint) -> None:
    assert str(Endpoint.parse(str(endpoint))) == str(endpoint)


SECRETS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8).map(lambda text: f"HUNTER{text}TWO")
BREAKAGE = st.sampled_from(["", " ", "#", "%", ":x", "\n", "@", "://", "&&", "?=", "]"])


@given(
    ENDPOINTS,
    SECRETS.filter(str.isprintable),
    st.sampled_from(["password", "api-key", "Token", "auth", "client_secret"]),
)
def test_no_message_shows_a_secret(endpoint: Endpoint, secret: str, name: str) -> None:
    secretive = replace(endpoint, password=secret, query=(*endpoint.query, (name, secret)))
    read_back = Endpoint.parse(secretive.url_with_secrets())
    printed = [str(secretive), repr(secretive), str(read_back), f"{read_back}"]
    for reject in (secretive.unwrapped, lambda: secretive.options(SerialOptions), lambda: secretive.take_given(Wrong)):
        try:
            reject()
        except EndpointError as exc:
            printed.append(_all_of(exc))
    assert "HUNTER" not in "".join(printed)
    assert "TWO" not in "".join(printed)


@dataclass
class Wrong:
    password: int = 0
    Token: Seconds = 0.0
    auth: Literal["a"] = "a"
    client_secret: bool = False


@given(SECRETS, BREAKAGE, BREAKAGE, BREAKAGE, st.sampled_from(["tcp://", "tcp:", "tcp:/", ""]))
@example(secret="HUNTER/TWO", one="", two="", three=" ", scheme="tcp://")
@example(secret="HUNTER?TWO", one="", two="", three=" ", scheme="tcp://")
@example(secret="HUNTER@TWO", one="", two="", three=" ", scheme="tcp://")
@example(secret="HUNTER#TWO", one="", two="", three="", scheme="tcp://")
@example(secret="HUNTERTWO", one="", two="://", three="@", scheme="tcp:")
def test_no_refusal_shows_a_password_even_where_it_was_not_encoded(
    secret: str, one: str, two: str, three: str, scheme: str
) -> None:
    text = f"{scheme}joe{one}:{secret}@host{two}:3000/path{three}"
    try:
        printed = str(Endpoint.parse(text))
    except EndpointError as exc:
        printed = _all_of(exc)
    assert "HUNTER" not in printed
    assert "TWO" not in printed


@given(SECRETS.filter(lambda text: "&" not in text), BREAKAGE, st.sampled_from(["token", "%74oken", "x-api-key"]))
@example("HUNTER@TWO", " ", "token")
@example("HUNTER?TWO", " ", "token")
def test_no_refusal_shows_a_secret_option(secret: str, broken: str, name: str) -> None:
    try:
        printed = str(Endpoint.parse(f"tcp://host?a=1&{name}={secret}&b=2{broken}"))
    except EndpointError as exc:
        printed = _all_of(exc)
    assert "HUNTER" not in printed
    assert "TWO" not in printed


def test_the_rest_of_a_refused_text_is_shown() -> None:
    with pytest.raises(EndpointError, match=r"'tcp://\*\*\*@host:x/p\?token=\*\*\*&a=1'"):
        Endpoint.parse("tcp://joe:pw@host:x/p?token=abc&a=1")


@pytest.mark.parametrize(
    "parts",
    [
        {"scheme": "TCP"},
        {"scheme": ""},
        {"port": 65_536},
        {"port": -1},
        {"path": "relative"},
        {"host": "a\nb"},
        {"password": "\x1b"},
        {"query": (("a", "\u202e"),)},
        {"query": (("", "1"),)},
    ],
)
def test_an_endpoint_cannot_be_made_of_parts_that_have_no_url(parts: dict[str, Any]) -> None:
    with pytest.raises(EndpointError):
        replace(Endpoint("tcp", "h"), **parts)


@pytest.mark.parametrize("identity", ["10c4:ea60", "0403:6001", "1a86:*"])
def test_a_usb_identity_is_a_host_whatever_its_digits(identity: str) -> None:
    endpoint = Endpoint.parse(f"lines+serial+usb://{identity}/A7%2B0?baudrate=9600")
    assert (endpoint.host, endpoint.port, endpoint.path) == (identity, None, "/A7+0")
    assert Endpoint.parse(str(endpoint)) == endpoint
    assert identity in str(endpoint)


def test_a_carrier_reports_the_port_bound_by_a_changed_copy() -> None:
    asked = Endpoint.parse("tcp://127.0.0.1:0?x=1")
    assert str(replace(asked, port=40_001)) == "tcp://127.0.0.1:40001?x=1"
    assert asked.port == 0


def test_equal_endpoints_have_one_place_in_a_dict_and_survive_pickling() -> None:
    endpoint = Endpoint.parse("tcp://joe:pw@h:1?a=1")
    assert {endpoint: 1}[Endpoint.parse("tcp://joe:pw@h:1?a=1")] == 1
    assert pickle.loads(pickle.dumps(endpoint)) == endpoint


def test_a_wrapper_takes_its_own_part_off_the_front() -> None:
    endpoint = Endpoint.parse("fault+lines+serial:///dev/ttyUSB0?cut=30s")
    assert str(endpoint.unwrapped()) == "lines+serial:///dev/ttyUSB0?cut=30s"
    with pytest.raises(EndpointError, match="wraps no other carrier"):
        Endpoint.parse("tcp://h").unwrapped()


def test_options_are_typed_and_default_where_they_are_not_given() -> None:
    endpoint = Endpoint.parse("serial:///dev/ttyUSB0?parity=E&settle=250ms")
    assert endpoint.options(SerialOptions) == SerialOptions(parity="E", settle=0.25)


def test_an_unknown_option_names_the_carriers_options_and_those_of_every_endpoint() -> None:
    with pytest.raises(EndpointError) as caught:
        Endpoint.parse("serial:///dev/ttyUSB0?baudrat=9600").options(SerialOptions)
    message = str(caught.value)
    assert "unknown option 'baudrat'; did you mean 'baudrate'?" in message
    own, every = message.split("every endpoint takes:")
    assert "baudrate, parity, settle" in own
    assert all(field.name in every for field in fields(LinkOptions))


def test_a_router_s_keyword_in_a_query_is_said_to_be_one() -> None:
    keywords = {*signature(ClientRouter).parameters, *signature(ServerRouter).parameters}
    assert set(KEYWORDS_ALONE) < keywords - set(option_names(LinkOptions))
    with pytest.raises(EndpointError) as caught:
        Endpoint.parse("tcp://h:1?parity=E&connect_timeout=3s").options(SerialOptions)
    message = str(caught.value)
    assert "connect_timeout is no option of an endpoint; it is a keyword of ClientRouter" in message
    assert "did you mean" not in message


def test_a_carrier_may_have_an_option_by_the_name_of_a_router_s_keyword() -> None:
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Named:
        name: str = ""

    assert Endpoint.parse("radio://x?name=roof").options(Named) == Named(name="roof")


def test_taking_options_leaves_the_others_in_their_order() -> None:
    endpoint = Endpoint.parse("tcp://h:1?z=1&max_frame=64KiB&a=2&heartbeat=2min")
    options, rest = endpoint.take_options(LinkOptions)
    assert options == LinkOptions(max_frame=65_536, heartbeat=120.0)
    assert str(rest) == "tcp://h:1?z=1&a=2"


def test_taking_what_is_given_tells_a_default_from_the_same_value_written_out() -> None:
    given_options, rest = Endpoint.parse("tcp://h?heartbeat=10s&x=1").take_given(LinkOptions)
    assert given_options == {"heartbeat": 10.0}
    assert LinkOptions().heartbeat == 10.0
    assert str(rest) == "tcp://h?x=1"


def test_what_is_no_unicode_is_no_endpoint_also_in_the_name_of_an_option() -> None:
    with pytest.raises(EndpointError):
        Endpoint.parse("tcp://h:1?\udcef=1")  # what a command line has where the user's text is no UTF-8


def test_the_examples_in_the_docstrings_are_true() -> None:
    assert doctest.testmod(sigcore._endpoint).failed == 0


def _all_of(exc: BaseException) -> str:
    """Everything that a traceback would show of ``exc``."""
    texts = []
    while exc is not None:
        texts.append(f"{exc} {exc!r}")
        exc = exc.__cause__ or exc.__context__  # type: ignore[assignment]  # ends the loop
    return "\n".join(texts)
