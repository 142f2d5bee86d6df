# SPDX-License-Identifier: MIT
"""Puts the stream of one direction of a link together for who only reads along: from DATA packets as they are seen.

A link drops what does not fit; who reads along has to live with what was missed, and cannot ask for it again.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

MODULUS: Final = 1 << 24
"""Offsets count the bytes of a stream, of which the wire carries 24 bits."""

MOST_AHEAD_BYTES: Final = 16 * 1024
"""With more than this waiting behind a hole, twice the usual window, what is missing will not come any more."""

_TAGS_REMEMBERED = 16
"""Tags of earlier links, whose packets a driver may bring late."""


@dataclass(frozen=True, slots=True)
class Piece:
    """The next bytes of a stream.

    Attributes:
        data: They themselves.
        begins: Whether they are the first of a new stream.
        after_loss: Whether bytes before them were missed.
    """

    data: bytes
    begins: bool = False
    after_loss: bool = False


class Reassembly:
    """Takes DATA packets of one direction in any order, and gives the stream."""

    def __init__(self) -> None:
        self._tag: int | None = None
        self._earlier: deque[int] = deque(maxlen=_TAGS_REMEMBERED)
        self._next = 0
        self._ahead: dict[int, bytes] = {}
        self._begins = self._after_loss = False

    def take(self, tag: int, offset: int, data: bytes) -> list[Piece]:
        """Take the body of a DATA packet; return what is in order by now.

        Args:
            tag: The packet's tag: a new one is a new link.
            offset: Where in the stream its bytes begin, modulo 2**24.
            data: The bytes.
        """
        if tag in self._earlier:
            return []
        if tag != self._tag:
            self._begin(tag, offset)
        self._keep(offset, data)
        pieces = self._in_order()
        if sum(map(len, self._ahead.values())) > MOST_AHEAD_BYTES:
            self._skip_the_hole()
            pieces += self._in_order()
        return pieces

    def _begin(self, tag: int, offset: int) -> None:
        if self._tag is not None:
            self._earlier.append(self._tag)
        self._tag = tag
        self._ahead.clear()
        is_first = offset <= MOST_AHEAD_BYTES  # the very first may come later, or again
        self._next = 0 if is_first else offset
        self._begins, self._after_loss = is_first, not is_first

    def _keep(self, offset: int, data: bytes) -> None:
        known = (self._next - offset) % MODULUS
        if known < MODULUS // 2:
            offset, data = self._next, data[known:]
        if len(data) > len(self._ahead.get(offset, b"")):
            self._ahead[offset] = data

    def _in_order(self) -> list[Piece]:
        pieces = []
        while (data := self._due()) is not None:
            pieces.append(Piece(data, self._begins, self._after_loss))
            self._begins = self._after_loss = False
            self._next = (self._next + len(data)) % MODULUS
        return pieces

    def _due(self) -> bytes | None:
        """Take out the bytes that begin where the stream is, also of a packet that begins earlier."""
        for offset in list(self._ahead):
            known = (self._next - offset) % MODULUS
            if known >= MODULUS // 2:
                continue
            data = self._ahead.pop(offset)[known:]
            if data:
                return data
        return None

    def _skip_the_hole(self) -> None:
        self._next = min(self._ahead, key=lambda offset: (offset - self._next) % MODULUS)
        self._begins, self._after_loss = False, True
