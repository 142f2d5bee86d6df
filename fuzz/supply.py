# SPDX-License-Identifier: MIT
"""Choices from bytes: so that a mutated input is another course of events, and seldom nonsense."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

_FIRST_LONG = 0xF0
"""From this value on, the first byte of a length is its upper part, and another byte follows."""


class Supply:
    """Gives out the bytes of one input, from front to back; zeros when they are used up.

    Args:
        data: The input.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._pos = 0

    @property
    def is_empty(self) -> bool:
        """Whether everything was given out."""
        return self._pos >= len(self._data)

    def byte(self) -> int:
        """Return a number from 0 to 255."""
        self._pos += 1
        return self._data[self._pos - 1] if self._pos <= len(self._data) else 0

    def pick(self, choices: Sequence[T]) -> T:
        """Return one of at most 256 choices."""
        return choices[self.byte() % len(choices)]

    def block(self) -> bytes:
        """Return some bytes, 4 095 at most; ``block_of`` writes them."""
        length = self.byte()
        if length >= _FIRST_LONG:
            length = (length - _FIRST_LONG) << 8 | self.byte()
        return self.take(length)

    def take(self, length: int) -> bytes:
        """Return so many bytes, or all that are left."""
        found = self._data[self._pos : self._pos + length]
        self._pos += length
        return found

    def rest(self) -> bytes:
        """Return all that is left."""
        return self.take(len(self._data))

    def pieces(self) -> list[bytes]:
        """Return all that is left, cut at a few places, which its first bytes say."""
        cuts = sorted(self.byte() for _ in range(self.byte() % 4))
        rest, edges = self.rest(), [0, *cuts]
        return [*(rest[begin:end] for begin, end in zip(edges, cuts, strict=False)), rest[edges[-1] :]]


WHOLE = b"\x00"
"""Before what ``pieces`` is to leave in one piece."""


def block_of(data: bytes) -> bytes:
    """Return what ``block`` reads as ``data``.

    Raises:
        ValueError: It is too long.
    """
    if len(data) < _FIRST_LONG:
        return bytes([len(data)]) + data
    if len(data) > 0xFFF:
        raise ValueError(f"a block has at most 4095 bytes, not {len(data)}")
    return bytes([_FIRST_LONG | len(data) >> 8, len(data) & 0xFF]) + data
