# SPDX-License-Identifier: MIT
"""What a reader at another baud rate makes of bytes; pure."""

from __future__ import annotations

_LAST_SAMPLE = 9.5
"""Where a reader looks for the stop bit, in its own bits after the edge of the start bit."""


def as_heard_at(data: bytes, sent_baudrate: float, heard_baudrate: float) -> bytes:
    r"""Return the bytes that a reader at ``heard_baudrate`` takes ``data``, sent at ``sent_baudrate``, for.

    The reader looks at the middle of each of its own bits after a start bit, as a UART does, and keeps characters with
    a wrong stop bit, as drivers do by default. The line is idle before and after.

    >>> as_heard_at(b"U", 9600, 9600), as_heard_at(b"U", 9600, 115200)
    (b'U', b'\x00\x00\x00\x00\x00')
    """
    levels = _levels(data)
    bit = sent_baudrate / heard_baudrate
    heard = bytearray()
    at = 0.0
    while (start := _falling_edge(levels, at)) is not None:
        samples = [_level(levels, start + bit * (place + 1.5)) for place in range(8)]
        heard.append(sum(level << place for place, level in enumerate(samples)))
        at = start + bit * _LAST_SAMPLE
    return bytes(heard)


def _levels(data: bytes) -> list[int]:
    levels: list[int] = []
    for byte in data:
        levels += [0, *(byte >> place & 1 for place in range(8)), 1]
    return levels


def _level(levels: list[int], at: float) -> int:
    return levels[int(at)] if at < len(levels) else 1


def _falling_edge(levels: list[int], at: float) -> float | None:
    """Return when a start bit begins at or after ``at``; a line that is low by then must first go high."""
    was_high = at == 0 or _level(levels, at) == 1
    for place in range(int(at), len(levels)):
        if levels[place] == 0 and was_high:
            return max(at, float(place))
        was_high = levels[place] == 1
    return None
