# SPDX-License-Identifier: MIT
"""A rule of who may do what; what it means together with others is in ``_access``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches

from ._errors import InvalidName
from ._identity import GROUP_PREFIX, check_group, check_identity
from ._names import EVENT_CONSOLE, SERVER, check_name
from ._shown import shown

EFFECTS = ("allow", "deny")
VERBS = ("listen", "send", "request", "see")
"""What may be allowed or denied; docs/access.md says what each means."""

ANONYMOUS = "anonymous"
"""Whoever proved nothing."""

EVERYBODY = "*"
ANY = ("*",)


@dataclass(frozen=True, slots=True, init=False)
class Rule:
    """Allows or denies somebody something; a lone text stands for one of several.

    Args:
        effect: ``allow`` or ``deny``.
        who: Identities, ``group:NAME`` for all that are in a group, ``anonymous`` for whoever proved nothing, ``*`` for
            everybody. There are no patterns of identities.
        verbs: Some of ``listen``, ``send``, ``request`` and ``see``.
        senders: Patterns of senders' names, in which ``*`` is any text.
        names: The same of the names of events and methods; they do not matter for ``see``.
        origin: Where the rule was written, for messages, such as ``rules[2]``.

    Raises:
        ValueError: An effect or a verb is unknown, or one of the lists is empty.
        InvalidName: A name or pattern is such that nobody could be meant by it.
    """

    effect: str
    who: tuple[str, ...]
    verbs: tuple[str, ...]
    senders: tuple[str, ...] = ANY
    names: tuple[str, ...] = ANY
    origin: str = field(default="", compare=False)

    def __init__(
        self,
        effect: str,
        who: str | Iterable[str],
        verbs: str | Iterable[str],
        senders: str | Iterable[str] = ANY,
        names: str | Iterable[str] = ANY,
        *,
        origin: str = "",
    ) -> None:
        values = {
            "effect": _one_of(effect, EFFECTS, "effect"),
            "who": _each(who, "who", _check_who),
            "verbs": _each(verbs, "verbs", check_verb),
            "senders": _each(senders, "senders", _check_sender),
            "names": _each(names, "names", _check_name),
            "origin": origin,
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __str__(self) -> str:
        what = f"{self.effect} {', '.join(self.who)} to {', '.join(self.verbs)}: {', '.join(self.senders)}"
        named = what if self.names == ANY else f"{what} / {', '.join(self.names)}"
        return f"{self.origin} ({named})" if self.origin else named


def check_verb(verb: str) -> str:
    """Return ``verb`` if it is one.

    Raises:
        ValueError: It is none; the message says which there are.
    """
    return _one_of(verb, VERBS, "verb")


def _one_of(word: str, known: tuple[str, ...], what: str) -> str:
    if word in known:
        return word
    near = get_close_matches(str(word), known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known are: {', '.join(known)}"
    raise ValueError(f"{shown(str(word))} is no {what} of a rule; {hint}")


def _each(values: str | Iterable[str], what: str, check: Callable[[str], str]) -> tuple[str, ...]:
    if not isinstance(values, Iterable):
        raise ValueError(f"{what} of a rule must be a text, or some, not {type(values).__name__}")
    texts = (values,) if isinstance(values, str) else tuple(values)
    if not texts:
        raise ValueError(f"a rule has no {what}, so it would say nothing; leave the rule out, or name some")
    for text in texts:
        if not isinstance(text, str):
            raise ValueError(f"{what} of a rule must be texts, not {type(text).__name__}")
    return tuple(dict.fromkeys(check(text) for text in texts))


def _check_who(text: str) -> str:
    if text in (EVERYBODY, ANONYMOUS):
        return text
    if text.startswith(GROUP_PREFIX):
        check_group(text.removeprefix(GROUP_PREFIX))
        return text
    if "*" in text:
        raise InvalidName(f"{shown(text)}: there are no patterns of identities; name each, or a group, or '*' for all")
    return check_identity(text, proven_by_medium=True)


def _check_sender(pattern: str) -> str:
    return pattern if pattern == SERVER else _check_pattern(pattern, "sender")


def _check_name(pattern: str) -> str:
    return pattern if pattern == EVENT_CONSOLE else _check_pattern(pattern, "event")


def _check_pattern(pattern: str, what: str) -> str:
    if not pattern or pattern.replace("*", ""):
        check_name(pattern.replace("*", ""), what)
    return pattern
