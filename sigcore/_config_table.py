# SPDX-License-Identifier: MIT
"""The tables of a configuration file: what their keys must be, and a note of everything that is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from ._config_lines import find_lines, line_of
from ._errors import ConfigError
from ._shown import HIDDEN, is_secret, shown


class Problems:
    """Everything that is wrong with a file.

    Args:
        path: The file's name.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._lines: dict[str, int] = {}
        self._found: list[str] = []

    def read_lines(self, text: str) -> None:
        """Take down what stands where, so that problems are told with the line, as in ``sigcore.toml:12``."""
        self._lines = find_lines(text)

    def note(self, key: str, text: str) -> None:
        """Remember that the key at a path, such as ``limits.max_frame``, is wrong."""
        line = line_of(key, self._lines)
        where = self._path if line is None else f"{self._path}:{line}"
        self._found.append(": ".join(filter(None, [where, key, text])))

    def __bool__(self) -> bool:
        return bool(self._found)

    def error(self) -> ConfigError:
        """Return the error that tells of all."""
        return ConfigError(self._found)


class Table:
    """A table of the file, with what its keys must be.

    Args:
        values: What the file has.
        path: Where the table stands; empty for the file itself.
        known: The keys that it may have.
        problems: Takes what is wrong with it.

    Attributes:
        values: As the argument.
    """

    def __init__(self, values: Mapping[str, Any], path: str, known: tuple[str, ...], problems: Problems) -> None:
        self.values = values
        self._prefix = f"{path}." if path else ""
        self._problems = problems
        for key in values:
            if key not in known:
                self.note(key, f"unknown key; {nearest(key, known)}")

    def note(self, key: str, text: str) -> None:
        """Remember that a key of this table is wrong."""
        self._problems.note(f"{self._prefix}{printed(key)}", text)

    def get(self, key: str, wanted: type, what: str) -> Any:
        """Return the value of a key if it is of the type that is wanted; else note it, and return ``None``."""
        value = self.values.get(key)
        if value is not None and type(value) is not wanted:
            self.note(key, f"it is {said_of(key, value)}; it must be {what}")
            return None
        return value

    def text(self, key: str) -> str | None:
        """Return the value of a key that is text."""
        value: str | None = self.get(key, str, "text in quotes")
        if value == "":
            self.note(key, "it is empty; leave it out, or give a text")
        return value

    def table(self, key: str, known: tuple[str, ...]) -> Table:
        """Return the table that a key holds; an empty one where there is none."""
        found = self.get(key, dict, f"a table, as in [{self._prefix}{key}]")
        return Table(found or {}, f"{self._prefix}{key}", known, self._problems)


def printed(key: str) -> str:
    """Return a key as it may stand in a message."""
    return key if key.isprintable() else shown(key)


def nearest(found: str, known: tuple[str, ...]) -> str:
    """Return what to say of a word that is none of those known: which was meant, or which there are."""
    near = get_close_matches(found, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known are: {', '.join(known)}"


def said_of(key: str, value: object) -> str:
    """Return what was found, in words; never a secret."""
    if is_secret(key):
        return HIDDEN
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return f"the text {shown(value)}"
        case int() | float():
            return f"the number {value}"
        case list():
            return "a list"
        case dict():
            return "a table"
    return "a date or a time"
