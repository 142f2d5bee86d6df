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
PRESENCE_EVENTS = frozenset({EVENT_CONNECT, EVENT_DISCONNECT})


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
    """Return ``name`` if a listener may ask for it: a user's own event, or one of the presence events.

    Raises:
        InvalidName: As ``check_name``, or it starts with ``#`` and is no presence event.
    """
    if isinstance(name, str) and name.startswith("#"):
        if name in PRESENCE_EVENTS:
            return name
        known = ", ".join(sorted(PRESENCE_EVENTS))
        raise InvalidName(f"{shown(name)} is no event of sigcore's own; those are {known}")
    return check_name(name, "event")


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
