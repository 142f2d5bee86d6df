# SPDX-License-Identifier: MIT
"""docs/security.md names a test for each threat, and every test that it names is there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8").split("\n## Threat, defence, test\n")[1]
HEAD = ["threat", "what happens", "defence", "tests"]
NAMED = re.compile(r"`([^`]+)`")


def tables() -> list[list[str]]:
    """Return the cells of each row of the page's tables, heads and rules included."""
    lines = [line for line in PAGE.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


ROWS = [cells for cells in tables() if cells != HEAD and not set("".join(cells)) <= {"-", " "}]


def named_in(cell: str) -> Iterator[tuple[str, str]]:
    """Yield file and name of each test in a cell: names stand behind their file."""
    file = ""
    for name in NAMED.findall(cell):
        if name.endswith(".py"):
            file = name
        else:
            yield file, name


@cache
def functions_of(file: str) -> set[str]:
    """Return the names of all functions in a file of the checkout."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_row_has_a_name_of_its_own_and_all_its_cells() -> None:
    assert [cells for cells in ROWS if len(cells) != len(HEAD) or not all(cells)] == []
    names = [name for name, *_ in ROWS]
    assert len(names) == len(set(names)) > 40


@pytest.mark.parametrize("cells", ROWS, ids=[cells[0] for cells in ROWS])
def test_every_threat_has_a_test_and_every_test_is_where_the_page_says(cells: list[str]) -> None:
    named = list(named_in(cells[3]))
    assert named
    assert [(file, name) for file, name in named if name not in functions_of(file)] == []
    assert all(name.startswith("test_") for _, name in named)
