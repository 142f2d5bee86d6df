# SPDX-License-Identifier: MIT
"""Bytes that are garbled, lost or made up on their way: the same ones however the stream is cut into pieces."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

from ._fault_options import FaultOptions


class Damage:
    """Does to one direction of a link what ``corrupt``, ``drop`` and ``insert`` say.

    Args:
        options: How probable each is.
        seed: What the random numbers follow from.
    """

    def __init__(self, options: FaultOptions, seed: str) -> None:
        self._hits = {
            kind: _Hits(probability, f"{seed}/{kind}")
            for kind, probability in (("corrupt", options.corrupt), ("insert", options.insert), ("drop", options.drop))
            if probability
        }

    def __call__(self, data: bytes) -> bytes:
        """Return what becomes of ``data``, the next bytes of the stream; that may be nothing."""
        if not self._hits:
            return data
        hits = [(at, kind, value) for kind, found in self._hits.items() for at, value in found.within(len(data))]
        # From behind, so that what comes before stays in its place; where one byte is hit twice, it is dropped last.
        hits.sort(key=lambda hit: hit[0], reverse=True)
        out = bytearray(data)
        for at, kind, value in hits:
            if kind == "corrupt":
                out[at] ^= 1 << value % 8
            elif kind == "insert":
                out.insert(at + 1, value)
            else:
                del out[at]
        return bytes(out)


class _Hits:
    """The places in an endless stream that one kind of damage hits, each with a random byte."""

    def __init__(self, probability: float, seed: str) -> None:
        self._probability = probability
        self._random = random.Random(seed)  # noqa: S311  # faults to be repeated, no secret
        self._to_next = self._distance()

    def within(self, size: int) -> Iterator[tuple[int, int]]:
        """Give the hits within the next ``size`` bytes, and count those bytes as seen."""
        at = self._to_next
        while at < size:
            yield at, self._random.randrange(256)
            at += 1 + self._distance()
        self._to_next = at - size

    def _distance(self) -> int:
        """Return how many bytes are spared before the next hit: one random number for each hit, not for each byte."""
        if self._probability == 1:
            return 0
        return int(math.log1p(-self._random.random()) / math.log1p(-self._probability))
