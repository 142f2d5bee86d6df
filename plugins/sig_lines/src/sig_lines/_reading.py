# SPDX-License-Identifier: MIT
"""A line to an event: the ways that the option ``parse`` names."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any

import sigcore

from ._values import Types, Value

Reading = tuple[str, Any]
"""The name of an event and its data."""

Reader = Callable[[str], Reading]
"""Takes a line; raises ``ValueError``, which says why, for one that it cannot read."""

# One name and one value; quotes hold what has spaces. What is repeated gives nothing back (*+), so that no line is
# slow; but for the space before a value, which may turn out to stand before the next name.
_PAIR = re.compile(r"""[\s,;]*+([^\s,;=:"]++)[ \t]*+[=:][ \t]*(?:"([^"]*+)"|([^\s,;"=]*+)(?!=))""")
_BETWEEN = re.compile(r"[\s,;]*")

EVENT_GROUP = "event"
"""The named group that picks the event."""


def text_reader(event: str) -> Reader:
    """Return what takes the line itself for the data."""
    return lambda line: (event, line)


def json_reader(event: str) -> Reader:
    """Return what reads one JSON value per line, as strictly as everywhere in sigcore."""
    decode = sigcore.load_codec("json").decode
    return lambda line: (event, decode(line.encode("utf-8")))


def keyvalue_reader(event: str, types: Types) -> Reader:
    """Return what reads ``t=21.5 h=40``, with ``=`` or ``:``, and spaces, commas or semicolons between the pairs."""

    def read(line: str) -> Reading:
        found: dict[str, Value] = {}
        at = 0
        while match := _PAIR.match(line, at):
            quoted, plain = match[2], match[3]
            found[match[1]] = types.value(match[1], plain if quoted is None else quoted)
            at = match.end()
        if not found or not _BETWEEN.fullmatch(line, at):
            raise ValueError("it is not made of key=value pairs")
        return event, found

    return read


def csv_reader(event: str, columns: Sequence[str], separator: str, types: Types) -> Reader:
    """Return what reads the columns of a line; a column whose name is empty is left out of the data."""

    def read(line: str) -> Reading:
        texts = _cells(line, separator)
        if len(texts) != len(columns):
            raise ValueError(f"it has {len(texts)} columns, not {len(columns)}")
        pairs = zip(columns, texts, strict=True)
        return event, {name: types.value(name, text.strip()) for name, text in pairs if name}

    return read


def _cells(line: str, separator: str) -> list[str]:
    if '"' not in line:
        return line.split(separator)
    try:
        return next(csv.reader([line], delimiter=separator, strict=True))
    except (csv.Error, StopIteration) as error:
        raise ValueError(f"its quotes do not fit: {error}") from None


def pattern_reader(
    patterns: Sequence[tuple[str, re.Pattern[str]]], event_names: Collection[str], types: Types
) -> Reader:
    """Return what tries regular expressions in turn; the first that is found in the line gives event and data.

    Args:
        patterns: Each with its event.
        event_names: The events that a group named ``event`` may pick; what else it holds stays part of the data.
        types: For the groups.
    """
    tries = [(event, pattern.search, partial(matched, types=types)) for event, pattern in patterns]

    def read(line: str) -> Reading:
        for event, search, value_of in tries:
            match = search(line)
            if match is not None:
                data = value_of(match)
                if isinstance(data, dict) and data.get(EVENT_GROUP) in event_names:
                    event = data.pop(EVENT_GROUP)
                return event, data
        raise ValueError("no pattern is found in it")

    return read


def matched(match: re.Match[str], types: Types) -> Value | list[Value] | Mapping[str, Value]:
    """Return what the groups of a match hold: by name, in a list, alone, or the whole match where there are none."""
    named = match.groupdict()
    if named:
        return {name: types.value(name, text) for name, text in named.items()}
    values = [types.value("", text) for text in match.groups()]
    if not values:
        return types.value("", match[0])
    return values[0] if len(values) == 1 else values
