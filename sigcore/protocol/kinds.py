# SPDX-License-Identifier: MIT
"""The kinds of frame (docs/protocol.md, "Frames")."""

from __future__ import annotations

from enum import IntEnum

VERSION = 1
"""The version of the wire."""


class Kind(IntEnum):
    """The kinds of frame. Those from 0x80 on are for extensions: a receiver skips what it does not know."""

    # link: uncounted, one slot each
    HELLO = 0x01
    WELCOME = 0x02
    PING = 0x03
    PONG = 0x04
    ACK = 0x05
    BYE = 0x06
    CHALLENGE = 0x07
    PROOF = 0x08
    # control lane: counted
    ADD_SENDER = 0x10
    LISTEN = 0x11
    UNLISTEN = 0x12
    QUERY = 0x13
    OK = 0x14
    ERROR = 0x15
    REQUEST = 0x16
    REPLY = 0x17
    CANCEL = 0x18
    NOTICE = 0x19
    PAD = 0x1A
    # event lane: counted, under credit
    TOPIC = 0x20
    EVENT = 0x21
    EVENT_META = 0x22
    PRESENCE = 0x23
    START = 0x24
    REMOVE_SENDER = 0x25
    GAP = 0x26
    SYNC = 0x27
    KEPT = 0x28


FIRST_CONTROL = 0x10
FIRST_EVENT_LANE = 0x20
FIRST_EXTENSION = 0x80
