# SPDX-License-Identifier: MIT
"""Whom a certificate is for, a server by what clients call it, or a client by its identity; and for how long."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Literal

import click

import sigcore

Kind = Literal["DNS", "IP", "email", "URI"]
"""The kinds of name that a certificate may have here."""

_LABEL = r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?"
_HOST = re.compile(rf"{_LABEL}(\.{_LABEL})*", re.IGNORECASE)
_EMAIL = re.compile(r"[a-z0-9._+-]+@[a-z0-9.-]+", re.IGNORECASE)
_URI = re.compile(r"[a-z][a-z0-9+.-]*:[!-~]+", re.IGNORECASE)
_NOT_IN_FILE_NAMES = re.compile(r"[^A-Za-z0-9._@-]|^\.")

MOST_DAYS = 825
"""As long as a certificate is valid; Apple's systems take none that are valid for longer, whoever has signed them."""

MOST_HOST_BYTES = 253
"""As long as a name may be in the domain name system (RFC 1035)."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a certificate is for.

    Attributes:
        role: What it may be used for.
        names: Its subject alternative names, each with its kind; of a client exactly one, its identity.
    """

    role: Literal["server", "client"]
    names: tuple[tuple[Kind, str], ...]

    @property
    def name(self) -> str:
        """The first name: for people, and for files."""
        return self.names[0][1]

    @property
    def stem(self) -> str:
        """The name of its files, without what some file systems do not take."""
        return _NOT_IN_FILE_NAMES.sub("_", self.name)

    def __str__(self) -> str:
        return ", ".join(name for _, name in self.names)


def server_subject(text: str) -> Subject:
    """Return the server of an option's text: names and addresses, with commas between them.

    Raises:
        BadParameter: One of them is none.

    >>> server_subject("gateway.lan,192.168.1.5").names
    (('DNS', 'gateway.lan'), ('IP', '192.168.1.5'))
    """
    parts = [part.strip() for part in text.split(",")]
    return Subject("server", tuple(dict.fromkeys(map(_host, parts))))


def client_subject(text: str) -> Subject:
    """Return the client of an option's text, its identity.

    Raises:
        BadParameter: It is none, or none that fits into a certificate.

    >>> client_subject("dashboard").names, client_subject("ann@example.org").names
    ((('DNS', 'dashboard'),), (('email', 'ann@example.org'),))
    """
    try:
        identity = sigcore.check_identity(text, proven_by_medium=False)
    except ValueError as error:
        raise click.BadParameter(f"{error}.") from error
    for kind, form in _IDENTITY_KINDS:
        if form.fullmatch(identity):
            return Subject("client", ((kind, identity),))
    raise click.BadParameter(
        f"{identity!r} does not fit into a certificate: there an identity is made of the letters a to z, digits, "
        "'.', '-' and '_', or it is an e-mail address or a URI."
    )


_IDENTITY_KINDS: tuple[tuple[Kind, re.Pattern[str]], ...] = (("DNS", _HOST), ("email", _EMAIL), ("URI", _URI))


def _host(text: str) -> tuple[Kind, str]:
    try:
        return "IP", str(ipaddress.ip_address(text.strip("[]")))
    except ValueError:
        pass
    try:
        name = text.encode("idna").decode("ascii")
    except UnicodeError:
        name = ""
    if len(name) > MOST_HOST_BYTES or not _HOST.fullmatch(name):
        raise click.BadParameter(
            f"{text!r} is no name or address of a server; give what stands in its URLs, without scheme and port, "
            "such as gateway.lan or gateway.lan,192.168.1.5."
        )
    return "DNS", name
