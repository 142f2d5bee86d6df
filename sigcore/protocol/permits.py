# SPDX-License-Identifier: MIT
"""What the sessions of a server may do, by the rules that hold at the moment; and what is said of the rest.

It is asked when somebody registers, asks, or is told of something, and when a route is built: never for an event. The
server's own process is not asked about at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._access import AccessRules, Decision
from .._shown import shown

if TYPE_CHECKING:
    from .._access_audit import AuditLog
    from .._drops import Drops

EVERY_SENDER = "*"
"""Stands for all senders together where it is asked whether somebody may see them; no sender has that name."""


class Permits:
    """One set of rules, as a server applies it.

    Args:
        rules: The rules.
        drops: Counts what is denied, or would be.
        audit: Takes down what would be.

    Attributes:
        rules: As the argument.
        is_open: Whether everybody may do everything.
    """

    def __init__(self, rules: AccessRules, drops: Drops, audit: AuditLog) -> None:
        self.rules = rules
        self.is_open = rules.is_open
        self._drops = drops
        self._audit = audit

    def may(self, identity: str | None, verb: str, sender: str, name: str = "") -> bool:
        """Return whether somebody may do something (see ``AccessRules.decide``); ``None`` is the server's process."""
        if self.is_open or identity is None:
            return True
        decision = self.rules.decide(identity, verb, sender, name)
        if decision.allowed:
            return True
        if decision.has_failed:
            self._drops.count("authorize_failed", decision.reason)
        return self._lets(decision)

    def could(self, identity: str, verb: str, sender: str | None, name: str | None) -> bool:
        """Return whether anything of that may be allowed (see ``AccessRules.could``)."""
        if sender is not None and (name is not None or verb == "see"):
            return self.may(identity, verb, sender, name or "")
        if self.is_open or self.rules.could(identity, verb, sender, name):
            return True
        return self._lets(Decision(False, None, (identity, verb, sender or "*", name or "*"), "no rule allows"))

    def why_not_send(self, identity: str, sender: str, names: tuple[str, ...]) -> str | None:
        """Return why somebody may not have a sender with such events and methods, or ``None``."""
        if self.is_open:
            return None
        for name in names:
            if not self.may(identity, "send", sender, name):
                return f"{_you(identity)} may not send {shown(name)} as sender {shown(sender)}; {ASK}"
        if not names and not self.could(identity, "send", sender, None):
            return f"{_you(identity)} may not send anything as sender {shown(sender)}; {ASK}"
        return None

    def decide(self, identity: str, verb: str, sender: str, name: str) -> Decision:
        """Return what the rules say, for the log; the audit changes nothing about it."""
        return self.rules.decide(identity, verb, sender, name)

    def _lets(self, denied: Decision) -> bool:
        """Whether an audit lets pass what is denied; its reason is put into words only where somebody reads it."""
        if not self.rules.audit:
            return False
        self._drops.note("would_be_denied")
        self._audit.tell(denied.reason)
        return True


ASK = "the server's rules do not allow it; ask whoever keeps them"


def refusal(identity: str, verb: str, sender: str | None, name: str | None) -> str:
    """Return what is said to whoever may not do something; nothing of the rules, nor of who or what is there."""
    if verb == "see":
        return f"{_you(identity)} may not see whether sender {_named(sender)} is there; {ASK}"
    what = "listen for" if verb == "listen" else verb
    return f"{_you(identity)} may not {what} {_named(name)} of sender {_named(sender)}; {ASK}"


def _you(identity: str) -> str:
    return f"you, {shown(identity)}," if identity else "whoever has not proven who they are"


def _named(name: str | None) -> str:
    return "'*'" if name is None else shown(name)
