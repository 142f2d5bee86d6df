# SPDX-License-Identifier: MIT
"""The options that every link has, whatever its carrier: limits, codec and heartbeat."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

from ._errors import EndpointError
from ._options import Seconds, Size

if TYPE_CHECKING:
    from ._endpoint import Endpoint

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkOptions:
    """What may be set for a link, as a router's keyword or in an endpoint's query (``?max_frame=64KiB``).

    The endpoint's query wins over the carrier's own default; a keyword and a query option that disagree are an
    error. Sizes are in bytes, times in seconds. 0 never means unlimited.

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
        handshake_timeout: From the link's first moment to the end of its handshake.
        heartbeat: Silence after which the other side is asked for a sign of life.
        dead_after: Silence after which the link counts as lost.
        stall_budget: How long a reader at its ``event_queue`` limit may hold up others; a hundredth of the time in
            which it does not is given back. Without any left, its oldest events are dropped and it is told.
        grace: How long a link may be gone until its senders count as gone.
        session_timeout: How long a session is kept without a link; after that, a client that comes back begins anew.
        reconnect_delay: The longest that a client waits before it tries to connect again.
    """

    codec: str | None = None
    max_frame: Size = 1 * MIB
    credit: Size = 1 * MIB
    event_queue: Size = 4 * MIB
    unacknowledged: Size = 4 * MIB
    control_queue: Size = 1 * MIB
    max_requests: int = 256
    max_senders: int = 1_000
    max_listeners: int = 1_000
    handshake_timeout: Seconds = 5.0
    heartbeat: Seconds = 10.0
    dead_after: Seconds = 30.0
    stall_budget: Seconds = 1.0
    grace: Seconds = 2.0
    session_timeout: Seconds = 120.0
    reconnect_delay: Seconds = 30.0


class LinkKeywords(TypedDict, total=False):
    """The options of ``LinkOptions`` as keywords of a router."""

    max_frame: int
    credit: int
    event_queue: int
    unacknowledged: int
    control_queue: int
    max_requests: int
    max_senders: int
    max_listeners: int
    handshake_timeout: float
    heartbeat: float
    dead_after: float
    stall_budget: float
    grace: float
    session_timeout: float
    reconnect_delay: float


def check_keywords(keywords: Mapping[str, object]) -> None:
    """Raise ``TypeError`` for a keyword of a router that is none of ``LinkKeywords``."""
    known = list(LinkKeywords.__annotations__)
    for name in keywords:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"it takes: {', '.join(known)}"
            raise TypeError(f"a router takes no keyword {name!r}; {hint}")


def link_options(
    endpoint: Endpoint, defaults: Mapping[str, object], keywords: Mapping[str, object]
) -> tuple[LinkOptions, Endpoint]:
    """Return what holds for the links of an endpoint, and the endpoint with what is left for its carrier.

    Args:
        endpoint: The endpoint as the user gave it; its query wins.
        defaults: The carrier's own, which stand below the keywords.
        keywords: What was given to the router.

    Raises:
        EndpointError: A query option and a keyword disagree, or a value is out of its range.
    """
    given, rest = endpoint.take_given(LinkOptions)
    for name, value in keywords.items():
        if name in given and given[name] != value:
            raise EndpointError(
                f"{endpoint} says {name}={given[name]}, the keyword {name}= says {value}; keep one of them"
            )
    options = LinkOptions(**{**defaults, **keywords, **given})  # type: ignore[arg-type]  # checked where each was read
    for name in LinkKeywords.__annotations__:
        if not getattr(options, name) > 0:
            raise EndpointError(f"{endpoint}: {name} must be more than 0 (0 never means unlimited)")
    if options.dead_after <= options.heartbeat:
        raise EndpointError(
            f"{endpoint}: dead_after ({options.dead_after:g} s) must be more than heartbeat ({options.heartbeat:g} s), "
            "or nobody is asked for a sign of life before being taken for lost"
        )
    return options, rest
