# SPDX-License-Identifier: MIT
"""What the first bytes of a peer tell of what it speaks."""

from __future__ import annotations

ENOUGH_BYTES = 5

_HANDSHAKE, _ALERT = 0x16, 0x15  # the types of the records that a TLS connection begins with (RFC 8446, 5.1)
_TLS_MAJOR = 3
_SIGCORE = b"\x93SIG\n"  # docs/protocol.md, "How a link begins"
_HTTP = (b"GET ", b"POST", b"HEAD", b"PUT ", b"HTTP", b"OPTI", b"CONN", b"DELE", b"PATC")


def begins_tls(begin: bytes) -> bool:
    """Tell whether these may be the first bytes of somebody who speaks TLS; none at all may be."""
    return begin[:1] in (b"", bytes([_HANDSHAKE]), bytes([_ALERT])) and begin[1:2] in (b"", bytes([_TLS_MAJOR]))


def what_speaks(begin: bytes) -> str:
    """Return what a peer that speaks no TLS seems to speak instead.

    >>> what_speaks(b"GET /")
    'HTTP'
    """
    if begin and _SIGCORE.startswith(begin[: len(_SIGCORE)]):
        return "sigcore without TLS"
    if begin.startswith(_HTTP):
        return "HTTP"
    if begin.startswith(b"SSH-"):
        return "SSH"
    return "something else"
