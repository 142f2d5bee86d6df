# SPDX-License-Identifier: MIT
"""Checksums that devices put at the end of their lines."""

from __future__ import annotations

from functools import reduce
from operator import xor


def nmea_payload(line: str) -> str:
    """Return an NMEA 0183 sentence without its checksum, once that is found to be right.

    Source: NMEA 0183; the checksum is the exclusive-or of what stands between ``$`` (or ``!``) and ``*``, as two
    hexadecimal digits.

    Raises:
        ValueError: It is no sentence, has no checksum, or a wrong one.

    >>> nmea_payload("$GPGLL,5057.970,N,00146.110,E,142451,A*27")
    '$GPGLL,5057.970,N,00146.110,E,142451,A'
    """
    payload, star, digits = line.rstrip().rpartition("*")
    if not star or not payload.startswith(("$", "!")):
        raise ValueError("it is no NMEA sentence with a checksum, as in $GPGLL,...,A*27")
    expected = f"{reduce(xor, payload[1:].encode('latin-1', 'replace'), 0):02X}"
    if digits.upper() != expected:
        raise ValueError(f"its checksum is {digits[:8]!r} where {expected} is right")
    return payload
