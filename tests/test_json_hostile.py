# SPDX-License-Identifier: MIT
"""JSON from strangers: the well-known hard cases of RFC 8259, and texts that are made to cost much.

Both codecs are held to the same answers. No time is asserted: where work must be bounded, the bound itself is.
"""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest

import sigcore
from sigcore._json import JsonCodec, MsgspecJsonCodec
from sigcore._json_bounds import has_slow_numbers
from sigcore.protocol.bodies import read_body

pytest.importorskip("msgspec")
CODECS = [JsonCodec(), MsgspecJsonCodec()]
MIB = 2**20

VALID = rb"""
[]  {}  [[]]  [null,true,false]  null  true  false  0  -0  0.0  -0.0  1e0  1E0  1e+0  1e-0  1.5E+2  0e1  0e+1  -1
-0.1
20e1  1E-2  123e45  -123123e20  0e9999999999999999999999  1e-9999999999999999999999
123.456e-789  1e-400  -1e-400  100000000000000000000  -237462374673276894279832749832423479823246327846
1.7976931348623157e308  5e-324  0.00000000000000000000000000000000000000000000000000000000000000000000000000000001
""  " "  "a/*b*/c/*d//e"  "\""  "\\"  "\/"  "\b\f\n\r\t"  "\\u0000"  "\u0000"  "\u0061"  "\u00e9"  "\uFFFF"
"\uD834\uDD1E"  "\ud83d\ude00"  "\uDBFF\uDFFE"  "\u200B"  "\u2064"  "\uFDD0"  "\uFFFE"  "\u0060\u012a\u12AB"
"\"\\\""
{"":0}  {"a":"b","a":"c"}  {"a":"b","a":"b"}  {"a":{"a":1}}  {"\u0000":1}  {"min":-1.0e+28,"max":1.0e+28}
[1,[2,[3]],{"a":[]}]  ["asd","sdf"]  [[] , []]
"""
INVALID = rb"""
[  ]  {  }  [1  [1,  {"a"  {"a":  {"a":1  "  "a  "\  "\u  "\u1  "\u12  "\u123  "\uD834\uDd"  nul  tru  fals  [,]
[,1]  [1,]  [1,,2]  [1:2]
[1}  {1]  {,}  {"a",1}  {"a":1,}  {"a":1,,"b":2}  {"a":1:2}  {1:1}  {a:1}  {'a':1}  {null:1}  {[]:1}  {"a"1}
["a":1]  [3[4]]
[1]x  [1]]  {}}  1,2  ""x  ""{}  True  None  nan  NaN  -NaN  Infinity  -Infinity  +Infinity  inf  undefined
+1  ++1  --1  -  -x  01  -01  00  012  0x1  1_000  .5  -.5  1.  -2.  1.e1  1e  1e+  1e-  1E  1eE2  1e1.5  0.e1  0e
0e+  1+2  1ea
1e400  -1e400  1e99999999999999999999  [1e309]  0.4e006699999999999999999999999999999999999999969999999
{"a":-1e309}
'a'  "\x00"  "\a"  "\e"  "\U0061"  "\u00"  "\u-123"  "\ug000"  "a
"\ud800"  "\uDC00"  "\ud800\ud800"  "\udc00\ud800"  "\ud83d\n"  "\ud83dx"  "\ud83d\u0061"  ["\uDFAA"]  {"\ud800":1}
{"a":{"b":"\udead"}}
/**/  //  [1]/**/  /**/[1]  #  [1]#  ;  [1];  <null>  [<]  @  *  $  [*]  ]  }  :  ,
"""
INVALID_BYTES = (
    b"",
    b" ",
    b"\0",
    b"1\0",
    b"\0[]",
    b"[]\0",
    b'"a\0b"',
    b'"a\tb"',
    b'"a\nb"',
    b'"\x1f"',
    b"[1\x0c]",
    b"\x0b1",
    b"\xa01",
    "\u2060[]".encode(),
    "\u00a0[]".encode(),
    "\uff11".encode(),  # a digit, but none of JSON's
    "[\u0661]".encode(),
    b"\xef\xbb\xbf1",
    b"\xef\xbb\xbf",
    b'\xef\xbb\xbf{"a":1}',
    "[1]".encode("utf-16"),
    "[1]".encode("utf-16-le"),
    "[1]".encode("utf-16-be"),
    "[1]".encode("utf-32"),
    "[1]".encode("utf-32-be"),
    "1".encode("utf-16-le"),
    b'"\xff"',
    b'"\x80"',
    b'"\xc0\xaf"',  # "/" in two bytes
    b'"\xe0\x80\xaf"',
    b'"\xf0\x80\x80\xaf"',
    b'"\xed\xa0\x80"',  # a surrogate in UTF-8
    b'"\xed\xa0\xbd\xed\xb8\x80"',
    b'"\xf4\x90\x80\x80"',  # beyond U+10FFFF
    b'"\xe2\x82"',
    b'"\xc3"',
    b'{"\xff":1}',
    b'"\xe9"',
    b"9" * 4301,
    b"-" + b"9" * 4301,
    b"1" * MIB,
)


def texts_of(table: bytes) -> list[bytes]:
    """Return the texts in a table, which two spaces part."""
    return [text for line in table.splitlines() for text in line.split(b"  ") if text]


def answer(codec: JsonCodec, text: bytes) -> Any:
    """Return what becomes of ``text``: the value, written so that 1, 1.0 and True differ, or ``CodecError``."""
    try:
        return repr(codec.decode(text))
    except sigcore.CodecError:
        return sigcore.CodecError


@pytest.mark.parametrize("codec", CODECS, ids=["alone", "msgspec"])
def test_what_is_json_is_taken_and_can_be_sent_on(codec: JsonCodec) -> None:
    for text in texts_of(VALID):
        value = codec.decode(text)
        assert repr(codec.decode(codec.encode(value))) == repr(value), text


@pytest.mark.parametrize("codec", CODECS, ids=["alone", "msgspec"])
@pytest.mark.parametrize("around", [b"%b", b" %b\n", b"[%b]", b'{"a":%b}', b'["a",%b,1]'])
def test_what_is_no_json_is_refused_wherever_it_stands(codec: JsonCodec, around: bytes) -> None:
    for text in texts_of(INVALID):
        if around not in (b"%b", b" %b\n") and text in (b"1,2", b",", b":"):
            continue  # inside a list these are something else
        with pytest.raises(sigcore.CodecError, match="not the JSON"):
            codec.decode(around % text)


@pytest.mark.parametrize("codec", CODECS, ids=["alone", "msgspec"])
@pytest.mark.parametrize("text", INVALID_BYTES, ids=lambda text: repr(text[:12]))
def test_other_encodings_control_characters_and_endless_numbers_are_refused(codec: JsonCodec, text: bytes) -> None:
    with pytest.raises(sigcore.CodecError, match="not the JSON"):
        codec.decode(text)


@pytest.mark.parametrize("codec", CODECS, ids=["alone", "msgspec"])
def test_no_part_of_a_text_and_no_byte_more_is_taken(codec: JsonCodec) -> None:
    whole = '{"a":[1,-2.5e3,"\u20ac\\n",{"b":null}],"c":[true,false,[]]}'.encode()
    for end in range(len(whole)):
        assert answer(codec, whole[:end]) is sigcore.CodecError
    for extra in range(256):
        taken = answer(codec, whole + bytes([extra])) is not sigcore.CodecError
        assert taken == (extra in b" \t\r\n")


def test_every_changed_byte_is_answered_alike_with_and_without_msgspec() -> None:
    whole = b'{"a":[1,-2.5e3,"\\u00e9\xc3\xa9",null]}'
    alone, fast = CODECS
    for at in range(len(whole)):
        for byte in range(256):
            text = whole[:at] + bytes([byte]) + whole[at + 1 :]
            assert answer(alone, text) == answer(fast, text), text


@pytest.mark.parametrize("codec", CODECS, ids=["alone", "msgspec"])
@pytest.mark.parametrize(
    "piece", [b"[", b'{"a":', b'[{"":', b"[],", b"{},", b'"",', b"0,", b"[[]],", b'{"":{}},', b"-", b"{"]
)
def test_a_mebibyte_of_small_parts_is_refused_before_they_occupy_memory(codec: JsonCodec, piece: bytes) -> None:
    text = b"[" + piece * (MIB // len(piece)) + b"0]"
    tracemalloc.start()
    try:
        with pytest.raises(sigcore.CodecError):
            codec.decode(text)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * MIB


@pytest.mark.parametrize("number", [b"1e308", b"1E+308", b"1.5e-310", b"1.2345678901234567e-300", b"5e-324", b"1e0308"])
def test_a_text_full_of_numbers_that_msgspec_reads_slowly_is_not_given_to_it(number: bytes) -> None:
    text = b"[" + b",".join([number] * 50_000) + b"]"
    codec = MsgspecJsonCodec()
    given: list[Any] = []
    read = codec._read

    def noted(data: Any) -> Any:
        given.append(data)
        return read(data)

    codec._read = noted
    assert codec.decode(text) == JsonCodec().decode(text)
    assert given == []
    codec.decode(text[: text.index(b",")] + b"]")
    assert given  # a single one is read by it, as anything else


@pytest.mark.parametrize("codec", CODECS, ids=["alone", "msgspec"])
@pytest.mark.parametrize("digits", [101, 4_300])
def test_long_integers_may_have_65536_digits_together_and_no_more(codec: JsonCodec, digits: int) -> None:
    number = b"-" + b"9" * digits
    count = 65_536 // (digits + 1)
    assert len(codec.decode(b"[" + b",".join([number] * count) + b"]")) == count
    with pytest.raises(sigcore.CodecError, match="65536 digits together"):
        codec.decode(b'{"a":[' + b",".join([number] * (count + 10)) + b"]}")


def test_ordinary_numbers_and_text_are_read_fast() -> None:
    assert not has_slow_numbers(b"[" + b"21.53e-12,4e22,123.5," * 10_000 + b"0]")


def test_one_key_many_times_is_one_key_in_data_and_refused_in_control_bodies() -> None:
    text = b"{" + b",".join([b'"a":%d' % number for number in range(1000)]) + b"}"
    for codec in CODECS:
        assert codec.decode(text) == {"a": 999}
    with pytest.raises(sigcore.RemoteProtocolError, match="a key stands twice"):
        read_body("HELLO", text)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"a":' * 20_000,
        b"{" + b'"a":[' * 9 + b"]" * 9 + b"}",
        b'{"a":NaN}',
        b'{"a":"\\ud800"}',
        b'{"a":1e999}',
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"a":"\xff"}',
        b"\xef\xbb\xbf{}",
        b"",
        b"{}{}",
        b"[]",
        b"1",
        b"null",
        b'{"a":1}\0',
    ],
    ids=lambda body: repr(body[:12]),
)
def test_a_control_body_is_an_object_of_strict_json_or_the_peers_error(body: bytes) -> None:
    with pytest.raises(sigcore.RemoteProtocolError):
        read_body("HELLO", body)
