# SPDX-License-Identifier: MIT
"""The text form of an endpoint: split, join, redact. Pure text; what the parts mean is the endpoint's affair.

::

    scheme://user:password@host:port/path?option=value&option=value

Everything but the scheme may be absent. What stands percent-encoded is decoded once; a ``+`` stands for itself.
``urllib.parse.urlsplit`` is not used: it turns ``COM3`` into lower case, and lets malformed text pass.
"""

from __future__ import annotations

import re
from ipaddress import IPv6Address
from typing import NamedTuple
from urllib.parse import quote, unquote_to_bytes

from ._errors import EndpointError
from ._shown import HIDDEN, is_secret

MAX_PORT = 65_535

_SCHEME_PART = "[a-z][a-z0-9.-]*"
SCHEME = re.compile(rf"{_SCHEME_PART}(\+{_SCHEME_PART})*")
_LIKE_A_SCHEME = re.compile(r"[A-Za-z0-9+.-]*://")
_ZONE = re.compile(r"[A-Za-z0-9._~-]+")
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_OPTION = re.compile(r"[?&]([^=&?]*)=([^&]*)")
_BARE_DEVICE = re.compile(r"(/dev/.+)")
_BARE_COM = re.compile(r"(?:\\\\\.\\)?(COM[0-9]+(?:\?.*)?)", re.IGNORECASE)
USB = "+usb"
"""Ends the schemes whose ``1a86:7523`` is vendor and product, hexadecimal, and no host with a port."""

Query = tuple[tuple[str, str], ...]


class UrlParts(NamedTuple):
    """A URL taken apart; nothing is percent-encoded here."""

    scheme: str
    host: str
    port: int | None
    path: str
    query: Query
    user: str | None
    password: str | None


def split_url(text: str) -> UrlParts:
    """Take a URL, or a serial port's own name, apart.

    Raises:
        EndpointError: The reason alone; it quotes nothing of the text, which may hold a secret.
    """
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
    host, port = (_decoded(hostport), None) if scheme.endswith(USB) else _split_hostport(hostport)
    return UrlParts(
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
    if colon and SCHEME.fullmatch(scheme.lower()) and not rest.isdecimal():
        return "'://' must follow the scheme, as in tcp://127.0.0.1:3000"
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


def join_url(parts: UrlParts) -> str:
    """Return the URL of ``parts``; ``split_url`` gives them back."""
    return "".join(
        [
            f"{parts.scheme}://",
            _joined_user(parts.user, parts.password),
            quote(parts.host, safe="*:") if parts.scheme.endswith(USB) else _joined_host(parts.host),
            "" if parts.port is None else f":{parts.port}",
            quote(parts.path, safe="/:!$&'()*+,;=~"),
            "?" if parts.query else "",
            "&".join(f"{quote(name, safe='')}={quote(value, safe='/:!$()*+,;~')}" for name, value in parts.query),
        ]
    )


def _joined_user(user: str | None, password: str | None) -> str:
    if user is None and password is None:
        return ""
    return quote(user or "", safe="") + ("" if password is None else f":{quote(password, safe='*')}") + "@"


def _joined_host(host: str) -> str:
    address, percent, zone = host.partition("%")
    if _is_ipv6(address) and (not percent or _ZONE.fullmatch(zone)):
        return f"[{address}%25{zone}]" if percent else f"[{address}]"
    return quote(host, safe="*")


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
    return unquote_to_bytes(text.encode("utf-8", "replace")).decode("utf-8", "replace")
