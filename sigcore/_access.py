# SPDX-License-Identifier: MIT
"""Who may do what: rules, and what they decide together. Plain and fast: no I/O, and nothing is looked at in vain.

Theory of operation: for each (word of ``who``, verb, effect) there is one index of the rules that have it. Somebody
goes by few words, the identity, its groups and ``*``, so a decision looks into few indexes, at the rules that concern
the sender alone. It is asked for when somebody registers and when a route is built, never for an event.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from ._access_index import Numbered, RuleIndex
from ._access_rule import ANONYMOUS, EVERYBODY, Rule, check_verb
from ._identity import GROUP_PREFIX
from ._shown import described, shown

KNOWN_DECISIONS = 10_000
"""How many decisions are remembered: others choose the names, so it must be bounded."""

Authorize = Callable[[str, str, str, str], "bool | None"]
"""Another source of rules: is given (identity, verb, sender, name), and says yes, no, or ``None`` for no opinion."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether somebody may do something, and why.

    Attributes:
        allowed: Whether.
        rule: The rule that decided: the first of those that do; ``None`` where none did.
        asked: What was asked: identity, verb, sender, name.
        otherwise: Why, where no rule decided, in words that ``asked`` follows or that need none.
        has_failed: Whether it is denied because another source of rules gave no answer.
    """

    allowed: bool
    rule: Rule | None
    asked: tuple[str, str, str, str] = ("", "", "", "")
    otherwise: str = ""
    has_failed: bool = False

    @property
    def reason(self) -> str:
        """Why, in a sentence; made when somebody wants it, for nearly nobody does."""
        if self.rule is not None:
            return f"{self.rule} {'allows' if self.allowed else 'denies'} {_asked(*self.asked)}"
        return f"{self.otherwise} {_asked(*self.asked)}" if self.asked[1] else self.otherwise


class AccessRules:
    """Rules, and who is in which group.

    A rule that denies wins over all that allow. Where there is any rule, or another source of rules, what none allows
    is denied; where there is none, everything is allowed.

    Args:
        rules: The rules.
        groups: The groups of each identity.
        audit: Whether what they deny is only to be told of. This says what whoever asks should do; ``decide`` itself
            gives the same either way.
        authorize: Other sources of rules. What one says is remembered; one that raises denies.

    Attributes:
        rules: As the argument.
        groups: As the argument.
        audit: As the argument.
        authorize: As the argument.

    Raises:
        TypeError: One of ``rules`` is something else.
    """

    def __init__(
        self,
        rules: Iterable[Rule] = (),
        groups: Mapping[str, Iterable[str]] | None = None,
        *,
        audit: bool = False,
        authorize: Iterable[Authorize] = (),
    ) -> None:
        self.rules = check_rules(rules)
        self.groups = {identity: tuple(names) for identity, names in (groups or {}).items()}
        self.audit = audit
        self.authorize = tuple(authorize)
        self._indexes: dict[tuple[str, str, str], RuleIndex] = {}
        for number, rule in enumerate(self.rules):
            self._enter(number, rule)
        self._decided = lru_cache(KNOWN_DECISIONS)(self._decide)
        self._could = lru_cache(KNOWN_DECISIONS)(self._look_whether)

    @property
    def is_open(self) -> bool:
        """Whether there are no rules at all, so that everybody may do everything."""
        return not self.rules and not self.authorize

    @property
    def unknown_groups(self) -> list[str]:
        """The groups that rules name and in which nobody is, most likely by a slip of the pen."""
        known = {name for names in self.groups.values() for name in names}
        named = {
            who.removeprefix(GROUP_PREFIX) for rule in self.rules for who in rule.who if who.startswith(GROUP_PREFIX)
        }
        return sorted(named - known)

    def decide(self, identity: str, verb: str, sender: str, name: str = "") -> Decision:
        """Return whether somebody may do something, and why.

        Args:
            identity: Who; empty for whoever proved nothing.
            verb: ``listen``, ``send``, ``request`` or ``see``.
            sender: The sender that it is about.
            name: The event, for ``listen`` and ``send``; the method, for ``request`` and ``send``; nothing for ``see``.

        Raises:
            ValueError: The verb is none.

        >>> rules = AccessRules([Rule("allow", "dashboard", "listen", "thermo-*")])
        >>> rules.decide("dashboard", "listen", "thermo-7", "reading").allowed
        True
        >>> print(rules.decide("dashboard", "send", "thermo-7", "reading").reason)
        no rule allows 'dashboard' to send 'reading' of 'thermo-7'
        """
        if self.is_open:
            return _OPEN
        try:
            return self._decided(identity, verb, sender, "" if verb == "see" else name)
        except _SourceFailed as failed:  # not remembered
            return Decision(False, None, otherwise=str(failed), has_failed=True)

    def could(self, identity: str, verb: str, sender: str | None, name: str | None) -> bool:
        """Return whether anything may be allowed of what ``None`` in the place of a name leaves open.

        A no is certain; a yes is not where the rules deny in pieces what they allow as a whole.
        """
        if sender is not None and (name is not None or verb == "see"):
            return self.decide(identity, verb, sender, name or "").allowed
        return bool(self.is_open or self.authorize) or self._could(identity, verb, sender, name)

    def _enter(self, number: int, rule: Rule) -> None:
        for who in rule.who:
            for verb in rule.verbs:
                key = (who, verb, rule.effect)
                if key not in self._indexes:
                    self._indexes[key] = RuleIndex(reaches_own=rule.effect == "deny")
                self._indexes[key].add(number, rule)

    def _indexes_of(self, identity: str, verb: str, effect: str) -> Iterator[RuleIndex]:
        groups = self.groups.get(identity, ()) if identity else ()
        for who in (identity or ANONYMOUS, *(GROUP_PREFIX + group for group in groups), EVERYBODY):
            index = self._indexes.get((who, verb, effect))
            if index is not None:
                yield index

    def _first(self, identity: str, verb: str, effect: str, sender: str, name: str) -> Rule | None:
        """Return the first rule of an effect that concerns this, or ``None``."""
        found: Numbered | None = None
        for index in self._indexes_of(identity, verb, effect):
            for number, rule in index.of_sender(sender):
                if (found is None or number < found[0]) and (verb == "see" or index.names(rule, name)):
                    found = number, rule
        return found[1] if found is not None else None

    def _decide(self, identity: str, verb: str, sender: str, name: str) -> Decision:
        check_verb(verb)
        asked = (identity, verb, sender, name)
        rule = self._first(identity, verb, "deny", sender, name)
        if rule is not None:
            return Decision(False, rule, asked)
        others = [self._ask(source, *asked) for source in self.authorize]
        if False in others:
            return Decision(False, None, asked, "a plug-in denies")
        rule = self._first(identity, verb, "allow", sender, name)
        if rule is not None:
            return Decision(True, rule, asked)
        if True in others:
            return Decision(True, None, asked, "a plug-in allows")
        return Decision(False, None, asked, "no rule allows")

    def _ask(self, source: Authorize, identity: str, verb: str, sender: str, name: str) -> bool | None:
        asked = _asked(identity, verb, sender, name)
        try:
            answer = source(identity, verb, sender, name)
        except KeyboardInterrupt:  # is the user's
            raise
        except BaseException as error:  # a plug-in may raise anything, and must not let anybody in by that
            raise _SourceFailed(f"a plug-in failed when asked to allow {asked}: {described(error)}") from error
        if answer is not None and type(answer) is not bool:
            raise _SourceFailed(
                f"a plug-in gave {type(answer).__name__} when asked to allow {asked}; not True or False"
            )
        return answer

    def _look_whether(self, identity: str, verb: str, sender: str | None, name: str | None) -> bool:
        return any(
            not self._is_covered(identity, verb, sender_pattern, name_pattern)
            for sender_pattern, name_pattern in self._allowed_patterns(identity, verb, sender, name)
        )

    def _allowed_patterns(
        self, identity: str, verb: str, sender: str | None, name: str | None
    ) -> Iterator[tuple[str, str]]:
        """Yield the pairs of patterns, or of what is asked for, that some rule allows."""
        for index in self._indexes_of(identity, verb, "allow"):
            for _number, rule in index.rules if sender is None else index.of_sender(sender):
                if name is not None and verb != "see" and not index.names(rule, name):
                    continue
                for sender_pattern in rule.senders if sender is None else (sender,):
                    for name_pattern in rule.names if name is None else (name,):
                        yield sender_pattern, name_pattern

    def _is_covered(self, identity: str, verb: str, sender: str, name: str) -> bool:
        """Whether one rule denies all that two patterns stand for: it is like them, and their ``*`` is text to it."""
        return self._first(identity, verb, "deny", sender, name) is not None


def check_rules(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """Return the rules.

    Raises:
        TypeError: One is something else.
    """
    found = tuple(rules)
    for rule in found:
        if not isinstance(rule, Rule):
            text = f"rules must be sigcore.Rule objects, not {type(rule).__name__}"
            raise TypeError(f"{text}; as in sigcore.Rule('allow', 'dashboard', 'listen', 'thermo-*')")
    return found


class _SourceFailed(Exception):
    """Another source of rules gave no answer."""


def _asked(identity: str, verb: str, sender: str, name: str) -> str:
    who = shown(identity) if identity else f"whoever is {ANONYMOUS}"
    if verb == "see":
        return f"{who} to see {shown(sender)}"
    return f"{who} to {'listen for' if verb == 'listen' else verb} {shown(name)} of {shown(sender)}"


_OPEN = Decision(True, None, otherwise="there are no rules, so everybody may do everything")
