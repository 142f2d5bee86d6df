# SPDX-License-Identifier: MIT
"""The inputs that are kept: for each target a text with one bytes literal a line, which can be read and compared."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

FOLDER = Path(__file__).with_name("corpus")

MOST_BYTES = 4096
"""Of all inputs that are kept for one target."""


def kept(name: str) -> list[bytes]:
    """Return the inputs that are kept for a target."""
    path = FOLDER / f"{name}.txt"
    if not path.exists():
        return []
    return [ast.literal_eval(line) for line in path.read_text(encoding="ascii").splitlines()]


def keep(name: str, inputs: Iterable[bytes]) -> None:
    """Keep these inputs for a target, in place of those before."""
    lines = [f"{data!r}\n" for data in sorted(inputs, key=lambda data: (len(data), data))]
    (FOLDER / f"{name}.txt").write_text("".join(lines), encoding="ascii", newline="\n")
