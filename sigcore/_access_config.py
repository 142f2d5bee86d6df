# SPDX-License-Identifier: MIT
"""The rules of a configuration file: each table ``[[rules]]`` is one, or several where its verbs differ in names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ._access_rule import ANY, EFFECTS, Rule
from ._config_table import nearest, printed

KEYS = ("who", "allow", "deny", "senders", "events", "methods")
"""The keys of a table of ``[[rules]]``."""

_NAMES_OF = {"listen": ("events",), "send": ("events", "methods"), "request": ("methods",), "see": ()}
"""The keys that name what a verb is about."""


def read_rules(tables: list[Any], note: Callable[[str, str], None]) -> tuple[Rule, ...]:
    """Return the rules of the tables of a file.

    Args:
        tables: What the file has under ``rules``.
        note: Told of what is wrong, by the path of its key.
    """
    found: list[Rule] = []
    for number, table in enumerate(tables):
        origin = f"rules[{number}]"
        if isinstance(table, dict) and _has_unknown(table, origin, note):
            continue
        try:
            found += _rules(table, origin)
        except ValueError as error:
            note(origin, str(error))
    return tuple(found)


def _has_unknown(table: Mapping[str, object], origin: str, note: Callable[[str, str], None]) -> bool:
    """Tell of each key of a table that no rule has, and whether there were any."""
    unknown = [key for key in table if key not in KEYS]
    for key in unknown:
        note(f"{origin}.{printed(key)}", f"unknown key; {nearest(key, KEYS)}")
    return bool(unknown)


def _rules(table: object, origin: str) -> list[Rule]:
    if not isinstance(table, dict):
        raise ValueError('it must be a table, as in [[rules]] with who = "dashboard" and allow = "listen"')
    texts = {key: _texts(key, value) for key, value in table.items()}
    effects = [effect for effect in EFFECTS if effect in texts]
    if len(effects) != 1:
        raise ValueError('it must have one of allow and deny, as in allow = ["listen", "see"]')
    if "who" not in texts:
        raise ValueError('it has no who; say whom it is about, as in who = ["dashboard", "group:readers"]')
    verbs = texts[effects[0]]
    _refuse_useless(texts, verbs)
    return [
        Rule(effects[0], texts["who"], alike, texts.get("senders", ANY), names, origin=origin)
        for names, alike in _by_names(texts, verbs).items()
    ]


def _by_names(texts: Mapping[str, list[str]], verbs: list[str]) -> dict[tuple[str, ...], list[str]]:
    """Return the verbs, by the names that the table gives for them."""
    found: dict[tuple[str, ...], list[str]] = {}
    for verb in verbs:
        names = [name for key in _NAMES_OF.get(verb, ()) for name in texts.get(key, ())]
        found.setdefault(tuple(names) or ANY, []).append(verb)
    return found or {ANY: []}


def _refuse_useless(texts: Mapping[str, list[str]], verbs: list[str]) -> None:
    """Raise ``ValueError`` for names that none of the verbs is about: most likely another verb was meant."""
    for key in ("events", "methods"):
        if key in texts and not any(key in _NAMES_OF.get(verb, (key,)) for verb in verbs):
            meant = " and ".join(verb for verb, keys in _NAMES_OF.items() if key in keys)
            raise ValueError(f"{key} says nothing about {', '.join(verbs)}; it is for {meant}")


def _texts(key: str, value: object) -> list[str]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) and text for text in texts):
        raise ValueError(f"{key} must be a text in quotes, or a list of such texts")
    return texts
