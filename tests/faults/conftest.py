# SPDX-License-Identifier: MIT
"""A stage for each test, and dice that can be thrown again."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .stage import Stage

IS_LONG = os.environ.get("SIGCORE_LONG_TESTS") == "1"
LONGEST_S = 3_600


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the long form its time, and say why there are no such tests where a process cannot be held still."""
    for item in items:
        if Path(__file__).parent not in item.path.parents:
            continue
        if IS_LONG:
            item.add_marker(pytest.mark.timeout(LONGEST_S))
        if sys.platform == "win32":
            item.add_marker(pytest.mark.skip(reason="Windows cannot stop a process and go on"))


@pytest.fixture
def stage(tmp_path: Path, nothing_left: None) -> Iterator[Stage]:
    """The processes of the test."""
    with Stage(tmp_path) as made:
        yield made


@pytest.fixture
def dice() -> random.Random:
    """What is random in a test; the seed is shown when it fails."""
    seed = int(os.environ.get("SIGCORE_SEED") or random.SystemRandom().randrange(1_000_000))
    print(f"repeat this run with SIGCORE_SEED={seed}")
    return random.Random(seed)


@pytest.fixture(scope="session")
def is_long() -> bool:
    """Whether the long form was asked for."""
    return IS_LONG
