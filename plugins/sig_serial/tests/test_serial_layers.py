# SPDX-License-Identifier: MIT
"""What the line does is reckoned in files without input and output, and two files know the serial library."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCES = sorted((Path(__file__).parents[1] / "src" / "sig_serial").glob("*.py"))


def imported_by(source: Path) -> set[str]:
    """Return the packages that a file imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(str(node.module).split(".")[0])
    return names


PURE = [
    *("_framing", "_packet", "_deframer", "_counters", "_tables", "_link", "_stream"),
    *("_sending", "_receiving", "_acking", "_round_trip", "_fragment_size", "_pace"),
    *("_virtual_line", "_line_faults", "_rfc2217"),
    *("_line_check", "_prober", "_tally", "_quality", "_line_reader", "_reassembly"),
]


@pytest.mark.parametrize("name", PURE)
def test_the_line_is_reckoned_without_input_and_output_or_a_clock(name: str) -> None:
    source = next(source for source in SOURCES if source.stem == name)
    assert not imported_by(source) & {"asyncio", "os", "select", "serial", "socket", "termios", "threading", "time"}


def test_the_serial_library_is_imported_where_ports_are_listed_and_where_they_are_opened() -> None:
    assert [source.stem for source in SOURCES if "serial" in imported_by(source)] == ["_devices", "_tty"]
