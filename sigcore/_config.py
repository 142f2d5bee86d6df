# SPDX-License-Identifier: MIT
"""A server from a configuration file in TOML.

The keys are the arguments of ``ServerRouter``; ``sigcore.schema.json``, beside this file, describes them for editors.
Everything that is wrong with a file is told at once.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

from ._access_config import KEYS, read_rules
from ._access_rule import Rule
from ._config_table import Problems, Table, nearest, said_of
from ._endpoint import Endpoint
from ._errors import EndpointError
from ._identity import Identity
from ._identity_config import read_identities
from ._limits import LinkKeywords, LinkOptions, ServerLimits, about_0, said
from ._options import format_limit, format_seconds, format_size, option_names, read_number
from ._shown import shown

LOG_LEVELS = ("debug", "info", "warning", "error")
"""From all to least."""

AUTHENTICATION = ("identities", "anonymous", "plugins")
"""The keys that say who may come."""

KNOWN = {
    "": (
        "name",
        "insecure",
        "codecs",
        "endpoints",
        *option_names(ServerLimits),
        "limits",
        "logging",
        "audit",
        "rules",
        *AUTHENTICATION,
    ),
    "endpoints": ("url", "options"),
    "limits": tuple(LinkKeywords.__annotations__),
    "logging": ("level",),
    "rules": KEYS,
}
"""The keys of each table; ``""`` is the file itself."""


_AN_IDENTITY = "a table of tables, as in [identities.thermo-7]"


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """What a configuration file says about a server.

    Attributes:
        endpoints: Where to listen, as URLs with all their options, secrets in clear; not in the ``repr``.
        codecs: Names of the codecs that clients may choose; ``None`` for all that are installed.
        name: What the server calls itself; ``None`` for host name and process number.
        insecure: Whether to listen where other machines can connect without authentication.
        bounds: Fields of ``ServerLimits``, where the file says them.
        limits: Fields of ``LinkOptions``, for every endpoint.
        log_level: ``debug``, ``info``, ``warning`` or ``error``, for a program that sets up logging, as ``sig serve``
            does; ``None`` where the file does not say.
        rules: Who may do what; none of them lets everybody do everything.
        audit: Whether what the rules deny is only logged and counted.
        identities: Who may come; where their secrets are, not these.
        anonymous: Whether those may come who do not say who they are; ``None`` as for ``ServerRouter``.
        plugins: Names of plug-ins to use.
    """

    endpoints: tuple[str, ...] = field(repr=False)
    codecs: tuple[str, ...] | None = None
    name: str | None = None
    insecure: bool = False
    bounds: Mapping[str, int] = field(default_factory=dict)
    limits: LinkKeywords = field(default_factory=LinkKeywords)
    log_level: str | None = None
    rules: tuple[Rule, ...] = ()
    audit: bool = False
    identities: Mapping[str, Identity] = field(default_factory=dict)
    anonymous: bool | None = None
    plugins: tuple[str, ...] = ()

    def keywords(self) -> dict[str, Any]:
        """Return the arguments of ``ServerRouter`` that this stands for."""
        return {
            "endpoints": self.endpoints,
            "codecs": self.codecs,
            "name": self.name,
            "insecure": self.insecure,
            "rules": self.rules,
            "audit": self.audit,
            "identities": self.identities,
            "anonymous": self.anonymous,
            "plugins": self.plugins,
            **self.bounds,
            **self.limits,
        }


def load_config(path: str | os.PathLike[str]) -> ServerConfig:
    """Return what a configuration file says; carriers and codecs are looked for only when a server opens.

    Raises:
        ConfigError: The file is no TOML, has keys that nobody knows, or values that are none; each is told.
        OSError: The file cannot be read.
    """
    with open(path, "rb") as file:
        data = file.read()
    problems = Problems(os.fspath(path))
    try:
        text = data.decode("utf-8-sig")  # Windows editors put a mark first
        table = tomllib.loads(text)
    except ValueError as error:  # of TOML, of UTF-8, or of a number of thousands of digits
        problems.note("", f"it is no TOML: {error}")
        raise problems.error() from error
    problems.read_lines(text)
    config = _server(Table(table, "", KNOWN[""], problems), problems)
    if problems:
        raise problems.error()
    return config


def _server(table: Table, problems: Problems) -> ServerConfig:
    limits = _limits(table.table("limits", KNOWN["limits"]))
    return ServerConfig(
        endpoints=_endpoints(table, limits, problems),
        codecs=_codecs(table),
        name=table.text("name"),
        insecure=bool(table.get("insecure", bool, "true or false")),
        bounds=_bounds(table),
        limits=cast(LinkKeywords, limits),
        log_level=_log_level(table.table("logging", KNOWN["logging"])),
        identities=read_identities(table.get("identities", dict, _AN_IDENTITY) or {}, problems.note),
        anonymous=table.get("anonymous", bool, "true or false"),
        plugins=_plugins(table),
        rules=read_rules(table.get("rules", list, "tables, as in [[rules]]") or [], problems.note),
        audit=bool(table.get("audit", bool, "true or false")),
    )


def _codecs(table: Table) -> tuple[str, ...] | None:
    names = table.get("codecs", list, 'a list, as in ["json", "cbor"]')
    if names is None:
        return None
    if not names or not all(isinstance(name, str) and name for name in names):
        table.note("codecs", 'it must list at least one codec by its name, as in ["json", "cbor"]')
        return None
    return tuple(names)


def _plugins(table: Table) -> tuple[str, ...]:
    names = table.get("plugins", list, 'a list, as in ["ldap"]') or []
    if not all(isinstance(name, str) and name for name in names):
        table.note("plugins", 'it must list plug-ins by their names, as in ["ldap"]')
        return ()
    return tuple(names)


def _log_level(table: Table) -> str | None:
    level = table.text("level")
    if level and level not in LOG_LEVELS:
        table.note("level", f"{shown(level)} is no level; {nearest(level, LOG_LEVELS)}")
    return level


def _limits(table: Table) -> dict[str, float]:
    found = {key: _limit(table.note, key, value) for key, value in table.values.items() if key in KNOWN["limits"]}
    return {key: limit for key, limit in found.items() if limit is not None}


def _bounds(table: Table) -> dict[str, int]:
    given = {key: table.values[key] for key in option_names(ServerLimits) if key in table.values}
    found = {key: _limit(table.note, key, value, ServerLimits) for key, value in given.items()}
    return {key: int(size) for key, size in found.items() if size is not None}


def _limit(note: Callable[[str, str], None], key: str, value: object, options: type = LinkOptions) -> float | None:
    try:
        return _number(key, value, options)
    except ValueError as error:
        note(key, str(error))
        return None


def _number(key: str, value: object, options: type = LinkOptions) -> float:
    """Return the value of an option of every link that is a number; what is none is a ``ValueError`` that says so."""
    try:
        number = read_number(options, key, value)
    except ValueError as accepts:
        raise ValueError(f"it is {said_of(key, value)}; it must be {accepts}") from None
    if number <= 0:
        raise ValueError(f"it is {said_of(key, value)}; it must be more than 0 ({about_0(key)})")
    return number


def _endpoints(table: Table, limits: Mapping[str, float], problems: Problems) -> tuple[str, ...]:
    entries = table.get("endpoints", list, 'a list, as in ["tcp://127.0.0.1:3000"], or [[endpoints]] tables')
    if entries == [] or "endpoints" not in table.values:
        table.note("endpoints", 'there must be at least one, as in endpoints = ["tcp://127.0.0.1:3000"]')
    found = []
    for number, entry in enumerate(entries or ()):
        try:
            endpoint = _endpoint(entry, f"endpoints[{number}]", problems)
            _check_against(limits, endpoint)
            found.append(endpoint.url_with_secrets())
        except EndpointError as error:
            problems.note(f"endpoints[{number}]", str(error))
    return tuple(found)


def _endpoint(entry: object, path: str, problems: Problems) -> Endpoint:
    """Return an endpoint: a URL, or a table with the URL and its options."""
    if isinstance(entry, str):
        return Endpoint.parse(entry)
    if not isinstance(entry, dict):
        raise EndpointError(f"it is {said_of(path, entry)}; it must be a URL, or a table with url = and options =")
    table = Table(entry, path, KNOWN["endpoints"], problems)
    if "url" not in entry:
        raise EndpointError('it has no url; give one, as in url = "serial:///dev/ttyUSB0"')
    options = table.get("options", dict, "a table, as in options = { baudrate = 115200 }") or {}
    endpoint = Endpoint.parse(entry["url"])
    twice = sorted({name for name, _ in endpoint.query} & options.keys())
    if twice:
        raise EndpointError(f"{', '.join(twice)} stands in the URL and in options; keep one of them")
    query = tuple((name, _as_in_a_query(name, value)) for name, value in options.items())
    return replace(endpoint, query=endpoint.query + query)


def _as_in_a_query(name: str, value: object) -> str:
    """Return the value of an option as it stands in a URL; a link's own may be bare numbers of bytes or seconds."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, (dict, list)):
        return _structured(name, value)
    if not isinstance(value, (str, int, float)):
        kinds = "text, a number, true or false, a list or a table"
        raise EndpointError(f"the option {name!r} is {said_of(name, value)}; it must be {kinds}")
    if isinstance(value, str) or name not in option_names(LinkOptions):
        return str(value)
    try:
        return _with_unit(name, _number(name, value))
    except ValueError as error:
        raise EndpointError(f"the option {name!r}: {error}") from None


def _structured(name: str, value: object) -> str:
    """Return a list or a table as it stands in a URL: as JSON, which options of a carrier may take."""
    if name == "senders" and isinstance(value, list) and all(isinstance(pattern, str) for pattern in value):
        if divided := [pattern for pattern in value if "," in pattern]:
            raise EndpointError(f"the option 'senders' has {divided[0]!r}; a comma divides names, none can have one")
        return ",".join(value)
    if name in option_names(LinkOptions):
        kinds = "text, or a list of texts" if name == "senders" else "text, a number, true or false"
        raise EndpointError(f"the option {name!r} is {said_of(name, value)}; it must be {kinds}")
    try:
        return json.dumps(value, allow_nan=False, separators=(",", ":"))  # in ASCII: a URL has no control characters
    except (TypeError, ValueError):  # without its cause, which may quote a secret
        text = "has a date, a time, nan or inf in it; that must be text or a number"
    raise EndpointError(f"the option {name!r} {text}")


def _with_unit(name: str, value: float) -> str:
    kind = str(LinkOptions.__annotations__[name])
    if kind == "Limit":
        return format_limit(int(value))
    if kind == "Size":
        return format_size(int(value))
    return format_seconds(value) if kind == "Seconds" else str(value)


def _check_against(limits: Mapping[str, float], endpoint: Endpoint) -> None:
    """Raise ``EndpointError`` for an option of every link that is malformed, or disagrees with ``[limits]``."""
    given, _ = endpoint.take_given(LinkOptions)
    for name, value in given.items():
        if limits.get(name, value) != value:
            ours = said(limits[name])
            raise EndpointError(f"{endpoint} says {name}={said(value)}, [limits] says {ours}; keep one of them")
