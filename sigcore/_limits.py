# SPDX-License-Identifier: MIT
"""The options that every link has, whatever its carrier: limits, codec and heartbeat."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TypedDict

from ._errors import EndpointError
from ._logging import get_logger
from ._options import UNLIMITED, Limit, NamePatterns, Seconds, Size

if TYPE_CHECKING:
    from ._endpoint import Endpoint

KIB = 1024
MIB = 1024 * KIB

_log = get_logger("sigcore.limits")


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkOptions:
    """What may be set for a link, as a router's keyword or in an endpoint's query (``?max_frame=64KiB``).

    The endpoint's query wins over the carrier's own default; a keyword and a query option that disagree are an
    error. Sizes are in bytes, times in seconds. 0 never means unlimited; ``None`` does, as a keyword, and ``none`` in
    a query, and only for what waits: ``event_queue``, ``unacknowledged`` and ``control_queue``.

    Attributes:
        codec: The codec that a client asks for; a server takes every codec it was given.
        max_frame: Longest frame body that this side accepts.
        credit: Event bytes that the other side may send ahead of what our listeners have consumed.
        event_queue: Event bytes that may wait for this link, or be kept while disconnected.
        unacknowledged: Bytes that may be written and not yet acknowledged.
        control_queue: Bytes of requests, replies and control that may wait for this link.
        max_requests: Requests that may be open at a time, each way.
        max_senders: Senders that the other side may register on this link.
        max_listeners: Listeners that the other side may register on this link.
        registrations: Senders, listeners and questions that the other side may come with in a second, with twice as
            many, and all that it may have, at once after a pause; beyond that it is held back.
        handshake_timeout: From the link's first moment to the end of its handshake.
        heartbeat: Silence after which the other side is asked for a sign of life.
        dead_after: Silence after which the link counts as lost.
        stall_budget: How long a reader at its ``event_queue`` limit may hold up others; a hundredth of the time in
            which it does not is given back. Without any left, its oldest events are dropped and it is told.
        grace: How long a link may be gone until its senders count as gone.
        session_timeout: How long a session is kept without a link; after that, a client that comes back begins anew.
        reconnect_delay: The longest that a client waits before it tries to connect again.
        ack_delay: How long an acknowledgement may wait for more to acknowledge; much to acknowledge never waits.
        write_size: About how many bytes are handed to the carrier at a time; what is urgent overtakes the rest.
        senders: The names of senders that the other side may register, in which ``*`` is any text; an option of a
            server's endpoint, not a keyword. Without it, any.
    """

    codec: str | None = None
    max_frame: Size = 1 * MIB
    credit: Size = 1 * MIB
    event_queue: Limit = 4 * MIB
    unacknowledged: Limit = 4 * MIB
    control_queue: Limit = 1 * MIB
    max_requests: int = 256
    max_senders: int = 1_000
    max_listeners: int = 1_000
    registrations: int = 1_000
    handshake_timeout: Seconds = 5.0
    heartbeat: Seconds = 10.0
    dead_after: Seconds = 30.0
    stall_budget: Seconds = 1.0
    grace: Seconds = 2.0
    session_timeout: Seconds = 120.0
    reconnect_delay: Seconds = 30.0
    ack_delay: Seconds = 0.02
    write_size: Size = 256 * KIB
    senders: NamePatterns | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLimits:
    """What a server bounds for all its links together; keywords of ``ServerRouter``, in bytes or a number of links.

    Attributes:
        session_memory: What sessions without a link may take; beyond it the one longest without a link is given up.
        keep_memory: What is kept of events for those who come late; beyond it the oldest goes.
        max_links: Links at a time; fewer where the system lets the process open fewer files, of which 64 are left.
        max_links_per_identity: Links at a time of one identity that was proven.
        max_pending: Links at a time whose handshake is not done; beyond it, the one that has taken longest gives way.
        max_pending_per_source: The same for those from one address of another machine; of IPv6, one network of 64 bits.
    """

    session_memory: Size = 256 * MIB
    keep_memory: Size = 64 * MIB
    max_links: int = 10_000
    max_links_per_identity: int = 256
    max_pending: int = 100
    max_pending_per_source: int = 16

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not value > 0:
                raise ValueError(f"{field.name} must be more than 0, found {value}")


KEYWORDS_ALONE = {
    "connect_timeout": "a keyword of ClientRouter, on the command line --connect-timeout",
    "name": "a keyword of a router, on the command line --name",
    "insecure": "a keyword of ServerRouter, on the command line --insecure",
    "codecs": "a keyword of ServerRouter",
    "session_memory": "a keyword of ServerRouter",
    "keep_memory": "a keyword of ServerRouter",
    "max_links": "a keyword of ServerRouter",
    "max_links_per_identity": "a keyword of ServerRouter",
    "max_pending": "a keyword of ServerRouter",
    "max_pending_per_source": "a keyword of ServerRouter",
    "slow_callback": "a keyword of a router",
}
"""What a router is told, and no endpoint: each name, and what it is."""


class LinkKeywords(TypedDict, total=False):
    """The options of ``LinkOptions`` as keywords of a router; ``None`` is unlimited."""

    max_frame: int
    credit: int
    event_queue: int | None
    unacknowledged: int | None
    control_queue: int | None
    max_requests: int
    max_senders: int
    max_listeners: int
    registrations: int
    handshake_timeout: float
    heartbeat: float
    dead_after: float
    stall_budget: float
    grace: float
    session_timeout: float
    reconnect_delay: float
    ack_delay: float
    write_size: int


MAY_BE_UNLIMITED = tuple(name for name, kind in LinkOptions.__annotations__.items() if kind == "Limit")
"""The options for which ``None`` stands: what waits for a link, in bytes."""


def read_keywords(keywords: Mapping[str, object]) -> dict[str, Any]:
    """Return the keywords of a router as fields of ``LinkOptions``, where unlimited is a number too.

    Raises:
        TypeError: One is none of ``LinkKeywords``, or its value is no number, and not a ``None`` that it may be.
    """
    return {name: _read_keyword(name, value) for name, value in keywords.items()}


def _read_keyword(name: str, value: object) -> object:
    known = list(LinkKeywords.__annotations__)
    if name == "senders":
        raise TypeError("senders is no keyword, but an option of one endpoint: tcp://127.0.0.1:3000?senders=thermo-*")
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"it takes: {', '.join(known)}"
        raise TypeError(f"a router takes no keyword {name!r}; {hint}")
    if value is None and name in MAY_BE_UNLIMITED:
        return UNLIMITED
    if not isinstance(value, (int, float)):
        none = "or None for unlimited" if name in MAY_BE_UNLIMITED else f"only {_all_of(MAY_BE_UNLIMITED)} may be None"
        raise TypeError(f"{name} must be a number, not {value!r}; {none}")
    return value


def warn_of_unlimited(where: str, options: Mapping[str, object]) -> None:
    """Log a warning if some of ``options``, which were given to what is named ``where``, are unlimited."""
    names = [name for name in MAY_BE_UNLIMITED if is_unlimited(options.get(name))]
    if names:
        _log.warning("%s: %s without a limit; what waits there may use up all memory", where, _all_of(names))


def is_unlimited(value: object) -> bool:
    """Whether the value of an option is that of ``None``."""
    return isinstance(value, int) and value >= UNLIMITED


def said(value: object) -> object:
    """Return the value of an option as a message has it."""
    return "none" if is_unlimited(value) else value


def about_0(name: str) -> str:
    """Return what a message about an option that is 0 has to add."""
    return f"0 never means unlimited{', none does' if name in MAY_BE_UNLIMITED else ''}"


def link_options(
    endpoint: Endpoint, defaults: Mapping[str, object], keywords: Mapping[str, object]
) -> tuple[LinkOptions, Endpoint]:
    """Return what holds for the links of an endpoint, and the endpoint with what is left for its carrier.

    Args:
        endpoint: The endpoint as the user gave it; its query wins.
        defaults: The carrier's own, which stand below the keywords.
        keywords: What was given to the router, as ``read_keywords`` returns it.

    Raises:
        EndpointError: A query option and a keyword disagree, or a value is out of its range.
    """
    given, rest = endpoint.take_given(LinkOptions)
    for name, value in keywords.items():
        if name in given and given[name] != value:
            raise EndpointError(
                f"{endpoint} says {name}={said(given[name])}, the keyword {name}= says {said(value)}; keep one of them"
            )
    options = LinkOptions(**{**defaults, **keywords, **given})  # type: ignore[arg-type]  # checked where each was read
    for name in LinkKeywords.__annotations__:
        if not getattr(options, name) > 0:
            raise EndpointError(f"{endpoint}: {name} must be more than 0 ({about_0(name)})")
    if options.dead_after <= options.heartbeat:
        raise EndpointError(
            f"{endpoint}: dead_after ({options.dead_after:g} s) must be more than heartbeat ({options.heartbeat:g} s), "
            "or nobody is asked for a sign of life before being taken for lost"
        )
    warn_of_unlimited(str(endpoint), {name: value for name, value in given.items() if name not in keywords})
    return options, rest


def _all_of(names: Sequence[str]) -> str:
    """Return names in one phrase: ``"a, b and c"``."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
