# SPDX-License-Identifier: MIT
"""What lines mean is reckoned in files without input and output or a clock."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[1] / "src" / "sig_lines"
PURE = [
    "checksum",
    "description",
    "happenings",
    "options",
    "questions",
    "reading",
    "splitting",
    "tables",
    "template",
    "translator",
    "values",
]


def imported_by(source: Path) -> set[str]:
    """Return the packages that a file imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(str(node.module).split(".")[0])
    return names


@pytest.mark.parametrize("name", PURE)
def test_what_lines_mean_is_reckoned_without_input_and_output_or_a_clock(name: str) -> None:
    found = imported_by(SOURCES / f"_{name}.py")
    assert not found & {"asyncio", "os", "select", "socket", "threading", "time", "logging"}


def test_the_package_itself_does_without_the_packages_of_any_medium() -> None:
    imports = {source.name: imported_by(source) for source in SOURCES.glob("*.py")}
    assert [name for name, found in imports.items() if found & {"serial", "sig_serial", "sig_tcp"}] == []
