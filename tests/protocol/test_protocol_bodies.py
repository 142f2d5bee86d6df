# SPDX-License-Identifier: MIT
"""Bodies of control frames: strict JSON, and the binary heads beside it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sigcore._errors import InvalidName, RemoteProtocolError
from sigcore._names import check_name
from sigcore.protocol.bodies import (
    MAX_BODY_BYTES,
    MAX_ERROR_BYTES,
    NO_TIMEOUT_MS,
    cut_text,
    join_meta,
    read_ack,
    read_body,
    read_gap,
    read_kept,
    read_request,
    split_meta,
    timeout_ms,
    write_ack,
    write_body,
    write_error,
    write_gap,
    write_kept,
    write_request,
)

T = TypeVar("T")

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
leaves = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    leaves | texts, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner), max_leaves=12
)


def is_name(text: str) -> bool:
    try:
        check_name(text, "sender")
    except InvalidName:
        return False
    return True


names = texts.filter(is_name)


def attempt(read: Callable[[], T]) -> tuple[T | None, str | None]:
    """Return what ``read`` gives, or the code with which it refuses; whatever else it raises is a fault."""
    try:
        return read(), None
    except RemoteProtocolError as error:
        return None, error.code


# JSON


@given(st.dictionaries(texts, values.filter(lambda value: depth(value) < 8), max_size=5))
def test_a_body_comes_back_as_it_was_written(fields: dict[str, Any]) -> None:
    assert dict(read_body("OK", write_body(fields)).items()) == fields


def depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_a_body_or_malformed_and_nothing_else(data: bytes) -> None:
    fields, code = attempt(lambda: read_body("OK", data))
    if fields is None:
        assert code == "malformed_body"
    else:
        assert dict(fields.items()) == json.loads(data)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b'"text"',
        b"{} ,",
        b"{}{}",
        b'{"a":1,"a":2}',
        b'{"a":{"b":1,"b":1}}',
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":-Infinity}',
        b"\xef\xbb\xbf{}",
        b'{"a":"\xff"}',
        b'{"a":"\xed\xa0\x80"}',
        b'{"a":"\\ud800"}',
        b'{"\\udfff":1}',
        b'{"a":' + b"1" * 5000 + b"}",
        b'{"a":' * 9 + b"1" + b"}" * 9,
        b'{"a":' + b"[" * 100_000,
        b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}",
        "{}".encode("utf-16"),
        b"{'a':1}",
        b'{"a":"' + b"x" * MAX_BODY_BYTES + b'"}',
    ],
    ids=lambda body: repr(body[:24]),
)
def test_what_is_no_strict_json_object_is_malformed(body: bytes) -> None:
    with pytest.raises(RemoteProtocolError, match=r"^the body of LISTEN is malformed: ") as caught:
        read_body("LISTEN", body)
    assert caught.value.code == "malformed_body"
    assert len(str(caught.value)) < 500


def test_a_body_at_its_limits_is_taken() -> None:
    deepest = b'{"a":' * 8 + b"1" + b"}" * 8
    assert read_body("OK", deepest).has("a")


@pytest.mark.parametrize("levels", [9, 900, 5_000, 20_000])
@pytest.mark.parametrize("level", [b'{"a":', b"["], ids=["objects", "lists"])
def test_a_body_that_is_nested_too_deep_is_refused_for_that_however_deep_it_is(level: bytes, levels: int) -> None:
    closing = {b"[": b"]"}.get(level, b"}")
    with pytest.raises(RemoteProtocolError, match="HELLO is malformed: it is nested deeper than 8 levels"):
        read_body("HELLO", level * levels + b"1" + closing * levels)
    head, tail = b'{"a":"', b'"}'
    assert read_body("OK", head + b"x" * (MAX_BODY_BYTES - len(head + tail)) + tail).has("a")
    assert read_body("OK", b'{"a":"\\ud83d\\ude00"}').text("a") == "\N{GRINNING FACE}"


def test_unknown_fields_are_ignored() -> None:
    assert read_body("OK", b'{"sender":"a","later":{"x":[1]}}').name("sender", "sender") == "a"


JSON_TEXTS = ["null", "true", "1", "1.5", '"text"', "[]", "[1]", "[true]", '["a"]', "[{}]", "{}"]
TAKES = {
    "text": {'"text"'},
    "texts": {"[]", '["a"]'},
    "integers": {"[]", "[1]"},
    "integer": {"1"},
    "flag": {"true"},
    "fields": {"null", "{}"},
    "rows": {"[]", "[{}]"},
}


@pytest.mark.parametrize("text", JSON_TEXTS)
@pytest.mark.parametrize("read", TAKES)
def test_a_field_of_another_type_is_malformed(read: str, text: str) -> None:
    fields = read_body("OK", f'{{"field":{text}}}'.encode())
    if text in TAKES[read]:
        getattr(fields, read)("field")
    else:
        with pytest.raises(RemoteProtocolError, match="field 'field' must be"):
            getattr(fields, read)("field")


@pytest.mark.parametrize("name", ["", "#x", "a*", "a\nb", "\x7f", "x" * 256, "é" * 128], ids=ascii)
@pytest.mark.parametrize("read", ["name", "names"])
def test_a_field_that_is_no_name_says_so(read: str, name: str) -> None:
    fields = read_body("OK", json.dumps({"field": name if read == "name" else ["ok", name]}).encode())
    with pytest.raises(RemoteProtocolError, match="field 'field'") as caught:
        getattr(fields, read)("field", "sender")
    assert caught.value.code == "invalid_name"


def test_an_integer_outside_its_range_is_malformed() -> None:
    fields = read_body("HELLO", b'{"frame":511,"credit":9223372036854775808}')
    for name in ("frame", "credit"):
        with pytest.raises(RemoteProtocolError, match=f"field '{name}' must be an integer from 512"):
            fields.integer(name, least=512)


# ERROR and BYE


@given(st.text(max_size=300), st.integers(0, 3000), st.integers(512, 5000))
def test_the_body_of_an_error_fits_whatever_it_says(message: str, repeat: int, longest: int) -> None:
    body = write_error("c" * repeat, message * 40, longest)
    assert len(body) <= min(longest, MAX_ERROR_BYTES)
    fields = read_body("ERROR", body)
    assert ("c" * repeat).startswith(fields.text("code"))


@given(texts)
def test_a_short_message_is_not_cut(message: str) -> None:
    assert read_body("ERROR", write_error("busy", message, 512)).text("message") == message


@given(texts, st.integers(0, 60))
def test_text_is_cut_between_characters(text: str, longest: int) -> None:
    cut = cut_text(text, longest)
    assert text.startswith(cut)
    assert len(cut.encode()) <= longest
    assert cut == text or len(text[: len(cut) + 1].encode()) > longest


# ACK


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_an_ack_comes_back_as_it_was_written(received: int, credit: int) -> None:
    assert read_ack(write_ack(received, credit)) == (received, credit)


@given(st.binary(max_size=40))
def test_an_ack_has_sixteen_bytes(body: bytes) -> None:
    assume(len(body) != 16)
    with pytest.raises(RemoteProtocolError, match="must have 16 bytes"):
        read_ack(body)


# GAP and KEPT


@given(st.none() | st.integers(1, 2**63 - 1), st.text(st.characters(exclude_categories=["Cs"]), max_size=64))
def test_a_gap_comes_back_as_it_was_written(count: int | None, cause: str) -> None:
    assert read_gap(write_gap(count, cause)) == (count, cause)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"{}", b'{"count":1}', b'{"count":0,"cause":"x"}', b'{"count":true,"cause":"x"}', b"\xff" * 40],
    ids=repr,
)
def test_a_gap_that_nobody_can_read_is_one_of_unknown_size(body: bytes) -> None:
    assert read_gap(body) == (None, "unknown")


@given(st.binary(max_size=200))
def test_any_bytes_are_a_gap(body: bytes) -> None:
    count, cause = read_gap(body)
    assert count is None or count >= 1
    assert len(cause) <= 64


@given(st.integers(0, 2**32 - 1), st.integers(0, 255), st.binary(max_size=50))
def test_a_kept_event_comes_back_as_it_was_written(listener: int, kind: int, body: bytes) -> None:
    assert read_kept(write_kept(listener, kind, body)) == (listener, kind, body)


@pytest.mark.parametrize("size", range(5))
def test_a_kept_event_without_its_head_is_malformed(size: int) -> None:
    with pytest.raises(RemoteProtocolError, match="at least 5 are needed"):
        read_kept(bytes(size))


# REQUEST


@given(names, names, texts, st.integers(0, NO_TIMEOUT_MS), st.binary(max_size=50))
def test_a_request_comes_back_as_it_was_written(
    sender: str, method: str, caller: str, left_ms: int, params: bytes
) -> None:
    body = write_request(sender, method, caller, left_ms, params)
    assert read_request(body) == (sender, method, caller, left_ms, params)


@given(names, names, texts)
def test_every_strict_prefix_of_a_request_s_head_is_malformed(sender: str, method: str, caller: str) -> None:
    head = write_request(sender, method, caller, 5, b"")
    for end in range(len(head)):
        with pytest.raises(RemoteProtocolError):
            read_request(head[:end])


@given(st.binary(max_size=60))
def test_any_bytes_are_a_request_or_refused_and_nothing_else(body: bytes) -> None:
    parts, code = attempt(lambda: read_request(body))
    if parts is None:
        assert code in ("malformed_body", "invalid_name")
    else:
        assert write_request(*parts) == body


def test_a_caller_s_long_name_is_cut_between_characters() -> None:
    _sender, _method, caller, _left, params = read_request(write_request("s", "m", "é" * 200, 1, b"p"))
    assert (caller, params) == ("é" * 127, b"p")


@pytest.mark.parametrize(
    ("timeout", "expected"),
    [(None, NO_TIMEOUT_MS), (0.0, 0), (-1.0, 0), (0.0019, 1), (2.5, 2500), (1e12, NO_TIMEOUT_MS - 1)],
)
def test_a_timeout_is_told_in_milliseconds(timeout: float | None, expected: int) -> None:
    assert timeout_ms(timeout) == expected


# EVENT_META


@given(st.binary(max_size=50), st.binary(max_size=50))
def test_meta_and_data_come_apart_as_they_were_joined(meta: bytes, data: bytes) -> None:
    assert split_meta(join_meta(meta, data)) == (meta, data)


@given(st.binary(max_size=20))
def test_any_bytes_have_meta_or_are_refused_and_nothing_else(body: bytes) -> None:
    parts, code = attempt(lambda: split_meta(body))
    if parts is None:
        assert code == "malformed_body"
    else:
        assert join_meta(*parts) == body
