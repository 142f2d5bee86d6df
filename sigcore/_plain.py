# SPDX-License-Identifier: MIT
"""What event data may be, and its plain form: the values that every codec can take.

Plain data are ``None``, booleans, integers, floats, text, lists of plain data, and dicts from text to plain data, at
most ``MAX_DEPTH`` deep and with at most ``MAX_ENTRIES`` entries. Everything else that may be sent has one plain form,
the same for every codec; docs/codecs.md has the table. Where JSON text is concerned, the forms are those that msgspec
writes (tests/test_json.py compares them value by value), so that data look the same with and without it.
"""

from __future__ import annotations

import base64
import datetime as dt
import decimal
import enum
import operator
import sys
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType, MemberDescriptorType, NoneType
from typing import Any

from ._errors import CodecError
from ._shown import shown

MAX_DEPTH = 32
"""Lists and maps inside each other. Far below Python's own recursion limit, so that no data can reach that."""

MAX_ENTRIES = 100_000
"""Entries of all lists and maps together; an empty one counts as one more. Bounds what a short message can occupy:
1 MiB of empty lists would become 77 MB of objects."""

_SCALARS = frozenset({NoneType, bool, int, float, str})
_ARRAYS = (list, tuple, set, frozenset)
_MEMORY = (bytes, bytearray, memoryview)
_MSGSPEC_KEEPS = (*_MEMORY, dt.datetime, dt.date, dt.time, dt.timedelta, uuid.UUID, decimal.Decimal)

Form = Callable[[Any], Any]


def plain_converter(
    keep: Iterable[type] = (), forms: Mapping[type, Form] = MappingProxyType({}), *, text_keys: bool = False
) -> Form:
    """Return a function that gives the plain form of data; for authors of codecs.

    Data that are plain already come back as the very same object, and nothing is ever changed in place.

    Args:
        keep: Types beyond the plain ones that the codec's library takes as they are, such as ``bytes``.
        forms: For a type that the codec writes in a way of its own, the function that makes it; what that returns is
            taken as it is.
        text_keys: Refuse a key that is no text, instead of giving it the text that stands for it: for what a codec
            decoded, where that would change the data.

    Returns:
        A function from a value to its plain form. It raises ``CodecError`` for what has none, for what is too deep or
        holds itself, and for too many entries; the message says where.

    >>> to_plain = plain_converter()
    >>> to_plain({"at": dt.date(2024, 5, 1), 7: (1.5, b"raw")})
    {'at': '2024-05-01', '7': [1.5, 'cmF3']}
    >>> plain_converter(keep=[bytes])({"raw": b"raw"})
    {'raw': b'raw'}
    """
    kept = frozenset(keep)
    leaves = _SCALARS | kept
    key_text = _refuse_key if text_keys else _key_text

    def to_plain(value: Any) -> Any:
        kind = type(value)
        if kind in leaves:
            return value
        try:
            if kind is dict and 0 < len(value) <= MAX_ENTRIES and _is_flat(value, leaves):  # what most events carry
                return value
            return _Walk(leaves, kept, forms, key_text).convert(value, MAX_DEPTH)
        except _NoPlainFormError as error:
            raise CodecError(str(error)) from None
        except Exception as error:  # such as a dict that another thread changes meanwhile
            raise CodecError(f"the data could not be read: {type(error).__name__}: {error}") from error

    return to_plain


def _is_flat(value: dict[Any, Any], leaves: frozenset[type]) -> bool:
    for key, item in value.items():  # noqa: SIM110  # all() and issuperset are slower for a few pairs, no faster for many
        if type(key) is not str or type(item) not in leaves:
            return False
    return True


class _NoPlainFormError(Exception):
    """Raised inside a walk; each container that it passes on the way out adds where that was."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.trail: list[str] = []

    def __str__(self) -> str:
        return f"{self.what} (at {''.join(reversed(self.trail))})" if self.trail else self.what


class _TooMuchError(_NoPlainFormError):
    def __str__(self) -> str:  # without the trail: it is long, and endless for data that hold themselves
        return self.what


class _Walk:
    """One conversion: what counts as plain, what becomes of other keys, and how many entries may still come."""

    __slots__ = ("entries_left", "forms", "kept", "key_text", "leaves")

    def __init__(
        self,
        leaves: frozenset[type],
        kept: frozenset[type],
        forms: Mapping[type, Form],
        key_text: Callable[[Any], str],
    ) -> None:
        self.leaves = leaves
        self.kept = kept
        self.forms = forms
        self.key_text = key_text
        self.entries_left = MAX_ENTRIES

    def convert(self, value: Any, levels_left: int) -> Any:
        kind = type(value)
        if kind in self.leaves:
            return value
        if kind is dict:
            return self.map(value, levels_left)
        if kind is list:
            return self.array(value, levels_left)
        if kind in self.forms:
            return self.forms[kind](value)
        if isinstance(value, dict):
            return self.map(dict(value), levels_left)
        if isinstance(value, _ARRAYS):
            return self.array(list(value), levels_left)
        inner = _inner_of(value)
        if inner is not value:
            return self.convert(inner, levels_left)
        return self.scalar(value)

    def map(self, value: dict[Any, Any], levels_left: int) -> dict[str, Any]:
        self.enter(value, levels_left)
        if _is_flat(value, self.leaves):
            return value
        plain: dict[str, Any] = {}
        key: Any = None
        try:
            for key, item in value.items():
                plain[key if type(key) is str else self.key_text(key)] = self.convert(item, levels_left - 1)
        except _NoPlainFormError as error:
            error.trail.append(f"[{shown(key) if isinstance(key, str) else type(key).__name__}]")
            raise
        same = all(map(operator.is_, plain, value)) and all(map(operator.is_, plain.values(), value.values()))
        return value if same and len(plain) == len(value) else plain

    def array(self, value: list[Any], levels_left: int) -> list[Any]:
        self.enter(value, levels_left)
        if self.leaves.issuperset(map(type, value)):
            return value
        plain: list[Any] = []
        try:
            for item in value:
                plain.append(self.convert(item, levels_left - 1))
        except _NoPlainFormError as error:
            error.trail.append(f"[{len(plain)}]")
            raise
        return value if all(map(operator.is_, plain, value)) else plain

    def enter(self, container: dict[Any, Any] | list[Any], levels_left: int) -> None:
        if levels_left == 0:
            raise _TooMuchError(f"the data hold themselves, or are nested deeper than {MAX_DEPTH} levels")
        self.entries_left -= len(container) or 1
        if self.entries_left < 0:
            raise _TooMuchError(f"the data have more than {MAX_ENTRIES} entries; send them in parts, or as bytes")

    def scalar(self, value: Any) -> Any:
        for kind, form in self.forms.items():
            if isinstance(value, kind):
                return form(value)
        if isinstance(value, _MEMORY):
            return bytes(value) if bytes in self.kept else _base64(value)
        if isinstance(value, tuple(self.kept)):
            return value
        return _scalar_form(value)


def _inner_of(value: Any) -> Any:
    """Return what stands for ``value``: an enumeration's value, a record's fields; else ``value`` itself."""
    kind = type(value)
    if isinstance(value, enum.Enum):
        return value.value
    if hasattr(kind, "__dataclass_fields__"):
        return dict(_dataclass_fields(value))
    if hasattr(kind, "__struct_fields__"):  # there are none unless msgspec is loaded
        return sys.modules["msgspec"].to_builtins(value, builtin_types=_MSGSPEC_KEEPS, enc_hook=_scalar_form)
    if hasattr(kind, "__attrs_attrs__"):
        return dict(_attrs_fields(value))
    return value


def _dataclass_fields(value: Any) -> Iterator[tuple[str, Any]]:
    """Give the fields that this very object has; one that only its class has (``init=False``) is none of them."""
    own = getattr(value, "__dict__", {})
    for name in type(value).__dataclass_fields__:
        if name in own:
            yield name, own[name]
        elif isinstance(getattr(type(value), name, None), MemberDescriptorType) and hasattr(value, name):
            yield name, getattr(value, name)


def _attrs_fields(value: Any) -> Iterator[tuple[str, Any]]:
    """Give the fields of an attrs object, without those whose names start with an underscore."""
    own = getattr(value, "__dict__", None)
    names = own if own is not None else (field.name for field in type(value).__attrs_attrs__)
    return ((name, getattr(value, name)) for name in names if not name.startswith("_"))


def _scalar_form(value: Any) -> Any:
    """Return ``value`` as text or number; subclasses of these lose what they add."""
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, (dt.datetime, dt.time)):
        return _moment_text(value)
    if isinstance(value, dt.date):
        return dt.date.isoformat(value)
    if isinstance(value, dt.timedelta):
        return _duration_text(value)
    if isinstance(value, (uuid.UUID, decimal.Decimal)):
        return str(value)
    raise _NoPlainFormError(
        f"{type(value).__name__} has no plain form; data are text, numbers, booleans, None, bytes, dates, "
        "lists and dicts of these, dataclasses, or what type= names"
    )


def _key_text(key: Any) -> str:
    """Return ``key`` as the text that stands for it in a map."""
    while isinstance(key, enum.Enum):
        key = key.value
    if isinstance(key, _MEMORY):
        return _base64(key)
    if key is None or isinstance(key, bool):
        return {None: "null", True: "true", False: "false"}[key]
    if isinstance(key, (*_ARRAYS, dict)) or _inner_of(key) is not key:
        raise _NoPlainFormError(f"a {type(key).__name__} cannot be the key of a map; keys are text")
    form = _scalar_form(key)
    return float_text(form) if isinstance(form, float) else str(form)


def _refuse_key(key: Any) -> str:
    raise _NoPlainFormError(f"the keys of a map must be text, found {type(key).__name__}")


def float_text(value: float) -> str:
    """Return the shortest text that reads back as ``value``, in the way msgspec writes it.

    >>> [float_text(number) for number in (0.1, 1e16, 1.5e-05, 1e-06)]
    ['0.1', '1e16', '0.000015', '1e-6']
    """
    mantissa, has_power, power = repr(value).partition("e")
    if not has_power:
        return mantissa
    if int(power) != -5:
        return f"{mantissa}e{int(power)}"
    sign = "-" if value < 0 else ""
    return f"{sign}0.0000{mantissa.removeprefix('-').replace('.', '')}"


def _base64(value: bytes | bytearray | memoryview) -> str:
    return base64.b64encode(bytes(value)).decode("ascii")


def _moment_text(value: dt.datetime | dt.time) -> str:
    """Return the text of RFC 3339, without an offset where ``value`` has none; offsets are rounded to minutes."""
    if isinstance(value, dt.datetime) and value.tzinfo is dt.UTC:  # most are
        return f"{dt.datetime.isoformat(value)[:-6]}Z"
    local = value.replace(tzinfo=None)
    text = dt.datetime.isoformat(local) if isinstance(local, dt.datetime) else dt.time.isoformat(local)
    offset = value.utcoffset()
    if offset is None:
        return text
    minutes = (abs(offset) + dt.timedelta(seconds=30)) // dt.timedelta(minutes=1) % (24 * 60)
    if minutes == 0:
        return f"{text}Z"
    sign = "-" if offset < dt.timedelta(0) else "+"
    return f"{text}{sign}{minutes // 60:02}:{minutes % 60:02}"


def _duration_text(value: dt.timedelta) -> str:
    """Return an ISO 8601 duration in days and seconds.

    >>> _duration_text(dt.timedelta(days=1, milliseconds=1500))
    'P1DT1.5S'
    """
    sign = "-" if value < dt.timedelta(0) else ""
    value = abs(value)
    fraction = f".{value.microseconds:06}".rstrip("0") if value.microseconds else ""
    days = f"{value.days}D" if value.days else ""
    seconds = f"T{value.seconds}{fraction}S" if value.seconds or fraction else ""
    return f"{sign}P{days}{seconds}" if days or seconds else "P0D"
