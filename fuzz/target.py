# SPDX-License-Identifier: MIT
"""What a target is, and which there are: each is a module in ``fuzz.targets``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

NAMES = tuple(sorted(path.stem for path in Path(__file__).with_name("targets").glob("[a-z]*.py")))
"""Every target."""


@dataclass(frozen=True, slots=True)
class Target:
    """Something that takes input from others.

    Attributes:
        name: The name of its module.
        check: Takes one input; returns whether it was accepted. Whatever it raises is a defect: it catches what is
            documented, and asserts what must hold of the rest.
        seeds: Returns inputs to start from.
        words: What such input is made of: names of fields, magic bytes.
        max_len: The longest input worth trying, in bytes.
    """

    name: str
    check: Callable[[bytes], bool]
    seeds: Callable[[], Sequence[bytes]]
    words: Sequence[bytes]
    max_len: int


def load(name: str) -> Target:
    """Return a target; its module is imported now, since fuzzing must be prepared before.

    Raises:
        LookupError: There is none of that name.
    """
    if name not in NAMES:
        raise LookupError(f"there is no target {name!r}; there are: {', '.join(NAMES)}")
    module = import_module(f"fuzz.targets.{name}")
    return Target(name, module.check, module.seeds, module.WORDS, module.MAX_LEN)
