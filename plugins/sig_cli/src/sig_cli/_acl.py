# SPDX-License-Identifier: MIT
"""``sig acl``: what the rules of a configuration file decide, and which of them does."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

import sigcore

from ._exits import Exit
from ._options import examples, takes_output
from ._output import Output
from ._text import printable

_VERBS = ("listen", "send", "request", "see")

_ANONYMOUS = "anonymous"


class _Somebody:
    """Whom the rules of a file are asked about.

    Args:
        path: The file.
        identity: Who it is; ``anonymous`` for whoever proved nothing.
    """

    def __init__(self, path: str, identity: str) -> None:
        said = sigcore.load_config(path).keywords()
        known = said.get("identities") or {}
        self.groups = tuple(known[identity].groups) if identity in known else ()
        self.name = identity
        self.rules = sigcore.AccessRules(said["rules"], {identity: self.groups})
        self.asks_plugins = bool(said.get("plugins"))
        self.only_audits = bool(said["audit"])

    def decide(self, verb: str, sender: str, name: str) -> sigcore.Decision:
        """Return what the rules say of what this one wants to do."""
        return self.rules.decide("" if self.name == _ANONYMOUS else self.name, verb, sender, name)

    def concerned(self) -> list[sigcore.Rule]:
        """Return the rules that are about this one."""
        words = {self.name, "*", *(f"group:{group}" for group in self.groups)}
        return [rule for rule in self.rules.rules if words & set(rule.who)]


def _takes_somebody(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command ``--config`` and ``--as``, as ``somebody=``."""

    @click.option(
        "--config",
        "path",
        type=click.Path(exists=True, dir_okay=False, readable=True),
        metavar="FILE",
        default="sigcore.toml",
        show_default=True,
        help="The file with the rules.",
    )
    @click.option(
        "--as",
        "identity",
        type=_identity,
        metavar="IDENTITY",
        required=True,
        help="Who; anonymous for whoever proves nothing.",
    )
    @takes_output
    @wraps(function)
    def command(*, path: str, identity: str, out: Output, **rest: Any) -> None:
        somebody = _Somebody(path, identity)
        if somebody.asks_plugins:
            out.warning("the file names plug-ins, which may have a say too; they are not asked here")
        function(somebody=somebody, out=out, **rest)

    return command


def _identity(text: str) -> str:
    if text == _ANONYMOUS:
        return text
    try:
        return sigcore.check_identity(text, proven_by_medium=True)
    except sigcore.InvalidName as error:
        raise click.BadParameter(f"{error}.") from error


@click.group(short_help="Ask the access rules of a file who may do what.")
def command() -> None:
    """Ask the access rules of a file who may do what."""


@command.command(
    epilog=examples(
        "sig acl check --as dashboard listen thermo/reading",
        "sig acl check --config sigcore.toml --as uid:1000 request valve/set",
        "sig acl check --as anonymous see thermo && echo 'everybody sees thermo'",
    ),
)
@_takes_somebody
@click.argument("verb", type=click.Choice(_VERBS))
@click.argument("target", metavar="SENDER[/NAME]")
def check(*, somebody: _Somebody, verb: str, target: str, out: Output) -> None:
    """Say whether IDENTITY may listen to, send, request or see something, and which rule decides that.

    NAME is an event, for listen and send, or a method, for request and send. It is what stands after the last '/'.

    The exit code is 0 where it is allowed, 1 where it is denied.
    """
    sender, name = _parted(verb, target)
    decision = somebody.decide(verb, sender, name)
    if out.as_json:
        rule = str(decision.rule) if decision.rule else None
        asked = {"identity": somebody.name, "verb": verb, "sender": sender, "name": name or None}
        out.record({**asked, "allowed": decision.allowed, "rule": rule, "reason": decision.reason})
    else:
        out.lines([_said(decision, somebody, out)])
    if not decision.allowed:
        raise click.exceptions.Exit(Exit.FAILED)


def _parted(verb: str, target: str) -> tuple[str, str]:
    """Return the sender and the name that are meant."""
    if verb == "see":
        return target, ""
    sender, _, name = target.rpartition("/")
    if not sender or not name:
        raise click.UsageError(f"{verb} is about SENDER/NAME, such as thermo/reading; {target!r} is not like that.")
    return sender, name


def _said(decision: sigcore.Decision, somebody: _Somebody, out: Output) -> str:
    paint = out.paint
    word = paint.good("allowed") if decision.allowed else paint.bad("denied")
    but = "; with audit = true it is let through, and logged" if somebody.only_audits and not decision.allowed else ""
    return f"{word}: {printable(decision.reason)}{but}"


@command.command(epilog=examples("sig acl show --as dashboard", "sig acl show --config sigcore.toml --as uid:1000"))
@_takes_somebody
def show(*, somebody: _Somebody, out: Output) -> None:
    """List the rules that are about IDENTITY, or a group that it is in, or everybody, in the order of the file.

    A rule that denies wins over those that allow; what none allows is denied, where there is any rule at all.
    """
    rules = somebody.concerned()
    if out.as_json:
        for rule in rules:
            out.record({name: getattr(rule, name) for name in ("origin", "effect", "who", "verbs", "senders", "names")})
    elif rules:
        out.table(("RULE", "EFFECT", "WHO", "VERBS", "SENDERS", "NAMES"), [_row(rule, out) for rule in rules])
    elif somebody.rules.is_open:
        out.note("there are no rules, so everybody may do everything")
    else:
        out.note(f"no rule is about {somebody.name}, so it may do nothing")


def _row(rule: sigcore.Rule, out: Output) -> list[str]:
    effect = (out.paint.good if rule.effect == "allow" else out.paint.bad)(rule.effect)
    lists = [printable(", ".join(texts)) for texts in (rule.who, rule.verbs, rule.senders, rule.names)]
    return [printable(rule.origin), effect, *lists]
