# SPDX-License-Identifier: MIT
"""What a bad line does to bytes, made anew the same way from a seed; pure, and cheap where faults are rare."""

from __future__ import annotations

import math
from dataclasses import InitVar, dataclass, field
from random import Random

_SURE = 1 - 1e-12
"""The chance that stands for 1, whose logarithm there is not."""


class _Hits:
    """Which of the units that go by are hit, each with the same chance and on its own.

    What is drawn is the distance to the next hit, and not a number for each unit: a million bits with two errors cost
    three draws. The distance is kept in units of hazard, so that the chance may change at any time.
    """

    __slots__ = ("_distance", "_random")

    def __init__(self, seed: str) -> None:
        self._random = Random(seed)  # noqa: S311  # faults to be repeated, no secret
        self._distance = self._random.expovariate(1)

    def among(self, units: int, chance: float) -> list[int]:
        """The places of those hit among the next ``units``, in order."""
        if chance <= 0:
            return []
        hazard = -math.log1p(-min(chance, _SURE))
        places: list[int] = []
        while (place := int(self._distance / hazard)) < units:
            places.append(place)
            self._distance = (place + 1) * hazard + self._random.expovariate(1)
        self._distance -= units * hazard
        return places


@dataclass(slots=True)
class LineFaults:
    """Changes, drops and adds bytes as a bad line does; call it with bytes, and it gives those that arrive.

    The same seed and bytes give the same faults, however the bytes are cut into calls (but for ``lose_call``). All
    chances may be changed at any time. One object is for one direction of a line.

    Args:
        seed: Any number; other seeds, other faults.
        ber: Bit error rate: the chance of each bit to be flipped.
        drop: The chance of each byte to be lost.
        insert: The chance of a random byte after each byte.
        burst: The chance of each byte to be the first of a burst of noise, which replaces what was sent.
        burst_bytes: How long a burst is.
        duplicate: The chance after each byte that what went before it comes again, as some USB drivers do it.
        duplicate_bytes: How much comes again.
        lose_call: The chance that all bytes of one call are lost.

    Attributes:
        hits: How many faults there were, of all kinds.

    Raises:
        ValueError: A chance is not within 0 to 1, or a number of bytes is less than 1.

    >>> noisy = LineFaults(seed=2, ber=0.02)
    >>> noisy(bytes(8)).hex(), noisy.hits
    ('8000000400280000', 4)
    """

    seed: InitVar[int] = 0
    ber: float = field(default=0.0, kw_only=True)
    drop: float = field(default=0.0, kw_only=True)
    insert: float = field(default=0.0, kw_only=True)
    burst: float = field(default=0.0, kw_only=True)
    burst_bytes: int = field(default=64, kw_only=True)
    duplicate: float = field(default=0.0, kw_only=True)
    duplicate_bytes: int = field(default=448, kw_only=True)
    lose_call: float = field(default=0.0, kw_only=True)
    hits: int = field(default=0, init=False)
    _by_kind: dict[str, _Hits] = field(init=False, repr=False)
    _noise: Random = field(init=False, repr=False)
    _added: Random = field(init=False, repr=False)
    _burst_left: int = field(default=0, init=False, repr=False)
    _recent: bytes = field(default=b"", init=False, repr=False)

    def __post_init__(self, seed: int) -> None:
        for name in (kinds := ("ber", "drop", "insert", "burst", "duplicate", "lose_call")):
            if not 0 <= (chance := getattr(self, name)) <= 1:
                raise ValueError(f"{name} is a chance, from 0 to 1; it is {chance!r}")
        for name in ("burst_bytes", "duplicate_bytes"):
            if (size := getattr(self, name)) < 1:
                raise ValueError(f"{name} is a number of bytes, at least 1; it is {size!r}")
        self._by_kind = {kind: _Hits(f"{seed} {kind}") for kind in kinds}
        self._noise = Random(f"{seed} noise")  # noqa: S311  # faults to be repeated, no secret
        self._added = Random(f"{seed} added")  # noqa: S311  # faults to be repeated, no secret

    def __call__(self, data: bytes) -> bytes:
        """Give what arrives where ``data`` was sent; maybe less, maybe more, maybe nothing."""
        if self._places("lose_call", 1, self.lose_call):
            return b""
        arriving = bytearray(data)
        self._burst(arriving)
        self._drop(arriving)
        self._flip(arriving)
        self._insert(arriving)
        self._duplicate(arriving)
        return bytes(arriving)

    def _places(self, kind: str, units: int, chance: float) -> list[int]:
        places = self._by_kind[kind].among(units, chance)
        self.hits += len(places)
        return places

    def _burst(self, data: bytearray) -> None:
        noisy_to = self._burst_left
        at = 0
        for start in [*self._places("burst", len(data), self.burst), len(data)]:
            for place in range(at, min(noisy_to, start)):
                data[place] = self._noise.getrandbits(8)
            at = start
            if start < len(data):
                noisy_to = start + self.burst_bytes
        self._burst_left = max(0, noisy_to - len(data))

    def _drop(self, data: bytearray) -> None:
        for place in reversed(self._places("drop", len(data), self.drop)):
            del data[place]

    def _flip(self, data: bytearray) -> None:
        for place in self._places("ber", 8 * len(data), self.ber):
            data[place // 8] ^= 1 << place % 8

    def _insert(self, data: bytearray) -> None:
        for earlier, place in enumerate(self._places("insert", len(data), self.insert)):
            data.insert(place + 1 + earlier, self._added.getrandbits(8))

    def _duplicate(self, data: bytearray) -> None:
        past = self._recent + data
        for place in reversed(self._places("duplicate", len(data), self.duplicate)):
            end = len(self._recent) + place + 1
            data[place + 1 : place + 1] = past[max(0, end - self.duplicate_bytes) : end]
        self._recent = past[-self.duplicate_bytes :]
