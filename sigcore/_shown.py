# SPDX-License-Identifier: MIT
"""How text that came from elsewhere may stand in a message: on one line, cut, and without secrets."""

from __future__ import annotations

import re
from collections.abc import Collection
from itertools import islice

HIDDEN = "***"
"""What stands in the place of a secret."""

SAID_CHARACTERS = 400
"""How much is kept of a sentence that the other side of a link said: its own refusals are shorter."""

_SECRET_PARTS = ("password", "passwd", "passphrase", "secret", "token", "credential")
_SECRET_WORDS = frozenset({"auth", "key", "pass", "pin", "psk", "pwd"})
_WHERE_A_SECRET_IS = ("file", "path", "env")


def shown(text: str | bytes, limit: int = 100) -> str:
    r"""Return ``text`` fit for a message: quoted, escaped, and cut where it is long.

    Args:
        text: Anything, also what a hostile peer sent.
        limit: Characters (or bytes) of ``text`` that are kept.

    >>> print(shown("one\ntwo"))
    'one\ntwo'
    >>> print(shown("x" * 9, limit=4))
    'xxxx'... (9 in all)
    """
    return repr(text) if len(text) <= limit else f"{text[:limit]!r}... ({len(text)} in all)"


def cut(text: str, limit: int = 100) -> str:
    """Return ``text`` cut where it is long, without quotes: for what others said in whole sentences.

    >>> cut("xxxxxxxxx", limit=4)
    'xxxx... (9 in all)'
    """
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text)} in all)"


def listed(names: Collection[str], most: int = 10) -> str:
    """Return the first of ``names`` in a row, and how many more there are; 'none' for none.

    >>> listed(["a", "b", "c"], most=2)
    'a, b and 1 more'
    """
    first = ", ".join(cut(name) for name in islice(names, most))
    return f"{first} and {len(names) - most} more" if len(names) > most else first or "none"


def one_line(text: str) -> str:
    r"""Return ``text`` with everything escaped that is not printable: newlines, ANSI escapes, bidi marks.

    >>> print(one_line("fine\x1b[31m\n"))
    fine\x1b[31m\n
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def described(error: BaseException) -> str:
    """Return the type's name and the message of an error; also of one whose message cannot be had.

    >>> described(ValueError("no such thing")), described(KeyError())
    ('ValueError: no such thing', 'KeyError')
    """
    try:
        text = str(error)
    except Exception as fault:  # noqa: BLE001  # a foreign class may raise anything here
        text = f"(its message cannot be had: {type(fault).__name__})"
    name = type(error).__name__
    return f"{name}: {text}" if text else name


def is_secret(name: str) -> bool:
    """Tell whether the option ``name`` holds a secret itself; the file that holds one is none.

    >>> [is_secret(name) for name in ("token", "api_key", "apikey", "key_file", "keepalive")]
    [True, True, True, False, False]
    """
    name = name.lower()
    if name.endswith(_WHERE_A_SECRET_IS):
        return False
    words = re.split(r"[^a-z0-9]+", name)
    return any(part in name for part in _SECRET_PARTS) or name.endswith("key") or not _SECRET_WORDS.isdisjoint(words)
