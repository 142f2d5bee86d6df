# SPDX-License-Identifier: MIT
"""What a name of a sender, an event or a method may be."""

from __future__ import annotations

import unicodedata

from ._errors import InvalidName
from ._shown import shown

MAX_NAME_BYTES = 255
"""Longest name in bytes of UTF-8: its length fits one byte on the wire."""

EVENT_CONNECT = "#connect"
EVENT_DISCONNECT = "#disconnect"
EVENT_CONSOLE = "#console"
SERVER = "#server"
"""The sender that stands for a server itself in requests."""

PRESENCE_EVENTS = frozenset({EVENT_CONNECT, EVENT_DISCONNECT})
OWN_EVENTS = frozenset({*PRESENCE_EVENTS, EVENT_CONSOLE})
"""The events that sigcore itself tells of; only their names ask for them."""


def check_name(name: object, what: str) -> str:
    """Return ``name`` if it may name a user's own sender, event or method.

    Args:
        name: The name to check.
        what: What it names, for the message: ``"sender"``, ``"event"``, ``"method"``.

    Raises:
        InvalidName: It is not text, is empty, is longer than 255 bytes of UTF-8, or has a control character, a
            lone surrogate, a ``*`` or a ``#`` at its start.
    """
    if not isinstance(name, str):
        raise InvalidName(f"the name of {_a(what)} must be text, not {type(name).__name__}: {shown(repr(name))}")
    fault = _fault(name)
    if fault:
        raise InvalidName(f"{shown(name)} cannot be {_a(what)} name: {fault}")
    return name


def check_event_to_hear(name: object) -> str:
    """Return ``name`` if a listener may ask for it: a user's own event, or one of sigcore's.

    Raises:
        InvalidName: As ``check_name``, or it starts with ``#`` and is no event of sigcore's.
    """
    if isinstance(name, str) and name.startswith("#"):
        if name in OWN_EVENTS:
            return name
        known = ", ".join(sorted(OWN_EVENTS))
        raise InvalidName(f"{shown(name)} is no event of sigcore's own; those are {known}")
    return check_name(name, "event")


def check_sender_to_ask(name: object) -> str:
    """Return ``name`` if a request may go to it: a user's own sender, or ``#server``.

    Raises:
        InvalidName: As ``check_name``.
    """
    return SERVER if name == SERVER else check_name(name, "sender")


def check_pattern(pattern: str) -> str:
    """Return ``pattern`` if it may stand for names of senders: a name, in which ``*`` is any text, also none.

    Raises:
        InvalidName: No name could be like that.
    """
    if pattern.replace("*", ""):
        check_name(pattern.replace("*", ""), "sender")
    elif not pattern:
        raise InvalidName("a pattern of names is empty; it must be a name, in which * is any text")
    return pattern


def is_like(name: str, pattern: str) -> bool:
    """Whether ``name`` is what ``pattern`` stands for, in which ``*`` is any text; the case of letters counts."""
    begin, *rest = pattern.split("*")
    if not rest:
        return name == pattern
    *middle, end = rest
    if len(name) < len(begin) + len(end) or not (name.startswith(begin) and name.endswith(end)):
        return False
    at, stop = len(begin), len(name) - len(end)
    for part in middle:  # the first place of each is as good as any, so nothing is tried twice
        at = name.find(part, at, stop)
        if at < 0:
            return False
        at += len(part)
    return True


def _a(what: str) -> str:
    return f"an {what}" if what[0] in "aeiou" else f"a {what}"


def _fault(name: str) -> str | None:
    if not name:
        return "it is empty"
    if name.startswith("#"):
        return "names that start with '#' are sigcore's own"
    if "*" in name:
        return "'*' is reserved for patterns"
    try:
        size = len(name.encode("utf-8"))
    except UnicodeEncodeError:
        return "it has a lone surrogate and so no form in UTF-8"
    if size > MAX_NAME_BYTES:
        return f"it has {size} bytes of UTF-8, at most {MAX_NAME_BYTES} are allowed"
    if not name.isprintable() and any(unicodedata.category(char) == "Cc" for char in name):
        return "it has a control character"
    return None
