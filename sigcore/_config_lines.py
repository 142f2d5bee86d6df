# SPDX-License-Identifier: MIT
"""In which line of a TOML file a key stands, which ``tomllib`` does not tell: its headers are counted."""

from __future__ import annotations

import re
from collections import Counter

_TABLE = re.compile(r"\s*\[\s*(?P<path>[\w.-]+)\s*\]\s*(#.*)?")
_ONE_OF_SOME = re.compile(r"\s*\[\[\s*(?P<path>[\w.-]+)\s*\]\]\s*(#.*)?")
_KEY = re.compile(r"\s*(?P<key>[\w-]+)\s*=.*")
_LONG_TEXTS = ('"""', "'''")


def find_lines(text: str) -> dict[str, int]:
    """Return the line, counted from 1, of each table and each key, by paths such as ``rules[1].who``.

    Only what is written plainly is found. A file with texts over several lines, in which anything may look like a
    header, has no lines.
    """
    if any(quotes in text for quotes in _LONG_TEXTS):
        return {}
    found: dict[str, int] = {}
    seen: Counter[str] = Counter()
    table = ""
    for number, line in enumerate(text.split("\n"), start=1):
        if header := _ONE_OF_SOME.fullmatch(line):
            name = header["path"]
            table = f"{name}[{seen[name]}]"
            seen[name] += 1
            found.setdefault(table, number)
        elif header := _TABLE.fullmatch(line):
            table = header["path"]
            found.setdefault(table, number)
        elif key := _KEY.fullmatch(line):
            found.setdefault(f"{table}.{key['key']}" if table else key["key"], number)
    return found


def line_of(path: str, lines: dict[str, int]) -> int | None:
    """Return the line of a key, or of the nearest table or list around it that was found."""
    while path and path not in lines:
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    return lines.get(path)
