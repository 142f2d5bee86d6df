# SPDX-License-Identifier: MIT
"""Who is at the other end of a link: what an identity may be, and what there is to prove one with."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ._errors import InvalidName
from ._secret import Secret
from ._shown import shown

MAX_IDENTITY_BYTES = 255
"""Longest identity in bytes of UTF-8: its length fits one byte on the wire."""

MEDIUM_PREFIXES = ("uid:", "port:", "local:")
"""How the identities begin that a medium itself proves; no other identity may."""

GROUP_PREFIX = "group:"
RESERVED = frozenset({"anonymous", "local"})
"""The words that rules have for those without an identity."""

_PATTERN_CHARACTERS = frozenset("*?#,\"'\\<>")
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zs", "Zl", "Zp"})


def check_identity(text: object, *, proven_by_medium: bool = False) -> str:
    r"""Return ``text`` if it may be an identity.

    An identity is text of 1 to 255 bytes of UTF-8 in normal form C, of characters that can be seen, without white
    space and without ``* ? # , " ' \ < >``, so that it means the same wherever it stands: in rules, in a log, in an
    error. It is none of ``anonymous`` and ``local``, and does not begin with ``group:``.

    Args:
        text: The text to check.
        proven_by_medium: Whether the medium of a link itself proves it: then it may begin with ``uid:``, ``port:`` or
            ``local:``, which else is nobody's.

    Raises:
        InvalidName: It breaks a rule; the message says which.

    >>> check_identity("thermo-7")
    'thermo-7'
    """
    if not isinstance(text, str):
        raise InvalidName(f"an identity must be text, not {type(text).__name__}")
    fault = _fault(text, proven_by_medium)
    if fault:
        raise InvalidName(f"{shown(text)} cannot be an identity: {fault}")
    return text


def check_group(text: object) -> str:
    """Return ``text`` if it may be the name of a group, to which the rules for identities apply.

    Raises:
        InvalidName: It breaks a rule; the message says which.
    """
    try:
        return check_identity(text)
    except InvalidName as error:
        raise InvalidName(str(error).replace("an identity", "the name of a group")) from None


def _fault(text: str, proven_by_medium: bool) -> str | None:
    if not text:
        return "it is empty"
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        return "it has a lone surrogate and so no form in UTF-8"
    if size > MAX_IDENTITY_BYTES:
        return f"it has {size} bytes of UTF-8, at most {MAX_IDENTITY_BYTES} are allowed"
    for char in text:
        if char in _PATTERN_CHARACTERS:
            return f"it has {shown(char)}, which stands for something else in rules and lists"
        if unicodedata.category(char) in _INVISIBLE:
            return f"it has white space, or a character that cannot be seen: {char!a}"
    if not unicodedata.is_normalized("NFC", text):
        return "it is not in Unicode's normal form C, so that it may look like another and be none"
    return _taken(text, proven_by_medium)


def _taken(text: str, proven_by_medium: bool) -> str | None:
    if text in RESERVED:
        return "the word has a meaning of its own in rules"
    if text.startswith(GROUP_PREFIX):
        return "what begins with 'group:' is a group"
    if not proven_by_medium and text.startswith(MEDIUM_PREFIXES):
        return f"what begins with {' or '.join(map(repr, MEDIUM_PREFIXES))} is proven by the medium of a link alone"
    return None


@dataclass(frozen=True, slots=True)
class MediumIdentity:
    """What the medium of a link itself proves of its other end; what a carrier's ``identify`` returns.

    Attributes:
        identity: Who it is. From a certificate, a name as any other; else with the prefix of its kind: ``uid:1000``,
            ``port:/dev/ttyUSB0``, ``local:mem``.
        proof: How that is known: ``certificate``, ``peer_credentials``, ``port``, ``process``.

    Raises:
        InvalidName: It cannot be an identity; from a certificate, also where it has one of these prefixes.
    """

    identity: str
    proof: str

    def __post_init__(self) -> None:
        check_identity(self.identity, proven_by_medium=self.proof != "certificate")


@dataclass(frozen=True, slots=True)
class Identity:
    """What a server knows of somebody who may come: an entry of ``ServerRouter(identities={name: ...})``.

    Attributes:
        secret: What both sides know, and which never crosses the wire: a ``Secret``, or where to read it, as
            ``Secret.read`` takes it; it is read when the server opens. ``None``: no secret proves it.
        token: What is shown as it is, and therefore only over links that nobody else can read; as ``secret``.
        groups: The groups that it is in, for rules.

    Raises:
        InvalidName: A group's name breaks the rules, which are those for identities.
    """

    secret: Secret | str | None = field(default=None, repr=False)
    token: Secret | str | None = field(default=None, repr=False)
    groups: Iterable[str] = ()

    def __post_init__(self) -> None:
        groups = (self.groups,) if isinstance(self.groups, str) else self.groups
        object.__setattr__(self, "groups", tuple(check_group(group) for group in groups))

    @property
    def can_prove(self) -> bool:
        """Whether there is a secret or a token, so that somebody can prove to be this one."""
        return self.secret is not None or self.token is not None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What there is to tell who is at the other end of a link; what ``sig_authenticate`` is given.

    Attributes:
        method: How the other side wants to prove who it is: ``token``, or a method of a plug-in's own. Empty where it
            did not say anything.
        fields: What it said for that, the object ``auth`` of its HELLO; with secrets, so it is not in the ``repr``.
        name: What it calls itself; it proves nothing.
        endpoint: Where it came in.
        source: Its address on the network, without a port; empty where there is none.
        medium: What the medium proves, if anything.
        is_confidential: Whether nobody between the two ends can read what is said.
    """

    method: str
    fields: Mapping[str, Any] = field(repr=False)
    name: str
    endpoint: str
    source: str
    medium: MediumIdentity | None
    is_confidential: bool
