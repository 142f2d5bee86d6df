# SPDX-License-Identifier: MIT
"""A device as its endpoint's options describe it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import sigcore

from ._options import LinesOptions
from ._reading import Reader, csv_reader, json_reader, keyvalue_reader, pattern_reader, text_reader
from ._splitting import NEWLINES
from ._tables import (
    PollSpec,
    RequestSpec,
    columns_of,
    names_of,
    pattern_of,
    patterns_of,
    polls_of,
    requests_of,
    texts_of,
    types_of,
)
from ._values import Types

UNMATCHED = "unmatched"
"""The event of lines that cannot be read, where the option ``unmatched=event`` asks for it."""


@dataclass(frozen=True, slots=True)
class Description:
    """What there is to know of a device before it speaks.

    Attributes:
        options: As given, for what needs no preparation.
        read: Takes a line to an event.
        events: Every event that the device may have.
        requests: By method.
        polls: What is asked again and again.
        hello: What is sent at first.
        ending: What ends a line that is sent.
        skips_first: Whether a line that is under way at first is dropped.
    """

    options: LinesOptions
    read: Reader
    events: tuple[str, ...]
    requests: Mapping[str, RequestSpec]
    polls: tuple[PollSpec, ...]
    hello: tuple[str, ...]
    ending: str
    skips_first: bool

    def sender_at(self, port: str) -> str:
        """Return the name of the sender of a device, by the short name of its port."""
        return (self.options.sender or "{port}").replace("{port}", port)

    def with_ending(self, text: str) -> str:
        """Return ``text`` as it is sent: what ends a line is put behind it, unless it ends so by itself."""
        return text if text.endswith(("\r", "\n")) else text + self.ending


def describe(options: LinesOptions, *, skips_first: bool) -> Description:
    """Return what the options of an endpoint say of a device.

    Args:
        options: The options.
        skips_first: What holds where the option ``skip_first`` is not given.

    Raises:
        ValueError: Options that are wrong, or do not go together.
    """
    patterns = _patterns(options)
    requests = requests_of(options.requests or {}, options.reply_timeout)
    polls = polls_of(options.poll or {}, requests)
    found = Description(
        options=options,
        read=_reader(options, patterns),
        events=_events(options, patterns, polls),
        requests=requests,
        polls=tuple(polls),
        hello=tuple(texts_of("hello", options.hello)),
        ending=_ending(options),
        skips_first=skips_first if options.skip_first is None else options.skip_first,
    )
    _check_names(found)
    _check_texts(found)
    return found


def _patterns(options: LinesOptions) -> list[tuple[str, re.Pattern[str]]]:
    found = patterns_of("events", options.events or {})
    if options.pattern is not None:
        found.append((options.event, pattern_of("pattern", options.pattern)))
    return found


def _reader(options: LinesOptions, patterns: list[tuple[str, re.Pattern[str]]]) -> Reader:
    parse = options.parse or ("regex" if patterns else "text")
    if patterns and parse != "regex":
        raise ValueError(f"parse={parse} has no use for patterns; leave out pattern= and events=, or say parse=regex")
    if options.columns is not None and parse != "csv":
        raise ValueError(f"columns= is for parse=csv, and here parse is {parse}")
    if options.event_names is not None and parse != "regex":
        raise ValueError(f"event_names= is for patterns, and here parse is {parse}")
    types = Types(types_of(options.types or {}))
    match parse:
        case "json":
            return json_reader(options.event)
        case "keyvalue":
            return keyvalue_reader(options.event, types)
        case "csv":
            return csv_reader(options.event, columns_of(options.columns), options.separator.replace("tab", "\t"), types)
        case "regex":
            if not patterns:
                raise ValueError("parse=regex needs a pattern, as in pattern=T=(?P<celsius>[0-9.]+)")
            return pattern_reader(patterns, frozenset(names_of("event_names", options.event_names)), types)
    return text_reader(options.event)


def _events(
    options: LinesOptions, patterns: list[tuple[str, re.Pattern[str]]], polls: list[PollSpec]
) -> tuple[str, ...]:
    of_lines = [event for event, _ in patterns] or [options.event]
    picked = names_of("event_names", options.event_names)
    own = [UNMATCHED] if options.unmatched == "event" else []
    return tuple(dict.fromkeys([*of_lines, *picked, *(poll.event for poll in polls), *own]))


def _ending(options: LinesOptions) -> str:
    if options.ending == "none":
        return ""
    return NEWLINES.get(options.ending or options.newline, b"\n").decode()


def _check_names(description: Description) -> None:
    """Have the core say now, rather than when the device comes, that a name is none."""
    try:
        sigcore.Router().add_sender(
            description.sender_at("port"), events=description.events, requests=dict.fromkeys(description.requests, id)
        )
    except sigcore.InvalidName as error:
        raise ValueError(str(error)) from None


def _check_texts(description: Description) -> None:
    texts = [("hello", text) for text in description.hello]
    texts += [(f"requests.{name}.send", request.template.fixed) for name, request in description.requests.items()]
    texts += [(f"poll.{poll.event}.params", poll.text) for poll in description.polls]
    for where, text in texts:
        try:
            text.encode(description.options.encoding)
        except UnicodeEncodeError:
            raise ValueError(f"{where}: {text!r} cannot be written in {description.options.encoding}") from None
