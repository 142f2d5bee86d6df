# SPDX-License-Identifier: MIT
"""One world for each carrier, pair of codecs and form; no test here may leave anything behind."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from .forms import FORMS
from .worlds import CARRIERS, World, a_world

CODECS = ["json", "cbor"]
ALL_WORLDS = list(itertools.product(CARRIERS, itertools.product(CODECS, CODECS), FORMS))


@pytest.fixture(autouse=True)
def _nothing_left(nothing_left: None) -> None:
    """Every test here cleans up."""


def named(world: tuple[str, tuple[str, str], str]) -> str:
    carrier, codecs, form = world
    return f"{carrier}-{'-'.join(codecs)}-{form}"


@pytest.fixture(params=ALL_WORLDS, ids=named)
def world(request: pytest.FixtureRequest, tmp_path: Path, _nothing_left: None) -> Iterator[World]:
    carrier, codecs, form = request.param
    with a_world(carrier, codecs, form, tmp_path) as made:
        yield made
