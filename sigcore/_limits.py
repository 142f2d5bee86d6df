# SPDX-License-Identifier: MIT
"""The options that every link has, whatever its carrier: limits, codec and heartbeat."""

from __future__ import annotations

from dataclasses import dataclass

from ._options import Seconds, Size

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
        stall_timeout: How long a link at its ``event_queue`` limit may make no progress before it is closed.
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
    stall_timeout: Seconds = 1.0
