# SPDX-License-Identifier: MIT
"""Flat dataclasses of JSON scalars: what ``type=`` takes when msgspec is not installed.

The rules are msgspec's strict ones, so that installing it later changes nothing: an integer may stand for a float,
nothing else for anything else.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable
from typing import Any

from ._errors import TypeMismatch
from ._shown import described, shown

_SCALARS = frozenset({str, int, float, bool, types.NoneType})
_INSTALL = "for more: pip install 'sigcore[msgspec]', or give a pydantic class"
_ALLOWED = f"flat dataclasses of str, int, float, bool and None are supported as they are; {_INSTALL}"

MESSAGE_CHARS = 2000
"""Longest part of a message that another library wrote: it may repeat all the data."""

Kinds = frozenset[type] | None
"""The types that a field may have; ``None`` for any."""


def flat_reader(wanted: Any) -> Callable[[Any], Any]:
    """Return a function that turns a dict into an object of the flat dataclass ``wanted``.

    Raises:
        TypeMismatch: It is no dataclass, or has a field that is no JSON scalar; the message says what to install.
    """
    kinds = _kinds_of_fields(wanted)
    required = [field.name for field in dataclasses.fields(wanted) if _has_no_default(field)]

    def read(value: Any) -> Any:
        if isinstance(value, wanted):
            return value
        if not isinstance(value, dict):
            raise TypeMismatch(f"data do not fit {wanted.__name__}: expected a dict, found {type(value).__name__}")
        missing = [name for name in required if name not in value]
        if missing:
            raise TypeMismatch(f"data do not fit {wanted.__name__}: {', '.join(missing)} missing")
        try:
            return wanted(**{name: _fitted(value[name], kind, name) for name, kind in kinds.items() if name in value})
        except Exception as error:  # also what a __post_init__ has against the values
            raise misfit(wanted.__name__, error) from error

    return read


def flat_writer(wanted: Any) -> Callable[[Any], Any]:
    """Return a function that turns an object of the flat dataclass ``wanted`` into a dict; it leaves others alone.

    Raises:
        TypeMismatch: As for ``flat_reader``.
    """
    names = list(_kinds_of_fields(wanted))

    def write(value: Any) -> Any:
        return {name: getattr(value, name) for name in names} if isinstance(value, wanted) else value

    return write


def misfit(name: str, error: Exception) -> TypeMismatch:
    """Return what to raise where ``error`` tells that data do not fit the class ``name``."""
    text = str(error) if isinstance(error, TypeError | ValueError) else described(error)
    return TypeMismatch(
        f"data do not fit {name}: {text if len(text) <= MESSAGE_CHARS else text[:MESSAGE_CHARS] + '...'}"
    )


def _kinds_of_fields(wanted: Any) -> dict[str, Kinds]:
    if not (isinstance(wanted, type) and dataclasses.is_dataclass(wanted)):
        raise TypeMismatch(f"{getattr(wanted, '__name__', wanted)} is not supported by type=: {_ALLOWED}")
    try:
        hints = typing.get_type_hints(wanted)
    except Exception as error:
        raise TypeMismatch(f"the fields of {wanted.__name__} cannot be resolved: {error}") from error
    for name, hint in hints.items():
        if isinstance(hint, dataclasses.InitVar):
            raise TypeMismatch(f"{wanted.__name__}.{name} is not supported by type=: it is an InitVar")
    for field in dataclasses.fields(wanted):
        if not field.init:
            raise TypeMismatch(f"{wanted.__name__}.{field.name} is not set by __init__: {_ALLOWED}")
    return {field.name: _kinds(hints[field.name], wanted, field.name) for field in dataclasses.fields(wanted)}


def _kinds(hint: Any, wanted: type, name: str) -> Kinds:
    """Return what a field with the annotation ``hint`` may hold."""
    if hint in (Any, object):
        return None
    is_union = typing.get_origin(hint) in (typing.Union, types.UnionType)
    found = frozenset(typing.get_args(hint) if is_union else (hint,))
    if not found <= _SCALARS:
        raise TypeMismatch(f"{wanted.__name__}.{name} is {shown(str(hint))}: {_ALLOWED}")
    return found


def _has_no_default(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _fitted(value: Any, kinds: Kinds, name: str) -> Any:
    if kinds is None or type(value) in kinds:
        return value
    if float in kinds and type(value) is int:
        try:
            return float(value)
        except OverflowError:
            raise ValueError(f"{name} is an integer too large for a float") from None
    expected = " or ".join(sorted("None" if kind is types.NoneType else kind.__name__ for kind in kinds))
    raise TypeError(f"{name} must be {expected}, found {type(value).__name__} {shown(repr(value), 60)}")
