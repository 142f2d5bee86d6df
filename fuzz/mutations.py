# SPDX-License-Identifier: MIT
"""Inputs that nearly are what they should be: cut, joined, repeated, with bits turned and words put in."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

_EDGES = (0, 1, 0x7F, 0x80, 0xF0, 0xFF)


def mutated(random: Random, inputs: Sequence[bytes], words: Sequence[bytes], max_len: int) -> bytes:
    """Return one of ``inputs``, changed in one to four places."""
    data = random.choice(inputs)
    for _ in range(random.randint(1, 4)):
        data = _changed(random, data, inputs, words)
    return data[:max_len]


def _changed(random: Random, data: bytes, inputs: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    begin, end = sorted((random.randint(0, len(data)), random.randint(0, len(data))))
    match random.randrange(7):
        case 0:
            return data[:begin] + data[end:]
        case 1:
            return data[:end] + data[begin:]
        case 2:
            return data[:begin] + random.choice(inputs)[begin:]
        case 3:
            return data[:begin] + random.choice(words) + data[begin:]
        case 4:
            return data[:begin] + random.choice(words) + data[end:]
        case 5:
            return data[:begin] + bytes([random.choice(_EDGES)]) + data[begin + 1 :]
        case _:
            turned = bytes([data[begin] ^ 1 << random.randrange(8)]) if begin < len(data) else b"\x00"
            return data[:begin] + turned + data[begin + 1 :]
