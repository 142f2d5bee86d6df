# SPDX-License-Identifier: MIT
"""Finds the rules that concern a sender, without a look at those that do not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ._names import is_like

if TYPE_CHECKING:
    from ._access_rule import Rule

Numbered = tuple[int, "Rule"]
"""A rule and its place in the list."""


class RuleIndex:
    """Rules by their patterns of senders.

    A pattern is found by what stands before its first ``*``: for each length that such a beginning has, one look. So
    a thousand rules with a thousand beginnings cost no more than one.

    Args:
        reaches_own: Whether ``*`` also stands for names that begin with ``#``, which are sigcore's own. It does where
            something is denied; what is allowed of those is allowed by name.
    """

    def __init__(self, *, reaches_own: bool) -> None:
        self._reaches_own = reaches_own
        self._exact: dict[str, list[Numbered]] = {}
        self._patterns: dict[str, list[tuple[str, Numbered]]] = {}  # by beginning
        self._lengths: list[int] = []  # of the beginnings
        self.rules: list[Numbered] = []

    def add(self, number: int, rule: Rule) -> None:
        """Enter a rule."""
        self.rules.append((number, rule))
        for pattern in rule.senders:
            begin, star, _rest = pattern.partition("*")
            if star:
                self._patterns.setdefault(begin, []).append((pattern, (number, rule)))
            else:
                self._exact.setdefault(pattern, []).append((number, rule))
        self._lengths = sorted({len(begin) for begin in self._patterns})

    def of_sender(self, sender: str) -> Iterator[Numbered]:
        """Yield the rules that concern ``sender``, in no particular order."""
        yield from self._exact.get(sender, ())
        if sender.startswith("#") and not self._reaches_own:
            return
        for length in self._lengths:
            if length > len(sender):
                return
            for pattern, found in self._patterns.get(sender[:length], ()):
                if is_like(sender, pattern):
                    yield found

    def names(self, rule: Rule, name: str) -> bool:
        """Whether a rule of this index concerns an event or method of that name."""
        if name.startswith("#") and not self._reaches_own:
            return name in rule.names
        return any(is_like(name, pattern) for pattern in rule.names)
