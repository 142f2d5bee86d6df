# SPDX-License-Identifier: MIT
"""What the session above a line does by default: less at a time than on a network, and slower on a slow line."""

from __future__ import annotations

from typing import Final

KIB: Final = 1024

ACK_BYTES: Final = 2880
"""An acknowledgement of the session and its packet take 1 % of that."""

MOST_ACK_DELAY_S: Final = 3.0

DEAD_BYTES: Final = 12 * 275
"""So much, 12 of the longest packets, may be under way before an answer is, and again before it has come."""


def link_defaults(byte_s: float) -> dict[str, object]:
    """Return the defaults for ``sigcore.LinkOptions`` on a line on which a byte takes ``byte_s`` seconds."""
    dead_after_s = max(5.0, DEAD_BYTES * byte_s)
    return {
        "max_frame": 4 * KIB,
        "credit": 16 * KIB,
        "event_queue": 64 * KIB,
        "unacknowledged": 64 * KIB,
        "control_queue": 16 * KIB,
        "heartbeat": dead_after_s / 5,
        "dead_after": dead_after_s,
        "reconnect_delay": 1.0,
        "ack_delay": round(min(max(0.25, ACK_BYTES * byte_s), MOST_ACK_DELAY_S), 3),
        "write_size": 128,
    }
