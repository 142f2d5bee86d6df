# SPDX-License-Identifier: MIT
"""The rules that ``check_codec`` tries, each under the sentence that a codec must keep true."""

from __future__ import annotations

import copy
import datetime as dt
import random
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

from .._codec import Codec
from .._errors import CodecError
from .._shown import shown

_PLAIN: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    1,
    -1,
    255,
    2**53 + 1,
    2**63 - 1,
    -(2**63),
    0.0,
    1.0,
    -0.1,
    1e-300,
    1.7976931348623157e308,
    "",
    "text",
    'quote " backslash \\ NUL \x00 DEL \x7f newline \n',
    "\u00e9 \u2028 \U0001f600",
    "x" * 70_000,
    [],
    {},
    [[], {}, [None]],
    {"": {"a b": [1, 1.0, True, "1"]}},
    list(range(1000)),
    {str(number): number for number in range(1000)},
)
_SAMPLE: dict[str, Any] = {"celsius": 21.5, "unit": "C", "list": [1, None, True, {"deep": ["x"]}]}
_OTHER = {"unit": "F", "list": ["C"]}
_BIG_INTEGERS = (2**63, 2**64, -(2**63) - 1, 2**70, -(10**40))
_LEVELS = 16  # how deep a codec must go at least, and below 5 000 it must stop
_TOO_DEEP = (5_000, 1_000_000)
_TOO_MANY = 1_000_000
_THREADS, _ROUNDS = 4, 50
_GARBAGE, _SEED = 3_000, 7


def _names(codec: Codec) -> None:
    name, content_type = codec.name, codec.content_type
    assert re.fullmatch(r"[a-z0-9][a-z0-9._+-]*", name), f"name is {name!r}"
    assert re.fullmatch(r"[a-z0-9.+-]+/[a-z0-9.+-]+", content_type), f"content_type is {content_type!r}"


def _gives_bytes(codec: Codec) -> None:
    for value in _PLAIN:
        encoded = codec.encode(value)
        assert type(encoded) is bytes, f"encode({_brief(value)}) gave {type(encoded).__name__}"


def _round_trip(codec: Codec) -> None:
    for value in _PLAIN:
        found = _decoded(codec, value, codec.encode(value))
        assert _same(found, value), f"{_brief(value)} came back as {_brief(found)}"


def _integers_stay(codec: Codec) -> None:
    for value in _BIG_INTEGERS:
        encoded = _attempt(codec.encode, value)
        if encoded is not CodecError:
            found = _decoded(codec, value, encoded)
            assert _same(found, value), f"{value} came back as {_brief(found)}"


def _forms_of_the_rest(codec: Codec) -> None:
    """Bytes may become text, a tuple becomes a list, keys become text; the codec may refuse instead."""
    for value, allowed in (
        (b"\x00\xff", (bytes, str)),
        (dt.datetime(2024, 5, 1, 12, tzinfo=dt.UTC), (dt.datetime, str)),
        (float("nan"), (float, type(None))),
        ((1, 2), (list,)),
        ({1: "a"}, (dict,)),
    ):
        encoded = _attempt(codec.encode, value)
        if encoded is not CodecError:
            found = _decoded(codec, value, encoded)
            assert isinstance(found, allowed), f"{_brief(value)} came back as {_brief(found)}"
            assert _attempt(codec.encode, found) is not CodecError, f"{_brief(found)} was decoded, but does not encode"


def _leaves_the_value(codec: Codec) -> None:
    value = copy.deepcopy(_SAMPLE)
    codec.encode(value)
    assert _same(value, _SAMPLE), f"encode changed the value to {_brief(value)}"


def _refuses_objects(codec: Codec) -> None:
    for value in (object(), Codec, _names, [object()], {"a": {"b": object()}}):
        _must_refuse(codec.encode, value)


def _refuses_surrogates(codec: Codec) -> None:
    for value in ("\ud800", ["\udfff"], {"\ud800": 1}):
        _must_refuse(codec.encode, value)


def _refuses_rings(codec: Codec) -> None:
    ring: list[Any] = []
    ring.append(ring)
    round_map: dict[str, Any] = {}
    round_map["again"] = [round_map]
    _must_refuse(codec.encode, ring)
    _must_refuse(codec.encode, round_map)


def _refuses_empty(codec: Codec) -> None:
    _must_refuse(codec.decode, b"")


def _refuses_truncated(codec: Codec) -> None:
    encoded = codec.encode(_SAMPLE)
    for end in range(len(encoded)):
        _must_refuse(codec.decode, encoded[:end])


def _refuses_trailing(codec: Codec) -> None:
    encoded = codec.encode(_SAMPLE)
    for rest in (b"\x00", b"\xff", encoded, b"1"):
        _must_refuse(codec.decode, encoded + rest)


def _survives_garbage(codec: Codec) -> None:
    for garbage in _garbage(codec.encode(_SAMPLE)):
        value = _attempt(codec.decode, garbage)
        if value is not CodecError:
            assert _attempt(codec.encode, value) is not CodecError, (
                f"{shown(garbage, 40)} decodes to {_brief(value)}, which does not encode"
            )


def _bounds_depth(codec: Codec) -> None:
    value: Any = "x"
    for _ in range(_LEVELS):
        value = {"a": [value]}
    assert _same(codec.decode(codec.encode(value)), value), f"{2 * _LEVELS} levels did not come back"
    opening, closing = _brackets(codec)
    for levels in _TOO_DEEP:
        _must_refuse(codec.encode, _nested(levels), f"a list {levels} levels deep")
        _must_refuse(codec.decode, opening * levels, f"{levels} openings")
        _must_refuse(
            codec.decode, opening * levels + codec.encode([]) + closing * levels, f"a list {levels} levels deep"
        )


def _bounds_entries(codec: Codec) -> None:
    _must_refuse(codec.encode, [[]] * _TOO_MANY, "a list of a million empty lists")


def _takes_memoryviews(codec: Codec) -> None:
    for value in _PLAIN:
        encoded = codec.encode(value)
        found = codec.decode(memoryview(b"#" + encoded + b"#")[1:-1])
        assert _same(found, value), f"from a memoryview {_brief(value)} came back as {_brief(found)}"


def _keeps_no_buffer(codec: Codec) -> None:
    value = ["text", *_attempted(codec, b"some bytes")]
    buffer = bytearray(codec.encode(value))
    found = codec.decode(memoryview(buffer))
    before = copy.deepcopy(found)
    try:
        buffer[:] = bytes(len(buffer))
        buffer.clear()
    except BufferError:
        raise AssertionError("after decode the buffer is still in use") from None
    assert _same(found, before), "the decoded value changed with the buffer"


def _keeps_no_state(codec: Codec) -> None:
    encoded, other = codec.encode(_SAMPLE), codec.encode(_OTHER)
    first = codec.decode(encoded)
    first["list"].append("changed")
    _attempt(codec.decode, encoded[:-1])
    _attempt(codec.encode, [object()])
    assert _same(codec.decode(other), _OTHER), "a value came back differently after another one"
    assert _same(codec.decode(encoded), _SAMPLE), "a value came back differently after it was changed by its receiver"
    assert codec.encode(_SAMPLE) == encoded, "a value was encoded differently the second time"


def _serves_threads(codec: Codec) -> None:
    wrong: list[str] = []

    def work(number: int) -> None:
        value = {"n": [number] * 100, "text": str(number) * 100}
        try:
            for _ in range(_ROUNDS):
                found = codec.decode(codec.encode(value))
                if not _same(found, value):
                    wrong.append(f"{_brief(value)} came back as {_brief(found)}")
        except Exception as error:  # noqa: BLE001  # whatever it is, it is told from the thread that asked
            wrong.append(f"{type(error).__name__}: {error}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(_THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong, wrong[0]


RULES: dict[str, Callable[[Codec], None]] = {
    "it has a name of lower-case letters and a content type": _names,
    "encode gives bytes": _gives_bytes,
    "plain data come back equal, and of the same types": _round_trip,
    "an integer is never changed, only refused": _integers_stay,
    "bytes, dates, tuples and keys have a form or are refused": _forms_of_the_rest,
    "encode leaves the value as it was": _leaves_the_value,
    "what has no form is a CodecError": _refuses_objects,
    "a lone surrogate is a CodecError": _refuses_surrogates,
    "data that hold themselves are a CodecError": _refuses_rings,
    "no bytes at all are a CodecError": _refuses_empty,
    "truncated data are a CodecError": _refuses_truncated,
    "something after the value is a CodecError": _refuses_trailing,
    "garbage is a CodecError, or a value that encodes": _survives_garbage,
    "nesting is bounded, and too much of it a CodecError": _bounds_depth,
    "entries are bounded, and too many of them a CodecError": _bounds_entries,
    "a memoryview is decoded like bytes": _takes_memoryviews,
    "nothing of the buffer is kept": _keeps_no_buffer,
    "no state is kept between calls": _keeps_no_state,
    "it may be called from several threads": _serves_threads,
}


def _attempt(call: Callable[[Any], Any], argument: Any, what: str = "") -> Any:
    """Return what the call gives, or ``CodecError`` if it raised that; whatever else it raises is against the rules.

    ``what`` stands for the argument in the message.
    """
    try:
        return call(argument)
    except CodecError:
        return CodecError
    except Exception as error:
        raise AssertionError(f"{what or _brief(argument)} raised {type(error).__name__}: {error}") from error


def _decoded(codec: Codec, value: Any, encoded: bytes) -> Any:
    """Return what ``encoded``, the form of ``value``, decodes to; that it does not is against the rules."""
    try:
        return codec.decode(encoded)
    except Exception as error:
        raise AssertionError(
            f"{_brief(value)} encodes, but decoding that raised {type(error).__name__}: {error}"
        ) from error


def _must_refuse(call: Callable[[Any], Any], argument: Any, what: str = "") -> None:
    found = _attempt(call, argument, what)
    assert found is CodecError, f"{what or _brief(argument)} gave {_brief(found)}"


def _attempted(codec: Codec, value: Any) -> list[Any]:
    """Return ``value`` in a list; an empty one if the codec does not take it."""
    return [] if _attempt(codec.encode, value) is CodecError else [value]


def _same(one: Any, other: Any) -> bool:
    """Tell whether two values are equal and of the same types: 1, 1.0 and True are three values."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)


def _garbage(sample: bytes) -> Iterator[bytes]:
    """Give bytes of no meaning, and the sample with one byte changed."""
    dice = random.Random(_SEED)  # noqa: S311  # the same each time, not secret
    for _ in range(_GARBAGE):
        yield dice.randbytes(dice.randrange(1, 40))
        changed = bytearray(sample)
        changed[dice.randrange(len(changed))] = dice.randrange(256)
        yield bytes(changed)


def _nested(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels - 1):
        value = [value]
    return value


def _brackets(codec: Codec) -> tuple[bytes, bytes]:
    """Return what the codec puts before and after the only item of a list."""
    inner, outer = codec.encode([]), codec.encode([[]])
    opening, found, closing = outer.partition(inner)
    return (opening, closing) if found else (outer[:1], b"")


def _brief(value: Any) -> str:
    try:
        return shown(repr(value), 60)
    except RecursionError:
        return f"a {type(value).__name__} that is nested deeply"
