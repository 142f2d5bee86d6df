# SPDX-License-Identifier: MIT
"""Options as text, with units, into a typed dataclass and back.

A carrier describes its options once, as a dataclass; names, types and defaults are read from it::

    @dataclass(frozen=True, slots=True, kw_only=True)
    class SerialOptions:
        baudrate: int = 115_200
        parity: Literal["N", "E", "O"] = "N"
        read_timeout: Seconds = 0.25
        buffer: Size = 4096

A field may be ``Seconds``, ``Size``, ``Limit``, ``int``, ``float``, ``bool``, ``str``, a ``Literal``, ``NamePatterns``,
or one of these ``| None``. What has structure is JSON: ``JsonOption`` is any value, ``dict`` and ``list`` are those
(``dict[str, str]`` and the like too, but what is in them is for the dataclass to check).
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import MISSING, dataclass, field, fields, is_dataclass, replace
from decimal import Decimal
from difflib import get_close_matches
from functools import cache, partial
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from ._errors import EndpointError
from ._names import check_pattern
from ._shown import HIDDEN, is_secret, shown

T = TypeVar("T")

Pairs = Iterable[tuple[str, str]]
"""Options as they stand in a query: name and value, both percent-decoded."""


@dataclass(frozen=True, eq=False)
class _Units:
    """A quantity that is written as a number and a unit, without a space between, or as one of some words."""

    what: str
    base: str
    factors: Mapping[str, Decimal]
    example: str
    words: Mapping[str, int] = field(default_factory=dict)


_TIME = _Units(
    "time", "seconds", {"ms": Decimal("0.001"), "s": Decimal(1), "min": Decimal(60), "h": Decimal(3600)}, "5s"
)
_BYTES = _Units(
    "size",
    "bytes",
    {
        "B": Decimal(1),
        "kB": Decimal(10**3),
        "KiB": Decimal(2**10),
        "MB": Decimal(10**6),
        "MiB": Decimal(2**20),
        "GB": Decimal(10**9),
        "GiB": Decimal(2**30),
    },
    "64KiB",
)

UNLIMITED = 2**62
"""What ``none`` is inside: a number as any other, and more bytes than any memory has."""

_LIMIT = replace(_BYTES, words={"none": UNLIMITED})

Seconds = Annotated[float, _TIME]
"""A time in seconds. As text it has a unit, also where it is nought: ``250ms``, ``5s``, ``2min``, ``1h``, ``0s``."""

Size = Annotated[int, _BYTES]
"""A size in bytes. As text it has a unit: ``512B``, ``64KiB`` (1024 bytes each), ``1kB`` (1000), ``1MiB``."""

Limit = Annotated[int, _LIMIT]
"""A size in bytes that may be ``UNLIMITED``. As text it is a ``Size``, or ``none``."""


@dataclass(frozen=True, eq=False)
class _Mark:
    """Tells the types apart that have one form in Python and another as text."""

    what: str


_PATTERNS = _Mark("patterns")

NamePatterns = Annotated[tuple[str, ...], _PATTERNS]
"""Names of senders, in which ``*`` is any text. As text they are separated by commas: ``thermo-*,gps``."""

_JSON = _Mark("json")

JsonOption = Annotated[Any, _JSON]
"""Any value of JSON, in an endpoint's query as JSON text; in ``sigcore.toml`` a list or a table becomes that."""


def format_seconds(value: float) -> str:
    """Return a time as it would be written in a query: ``0.25`` gives ``"250ms"``, ``120`` gives ``"2min"``."""
    return _formatted(Decimal(repr(value)), _TIME, base="s")


def format_size(value: int) -> str:
    """Return a size as it would be written in a query: ``65536`` gives ``"64KiB"``."""
    return _formatted(Decimal(value), _BYTES, base="B")


def format_limit(value: int) -> str:
    """Return a size that may be unlimited as it would be written in a query: ``65536`` gives ``"64KiB"``."""
    return "none" if value >= UNLIMITED else format_size(value)


def option_names(options: type) -> tuple[str, ...]:
    """Return the names of the options that the dataclass ``options`` describes, in its order."""
    return tuple(_kinds(options))


def read_options(options: type[T], pairs: Pairs, *, where: str, also: Iterable[str] = ()) -> T:
    """Return ``pairs`` as an instance of the dataclass ``options``; what is not given takes its default.

    A ``ValueError`` from the dataclass's own ``__post_init__`` becomes an ``EndpointError``, so ranges and
    combinations of options are checked there.

    Args:
        options: A dataclass whose fields have the types that this module knows.
        pairs: Options as text.
        where: What has the options, to open the error messages: a redacted endpoint.
        also: Names that are known elsewhere and only stand in the message about an unknown option.

    Raises:
        EndpointError: An option is unknown, missing, repeated or empty, or its value is malformed.
        TypeError: ``options`` is no dataclass, or a field has a type that no option can have.
    """
    given = given_options(options, pairs, where=where, also=also)
    _check_required(options, given, where)
    try:
        return options(**given)
    except EndpointError:
        raise
    except ValueError as exc:
        raise EndpointError(f"{where}: {exc}") from exc


def given_options(options: type, pairs: Pairs, *, where: str, also: Iterable[str] = ()) -> dict[str, object]:
    """Return only the options that ``pairs`` has, typed; defaults are left to the caller.

    Arguments and errors are those of ``read_options``.
    """
    kinds = _kinds(options)
    pairs = tuple(pairs)
    for name, times in Counter(name for name, _ in pairs).items():
        if name not in kinds:
            raise EndpointError(_unknown(name, where, tuple(kinds), tuple(also)))
        if times > 1:
            raise EndpointError(f"{where}: option {name!r} is given {times} times; give it once")
    return {name: _read(kinds[name], name, text, where) for name, text in pairs}


def read_number(options: type, name: str, value: object) -> float:
    """Return an option that is a number, from where numbers are no text, as in a TOML file.

    A time or a size may be text with its unit there, or a bare number of seconds or bytes.

    Args:
        options: A dataclass that describes the option.
        name: The option's name; its type is ``Seconds``, ``Size``, ``Limit``, ``int`` or ``float``.
        value: What was found.

    Raises:
        ValueError: It is none that the option takes, or beyond all that can be meant; the message says what it takes.
    """
    kind = _kinds(options)[name]
    found: Any = None
    if type(value) in kind.numbers:  # not isinstance, for which True is a number
        found = value
    elif kind.units is not None and isinstance(value, str):
        with suppress(ValueError):
            found = kind.read(value)
    if found is None or not -UNLIMITED <= found <= UNLIMITED:
        example = f'a number of {kind.units.base}, as in {name} = "{kind.example}"' if kind.units else ""
        raise ValueError(" or ".join(filter(None, [kind.accepts, example])))
    return float(found) if float in kind.numbers else int(found)


@dataclass(frozen=True)
class _Kind:
    """How the options of one type are read.

    Attributes:
        accepts: What it takes, for messages.
        example: One of these.
        read: Returns the value of a text; raises ``ValueError`` for what is not ``accepts``.
        numbers: The types of the value itself, if it is a number.
        units: The quantity's, if it has units.
    """

    accepts: str
    example: str
    read: Callable[[str], object]
    numbers: tuple[type, ...] = ()
    units: _Units | None = None


def _read(kind: _Kind, name: str, text: str, where: str) -> object:
    try:
        if text:
            return kind.read(text)
    except ValueError:
        found = f"cannot be {HIDDEN if is_secret(name) else shown(text)}"
    else:
        found = "has no value"
    # Raised outside the handler: the cause would quote the value, which may be a secret.
    raise EndpointError(f"{where}: option {name!r} {found}; it takes {kind.accepts}, as in {name}={kind.example}")


def _unknown(name: str, where: str, own: tuple[str, ...], also: tuple[str, ...]) -> str:
    near = [found for found in get_close_matches(name, own + also, n=1) if found != name]
    hint = f"; did you mean {near[0]!r}?" if near else ";"
    text = f"{where}: unknown option {shown(name)}{hint} its own options are: {', '.join(sorted(own)) or 'none'}"
    return f"{text}; every endpoint takes: {', '.join(sorted(also))}" if also else text


def _check_required(options: Any, given: Mapping[str, object], where: str) -> None:
    kinds = _kinds(options)
    for each in fields(options):
        has_default = each.default is not MISSING or each.default_factory is not MISSING
        if each.name in kinds and each.name not in given and not has_default:
            kind = kinds[each.name]
            raise EndpointError(
                f"{where}: option {each.name!r} is missing; it takes {kind.accepts}, as in {each.name}={kind.example}"
            )


@cache
def _kinds(options: type) -> Mapping[str, _Kind]:
    if not (isinstance(options, type) and is_dataclass(options)):
        raise TypeError(f"options are described by a dataclass, not by {options!r}")
    try:
        hints = get_type_hints(options, include_extras=True)
    except NameError as exc:
        raise TypeError(f"{options.__qualname__}: {exc}; types of options must be imported at run time") from exc
    return {field.name: _kind(hints[field.name], options, field.name) for field in fields(options) if field.init}


def _kind(hint: Any, options: type, name: str) -> _Kind:
    origin, args = get_origin(hint), get_args(hint)
    if hint in _PLAIN:
        return _PLAIN[hint]
    if origin is Annotated:
        for mark in args[1:]:
            if isinstance(mark, _Units):
                return _kind_with_units(mark, args[0])
            if isinstance(mark, _Mark):
                return _MARKED[mark]
        return _kind(args[0], options, name)
    if origin in (dict, list):
        return _PLAIN[origin]
    if origin is Literal:
        return _kind_of_choices(args)
    if origin in (Union, UnionType) and len(args) == 2 and NoneType in args:
        return _kind(args[0] if args[1] is NoneType else args[1], options, name)
    raise TypeError(f"{options.__qualname__}.{name}: no option can have the type {hint!r}")


def _kind_with_units(units: _Units, number: Callable[[Decimal], object]) -> _Kind:
    accepts = " or ".join([*units.words, f"a {units.what} with its unit ({', '.join(units.factors)})"])
    numbers = (int,) if number is int else (int, float)
    return _Kind(accepts, units.example, partial(_read_quantity, units, number), numbers, units)


def _kind_of_choices(choices: tuple[object, ...]) -> _Kind:
    by_text = {str(choice): choice for choice in choices}

    def read(text: str) -> object:
        if text not in by_text:
            raise ValueError(text)
        return by_text[text]

    return _Kind(f"one of {', '.join(by_text)}", next(iter(by_text)), read)


# Bounded so that a quantity is exact in Decimal's 28 digits (18 here, 10 in GiB), and that no conversion is slow.
_NUMBER = r"[0-9]{1,12}(?:\.[0-9]{1,6})?"
_QUANTITY = re.compile(rf"({_NUMBER})([A-Za-z]+)")
_INT = re.compile(r"[+-]?[0-9]{1,18}")
_FLOAT = re.compile(rf"[+-]?{_NUMBER}(?:[eE][+-]?[0-9]{{1,2}})?")
_BOOL = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


def _read_quantity(units: _Units, number: Callable[[Decimal], object], text: str) -> object:
    if text in units.words:
        return units.words[text]
    match = _QUANTITY.fullmatch(text)
    factor = units.factors.get(match[2]) if match else None
    if match is None or factor is None:
        raise ValueError(text)
    value = Decimal(match[1]) * factor
    if number is int and value != value.to_integral_value():
        raise ValueError(text)
    return number(value)


def _read_int(text: str) -> int:
    if not _INT.fullmatch(text):
        raise ValueError(text)
    return int(text)


def _read_float(text: str) -> float:
    if not _FLOAT.fullmatch(text):
        raise ValueError(text)
    return float(text)


def _read_patterns(text: str) -> tuple[str, ...]:
    return tuple(check_pattern(pattern.strip()) for pattern in text.split(","))


def _read_json(wanted: type, text: str) -> object:
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise ValueError(text) from error
    if not isinstance(value, wanted):
        raise ValueError(text)
    return value


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON")


def _read_bool(text: str) -> bool:
    if text.lower() not in _BOOL:
        raise ValueError(text)
    return _BOOL[text.lower()]


_PLAIN: Mapping[Any, _Kind] = {
    int: _Kind("a whole number", "64", _read_int, (int,)),
    float: _Kind("a number", "0.5", _read_float, (int, float)),
    bool: _Kind(f"one of {', '.join(_BOOL)}", "1", _read_bool),
    str: _Kind("text", "some-text", str),
    dict: _Kind("an object in JSON", '{"a":1}', partial(_read_json, dict)),
    list: _Kind("a list in JSON", "[1,2]", partial(_read_json, list)),
}
_MARKED: Mapping[_Mark, _Kind] = {
    _PATTERNS: _Kind("names of senders with commas between, in which * is any text", "thermo-*,gps", _read_patterns),
    _JSON: _Kind("JSON", '{"a":1}', partial(_read_json, object)),
}


def _formatted(value: Decimal, units: _Units, base: str) -> str:
    """Return ``value`` in the largest unit that leaves a whole number, else in the ``base`` unit."""
    value = round(value, 6)
    for unit, factor in sorted(units.factors.items(), key=lambda item: item[1], reverse=True):
        if value and value % factor == 0:
            return f"{int(value / factor)}{unit}"
    return f"{value.normalize():f}{base}"
