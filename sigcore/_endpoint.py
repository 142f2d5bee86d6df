# SPDX-License-Identifier: MIT
"""Where a carrier connects or listens: an endpoint, and its text form as a URL.

::

    scheme://user:password@host:port/path?option=value&option=value

Everything but the scheme may be absent. What stands percent-encoded is decoded once; a ``+`` stands for itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from ipaddress import IPv6Address
from typing import TypeVar
from urllib.parse import quote, unquote_to_bytes

from ._errors import EndpointError
from ._options import given_options, option_names, read_options
from ._shown import HIDDEN, is_secret, shown

T = TypeVar("T")

Query = tuple[tuple[str, str], ...]

MAX_PORT = 65_535

_SCHEME_PART = "[a-z][a-z0-9.-]*"
_SCHEME = re.compile(rf"{_SCHEME_PART}(\+{_SCHEME_PART})*")
_LIKE_A_SCHEME = re.compile(r"[A-Za-z0-9+.-]*://")
_ZONE = re.compile(r"[A-Za-z0-9._~-]+")
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_OPTION = re.compile(r"[?&]([^=&?]*)=([^&]*)")
_BARE_DEVICE = re.compile(r"(/dev/.+)")
_BARE_COM = re.compile(r"(?:\\\\\.\\)?(COM[0-9]+(?:\?.*)?)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, repr=False)
class Endpoint:
    """A carrier's address. Immutable; ``dataclasses.replace`` makes changed copies, such as one with the port bound.

    ``str()`` and ``repr()`` never show a secret: neither the password nor an option named as a secret.

    Attributes:
        scheme: Picks the carrier: ``tcp``, or ``fault+tcp`` where one carrier wraps another. Lower case.
        host: Host name, address (IPv6 without brackets, a zone after ``%``) or other name such as ``COM3``, in the case
            it was written in. Empty where there is none.
        port: 0 to 65535, or ``None`` where there is none.
        path: Empty, or starts with ``/``.
        query: The options, in the order written.
        user: The user's name, or ``None`` where there is none.
        password: The password in clear, or ``None`` where there is none.

    Raises:
        EndpointError: A part breaks these rules, or has a character that does not print.

    >>> str(Endpoint.parse("tcp://joe:hunter2@[::1]:3000?timeout=5s"))
    'tcp://joe:***@[::1]:3000?timeout=5s'
    """

    scheme: str
    host: str = ""
    port: int | None = None
    path: str = ""
    query: Query = ()
    user: str | None = None
    password: str | None = None

    def __post_init__(self) -> None:
        if not _SCHEME.fullmatch(self.scheme):
            raise EndpointError(
                "a scheme is lower-case letters, digits, '.' and '-', with '+' between a wrapper and the rest"
            )
        if self.port is not None and not 0 <= self.port <= MAX_PORT:
            raise EndpointError(f"a port is a number from 0 to {MAX_PORT}")
        if self.path and not self.path.startswith("/"):
            raise EndpointError("a path starts with '/'")
        texts = (
            self.host,
            self.path,
            self.user or "",
            self.password or "",
            *(text for pair in self.query for text in pair),
        )
        if not all(text.isprintable() for text in texts):
            raise EndpointError("it has a control character, or another that does not print")

    @classmethod
    def parse(cls, text: str) -> Endpoint:
        r"""Return the endpoint that ``text`` describes.

        A serial port's own name, such as ``/dev/ttyUSB0``, ``COM3`` or ``\\.\COM10``, stands for ``serial://`` and it.

        Raises:
            EndpointError: The text is no endpoint; the message quotes it without its secrets.
        """
        if not isinstance(text, str):
            raise EndpointError(f"an endpoint is text such as tcp://127.0.0.1:3000, not {type(text).__name__}")
        try:
            return _parse(text)
        except EndpointError as exc:
            reason = str(exc)
        raise EndpointError(f"{shown(redacted(text), limit=200)} is no endpoint: {reason}")

    def __str__(self) -> str:
        return _printed(self, secrets=False)

    def __repr__(self) -> str:
        return f"Endpoint.parse({str(self)!r})"

    def url_with_secrets(self) -> str:
        """Return the URL in full, with its secrets: to connect with, never to show or to log."""
        return _printed(self, secrets=True)

    def unwrapped(self) -> Endpoint:
        """Return what this endpoint wraps: ``tcp://...`` of ``fault+tcp://...``.

        Raises:
            EndpointError: It wraps nothing.
        """
        inner = self.scheme.partition("+")[2]
        if not inner:
            raise EndpointError(f"{self} wraps no other carrier; write {self.scheme}+tcp://... or the like")
        return replace(self, scheme=inner)

    def options(self, cls: type[T]) -> T:
        """Return the query as an instance of the dataclass ``cls``; what is not given takes its default.

        For a carrier's own options: times and sizes are fields of type ``sigcore.Seconds`` and ``sigcore.Size``.

        Raises:
            EndpointError: An option is unknown, missing, repeated or malformed; the message names those there are.
        """
        from ._limits import LinkOptions

        return read_options(cls, self.query, where=str(self), also=option_names(LinkOptions))

    def take_options(self, cls: type[T]) -> tuple[T, Endpoint]:
        """Return the options that ``cls`` describes, and the endpoint without them; for a carrier that wraps another.

        Raises:
            EndpointError: One of these options is missing, repeated or malformed. Others are not looked at.
        """
        mine, rest = self._split(cls)
        return read_options(cls, mine, where=str(self)), rest

    def take_given(self, cls: type) -> tuple[dict[str, object], Endpoint]:
        """Return those options of ``cls`` that are really in the query, typed, and the endpoint without them.

        Raises:
            EndpointError: One of these options is repeated or malformed. Others are not looked at.
        """
        mine, rest = self._split(cls)
        return given_options(cls, mine, where=str(self)), rest

    def _split(self, cls: type) -> tuple[Query, Endpoint]:
        names = option_names(cls)
        mine = tuple(pair for pair in self.query if pair[0] in names)
        rest = tuple(pair for pair in self.query if pair[0] not in names)
        return mine, replace(self, query=rest)


def redacted(text: str) -> str:
    """Return ``text``, which need not be a well-formed endpoint, without what may be a secret."""
    # Up to the last "@": somebody may have forgotten to encode one, or a "/" or "?", in a password.
    at = text.rfind("@")
    scheme = _LIKE_A_SCHEME.match(text)
    spans = [(scheme.end() if scheme and scheme.end() <= at else 0, at)]
    spans += [option.span(2) for option in _OPTION.finditer(text) if is_secret(_readable(option[1]))]
    parts, done = [], 0
    for begin, end in sorted(spans):
        if end > done:
            parts += [text[done : max(begin, done)], HIDDEN]
            done = end
    return "".join([*parts, text[done:]])


def _readable(text: str) -> str:
    return unquote_to_bytes(text).decode("utf-8", "replace")


def _parse(text: str) -> Endpoint:
    """Return the endpoint; the errors give the reason alone and quote nothing of the text."""
    if " " in text or not text.isprintable():
        raise EndpointError("it has a space, a line break or another character that must be written as %20 or the like")
    if "#" in text:
        raise EndpointError(
            "'#' starts names of sigcore's own events, and options stand only in the query, after '?';"
            " a '#' that belongs to a password, a path or a value is written %23"
        )
    scheme, rest = _split_scheme(text)
    address, has_query, query = rest.partition("?")
    authority, slash, path = address.partition("/")
    if ":" in authority and "@" not in authority and "@" in path + query:
        raise EndpointError(
            "it is not clear whether a password ends at its '@'; a '/' or '?' in a password is written %2F or %3F,"
            " and an '@' in a path or a value %40"
        )
    userinfo, has_user, hostport = authority.rpartition("@")
    user, has_password, password = userinfo.partition(":")
    host, port = _split_hostport(hostport)
    return Endpoint(
        scheme=scheme,
        host=host,
        port=port,
        path=_decoded(slash + path),
        query=tuple(_option(part) for part in query.split("&")) if has_query and query else (),
        user=_decoded(user) if has_user else None,
        password=_decoded(password) if has_password else None,
    )


def _split_scheme(text: str) -> tuple[str, str]:
    device = _BARE_DEVICE.fullmatch(text) or _BARE_COM.fullmatch(text)
    if device:
        return "serial", device[1]
    scheme, separator, rest = text.partition("://")
    if not separator:
        raise EndpointError(_why_no_scheme(text))
    return scheme.lower(), rest


def _why_no_scheme(text: str) -> str:
    scheme, colon, rest = text.partition(":")
    if colon and _SCHEME.fullmatch(scheme.lower()) and not rest.isdecimal():
        return f"'//' must follow the scheme, as in {scheme.lower()}://..."
    return "it has no scheme, as in tcp://127.0.0.1:3000, unix:///run/sigcore.sock or serial:///dev/ttyUSB0"


def _split_hostport(text: str) -> tuple[str, int | None]:
    if text.startswith("["):
        host, closed, port = text[1:].partition("]")
        if not closed or (port and not port.startswith(":")):
            raise EndpointError("an IPv6 address stands in brackets, as in tcp://[::1]:3000")
        return _ipv6(host), _port(port[1:]) if port else None
    host, colon, port = text.partition(":")
    if ":" in port:
        raise EndpointError("it has more than one ':'; an IPv6 address stands in brackets, as in tcp://[::1]:3000")
    return _decoded(host), _port(port) if colon else None


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 5 and int(text) <= MAX_PORT):
        raise EndpointError(f"after the host's ':' comes a port, a number from 0 to {MAX_PORT}")
    return int(text)


def _ipv6(text: str) -> str:
    """Return the address with its zone, if any, after a bare ``%``; RFC 6874 writes that as ``%25``."""
    address, percent, zone = text.partition("%")
    if percent and zone != "25":
        zone = zone.removeprefix("25")
    if not _is_ipv6(address) or (percent and not _ZONE.fullmatch(zone)):
        raise EndpointError("what stands in the brackets is no IPv6 address, as in tcp://[::1]:3000")
    return address + percent + zone


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True


def _option(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    if not name:
        raise EndpointError("the query has an option without a name; it is written ?name=value&name=value")
    return _decoded(name), _decoded(value)


def _decoded(text: str) -> str:
    """Return ``text`` percent-decoded, once."""
    if _BAD_PERCENT.search(text):
        raise EndpointError("a '%' must be followed by two hexadecimal digits; '%' itself is written %25")
    try:
        return unquote_to_bytes(text).decode("utf-8")
    except UnicodeDecodeError:
        reason = "what is percent-encoded is not UTF-8"
    raise EndpointError(reason)  # outside the handler: the cause would quote the bytes, which may be a secret


def _printed(endpoint: Endpoint, *, secrets: bool) -> str:
    user, password, query = endpoint.user, endpoint.password, endpoint.query
    if not secrets:
        password = HIDDEN if password is not None else None
        query = tuple((name, HIDDEN if is_secret(name) else value) for name, value in query)
    parts = [endpoint.scheme, "://"]
    if user is not None or password is not None:
        parts += [quote(user or "", safe=""), *([":", quote(password, safe="*")] if password is not None else []), "@"]
    parts.append(_printed_host(endpoint.host))
    if endpoint.port is not None:
        parts.append(f":{endpoint.port}")
    parts.append(quote(endpoint.path, safe="/:!$&'()*+,;=~"))
    if query:
        parts += ["?", "&".join(f"{quote(name, safe='')}={quote(value, safe='/:!$()*+,;~')}" for name, value in query)]
    return "".join(parts)


def _printed_host(host: str) -> str:
    address, percent, zone = host.partition("%")
    if _is_ipv6(address) and (not percent or _ZONE.fullmatch(zone)):
        return f"[{address}%25{zone}]" if percent else f"[{address}]"
    return quote(host, safe="*")
