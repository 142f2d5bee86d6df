# SPDX-License-Identifier: MIT
"""What the tests' vectors have for fuzzing to start from."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from sigcore.protocol.frames import PREFACE, split_run
from tests.protocol.conversation import Line, read_conversation

GOLDEN = Path(__file__).parents[1] / "tests" / "protocol" / "golden"


@cache
def conversations() -> list[list[Line]]:
    """Return the golden conversations of links."""
    return [read_conversation(path.read_text(encoding="utf-8")) for path in sorted(GOLDEN.glob("*/*.hex"))]


def frames(lines: list[Line], *, to_client: bool) -> Iterator[tuple[int, int, bytes]]:
    """Give (kind, id, body) of each frame of a conversation that goes in one direction."""
    for line in lines:
        data = line.data.removeprefix(PREFACE)
        if line.to_client is to_client and len(data) >= 9 and len(data) == 9 + int.from_bytes(data[:4], "big"):
            yield from split_run(data)
