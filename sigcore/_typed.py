# SPDX-License-Identifier: MIT
"""``type=``: from the plain data that a codec gives to objects of the user's class, and back.

Everything that can be looked up about the class is looked up when the reader or writer is made. Three kinds are told
apart by what the class itself has, so that neither msgspec nor pydantic is imported unless the class needs it:

- ``int``, ``float``, ``str``, ``bytes``, ``bool``, ``list``, ``dict``, ``Any``: here;
- pydantic models: by their own ``model_validate`` and ``model_dump``;
- everything else: by msgspec; where that is not installed, flat dataclasses of JSON scalars, in ``_flat``.

None of them turns text into numbers or back, and all of them leave out keys that the class does not have.
"""

from __future__ import annotations

import base64
import datetime as dt
import functools
import uuid
from collections.abc import Callable, Hashable, Mapping
from types import ModuleType
from typing import Any

from ._errors import CodecError, TypeMismatch
from ._flat import flat_reader, flat_writer, misfit
from ._plain import plain_converter
from ._shown import shown

Reader = Callable[[Any], Any]
Writer = Callable[[Any], Any]

_ANYTHING = (None, Any, object)
_BUILTINS = (int, float, str, bytes, bool, list, dict)
_FEW_ERRORS = 20
_KEPT = (bytes, dt.datetime, dt.date, dt.time, uuid.UUID)
_to_plain = plain_converter(keep=_KEPT)


def make_reader(wanted: Any) -> Reader:
    """Return a function that turns data into an object of the type ``wanted``.

    It takes what a codec gives, where bytes, dates and UUIDs may have become text on the way, and any object that is
    of that type already, which it returns as it is.

    Args:
        wanted: A dataclass, a msgspec or pydantic class, a built-in type; ``None`` or ``Any`` for whatever comes.

    Returns:
        The function. It raises ``TypeMismatch`` for data that do not fit; the message says what did not, and where.

    Raises:
        TypeMismatch: The type is not supported; the message says what is, and what to install.
    """
    if wanted in _ANYTHING:
        return _as_it_is
    if not isinstance(wanted, Hashable):
        raise TypeMismatch(f"{wanted!r} is not supported by type=: it is no type; a list of them is list[...]")
    return _cached_reader(wanted, _msgspec_for(wanted))


def make_writer(wanted: Any) -> Writer | None:
    """Return a function that turns an object of the type ``wanted`` into plain data; ``None`` if it is plain already.

    Bytes, dates and UUIDs stay as they are. The function raises ``CodecError`` for what has no plain form. What is
    not of that type is not its business: it becomes plain data as well, or is left as it is.

    Raises:
        TypeMismatch: As for ``make_reader``.
    """
    if wanted in _ANYTHING or wanted in _BUILTINS:
        return None
    if _is_pydantic(wanted):
        return functools.partial(_dump_model, wanted)
    msgspec = _msgspec_for(wanted)
    if msgspec is None:
        return flat_writer(wanted)
    make_reader(wanted)  # to refuse what could be written but never read
    return functools.partial(_take_apart, msgspec.to_builtins)


@functools.lru_cache(maxsize=256)
def _cached_reader(wanted: Any, msgspec: ModuleType | None) -> Reader:
    if wanted in _BUILTINS:
        return functools.partial(_read_builtin, wanted)
    if _is_pydantic(wanted):
        return functools.partial(_validate_model, wanted, _bytes_fields(wanted))
    return flat_reader(wanted) if msgspec is None else _msgspec_reader(msgspec, wanted)


def _msgspec_for(wanted: Any) -> ModuleType | None:
    """Return msgspec if it is installed and ``wanted`` needs it."""
    if wanted in _BUILTINS or _is_pydantic(wanted):
        return None
    try:
        import msgspec
    except ImportError:
        return None
    return msgspec


class _Nobody:
    """What no data are objects of."""


def _as_it_is(value: Any) -> Any:
    return value


def _read_builtin(wanted: type, value: Any) -> Any:
    if wanted is bool if isinstance(value, bool) else isinstance(value, wanted):
        return value
    try:
        if wanted is float and isinstance(value, int) and not isinstance(value, bool):
            return float(value)
        if wanted is list and isinstance(value, tuple):
            return list(value)
        if wanted is bytes and isinstance(value, str):
            return base64.b64decode(value, validate=True)
        if wanted is bytes and isinstance(value, bytearray | memoryview):
            return bytes(value)
    except (ValueError, OverflowError) as error:
        raise TypeMismatch(f"data do not fit {wanted.__name__}: {error}") from error
    raise TypeMismatch(f"data do not fit {wanted.__name__}: found {type(value).__name__} {shown(repr(value), 60)}")


def _msgspec_reader(msgspec: ModuleType, wanted: Any) -> Reader:
    name = getattr(wanted, "__name__", str(wanted))
    try:
        msgspec.json.Decoder(wanted)  # raises for what convert would not support either
        is_custom = isinstance(msgspec.inspect.type_info(wanted), msgspec.inspect.CustomType)
    except Exception as error:
        raise TypeMismatch(f"{name} is not supported by type=: {error}") from error
    if is_custom:
        raise TypeMismatch(f"{name} is not supported by type=: give a dataclass, a msgspec or a pydantic class")
    own = (
        wanted if isinstance(wanted, type) and wanted is not dt.date else _Nobody
    )  # a datetime is a date, to isinstance
    convert = msgspec.convert

    def read(value: Any) -> Any:
        if isinstance(value, own):
            return value
        try:
            return convert(value, wanted)
        except Exception as error:  # beside its ValidationError, what a __post_init__ has against the values
            raise misfit(name, error) from error

    return read


def _take_apart(to_builtins: Callable[..., Any], value: Any) -> Any:
    try:
        return to_builtins(value, builtin_types=(*_KEPT, bytearray, memoryview), enc_hook=_to_plain)
    except TypeError as error:
        raise CodecError(f"{type(value).__name__} has no plain form: {error}") from error


def _is_record(wanted: Any) -> bool:
    return isinstance(wanted, type) and (
        hasattr(wanted, "__dataclass_fields__") or hasattr(wanted, "__struct_fields__")
    )


def _is_pydantic(wanted: Any) -> bool:
    return (
        isinstance(wanted, type) and hasattr(wanted, "__pydantic_core_schema__") and hasattr(wanted, "model_validate")
    )


def _bytes_fields(model: Any) -> frozenset[str]:
    """Return under which keys ``model`` finds its fields of type ``bytes``."""
    fields: Mapping[str, Any] = model.model_fields
    return frozenset(
        key
        for name, field in fields.items()
        if field.annotation in (bytes, bytes | None)
        for key in (name, field.alias, field.validation_alias)
        if isinstance(key, str)
    )


def _validate_model(model: Any, bytes_fields: frozenset[str], value: Any) -> Any:
    if isinstance(value, model):
        return value
    try:
        if bytes_fields and isinstance(value, dict):
            value = {**value, **_bytes_from_text(value, bytes_fields)}
        return model.model_validate(value)
    except Exception as error:  # beside its ValidationError, what a validator has against the values
        count = error.error_count() if hasattr(error, "error_count") else 1
        if count > _FEW_ERRORS:  # their text may be megabytes long
            raise TypeMismatch(f"data do not fit {model.__name__}: {count} errors") from None
        raise misfit(model.__name__, error) from error


def _bytes_from_text(value: dict[str, Any], bytes_fields: frozenset[str]) -> dict[str, bytes]:
    """Undo base64: pydantic would take the text that JSON carries for the bytes themselves."""
    return {
        key: base64.b64decode(value[key], validate=True)
        for key in bytes_fields.intersection(value)
        if isinstance(value[key], str)
    }


def _dump_model(model: Any, value: Any) -> Any:
    return _to_plain(value.model_dump(by_alias=True)) if isinstance(value, model) else value
