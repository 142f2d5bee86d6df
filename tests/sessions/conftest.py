# SPDX-License-Identifier: MIT
"""No world outlives its test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .world import World


@pytest.fixture(autouse=True)
def _close_worlds() -> Iterator[None]:
    yield
    for world in list(World.all):
        world.close()
        assert world.failures == []
