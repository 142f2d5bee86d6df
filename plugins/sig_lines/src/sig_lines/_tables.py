# SPDX-License-Identifier: MIT
"""The options that hold lists and tables, checked and made into what the rest works with."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, NoReturn, TypeVar, cast

from ._template import Template
from ._values import ValueType

T = TypeVar("T")

LONGEST_TIME_S = 86_400.0

_TIME = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)(ms|s|min|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class RequestSpec:
    """A request that a device answers.

    Attributes:
        name: The method's name.
        template: What is sent.
        reply: What a line must have in it to be the reply; ``None`` where the device sends none.
        error: What it has in it where the device refuses; ``None`` where it never says so.
        timeout_s: How long the reply may take.
    """

    name: str
    template: Template
    reply: re.Pattern[str] | None
    error: re.Pattern[str] | None
    timeout_s: float


@dataclass(frozen=True, slots=True)
class PollSpec:
    """A request that is made again and again.

    Attributes:
        request: Which.
        text: What is sent, parameters filled in.
        every_s: How often.
        event: The event that its reply becomes.
    """

    request: RequestSpec
    text: str
    every_s: float
    event: str


def names_of(option: str, text: str | None) -> list[str]:
    """Return names that are written as a list, or with commas between."""
    if text is None:
        return []
    if text.startswith("["):
        return texts_of(option, text)
    return [name.strip() for name in text.split(",")]


def columns_of(text: str | None) -> list[str]:
    """Return the names of columns, each there once; an empty one, which leaves its column out, as often as need be."""
    columns = names_of("columns", text)
    named = [name for name in columns if name]
    if not named:
        raise ValueError("parse=csv needs the names of the columns, as in columns=time,celsius")
    if twice := [name for name in named if named.count(name) > 1]:
        raise ValueError(f"columns names {twice[0]!r} twice; leave one of these columns out, or name it otherwise")
    return columns


def texts_of(option: str, text: str | None) -> list[str]:
    """Return texts that are written as a list, or as one text."""
    if text is None:
        return []
    if not text.startswith("["):
        return [text]
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{option} begins like a list and is none: {error}") from None
    if not all(isinstance(each, str) for each in found):
        _refuse(option, found, "a list of texts")
    return cast(list[str], found)


def patterns_of(option: str, table: Mapping[str, Any]) -> list[tuple[str, re.Pattern[str]]]:
    """Return the patterns of a table, each with its event; a value is the pattern, or a table that holds it."""
    found = []
    for event, value in table.items():
        where = f"{option}.{event}"
        entry = value if isinstance(value, dict) else {"pattern": value}
        _check_keys(where, entry, ("pattern",), ("pattern",))
        found.append((event, pattern_of(f"{where}.pattern", entry["pattern"])))
    return found


def pattern_of(where: str, text: object, flags: re.RegexFlag = re.NOFLAG) -> re.Pattern[str]:
    """Return a regular expression."""
    if not isinstance(text, str):
        _refuse(where, text, "a regular expression in quotes")
    try:
        return re.compile(text, flags)
    except (re.error, ValueError, OverflowError, RecursionError) as error:
        raise ValueError(f"{where} is no regular expression: {error}; it is {text!r}") from None


def types_of(table: Mapping[str, Any]) -> dict[str, ValueType]:
    """Return the types of columns, keys and groups."""
    for name, kind in table.items():
        if kind not in ("auto", "number", "text"):
            _refuse(f"types.{name}", kind, "one of auto, number, text")
    return cast(dict[str, ValueType], dict(table))


def requests_of(table: Mapping[str, Any], timeout_s: float) -> dict[str, RequestSpec]:
    """Return the requests of a table; a value is what is sent, or a table that holds it."""
    return {name: _request(name, value, timeout_s) for name, value in table.items()}


def _request(name: str, value: Any, timeout_s: float) -> RequestSpec:
    where = f"requests.{name}"
    entry: dict[str, Any] = value if isinstance(value, dict) else {"send": value}
    _check_keys(where, entry, ("send",), ("send", "reply", "error", "timeout", "params"))
    if not isinstance(entry["send"], str):
        _refuse(f"{where}.send", entry["send"], "text in quotes")
    template = _blaming(f"{where}.send", lambda: Template(entry["send"], _allowed(where, entry.get("params", {}))))
    if unknown := set(entry.get("params", {})) - set(template.names):
        raise ValueError(
            f"{where}.params names {', '.join(sorted(unknown))}, which is no parameter of {entry['send']!r}"
        )
    if "error" in entry and "reply" not in entry:
        raise ValueError(f"{where} has an error and no reply, so it would not wait for either; give it a reply")
    return RequestSpec(
        name,
        template,
        pattern_of(f"{where}.reply", entry["reply"]) if "reply" in entry else None,
        pattern_of(f"{where}.error", entry["error"]) if "error" in entry else None,
        seconds_of(f"{where}.timeout", entry["timeout"]) if "timeout" in entry else timeout_s,
    )


def _allowed(where: str, params: object) -> dict[str, re.Pattern[str]]:
    if not isinstance(params, dict):
        _refuse(f"{where}.params", params, "a table of patterns by parameter")
    return {name: pattern_of(f"{where}.params.{name}", pattern, re.ASCII) for name, pattern in params.items()}


def polls_of(table: Mapping[str, Any], requests: Mapping[str, RequestSpec]) -> list[PollSpec]:
    """Return the polls of a table; a value is how often, or a table that holds it."""
    return [_poll(name, value, requests) for name, value in table.items()]


def _poll(name: str, value: object, requests: Mapping[str, RequestSpec]) -> PollSpec:
    where = f"poll.{name}"
    entry: dict[str, Any] = value if isinstance(value, dict) else {"every": value}
    _check_keys(where, entry, ("every",), ("every", "request", "params", "event"))
    asked, event = entry.get("request", name), entry.get("event", name)
    if not isinstance(asked, str) or asked not in requests:
        _unknown(where, "request", asked, tuple(requests))
    if not isinstance(event, str):
        _refuse(f"{where}.event", event, "text in quotes")
    request = requests[asked]
    if request.reply is None:
        raise ValueError(f"{where}: the request {asked!r} has no reply, so nothing would come of it; give it one")
    text = _blaming(f"{where}.params", lambda: request.template.fill(entry.get("params")))
    return PollSpec(request, text, seconds_of(f"{where}.every", entry["every"]), event)


def seconds_of(where: str, value: object) -> float:
    """Return a time; text with its unit, or a bare number of seconds.

    >>> seconds_of("poll.temp.every", "250ms")
    0.25
    """
    found = -1.0
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        found = float(value)
    elif isinstance(value, str) and (match := _TIME.fullmatch(value)):
        found = round(float(match[1]) * _SECONDS[match[2]], 6)
    if not 0 < found <= LONGEST_TIME_S:
        _refuse(where, value, "a time with its unit (ms, s, min, h) of more than 0 and a day at most, as in 2s")
    return found


def _check_keys(where: str, entry: Mapping[str, Any], needed: tuple[str, ...], known: tuple[str, ...]) -> None:
    for key in entry:
        if key not in known:
            _unknown(where, "key", key, known)
    for key in needed:
        if key not in entry:
            raise ValueError(f"{where} has no {key}; it must have one")


def _unknown(where: str, what: str, found: object, known: tuple[str, ...]) -> NoReturn:
    near = get_close_matches(str(found), known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known are: {', '.join(known) or 'none'}"
    raise ValueError(f"{where}: there is no {what} {str(found)[:60]!r}; {hint}")


def _refuse(where: str, found: object, wanted: str) -> NoReturn:
    raise ValueError(f"{where} is {json.dumps(found)[:60]}; it must be {wanted}")


def _blaming(where: str, make: Callable[[], T]) -> T:
    try:
        return make()
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
